//! What the configuration says.

use serde::Deserialize;
use std::time::Duration;
use wasmill_plugin::settings::duration;

/// The plugin's settings.
#[derive(Debug, Deserialize)]
#[serde(default, deny_unknown_fields, rename_all = "kebab-case")]
pub struct Settings {
    /// Whether an order takes what is not there.
    pub allow_negative: bool,
    /// A stock that falls below this is low.
    pub low: u32,
    /// How long an order is known.
    #[serde(deserialize_with = "duration")]
    pub remember: Duration,
}

impl Default for Settings {
    fn default() -> Self {
        Settings { allow_negative: false, low: 0, remember: Duration::from_secs(7 * 86_400) }
    }
}

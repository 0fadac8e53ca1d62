//! What the configuration says.

use serde::Deserialize;
use std::time::Duration;

/// The plugin's settings.
#[derive(Debug, PartialEq, Eq, Deserialize)]
#[serde(default, deny_unknown_fields, rename_all = "kebab-case")]
pub struct Settings {
    /// How long a transaction waits for a client that is not known yet.
    #[serde(deserialize_with = "wasmill_plugin::settings::duration")]
    pub wait: Duration,
    /// The subject of each email.
    pub subject: String,
}

impl Default for Settings {
    fn default() -> Self {
        Settings { wait: Duration::from_secs(600), subject: "Your bill".into() }
    }
}

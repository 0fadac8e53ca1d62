//! What the configuration says.

use serde::Deserialize;
use std::time::Duration;
use wasmill_plugin::settings::duration;

/// The plugin's settings.
#[derive(Debug, Deserialize)]
#[serde(default, deny_unknown_fields, rename_all = "kebab-case")]
pub struct Settings {
    /// How long after the order a delivery is dispatched.
    #[serde(deserialize_with = "duration")]
    pub dispatch_after: Duration,
    /// How long after its dispatch one that has not arrived is delayed.
    #[serde(deserialize_with = "duration")]
    pub delayed_after: Duration,
    /// How long a delivery is kept after its last change.
    #[serde(deserialize_with = "duration")]
    pub keep: Duration,
}

const HOUR: Duration = Duration::from_secs(3600);

impl Default for Settings {
    fn default() -> Self {
        Settings { dispatch_after: HOUR, delayed_after: 48 * HOUR, keep: 720 * HOUR }
    }
}

impl Settings {
    /// What makes no sense.
    pub(crate) fn problem(&self) -> Option<&'static str> {
        let open = self.dispatch_after.max(self.delayed_after);
        (self.keep <= open).then_some(
            "setting `keep` must be longer than `dispatch-after` and `delayed-after`: one that is forgotten before is neither \
             dispatched nor delayed",
        )
    }
}

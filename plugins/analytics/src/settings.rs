//! What the configuration says.

use serde::Deserialize;
use std::time::Duration;
use wasmill_plugin::settings::duration;

/// More of the latest orders than this are a topic's matter, not a dashboard's.
const MOST_LATEST: u32 = 1000;

/// The plugin's settings.
#[derive(Debug, Deserialize)]
#[serde(default, deny_unknown_fields, rename_all = "kebab-case")]
pub struct Settings {
    /// How many of the latest orders are kept.
    pub latest: u32,
    /// How long a minute is kept after its end.
    #[serde(deserialize_with = "duration")]
    pub keep: Duration,
    /// Which rows are sent.
    pub emit: Emit,
}

/// Which rows are sent.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Emit {
    /// The last state of each that has changed, with each commit.
    #[default]
    Commit,
    /// All that an order changes, with each order.
    Event,
}

impl Default for Settings {
    fn default() -> Self {
        Settings { latest: 10, keep: Duration::from_secs(3600), emit: Emit::default() }
    }
}

impl Settings {
    /// What makes no sense.
    pub(crate) fn problem(&self) -> Option<String> {
        (self.latest > MOST_LATEST)
            .then(|| format!("setting `latest`: {} orders, and {MOST_LATEST} are the most", self.latest))
    }
}

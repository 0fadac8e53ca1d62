//! What the configuration says.

use serde::Deserialize;
use std::time::Duration;

/// The shortest time between two cycles that run by themselves: a shorter one would be no cycle but `at-once`, dearly.
const SHORTEST: Duration = Duration::from_secs(1);

/// The plugin's settings.
#[derive(Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(default, deny_unknown_fields, rename_all = "kebab-case")]
pub struct Settings {
    /// When an approved transaction is billed.
    pub bill: Bill,
    /// A cycle runs by itself at each multiple of this time. None: only the signal runs one.
    #[serde(deserialize_with = "wasmill_plugin::settings::duration")]
    pub every: Option<Duration>,
}

/// When an approved transaction is billed.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Bill {
    /// With its approval.
    #[default]
    AtOnce,
    /// In the next billing cycle.
    ByCycle,
}

impl Settings {
    /// What makes no sense.
    pub(crate) fn problem(&self) -> Option<&'static str> {
        match (self.bill, self.every) {
            (_, None) => None,
            (Bill::AtOnce, Some(_)) => Some("setting `every` is for `bill = \"by-cycle\"`: at-once leaves it nothing"),
            (Bill::ByCycle, Some(every)) if every < SHORTEST => Some("setting `every`: 1 s is the least"),
            (Bill::ByCycle, Some(_)) => None,
        }
    }
}

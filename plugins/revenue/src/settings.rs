//! What the configuration says.

use serde::Deserialize;
use std::time::Duration;
use wasmill_plugin::settings::duration;

/// The plugin's settings.
#[derive(Debug, Deserialize)]
#[serde(default, deny_unknown_fields, rename_all = "kebab-case")]
pub struct Settings {
    /// The field whose value names the group.
    pub group_by: String,
    /// The field that is added up.
    pub amount: String,
    /// The size of windows.
    #[serde(deserialize_with = "duration")]
    pub window: Option<Duration>,
    /// How often a window begins; None: where the one before ends.
    #[serde(deserialize_with = "duration")]
    pub advance: Option<Duration>,
    /// What ends a session.
    #[serde(deserialize_with = "duration")]
    pub gap: Option<Duration>,
    /// How long a window waits for late events.
    #[serde(deserialize_with = "duration")]
    pub grace: Option<Duration>,
    /// When a window's total is sent.
    pub results: Results,
    /// Which totals are sent.
    pub emit: Emit,
}

/// When a window's total is sent.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Results {
    /// With each event in it.
    #[default]
    Running,
    /// When it closes.
    Final,
}

/// Which totals are sent.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Emit {
    /// One with each event.
    #[default]
    Event,
    /// The last one of each group, with each commit.
    Commit,
}

impl Default for Settings {
    fn default() -> Self {
        Settings {
            group_by: "country".into(),
            amount: "amount".into(),
            window: None,
            advance: None,
            gap: None,
            grace: None,
            results: Results::default(),
            emit: Emit::default(),
        }
    }
}

impl Settings {
    /// What makes no sense.
    pub(crate) fn problem(&self) -> Option<String> {
        let windows = self.window.is_some() || self.gap.is_some();
        let said = match () {
            () if self.group_by == self.amount => {
                return Some(format!("settings `group-by` and `amount` both name `{}`", self.amount));
            }
            () if self.window.is_some() && self.gap.is_some() => {
                "set `window` or `gap`: windows have a size, sessions end with a gap"
            }
            () if self.advance.is_some() && self.window.is_none() => "setting `advance` is for windows: set `window`",
            () if self.grace.is_some() && !windows => "setting `grace` is for windows: set `window` or `gap`",
            () if self.results == Results::Final && !windows => {
                "setting `results = \"final\"` is for windows: a running total has no end"
            }
            () if self.emit == Emit::Commit && windows => {
                "setting `emit = \"commit\"` is for running totals: a group has several windows, and the last output of \
                 the group would take the place of the others'; `results = \"final\"` sends each window's once"
            }
            () => return None,
        };
        Some(said.to_owned())
    }
}

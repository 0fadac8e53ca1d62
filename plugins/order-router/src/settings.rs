//! What the configuration says.

use serde::Deserialize;
use serde_json::{Value, json};

/// The plugin's settings.
#[derive(Debug, Deserialize)]
#[serde(default, deny_unknown_fields, rename_all = "kebab-case")]
pub struct Settings {
    /// Each is `{field, operator, value, sink}`. Read one by one, so that an error can name the rule.
    pub rules: Vec<Value>,
    /// Whether an event goes to the first rule's sink that it meets, or to all of them.
    #[serde(rename = "match")]
    pub matches: Match,
    /// What becomes of an event that meets no rule.
    pub otherwise: Otherwise,
}

/// Which of the rules that an event meets count.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Match {
    /// The first.
    First,
    /// All. Rules with the same sink give one output.
    All,
}

/// What becomes of an event that meets no rule.
#[derive(Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Otherwise {
    /// Nothing.
    Drop,
    /// It fails, and the plugin's failure policy applies.
    Reject,
    /// It goes to this sink.
    Sink(String),
}

impl Default for Settings {
    fn default() -> Self {
        let rule =
            |kind: &str, sink: &str| json!({ "field": "type", "operator": "equals", "value": kind, "sink": sink });
        Settings {
            rules: vec![rule("inventory", "inventory_orders"), rule("delivery", "delivery_orders")],
            matches: Match::First,
            otherwise: Otherwise::Drop,
        }
    }
}

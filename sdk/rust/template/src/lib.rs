//! Passes on orders above a threshold.

use serde::Deserialize;
use wasmill_decimal::Decimal;
use wasmill_plugin::{Context, Event, Outcome, Plugin, Sink, Wiring};

/// The plugin.
pub struct LargeOrders {
    settings: Settings,
    out: Sink,
}

/// What the [settings] table of the plugin's configuration may say.
#[derive(Deserialize)]
#[serde(default, deny_unknown_fields, rename_all = "kebab-case")]
pub struct Settings {
    /// An order of more than this is passed on.
    #[serde(deserialize_with = "wasmill_decimal::from_value")]
    pub threshold: Decimal,
}

impl Default for Settings {
    fn default() -> Self {
        Settings { threshold: Decimal::new(100, 0) }
    }
}

/// What is read of an order; other fields are passed over.
#[derive(Deserialize)]
struct Order {
    amount: Decimal,
}

impl Plugin for LargeOrders {
    type Settings = Settings;

    /// What comes in and what goes out. The topics have the same names unless the configuration says otherwise.
    fn new(settings: Settings, wiring: &mut Wiring) -> Result<Self, String> {
        wiring.input("orders");
        Ok(LargeOrders { out: wiring.sink("{{name}}"), settings })
    }

    /// Called for each event: this is the place to write in.
    fn process(&self, event: &Event, ctx: &mut Context) -> Outcome {
        // What is no order is rejected with the code `bad-json`, and goes to the dead-letter topic.
        let order: Order = event.json()?;
        if order.amount > self.settings.threshold {
            ctx.forward(self.out);
        }
        Ok(())
    }
}

wasmill_plugin::export!(LargeOrders);

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;
    use wasmill_plugin::testing::{Harness, golden};

    #[test]
    fn golden_cases() {
        golden::check::<LargeOrders>(concat!(env!("CARGO_MANIFEST_DIR"), "/golden"));
    }

    #[test]
    fn the_threshold_is_a_setting() {
        let mut harness = Harness::<LargeOrders>::new(json!({ "threshold": 10 })).unwrap();
        let run = harness.event("orders").key("o-1").json(&json!({ "amount": 10.5 })).send();
        assert_eq!(run.outputs.len(), 1);
    }
}

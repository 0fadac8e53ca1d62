//! Passes on orders that are both large and from a country that is not trusted. What it reads, writes and is set by: the
//! `README.md` beside this crate.

use serde::Deserialize;
use std::borrow::Cow;
use wasmill_decimal::Decimal;
use wasmill_plugin::{Context, Event, Outcome, Plugin, Sink, Wiring};

/// The plugin.
pub struct Fraud {
    settings: Settings,
    alerts: Sink,
}

/// The plugin's settings.
#[derive(Deserialize)]
#[serde(default, deny_unknown_fields, rename_all = "kebab-case")]
pub struct Settings {
    /// An order of more than this is large; of exactly this, it is not.
    #[serde(deserialize_with = "wasmill_decimal::from_value")]
    pub threshold: Decimal,
    /// From here an order of any size is fine.
    pub trusted_countries: Vec<String>,
}

impl Default for Settings {
    fn default() -> Self {
        Settings { threshold: Decimal::new(300, 0), trusted_countries: vec!["US".into(), "CA".into()] }
    }
}

/// What the rule needs of an order; the rest is passed over.
#[derive(Deserialize)]
struct Order<'a> {
    amount: Decimal,
    #[serde(borrow)]
    country: Cow<'a, str>,
}

impl Settings {
    #[inline]
    fn suspicious(&self, order: &Order) -> bool {
        order.amount > self.threshold && !self.trusted_countries.iter().any(|trusted| *trusted == order.country)
    }
}

impl Plugin for Fraud {
    type Settings = Settings;

    const SETTINGS_SCHEMA: Option<&'static str> = Some(include_str!("../settings.schema.json"));

    fn new(settings: Settings, wiring: &mut Wiring) -> Result<Self, String> {
        wiring.input("orders");
        Ok(Fraud { alerts: wiring.sink("fraud-alerts"), settings })
    }

    #[inline]
    fn process(&self, event: &Event, ctx: &mut Context) -> Outcome {
        // A tombstone says that an order is gone: there is nothing to suspect.
        if event.value().is_none() {
            return Ok(());
        }
        let order: Order = event.json()?;
        if self.settings.suspicious(&order) {
            ctx.forward(self.alerts);
        }
        Ok(())
    }
}

wasmill_plugin::export!(Fraud);

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::{Value, json};
    use wasmill_plugin::testing::{Harness, golden};

    fn alerts(settings: Value, order: &str) -> usize {
        let run = Harness::<Fraud>::new(settings).unwrap().event("orders").value(order).send();
        assert_eq!(run.failures, []);
        run.outputs.len()
    }

    #[test]
    fn golden_cases() {
        golden::check::<Fraud>(concat!(env!("CARGO_MANIFEST_DIR"), "/golden"));
    }

    #[test]
    fn the_threshold_is_compared_digit_by_digit() {
        for (amount, expected) in [("300.10", 0), ("300.100000000000000001", 1), ("300.11", 1), ("3.001e2", 0)] {
            let order = format!(r#"{{"amount":{amount},"country":"FR"}}"#);
            assert_eq!(alerts(json!({ "threshold": "300.10" }), &order), expected, "{amount}");
        }
    }

    #[test]
    fn without_trusted_countries_every_large_order_is_an_alert() {
        assert_eq!(alerts(json!({ "trusted-countries": [] }), r#"{"amount":301,"country":"US"}"#), 1);
    }

    #[test]
    fn settings_that_do_not_fit_are_refused_by_name() {
        for (settings, named) in [
            (json!({ "treshold": 5 }), "treshold"),
            (json!({ "threshold": "lots" }), "threshold"),
            (json!({ "trusted-countries": "US" }), "trusted-countries"),
        ] {
            let error = Harness::<Fraud>::new(settings).err().unwrap();
            assert!(error.contains(named), "{error}");
        }
    }

    #[test]
    fn the_schema_has_the_defaults() {
        let schema: Value = serde_json::from_str(Fraud::SETTINGS_SCHEMA.unwrap()).unwrap();
        let defaults = Settings::default();
        let properties = &schema["properties"];
        assert_eq!(properties["threshold"]["default"].to_string(), defaults.threshold.to_string());
        assert_eq!(properties["trusted-countries"]["default"], json!(defaults.trusted_countries));
        assert_eq!(properties.as_object().unwrap().len(), 2);
    }
}

//! Watches payments. What it reads, writes and is set by: the `README.md` beside this crate.

mod payment;

use payment::Payment;
use serde::Deserialize;
use std::time::Duration;
use wasmill_decimal::Decimal;
use wasmill_plugin::settings::duration;
use wasmill_plugin::{Context, Event, Outcome, Plugin, Sink, Store, Wiring};

/// The plugin.
pub struct PaymentsWatch {
    settings: Settings,
    large: Decimal,
    windows: Store<Window>,
    failed_payments: Sink,
    large_orders: Sink,
    frequent: Sink,
}

/// The plugin's settings.
#[derive(Debug, Deserialize)]
#[serde(default, deny_unknown_fields, rename_all = "kebab-case")]
pub struct Settings {
    /// The statuses that mean that a payment failed.
    pub failed: Vec<String>,
    /// Payments of this amount and more are large; a decimal as a text, exact.
    pub large: String,
    /// More failures than so many in a window are too many.
    pub failures: u64,
    /// The size of windows.
    #[serde(deserialize_with = "duration")]
    pub window: Duration,
}

impl Default for Settings {
    fn default() -> Self {
        let failed = vec!["FAILED".into(), "DECLINED".into()];
        Settings { failed, large: "1000".into(), failures: 3, window: Duration::from_secs(600) }
    }
}

/// A user's failures in the window of the latest one.
#[derive(Debug, Clone, Default, PartialEq, serde::Serialize, Deserialize)]
pub struct Window {
    /// When it begins, in milliseconds since the Unix epoch.
    pub start: i64,
    /// How many there were in it.
    pub failures: u64,
}

#[derive(serde::Serialize)]
struct Frequent<'a> {
    user_id: &'a str,
    failures: u64,
    start: i64,
    end: i64,
}

impl Plugin for PaymentsWatch {
    type Settings = Settings;

    const SETTINGS_SCHEMA: Option<&'static str> = Some(include_str!("../settings.schema.json"));

    fn new(settings: Settings, wiring: &mut Wiring) -> Result<Self, String> {
        let large =
            settings.large.parse().map_err(|_| format!("setting `large`: `{}` is no decimal", settings.large))?;
        if settings.window.is_zero() {
            return Err("setting `window`: a window has a length".into());
        }
        wiring.input("payments");
        Ok(PaymentsWatch {
            large,
            // Kept for as long as a failure in its window may come late.
            windows: wiring.store("failures").ttl(2 * settings.window),
            failed_payments: wiring.sink("failed_payments"),
            large_orders: wiring.sink("large_orders"),
            frequent: wiring.sink("frequent_failed_payments"),
            settings,
        })
    }

    fn process(&self, event: &Event, ctx: &mut Context) -> Outcome {
        // A tombstone says that a payment is gone from its topic, not that it has failed.
        if event.value().is_none() {
            return Ok(());
        }
        let payment: Payment = event.json()?;
        if payment.amount()? >= self.large {
            ctx.forward(self.large_orders);
        }
        if !self.settings.failed.iter().any(|failed| *failed == payment.status) {
            return Ok(());
        }
        let user = payment.user()?;
        ctx.forward(self.failed_payments);
        self.count(user, event.timestamp(), ctx)
    }
}

impl PaymentsWatch {
    fn count(&self, user: &str, at: i64, ctx: &mut Context) -> Outcome {
        let size = self.settings.window.as_millis() as i64;
        let start = at.div_euclid(size) * size;
        let before = ctx.get(&self.windows, user)?.unwrap_or_default();
        // One that comes late is told of as failed, and counts no more: of a window before, or of one that may be forgotten
        // by now, so that its user would be told of twice.
        if start < before.start || ctx.stream_time() >= start + 2 * size {
            return Ok(());
        }
        let failures = if start == before.start { before.failures + 1 } else { 1 };
        ctx.put(&self.windows, user, Window { start, failures })?;
        if failures == self.settings.failures + 1 {
            let frequent = Frequent { user_id: user, failures, start, end: start + size };
            ctx.emit(self.frequent).key(user).json(&frequent)?;
        }
        Ok(())
    }
}

wasmill_plugin::export!(PaymentsWatch);

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::{Value, json};
    use wasmill_plugin::testing::{Harness, TestEvent, golden};

    #[test]
    fn golden_cases() {
        golden::check::<PaymentsWatch>(concat!(env!("CARGO_MANIFEST_DIR"), "/golden"));
    }

    fn payment(user: &str, status: &str, at: i64) -> TestEvent {
        let value = json!({ "payment_id": at, "user_id": user, "amount": "5.00", "status": status });
        TestEvent::new("payments").key(user).timestamp(at).json(&value)
    }

    fn frequent(settings: Value, payments: Vec<TestEvent>, batch: usize) -> Vec<Value> {
        let mut harness = Harness::<PaymentsWatch>::new(settings).unwrap();
        let outputs = payments.chunks(batch).flat_map(|payments| harness.run(payments.to_vec()).outputs);
        let frequent = outputs.filter(|output| output.sink == "frequent_failed_payments");
        frequent.map(|output| output.json()).collect::<Vec<_>>()
    }

    #[test]
    fn a_user_is_told_of_once_a_window() {
        let settings = json!({ "failures": 2, "window": "1 min" });
        let failures = |user: &str, from: i64, count: i64| {
            (0..count).map(|number| payment(user, "FAILED", from + number)).collect::<Vec<_>>()
        };
        let all = [
            failures("ann", 0, 2),
            failures("bob", 10, 5),
            vec![payment("ann", "PAID", 30)],
            failures("ann", 60_000, 9),
            failures("ann", 120_000, 2),
        ]
        .concat();
        let expected = vec![
            json!({ "user_id": "bob", "failures": 3, "start": 0, "end": 60_000 }),
            json!({ "user_id": "ann", "failures": 3, "start": 60_000, "end": 120_000 }),
        ];
        for batch in [1, 7, 500] {
            assert_eq!(frequent(settings.clone(), all.clone(), batch), expected, "{batch}");
        }
    }

    #[test]
    fn one_that_comes_late_counts_in_no_later_window() {
        let settings = json!({ "failures": 1, "window": "1 min" });
        let payments = vec![payment("ann", "FAILED", 60_000), payment("ann", "FAILED", 59_999)];
        assert_eq!(frequent(settings.clone(), payments, 500), [json!(null); 0]);
        // Others have moved the time on, and what was known of ann is gone.
        let twice = [0, 1, 2].map(|at| payment("ann", "FAILED", at)).to_vec();
        let payments = [twice.clone(), vec![payment("bob", "PAID", 120_003)], twice].concat();
        assert_eq!(frequent(settings, payments, 500).len(), 1);
    }

    #[test]
    fn amounts_are_compared_exactly_and_settings_are_checked() {
        let mut harness = Harness::<PaymentsWatch>::new(json!({ "large": "0.30" })).unwrap();
        let mut outputs = |amount: &str| {
            let value = format!(r#"{{"payment_id":1,"user_id":"u","amount":{amount},"status":"PAID"}}"#);
            harness.event("payments").value(value).send().outputs.len()
        };
        assert_eq!((outputs("0.3"), outputs("0.29999999999999999999"), outputs(r#""0.30""#)), (1, 0, 1));
        for settings in [json!({ "large": "much" }), json!({ "window": "0 s" }), json!({ "window": 5 })] {
            assert!(Harness::<PaymentsWatch>::new(settings).is_err());
        }
    }

    #[test]
    fn the_schema_has_the_defaults() {
        let schema: Value = serde_json::from_str(PaymentsWatch::SETTINGS_SCHEMA.unwrap()).unwrap();
        let default = |name: &str| schema["properties"][name]["default"].clone();
        let defaults = Settings::default();
        assert_eq!(default("failed"), json!(defaults.failed));
        assert_eq!((default("large"), default("failures")), (json!(defaults.large), json!(defaults.failures)));
        assert_eq!(default("window"), json!("10 min"));
    }
}

//! Totals of orders by customer.

use serde::{Deserialize, Serialize};
use wasmill_decimal::Decimal;
use wasmill_plugin::{Context, Event, NoSettings, Outcome, Plugin, Sink, Store, Wiring};

/// The plugin.
pub struct Totals {
    totals: Store<Total>,
    out: Sink,
}

/// What is remembered of a customer, and sent out each time it changes.
#[derive(Clone, Default, Serialize, Deserialize)]
pub struct Total {
    orders: u64,
    largest: Decimal,
}

/// What is read of an order; other fields are passed over.
#[derive(Deserialize)]
struct Order {
    customer_id: String,
    amount: Decimal,
}

impl Plugin for Totals {
    type Settings = NoSettings;

    /// What comes in, what goes out, and what is remembered. The topics have the same names unless the configuration says
    /// otherwise.
    fn new(_: NoSettings, wiring: &mut Wiring) -> Result<Self, String> {
        wiring.input("orders");
        Ok(Totals { totals: wiring.store("totals"), out: wiring.sink("{{name}}") })
    }

    /// Called for each event: this is the place to write in. What it puts into a store is kept together with the outputs, or,
    /// if the event fails, not at all. A store belongs to a partition: orders of one customer must be in the same one.
    fn process(&self, event: &Event, ctx: &mut Context) -> Outcome {
        // What is no order is rejected with the code `bad-json`, and goes to the dead-letter topic.
        let order: Order = event.json()?;
        let total = ctx.update(&self.totals, &order.customer_id, |total| {
            total.orders += 1;
            if order.amount > total.largest {
                total.largest = order.amount;
            }
        })?;
        ctx.emit(self.out).key(&order.customer_id).json(&total)
    }
}

wasmill_plugin::export!(Totals);

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;
    use wasmill_plugin::testing::{Harness, golden};

    #[test]
    fn golden_cases() {
        golden::check::<Totals>(concat!(env!("CARGO_MANIFEST_DIR"), "/golden"));
    }

    #[test]
    fn what_was_seen_outlives_the_instance() {
        let mut harness = Harness::<Totals>::new(json!({})).unwrap();
        harness.event("orders").json(&json!({ "customer_id": "c", "amount": 1 })).send();
        harness.restart();
        let run = harness.event("orders").json(&json!({ "customer_id": "c", "amount": 1 })).send();
        assert_eq!(run.outputs[0].json()["orders"], 2);
    }
}

//! Whole runs, natively.

use super::*;
use serde_json::{Value, json};
use wasmill_plugin::testing::{Harness, Run, TestEvent, golden};

#[test]
fn golden_cases() {
    golden::check::<DeliveryPlugin>(concat!(env!("CARGO_MANIFEST_DIR"), "/golden"));
}

fn order(id: &str, at: i64) -> TestEvent {
    let value = json!({ "order_id": id, "customer_id": "c-1", "address": { "city": "Graz" }, "amount": 5 });
    TestEvent::new("delivery_orders").key(id).timestamp(at).json(&value)
}

fn update(id: &str, status: &str, at: i64) -> TestEvent {
    TestEvent::new("delivery_updates").key(id).timestamp(at).json(&json!({ "order_id": id, "status": status }))
}

/// What a customer hears.
fn notices(run: &Run) -> Vec<String> {
    let notices = run.outputs.iter().filter(|output| output.sink == "customer_notices");
    notices.map(|output| output.json()["status"].as_str().unwrap().to_owned()).collect()
}

fn harness() -> Harness<DeliveryPlugin> {
    let mut harness = Harness::new(json!({ "dispatch-after": "10 s", "delayed-after": "1 min" })).unwrap();
    harness.set_now(1_000);
    harness
}

fn status(harness: &Harness<DeliveryPlugin>, id: &str) -> Value {
    harness.entry("deliveries", id).unwrap()["status"].clone()
}

#[test]
fn the_clock_dispatches_and_delays() {
    let mut harness = harness();
    assert_eq!(notices(&harness.run(vec![order("o-1", 1_000)])), ["SCHEDULED"]);
    assert!(notices(&harness.advance_clock(10_999)).is_empty());
    assert_eq!(notices(&harness.advance_clock(11_000)), ["DISPATCHED"]);
    assert!(notices(&harness.advance_clock(70_999)).is_empty());
    assert_eq!(notices(&harness.advance_clock(71_000)), ["DELAYED"]);
    assert!(harness.timers().is_empty());
    assert_eq!(notices(&harness.run(vec![update("o-1", "DELIVERED", 80_000)])), ["DELIVERED"]);
    let kept = harness.entry("deliveries", "o-1").unwrap();
    assert_eq!((&kept["address"]["city"], &kept["changed_at"]), (&json!("Graz"), &json!(80_000)));
}

#[test]
fn what_is_over_is_left_alone_by_the_clock() {
    let mut harness = harness();
    harness.run(vec![order("o-1", 1_000), order("o-2", 1_000), update("o-1", "CANCELLED", 2_000)]);
    assert_eq!(harness.timers().len(), 1);
    assert_eq!(notices(&harness.advance_clock(11_000)), ["DISPATCHED"]);
    harness.run(vec![update("o-2", "OUT_FOR_DELIVERY", 12_000), update("o-2", "DELIVERED", 13_000)]);
    assert!(harness.timers().is_empty());
    assert!(harness.advance_clock(1_000_000).outputs.is_empty());
    assert_eq!((status(&harness, "o-1"), status(&harness, "o-2")), (json!("CANCELLED"), json!("DELIVERED")));
}

#[test]
fn an_update_changes_once_what_it_may() {
    let mut harness = harness();
    let run = harness.run(vec![
        order("o-1", 1_000),
        order("o-1", 1_500),
        update("o-1", "DELIVERED", 2_000),
        update("o-1", "DISPATCHED", 3_000),
        update("o-1", "DISPATCHED", 4_000),
        update("o-1", "CANCELLED", 5_000),
        update("o-9", "DELIVERED", 6_000),
    ]);
    assert_eq!(notices(&run), ["SCHEDULED", "DISPATCHED"]);
    let failures: Vec<_> = run.failures.iter().map(|failure| failure.failure.code()).collect();
    assert_eq!(failures, ["illegal-status-change", "illegal-status-change", "unknown-delivery"]);
    // It was dispatched by an update, so that the clock has only its delay to tell.
    assert_eq!(notices(&harness.advance_clock(62_999)), [""; 0]);
    assert_eq!(notices(&harness.advance_clock(63_000)), ["DELAYED"]);
}

#[test]
fn what_cannot_be_delivered_is_refused() {
    let mut harness = harness();
    let bad = [
        (order("o-1", 0).key("o-2"), "wrong-key"),
        (TestEvent::new("delivery_orders").key("o-1").value(r#"{"order_id":"o-1"}"#), "bad-json"),
        (TestEvent::new("delivery_orders").key("o-1").value(r#"{"order_id":"o-1","customer_id":""}"#), "no-customer"),
        (update("o-1", "LOST", 0), "bad-json"),
        (update("", "DELIVERED", 0), "bad-order-id"),
    ];
    for (event, code) in bad {
        let run = harness.run(vec![event]);
        assert_eq!((run.failures[0].failure.code(), run.outputs.len()), (code, 0));
    }
    assert!(harness.entries("deliveries").is_empty() && harness.timers().is_empty());
}

#[test]
fn the_schema_has_the_defaults() {
    let schema: Value = serde_json::from_str(DeliveryPlugin::SETTINGS_SCHEMA.unwrap()).unwrap();
    let hours = |name: &str| {
        let text = schema["properties"][name]["default"].as_str().unwrap();
        Duration::from_secs(3600 * text.strip_suffix(" h").unwrap().parse::<u64>().unwrap())
    };
    let defaults = Settings::default();
    assert_eq!(hours("dispatch-after"), defaults.dispatch_after);
    assert_eq!((hours("delayed-after"), hours("keep")), (defaults.delayed_after, defaults.keep));
    assert!(Harness::<DeliveryPlugin>::new(json!({ "keep": "48 h" })).is_err());
}

//! Whole runs, natively.

use super::*;
use serde_json::{Value, json};
use std::time::Duration;
use wasmill_plugin::testing::{Harness, Run, TestEvent, golden};

#[test]
fn golden_cases() {
    golden::check::<Inventory>(concat!(env!("CARGO_MANIFEST_DIR"), "/golden"));
}

fn order(id: &str, sku: &str, quantity: i64) -> TestEvent {
    TestEvent::new("inventory_orders").key(sku).json(&json!({ "order_id": id, "sku": sku, "quantity": quantity }))
}

fn cancelled(id: &str, sku: &str) -> TestEvent {
    let value = json!({ "order_id": id, "sku": sku, "status": "CANCELLED" });
    TestEvent::new("inventory_orders").key(sku).json(&value)
}

fn movement(kind: &str, sku: &str, quantity: i64) -> TestEvent {
    TestEvent::new("stock_movements").key(sku).json(&json!({ "sku": sku, "kind": kind, "quantity": quantity }))
}

fn sinks(run: &Run) -> Vec<&str> {
    run.outputs.iter().map(|output| output.sink.as_str()).collect()
}

fn stock(harness: &Harness<Inventory>, sku: &str) -> i64 {
    harness.entry("stock", sku).map_or(0, |stock| stock["stock"].as_i64().unwrap())
}

#[test]
fn an_order_takes_all_or_nothing_and_only_once() {
    let mut harness = Harness::<Inventory>::new(json!({})).unwrap();
    harness.run(vec![movement("RECEIVED", "a", 5)]);
    assert_eq!(sinks(&harness.run(vec![order("o-1", "a", 3)])), ["reserved_orders", "stock_levels"]);
    assert!(sinks(&harness.run(vec![order("o-1", "a", 3)])).is_empty());
    let run = harness.run(vec![order("o-2", "a", 3)]);
    let shortage = json!({ "sku": "a", "order_id": "o-2", "wanted": 3, "stock": 2, "missing": 1 });
    assert_eq!((sinks(&run), run.outputs[0].json()), (vec!["shortages"], shortage));
    assert_eq!(stock(&harness, "a"), 2);
    // What was short before is taken when it is there.
    assert_eq!(harness.run(vec![movement("RECEIVED", "a", 1), order("o-2", "a", 3)]).outputs.len(), 3);
    assert_eq!(stock(&harness, "a"), 0);
}

#[test]
fn a_cancelled_order_gives_back_what_it_took_once() {
    let mut harness = Harness::<Inventory>::new(json!({})).unwrap();
    harness.run(vec![movement("RECEIVED", "a", 5), order("o-1", "a", 3), cancelled("o-1", "a"), cancelled("o-1", "a")]);
    assert_eq!(stock(&harness, "a"), 5);
    // The order overtaken by its cancellation.
    assert!(harness.run(vec![cancelled("o-2", "a"), order("o-2", "a", 1)]).outputs.is_empty());
    assert_eq!(stock(&harness, "a"), 5);
}

#[test]
fn the_stock_goes_below_zero_only_where_it_may() {
    let mut allowed = Harness::<Inventory>::new(json!({ "allow-negative": true })).unwrap();
    let run = allowed.run(vec![order("o-1", "a", 2)]);
    assert_eq!(sinks(&run), ["shortages", "reserved_orders", "stock_levels", "low_stock"]);
    assert_eq!(run.outputs[0].json()["missing"], 2);
    let run = allowed.run(vec![order("o-2", "a", 1), movement("WRITTEN_OFF", "a", 1)]);
    assert_eq!(run.outputs[0].json()["missing"], 1, "what others lack is not missing twice");
    assert_eq!(stock(&allowed, "a"), -4);

    let mut refused = Harness::<Inventory>::new(json!({})).unwrap();
    let run = refused.run(vec![order("o-1", "a", 2), movement("WRITTEN_OFF", "a", 1)]);
    assert_eq!((sinks(&run), run.failures[0].failure.code()), (vec!["shortages"], "below-zero"));
    assert_eq!(stock(&refused, "a"), 0);
}

#[test]
fn low_stock_is_told_of_when_it_falls_below() {
    let mut harness = Harness::<Inventory>::new(json!({ "low": 3 })).unwrap();
    let run = harness.run(vec![
        movement("COUNTED", "a", 4),
        order("o-1", "a", 1),
        order("o-2", "a", 1),
        order("o-3", "a", 1),
        movement("RECEIVED", "a", 5),
        movement("COUNTED", "a", 0),
    ]);
    let low = run.outputs.iter().filter(|output| output.sink == "low_stock");
    let stocks: Vec<_> = low.map(|output| output.json()["stock"].as_i64().unwrap()).collect();
    assert_eq!(stocks, [2, 0]);
}

#[test]
fn what_makes_no_sense_is_refused_and_changes_nothing() {
    let mut harness = Harness::<Inventory>::new(json!({})).unwrap();
    let bad = [
        (order("o-1", "a", 0), "bad-quantity"),
        (order("", "a", 1), "bad-order-id"),
        (order("o-1", "a", 1).key("b"), "wrong-key"),
        (order("o-1", "", 1), "bad-sku"),
        (movement("RECEIVED", "a", -1), "bad-quantity"),
        (movement("STOLEN", "a", 1), "bad-json"),
        (TestEvent::new("inventory_orders").key("a").value("{}"), "bad-json"),
    ];
    for (event, code) in bad {
        let run = harness.run(vec![event]);
        assert_eq!((run.failures[0].failure.code(), run.outputs.len()), (code, 0));
    }
    assert!(harness.entries("stock").is_empty() && harness.entries("taken").is_empty());
}

#[test]
fn the_same_events_in_batches_of_any_size_have_the_same_outputs() {
    let events: Vec<_> = (0..600)
        .map(|number| match number % 5 {
            0 => movement("RECEIVED", ["a", "b"][number % 2], 3),
            4 => cancelled(&format!("o-{}", number / 2), ["a", "b"][number % 2]),
            _ => order(&format!("o-{number}"), ["a", "b"][number % 2], 1 + number as i64 % 3),
        })
        .collect();
    let outputs = |batch: usize| -> Vec<(String, Value)> {
        let mut harness = Harness::<Inventory>::new(json!({ "low": 2 })).unwrap();
        let outputs = events.chunks(batch).flat_map(|events| harness.run(events.to_vec()).outputs);
        outputs.map(|output| (output.sink.clone(), output.json())).collect()
    };
    let one = outputs(1);
    assert!(one.iter().all(|(sink, value)| sink != "stock_levels" || value["stock"].as_i64() >= Some(0)));
    assert_eq!(one, outputs(7));
    assert_eq!(one, outputs(500));
}

#[test]
fn the_schema_has_the_defaults() {
    let schema: Value = serde_json::from_str(Inventory::SETTINGS_SCHEMA.unwrap()).unwrap();
    let default = |name: &str| schema["properties"][name]["default"].clone();
    let defaults = Settings::default();
    assert_eq!((default("allow-negative"), default("low")), (json!(defaults.allow_negative), json!(defaults.low)));
    assert_eq!((default("remember"), defaults.remember), (json!("168 h"), Duration::from_secs(168 * 3600)));
    assert!(Harness::<Inventory>::new(json!({ "remember": "0 s" })).is_err());
}

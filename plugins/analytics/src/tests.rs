//! Whole runs, natively.

use super::*;
use serde_json::{Value, json};
use wasmill_plugin::testing::{Harness, TestEvent, golden};

#[test]
fn golden_cases() {
    golden::check::<Analytics>(concat!(env!("CARGO_MANIFEST_DIR"), "/golden"));
}

fn order(number: i64, at: i64) -> TestEvent {
    let country = ["US", "FR", "DE"][number as usize % 3];
    let value = json!({ "order_id": number, "country": country, "currency": "EUR", "amount": "0.10" });
    TestEvent::new("orders").timestamp(at).json(&value)
}

fn rows(settings: &Value, orders: &[TestEvent], batch: usize) -> Vec<(String, Value)> {
    let mut harness = Harness::<Analytics>::new(settings.clone()).unwrap();
    let outputs = orders.chunks(batch).flat_map(|orders| harness.run(orders.to_vec()).outputs);
    outputs.map(|output| (output.key_str().unwrap().to_owned(), output.json())).collect()
}

#[test]
fn the_same_orders_in_batches_of_any_size_have_the_same_rows() {
    let orders: Vec<_> = (0..700).map(|number| order(number, number * 700 - number % 7 * 90_000)).collect();
    let settings = json!({ "emit": "event", "keep": "2 min" });
    let one = rows(&settings, &orders, 1);
    for batch in [7, 500] {
        assert_eq!(one, rows(&settings, &orders, batch), "{batch}");
    }
    let last = |key: &str| one.iter().rfind(|(name, _)| name == key).unwrap().1.clone();
    assert_eq!(last("0/total"), json!({ "partition": 0, "orders": 700, "sales": { "EUR": "70.00" } }));
    let countries = ["US", "FR", "DE"].map(|country| last(&format!("0/country/{country}"))["orders"].as_u64().unwrap());
    assert_eq!(countries.iter().sum::<u64>(), 700);
}

#[test]
fn no_minute_begins_twice() {
    let settings = json!({ "emit": "event", "keep": "1 min" });
    let at = [0, 59_999, 119_999, 30_000, 120_000, 30_000, 300_000, 119_999];
    let orders: Vec<_> = (0..).zip(at).map(|(number, at)| order(number, at)).collect();
    let minutes: Vec<_> = rows(&settings, &orders, 3)
        .into_iter()
        .filter(|(key, _)| key.starts_with("0/minute/"))
        .map(|(key, row)| (key, row["orders"].as_u64().unwrap()))
        .collect();
    let expected = [("0", 1), ("0", 2), ("60000", 1), ("0", 3), ("120000", 1), ("300000", 1)];
    assert_eq!(minutes, expected.map(|(start, orders)| (format!("0/minute/{start}"), orders)));
}

#[test]
fn the_latest_orders_are_a_ring() {
    let mut harness = Harness::<Analytics>::new(json!({ "latest": 3 })).unwrap();
    harness.run((0..5).map(|number| order(number, number)).collect());
    let mut numbers: Vec<_> =
        harness.entries("latest").iter().map(|entry| entry.json()["number"].as_u64().unwrap()).collect();
    numbers.sort_unstable();
    assert_eq!(numbers, [3, 4, 5]);
    assert_eq!(harness.entry("latest", "001").unwrap()["order"]["order_id"], 4);
}

#[test]
fn once_a_commit_each_row_goes_out_once() {
    let orders: Vec<_> = (0..100).map(|number| order(number, number)).collect();
    let rows = rows(&json!({ "latest": 2 }), &orders, 500);
    assert_eq!(rows.len(), 1 + 3 + 1 + 2, "{rows:?}");
    assert_eq!(rows.iter().find(|(key, _)| key == "0/total").unwrap().1["orders"], 100);
}

#[test]
fn currencies_are_not_added_up_and_a_refused_order_counts_nowhere() {
    let mut harness = Harness::<Analytics>::new(json!({})).unwrap();
    let mut send = |value: &str| harness.event("orders").value(value).send().failures.len();
    assert_eq!(send(r#"{"country":"US","currency":"USD","amount":1.10}"#), 0);
    assert_eq!(send(r#"{"country":"US","currency":"EUR","amount":"2.00"}"#), 0);
    for value in [
        r#"{"country":"US","currency":"usd","amount":1}"#,
        r#"{"country":"US","amount":1}"#,
        r#"{"country":"","currency":"USD","amount":1}"#,
        r#"{"country":"US","currency":"USD","amount":"much"}"#,
        r#"{"country":"US","currency":"USD","amount":99999999999999999999999999999999999999}"#,
        "[]",
    ] {
        assert_eq!(send(value), 1, "{value}");
    }
    let total = json!({ "orders": 2, "sales": { "EUR": "2.00", "USD": "1.10" } });
    assert_eq!(harness.entry("sales", "total"), Some(total.clone()));
    assert_eq!(harness.entry("sales", "country/US"), Some(total));
}

#[test]
fn the_schema_has_the_defaults() {
    let schema: Value = serde_json::from_str(Analytics::SETTINGS_SCHEMA.unwrap()).unwrap();
    let default = |name: &str| schema["properties"][name]["default"].clone();
    let defaults = Settings::default();
    assert_eq!((default("latest"), default("emit")), (json!(defaults.latest), json!("commit")));
    assert_eq!(
        (default("keep"), defaults.keep, defaults.emit),
        (json!("1 h"), Duration::from_secs(3600), Emit::Commit)
    );
    assert!(Harness::<Analytics>::new(json!({ "latest": 1001 })).is_err());
}

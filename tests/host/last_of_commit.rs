//! A sink of which only the last output of each key goes out: over a kill the last value of all is right.

use crate::stage::Stage;
use serde_json::Value;
use std::collections::BTreeMap;
use wasmill_tests::{LONG, Record, turn, wait_until};

const ORDERS: u64 = 60_000;

const COUNTRIES: [&str; 5] = ["US", "FR", "DE", "IT", "JP"];

fn order(number: u64) -> Record {
    let country = COUNTRIES[number as usize % COUNTRIES.len()];
    Record::new(format!(r#"{{"country":"{country}","amount":{number}.25}}"#)).key(country)
}

#[test]
fn of_totals_the_last_of_each_commit_goes_out_and_the_last_of_all_is_right() {
    let _turn = turn();
    let stage = Stage::new("last", 2);
    let toml = format!(
        "[inputs]\norders = {:?}\n[sinks]\naggregated_revenue = {:?}\n[settings]\nemit = \"commit\"\n",
        stage.input, stage.output
    );
    let setup = stage.setup().module("revenue", "revenue").plugin_config("revenue", &toml);
    let mut host =
        setup.config("[kafka.consumer]\n'session.timeout.ms' = 6000\n'heartbeat.interval.ms' = 1000").start();
    host.wait_for_tasks("revenue", 2);
    let orders: Vec<Record> = (0..ORDERS).map(order).collect();
    let (first, second) = orders.split_at(ORDERS as usize / 2);
    stage.kafka.produce(&stage.input, first);
    wait_until("some totals", LONG, || stage.kafka.ends(&stage.output).iter().sum::<i64>() > 0);
    host.kill9();
    host.start();
    stage.kafka.produce(&stage.input, second);
    stage.wait_until_done("revenue");

    let outputs = stage.kafka.read_all(&stage.output);
    assert!(outputs.len() < ORDERS as usize / 10, "{} outputs", outputs.len());
    let mut last: BTreeMap<String, Value> = BTreeMap::new();
    for output in &outputs {
        let total: Value = serde_json::from_str(output.text()).expect("JSON");
        let key = total["key"].as_str().expect("a group").to_owned();
        let before = last.insert(key, total.clone());
        let grown = before.is_none_or(|before| before["count"].as_u64() < total["count"].as_u64());
        assert!(grown, "a total went back: {total}");
    }
    let each = ORDERS / COUNTRIES.len() as u64;
    for (index, country) in (0..).zip(COUNTRIES) {
        let cents: u64 = (0..each).map(|number| (index + number * COUNTRIES.len() as u64) * 100 + 25).sum();
        assert_eq!(last[country]["count"], each, "{country}");
        assert_eq!(last[country]["total"], format!("{}.{:02}", cents / 100, cents % 100), "{country}");
        let stored = host.get(&format!("/plugins/revenue/stores/totals/{country}")).json();
        assert_eq!(stored["entries"][0]["value"], last[country], "{country}");
    }
    assert_eq!(host.sigterm().code(), Some(0));
}

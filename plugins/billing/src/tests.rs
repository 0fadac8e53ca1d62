//! The plugin through the harness.

mod money;

use super::*;
use serde_json::{Value, json};
use wasmill_plugin::testing::{Harness, Run, TestEvent, golden};

#[test]
fn golden_cases() {
    golden::check::<Billing>(concat!(env!("CARGO_MANIFEST_DIR"), "/golden"));
}

const HOUR: i64 = 3_600_000;

fn harness(settings: Value) -> Harness<Billing> {
    Harness::new(settings).unwrap()
}

fn transaction(id: &str, status: &str, interval: &str) -> TestEvent {
    let amount = format!("{}.10", id.len());
    let value = json!({ "id": id, "client_id": format!("c-{id}"), "amount": amount, "currency": "EUR", "status": status, "interval": interval });
    TestEvent::new("transactions").key(id).json(&value)
}

fn approved(id: &str, interval: &str) -> TestEvent {
    transaction(id, "APPROVED", interval)
}

fn signal(payload: Option<Value>) -> TestEvent {
    let signal = TestEvent::new("signals").key(CYCLE);
    payload.iter().fold(signal, |signal, payload| signal.json(payload))
}

/// The ids that came out at a sink.
fn ids(run: &Run, sink: &str) -> Vec<String> {
    let outputs = run.outputs.iter().filter(|output| output.sink == sink);
    outputs.map(|output| output.json()["id"].as_str().unwrap().to_owned()).collect()
}

fn unbilled(harness: &Harness<Billing>) -> Vec<String> {
    harness.entries("unbilled").iter().map(|entry| entry.key_str().unwrap().to_owned()).collect()
}

#[test]
fn a_cycle_bills_what_is_open_of_its_interval() {
    let mut harness = harness(json!({ "bill": "by-cycle" }));
    // Those whose names begin alike are others.
    let open = [("b", "MONTHLY"), ("a", "MONTHLY"), ("c", "MONTHLY2"), ("d", "MONTH"), ("e", ""), ("f", "YEARLY")];
    let run = harness.run(open.map(|(id, interval)| approved(id, interval)).to_vec());
    assert_eq!((ids(&run, "approved_transactions").len(), ids(&run, "billed_transactions").len()), (6, 0));

    let run = harness.run(vec![signal(Some(json!({ "interval": "MONTHLY" })))]);
    assert_eq!(ids(&run, "billed_transactions"), ["a", "b"]);
    assert_eq!(run.outputs[0].key_str(), Some("c-a"));
    assert_eq!(harness.entry("transactions", "a").unwrap()["status"], "BILLED");
    assert_eq!(unbilled(&harness), ["/e", "MONTH/d", "MONTHLY2/c", "YEARLY/f"]);

    let run = harness.run(vec![signal(Some(json!({ "interval": "MONTHLY" }))), signal(None), signal(Some(json!({})))]);
    assert_eq!(ids(&run, "billed_transactions"), ["e", "d", "c", "f"]);
    assert_eq!((harness.entries("unbilled"), harness.timers()), (vec![], vec![]));
}

#[test]
fn a_cycle_of_many_goes_on_in_portions_before_the_next_event() {
    let mut harness = harness(json!({ "bill": "by-cycle" }));
    let many = 2 * PORTION + 500;
    let ids_of = |interval: &str| (0..many).map(|number| format!("{interval}-{number:04}")).collect::<Vec<_>>();
    harness.run(ids_of("MONTHLY").iter().map(|id| approved(id, "MONTHLY")).collect());
    harness.run(ids_of("YEARLY").iter().map(|id| approved(id, "YEARLY")).collect());

    let monthly = signal(Some(json!({ "interval": "MONTHLY" })));
    let run = harness.run(vec![monthly, transaction("MONTHLY-2499", "REFUNDED", "MONTHLY")]);
    assert_eq!(ids(&run, "billed_transactions"), ids_of("MONTHLY"));
    assert_eq!(run.outputs.last().unwrap().sink, "refunded_transactions", "it was billed before");
    let of_a_portion = run.outputs.iter().filter(|output| output.timer == run.outputs[0].timer).count();
    assert_eq!(of_a_portion, PORTION);
    assert_eq!(unbilled(&harness).len(), many);

    let run = harness.run(vec![signal(None)]);
    assert_eq!(ids(&run, "billed_transactions"), ids_of("YEARLY"));
    assert_eq!((harness.entries("unbilled"), harness.timers()), (vec![], vec![]));
}

#[test]
fn large_transactions_are_billed_in_portions_that_a_call_may_have() {
    let mut harness = harness(json!({ "bill": "by-cycle" }));
    let items = "x".repeat(900_000);
    let large = |id: u32| {
        let id = format!("{id:02}");
        let value =
            json!({ "id": id, "client_id": "c", "amount": 1, "currency": "EUR", "status": "APPROVED", "items": items });
        TestEvent::new("transactions").key(&id).json(&value)
    };
    // As outputs and as entries they have more bytes than one event may cause.
    for id in 0..60 {
        harness.run(vec![large(id)]);
    }
    let run = harness.run(vec![signal(None)]);
    assert_eq!(ids(&run, "billed_transactions").len(), 60);
}

#[test]
fn a_cycle_runs_by_itself_at_each_multiple_of_its_time() {
    let mut harness = harness(json!({ "bill": "by-cycle", "every": "1 h" }));
    harness.set_now(10 * HOUR);
    harness.run(vec![approved("a", "MONTHLY"), approved("b", ""), transaction("a", "REFUNDED", "MONTHLY")]);
    assert_eq!(harness.advance_clock(11 * HOUR - 1).outputs, []);

    harness.restart();
    let run = harness.advance_clock(11 * HOUR);
    assert_eq!(ids(&run, "billed_transactions"), ["b"]);
    assert_eq!(run.outputs[0].timestamp, 11 * HOUR);
    assert_eq!(harness.timers(), []);
}

#[test]
fn a_cycle_that_is_due_is_not_put_off_by_the_next_approval() {
    let mut harness = harness(json!({ "bill": "by-cycle", "every": "1 h" }));
    harness.set_now(11 * HOUR - 1);
    harness.run(vec![approved("a", "MONTHLY")]);
    harness.set_now(11 * HOUR + 1);
    harness.run(vec![approved("b", "MONTHLY")]);

    let run = harness.advance_clock(11 * HOUR + 1);

    assert_eq!(ids(&run, "billed_transactions"), ["a", "b"]);
    let next: Vec<_> = harness.timers().iter().map(|timer| timer.at).collect();
    assert_eq!(next, [12 * HOUR]);
}

#[test]
fn a_cycle_on_the_clock_bills_many_in_portions_as_well() {
    let mut harness = harness(json!({ "bill": "by-cycle", "every": "1 h" }));
    harness.set_now(10 * HOUR);
    harness.run((0..PORTION + 5).map(|number| approved(&format!("{number:04}"), "MONTHLY")).collect());
    let run = harness.advance_clock(11 * HOUR);
    assert_eq!(ids(&run, "billed_transactions").len(), PORTION + 5);
    assert!(run.outputs.iter().all(|output| output.timestamp == 11 * HOUR));
    assert_eq!(harness.timers(), []);
}

#[test]
fn an_event_that_says_billed_bills_what_was_approved() {
    let mut harness = harness(json!({ "bill": "by-cycle" }));
    harness.run(vec![approved("a", "MONTHLY")]);
    let value = json!({ "id": "a", "client_id": "thief", "amount": 99, "currency": "USD", "status": "BILLED", "interval": "X" });
    let run = harness.run(vec![TestEvent::new("transactions").key("a").json(&value), signal(None)]);
    assert_eq!(run.outputs.len(), 1);
    assert_eq!(run.outputs[0].key_str(), Some("c-a"));
    let expected = json!({ "id": "a", "client_id": "c-a", "amount": "1.10", "currency": "EUR", "status": "BILLED", "interval": "MONTHLY" });
    assert_eq!(run.outputs[0].json(), expected);
    assert_eq!(harness.entry("transactions", "a"), Some(expected));
}

#[test]
fn billed_at_once_is_billed_once() {
    let mut harness = harness(json!({}));
    let run = harness.run(vec![approved("a", "MONTHLY"), signal(None), approved("a", "MONTHLY")]);
    assert_eq!(
        (ids(&run, "approved_transactions"), ids(&run, "billed_transactions")),
        (vec!["a".into()], vec!["a".into()])
    );
    assert_eq!((harness.entries("unbilled"), harness.timers()), (vec![], vec![]));
}

#[test]
fn a_transaction_is_billed_as_it_was_written() {
    let written = r#" {"amount" : 1.50e1, "id":17, "n\"": {"status":"APPROVED"},  "status" :"APPRO\u0056ED","client_id":"\u00e9", "currency":"EUR" } "#;
    let mut harness = harness(json!({}));
    let run = harness.event("transactions").key("17").value(written).header("traceparent", "00-1").send();
    assert_eq!(run.outputs[0].value_str(), Some(written));
    let billed = &run.outputs[1];
    assert_eq!(billed.value_str(), Some(written.trim().replace(r#""APPRO\u0056ED""#, r#""BILLED""#).as_str()));
    assert_eq!((billed.key_str(), billed.header("traceparent")), (Some("é"), Some(Some(&b"00-1"[..]))));
}

#[test]
fn settings_that_do_not_fit_are_refused_by_name() {
    for (settings, expected) in [
        (json!({ "bill": "at-once", "every": "1 h" }), "setting `every` is for `bill = \"by-cycle\"`"),
        (json!({ "bill": "by-cycle", "every": "999 ms" }), "setting `every`: 1 s is the least"),
        (json!({ "bill": "by-cycle", "every": "1 week" }), "setting `every`: `week` in \"1 week\" is not a unit"),
        (json!({ "bill": "monthly" }), "setting `bill`: unknown variant `monthly`"),
    ] {
        let error = Harness::<Billing>::new(settings).err().unwrap();
        assert!(error.starts_with(expected), "{error}");
    }
}

#[test]
fn the_schema_has_the_defaults() {
    let schema: Value = serde_json::from_str(Billing::SETTINGS_SCHEMA.unwrap()).unwrap();
    let settings = serde_json::from_value(json!({ "bill": schema["properties"]["bill"]["default"] }));
    assert_eq!(settings.ok(), Some(Settings::default()));
    assert_eq!(schema["properties"]["every"].get("default"), None);
}

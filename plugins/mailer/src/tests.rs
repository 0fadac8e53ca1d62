//! The plugin through the harness.

use super::*;
use serde_json::{Value, json};
use std::collections::{BTreeMap, BTreeSet};
use wasmill_plugin::testing::{Harness, Run, TestEvent, golden};

#[test]
fn golden_cases() {
    golden::check::<Mailer>(concat!(env!("CARGO_MANIFEST_DIR"), "/golden"));
}

const MINUTE: i64 = 60_000;

fn harness() -> Harness<Mailer> {
    let mut harness = Harness::new(json!({})).unwrap();
    harness.set_now(0);
    harness
}

fn billed(client: &str, number: usize) -> TestEvent {
    let value = json!({ "id": format!("t-{number}"), "client_id": client, "amount": "1.50", "currency": "EUR", "status": "BILLED" });
    TestEvent::new("billed_transactions").key(client).offset(number as u64).json(&value)
}

fn known(client: &str) -> TestEvent {
    let value = json!({ "id": client, "name": "Ann", "email": format!("{client}@example.com") });
    TestEvent::new("clients").key(client).json(&value)
}

fn forgotten(client: &str) -> TestEvent {
    TestEvent::new("clients").key(client)
}

/// What came out at a sink: whose it is, and the transaction.
fn came_out(run: &Run, sink: &str) -> Vec<(String, String)> {
    let outputs = run.outputs.iter().filter(|output| output.sink == sink);
    outputs
        .map(|output| {
            let value = output.json();
            let id = value.get("transaction_id").unwrap_or(&value["transaction"]["id"]);
            (output.key_str().unwrap().into(), id.as_str().unwrap().into())
        })
        .collect()
}

fn emails(run: &Run) -> Vec<(String, String)> {
    came_out(run, "emails")
}

fn sent(client: &str, numbers: impl IntoIterator<Item = usize>) -> Vec<(String, String)> {
    numbers.into_iter().map(|number| (client.into(), format!("t-{number}"))).collect()
}

#[test]
fn what_waited_is_sent_in_its_order_before_what_comes_next() {
    let mut harness = harness();
    let run = harness.run([2, 3, 10, 9].map(|number| billed("c-1", number)).to_vec());
    assert_eq!(run.outputs, []);
    let run = harness.run(vec![known("c-1"), billed("c-1", 11)]);
    // By their offsets: 9 came after 10 in this test alone.
    assert_eq!(emails(&run), sent("c-1", [2, 3, 9, 10, 11]));
    assert_eq!((harness.entries("waiting"), harness.timers()), (vec![], vec![]));
}

#[test]
fn a_client_gets_nothing_of_those_whose_ids_begin_alike() {
    let mut harness = harness();
    harness.run(vec![billed("c-10", 1), billed("c", 2), billed("c-1\t", 3), billed("c-1", 4)]);
    let run = harness.run(vec![known("c-1")]);
    assert_eq!(emails(&run), sent("c-1", [4]));
    assert_eq!(harness.entries("waiting").len(), 3);
}

#[test]
fn very_many_that_waited_are_sent_in_portions_before_the_next_event() {
    let mut harness = harness();
    let many = 2 * PORTION + 1;
    harness.run((0..many).map(|number| billed("c-1", number)).collect());
    let run = harness.run(vec![known("c-1"), billed("c-1", many)]);
    assert_eq!(emails(&run), sent("c-1", 0..=many));
    assert_eq!(run.outputs.iter().filter(|output| output.timer.is_none()).count(), PORTION + 1);
    assert_eq!((harness.entries("waiting"), harness.timers()), (vec![], vec![]));
}

#[test]
fn a_wait_has_an_end() {
    let mut harness = harness();
    harness.run(vec![billed("c-1", 1)]);
    harness.set_now(MINUTE);
    harness.run(vec![billed("c-1", 2)]);
    assert_eq!(harness.advance_clock(10 * MINUTE - 1).outputs, []);

    harness.restart();
    let run = harness.advance_clock(10 * MINUTE);
    assert_eq!(came_out(&run, "undeliverable"), sent("c-1", [1]));
    assert_eq!((&run.outputs[0].json()["reason"], run.outputs[0].timestamp), (&json!("unknown-client"), 10 * MINUTE));

    let run = harness.run(vec![known("c-1")]);
    assert_eq!(emails(&run), sent("c-1", [2]));
    assert_eq!(harness.advance_clock(60 * MINUTE).outputs, []);
}

#[test]
fn a_wait_that_ended_while_nobody_was_there_begins_anew() {
    let mut harness = harness();
    harness.run(vec![billed("c-1", 1), billed("c-2", 2)]);
    assert_eq!(harness.advance_clock(60 * MINUTE).outputs, []);
    // The backlog is read now.
    assert_eq!(emails(&harness.run(vec![known("c-1")])), sent("c-1", [1]));
    assert_eq!(harness.advance_clock(70 * MINUTE - 1).outputs, []);
    assert_eq!(came_out(&harness.advance_clock(70 * MINUTE), "undeliverable"), sent("c-2", [2]));
    assert_eq!((harness.entries("waiting"), harness.timers()), (vec![], vec![]));
}

#[test]
fn an_email_has_the_later_of_the_two_times() {
    let mut harness = harness();
    let times = |run: Run| run.outputs.iter().map(|output| output.timestamp).collect::<Vec<_>>();
    harness.run(vec![billed("old", 1).timestamp(50), billed("new", 2).timestamp(50)]);
    assert_eq!(times(harness.run(vec![known("old").timestamp(10), known("new").timestamp(70)])), [50, 70]);
    assert_eq!(times(harness.run(vec![billed("new", 3).timestamp(60)])), [60]);
}

#[test]
fn a_client_that_is_deleted_is_no_longer_known() {
    let mut harness = harness();
    let run = harness.run(vec![known("c-1"), billed("c-1", 1), forgotten("c-1"), billed("c-1", 2)]);
    assert_eq!(emails(&run), sent("c-1", [1]));
    assert_eq!((harness.entry("clients", "c-1"), harness.entries("waiting").len()), (None, 1));
}

#[test]
fn of_a_client_only_what_an_email_needs_is_kept() {
    let mut harness = harness();
    let client = json!({ "id": "c-1", "name": "Ann", "email": "ann@example.com", "iban": "DE02120300000000202051" });
    harness.event("clients").key("c-1").json(&client).send();
    assert_eq!(harness.entry("clients", "c-1"), Some(json!({ "name": "Ann", "email": "ann@example.com" })));
}

/// The same pseudo-random numbers each time.
struct Random(u64);

impl Random {
    fn below(&mut self, end: usize) -> usize {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 33) as usize % end
    }
}

/// Bills, and clients that come and go, in any order; one of them never comes. With how many bills there are.
fn story(seed: u64) -> (Vec<TestEvent>, usize) {
    let mut random = Random(seed);
    let mut bills = 0;
    let event = |number| {
        let client = format!("c-{}", random.below(12));
        match random.below(10) {
            0 if client != "c-3" => known(&client),
            1 => forgotten(&client),
            _ => {
                bills += 1;
                billed(&client, number)
            }
        }
    };
    let story = (0..1000).map(event).collect();
    (story, bills)
}

/// A story of which a minute lies between every 20 events.
fn play(story: &[TestEvent], events_a_call: usize, restarts: bool) -> Run {
    let mut harness = harness();
    harness.set_events_a_call(events_a_call);
    let mut all = Run::default();
    let mut now = 0;
    for events in story.chunks(20) {
        all.outputs.extend(harness.run(events.to_vec()).outputs);
        now += MINUTE;
        all.outputs.extend(harness.advance_clock(now).outputs);
        if restarts {
            harness.restart();
        }
    }
    for _ in 0..10 {
        now += MINUTE;
        all.outputs.extend(harness.advance_clock(now).outputs);
    }
    assert_eq!((harness.entries("waiting"), harness.timers()), (vec![], vec![]));
    all
}

#[test]
fn each_bill_is_one_email_or_undeliverable_and_a_client_s_emails_are_in_order() {
    for seed in 0..8 {
        let (story, bills) = story(seed);
        let run = play(&story, 500, false);
        let (emails, undeliverable) = (emails(&run), came_out(&run, "undeliverable"));
        let all: BTreeSet<_> = emails.iter().chain(&undeliverable).map(|(_, id)| id.as_str()).collect();
        assert_eq!(all.len(), emails.len() + undeliverable.len(), "none twice");
        assert_eq!(all.len(), bills);
        assert!(emails.len() > 500 && undeliverable.len() > 50, "{} and {}", emails.len(), undeliverable.len());

        let mut last: BTreeMap<&str, usize> = BTreeMap::new();
        for (client, id) in &emails {
            let number = id[2..].parse().unwrap();
            assert!(last.insert(client, number).is_none_or(|last| last < number), "{client}: {id}");
        }
        for (events_a_call, restarts) in [(1, false), (7, false), (500, true)] {
            let other = play(&story, events_a_call, restarts);
            let outputs = |run: &Run| -> Vec<_> {
                run.outputs
                    .iter()
                    .map(|output| (output.sink.clone(), output.key.clone(), output.value.clone()))
                    .collect()
            };
            assert_eq!(outputs(&other), outputs(&run), "calls of {events_a_call}");
        }
    }
}

#[test]
fn a_key_that_is_no_client_is_refused() {
    let mut harness = harness();
    let run = harness.run(vec![billed("", 1), billed("a\nb", 2), known("\n"), TestEvent::new("clients")]);
    let codes: Vec<_> = run.failures.iter().map(|failed| failed.failure.code()).collect();
    assert_eq!(codes, ["no-client"; 4]);
}

#[test]
fn the_schema_has_the_defaults() {
    let schema: Value = serde_json::from_str(Mailer::SETTINGS_SCHEMA.unwrap()).unwrap();
    let default = |name: &str| schema["properties"][name]["default"].clone();
    let settings = json!({ "wait": default("wait"), "subject": default("subject") });
    assert_eq!(serde_json::from_value(settings).ok(), Some(Settings::default()));
}

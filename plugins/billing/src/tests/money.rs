//! Money is conserved: what is approved and not refunded before its bill is billed, once, whatever else happens.

use super::{harness, signal};
use crate::Billing;
use crate::status::Status;
use serde::Deserialize;
use serde_json::value::RawValue;
use serde_json::{Value, json};
use std::collections::{BTreeMap, BTreeSet};
use wasmill_plugin::testing::{Harness, Run, TestEvent};

/// The same pseudo-random numbers each time.
struct Random(u64);

impl Random {
    fn below(&mut self, end: u64) -> u64 {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 33) % end
    }
}

const INTERVALS: [&str; 3] = ["MONTHLY", "YEARLY", ""];

/// Transactions have numbers from here on.
const FIRST: u64 = 100;

#[derive(Debug, Clone, Copy)]
enum Step {
    /// The transaction of this number, which is for as many cents, is said to have a status.
    Say(u64, Status),
    /// A cycle of an interval, or of all.
    Cycle(&'static str),
}

fn interval_of(number: u64) -> &'static str {
    INTERVALS[number as usize % INTERVALS.len()]
}

impl Step {
    fn event(self) -> TestEvent {
        match self {
            Step::Cycle("") => signal(None),
            Step::Cycle(interval) => signal(Some(json!({ "interval": interval }))),
            Step::Say(number, status) => {
                let value = format!(
                    r#"{{"id":{number},"client_id":{},"amount":{}.{:02},"currency":"EUR","status":"{status}","interval":"{}"}}"#,
                    number % 7,
                    number / 100,
                    number % 100,
                    interval_of(number)
                );
                TestEvent::new("transactions").key(number.to_string()).value(value)
            }
        }
    }
}

/// Approvals, refunds, repetitions, illegal changes and cycles, in any order.
fn story(seed: u64) -> Vec<Step> {
    use Status::{Approved, Billed, Declined, Refunded};
    let mut random = Random(seed);
    let step = |_| match random.below(40) {
        0 => Step::Cycle(INTERVALS[random.below(3) as usize]),
        dice => {
            let status = [Approved, Approved, Approved, Refunded, Refunded, Declined, Billed][dice as usize % 7];
            Step::Say(FIRST + random.below(250), status)
        }
    };
    (0..900).map(step).collect()
}

/// What must come of a story, by the simplest means.
#[derive(Default)]
struct Books {
    status: BTreeMap<u64, Status>,
    approved: u64,
    refunded_unbilled: u64,
    billed: BTreeSet<u64>,
    illegal: usize,
}

impl Books {
    fn of(story: &[Step], at_once: bool) -> Books {
        let mut books = Books::default();
        for step in story {
            match *step {
                Step::Say(number, status) => books.say(number, status, at_once),
                Step::Cycle(interval) => {
                    books.cycle(|number| interval.is_empty() || interval_of(number) == interval);
                }
            }
        }
        books
    }

    fn say(&mut self, number: u64, status: Status, at_once: bool) {
        use Status::{Approved, Billed, Declined, Refunded};
        match (self.status.get(&number), status) {
            (None, Approved) => {
                self.approved += number;
                self.status.insert(number, Approved);
                if at_once {
                    self.cycle(|open| open == number);
                }
            }
            (None, Declined) | (Some(Billed), Refunded) => {
                self.status.insert(number, status);
            }
            (Some(Approved), Billed) => self.cycle(|open| open == number),
            (Some(Approved), Refunded) => {
                self.refunded_unbilled += number;
                self.status.insert(number, Refunded);
            }
            (Some(known), status) if *known == status => {}
            (Some(Billed), Approved) => {}
            _ => self.illegal += 1,
        }
    }

    fn cycle(&mut self, is_meant: impl Fn(u64) -> bool) {
        for (number, status) in self.status.iter_mut().filter(|(number, _)| is_meant(**number)) {
            if *status == Status::Approved {
                *status = Status::Billed;
                assert!(self.billed.insert(*number));
            }
        }
    }
}

/// The cents of an amount that is written with two digits after the point.
fn cents(amount: &str) -> u64 {
    let (whole, cents) = amount.split_once('.').unwrap();
    whole.parse::<u64>().unwrap() * 100 + cents.parse::<u64>().unwrap()
}

/// What came out at a sink: ids and cents.
fn money(runs: &[Run], sink: &str) -> Vec<(u64, u64)> {
    #[derive(Deserialize)]
    struct Billed<'a> {
        id: u64,
        #[serde(borrow)]
        amount: &'a RawValue,
    }
    let outputs = runs.iter().flat_map(|run| &run.outputs).filter(|output| output.sink == sink);
    outputs
        .map(|output| {
            let Billed { id, amount } = serde_json::from_str(output.value_str().unwrap()).unwrap();
            (id, cents(amount.get()))
        })
        .collect()
}

fn sum(money: &[(u64, u64)]) -> u64 {
    money.iter().map(|(_, cents)| cents).sum()
}

/// A story in calls of so many events, with a fresh instance after every `restart_every`.
fn play(settings: &Value, story: &[Step], events_a_call: usize, restart_every: usize) -> (Vec<Run>, Harness<Billing>) {
    let mut harness = harness(settings.clone());
    harness.set_events_a_call(events_a_call);
    let mut runs = vec![];
    for steps in story.chunks(restart_every) {
        runs.push(harness.run(steps.iter().map(|step| step.event()).collect()));
        harness.restart();
    }
    (runs, harness)
}

/// Each story with settings that bill at once, and with some that bill by cycle.
fn stories() -> impl Iterator<Item = (Value, Vec<Step>, Books)> {
    let settings = |at_once| if at_once { json!({}) } else { json!({ "bill": "by-cycle", "every": "1 h" }) };
    let both = (0..8).flat_map(|seed| [(seed, true), (seed, false)]);
    both.map(move |(seed, at_once)| (settings(at_once), story(seed), Books::of(&story(seed), at_once)))
}

#[test]
fn what_is_billed_or_open_is_what_was_approved_and_not_refunded_before() {
    for (settings, story, books) in stories() {
        let (runs, harness) = play(&settings, &story, 500, usize::MAX);

        let billed = money(&runs, "billed_transactions");
        let ids: BTreeSet<u64> = billed.iter().map(|(id, _)| *id).collect();
        assert_eq!(ids.len(), billed.len(), "each is billed once");
        assert_eq!(ids, books.billed);
        assert_eq!(sum(&money(&runs, "approved_transactions")), books.approved);
        let open = harness.entries("unbilled");
        let open: u64 = open.iter().map(|entry| entry.json().as_str().unwrap().parse::<u64>().unwrap()).sum();
        assert_eq!(sum(&billed) + open, books.approved - books.refunded_unbilled);

        assert_eq!(runs[0].failures.len(), books.illegal);
        assert!(runs[0].failures.iter().all(|failed| failed.failure.code() == "illegal-status-change"));
        let kept: BTreeMap<u64, String> = harness
            .entries("transactions")
            .iter()
            .map(|entry| (entry.json()["id"].as_u64().unwrap(), entry.json()["status"].as_str().unwrap().into()))
            .collect();
        assert_eq!(kept, books.status.iter().map(|(number, status)| (*number, status.to_string())).collect());
        assert!(books.billed.len() > 50 && books.illegal > 50, "the story is worth telling");
    }
}

#[test]
fn a_last_cycle_leaves_nothing_open() {
    for (settings, mut story, books) in stories() {
        story.push(Step::Cycle(""));
        let (runs, harness) = play(&settings, &story, 500, usize::MAX);
        assert_eq!(sum(&money(&runs, "billed_transactions")), books.approved - books.refunded_unbilled);
        assert_eq!(harness.entries("unbilled"), []);
    }
}

#[test]
fn how_events_are_cut_into_calls_changes_nothing() {
    for (settings, story, _) in stories() {
        let all = |events_a_call, restart_every| {
            let (runs, harness) = play(&settings, &story, events_a_call, restart_every);
            let outputs = runs.into_iter().flat_map(|run| run.outputs);
            let outputs: Vec<_> = outputs.map(|output| (output.sink, output.key, output.value)).collect();
            (outputs, harness.entries("transactions"), harness.entries("unbilled"), harness.timers())
        };
        let expected = all(500, usize::MAX);
        for (events_a_call, restart_every) in [(1, usize::MAX), (7, usize::MAX), (500, 13)] {
            assert_eq!(all(events_a_call, restart_every), expected, "{settings} in calls of {events_a_call}");
        }
    }
}

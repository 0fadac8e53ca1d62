//! What an instance knows of its stores, seen from the host's side.

use super::{Page, Reader, Values};
use crate::instance::Instance;
use crate::testing::{Harness, TestEvent, columns};
use crate::{Context, Event, FailureKind, NoSettings, Outcome, Plugin, Sink, Store, Wiring};
use serde_json::json;
use std::cell::RefCell;
use std::collections::{BTreeMap, HashMap};
use std::rc::Rc;
use wasmill_contract::Batch;

/// Counts events by key.
struct Counter {
    counts: Store<u64>,
    out: Sink,
}

impl Plugin for Counter {
    type Settings = NoSettings;

    fn new(_: NoSettings, wiring: &mut Wiring) -> Result<Self, String> {
        wiring.input("in");
        Ok(Counter { counts: wiring.store("counts").keyed_by_event(), out: wiring.sink("out") })
    }

    fn process(&self, event: &Event, ctx: &mut Context) -> Outcome {
        let count = ctx.update(&self.counts, event.key().unwrap_or_default(), |count| *count += 1)?;
        ctx.emit(self.out).json(&count)
    }
}

/// A host that remembers what it was asked for.
#[derive(Default)]
struct Asked {
    entries: RefCell<BTreeMap<String, String>>,
    keys: RefCell<Vec<Vec<String>>>,
    most: Option<usize>,
}

impl Reader for Asked {
    fn get_many(&self, _: u32, key_lengths: &[u32], keys: &[u8]) -> Values {
        let (mut values, mut asked, mut rest) = (Values::default(), vec![], keys);
        for length in key_lengths {
            let (key, others) = rest.split_at(*length as usize);
            rest = others;
            let key = String::from_utf8(key.into()).unwrap();
            if self.most.is_none_or(|most| asked.len() < most) {
                let entries = self.entries.borrow();
                let value = entries.get(&key);
                values.lengths.push(value.map_or(-1, |value| value.len() as i32));
                values.data.extend_from_slice(value.map_or(&[], |value| value.as_bytes()));
            }
            asked.push(key);
        }
        self.keys.borrow_mut().push(asked);
        values
    }

    fn scan(&self, _: u32, _: &[u8], _: &[u8], _: bool, _: u32) -> Page {
        Page::default()
    }
}

fn counter(host: Asked) -> (Instance<Counter>, Rc<Asked>) {
    let host = Rc::new(host);
    (Instance::configure("{}", host.clone()).unwrap().0, host)
}

/// One call; answers what it wrote, as (source, key, value).
fn call(counter: &Instance<Counter>, partition: u32, keys: &[&str]) -> Vec<(usize, String, String)> {
    let mut batch = Batch::new(partition, 0, "in");
    for (offset, key) in (0..).zip(keys) {
        batch.push(offset, 0, Some(key.as_bytes()), None, [].into_iter());
    }
    let answer = counter.process(&columns(&batch));
    let text = |bytes: &[u8]| String::from_utf8(bytes.into()).unwrap();
    let writes = answer.writes.columns();
    writes.iter().map(|write| (write.source, text(write.key), text(write.value.unwrap()))).collect()
}

fn write(source: usize, key: &str, value: &str) -> (usize, String, String) {
    (source, key.into(), value.into())
}

#[test]
fn the_keys_of_a_call_are_fetched_at_once_and_known_from_then_on() {
    let (counter, host) = counter(Asked::default());
    host.entries.borrow_mut().insert("b".into(), "5".into());
    let written = call(&counter, 0, &["a", "b", "a", "c"]);
    assert_eq!(written, [write(1, "b", "6"), write(2, "a", "2"), write(3, "c", "1")]);
    assert_eq!(*host.keys.borrow(), [["a", "b", "c"]]);
    // The host has them now, but nobody needs to ask.
    assert_eq!(call(&counter, 0, &["a", "b"]), [write(0, "a", "3"), write(1, "b", "7")]);
    assert_eq!(host.keys.borrow().len(), 1);
    call(&counter, 0, &["d", "a"]);
    assert_eq!(host.keys.borrow()[1..], [["d"]]);
}

#[test]
fn an_entry_is_written_once_a_call_by_the_last_event_that_wrote_it() {
    let (counter, _) = counter(Asked::default());
    let keys: Vec<&str> = ["a", "b"].into_iter().cycle().take(499).collect();
    assert_eq!(call(&counter, 0, &keys), [write(497, "b", "249"), write(498, "a", "250")]);
}

#[test]
fn tasks_do_not_see_each_others_entries() {
    let (counter, host) = counter(Asked::default());
    call(&counter, 0, &["a"]);
    assert_eq!(call(&counter, 7, &["a", "a"]), [write(1, "a", "2")]);
    assert_eq!(call(&counter, 0, &["a"]), [write(0, "a", "2")]);
    assert_eq!(host.keys.borrow().len(), 2);
}

#[test]
fn an_answer_for_fewer_keys_is_asked_on_from() {
    let (counter, host) = counter(Asked { most: Some(2), ..Asked::default() });
    let keys = ["a", "b", "c", "d", "e"];
    host.entries.borrow_mut().extend(keys.map(|key| (key.to_owned(), "1".to_owned())));
    assert_eq!(call(&counter, 0, &keys), [0, 1, 2, 3, 4].map(|index| write(index, keys[index], "2")));
    assert_eq!(*host.keys.borrow(), [&keys[..], &keys[2..], &keys[4..]]);
}

#[test]
fn what_was_not_touched_for_long_is_forgotten_and_fetched_again() {
    let (counter, host) = counter(Asked::default());
    let call = |keys: &[String]| {
        let keys: Vec<&str> = keys.iter().map(String::as_str).collect();
        for (_, key, value) in call(&counter, 0, &keys) {
            host.entries.borrow_mut().insert(key, value);
        }
    };
    let keys = |prefix: &str| -> Vec<String> { (0..500).map(|number| format!("{prefix}-{number:0>200}")).collect() };
    let (first, often) = (keys("first"), keys("often"));
    for round in 0..200 {
        call(&often);
        call(&if round == 0 { first.clone() } else { keys(&round.to_string()) });
    }
    let asked: HashMap<String, usize> = host.keys.borrow().iter().flatten().fold(HashMap::new(), |mut asked, key| {
        *asked.entry(key.clone()).or_default() += 1;
        asked
    });
    assert!(often.iter().all(|key| asked[key] == 1), "what every call needs stays");
    call(&first);
    assert_eq!(host.keys.borrow().last().unwrap().len(), 500, "what none needed is gone");
    assert!(first.iter().all(|key| host.entries.borrow()[key] == "2"));
}

#[test]
fn an_entry_that_does_not_fit_stops_the_plugin_and_says_which_it_is() {
    let (counter, host) = counter(Asked::default());
    host.entries.borrow_mut().insert("b".into(), r#"{"old":1}"#.into());
    let mut batch = Batch::default();
    for (offset, key) in (0..).zip(["a", "b", "c"]) {
        batch.push(offset, 0, Some(key.as_bytes()), None, [].into_iter());
    }
    let answer = counter.process(&columns(&batch));
    let (event, failure) = &answer.failures[0];
    assert_eq!((answer.done, *event, failure.kind(), failure.code()), (2, 1, FailureKind::Stop, "unreadable-state"));
    assert!(failure.message().contains("`counts` has under the key `b`"), "{failure}");
    assert_eq!(answer.writes.sources, [0]);
}

#[test]
fn stream_time_stands_still_for_events_from_the_future() {
    struct Times(Sink);
    impl Plugin for Times {
        type Settings = NoSettings;
        fn new(_: NoSettings, wiring: &mut Wiring) -> Result<Self, String> {
            wiring.input("in");
            Ok(Times(wiring.sink("out")))
        }
        fn process(&self, _: &Event, ctx: &mut Context) -> Outcome {
            let stream_time = ctx.stream_time();
            ctx.emit(self.0).timestamp(stream_time).send();
            Ok(())
        }
    }
    let mut batch = Batch::default();
    (batch.latest, batch.stream_time) = (100, 5);
    for (offset, timestamp) in [(0, 50), (1, 101), (2, 60)] {
        batch.push(offset, timestamp, None, None, [].into_iter());
    }
    let instance = Instance::<Times>::configure("{}", Rc::new(Asked::default())).unwrap().0;
    assert_eq!(instance.process(&columns(&batch)).timestamps, [50, 50, 60]);
}

#[test]
#[should_panic(expected = "a value for the store `pairs`, under the key `k`, has no JSON")]
fn a_value_without_json_breaks_the_instance() {
    struct Pairs(Store<BTreeMap<(u8, u8), u8>>);
    impl Plugin for Pairs {
        type Settings = NoSettings;
        fn new(_: NoSettings, wiring: &mut Wiring) -> Result<Self, String> {
            wiring.input("in");
            Ok(Pairs(wiring.store("pairs")))
        }
        fn process(&self, _: &Event, ctx: &mut Context) -> Outcome {
            ctx.put(&self.0, "k", BTreeMap::from([((1, 2), 3)]))
        }
    }
    Harness::<Pairs>::new(json!({})).unwrap().event("in").send();
}

#[test]
fn bytes_are_kept_as_they_are() {
    struct Last(Store<Vec<u8>>);
    impl Plugin for Last {
        type Settings = NoSettings;
        fn new(_: NoSettings, wiring: &mut Wiring) -> Result<Self, String> {
            wiring.input("in");
            Ok(Last(wiring.bytes_store("last")))
        }
        fn process(&self, event: &Event, ctx: &mut Context) -> Outcome {
            let before = ctx.get(&self.0, "k")?.unwrap_or_default();
            ctx.put(&self.0, "k", [&before, event.value().unwrap_or_default()].concat())
        }
    }
    let mut harness = Harness::<Last>::new(json!({})).unwrap();
    harness.run([b"\xff", b"\x00"].map(|value| TestEvent::new("in").value(value)).to_vec());
    harness.restart();
    harness.event("in").value("!").send();
    assert_eq!(harness.entries("last")[0].value, b"\xff\x00!");
}

//! Golden cases: events, and what is expected of the plugin, as files beside its code.
//!
//! ```text
//! golden/large-orders/events.jsonl      what comes in, one event a line
//! golden/large-orders/expected.jsonl    what comes out, one output or failure a line
//! golden/large-orders/settings.json     optional
//! ```
//!
//! The lines are those of `wasmill test FILE --input events.jsonl --expect expected.jsonl`, which runs the same case
//! through the built module:
//!
//! ```text
//! {"topic":"orders","key":"k1","value":{"amount":1},"headers":{"origin":"web"},"timestamp":1700000000000}
//! {"sink":"alerts","topic":"alerts","key":"k1","value":{"amount":1},"headers":{"origin":"web"},"timestamp":1700000000000}
//! {"failure":"reject","code":"bad-json","source":2}
//! ```
//!
//! Behind them may stand what the plugin remembers at the end: all entries, store by store in the byte order of their keys,
//! and all timers in the order of their times. Without any such line they are not compared.
//!
//! ```text
//! {"state":"totals","key":"FR","value":{"orders":2}}
//! {"timer":"FR","at":1700000600000,"clock":"event-time"}
//! ```
//!
//! A field that is left out of an expected line is not compared. What is there is compared byte by byte, so that `10.10`
//! is not `10.1`.

mod line;

use super::outcome::CameOut;
use super::{Harness, Run, TestEvent};
use crate::{FailureKind, Plugin};
use line::{Expected, InputEvent};
use serde_json::Value;
use std::collections::HashMap;
use std::path::{Path, PathBuf};

/// The time of an event that names none: 2024-01-01T00:00:00Z, as in `wasmill test`.
const SOME_TIME: i64 = 1_704_067_200_000;

/// What comes out must not depend on how the events were cut into calls.
const EVENTS_A_CALL: [usize; 3] = [1, 7, 500];

/// Checks each case in a folder, in calls of 1, 7 and 500 events. Call it from a test, and name the folder from the
/// crate's own: `golden::check::<Fraud>(concat!(env!("CARGO_MANIFEST_DIR"), "/golden"))`.
///
/// # Panics
/// If there is no case, if a file cannot be read, or if something else comes out than is expected: with the first line
/// that differs.
#[track_caller]
pub fn check<P: Plugin>(folder: impl AsRef<Path>) {
    for case in cases(folder.as_ref()) {
        for events_a_call in EVENTS_A_CALL {
            if let Err(difference) = check_case::<P>(&case, events_a_call) {
                panic!("{} in calls of {events_a_call}: {difference}", case.display());
            }
        }
    }
}

#[track_caller]
fn cases(folder: &Path) -> Vec<PathBuf> {
    let entries = std::fs::read_dir(folder).unwrap_or_else(|error| panic!("{}: {error}", folder.display()));
    let mut cases: Vec<_> = entries.flatten().map(|entry| entry.path()).filter(|path| path.is_dir()).collect();
    cases.sort();
    assert!(!cases.is_empty(), "{} holds no golden case: a folder with events.jsonl", folder.display());
    cases
}

fn check_case<P: Plugin>(case: &Path, events_a_call: usize) -> Result<(), String> {
    let settings = match case.join("settings.json") {
        file if file.exists() => serde_json::from_str(&read(&file)?).map_err(|error| format!("settings: {error}"))?,
        _ => Value::Object(Default::default()),
    };
    let mut harness = Harness::<P>::new(settings)?;
    harness.set_events_a_call(events_a_call);
    let events: Vec<(usize, InputEvent)> = lines(&case.join("events.jsonl"))?;
    let expected: Vec<(usize, Expected)> = lines(&case.join("expected.jsonl"))?;
    let mut came_out = replay(&mut harness, &events)?;
    if expected.iter().any(|(_, expected)| expected.is_of_state()) {
        came_out.extend(remembered(&harness));
    }
    compare(&expected, &came_out)
}

/// What the plugin remembers, in the same words.
fn remembered<P: Plugin>(harness: &Harness<P>) -> Vec<Expected> {
    let stores = harness.stores().into_iter();
    let entries = stores.flat_map(|store| {
        harness.entries(&store).into_iter().map(move |entry| Expected::of_entry(store.clone(), entry))
    });
    entries.chain(harness.timers().into_iter().map(Expected::of_timer)).collect()
}

fn read(file: &Path) -> Result<String, String> {
    std::fs::read_to_string(file).map_err(|error| format!("{}: {error}", file.display()))
}

/// Each with its number, from 1; empty lines are left out.
fn lines<T: line::Parse>(file: &Path) -> Result<Vec<(usize, T)>, String> {
    let text = read(file)?;
    let named = (1..).zip(text.lines()).filter(|(_, line)| !line.trim().is_empty());
    named
        .map(|(number, line)| match T::parse(line) {
            Ok(line) => Ok((number, line)),
            Err(error) => Err(format!("{}:{number}: {error}", file.display())),
        })
        .collect()
}

/// What came out, in order, in the same words as what was expected.
fn replay<P: Plugin>(harness: &mut Harness<P>, lines: &[(usize, InputEvent)]) -> Result<Vec<Expected>, String> {
    let now = lines.iter().map(|(_, event)| event.timestamp.unwrap_or(SOME_TIME)).max();
    harness.set_now(now.unwrap_or(SOME_TIME));
    let mut offsets = HashMap::new();
    let mut events = vec![];
    for (number, line) in lines {
        let input = harness.input_of(&line.topic);
        let input = input.ok_or_else(|| format!("line {number}: no input reads the topic `{}`", line.topic))?;
        let offset: &mut u64 = offsets.entry((line.topic.as_str(), line.partition)).or_default();
        let mut event = TestEvent::new(input).topic(&line.topic).partition(line.partition).offset(*offset);
        *offset += 1;
        event.timestamp = Some(line.timestamp.unwrap_or(SOME_TIME));
        event.key = line.key.clone();
        event.value = line.value.clone();
        event.headers = line.headers.clone();
        events.push(event);
    }
    let mut came_out = vec![];
    let mut done = 0;
    while done < events.len() {
        let run = harness.run(events[done..].to_vec());
        let stopped = run.failures.last().is_some_and(|last| last.failure.kind() == FailureKind::Stop);
        let handled = run.done;
        collect(&mut came_out, run, &lines[done..]);
        done += handled;
        if stopped {
            break;
        }
    }
    Ok(came_out)
}

fn collect(came_out: &mut Vec<Expected>, run: Run, lines: &[(usize, InputEvent)]) {
    let mut outputs = run.outputs.into_iter();
    for next in run.order {
        match next {
            CameOut::Output(_) => came_out.extend(outputs.next().map(Expected::of_output)),
            CameOut::Failure(failure) => {
                let failed = &run.failures[failure];
                came_out.push(Expected::of_failure(&failed.failure, lines[failed.event].0));
            }
        }
    }
}

fn compare(expected: &[(usize, Expected)], came_out: &[Expected]) -> Result<(), String> {
    for ((number, expected), came_out) in expected.iter().zip(came_out) {
        if let Some(field) = expected.difference(came_out) {
            return Err(format!(
                "`{field}` differs\nexpected.jsonl:{number}: {expected}\ncame out:         {came_out}"
            ));
        }
    }
    match (expected.get(came_out.len()), came_out.get(expected.len())) {
        (Some((number, missing)), _) => Err(format!("missing\nexpected.jsonl:{number}: {missing}")),
        (_, Some(extra)) => Err(format!("not expected\ncame out: {extra}")),
        (None, None) => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Clock, Context, Event, Failure, NoSettings, Outcome, Sink, Store, Wiring};

    struct Copy(Sink);

    impl Plugin for Copy {
        type Settings = NoSettings;

        fn new(_: NoSettings, wiring: &mut Wiring) -> Result<Self, String> {
            wiring.input_from("in", "shop.in");
            Ok(Copy(wiring.sink_to("out", "shop.out")))
        }

        fn process(&self, event: &Event, ctx: &mut Context) -> Outcome {
            match event.value() {
                Some(b"retry") => return Err(Failure::retry("later", "")),
                Some(b"stop") => return Err(Failure::stop("never", "")),
                _ => ctx.forward(self.0),
            }
            Ok(())
        }
    }

    #[track_caller]
    fn run(events: &str, expected: &str) -> Result<(), String> {
        let parse = |line| InputEvent::parse(line).unwrap();
        let events: Vec<_> = (1..).zip(events.lines().map(parse)).collect();
        let parse = |line| Expected::parse(line).unwrap();
        let expected: Vec<_> = (1..).zip(expected.lines().map(parse)).collect();
        let mut harness = Harness::<Copy>::new(serde_json::json!({})).unwrap();
        compare(&expected, &replay(&mut harness, &events)?)
    }

    use line::Parse;

    #[test]
    fn what_comes_out_is_compared_field_by_field() {
        let event = r#"{"topic":"in","key":"k","value":{"a": 1.10},"headers":{"h":null},"timestamp":5}"#;
        let output =
            r#"{"sink":"out","topic":"shop.out","key":"k","value":{"a": 1.10},"headers":{"h":null},"timestamp":5}"#;
        assert_eq!(run(event, output), Ok(()));
        assert_eq!(run(event, r#"{"sink":"out"}"#), Ok(()));
        for (other, field) in [
            (r#"{"sink":"other"}"#, "sink"),
            (r#"{"value":{"a": 1.1}}"#, "value"),
            (r#"{"key":null}"#, "key"),
            (r#"{"headers":{}}"#, "headers"),
            (r#"{"timestamp":6}"#, "timestamp"),
            (r#"{"failure":"reject"}"#, "failure"),
        ] {
            let difference = run(event, other).unwrap_err();
            assert!(difference.starts_with(&format!("`{field}` differs")), "{difference}");
        }
    }

    #[test]
    fn missing_and_unexpected_lines_are_shown() {
        assert!(run("", r#"{"sink":"out"}"#).unwrap_err().starts_with("missing"));
        assert!(run(r#"{"topic":"shop.in"}"#, "").unwrap_err().starts_with("not expected"));
    }

    #[test]
    fn after_a_retry_the_next_event_follows_and_after_a_stop_none() {
        let events =
            ["retry", "x", "stop", "y"].map(|value| format!(r#"{{"topic":"in","value":"{value}"}}"#)).join("\n");
        let expected = r#"{"failure":"retry","code":"later","source":1}
{"sink":"out","value":"x"}
{"failure":"stop","code":"never","source":3}"#;
        assert_eq!(run(&events, expected), Ok(()));
    }

    #[test]
    fn what_is_remembered_is_compared_if_a_line_is_about_it() {
        struct Last(Store<u64>);
        impl Plugin for Last {
            type Settings = NoSettings;
            fn new(_: NoSettings, wiring: &mut Wiring) -> Result<Self, String> {
                wiring.input("in");
                Ok(Last(wiring.store("last")))
            }
            fn process(&self, event: &Event, ctx: &mut Context) -> Outcome {
                ctx.set_timer("later", event.timestamp() + 10, Clock::EventTime);
                ctx.put(&self.0, event.key().unwrap_or_default(), event.offset())
            }
        }
        let folder = std::env::temp_dir().join(format!("golden-{}", std::process::id()));
        let check = |expected: &str| {
            std::fs::create_dir_all(folder.join("case")).unwrap();
            let events = r#"{"topic":"in","key":"a","timestamp":5}
{"topic":"in","key":"b","timestamp":6,"partition":2}
{"topic":"in","key":"a","timestamp":7}"#;
            std::fs::write(folder.join("case/events.jsonl"), events).unwrap();
            std::fs::write(folder.join("case/expected.jsonl"), expected).unwrap();
            let checked = check_case::<Last>(&folder.join("case"), 7);
            std::fs::remove_dir_all(&folder).unwrap();
            checked.map_err(|difference| difference.lines().next().unwrap_or_default().to_owned())
        };
        assert_eq!(check(""), Ok(()));
        let all = [
            r#"{"state":"last","key":"a","value":1}"#,
            r#"{"state":"last","key":"b","value":0,"partition":2}"#,
            r#"{"timer":"later","at":17,"clock":"event-time"}"#,
            r#"{"timer":"later","at":16}"#,
        ];
        assert_eq!(check(&all.join("\n")), Ok(()));
        assert_eq!(check(&all[..3].join("\n")), Err("not expected".into()));
        assert_eq!(check(&all.join("\n").replace("17", "18")), Err("`at` differs".into()));
        assert_eq!(check(&all.join("\n").replace("value\":1", "value\":2")), Err("`value` differs".into()));
    }

    #[test]
    fn an_event_of_an_unknown_topic_is_refused() {
        assert_eq!(run(r#"{"topic":"shop"}"#, ""), Err("line 1: no input reads the topic `shop`".into()));
    }
}

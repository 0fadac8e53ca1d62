//! Windows through the test harness: the same results however the events come.

use crate::testing::{Harness, Run, TestEvent};
use crate::{Context, Event, NoSettings, Outcome, Plugin, Sink, Timer, Window, Windows, Wiring};
use serde::{Deserialize, Serialize};
use serde_json::json;
use std::collections::BTreeMap;
use std::time::Duration;

#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
struct Sum {
    events: u64,
    sum: i64,
}

/// Sums numbers by key in windows of four kinds.
struct Sums {
    tumbling: Windows<Sum>,
    hopping: Windows<Sum>,
    sessions: Windows<Sum>,
    running: Windows<Sum>,
    out: [Sink; 4],
    late: Sink,
}

const MS: fn(u64) -> Duration = Duration::from_millis;

impl Plugin for Sums {
    type Settings = NoSettings;

    fn new(_: NoSettings, wiring: &mut Wiring) -> Result<Self, String> {
        wiring.input("in");
        let merge = |one: &mut Sum, other: Sum| {
            one.events += other.events;
            one.sum += other.sum;
        };
        Ok(Sums {
            tumbling: wiring.tumbling("tumbling", MS(100)).grace(MS(30)).keyed_by_event(),
            hopping: wiring.hopping("hopping", MS(100), MS(40)),
            sessions: wiring.sessions("sessions", MS(50), merge).grace(MS(20)),
            running: wiring.tumbling("running", MS(100)).running(),
            out: ["tumbling", "hopping", "sessions", "running"].map(|name| wiring.sink(name)),
            late: wiring.sink("late"),
        })
    }

    fn process(&self, event: &Event, ctx: &mut Context) -> Outcome {
        let number: i64 = event.json()?;
        for (windows, sink) in self.all() {
            let update = windows.update(ctx, event.key().unwrap_or_default(), |sum| {
                sum.events += 1;
                sum.sum += number;
            })?;
            if update.late {
                ctx.emit(self.late).key(&*windows.name).send();
            }
            send(update.results, sink, ctx)?;
        }
        if number < 0 {
            return Err(crate::Failure::reject("negative", "after all windows were changed"));
        }
        Ok(())
    }

    fn on_timer(&self, timer: &Timer, ctx: &mut Context) -> Outcome {
        for (windows, sink) in self.all() {
            let results = windows.on_timer(ctx, timer)?;
            send(results, sink, ctx)?;
        }
        Ok(())
    }
}

impl Sums {
    fn all(&self) -> [(&Windows<Sum>, Sink); 4] {
        let windows = [&self.tumbling, &self.hopping, &self.sessions, &self.running];
        std::array::from_fn(|index| (windows[index], self.out[index]))
    }
}

fn send(results: Vec<Window<Sum>>, sink: Sink, ctx: &mut Context) -> Outcome {
    for window in results {
        ctx.emit(sink).key(&window.key).timestamp(window.end).json(&window)?;
    }
    Ok(())
}

fn harness() -> Harness<Sums> {
    Harness::new(json!({})).unwrap()
}

fn event((key, timestamp, number): &(&str, i64, i64)) -> TestEvent {
    TestEvent::new("in").key(key).timestamp(*timestamp).json(number)
}

/// What came out at a sink, as `KEY START..END EVENTS/SUM`.
fn results(run: &Run, sink: &str) -> Vec<String> {
    let outputs = run.outputs.iter().filter(|output| output.sink == sink);
    outputs
        .map(|output| {
            let window = output.json();
            let (key, value) = (output.key_str().unwrap(), &window["value"]);
            format!("{key} {}..{} {}/{}", window["start"], window["end"], value["events"], value["sum"])
        })
        .collect()
}

fn run(events: &[(&str, i64, i64)]) -> Run {
    harness().run(events.iter().map(event).collect())
}

#[test]
fn a_window_closes_by_an_event_of_its_key_or_by_a_timer_when_its_grace_is_over() {
    let run =
        run(&[("a", 10, 1), ("b", 20, 2), ("a", 129, 3), ("a", 99, 4), ("a", 130, 5), ("b", 131, 6), ("a", 98, 7)]);
    // a closes by its event at 130, b by the timer right after it.
    assert_eq!(results(&run, "tumbling"), ["a 0..100 2/5", "b 0..100 1/2"]);
    let causes: Vec<_> = run.outputs.iter().filter(|output| output.sink == "tumbling").collect();
    assert_eq!((causes[0].event, causes[0].timer.is_none()), (4, true));
    assert_eq!((causes[1].event, causes[1].timer.is_some()), (4, true));
    let late = run.outputs.iter().filter(|output| output.sink == "late" && output.event == 6);
    assert!(late.into_iter().any(|output| output.key_str() == Some("tumbling")), "its window is closed");
}

#[test]
fn hopping_windows_overlap() {
    let run = run(&[("a", 50, 1), ("a", 85, 2), ("b", 500, 9)]);
    assert_eq!(results(&run, "hopping"), ["a -40..60 1/1", "a 0..100 2/3", "a 40..140 2/3", "a 80..180 1/2"]);
}

#[test]
fn sessions_end_after_a_gap_and_are_joined_by_what_comes_late() {
    let run = run(&[("a", 0, 1), ("a", 49, 2), ("a", 110, 4), ("a", 80, 8), ("b", 500, 9)]);
    assert_eq!(results(&run, "sessions"), ["a 0..160 4/15"]);
    let run = self::run(&[("a", 0, 1), ("a", 50, 2), ("b", 70, 0), ("a", 120, 4), ("b", 500, 9)]);
    assert_eq!(results(&run, "sessions"), ["a 0..50 1/1", "a 50..100 1/2", "b 70..120 1/0", "a 120..170 1/4"]);
}

#[test]
fn running_results_come_with_each_event_and_need_no_timer() {
    let mut harness = harness();
    let run = harness.run([("a", 10, 1), ("a", 20, 2), ("a", 120, 4), ("a", 99, 8)].iter().map(event).collect());
    assert_eq!(results(&run, "running"), ["a 0..100 1/1", "a 0..100 2/3", "a 100..200 1/4"]);
    assert!(harness.timers().iter().all(|timer| !timer.key.starts_with(b"running")));
    harness.run(vec![event(&("b", 220, 1))]);
    let left: Vec<_> = harness.entries("running").into_iter().map(|entry| entry.key).collect();
    assert_eq!(left, [b"b"], "what is over is gone by itself");
}

#[test]
fn nothing_is_left_when_all_windows_are_closed() {
    let mut harness = harness();
    harness.run([("a", 10, 1), ("b", 20, 2), ("a", 120, 4), ("z", 100_000, 0)].iter().map(event).collect());
    for store in ["tumbling", "hopping", "sessions", "running"] {
        let keys: Vec<_> = harness.entries(store).into_iter().map(|entry| entry.key).collect();
        assert_eq!(keys, [b"z"], "{store}");
    }
    assert!(harness.timers().iter().all(|timer| timer.key.ends_with(b"\0z")), "{:?}", harness.timers());
}

/// Out of order by up to 60 ms, with gaps and failures; the same each time.
fn story() -> Vec<(&'static str, i64, i64)> {
    let mut random = 7u64;
    let mut next = |below: u64| {
        random = random.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        ((random >> 33) % below) as i64
    };
    let mut time = 0;
    (0..600)
        .map(|_| {
            time += if next(20) == 0 { next(400) } else { next(12) };
            (["a", "b", "c", "d", "e"][next(5) as usize], (time - next(60)).max(0), next(50) - 2)
        })
        .collect()
}

#[test]
fn results_do_not_depend_on_how_events_are_cut_into_calls_nor_on_what_the_instance_still_knows() {
    let story = story();
    let with = |events_a_call: usize, restart_every: usize| {
        let mut harness = harness();
        harness.set_events_a_call(events_a_call);
        let mut came_out = vec![];
        for events in story.chunks(restart_every) {
            let run = harness.run(events.iter().map(event).collect());
            came_out.extend(run.outputs.into_iter().map(|output| (output.sink, output.key, output.value)));
            harness.restart();
        }
        (came_out, harness.entries("tumbling"), harness.entries("sessions"), harness.timers())
    };
    let expected = with(500, usize::MAX);
    assert!(expected.0.len() > 900);
    for events_a_call in [1, 7] {
        assert_eq!(with(events_a_call, usize::MAX), expected, "calls of {events_a_call}");
    }
    assert_eq!(with(500, 13), expected);
}

#[test]
fn final_results_are_what_the_events_in_time_add_up_to() {
    let mut stream_time = -1;
    let mut expected: BTreeMap<(String, i64), (u64, i64)> = BTreeMap::new();
    for (key, time, number) in story() {
        stream_time = stream_time.max(time);
        let start = time / 100 * 100;
        if number >= 0 && start + 130 > stream_time {
            let sum = expected.entry((key.into(), start)).or_default();
            *sum = (sum.0 + 1, sum.1 + number);
        }
    }
    expected.retain(|(_, start), _| start + 130 <= stream_time);
    let run = run(&story());
    let mut found: Vec<String> = results(&run, "tumbling");
    found.sort();
    let mut expected: Vec<String> = expected
        .iter()
        .map(|((key, start), (events, sum))| format!("{key} {start}..{} {events}/{sum}", start + 100))
        .collect();
    expected.sort();
    assert_eq!(found, expected);
}

//! Stores and timers across the boundary.

use super::{config, load};
use std::sync::Arc;
use wasmill::event::Failure;
use wasmill::plugin::Module;
use wasmill::plugin::guest::{Guest, Outcome, Spawn, TimerTask};
use wasmill::state::{Change, Clock, Entry, MemoryState, Range, State, StateError, StoreSpec, Timer};
use wasmill_contract::{Batch, Limits, StreamTime};

/// An instance with a state of its own, and the host's part of a call.
struct Bench {
    module: Arc<Module>,
    guest: Box<dyn Guest>,
    state: Option<Box<dyn State>>,
    stream_time: i64,
}

impl Bench {
    fn new() -> Bench {
        Bench::of("memo")
    }

    fn of(fixture: &str) -> Bench {
        let module = load(fixture, &config()).unwrap();
        let state: Box<dyn State> = Box::new(MemoryState::new(&module.wiring.stores));
        Bench { guest: module.spawn().unwrap(), module, state: Some(state), stream_time: 0 }
    }

    /// Runs events, given as (timestamp, commands); applies and answers what came of it.
    fn run(&mut self, events: &[(i64, &str)]) -> Outcome {
        let mut batch = Batch::default();
        (batch.stream_time, batch.now) = (self.stream_time, 1_000_000);
        for (offset, (timestamp, commands)) in (0..).zip(events) {
            batch.push(offset, *timestamp, Some(b"key"), Some(commands.as_bytes()), [].into_iter());
        }
        let outcome = self.guest.process(&mut batch, &mut self.state);
        assert!(self.state.is_some(), "the state comes back");
        self.apply(&batch.copy_range(0..outcome.answer.done as usize), outcome)
    }

    fn fire(&mut self, now: i64) -> Outcome {
        let task = TimerTask { partition: 0, now, stream_time: self.stream_time };
        let due = self.state.as_ref().unwrap().due(self.stream_time, now, 100);
        let outcome = self.guest.timers(task, &due, &mut self.state);
        let fired = &due[..outcome.answer.done as usize];
        for timer in fired {
            self.state.as_mut().unwrap().set_timer(timer.clock, &timer.key, None);
        }
        self.apply(&task.batch(fired), outcome)
    }

    fn apply(&mut self, batch: &Batch, outcome: Outcome) -> Outcome {
        let effects = outcome.answer.effects();
        assert_eq!(effects.check(batch, &self.module.scope(), &Limits::default(), Failure::kind), Ok(vec![]));
        let state = self.state.as_mut().unwrap();
        for write in effects.writes.iter() {
            let at = batch.stream_time_before(write.source + 1);
            state.put(write.store, write.key, write.value, at).unwrap();
        }
        for timer in effects.timers.iter() {
            state.set_timer(timer.clock, timer.key, timer.at);
        }
        self.stream_time = batch.stream_time_before(batch.len());
        outcome
    }
}

/// The values of what came out, in order.
fn values(outcome: &Outcome) -> Vec<String> {
    assert_eq!(outcome.broke, None);
    let outputs = outcome.answer.effects();
    outputs.outputs().map(|output| String::from_utf8_lossy(output.value.resolve(None).unwrap()).into_owned()).collect()
}

#[test]
fn the_wiring_has_the_stores_that_configure_declared() {
    let module = load("memo", &config()).unwrap();
    let store = |name: &str, ttl_ms| StoreSpec { name: name.into(), ttl_ms, version: 1, keyed_by_event: false };
    assert_eq!(module.wiring.stores, [store("counts", None), store("recent", Some(10_000))]);
    let scope = module.scope();
    assert_eq!((scope.stores, scope.timers), (2, true));
}

#[test]
fn an_event_sees_its_own_writes_and_those_before_it_in_the_same_run_and_in_the_next() {
    let mut bench = Bench::new();
    let outcome = bench.run(&[(1, "a+1, a+2, b+5"), (2, "a+10, b!, b?"), (3, "a?")]);
    assert_eq!(values(&outcome), ["1", "3", "5", "13", "nothing", "13"]);
    let sources: Vec<_> = outcome.answer.effects().writes.iter().map(|write| (write.source, write.store)).collect();
    assert_eq!(sources, [(0, 0), (0, 0), (0, 0), (1, 0), (1, 0)]);
    assert_eq!(values(&bench.run(&[(4, "a?, b?, ~a?")])), ["13", "nothing", "nothing"]);
}

#[test]
fn a_failed_event_leaves_nothing() {
    let mut bench = Bench::new();
    let outcome = bench.run(&[(1, "a+1"), (2, "a+10, new+1, @t=5, fail"), (3, "a?, new?"), (9, "time"), (10, "time")]);
    assert_eq!(values(&outcome), ["1", "1", "nothing", "9", "10"]);
    assert_eq!((outcome.answer.done, outcome.answer.timers.sources.len()), (5, 0));
    let outcome = bench.run(&[(11, "a+1"), (12, "a+1, retry"), (13, "a+1")]);
    assert_eq!((outcome.answer.done, values(&outcome)), (2, vec!["2".into()]));
    let outcome = bench.run(&[(14, "a+1, @t=20"), (15, "a+1, panic"), (16, "a+1")]);
    assert_eq!((outcome.answer.done, outcome.answer.writes.sources.len()), (1, 1));
    assert!(outcome.broke.unwrap().culprit_known);
    bench.guest = bench.module.spawn().unwrap();
    assert_eq!(values(&bench.run(&[(17, "a?")])), ["3"]);
    assert_eq!(bench.state.unwrap().next_timer(Clock::EventTime), Some(20));
}

#[test]
fn a_scan_shows_what_was_there_and_what_the_run_has_changed() {
    let mut bench = Bench::new();
    bench.run(&[(1, "a+1, c+3, e+5, g+7, i+9")]);
    let outcome = bench.run(&[(2, "b+2, c!, e+50, k+11, *.., *b..g, -*.., -*b..g, *x.., *g..b")]);
    let found = values(&outcome);
    assert_eq!(found[3..], ["a=1 b=2 e=55 g=7 i=9 k=11", "b=2 e=55", "k=11 i=9 g=7 e=55 b=2 a=1", "e=55 b=2", "", ""]);
}

#[test]
fn entries_are_gone_by_the_time_of_the_event_at_hand_however_the_events_are_cut() {
    let events = [
        (1_000, "~a+1, a+1"),
        (10_999, "~a?, ~b+1"),
        (11_000, "~a?, a?, *~.."),
        (11_500, "~a+5, ~b+1"),
        (15_000, "~c+1, fail"),
        (14_000, "time, *~.."),
        (21_500, "~a?, ~b?, -*~.."),
    ];
    let expected = ["1", "1", "1", "1", "nothing", "1", "b=1", "5", "2", "15000", "a=5 b=2", "nothing", "nothing", ""];
    for batch in [1, 3, 7] {
        let mut bench = Bench::new();
        let found: Vec<String> = events.chunks(batch).flat_map(|events| values(&bench.run(events))).collect();
        assert_eq!(found, expected, "batches of {batch}");
    }
}

#[test]
fn too_much_and_what_is_not_declared_are_errors_that_the_plugin_sees() {
    let found = values(&Bench::new().run(&[(1, "large KEY, large VALUE, nowhere")]));
    let [key, value, nowhere] = &found[..] else { panic!("{found:?}") };
    assert!(key.contains("TooLarge(65536)") && value.contains("TooLarge(980992)"), "{found:?}");
    assert!(nowhere.contains("NoSuchStore"), "{nowhere}");
}

#[test]
fn a_run_ends_after_the_event_that_made_a_timer_due_which_was_set_in_it() {
    let mut bench = Bench::new();
    let outcome = bench.run(&[(1, "@t=5, #t=1"), (4, "time"), (6, "time"), (7, "time")]);
    assert_eq!((outcome.answer.done, values(&outcome)), (3, vec!["4".into(), "6".into()]));
    let fired = bench.fire(0);
    assert_eq!(values(&fired), ["t at 5 in 6, the 1."]);
    let effects = fired.answer.effects();
    assert_eq!(effects.outputs().next().unwrap().timestamp, None);
    assert_eq!(values(&bench.fire(1)), ["t at 1 in 6, the 2."]);
    let outcome = bench.run(&[(8, "@t=9"), (9, "fail"), (10, "time")]);
    assert_eq!(outcome.answer.done, 2, "a failed event moves stream time as well");
}

#[test]
fn timers_fire_in_order_and_end_at_one_that_changes_what_is_due() {
    let mut bench = Bench::new();
    bench.run(&[(10, "@b=3, #a=2, @c+4=1, @d=8")]);
    // The first one sets itself anew for 5, which is before the last.
    assert_eq!(values(&bench.fire(100)), ["c+4 at 1 in 10, the 1."]);
    let found = values(&bench.fire(100));
    assert_eq!(found, ["a at 2 in 10, the 2.", "b at 3 in 10, the 3.", "c+4 at 5 in 10, the 4."]);
    assert_eq!(values(&bench.fire(100)), ["d at 8 in 10, the 5.", "c+4 at 9 in 10, the 6."]);
    assert_eq!(values(&bench.fire(100)), [""; 0]);
    assert_eq!(bench.state.unwrap().next_timer(Clock::EventTime), Some(13));
}

#[test]
fn a_timer_that_breaks_the_instance_is_known_and_those_before_it_hold() {
    let mut bench = Bench::new();
    bench.run(&[(10, "@a=1, @panic=2, @z=3")]);
    let outcome = bench.fire(0);
    assert_eq!((outcome.answer.done, outcome.answer.writes.sources.len()), (1, 1));
    assert!(outcome.broke.unwrap().culprit_known);
}

#[test]
fn without_a_state_there_is_no_store_and_no_timer() {
    let mut bench = Bench::new();
    let mut batch = Batch::default();
    batch.push(0, 0, None, Some(b"nowhere"), [].into_iter());
    let outcome = bench.guest.process(&mut batch, &mut None);
    assert!(values(&outcome)[0].contains("NoSuchStore"));
    let mut batch = Batch::default();
    batch.push(0, 0, None, Some(b"@t=1"), [].into_iter());
    let broke = bench.guest.process(&mut batch, &mut None).broke.unwrap();
    assert!(broke.reason.message.contains("declares no store"), "{:?}", broke.reason);
}

/// A state that can't be read.
struct Broken;

impl State for Broken {
    fn advance(&mut self, _: i64) -> Result<(), StateError> {
        Ok(())
    }
    fn get(&mut self, _: usize, _: &[u8]) -> Result<Option<(&[u8], i64)>, StateError> {
        Err(StateError("the disk is gone".into()))
    }
    fn scan(&mut self, _: usize, _: Range<'_>, _: Entry<'_>) -> Result<(), StateError> {
        Err(StateError("the disk is gone".into()))
    }
    fn put(&mut self, _: usize, _: &[u8], _: Option<&[u8]>, _: i64) -> Result<(), StateError> {
        Ok(())
    }
    fn set_timer(&mut self, _: Clock, _: &[u8], _: Option<i64>) {}
    fn due(&self, _: i64, _: i64, _: usize) -> Vec<Timer> {
        vec![]
    }
    fn next_timer(&self, _: Clock) -> Option<i64> {
        None
    }
    fn is_dirty(&self) -> bool {
        false
    }
    fn dirty_bytes(&self) -> usize {
        0
    }
    fn changes(&self, _: &mut dyn FnMut(Change<'_>) -> Result<(), StateError>) -> Result<(), StateError> {
        Ok(())
    }
    fn commit(&mut self, _: Option<i64>) {}
    fn abort(&mut self) {}
}

#[test]
fn a_state_that_cannot_be_read_is_no_events_fault() {
    for (fixture, commands) in [("memo", "a?"), ("memo", "*.."), ("memo-batch", "a+1"), ("memo-batch", "*..")] {
        let mut bench = Bench { state: Some(Box::new(Broken)), ..Bench::of(fixture) };
        let broke = bench.run(&[(1, "time"), (2, commands)]).broke.unwrap();
        assert!(broke.is_of_state() && !broke.culprit_known);
        assert!(broke.reason.message.contains("the disk is gone"), "{:?}", broke.reason);
    }
}

#[test]
fn stream_time_stands_still_for_events_from_the_future() {
    let mut bench = Bench::new();
    let mut batch = Batch::default();
    (batch.latest, batch.stream_time) = (100, 5);
    for (offset, timestamp) in [(0, 50), (1, 101), (2, 60)] {
        batch.push(offset, timestamp, None, Some(b"time"), [].into_iter());
    }
    assert_eq!(StreamTime { time: 5, latest: 100 }, batch.clock());
    assert_eq!(values(&bench.guest.process(&mut batch, &mut bench.state)), ["50", "50", "60"]);
}

const STORY: &str = r#"{"timestamp":1000,"value":"a+1, ~a+1, ~b+1, @t=12000, #w=1"}
{"timestamp":5000,"value":"a+1, ~b+1, @never=6000, fail"}
{"timestamp":6000,"value":"a?, ~b?, ~b+1"}
{"timestamp":6100,"value":"a+100, ~b+100, panic"}
{"timestamp":11000,"value":"~a?, ~b?, *~.., time"}
{"timestamp":12500,"value":"a!, a?, b+1, c+5"}
{"timestamp":12600,"value":"*.., -*.., *b..c, @t=12700, @u+500=12650"}
{"timestamp":12500,"value":"b!, *.., retry"}
{"timestamp":12500,"value":"b!, *.., fail"}
{"timestamp":13800,"value":"*.., ~x+1, @panic=14000, @z=15000"}
{"timestamp":13900,"value":"~y+1, *~..","partition":1}
{"timestamp":13900,"value":"~y+1, *~.., @u+500!","partition":0}
{"timestamp":23800,"value":"*~.., -*~.., b?"}
"#;

const CAME_OUT: &str = r#"{"value":"1","key":null,"timestamp":1000}
{"value":"1"}
{"value":"1"}
{"failure":"reject","code":"told","source":2}
{"value":"1"}
{"value":"1"}
{"value":"2"}
{"failure":"trap","code":"trap","source":4}
{"value":"nothing"}
{"value":"2"}
{"value":"b=2"}
{"value":"11000"}
{"value":"nothing"}
{"value":"1"}
{"value":"5"}
{"value":"t at 12000 in 12500, the 1.","timestamp":12000}
{"value":"b=1 c=5 fired=1"}
{"value":"fired=1 c=5 b=1"}
{"value":"b=1"}
{"failure":"retry","code":"told","source":8}
{"failure":"reject","code":"told","source":9}
{"value":"b=1 c=5 fired=1"}
{"value":"1"}
{"value":"u+500 at 12650 in 13800, the 2."}
{"value":"t at 12700 in 13800, the 3."}
{"value":"u+500 at 13150 in 13800, the 4."}
{"value":"u+500 at 13650 in 13800, the 5."}
{"value":"1"}
{"value":"y=1"}
{"value":"1"}
{"value":"b=2 x=1 y=1"}
{"value":"y=1"}
{"value":"y=1"}
{"value":"1"}
{"failure":"trap","code":"trap","source":13}
{"value":"z at 15000 in 23800, the 6.","key":null,"timestamp":15000}
{"state":"counts","partition":0,"key":"b","value":1}
{"state":"counts","partition":0,"key":"c","value":5}
{"state":"counts","partition":0,"key":"fired","value":6}
{"state":"recent","partition":0,"key":"y","value":1}
{"state":"recent","partition":1,"key":"y","value":1}
{"timer":"w","at":1,"clock":"wall-clock"}
"#;

#[test]
fn both_worlds_do_the_same_with_stores_and_timers_however_the_events_are_cut() {
    let folder = tempfile::tempdir().unwrap();
    let path = |name: &str| folder.path().join(name).to_str().unwrap().to_owned();
    let (events, expected) = (path("events.jsonl"), path("expected.jsonl"));
    std::fs::write(&events, STORY).unwrap();
    std::fs::write(&expected, CAME_OUT).unwrap();
    for fixture in ["memo", "memo-batch"] {
        for batch in ["1", "2", "7", "500"] {
            let plugin = super::file(fixture);
            let words = ["test", plugin.to_str().unwrap(), "--input", &events, "--expect", &expected, "--batch", batch];
            assert!(super::succeeds(&words), "{fixture} in calls of {batch}");
        }
    }
}

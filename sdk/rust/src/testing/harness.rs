//! The host's side of a call, in a test.

use super::outcome::{collect, collect_timers};
use super::states::States;
use super::{Run, TestEvent};
use crate::answer::Answer;
use crate::instance::Instance;
use crate::wiring::Port;
use crate::{Input, Plugin, Timer, Wiring, input};
use serde_json::Value;
use std::collections::HashMap;
use std::rc::Rc;
use wasmill_contract::{Batch, DueTimer, Effects, FailureKind, Limits, Scope};

/// A timer that sets itself anew for a time that is past would fire for ever.
const CALLS_FOR_TIMERS: usize = 100_000;

/// A configured plugin in a test: see [`testing`](crate::testing).
pub struct Harness<P> {
    instance: Instance<P>,
    settings: String,
    pub(super) wiring: Wiring,
    pub(super) states: Rc<States>,
    now: i64,
    next_offset: u64,
    stream_times: HashMap<u32, i64>,
    events_a_call: usize,
}

impl<P: Plugin> Harness<P> {
    /// Configures the plugin.
    ///
    /// # Errors
    /// What the author of the configuration would be told: a setting that does not fit, or what [`Plugin::new`] has
    /// against it.
    pub fn new(settings: Value) -> Result<Self, String> {
        let states = Rc::new(States::default());
        let settings = settings.to_string();
        let (instance, wiring) = Instance::configure(&settings, states.clone())?;
        states.declare(&wiring);
        Ok(Harness {
            instance,
            settings,
            wiring,
            states,
            now: 1_700_000_000_000,
            next_offset: 0,
            stream_times: HashMap::new(),
            events_a_call: 500,
        })
    }

    /// Sets the wall clock, in milliseconds since the Unix epoch: 1 700 000 000 000 unless set. It stands still.
    pub fn set_now(&mut self, now: i64) {
        self.now = now;
    }

    /// Sets the wall clock, and has the plugin handle the timers on it that are due then: they fire at no other time. Those on
    /// event time fire by themselves, between the events of [`Harness::run`]. The outputs are of event 0.
    ///
    /// # Panics
    /// As [`Harness::run`].
    #[track_caller]
    pub fn advance_clock(&mut self, now: i64) -> Run {
        self.now = now;
        let mut run = Run::default();
        for partition in self.states.partitions() {
            if !self.fire(&mut run, partition, now) {
                break;
            }
        }
        run.committed()
    }

    /// Puts a fresh instance in the place of the one at work, as the host may between any two calls: what was only in its
    /// fields is gone, what was in stores is not.
    ///
    /// # Panics
    /// If [`Plugin::new`] no longer takes the settings.
    #[track_caller]
    pub fn restart(&mut self) {
        let (instance, wiring) =
            Instance::configure(&self.settings, self.states.clone()).unwrap_or_else(|error| panic!("{error}"));
        (self.instance, self.wiring) = (instance, wiring);
    }

    /// The input that reads this topic, or is called so.
    pub(super) fn input_of(&self, topic: &str) -> Option<&str> {
        let is_named = |input: &&Port| input.topic == topic || input.name == topic;
        self.wiring.inputs.iter().find(is_named).map(|input| input.name.as_str())
    }

    /// Sets how many events a call has at most: 500 unless set. What comes out must not depend on it.
    ///
    /// # Panics
    /// If it is 0.
    pub fn set_events_a_call(&mut self, events: usize) {
        assert!(events > 0, "a call has at least one event");
        self.events_a_call = events;
    }

    /// An event for the input of this name, to be built and sent.
    pub fn event(&mut self, input: &str) -> TestEvent<&mut Self> {
        TestEvent::to(self, input)
    }

    /// Has the plugin process the events in order, several a call: neighbours of the same input, topic and partition
    /// go together, and with a commit at the end. Timers on event time fire right after the event that made them due. After a `retry` or `stop` the rest is
    /// left undone.
    ///
    /// # Panics
    /// If the plugin has no such input, or if the host would not accept what the plugin did: more outputs or bytes of
    /// one event than the host's limits are unless configured.
    #[track_caller]
    pub fn run(&mut self, mut events: Vec<TestEvent>) -> Run {
        for event in &mut events {
            self.next_offset = *event.offset.get_or_insert(self.next_offset) + 1;
            event.timestamp.get_or_insert(self.now);
        }
        let mut run = Run::default();
        for mut together in events.chunk_by(TestEvent::goes_with) {
            let partition = together[0].partition;
            while !together.is_empty() {
                let handled = self.call(&mut run, together);
                together = &together[handled..];
                let failed = run.failures.last();
                if failed.is_some_and(|failed| failed.failure.kind() != FailureKind::Reject)
                    || !self.fire(&mut run, partition, i64::MIN)
                {
                    return run.committed();
                }
            }
        }
        run.committed()
    }

    /// One call for the first of the events. Answers how many were handled.
    #[track_caller]
    fn call(&mut self, run: &mut Run, events: &[TestEvent]) -> usize {
        let partition = events[0].partition;
        self.states.turn_to(partition);
        let batch = self.pack(events);
        let batch = batch.copy_range(0..self.until_timer(&batch).min(self.events_a_call));
        let answer = self.instance.process(&columns(&batch));
        self.check(&batch, &answer);
        self.states.apply(&batch, &answer);
        collect(run, &batch, &answer, &self.wiring);
        let stream_time = batch.stream_time_before(behind(&answer));
        self.stream_times.insert(partition, stream_time);
        self.states.advance(stream_time);
        answer.done as usize
    }

    /// How many of the events come before the next timer.
    fn until_timer(&self, batch: &Batch) -> usize {
        let Some(next) = self.states.next_on_event_time() else { return batch.len() };
        let mut clock = batch.clock();
        let due = batch.timestamps.iter().position(|timestamp| {
            clock.see(*timestamp);
            clock.time >= next
        });
        due.map_or(batch.len(), |last| last + 1)
    }

    /// Has the plugin handle the timers of a task that are due. Answers whether more events may come.
    #[track_caller]
    fn fire(&mut self, run: &mut Run, partition: u32, now: i64) -> bool {
        self.states.turn_to(partition);
        let stream_time = self.stream_time(partition);
        for _ in 0..CALLS_FOR_TIMERS {
            let mut due: Vec<DueTimer> = self.states.due(stream_time, now);
            due.truncate(self.events_a_call);
            if due.is_empty() {
                return true;
            }
            let keys = due.iter().map(|(at, _, key)| (key.as_slice(), *at));
            let batch = Batch::of_timers(partition, self.now, stream_time, keys);
            let timers: Vec<Timer> = due.iter().map(|(at, clock, key)| Timer { key, at: *at, clock: *clock }).collect();
            let run_of_timers = input::Run::of_timers(partition, self.now, stream_time, &batch.timestamps);
            let answer = self.instance.process_timers(&run_of_timers, &timers);
            self.check(&batch, &answer);
            self.states.fired(&due[..behind(&answer)]);
            self.states.apply(&batch, &answer);
            collect_timers(run, &batch, &answer, &self.wiring, &due);
            if behind(&answer) < answer.done as usize {
                return false;
            }
        }
        panic!("timers are due again and again: one that has fired must not be set for a time that is past");
    }

    pub(super) fn stream_time(&self, partition: u32) -> i64 {
        self.stream_times.get(&partition).copied().unwrap_or(NO_TIMESTAMP)
    }

    #[track_caller]
    fn pack(&self, events: &[TestEvent]) -> Batch {
        let first = &events[0];
        let inputs = &self.wiring.inputs;
        let Some(input) = inputs.iter().position(|input| input.name == first.input) else {
            let names: Vec<_> = inputs.iter().map(|input| input.name.as_str()).collect();
            panic!("the plugin has no input `{}`; it has: {}", first.input, names.join(", "));
        };
        let mut batch = Batch::default();
        batch.partition = first.partition;
        batch.now = self.now;
        batch.stream_time = self.stream_time(first.partition);
        batch.input = input as u32;
        batch.topic = first.topic.clone().unwrap_or_else(|| inputs[input].topic.clone());
        for event in events {
            let headers = event.headers.iter().map(|(name, value)| (name.as_slice(), value.as_deref()));
            let (offset, timestamp) = (event.offset.unwrap_or(0), event.timestamp.unwrap_or(self.now));
            batch.push(offset, timestamp, event.key.as_deref(), event.value.as_deref(), headers);
        }
        batch
    }

    #[track_caller]
    fn check(&self, batch: &Batch, answer: &Answer) {
        let stores = self.wiring.stores.len();
        let scope = Scope { sinks: self.wiring.sinks.len(), stores, timers: stores > 0 };
        let limits = Limits::default();
        let over = match effects(answer).check(batch, &scope, &limits, |failure| failure.kind()) {
            Ok(over) => over,
            Err(violation) => panic!("{violation}"),
        };
        if let Some(over) = over.first() {
            panic!(
                "event {} of the call caused {}; the host's limits are {} outputs and {} bytes",
                over.event, over.excess, limits.outputs, limits.bytes
            );
        }
    }
}

/// How many events are behind the task: one that asks to `retry` or `stop` is to come again.
fn behind(answer: &Answer) -> usize {
    let again = answer.failures.last().is_some_and(|(_, failure)| failure.kind() != FailureKind::Reject);
    answer.done as usize - again as usize
}

/// Kafka's word for a task that has seen no event.
const NO_TIMESTAMP: i64 = -1;

pub(crate) fn columns(batch: &Batch) -> input::Run<'_> {
    input::Run {
        partition: batch.partition,
        now: batch.now,
        stream_time: batch.stream_time,
        latest: batch.latest,
        input: Input(batch.input),
        topic: &batch.topic,
        offsets: &batch.offsets,
        timestamps: &batch.timestamps,
        key_lengths: &batch.key_lengths,
        value_lengths: &batch.value_lengths,
        data: &batch.data,
        headers: batch.headers.columns(),
    }
}

pub(super) fn effects(answer: &Answer) -> Effects<'_, crate::Failure> {
    Effects {
        done: answer.done,
        sources: &answer.sources,
        sinks: &answer.sinks,
        partitions: &answer.partitions,
        timestamps: &answer.timestamps,
        key_lengths: &answer.key_lengths,
        value_lengths: &answer.value_lengths,
        data: &answer.data,
        headers: answer.headers.columns(),
        writes: answer.writes.columns(),
        timers: answer.timers.columns(),
        failures: &answer.failures,
    }
}

//! The host's side of a call, in a test.

use super::outcome::collect;
use super::{Run, TestEvent};
use crate::answer::Answer;
use crate::instance::Instance;
use crate::wiring::Port;
use crate::{Input, Plugin, Wiring, input};
use serde_json::Value;
use std::collections::HashMap;
use wasmill_contract::{Batch, Effects, FailureKind, Limits, Scope, TimerWrites, Writes};

/// A configured plugin in a test: see [`testing`](crate::testing).
pub struct Harness<P> {
    instance: Instance<P>,
    wiring: Wiring,
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
        let (instance, wiring) = Instance::configure(&settings.to_string())?;
        Ok(Harness {
            instance,
            wiring,
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
    /// go together. After a `retry` or `stop` the rest is left undone.
    ///
    /// # Panics
    /// If the plugin has no such input, or if the host would not accept what the plugin did: more outputs or bytes of
    /// one event than the host's limits are unless configured.
    #[track_caller]
    pub fn run(&mut self, events: Vec<TestEvent>) -> Run {
        let mut run = Run::default();
        let most = self.events_a_call;
        for call in events.chunk_by(TestEvent::goes_with).flat_map(|together| together.chunks(most)) {
            let batch = self.pack(call);
            let answer = self.instance.process(&columns(&batch));
            self.check(&batch, &answer);
            collect(&mut run, &batch, &answer, &self.wiring);
            if answer.failures.last().is_some_and(|(_, failure)| failure.kind() != FailureKind::Reject) {
                break;
            }
        }
        run
    }

    #[track_caller]
    fn pack(&mut self, events: &[TestEvent]) -> Batch {
        let first = &events[0];
        let inputs = &self.wiring.inputs;
        let Some(input) = inputs.iter().position(|input| input.name == first.input) else {
            let names: Vec<_> = inputs.iter().map(|input| input.name.as_str()).collect();
            panic!("the plugin has no input `{}`; it has: {}", first.input, names.join(", "));
        };
        let stream_time = self.stream_times.entry(first.partition).or_insert(NO_TIMESTAMP);
        let mut batch = Batch::default();
        batch.partition = first.partition;
        batch.now = self.now;
        batch.stream_time = *stream_time;
        batch.input = input as u32;
        batch.topic = first.topic.clone().unwrap_or_else(|| inputs[input].topic.clone());
        for event in events {
            let offset = event.offset.unwrap_or(self.next_offset);
            self.next_offset = offset + 1;
            let timestamp = event.timestamp.unwrap_or(self.now);
            *stream_time = timestamp.max(*stream_time);
            let headers = event.headers.iter().map(|(name, value)| (name.as_slice(), value.as_deref()));
            batch.push(offset, timestamp, event.key.as_deref(), event.value.as_deref(), headers);
        }
        batch
    }

    #[track_caller]
    fn check(&self, batch: &Batch, answer: &Answer) {
        let scope = Scope { sinks: self.wiring.sinks.len(), stores: 0, timers: false };
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

/// Kafka's word for a task that has seen no event.
const NO_TIMESTAMP: i64 = -1;

pub(super) fn columns(batch: &Batch) -> input::Run<'_> {
    input::Run {
        partition: batch.partition,
        now: batch.now,
        stream_time: batch.stream_time,
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
        writes: Writes::default(),
        timers: TimerWrites::default(),
        failures: &answer.failures,
    }
}

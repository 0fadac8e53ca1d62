//! What a plugin did with the events of a test.

use super::harness::effects;
use crate::answer::Answer;
use crate::{Clock, Failure, Sink, Wiring};
use serde_json::Value;
use std::collections::{BTreeMap, BTreeSet, HashMap};
use wasmill_contract::{Batch, DueTimer, Output};

/// What a plugin did with the events of a test.
#[derive(Debug, Default, Clone, PartialEq, Eq)]
pub struct Run {
    /// How many events were handled, failed ones included: less than all only after a `retry` or `stop`.
    pub done: usize,
    /// In order.
    pub outputs: Vec<TestOutput>,
    /// In order.
    pub failures: Vec<TestFailure>,
    /// Both, by their indexes, in the order in which they came out.
    pub(super) order: Vec<CameOut>,
    /// The last output of each key, to sinks of which only that goes out.
    last: HashMap<Keyed, usize>,
    /// Outputs that another one of their key has come after.
    superseded: BTreeSet<usize>,
}

/// Sink, task, partition and key of an output.
type Keyed = (usize, u32, Option<u32>, Vec<u8>);

impl Run {
    /// What of it goes out when the host commits.
    pub(super) fn committed(mut self) -> Run {
        if self.superseded.is_empty() {
            return self;
        }
        let outputs = std::mem::take(&mut self.outputs);
        let mut goes_out = BTreeMap::new();
        for (index, output) in (0..).zip(outputs).filter(|(index, _)| !self.superseded.contains(index)) {
            goes_out.insert(index, self.outputs.len());
            self.outputs.push(output);
        }
        self.order.retain_mut(|came_out| match came_out {
            CameOut::Output(index) => goes_out.get(index).map(|new| *index = *new).is_some(),
            CameOut::Failure(_) => true,
        });
        self
    }
}

/// Something that came out of a run.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum CameOut {
    Output(usize),
    Failure(usize),
}

/// An output as the host would send it: what was left to the source event is filled in.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TestOutput {
    /// Which of the events caused it; the last one handled before the timer that did.
    pub event: usize,
    /// The timer that caused it, if one did.
    pub timer: Option<TestTimer>,
    /// The sink's name.
    pub sink: String,
    /// The sink's topic, by the plugin's wiring.
    pub topic: String,
    /// None: by the key.
    pub partition: Option<u32>,
    /// Milliseconds since the Unix epoch.
    pub timestamp: i64,
    /// None is a null key.
    pub key: Option<Vec<u8>>,
    /// None is a tombstone.
    pub value: Option<Vec<u8>>,
    /// In their order.
    pub headers: Vec<(Vec<u8>, Option<Vec<u8>>)>,
}

/// An event that was not processed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TestFailure {
    /// Which of the events; the last one handled before the timer that failed.
    pub event: usize,
    /// The timer that failed, if it was one.
    pub timer: Option<TestTimer>,
    /// Why.
    pub failure: Failure,
}

/// An entry of a store.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TestEntry {
    /// The partition number of the task that it belongs to.
    pub partition: u32,
    /// Its key.
    pub key: Vec<u8>,
    /// Its value, as it is kept.
    pub value: Vec<u8>,
}

impl TestEntry {
    /// The key as text; None if it is not UTF-8.
    pub fn key_str(&self) -> Option<&str> {
        std::str::from_utf8(&self.key).ok()
    }

    /// The value as JSON.
    ///
    /// # Panics
    /// If it is not.
    #[track_caller]
    pub fn json(&self) -> Value {
        serde_json::from_slice(&self.value)
            .unwrap_or_else(|error| panic!("{error} in the entry {}", String::from_utf8_lossy(&self.value)))
    }
}

/// A timer that is set, or that has fired.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TestTimer {
    /// Its key.
    pub key: Vec<u8>,
    /// Milliseconds since the Unix epoch.
    pub at: i64,
    /// Its clock.
    pub clock: Clock,
}

impl TestTimer {
    /// The key as text; None if it is not UTF-8.
    pub fn key_str(&self) -> Option<&str> {
        std::str::from_utf8(&self.key).ok()
    }
}

impl From<DueTimer> for TestTimer {
    fn from((at, clock, key): DueTimer) -> Self {
        TestTimer { key, at, clock }
    }
}

impl TestOutput {
    /// The key as text; None if it is null or not UTF-8.
    pub fn key_str(&self) -> Option<&str> {
        std::str::from_utf8(self.key.as_deref()?).ok()
    }

    /// The value as text; None if it is null or not UTF-8.
    pub fn value_str(&self) -> Option<&str> {
        std::str::from_utf8(self.value.as_deref()?).ok()
    }

    /// The value as JSON.
    ///
    /// # Panics
    /// If it is a tombstone or not JSON.
    #[track_caller]
    pub fn json(&self) -> Value {
        let Some(value) = &self.value else { panic!("the output has no value, and JSON was expected") };
        serde_json::from_slice(value)
            .unwrap_or_else(|error| panic!("{error} in the output {}", String::from_utf8_lossy(value)))
    }

    /// The header of this name, `Some(None)` if its value is null; the last one where the name repeats.
    pub fn header(&self, name: impl AsRef<[u8]>) -> Option<Option<&[u8]>> {
        let header = self.headers.iter().rfind(|header| header.0 == name.as_ref());
        header.map(|(_, value)| value.as_deref())
    }
}

/// Adds what a call did. The answer must have been checked.
pub(super) fn collect(run: &mut Run, batch: &Batch, answer: &Answer, wiring: &Wiring) {
    let before = run.done;
    add(run, batch, answer, wiring, |source| (before + source, None));
    run.done += answer.done as usize;
}

/// Adds what a call did with timers that were due.
pub(super) fn collect_timers(run: &mut Run, batch: &Batch, answer: &Answer, wiring: &Wiring, due: &[DueTimer]) {
    let last = run.done.saturating_sub(1);
    add(run, batch, answer, wiring, |source| (last, Some(due[source].clone().into())));
}

fn add(
    run: &mut Run,
    batch: &Batch,
    answer: &Answer,
    wiring: &Wiring,
    cause: impl Fn(usize) -> (usize, Option<TestTimer>),
) {
    let effects = effects(answer);
    let mut outputs = effects.outputs().peekable();
    let mut failures = answer.failures.iter().peekable();
    for source in 0..answer.done as usize {
        let (event, timer) = cause(source);
        while let Some(output) = outputs.next_if(|output| output.source == source) {
            run.order.push(CameOut::Output(run.outputs.len()));
            let key = output.key.resolve(batch.event(source).key);
            if let (true, Some(key)) = (wiring.last_of_commit.contains(&Sink(output.sink as u32)), key) {
                let keyed = (output.sink, batch.partition, output.partition, key.to_vec());
                run.superseded.extend(run.last.insert(keyed, run.outputs.len()));
            }
            run.outputs.push(test_output(output, batch, wiring, event, timer.clone()));
        }
        if let Some((_, failure)) = failures.next_if(|(failed, _)| *failed as usize == source) {
            run.order.push(CameOut::Failure(run.failures.len()));
            run.failures.push(TestFailure { event, timer, failure: failure.clone() });
        }
    }
}

fn test_output(
    output: Output<'_>,
    batch: &Batch,
    wiring: &Wiring,
    event: usize,
    timer: Option<TestTimer>,
) -> TestOutput {
    let source = batch.event(output.source);
    let sink = &wiring.sinks[output.sink];
    let headers = output.headers.unwrap_or(source.headers);
    TestOutput {
        event,
        timer,
        sink: sink.name.clone(),
        topic: sink.topic.clone(),
        partition: output.partition,
        timestamp: output.timestamp.unwrap_or(source.timestamp),
        key: output.key.resolve(source.key).map(Into::into),
        value: output.value.resolve(source.value).map(Into::into),
        headers: headers.map(|(name, value)| (name.into(), value.map(Into::into))).collect(),
    }
}

//! What a plugin did with the events of a test.

use super::harness::effects;
use crate::answer::Answer;
use crate::{Failure, Wiring};
use serde_json::Value;
use wasmill_contract::Batch;

/// What a plugin did with the events of a test.
#[derive(Debug, Default, Clone, PartialEq, Eq)]
pub struct Run {
    /// How many events were handled, failed ones included: less than all only after a `retry` or `stop`.
    pub done: usize,
    /// In order.
    pub outputs: Vec<TestOutput>,
    /// In order.
    pub failures: Vec<TestFailure>,
}

/// An output as the host would send it: what was left to the source event is filled in.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TestOutput {
    /// Which of the events caused it.
    pub event: usize,
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
    /// Which of the events.
    pub event: usize,
    /// Why.
    pub failure: Failure,
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
    for output in effects(answer).outputs() {
        let source = batch.event(output.source);
        let sink = &wiring.sinks[output.sink];
        let headers = output.headers.unwrap_or(source.headers);
        run.outputs.push(TestOutput {
            event: before + output.source,
            sink: sink.name.clone(),
            topic: sink.topic.clone(),
            partition: output.partition,
            timestamp: output.timestamp.unwrap_or(source.timestamp),
            key: output.key.resolve(source.key).map(Into::into),
            value: output.value.resolve(source.value).map(Into::into),
            headers: headers.map(|(name, value)| (name.into(), value.map(Into::into))).collect(),
        });
    }
    for (event, failure) in &answer.failures {
        run.failures.push(TestFailure { event: before + *event as usize, failure: failure.clone() });
    }
    run.done += answer.done as usize;
}

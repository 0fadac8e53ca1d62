//! Events that a test makes.

use crate::Plugin;
use crate::testing::{Harness, Run};
use serde::Serialize;

/// An event in the making. [`TestEvent::new`] makes one for [`Harness::run`]; one from [`Harness::event`] also has
/// [`send`](TestEvent::send). Null key, tombstone and no headers unless given; partition 0.
#[derive(Debug, Clone, PartialEq, Eq)]
#[must_use = "an event does nothing until it is sent or run"]
pub struct TestEvent<To = ()> {
    pub(super) to: To,
    pub(super) input: String,
    pub(super) topic: Option<String>,
    pub(super) partition: u32,
    pub(super) offset: Option<u64>,
    pub(super) timestamp: Option<i64>,
    pub(super) key: Option<Vec<u8>>,
    pub(super) value: Option<Vec<u8>>,
    pub(super) headers: Vec<(Vec<u8>, Option<Vec<u8>>)>,
}

impl TestEvent {
    /// An event for the input of this name.
    pub fn new(input: &str) -> Self {
        TestEvent::to((), input)
    }

    /// Whether both can be in one call.
    pub(super) fn goes_with(&self, other: &Self) -> bool {
        (&self.input, &self.topic, self.partition) == (&other.input, &other.topic, other.partition)
    }
}

impl<P: Plugin> TestEvent<&mut Harness<P>> {
    /// Has the plugin process it.
    ///
    /// # Panics
    /// As [`Harness::run`].
    pub fn send(self) -> Run {
        let (harness, event) = self.detach();
        harness.run(vec![event])
    }
}

impl<To> TestEvent<To> {
    /// Its key.
    pub fn key(self, key: impl AsRef<[u8]>) -> Self {
        TestEvent { key: Some(key.as_ref().into()), ..self }
    }

    /// Its value.
    pub fn value(self, value: impl AsRef<[u8]>) -> Self {
        TestEvent { value: Some(value.as_ref().into()), ..self }
    }

    /// Its value, written as JSON.
    ///
    /// # Panics
    /// If it cannot be written as JSON.
    pub fn json<T: Serialize + ?Sized>(self, value: &T) -> Self {
        let value = serde_json::to_vec(value).unwrap_or_else(|error| panic!("the value is not JSON: {error}"));
        self.value(value)
    }

    /// Adds a header.
    pub fn header(mut self, name: impl AsRef<[u8]>, value: impl AsRef<[u8]>) -> Self {
        self.headers.push((name.as_ref().into(), Some(value.as_ref().into())));
        self
    }

    /// Adds a header whose value is null.
    pub fn null_header(mut self, name: impl AsRef<[u8]>) -> Self {
        self.headers.push((name.as_ref().into(), None));
        self
    }

    /// Milliseconds since the Unix epoch. Unless given: that of the harness's clock.
    pub fn timestamp(self, timestamp: i64) -> Self {
        TestEvent { timestamp: Some(timestamp), ..self }
    }

    /// The topic that it came from. Unless given: the one that the plugin's wiring names for the input.
    pub fn topic(self, topic: &str) -> Self {
        TestEvent { topic: Some(topic.into()), ..self }
    }

    /// The partition that it came from.
    pub fn partition(self, partition: u32) -> Self {
        TestEvent { partition, ..self }
    }

    /// Its offset. Unless given: the next one of the harness, which counts the events from 0.
    pub fn offset(self, offset: u64) -> Self {
        TestEvent { offset: Some(offset), ..self }
    }

    pub(super) fn to(to: To, input: &str) -> Self {
        TestEvent {
            to,
            input: input.into(),
            topic: None,
            partition: 0,
            offset: None,
            timestamp: None,
            key: None,
            value: None,
            headers: vec![],
        }
    }

    fn detach(self) -> (To, TestEvent) {
        let TestEvent { to, input, topic, partition, offset, timestamp, key, value, headers } = self;
        (to, TestEvent { to: (), input, topic, partition, offset, timestamp, key, value, headers })
    }
}

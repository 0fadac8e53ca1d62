//! Events that come in from outside of Kafka, one by one, each acknowledged before its sender has the answer.

use super::client::ClientSettings;
use super::edge::{Outgoing, Outlet, SendError};
use super::producer::{Producer, ProducerSpec};
use std::time::{Duration, Instant};
use wasmill_contract::HeadersIter;

/// Brokers that have not acknowledged an event by then are away.
const ACKNOWLEDGED_WITHIN: Duration = Duration::from_secs(10);

/// Between two looks whether they have.
const LOOK_EVERY: Duration = Duration::from_millis(5);

/// Why an event is not in its topic.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum InletError {
    /// The broker does not take it.
    #[error("{0}")]
    Refused(String),
    /// The brokers did not answer; it may come in all the same.
    #[error("{0}")]
    Unanswered(String),
}

/// The way into one topic. For plain threads, one at a time.
pub struct Inlet {
    settings: ClientSettings,
    client_id: String,
    topic: String,
    producer: Option<Producer>,
}

impl Inlet {
    /// Talks to nobody yet.
    pub fn new(settings: ClientSettings, client_id: String, topic: String) -> Self {
        Inlet { settings, client_id, topic, producer: None }
    }

    /// Writes an event and waits; answers its partition, which is the key's as the Java client would have it, and its offset.
    pub fn put(&mut self, key: Option<&[u8]>, value: Option<&[u8]>) -> Result<(i32, i64), InletError> {
        let result = self.try_put(key, value);
        if matches!(result, Err(InletError::Unanswered(_))) {
            // What it still holds would come in behind the back of whoever was told that it has not.
            self.producer = None;
        }
        result
    }

    fn try_put(&mut self, key: Option<&[u8]>, value: Option<&[u8]>) -> Result<(i32, i64), InletError> {
        let topic = &self.topic;
        let producer = match &mut self.producer {
            Some(producer) => producer,
            none => {
                let spec = ProducerSpec {
                    client_id: self.client_id.clone(),
                    transactional_id: None,
                    longest_call: Duration::ZERO,
                    topics: vec![topic.clone()],
                    watched: Some(0),
                };
                none.insert(Producer::new(&self.settings, spec).map_err(told)?)
            }
        };
        let record =
            Outgoing { topic: 0, partition: None, timestamp: None, key, value, headers: HeadersIter::default() };
        producer.send(record, 0).map_err(told)?;
        producer.hurry();
        let deadline = Instant::now() + ACKNOWLEDGED_WITHIN;
        while producer.in_flight() > 0 && producer.broken().is_none() {
            if Instant::now() >= deadline {
                let seconds = ACKNOWLEDGED_WITHIN.as_secs();
                let why = format!("{topic}: the brokers have not acknowledged it within {seconds} s");
                return Err(InletError::Unanswered(why));
            }
            producer.poll(LOOK_EVERY);
        }
        if let Some(refused) = producer.take_refused().pop() {
            return Err(InletError::Refused(refused.message));
        }
        if let Some(why) = producer.broken() {
            return Err(InletError::Unanswered(why));
        }
        let end = producer.take_ends().pop();
        end.map(|(partition, end)| (partition, end - 1))
            .ok_or_else(|| InletError::Unanswered(format!("{topic}: nobody said where it is")))
    }
}

fn told(error: SendError) -> InletError {
    match error {
        SendError::Refused { message, .. } => InletError::Refused(message),
        SendError::Abort(why) | SendError::Broken(why) => InletError::Unanswered(why),
    }
}

#[cfg(test)]
mod tests {
    use super::super::testing::{Received, at, consumer, drive, settings, topic, unique};
    use super::*;
    use crate::config::Start;

    #[test]
    fn an_event_is_where_its_sender_is_told_that_it_is() {
        let settings = settings();
        let topic = topic(&settings, 3);
        let mut inlet = Inlet::new(settings.clone(), unique("inlet"), topic.clone());
        let (partition, first) = inlet.put(Some(b"k"), Some(b"one")).unwrap();
        assert_eq!(inlet.put(Some(b"k"), None), Ok((partition, first + 1)));
        assert_eq!(inlet.put(Some(b"k"), Some(b"three")), Ok((partition, first + 2)));
        let large = vec![b'x'; 2 << 20];
        assert!(matches!(inlet.put(None, Some(&large)), Err(InletError::Refused(_))));

        let mut consumer = consumer(&settings, &unique("group"), &[&topic], Start::Earliest);
        let mut received = Received::default();
        drive(&mut consumer, &mut received, |_, received| received.count() == 3);
        assert_eq!(received.values(at(partition)), ["one", "", "three"]);
    }
}

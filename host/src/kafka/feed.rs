//! Many events into topics at once, for a command: sent as fast as the brokers take them, acknowledged at the end.

use super::client::ClientSettings;
use super::edge::{Outgoing, Outlet, SendError};
use super::producer::{Producer, ProducerSpec};
use std::time::{Duration, Instant};

/// Brokers that have not acknowledged what was sent by then are away.
const PATIENCE: Duration = Duration::from_secs(30);

/// Between two looks whether they have.
const LOOK_EVERY: Duration = Duration::from_millis(10);

/// Why not all events are in their topics. Those before may be.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum FeedError {
    /// The brokers do not take an event.
    #[error("{reason}")]
    Refused {
        /// Which one, counted from 0; of a batch that was refused as a whole, one of them.
        event: u64,
        /// In their words.
        reason: String,
    },
    /// The brokers did not answer in time, or not any more.
    #[error("{0}")]
    Unanswered(String),
}

/// The way into some topics. For a plain thread.
pub struct Feed {
    producer: Producer,
    sent: u64,
}

impl Feed {
    /// A producer that the brokers know as `client_id`; [`Outgoing::topic`] is an index into the topics.
    pub fn open(settings: &ClientSettings, client_id: &str, topics: &[String]) -> Result<Self, FeedError> {
        let spec = ProducerSpec {
            client_id: client_id.to_owned(),
            transactional_id: None,
            longest_call: Duration::ZERO,
            topics: topics.to_vec(),
            watched: None,
        };
        let producer = Producer::new(settings, spec).map_err(|error| FeedError::Unanswered(error.to_string()))?;
        Ok(Feed { producer, sent: 0 })
    }

    /// Sends one; an error may be of one that was sent before.
    pub fn put(&mut self, event: Outgoing<'_>) -> Result<(), FeedError> {
        let number = self.sent;
        self.producer.send(event, number).map_err(|error| match error {
            SendError::Refused { message, .. } => FeedError::Refused { event: number, reason: message },
            SendError::Abort(why) | SendError::Broken(why) => FeedError::Unanswered(why),
        })?;
        self.sent += 1;
        self.producer.poll(Duration::ZERO);
        self.check()
    }

    fn check(&mut self) -> Result<(), FeedError> {
        let first = self.producer.take_refused().into_iter().min_by_key(|refused| refused.token);
        if let Some(refused) = first {
            return Err(FeedError::Refused { event: refused.token, reason: refused.message });
        }
        self.producer.broken().map_or(Ok(()), |why| Err(FeedError::Unanswered(why)))
    }

    /// Waits until all are acknowledged, and answers how many there were.
    pub fn finish(mut self) -> Result<u64, FeedError> {
        self.producer.hurry();
        let deadline = Instant::now() + PATIENCE;
        while self.producer.in_flight() > 0 {
            self.check()?;
            if Instant::now() >= deadline {
                let left = self.producer.in_flight();
                let why = format!("the brokers have not acknowledged {left} of {} events", self.sent);
                return Err(FeedError::Unanswered(why));
            }
            self.producer.poll(LOOK_EVERY);
        }
        self.check()?;
        Ok(self.sent)
    }
}

#[cfg(test)]
mod tests {
    use super::super::testing::{Received, at, consumer, drive, settings, topic, unique};
    use super::*;
    use crate::config::Start;
    use wasmill_contract::HeadersIter;

    fn event<'a>(key: &'a str, value: &'a [u8]) -> Outgoing<'a> {
        Outgoing {
            topic: 0,
            partition: Some(0),
            timestamp: Some(7),
            key: Some(key.as_bytes()),
            value: Some(value),
            headers: HeadersIter::default(),
        }
    }

    #[test]
    fn all_are_there_at_the_end_and_one_that_is_refused_is_named() {
        let settings = settings();
        let topic = topic(&settings, 1);
        let mut feed = Feed::open(&settings, &unique("feed"), std::slice::from_ref(&topic)).unwrap();
        feed.put(event("a", b"one")).unwrap();
        feed.put(event("b", b"two")).unwrap();
        let large = vec![b'x'; 2 << 20];
        assert!(matches!(feed.put(event("c", &large)), Err(FeedError::Refused { event: 2, .. })));
        assert_eq!(feed.finish(), Ok(2));

        let mut consumer = consumer(&settings, &unique("group"), &[&topic], Start::Earliest);
        let mut received = Received::default();
        drive(&mut consumer, &mut received, |_, received| received.count() == 2);
        assert_eq!(received.values(at(0)), ["one", "two"]);
    }
}

//! Reading topics as they are, without a group: what is committed in them up to now, and what comes.

use super::client::ClientSettings;
use super::errors::is_transient;
use super::native::{Kind, Message, Polled};
use super::reachability::Watch;
use super::topics::{TopicError, Topics};
use rdkafka::consumer::{BaseConsumer, Consumer as _};
use rdkafka::error::RDKafkaErrorCode as Code;
use rdkafka::{Offset, TopicPartitionList};
use std::borrow::Cow;
use std::time::{Duration, Instant};

/// Why topics can't be read.
#[derive(Debug, thiserror::Error)]
pub enum TailError {
    /// There is no such topic.
    #[error("there is no topic {0}")]
    Missing(String),
    /// The brokers were asked which topics there are.
    #[error(transparent)]
    Topics(#[from] TopicError),
    /// Anything else, as a sentence.
    #[error("{0}")]
    Failed(String),
}

/// A record that was read.
pub struct Tailed<'a>(&'a Message<'a>);

impl<'a> Tailed<'a> {
    /// The topic's name.
    pub fn topic(&self) -> Cow<'a, str> {
        self.0.topic().to_string_lossy()
    }

    /// The partition's number.
    pub fn partition(&self) -> i32 {
        self.0.partition()
    }

    /// Milliseconds since the Unix epoch.
    pub fn timestamp(&self) -> i64 {
        self.0.timestamp()
    }

    /// The key.
    pub fn key(&self) -> Option<&'a [u8]> {
        self.0.key()
    }

    /// The value.
    pub fn value(&self) -> Option<&'a [u8]> {
        self.0.value()
    }

    /// In order.
    pub fn headers(&self) -> impl Iterator<Item = (&'a [u8], Option<&'a [u8]>)> {
        self.0.headers()
    }
}

/// Reads some topics from their beginnings or their ends. For a plain thread.
pub struct Tail {
    consumer: Polled<BaseConsumer<Watch>>,
    /// Partitions whose ends have not been seen yet.
    open: Vec<(String, i32)>,
}

impl Tail {
    /// All partitions of topics that there are; `from_end`: only what comes from now on.
    pub fn open(
        settings: &ClientSettings,
        client_id: &str,
        topics: &[String],
        from_end: bool,
    ) -> Result<Self, TailError> {
        Tail::open_at(settings, client_id, topics, if from_end { Offset::End } else { Offset::Beginning })
    }

    /// The last `count` records of each partition, as far as there are so many, and what comes.
    pub fn open_last(
        settings: &ClientSettings,
        client_id: &str,
        topics: &[String],
        count: i64,
    ) -> Result<Self, TailError> {
        Tail::open_at(settings, client_id, topics, Offset::OffsetTail(count))
    }

    fn open_at(settings: &ClientSettings, client_id: &str, topics: &[String], from: Offset) -> Result<Self, TailError> {
        let names: Vec<&str> = topics.iter().map(String::as_str).collect();
        let counts = Topics::new(settings.clone()).describe(&names)?;
        let failed = |error: rdkafka::error::KafkaError| TailError::Failed(error.to_string());
        let (mut list, mut open) = (TopicPartitionList::new(), Vec::new());
        for topic in names {
            let count = *counts.get(topic).ok_or_else(|| TailError::Missing(topic.to_owned()))?;
            for partition in 0..count {
                list.add_partition_offset(topic, partition, from).map_err(failed)?;
                open.push((topic.to_owned(), partition));
            }
        }
        let prefetch = settings.prefetch();
        let mut config = settings.for_consumer(client_id, client_id, false, &prefetch);
        config.set("enable.partition.eof", "true");
        let consumer: BaseConsumer<Watch> = config.create_with_context(settings.watch(client_id)).map_err(failed)?;
        consumer.assign(&list).map_err(failed)?;
        let consumer = Polled::new(consumer).ok_or_else(|| TailError::Failed("the consumer has no queue".into()))?;
        Ok(Tail { consumer, open })
    }

    /// Whether the end of each partition was seen: everything that was committed has been read.
    pub fn at_end(&self) -> bool {
        self.open.is_empty()
    }

    /// Gives what comes within `wait` to `each`, which says whether to go on; returns sooner when the last end is seen.
    pub fn read(&mut self, wait: Duration, mut each: impl FnMut(Tailed<'_>) -> bool) -> Result<(), TailError> {
        let deadline = Instant::now() + wait;
        while let Some(mut event) = self.consumer.poll(deadline.saturating_duration_since(Instant::now())) {
            match event.kind() {
                Kind::Fetch => {
                    let Some(message) = event.message() else { continue };
                    if !each(Tailed(&message)) {
                        return Ok(());
                    }
                }
                Kind::Error => {
                    let failed = event.failed();
                    match failed.code {
                        Code::PartitionEOF => {
                            let ended = |(topic, partition): &(String, i32)| {
                                failed.at.as_ref().is_some_and(|at| at.0 == *topic && at.1 == *partition)
                            };
                            let before = self.open.len();
                            self.open.retain(|open| !ended(open));
                            if before > 0 && self.open.is_empty() {
                                return Ok(());
                            }
                        }
                        code if is_transient(code) && !failed.fatal => {}
                        _ => return Err(TailError::Failed(failed.text)),
                    }
                }
                Kind::Log => {
                    if let Some((level, facility, text)) = event.log() {
                        self.consumer.client().context().line(level, &facility, &text);
                    }
                }
                Kind::Delivery | Kind::Rebalance | Kind::Commit | Kind::Ends | Kind::Other => {}
            }
            if Instant::now() >= deadline {
                return Ok(());
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::super::edge::Outgoing;
    use super::super::feed::Feed;
    use super::super::testing::{settings, topic, unique};
    use super::*;
    use wasmill_contract::HeadersIter;

    fn put(settings: &ClientSettings, topic: &str, values: &[&str]) {
        let mut feed = Feed::open(settings, &unique("feed"), &[topic.to_owned()]).unwrap();
        for (number, value) in (0..).zip(values) {
            let event = Outgoing {
                topic: 0,
                partition: Some(number % 3),
                timestamp: Some(7),
                key: None,
                value: Some(value.as_bytes()),
                headers: HeadersIter::default(),
            };
            feed.put(event).unwrap();
        }
        feed.finish().unwrap();
    }

    /// Reads until everything is read, or there are so many.
    fn values(tail: &mut Tail, enough: usize) -> Vec<String> {
        let mut values = Vec::new();
        let deadline = Instant::now() + Duration::from_secs(30);
        while values.len() < enough && !(tail.at_end() && enough == usize::MAX) {
            assert!(Instant::now() < deadline, "{values:?}");
            tail.read(Duration::from_millis(100), |record| {
                assert_eq!((record.timestamp(), record.key()), (7, None));
                values.push(String::from_utf8(record.value().unwrap().to_vec()).unwrap());
                values.len() < enough
            })
            .unwrap();
        }
        values.sort();
        values
    }

    #[test]
    fn everything_is_read_to_the_end_and_then_what_comes() {
        let settings = settings();
        let topic = topic(&settings, 4);
        put(&settings, &topic, &["a", "b", "c", "d"]);

        let topics = std::slice::from_ref(&topic);
        let mut tail = Tail::open(&settings, &unique("tail"), topics, false).unwrap();
        assert_eq!(values(&mut tail, usize::MAX), ["a", "b", "c", "d"]);
        let mut new = Tail::open(&settings, &unique("tail"), topics, true).unwrap();
        assert_eq!(values(&mut new, usize::MAX), [""; 0]);
        put(&settings, &topic, &["e", "f"]);
        assert_eq!(values(&mut tail, 2), ["e", "f"]);
        assert_eq!(values(&mut new, 2), ["e", "f"]);
        let mut last = Tail::open_last(&settings, &unique("tail"), topics, 1).unwrap();
        assert_eq!(values(&mut last, usize::MAX), ["c", "e", "f"]);
    }

    #[test]
    fn a_topic_that_is_not_there_is_named() {
        let nothing = unique("nothing");
        let error = Tail::open(&settings(), "tail", std::slice::from_ref(&nothing), false).err().unwrap();
        assert_eq!(error.to_string(), format!("there is no topic {nothing}"));
    }
}

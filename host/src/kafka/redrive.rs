//! Records that go back to where they came from, each once: how far that is, a consumer group without members keeps, and
//! it moves in the transactions of what is sent.

use super::changelog::{ChangelogError, Reader, Record};
use super::client::ClientSettings;
use super::edge::{Offsets, Outgoing, Outlet, SendError, TransactionError};
use super::errors::patiently;
use super::native;
use super::producer::{Producer, ProducerSpec};
use super::reachability::Watch;
use super::topics::{TopicError, Topics};
use rdkafka::consumer::{BaseConsumer, Consumer as _};
use rdkafka::error::{KafkaError, RDKafkaErrorCode as Code};
use rdkafka::{Offset, TopicPartitionList};
use std::ops::Range;
use std::sync::Arc;
use std::time::{Duration, Instant};
use wasmill_contract::Headers;

/// So many records go back in one transaction.
const TOGETHER: usize = 500;

/// How long one question to the brokers may take.
const ANSWER_WITHIN: Duration = Duration::from_secs(5);

/// How long brokers are asked again, and how long what was sent may wait for them.
const PATIENCE: Duration = Duration::from_secs(30);

/// Between two looks whether it is acknowledged, and between two tries.
const LOOK_EVERY: Duration = Duration::from_millis(10);

/// Why records did not go back. What went before is committed, and does not go again.
#[derive(Debug, thiserror::Error)]
pub enum RedriveError {
    /// The topic can't be read.
    #[error(transparent)]
    Read(#[from] ChangelogError),
    /// The topics can't be asked about.
    #[error(transparent)]
    Topics(#[from] TopicError),
    /// Anything else, as a sentence.
    #[error("{0}")]
    Failed(String),
}

impl From<TransactionError> for RedriveError {
    fn from(error: TransactionError) -> Self {
        RedriveError::Failed(error.to_string())
    }
}

/// Where a record goes back to.
pub struct Back {
    /// Index into the topics that [`Redrive::run`] is given.
    pub topic: usize,
    /// None: by the key.
    pub partition: Option<i32>,
    /// Milliseconds since the Unix epoch; None: the time of sending.
    pub timestamp: Option<i64>,
    /// Those that it goes with.
    pub headers: Headers,
}

/// What of a topic has not gone back yet. For a plain thread.
pub struct Redrive {
    settings: ClientSettings,
    topic: String,
    group: String,
    /// By partition: offsets.
    left: Vec<Range<i64>>,
}

impl Redrive {
    /// Looks at what is committed in the topic and has not gone back; None: there is no such topic. `all`: also what has.
    pub fn look(settings: &ClientSettings, topic: &str, group: &str, all: bool) -> Result<Option<Self>, RedriveError> {
        let counts = Topics::new(settings.clone()).describe(&[topic])?;
        let Some(partitions) = counts.get(topic).copied() else { return Ok(None) };
        let mut redrive =
            Redrive { settings: settings.clone(), topic: topic.to_owned(), group: group.to_owned(), left: Vec::new() };
        let gone = if all { vec![None; partitions as usize] } else { redrive.committed(partitions)? };
        for (partition, gone) in (0..).zip(gone) {
            let (first, end) = Reader::new(settings, topic, partition)?.bounds(settings)?;
            redrive.left.push(gone.unwrap_or(first).max(first)..end);
        }
        Ok(Some(redrive))
    }

    fn failed(&self, what: impl ToString) -> RedriveError {
        RedriveError::Failed(format!("{}: {}", self.group, what.to_string()))
    }

    fn consumer(&self) -> Result<BaseConsumer<Watch>, RedriveError> {
        let prefetch = self.settings.prefetch();
        let config = self.settings.for_consumer(&self.group, &self.group, false, &prefetch);
        config.create_with_context(self.settings.watch(&self.group)).map_err(|error| self.failed(error))
    }

    fn committed(&self, partitions: i32) -> Result<Vec<Option<i64>>, RedriveError> {
        let consumer = self.consumer()?;
        let mut list = TopicPartitionList::new();
        list.add_partition_range(&self.topic, 0, partitions - 1);
        let answer = patiently(&self.group, PATIENCE, LOOK_EVERY, || {
            let answer = native::elements(&consumer.committed_offsets(list.clone(), ANSWER_WITHIN)?);
            match answer.iter().find(|listed| listed.code != Code::NoError) {
                Some(listed) => Err(KafkaError::OffsetFetch(listed.code)),
                None => Ok(answer),
            }
        })
        .map_err(|error| self.failed(error))?;
        let mut committed = vec![None; partitions as usize];
        for listed in answer.iter().filter(|listed| listed.offset >= 0) {
            committed[listed.number as usize] = Some(listed.offset);
        }
        Ok(committed)
    }

    /// Gives each record that is left to `each`, partition by partition; it says whether to go on.
    pub fn each(&self, mut each: impl FnMut(i32, &Record<'_>) -> bool) -> Result<(), RedriveError> {
        for (partition, range) in (0..).zip(&self.left) {
            let mut wanted = true;
            let reader = Reader::new(&self.settings, &self.topic, partition)?;
            let read = |record: Record<'_>| {
                wanted = record.offset >= range.end || each(partition, &record);
                if wanted { Ok(()) } else { Err(()) }
            };
            let _ = reader.read(range.start, range.end, read, || true)?;
            if !wanted {
                break;
            }
        }
        Ok(())
    }

    /// Sends each record that is left to where `back` says, or passes over it. Answers how many were sent. Whoever else does
    /// the same at the same time is fenced.
    pub fn run(
        &self,
        topics: &[String],
        mut back: impl FnMut(i32, &Record<'_>) -> Option<Back>,
    ) -> Result<u64, RedriveError> {
        let spec = ProducerSpec {
            client_id: self.group.clone(),
            transactional_id: Some(self.group.clone()),
            longest_call: Duration::ZERO,
            topics: topics.to_vec(),
            watched: None,
        };
        let producer = Producer::new(&self.settings, spec).map_err(|error| self.failed(error))?;
        let mut sending = Sending { redrive: self, producer, consumer: self.consumer()?, open: 0, sent: 0 };
        for (partition, range) in (0..).zip(&self.left) {
            let reader = Reader::new(&self.settings, &self.topic, partition)?;
            let read = |record: Record<'_>| match record.offset < range.end {
                true => sending.take(partition, &record, back(partition, &record)),
                false => Ok(()),
            };
            reader.read(range.start, range.end, read, || true)??;
            if !range.is_empty() {
                sending.commit(partition, range.end)?;
            }
        }
        Ok(sending.sent)
    }
}

struct Sending<'r> {
    redrive: &'r Redrive,
    producer: Producer,
    consumer: BaseConsumer<Watch>,
    /// Records in the transaction that is open.
    open: usize,
    sent: u64,
}

impl Sending<'_> {
    fn take(&mut self, partition: i32, record: &Record<'_>, back: Option<Back>) -> Result<(), RedriveError> {
        let Some(back) = back else { return Ok(()) };
        if self.open == 0 {
            self.producer.begin()?;
        }
        self.open += 1;
        let headers = &back.headers;
        let outgoing = Outgoing {
            topic: back.topic,
            partition: back.partition,
            timestamp: back.timestamp,
            key: record.raw_key(),
            value: record.value,
            headers: headers.columns().range(0, 0, headers.name_lengths.len()),
        };
        if let Err(error) = self.producer.send(outgoing, record.offset as u64) {
            return Err(self.refused(
                partition,
                record.offset,
                match error {
                    SendError::Refused { message, .. } => message,
                    error => error.to_string(),
                },
            ));
        }
        if self.open >= TOGETHER { self.commit(partition, record.offset + 1) } else { Ok(()) }
    }

    /// Nothing of the open transaction goes.
    fn refused(&mut self, partition: i32, offset: i64, why: String) -> RedriveError {
        self.open = 0;
        let aborted = self.producer.abort().err().map(|error| format!("; {error}")).unwrap_or_default();
        RedriveError::Failed(format!(
            "record {offset} of {} partition {partition} does not go back: {why}{aborted}",
            self.redrive.topic
        ))
    }

    /// Everything before an offset has gone back, or was passed over.
    fn commit(&mut self, partition: i32, next: i64) -> Result<(), RedriveError> {
        if self.open == 0 {
            self.producer.begin()?;
        }
        self.producer.hurry();
        let deadline = Instant::now() + PATIENCE;
        while self.producer.in_flight() > 0 && self.producer.broken().is_none() {
            if Instant::now() >= deadline {
                return Err(self.redrive.failed("the brokers do not acknowledge what was sent"));
            }
            self.producer.poll(LOOK_EVERY);
        }
        if let Some(why) = self.producer.broken() {
            return Err(self.redrive.failed(why));
        }
        if let Some(refused) = self.producer.take_refused().into_iter().next() {
            return Err(self.refused(partition, refused.token as i64, refused.message));
        }
        let mut list = TopicPartitionList::new();
        list.add_partition_offset(&self.redrive.topic, partition, Offset::Offset(next))
            .map_err(|error| self.redrive.failed(error))?;
        let member = self.consumer.group_metadata().ok_or_else(|| self.redrive.failed("it is in no group"))?;
        self.producer.commit_with(Offsets { positions: Vec::new(), member: Some(Arc::new((list, member))) })?;
        self.sent += std::mem::take(&mut self.open) as u64;
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::super::testing::{Received, at, consumer, drive, producer, settings, topic, unique, write};
    use super::*;
    use crate::config::Start;

    #[test]
    fn each_record_goes_back_once_and_what_is_passed_over_stays() {
        let settings = settings();
        if !settings.has_transactions() {
            return;
        }
        let (letters, home) = (topic(&settings, 2), topic(&settings, 2));
        let group = unique("redrive");
        let mut writer = producer(&settings, &letters);
        write(&mut writer, 0, &["a", "b", "c"]);
        write(&mut writer, 1, &["x"]);
        let run = || {
            let redrive = Redrive::look(&settings, &letters, &group, false).unwrap().expect("there is the topic");
            let mut seen = 0;
            redrive
                .each(|_, _| {
                    seen += 1;
                    true
                })
                .unwrap();
            let back = |partition, record: &Record<'_>| {
                let back = Back { topic: 0, partition: Some(partition), timestamp: None, headers: Headers::default() };
                (record.value != Some(b"b")).then_some(back)
            };
            (seen, redrive.run(std::slice::from_ref(&home), back).unwrap())
        };
        assert_eq!(run(), (4, 3));
        assert_eq!(run(), (0, 0));
        write(&mut writer, 1, &["y"]);
        assert_eq!(run(), (1, 1));

        let mut consumer = consumer(&settings, &unique("group"), &[&home], Start::Earliest);
        let mut received = Received::default();
        drive(&mut consumer, &mut received, |_, received| received.count() == 4);
        assert_eq!(
            (received.values(at(0)), received.values(at(1))),
            (vec!["a".into(), "c".into()], vec!["x".into(), "y".into()])
        );
        assert!(Redrive::look(&settings, "no-such-letters", &group, false).unwrap().is_none());
    }
}

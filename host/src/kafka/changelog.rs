//! Reading a topic of the host's own, such as a changelog: what a partition of it holds that is committed, up to its end.

use super::client::ClientSettings;
use super::errors::{self, is_transient};
use super::native::{self, Kind, Message, Polled};
use super::reachability::Watch;
use super::topics::block_on;
use rdkafka::admin::{AdminClient, AdminOptions, ResourceSpecifier};
use rdkafka::client::DefaultClientContext;
use rdkafka::consumer::{BaseConsumer, Consumer as _};
use rdkafka::error::{KafkaResult, RDKafkaErrorCode as Code};
use rdkafka::{Offset, TopicPartitionList};
use std::ffi::CString;
use std::thread;
use std::time::{Duration, Instant};

/// How long one question to the brokers may take.
const ANSWER_WITHIN: Duration = Duration::from_secs(5);

/// A transaction of somebody who is gone keeps the end from being read until the broker has aborted it.
const PATIENCE: Duration = Duration::from_secs(60);

/// Between two looks whether it has.
const LOOK_EVERY: Duration = Duration::from_millis(20);

/// Between two looks whether the reader is still wanted.
const POLL: Duration = Duration::from_millis(100);

/// Kafka's own default of `delete.retention.ms`.
const DEFAULT_DELETE_RETENTION: i64 = 86_400_000;

/// A topic that can't be read now; trying again may help.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("topic {topic} partition {partition}: {reason}")]
pub struct ChangelogError {
    /// The topic.
    pub topic: String,
    /// The partition number.
    pub partition: i32,
    /// What went wrong.
    pub reason: String,
}

/// A partition as it is now.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Found {
    /// Tells the topic from another one of the same name; empty if the brokers do not know such ids.
    pub identity: String,
    /// The first offset.
    pub first: i64,
    /// The offset after the last record, whether that is committed or not.
    pub end: i64,
    /// How long tombstones are kept, in milliseconds.
    pub keeps_deletes: i64,
}

/// A record of it.
pub struct Record<'a> {
    /// Its offset.
    pub offset: i64,
    /// Its key; empty if it has none.
    pub key: &'a [u8],
    /// None is a tombstone.
    pub value: Option<&'a [u8]>,
    /// Milliseconds since the Unix epoch.
    pub timestamp: i64,
    message: &'a Message<'a>,
}

impl<'a> Record<'a> {
    /// Its key; None if it has none.
    pub fn raw_key(&self) -> Option<&'a [u8]> {
        self.message.key()
    }

    /// Its headers, in order.
    pub fn headers(&self) -> impl Iterator<Item = (&'a [u8], Option<&'a [u8]>)> {
        self.message.headers()
    }
}

/// Reads one partition.
pub struct Reader {
    consumer: Polled<BaseConsumer<Watch>>,
    topic: String,
    partition: i32,
}

impl Reader {
    /// A reader that belongs to no group. Talks to nobody yet.
    pub fn new(settings: &ClientSettings, topic: &str, partition: i32) -> Result<Self, ChangelogError> {
        let failed = |reason: String| ChangelogError { topic: topic.to_owned(), partition, reason };
        let client_id = format!("{topic}-{partition}");
        let prefetch = settings.prefetch();
        let mut config = settings.for_consumer(&format!("{topic}-restore"), &client_id, false, &prefetch);
        config.set("enable.partition.eof", "true").set("fetch.wait.max.ms", "10");
        let consumer: BaseConsumer<Watch> =
            config.create_with_context(settings.watch(&client_id)).map_err(|error| failed(error.to_string()))?;
        let consumer = Polled::new(consumer).ok_or_else(|| failed("the consumer has no queue".into()))?;
        Ok(Reader { consumer, topic: topic.to_owned(), partition })
    }

    fn failed(&self, reason: impl ToString) -> ChangelogError {
        ChangelogError { topic: self.topic.clone(), partition: self.partition, reason: reason.to_string() }
    }

    /// The first offset, and the one after the last record, whether that is committed or not.
    pub fn bounds(&self, settings: &ClientSettings) -> Result<(i64, i64), ChangelogError> {
        // The end of what is committed would be short of a commit whose marker is still on its way to this partition.
        let mut config = settings.for_admin(&format!("{}-end", self.topic));
        config.set("isolation.level", "read_uncommitted").set("group.id", "wasmill-changelog-end");
        let everything: BaseConsumer = config.create().map_err(|error| self.failed(error))?;
        self.patiently(|| everything.fetch_watermarks(&self.topic, self.partition, ANSWER_WITHIN))
    }

    /// How the partition stands.
    pub fn look(&self, settings: &ClientSettings) -> Result<Found, ChangelogError> {
        let (first, end) = self.bounds(settings)?;
        let name = CString::new(self.topic.as_str()).map_err(|error| self.failed(error))?;
        let native = self.consumer.client().client().native_client();
        let identity = native::topic_id(native, &name, ANSWER_WITHIN).unwrap_or_default();
        Ok(Found { identity, first, end, keeps_deletes: self.delete_retention(settings) })
    }

    fn delete_retention(&self, settings: &ClientSettings) -> i64 {
        let ask = || -> Option<i64> {
            let admin: AdminClient<DefaultClientContext> = settings.for_admin("wasmill-topics").create().ok()?;
            let options = AdminOptions::new().request_timeout(Some(ANSWER_WITHIN));
            let answer = block_on(admin.describe_configs(&[ResourceSpecifier::Topic(&self.topic)], &options)).ok()?;
            let topic = answer.into_iter().next()?.ok()?;
            topic.get("delete.retention.ms")?.value.as_ref()?.parse().ok()
        };
        // Whoever may not describe a topic's configuration may still use it.
        ask().unwrap_or(DEFAULT_DELETE_RETENTION)
    }

    /// Gives every committed record from an offset on to `each`, at least up to `end`, which is waited for; answers the offset
    /// after the last one. `each` says whether to go on.
    pub fn read<E>(
        &self,
        from: i64,
        end: i64,
        mut each: impl FnMut(Record<'_>) -> Result<(), E>,
        wanted: impl Fn() -> bool,
    ) -> Result<Result<i64, E>, ChangelogError> {
        let deadline = Instant::now() + PATIENCE;
        loop {
            let (_, stable) =
                self.patiently(|| self.consumer.client().fetch_watermarks(&self.topic, self.partition, ANSWER_WITHIN))?;
            if stable >= end {
                break;
            }
            if Instant::now() >= deadline {
                return Err(self.failed("a transaction of somebody else keeps it open"));
            }
            if !wanted() {
                return Ok(Ok(from));
            }
            thread::sleep(LOOK_EVERY);
        }
        if from >= end {
            return Ok(Ok(end));
        }
        let mut list = TopicPartitionList::new();
        list.add_partition_offset(&self.topic, self.partition, Offset::Offset(from))
            .map_err(|error| self.failed(error))?;
        self.consumer.client().assign(&list).map_err(|error| self.failed(error))?;
        let mut next = from;
        while wanted() {
            let Some(mut event) = self.consumer.poll(POLL) else { continue };
            match event.kind() {
                Kind::Fetch => {
                    let Some(message) = event.message() else { continue };
                    let record = Record {
                        offset: message.offset(),
                        key: message.key().unwrap_or_default(),
                        value: message.value(),
                        timestamp: message.timestamp(),
                        message: &message,
                    };
                    next = record.offset + 1;
                    if let Err(error) = each(record) {
                        return Ok(Err(error));
                    }
                }
                Kind::Error => {
                    let failed = event.failed();
                    match failed.code {
                        // The fetch began after the end was stable, so this is behind it.
                        Code::PartitionEOF => return Ok(Ok(next.max(end))),
                        code if is_transient(code) && !failed.fatal => {}
                        _ => return Err(self.failed(failed.text)),
                    }
                }
                Kind::Log => {
                    if let Some((level, facility, text)) = event.log() {
                        self.consumer.client().context().line(level, &facility, &text);
                    }
                }
                Kind::Delivery | Kind::Rebalance | Kind::Commit | Kind::Ends | Kind::Other => {}
            }
        }
        Ok(Ok(next))
    }

    fn patiently<T>(&self, attempt: impl FnMut() -> KafkaResult<T>) -> Result<T, ChangelogError> {
        errors::patiently(&self.topic, PATIENCE, LOOK_EVERY, attempt).map_err(|error| self.failed(error))
    }
}

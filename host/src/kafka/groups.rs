//! Consumer groups from outside: who is in one, and where it stands. For a plain thread; no group may be at work meanwhile.

use super::client::ClientSettings;
use super::errors::code;
use super::native;
use super::reachability::Watch;
use super::starts;
use super::topics::block_on;
use crate::config::Start;
use crate::event::Partition;
use rdkafka::admin::{AdminClient, AdminOptions};
use rdkafka::client::DefaultClientContext;
use rdkafka::consumer::{BaseConsumer, Consumer as _};
use rdkafka::error::{KafkaError, RDKafkaErrorCode as Code};
use rdkafka::{Offset, TopicPartitionList};
use std::time::Duration;

/// How long one question to the brokers may take.
const ANSWER_WITHIN: Duration = Duration::from_secs(10);

/// A group that can't be asked about or changed.
#[derive(Debug, thiserror::Error)]
#[error("consumer group {group}: {reason}")]
pub struct GroupError {
    /// The group.
    pub group: String,
    /// What the broker or the client library said.
    pub reason: String,
}

/// One consumer group.
pub struct Group {
    settings: ClientSettings,
    name: String,
}

impl Group {
    /// Talks to nobody yet.
    pub fn new(settings: ClientSettings, name: &str) -> Self {
        Group { settings, name: name.to_owned() }
    }

    fn failed(&self, reason: impl ToString) -> GroupError {
        GroupError { group: self.name.clone(), reason: reason.to_string() }
    }

    fn admin(&self) -> Result<AdminClient<DefaultClientContext>, GroupError> {
        self.settings.for_admin("wasmill-groups").create().map_err(|error| self.failed(error))
    }

    /// How many members it has.
    pub fn members(&self) -> Result<usize, GroupError> {
        let admin = self.admin()?;
        let groups = admin.inner().fetch_group_list(Some(&self.name), ANSWER_WITHIN);
        let groups = groups.map_err(|error: KafkaError| self.failed(error))?;
        Ok(groups.groups().iter().map(|group| group.members().len()).sum())
    }

    /// Forgets it and its offsets; says whether there was one.
    pub fn forget(&self) -> Result<bool, GroupError> {
        let options = AdminOptions::new().request_timeout(Some(ANSWER_WITHIN)).operation_timeout(Some(ANSWER_WITHIN));
        let answer = block_on(self.admin()?.delete_groups(&[&self.name], &options));
        let answer = answer.map_err(|error| self.failed(error))?;
        match answer.into_iter().next() {
            None | Some(Ok(_)) => Ok(true),
            Some(Err((_, Code::GroupIdNotFound))) => Ok(false),
            Some(Err((_, code))) => Err(self.failed(code)),
        }
    }

    /// Commits where it begins in each partition of the topics.
    pub fn begin_at(&self, topics: &[String], start: Start) -> Result<(), GroupError> {
        let prefetch = self.settings.prefetch();
        let config = self.settings.for_consumer(&self.name, "wasmill-groups", false, &prefetch);
        let consumer: BaseConsumer<Watch> =
            config.create_with_context(self.settings.watch("wasmill-groups")).map_err(|error| self.failed(error))?;
        let mut partitions = Vec::new();
        for (topic, name) in topics.iter().enumerate() {
            let metadata = consumer.fetch_metadata(Some(name), ANSWER_WITHIN).map_err(|error| self.failed(error))?;
            let count = metadata.topics().first().map_or(0, |topic| topic.partitions().len() as i32);
            partitions.extend((0..count).map(|number| Partition { topic, number }));
        }
        let beginnings = starts::resolve(&consumer, topics, &partitions, start).map_err(|error| self.failed(error))?;
        let mut list = TopicPartitionList::new();
        for beginning in &beginnings {
            let mut element = list.add_partition(&topics[beginning.at.topic], beginning.at.number);
            element.set_offset(Offset::Offset(beginning.offset)).map_err(|error| self.failed(code(&error)))?;
            if !beginning.note.is_empty() {
                element.set_metadata(&beginning.note);
            }
        }
        let commit = native::Commit::ask(consumer.client().native_client(), &list).map_err(|code| self.failed(code))?;
        let answer = commit.answered(ANSWER_WITHIN).unwrap_or(Err(Code::OperationTimedOut));
        answer.map(drop).map_err(|code| self.failed(code))
    }
}

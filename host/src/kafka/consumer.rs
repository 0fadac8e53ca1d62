//! A consumer of one plugin's inputs.

mod pending;

use self::pending::Pending;
use super::budget::Share;
use super::client::ClientSettings;
use super::edge::{Inbox, Offsets, Rebalance, Source, SourceError};
use super::errors::{is_stale, is_transient};
use super::native::{self, Event, Kind, Listed, Message, Polled};
use super::reachability::Watch;
use super::starts::{self, Beginning};
use crate::config::Start;
use crate::event::{Partition, Position};
use rdkafka::consumer::{BaseConsumer, Consumer as _, RebalanceProtocol};
use rdkafka::error::{KafkaResult, RDKafkaErrorCode as Code};
use rdkafka::{Offset, TopicPartitionList};
use std::collections::HashMap;
use std::ffi::CString;
use std::sync::Arc;
use std::thread;
use std::time::{Duration, Instant};

/// A poll stops after so many bytes of keys and values, however few events that are: it bounds what a run of large
/// events takes.
const POLL_BYTES: usize = 8 << 20;

/// How long a seek is tried again while the fetch of a partition has not begun.
const SEEK_PATIENCE: Duration = Duration::from_secs(10);

/// How long leaving the group may wait for the last rebalance.
const CLOSE_PATIENCE: Duration = Duration::from_secs(5);

/// A wait for an answer looks so often whether brokers are there at all.
const LOOK_EVERY: Duration = Duration::from_secs(1);

/// Between two tries that failed at once.
const BACK_OFF: Duration = Duration::from_millis(20);

/// How long the look whether a lost broker is back may take. No events are kept waiting by it: there are none.
const PROBE: Duration = Duration::from_millis(100);

/// What a consumer consumes, and as whom.
#[derive(Debug, Clone)]
pub struct ConsumerSpec {
    /// The consumer group.
    pub group: String,
    /// How brokers and the log name this client.
    pub client_id: String,
    /// The topics; [`Partition::topic`] is an index into them. With several, partitions of the same number are
    /// assigned to the same member.
    pub topics: Vec<String>,
    /// Where the group begins in a partition that it has no committed offset for.
    pub start: Start,
}

/// [`Source`] over librdkafka.
pub struct Consumer {
    /// What was asked of the group last, until it is answered. Dropped before the client.
    pending: Option<Pending>,
    polled: Polled<BaseConsumer<Watch>>,
    topics: Vec<String>,
    native_topics: Vec<CString>,
    start: Start,
    /// The topic of the last event: most often the next one's, too.
    last_topic: usize,
    /// What belongs to each partition's commits; see [`starts`].
    notes: HashMap<Partition, String>,
    ends: super::ends::Ends,
    _prefetch: Share,
}

impl Consumer {
    /// Subscribes. Partitions come by [`Source::poll`].
    pub fn new(settings: &ClientSettings, spec: ConsumerSpec) -> Result<Self, SourceError> {
        let broken = |error: String| SourceError::Broken(format!("consumer of group {}: {error}", spec.group));
        let together = spec.topics.len() > 1;
        let prefetch = settings.prefetch();
        let config = settings.for_consumer(&spec.group, &spec.client_id, together, &prefetch);
        let consumer: BaseConsumer<Watch> =
            config.create_with_context(settings.watch(&spec.client_id)).map_err(|error| broken(error.to_string()))?;
        let names: Vec<&str> = spec.topics.iter().map(String::as_str).collect();
        consumer.subscribe(&names).map_err(|error| broken(error.to_string()))?;
        let native_topics = spec.topics.iter().map(|name| CString::new(name.as_str())).collect::<Result<_, _>>();
        Ok(Consumer {
            pending: None,
            polled: Polled::new(consumer).ok_or_else(|| broken("it has no queue".into()))?,
            native_topics: native_topics.map_err(|error| broken(error.to_string()))?,
            topics: spec.topics,
            start: spec.start,
            last_topic: 0,
            notes: HashMap::new(),
            ends: super::ends::Ends::default(),
            _prefetch: prefetch,
        })
    }

    fn consumer(&self) -> &BaseConsumer<Watch> {
        self.polled.client()
    }

    fn list(&self, partitions: &[Partition]) -> TopicPartitionList {
        let mut list = TopicPartitionList::with_capacity(partitions.len());
        for at in partitions {
            list.add_partition(&self.topics[at.topic], at.number);
        }
        list
    }

    fn positions(&self, positions: &[Position]) -> KafkaResult<TopicPartitionList> {
        let mut list = TopicPartitionList::with_capacity(positions.len());
        for position in positions {
            let mut element = list.add_partition(&self.topics[position.at.topic], position.at.number);
            element.set_offset(Offset::Offset(position.offset))?;
            let note = self.notes.get(&position.at).map_or("", String::as_str);
            let note = starts::note(note, position.stream_time);
            if !note.is_empty() {
                element.set_metadata(note);
            }
        }
        Ok(list)
    }

    fn cooperative(&self) -> bool {
        matches!(self.consumer().rebalance_protocol(), RebalanceProtocol::Cooperative)
    }

    fn give_up(&self, list: &TopicPartitionList) -> KafkaResult<()> {
        match self.consumer().rebalance_protocol() {
            RebalanceProtocol::Cooperative => self.consumer().incremental_unassign(list),
            // The eager protocol takes all at once.
            _ => self.consumer().unassign(),
        }
    }

    fn rebalance(&self, event: &Event<'_>) -> Result<Rebalance, SourceError> {
        let partitions = event.partitions().iter().filter_map(|listed| partition(&self.topics, listed)).collect();
        match event.code() {
            Code::AssignPartitions => Ok(Rebalance::Assigned(partitions)),
            Code::RevokePartitions if self.consumer().assignment_lost() => Ok(Rebalance::Lost(partitions)),
            Code::RevokePartitions => Ok(Rebalance::Revoked(partitions)),
            code => Err(SourceError::Broken(format!("rebalance: {code}"))),
        }
    }

    /// Whether the consumer can go on after an error event.
    fn failed(&self, event: &Event<'_>) -> Result<(), SourceError> {
        let failed = event.failed();
        let at = match &failed.at {
            Some((topic, number)) if *number >= 0 => format!("{topic} partition {number}: "),
            Some((topic, _)) if !topic.is_empty() => format!("{topic}: "),
            _ => String::new(),
        };
        let text = format!("{at}{}", failed.text);
        match failed.code {
            Code::AutoOffsetReset | Code::OffsetOutOfRange | Code::LogTruncation => {
                Err(SourceError::OffsetOutOfRange(format!(
                    "{text}. The next event is not in the topic any more (retention, or the topic was made anew). Set \
                     the group's offset to where the plugin may go on, or reset the plugin"
                )))
            }
            // A rebalance follows, and says which partitions were lost by it.
            Code::PollExceeded => {
                tracing::warn!(target: "kafka", "{text}");
                Ok(())
            }
            _ if failed.fatal => Err(SourceError::Broken(text)),
            Code::Authentication | Code::SSL | Code::PartitionEOF => {
                self.consumer().context().failed(failed.code, &text);
                Ok(())
            }
            code if is_transient(code) || is_stale(code) => {
                self.consumer().context().failed(code, &text);
                Ok(())
            }
            _ => Err(SourceError::Broken(text)),
        }
    }

    fn look_for_brokers(&self) {
        let watch = self.consumer().context();
        if watch.should_probe()
            && let Some(topic) = self.topics.first()
        {
            match self.consumer().fetch_metadata(Some(topic), PROBE) {
                Ok(_) => watch.answered(),
                Err(_) => watch.unanswered(),
            }
        }
    }
}

impl Source for Consumer {
    fn poll(&mut self, max: usize, wait: Duration, inbox: &mut dyn Inbox) -> Result<Option<Rebalance>, SourceError> {
        self.look_for_brokers();
        self.ends.ask(&self.polled, &self.topics);
        let deadline = Instant::now() + wait;
        let (mut taken, mut bytes, mut wait) = (0, 0, wait);
        while taken < max && bytes < POLL_BYTES {
            let Some(mut event) = self.polled.poll(wait) else { break };
            match event.kind() {
                Kind::Fetch => {
                    if let Some(message) = event.message() {
                        taken += 1;
                        bytes += take(&message, &self.native_topics, &mut self.last_topic, inbox);
                    }
                }
                Kind::Rebalance => return self.rebalance(&event).map(Some),
                Kind::Error => self.failed(&event)?,
                Kind::Log => log(self.consumer(), &event),
                Kind::Ends => self.ends.answered(&event.ends(), &self.topics),
                Kind::Delivery | Kind::Commit | Kind::Other => {}
            }
            wait = match taken {
                0 => deadline.saturating_duration_since(Instant::now()),
                _ => Duration::ZERO,
            };
        }
        if taken > 0 {
            self.consumer().context().answered();
        }
        Ok(None)
    }

    fn assign(&mut self, partitions: &[Partition]) -> Result<Vec<Position>, SourceError> {
        let beginnings = starts::resolve(self.consumer(), &self.topics, partitions, self.start)?;
        self.notes.extend(beginnings.iter().map(|beginning| (beginning.at, beginning.note.clone())));
        let position = |beginning: &Beginning| Position {
            at: beginning.at,
            offset: beginning.offset,
            stream_time: beginning.stream_time,
        };
        let positions: Vec<Position> = beginnings.iter().map(position).collect();
        for Beginning { at, offset, fresh, .. } in &beginnings {
            let committed = if *fresh { "nothing is committed, it begins" } else { "committed" };
            tracing::debug!(target: "wasmill::kafka", "{} {}: {committed} at {offset}", self.topics[at.topic], at.number);
        }
        let list = self.positions(&positions).map_err(broken("assigning partitions"))?;
        // An empty assignment is told, too: the group waits for the answer.
        let result =
            if self.cooperative() { self.consumer().incremental_assign(&list) } else { self.consumer().assign(&list) };
        result.map_err(broken("assigning partitions"))?;
        let fresh: Vec<Position> = beginnings.iter().filter(|beginning| beginning.fresh).map(position).collect();
        if fresh.is_empty() {
            return Ok(positions);
        }
        self.commit(&fresh)?;
        loop {
            match self.committed(LOOK_EVERY) {
                // The next rebalance assigns again, and finds out anew.
                Some(Err(SourceError::Stale(_)) | Ok(())) => return Ok(positions),
                Some(Err(error)) => return Err(error),
                None => self.look_for_brokers(),
            }
        }
    }

    fn unassign(&mut self, partitions: &[Partition], lost: bool) -> Result<(), SourceError> {
        self.ends.resumed(partitions);
        for at in partitions {
            self.notes.remove(at);
        }
        match self.give_up(&self.list(partitions)) {
            // What was lost may be gone already.
            Err(error) if lost => {
                tracing::debug!(target: "kafka", "giving up lost partitions: {error}");
                Ok(())
            }
            result => result.map_err(broken("giving up partitions")),
        }
    }

    fn commit(&mut self, positions: &[Position]) -> Result<(), SourceError> {
        let list = self.positions(positions).map_err(broken("committing"))?;
        self.pending = Some(Pending::ask(self.consumer().client().native_client(), list)?);
        Ok(())
    }

    fn committed(&mut self, wait: Duration) -> Option<Result<(), SourceError>> {
        let answer = match &mut self.pending {
            Some(pending) => pending.answered(self.polled.client().client().native_client(), wait)?,
            None => Ok(()),
        };
        self.pending = None;
        Some(answer)
    }

    fn offsets(&self, positions: &[Position]) -> Result<Offsets, SourceError> {
        let list = self.positions(positions).map_err(broken("committing"))?;
        let member = self.consumer().group_metadata();
        let member = member.ok_or_else(|| SourceError::Broken("the consumer is in no group".into()))?;
        Ok(Offsets { positions: positions.to_vec(), member: Some(Arc::new((list, member))) })
    }

    fn pause(&mut self, partitions: &[Partition]) -> Result<(), SourceError> {
        let list = self.list(partitions);
        self.consumer().pause(&list).map_err(broken("pausing"))?;
        self.ends.paused(partitions);
        each("pausing", &native::elements(&list))
    }

    fn resume(&mut self, partitions: &[Partition]) -> Result<(), SourceError> {
        let list = self.list(partitions);
        self.consumer().resume(&list).map_err(broken("resuming"))?;
        self.ends.resumed(partitions);
        each("resuming", &native::elements(&list))
    }

    fn seek(&mut self, positions: &[Position]) -> Result<(), SourceError> {
        let deadline = Instant::now() + SEEK_PATIENCE;
        let mut left = positions.to_vec();
        while !left.is_empty() {
            let list = self.positions(&left).map_err(broken("seeking"))?;
            let answer = self.consumer().seek_partitions(list, SEEK_PATIENCE).map_err(broken("seeking"))?;
            let answer = native::elements(&answer);
            // Right after an assignment the fetch has not begun, and cannot be moved yet.
            let not_yet = |listed: &Listed| matches!(listed.code, Code::State | Code::PreviousInProgress);
            if Instant::now() >= deadline || !answer.iter().any(not_yet) {
                return each("seeking", &answer);
            }
            let waiting = answer.iter().filter(|listed| not_yet(listed));
            let waiting: Vec<Partition> = waiting.filter_map(|listed| partition(&self.topics, listed)).collect();
            let others: Vec<Listed> = answer.iter().filter(|listed| !not_yet(listed)).cloned().collect();
            each("seeking", &others)?;
            left.retain(|position| waiting.contains(&position.at));
            thread::sleep(BACK_OFF);
        }
        Ok(())
    }

    fn end_offset(&self, at: Partition) -> Option<i64> {
        let client = self.consumer().client().native_client();
        native::end_offset(client, &self.native_topics[at.topic], at.number).max(self.ends.get(at))
    }

    fn close(&mut self) {
        self.consumer().unsubscribe();
        let deadline = Instant::now() + CLOSE_PATIENCE;
        // Whoever drops a consumer with partitions waits for their revocation: it is served here.
        while Instant::now() < deadline && self.consumer().assignment().is_ok_and(|owned| owned.count() > 0) {
            let Some(event) = self.polled.poll(BACK_OFF) else { continue };
            if event.kind() == Kind::Rebalance {
                let owned = self.consumer().assignment().unwrap_or_default();
                if let Err(error) = self.give_up(&owned) {
                    tracing::debug!(target: "kafka", "leaving the group: {error}");
                }
            }
        }
    }
}

/// Packs an event; answers how many bytes it has.
fn take(message: &Message<'_>, topics: &[CString], last_topic: &mut usize, inbox: &mut dyn Inbox) -> usize {
    // With one topic there is nothing to tell apart.
    if topics.len() > 1 && topics[*last_topic].as_c_str() != message.topic() {
        let Some(topic) = topics.iter().position(|name| name.as_c_str() == message.topic()) else { return 0 };
        *last_topic = topic;
    }
    let at = Partition { topic: *last_topic, number: message.partition() };
    let (key, value) = (message.key(), message.value());
    if let Some(columns) = inbox.columns(at) {
        columns.push(message.offset() as u64, message.timestamp(), key, value, message.headers());
    }
    key.map_or(0, <[u8]>::len) + value.map_or(0, <[u8]>::len)
}

fn partition(topics: &[String], listed: &Listed) -> Option<Partition> {
    let topic = topics.iter().position(|name| *name == listed.topic)?;
    Some(Partition { topic, number: listed.number })
}

fn log(consumer: &BaseConsumer<Watch>, event: &Event<'_>) {
    if let Some((level, facility, text)) = event.log() {
        consumer.context().line(level, &facility, &text);
    }
}

fn each(doing: &str, answer: &[Listed]) -> Result<(), SourceError> {
    match answer.iter().find(|listed| listed.code != Code::NoError) {
        Some(listed) => {
            let Listed { topic, number, code, .. } = listed;
            Err(SourceError::Broken(format!("{doing} {topic} partition {number}: {code}")))
        }
        None => Ok(()),
    }
}

fn broken(doing: &str) -> impl Fn(rdkafka::error::KafkaError) -> SourceError {
    move |error| SourceError::Broken(format!("{doing}: {error}"))
}

fn not_committed(code: Code) -> SourceError {
    SourceError::Broken(format!("committing: {code}"))
}

#[cfg(test)]
mod tests;

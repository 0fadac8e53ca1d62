//! Where a consumer begins: at the committed offset, or where the plugin's `start` says.
//!
//! A partition without a committed offset is either one that the group has not come to yet, and `start` applies; or one
//! that was added to the topic later, and then its events are all newer than the plugin's first start: it begins at the
//! earliest. To tell the two apart, the offsets where a group begins are committed at once, with the number of
//! partitions that the topic had.

use super::edge::SourceError;
use super::errors;
use super::native::{self, Listed};
use super::reachability::Watch;
use crate::config::Start;
use crate::event::{NO_TIME, Partition};
use rdkafka::consumer::{BaseConsumer, Consumer};
use rdkafka::error::{KafkaError, KafkaResult, RDKafkaErrorCode};
use rdkafka::{Offset, TopicPartitionList};
use std::time::Duration;

/// How long one question to the brokers may take.
const ANSWER_WITHIN: Duration = Duration::from_secs(5);

/// How long a slow or lost broker is asked again before the worker starts anew.
const PATIENCE: Duration = Duration::from_secs(30);

/// Between two tries that failed at once.
const BACK_OFF: Duration = Duration::from_millis(100);

const FIRST_PARTITIONS: &str = "first-partitions=";
const STREAM_TIME: &str = "stream-time=";

/// Where one partition begins.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Beginning {
    /// The partition.
    pub at: Partition,
    /// The offset of the first event wanted.
    pub offset: i64,
    /// Whether the group had no committed offset for it.
    pub fresh: bool,
    /// The text that belongs to all its commits: how many partitions the topic had when the group began.
    pub note: String,
    /// The task's stream time at the last commit.
    pub stream_time: i64,
}

/// Where each of `partitions` begins. `topics` are the names that their indexes mean.
pub fn resolve(
    consumer: &BaseConsumer<Watch>,
    topics: &[String],
    partitions: &[Partition],
    start: Start,
) -> Result<Vec<Beginning>, SourceError> {
    let mut beginnings = Vec::with_capacity(partitions.len());
    let mut wanted = Vec::new();
    for (topic, name) in topics.iter().enumerate() {
        let mut numbers: Vec<i32> = partitions.iter().filter(|at| at.topic == topic).map(|at| at.number).collect();
        numbers.sort_unstable();
        let mut group = None;
        for listed in committed(consumer, name, &numbers)? {
            let at = Partition { topic, number: listed.number };
            if listed.offset >= 0 {
                let note = first_partitions(&listed.metadata).map(first_partitions_note).unwrap_or_default();
                let stream_time = stream_time(&listed.metadata);
                beginnings.push(Beginning { at, offset: listed.offset, fresh: false, note, stream_time });
                continue;
            }
            if group.is_none() {
                group = Some(Group::ask(consumer, name, start)?);
            }
            let (start, note) = group.as_ref().map_or((start, String::new()), |group| group.start(at.number, start));
            beginnings.push(Beginning { at, offset: -1, fresh: true, note, stream_time: NO_TIME });
            wanted.push((at, start));
        }
    }
    for (at, offset) in lookup(consumer, topics, &wanted)? {
        if let Some(beginning) = beginnings.iter_mut().find(|beginning| beginning.at == at) {
            beginning.offset = offset;
        }
    }
    Ok(beginnings)
}

/// What the group has committed of one topic.
#[derive(Debug, Default)]
struct Group {
    any: bool,
    partitions: i32,
    first_partitions: Option<i32>,
}

impl Group {
    fn ask(consumer: &BaseConsumer<Watch>, topic: &str, start: Start) -> Result<Self, SourceError> {
        if start == Start::Earliest {
            // Then both rules say the same.
            return Ok(Group::default());
        }
        let metadata = patiently(&format!("asking how many partitions {topic} has"), || {
            consumer.fetch_metadata(Some(topic), ANSWER_WITHIN)
        })?;
        let partitions = metadata.topics().first().map_or(0, |topic| topic.partitions().len() as i32);
        let numbers: Vec<i32> = (0..partitions).collect();
        let committed = committed(consumer, topic, &numbers)?;
        let mut known = committed.iter().filter(|listed| listed.offset >= 0).peekable();
        Ok(Group {
            any: known.peek().is_some(),
            partitions,
            first_partitions: known.find_map(|listed| first_partitions(&listed.metadata)),
        })
    }

    /// Where a partition without a committed offset starts, and the note for its commits.
    fn start(&self, number: i32, start: Start) -> (Start, String) {
        let note = first_partitions_note;
        match (self.any, self.first_partitions) {
            _ if start == Start::Earliest => (start, String::new()),
            (false, _) => (start, note(self.partitions)),
            (true, Some(first)) if number < first => (start, note(first)),
            (true, Some(first)) => (Start::Earliest, note(first)),
            (true, None) => (Start::Earliest, String::new()),
        }
    }
}

/// The text of one commit: a partition's own note, and the task's stream time.
pub fn note(own: &str, stream_time: i64) -> String {
    match stream_time {
        NO_TIME => own.to_owned(),
        _ if own.is_empty() => format!("{STREAM_TIME}{stream_time}"),
        _ => format!("{own} {STREAM_TIME}{stream_time}"),
    }
}

fn first_partitions_note(partitions: i32) -> String {
    format!("{FIRST_PARTITIONS}{partitions}")
}

fn first_partitions(metadata: &[u8]) -> Option<i32> {
    word(metadata, FIRST_PARTITIONS)?.parse().ok()
}

fn stream_time(metadata: &[u8]) -> i64 {
    word(metadata, STREAM_TIME).and_then(|time| time.parse().ok()).unwrap_or(NO_TIME)
}

/// What follows `name` in a commit's text.
fn word<'a>(metadata: &'a [u8], name: &str) -> Option<&'a str> {
    std::str::from_utf8(metadata).ok()?.split(' ').find_map(|word| word.strip_prefix(name))
}

fn committed(consumer: &BaseConsumer<Watch>, topic: &str, numbers: &[i32]) -> Result<Vec<Listed>, SourceError> {
    if numbers.is_empty() {
        return Ok(Vec::new());
    }
    let doing = format!("asking for the committed offsets of {topic}");
    let ask = || {
        let mut list = TopicPartitionList::with_capacity(numbers.len());
        for number in numbers {
            list.add_partition(topic, *number);
        }
        checked(consumer.committed_offsets(list, ANSWER_WITHIN)?)
    };
    errors::patiently(&doing, PATIENCE, BACK_OFF, ask).map_err(|error| {
        // "Unstable", the answer while such a transaction is open, is not told: librdkafka asks again until the time is over.
        let why = match error.rdkafka_error_code() {
            Some(RDKafkaErrorCode::OperationTimedOut) => {
                "; no broker answers, or a transaction with offsets of the group is still open and holds them back"
            }
            _ => "",
        };
        SourceError::Broken(format!("{doing}: {error}{why}"))
    })
}

/// The offsets that `start` means, all partitions in one question.
fn lookup(
    consumer: &BaseConsumer<Watch>,
    topics: &[String],
    wanted: &[(Partition, Start)],
) -> Result<Vec<(Partition, i64)>, SourceError> {
    let mut found = Vec::with_capacity(wanted.len());
    let mut after_all = Vec::new();
    for ((at, start), offset) in wanted.iter().zip(ask_offsets(consumer, topics, wanted)?) {
        match offset {
            offset if offset >= 0 => found.push((*at, offset)),
            // No event has that timestamp or a later one.
            _ if matches!(start, Start::Timestamp(_)) => after_all.push((*at, Start::Latest)),
            _ => return Err(SourceError::Broken(format!("{} {}: no offset to start at", topics[at.topic], at.number))),
        }
    }
    for ((at, _), offset) in after_all.iter().zip(ask_offsets(consumer, topics, &after_all)?) {
        found.push((*at, offset.max(0)));
    }
    Ok(found)
}

fn ask_offsets(
    consumer: &BaseConsumer<Watch>,
    topics: &[String],
    wanted: &[(Partition, Start)],
) -> Result<Vec<i64>, SourceError> {
    if wanted.is_empty() {
        return Ok(Vec::new());
    }
    let answers = patiently("asking for the offsets to start at", || {
        let mut list = TopicPartitionList::with_capacity(wanted.len());
        for (at, start) in wanted {
            // The protocol has the two ends of a partition as timestamps of their own.
            let offset = match start {
                Start::Earliest => Offset::Beginning,
                Start::Latest => Offset::End,
                Start::Timestamp(timestamp) => Offset::Offset((*timestamp).max(0)),
            };
            list.add_partition_offset(&topics[at.topic], at.number, offset)?;
        }
        checked(consumer.offsets_for_times(list, ANSWER_WITHIN)?)
    })?;
    let offset_of = |at: &Partition| {
        let same = |listed: &&Listed| listed.number == at.number && listed.topic == topics[at.topic];
        answers.iter().find(same).map_or(-1, |listed| listed.offset)
    };
    Ok(wanted.iter().map(|(at, _)| offset_of(at)).collect())
}

/// An error that hides in an element is an error.
fn checked(list: TopicPartitionList) -> KafkaResult<Vec<Listed>> {
    let elements = native::elements(&list);
    match elements.iter().find(|listed| listed.code != RDKafkaErrorCode::NoError) {
        Some(listed) => Err(KafkaError::OffsetFetch(listed.code)),
        None => Ok(elements),
    }
}

/// Tries again while a broker is away or slow, with a bound.
fn patiently<T>(doing: &str, attempt: impl FnMut() -> KafkaResult<T>) -> Result<T, SourceError> {
    errors::patiently(doing, PATIENCE, BACK_OFF, attempt)
        .map_err(|error| SourceError::Broken(format!("{doing}: {error}")))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_group_that_has_committed_nothing_starts_as_configured() {
        let group = Group { any: false, partitions: 4, first_partitions: None };
        assert_eq!(group.start(2, Start::Latest), (Start::Latest, "first-partitions=4".to_owned()));
    }

    #[test]
    fn a_partition_that_was_there_from_the_beginning_starts_as_configured_and_a_new_one_at_the_earliest() {
        let group = Group { any: true, partitions: 6, first_partitions: first_partitions(b"first-partitions=4") };
        assert_eq!(group.start(3, Start::Latest).0, Start::Latest);
        assert_eq!(group.start(4, Start::Latest), (Start::Earliest, "first-partitions=4".to_owned()));
    }

    #[test]
    fn without_the_note_a_partition_beside_committed_ones_counts_as_new() {
        let group = Group { any: true, partitions: 4, first_partitions: first_partitions(b"\xff") };
        assert_eq!(group.start(1, Start::Latest), (Start::Earliest, String::new()));
    }
}

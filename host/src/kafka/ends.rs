//! Where paused partitions end. librdkafka learns the end of a partition from what it fetches, and of a paused one it
//! fetches nothing: its lag would stand still, just when somebody looks at it. So the brokers are asked now and then, by
//! requests that nobody waits for.

use super::native::{Listed, Polled};
use super::reachability::Watch;
use crate::event::Partition;
use rdkafka::consumer::BaseConsumer;
use rdkafka::error::RDKafkaErrorCode;
use rdkafka::{Offset, TopicPartitionList};
use std::collections::BTreeMap;
use std::time::{Duration, Instant};

/// How often they are asked.
const ASK_EVERY: Duration = Duration::from_secs(3);

/// How long they may take to answer: less, so that there is one question at a time.
const ANSWER_WITHIN: Duration = Duration::from_secs(2);

/// The ends of a consumer's paused partitions.
#[derive(Debug, Default)]
pub struct Ends {
    /// None: it was not told yet.
    paused: BTreeMap<Partition, Option<i64>>,
    asked: Option<Instant>,
}

impl Ends {
    /// These are not fetched from here on.
    pub fn paused(&mut self, partitions: &[Partition]) {
        for at in partitions {
            self.paused.entry(*at).or_default();
        }
    }

    /// These are fetched again, or belong to somebody else.
    pub fn resumed(&mut self, partitions: &[Partition]) {
        for at in partitions {
            self.paused.remove(at);
        }
    }

    /// Asks, if something is paused and it is time. `topics` are the names that the partitions' indexes mean.
    pub fn ask(&mut self, client: &Polled<BaseConsumer<Watch>>, topics: &[String]) {
        if self.paused.is_empty() || self.asked.is_some_and(|at| at.elapsed() < ASK_EVERY) {
            return;
        }
        let mut list = TopicPartitionList::with_capacity(self.paused.len());
        for at in self.paused.keys() {
            // The only offset that is refused is one below zero that means nothing.
            let _ = list.add_partition_offset(&topics[at.topic], at.number, Offset::End);
        }
        client.ask_for_ends(&list, ANSWER_WITHIN);
        self.asked = Some(Instant::now());
    }

    /// Takes an answer in. Partitions without one keep what was told last.
    pub fn answered(&mut self, ends: &[Listed], topics: &[String]) {
        for end in ends.iter().filter(|end| end.code == RDKafkaErrorCode::NoError && end.offset >= 0) {
            let Some(topic) = topics.iter().position(|name| *name == end.topic) else { continue };
            if let Some(known) = self.paused.get_mut(&Partition { topic, number: end.number }) {
                *known = Some(end.offset);
            }
        }
    }

    /// The end of a partition, if it is paused and was told.
    pub fn get(&self, at: Partition) -> Option<i64> {
        *self.paused.get(&at)?
    }
}

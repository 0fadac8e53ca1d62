//! How far a consumer group has come, seen from outside: whoever is measured is measured in the same way.

use crate::mill::PATIENCE;
use crate::topics::Topic;
use rdkafka::TopicPartitionList;
use rdkafka::config::ClientConfig;
use rdkafka::consumer::{BaseConsumer, Consumer};
use std::time::{Duration, Instant};
use wasmill_tests::Kafka;

/// Between two looks; commits are ten times as far apart.
const LOOK_EVERY: Duration = Duration::from_millis(10);

/// Of a look. One that fails is one look less.
const ANSWER_WITHIN: Duration = Duration::from_secs(5);

/// Of so much of the topic nothing is measured: programs start in that time, and Java compiles what it runs often.
const WARM_UP: f64 = 1.0 / 3.0;

/// What a run came to, from a commit to the last one.
#[derive(Debug, Clone, Copy)]
pub struct Pace {
    /// Events a second.
    pub rate: f64,
    /// Microseconds of processor time an event.
    pub cpu: f64,
}

/// Looks on until the group has committed the whole topic. `cpu`: what whoever is measured has used so far.
pub fn follow(kafka: &Kafka, group: &str, topic: &Topic<'_>, cpu: impl Fn() -> Duration) -> Pace {
    let all = topic.events();
    let watcher = Watcher::new(kafka, group, topic);
    let from = watcher.wait_for((all as f64 * WARM_UP) as u64, &cpu);
    let to = watcher.wait_for(all, &cpu);
    let events = (to.events - from.events) as f64;
    Pace { rate: events / (to.at - from.at).as_secs_f64(), cpu: (to.cpu - from.cpu).as_secs_f64() * 1e6 / events }
}

struct Seen {
    at: Instant,
    events: u64,
    cpu: Duration,
}

struct Watcher {
    consumer: BaseConsumer,
    partitions: TopicPartitionList,
}

impl Watcher {
    fn new(kafka: &Kafka, group: &str, topic: &Topic<'_>) -> Self {
        let mut config = ClientConfig::new();
        config.set("bootstrap.servers", kafka.brokers()).set("group.id", group);
        // As one who reads only what is committed it would have to wait for the end of each transaction.
        config.set("isolation.level", "read_uncommitted");
        let mut partitions = TopicPartitionList::new();
        for partition in 0..topic.ends().len() {
            partitions.add_partition(&topic.name, partition as i32);
        }
        Watcher { consumer: config.create().expect("a consumer"), partitions }
    }

    /// The first commit after which so many events are done.
    fn wait_for(&self, events: u64, cpu: &impl Fn() -> Duration) -> Seen {
        let deadline = Instant::now() + PATIENCE;
        loop {
            let now = self.committed().unwrap_or_default();
            if now >= events {
                return Seen { at: Instant::now(), events: now, cpu: cpu() };
            }
            assert!(Instant::now() < deadline, "only {now} of {events} events were committed in {PATIENCE:?}");
            std::thread::sleep(LOOK_EVERY);
        }
    }

    fn committed(&self) -> Option<u64> {
        let answer = self.consumer.committed_offsets(self.partitions.clone(), ANSWER_WITHIN).ok()?;
        let offsets = answer.elements().into_iter().filter_map(|element| element.offset().to_raw());
        Some(offsets.filter(|offset| *offset > 0).sum::<i64>() as u64)
    }
}

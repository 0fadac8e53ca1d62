//! Help for the tests of this folder. They run on the embedded broker, or on the one that `WASMILL_TEST_BROKERS` names.

use super::client::ClientSettings;
use super::consumer::{Consumer, ConsumerSpec};
use super::edge::{Inbox, Outgoing, Outlet, Rebalance, Source};
use super::producer::{Producer, ProducerSpec};
use super::topics::{TopicKind, TopicSpec, Topics};
use crate::config::{Brokers, KafkaConfig, Start};
use crate::event::{Partition, Position};
use std::collections::BTreeMap;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::{Duration, Instant};
use wasmill_contract::{Batch, HeaderRef, Headers};

/// Nothing here takes longer, except when it fails.
pub const PATIENCE: Duration = Duration::from_secs(30);

pub fn settings() -> ClientSettings {
    let brokers = match std::env::var("WASMILL_TEST_BROKERS") {
        Ok(servers) => Brokers::Servers(servers),
        Err(_) => Brokers::Embedded,
    };
    ClientSettings::new(&KafkaConfig::of(brokers)).unwrap()
}

/// A name that no other test has used, in this run or before.
pub fn unique(name: &str) -> String {
    static NEXT: AtomicU32 = AtomicU32::new(0);
    let now = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap().as_nanos();
    format!("{name}-{now}-{}", NEXT.fetch_add(1, Ordering::Relaxed))
}

/// A new topic.
pub fn topic(settings: &ClientSettings, partitions: i32) -> String {
    let name = unique("topic");
    let spec = TopicSpec { name: name.clone(), partitions: Some(partitions), kind: TopicKind::Events };
    let counts = Topics::new(settings.clone()).ensure(&[spec], true, 1, 1).unwrap();
    assert_eq!(counts[&name], partitions);
    name
}

/// What was polled, by partition.
#[derive(Default)]
pub struct Received(pub BTreeMap<Partition, Batch>);

impl Inbox for Received {
    fn columns(&mut self, at: Partition) -> Option<&mut Batch> {
        Some(self.0.entry(at).or_default())
    }
}

impl Received {
    pub fn count(&self) -> usize {
        self.0.values().map(Batch::len).sum()
    }

    pub fn values(&self, at: Partition) -> Vec<String> {
        let text = |value: Option<&[u8]>| String::from_utf8(value.unwrap_or_default().to_vec()).unwrap();
        self.0.get(&at).map_or(Vec::new(), |batch| batch.events().map(|event| text(event.value)).collect())
    }
}

pub fn at(number: i32) -> Partition {
    Partition { topic: 0, number }
}

pub fn consumer(settings: &ClientSettings, group: &str, topics: &[&str], start: Start) -> Consumer {
    let topics = topics.iter().map(|topic| topic.to_string()).collect();
    let spec = ConsumerSpec { group: group.into(), client_id: unique("consumer"), topics, start };
    Consumer::new(settings, spec).unwrap()
}

/// Takes part in the group as a worker would, until `done`. Answers where assigned partitions began.
pub fn drive(
    consumer: &mut Consumer,
    received: &mut Received,
    mut done: impl FnMut(&[Position], &Received) -> bool,
) -> Vec<Position> {
    let deadline = Instant::now() + PATIENCE;
    let mut owned: Vec<Position> = Vec::new();
    while !done(&owned, received) {
        assert!(Instant::now() < deadline, "owned {owned:?}, received {}", received.count());
        match consumer.poll(500, Duration::from_millis(20), received).unwrap() {
            Some(Rebalance::Assigned(partitions)) => owned.extend(consumer.assign(&partitions).unwrap()),
            Some(Rebalance::Revoked(partitions)) => {
                owned.retain(|position| !partitions.contains(&position.at));
                consumer.unassign(&partitions, false).unwrap();
            }
            Some(Rebalance::Lost(partitions)) => panic!("lost {partitions:?}"),
            None => {}
        }
    }
    owned
}

/// A consumer that has been given `partitions` partitions, and where they begin.
pub fn joined(
    settings: &ClientSettings,
    group: &str,
    topic: &str,
    start: Start,
    partitions: usize,
) -> (Consumer, Vec<Position>) {
    let mut consumer = consumer(settings, group, &[topic], start);
    let positions = drive(&mut consumer, &mut Received::default(), |owned, _| owned.len() == partitions);
    (consumer, positions)
}

/// Commits as a worker does.
pub fn commit(consumer: &mut Consumer, positions: &[Position]) {
    consumer.commit(positions).unwrap();
    consumer.committed(PATIENCE).expect("an answer").unwrap();
}

/// Gives everything up as a worker that stops does.
pub fn leave(mut consumer: Consumer, owned: &[Partition]) {
    consumer.unassign(owned, false).unwrap();
    consumer.close();
}

pub fn producer(settings: &ClientSettings, topic: &str) -> Producer {
    let topics = vec![topic.to_owned()];
    let spec = ProducerSpec {
        client_id: unique("producer"),
        transactional_id: None,
        longest_call: Duration::ZERO,
        topics,
        watched: Some(0),
    };
    Producer::new(settings, spec).unwrap()
}

/// A record with this value in that partition.
pub fn record<'a>(partition: i32, value: &'a str, none: &'a Headers) -> Outgoing<'a> {
    Outgoing {
        topic: 0,
        partition: Some(partition),
        timestamp: None,
        key: None,
        value: Some(value.as_bytes()),
        headers: none.columns().range(0, 0, 0),
    }
}

pub fn headers(of: &[HeaderRef<'_>]) -> Headers {
    let mut headers = Headers::default();
    for (name, value) in of {
        headers.push(name, *value);
    }
    headers
}

/// Sends the values to a partition and waits until they are there.
pub fn write(producer: &mut Producer, partition: i32, values: &[&str]) {
    let none = Headers::default();
    for value in values {
        producer.send(record(partition, value, &none), 0).unwrap();
    }
    drain(producer);
    assert_eq!((producer.take_refused(), producer.broken()), (vec![], None));
}

pub fn drain(producer: &mut Producer) {
    let deadline = Instant::now() + PATIENCE;
    while producer.in_flight() > 0 {
        assert!(Instant::now() < deadline, "{} in flight", producer.in_flight());
        producer.poll(Duration::from_millis(5));
    }
}

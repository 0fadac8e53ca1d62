//! Topics full of orders, and what can be told of a topic from outside.

use crate::orders::Orders;
use rdkafka::admin::{AdminClient, AdminOptions};
use rdkafka::client::DefaultClientContext;
use rdkafka::config::ClientConfig;
use rdkafka::consumer::{BaseConsumer, Consumer};
use rdkafka::error::{KafkaError, RDKafkaErrorCode};
use rdkafka::message::Message;
use rdkafka::producer::{BaseProducer, BaseRecord, Producer};
use rdkafka::{Offset, TopicPartitionList};
use std::time::Duration;
use wasmill_tests::{Kafka, LONG, unique, wait};

/// Of every topic of the benchmarks.
pub const PARTITIONS: i32 = 4;

/// Of a request that is made again if it fails.
const ONE_TRY: Duration = Duration::from_secs(5);

/// A topic with a name of its own, removed when dropped: a run leaves hundreds of megabytes behind.
pub struct Topic<'k> {
    kafka: &'k Kafka,
    /// Its name.
    pub name: String,
    watcher: BaseConsumer,
}

impl<'k> Topic<'k> {
    /// An empty one. Its events have the time at which the broker took them.
    pub fn new(kafka: &'k Kafka, name: &str) -> Self {
        Topic::with(kafka, name, &[("message.timestamp.type", "LogAppendTime")])
    }

    /// An empty one for a changelog.
    pub fn compacted(kafka: &'k Kafka, name: &str) -> Self {
        Topic::with(kafka, name, &[("cleanup.policy", "compact")])
    }

    fn with(kafka: &'k Kafka, name: &str, settings: &[(&str, &str)]) -> Self {
        let name = unique(name);
        kafka.create_topic(&name, PARTITIONS, settings);
        let watcher = client(kafka).set("group.id", &name).create().expect("a consumer");
        Topic { kafka, name, watcher }
    }

    /// Where each partition ends.
    pub fn ends(&self) -> Vec<i64> {
        // Of a topic just made, a broker does not know every partition at once.
        let end = |partition| {
            wait("where a partition ends", LONG, || {
                Some(self.watcher.fetch_watermarks(&self.name, partition, ONE_TRY).ok()?.1)
            })
        };
        (0..PARTITIONS).map(end).collect()
    }

    /// How many events it has. Only right for a topic that no transaction wrote to.
    pub fn events(&self) -> u64 {
        self.ends().iter().sum::<i64>() as u64
    }

    /// From the moment at which the broker took the first event to that of the last one.
    pub fn time_to_fill(&self) -> Duration {
        let ends = self.ends();
        let filled: Vec<(i32, i64)> = (0..).zip(ends).filter(|(_, end)| *end > 0).collect();
        let first = filled.iter().map(|(partition, _)| self.taken_at(*partition, 0)).min().expect("an event");
        let last = filled.iter().map(|(partition, end)| self.taken_at(*partition, end - 1)).max().expect("an event");
        Duration::from_millis((last - first) as u64)
    }

    fn taken_at(&self, partition: i32, offset: i64) -> i64 {
        let mut one = TopicPartitionList::new();
        one.add_partition_offset(&self.name, partition, Offset::Offset(offset)).expect("an offset");
        self.watcher.assign(&one).expect("an assignment");
        // A poll may also end for something that is no event.
        wait("an event's time", LONG, || {
            let message = self.watcher.poll(Duration::from_millis(100))?.expect("an event");
            let wanted = (message.partition(), message.offset()) == (partition, offset);
            wanted.then(|| message.timestamp().to_millis().expect("a time"))
        })
    }
}

impl Drop for Topic<'_> {
    fn drop(&mut self) {
        remove(self.kafka, &[&self.name]);
    }
}

/// Removes topics, if they are there.
pub fn remove(kafka: &Kafka, names: &[impl AsRef<str>]) {
    let names: Vec<&str> = names.iter().map(AsRef::as_ref).collect();
    let admin: AdminClient<DefaultClientContext> = client(kafka).create().expect("an admin client");
    let runtime = tokio::runtime::Builder::new_current_thread().build().expect("a runtime");
    if let Err(error) = runtime.block_on(admin.delete_topics(&names, &AdminOptions::new())) {
        eprintln!("{names:?} stay: {error}");
    }
}

/// Writes orders.
pub struct Writer {
    producer: BaseProducer,
    topic: String,
    orders: Orders,
}

impl Writer {
    /// Begins with the first order.
    pub fn new(topic: &Topic<'_>) -> Self {
        Writer::of(topic, Orders::new())
    }

    /// Writes these.
    pub fn of(topic: &Topic<'_>, orders: Orders) -> Self {
        let mut config = client(topic.kafka);
        config.set("linger.ms", "5").set("batch.num.messages", "10000").set("compression.type", "lz4");
        config.set("partitioner", "murmur2_random").set("queue.buffering.max.messages", "0");
        let producer = config.create().expect("a producer");
        Writer { producer, topic: topic.name.clone(), orders }
    }

    /// Queues so many of them.
    pub fn write(&mut self, events: u64) {
        for _ in 0..events {
            let (key, value) = self.orders.next();
            let mut record = BaseRecord::to(&self.topic).key(key).payload(value);
            while let Err((error, back)) = self.producer.send(record) {
                assert_eq!(error, KafkaError::MessageProduction(RDKafkaErrorCode::QueueFull), "cannot write");
                self.producer.poll(Duration::from_millis(10));
                record = back;
            }
        }
        self.producer.poll(Duration::ZERO);
    }

    /// Waits until the broker has all of them.
    pub fn finish(&self) {
        self.producer.flush(LONG).expect("a broker that takes orders");
    }
}

fn client(kafka: &Kafka) -> ClientConfig {
    let mut config = ClientConfig::new();
    config.set("bootstrap.servers", kafka.brokers());
    config
}

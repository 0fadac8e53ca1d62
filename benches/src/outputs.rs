//! What came out of a run: whoever leaves out work would be fast.

use crate::topics::PARTITIONS;
use rdkafka::config::ClientConfig;
use rdkafka::consumer::{BaseConsumer, Consumer};
use rdkafka::error::KafkaError;
use rdkafka::message::Message;
use rdkafka::{Offset, TopicPartitionList};
use serde::Deserialize;
use std::collections::HashMap;
use std::time::{Duration, Instant};
use wasmill_tests::{Kafka, LONG};

/// What is committed of a topic.
#[derive(Debug, Default, PartialEq)]
pub struct Outputs {
    /// Records.
    pub records: u64,
    /// The sum over all keys of the `count` of their last value; 0 if the values have none.
    pub counted: u64,
}

#[derive(Deserialize)]
struct Counted {
    #[serde(default)]
    count: u64,
}

impl Outputs {
    /// Reads the whole topic.
    pub fn of(kafka: &Kafka, topic: &str) -> Self {
        let consumer = reader(kafka, topic);
        let mut last: HashMap<Vec<u8>, Vec<u8>> = HashMap::new();
        let (mut records, mut ended, deadline) = (0, 0, Instant::now() + LONG);
        while ended < PARTITIONS {
            assert!(Instant::now() < deadline, "{topic} is not read to its end in {LONG:?}");
            match consumer.poll(Duration::from_millis(100)) {
                None => (),
                Some(Err(KafkaError::PartitionEOF(_))) => ended += 1,
                Some(Err(error)) => panic!("cannot read {topic}: {error}"),
                Some(Ok(message)) => {
                    records += 1;
                    let (key, value) = (message.key().unwrap_or_default(), message.payload().unwrap_or_default());
                    match last.get_mut(key) {
                        Some(last) => value.clone_into(last),
                        None => drop(last.insert(key.to_owned(), value.to_owned())),
                    }
                }
            }
        }
        let count = |value: &Vec<u8>| serde_json::from_slice::<Counted>(value).expect("a JSON object").count;
        Outputs { records, counted: last.values().map(count).sum() }
    }
}

/// A consumer of a whole topic, that is told where each partition ends.
pub fn reader(kafka: &Kafka, topic: &str) -> BaseConsumer {
    let mut config = ClientConfig::new();
    config.set("bootstrap.servers", kafka.brokers()).set("group.id", topic).set("enable.auto.commit", "false");
    config.set("isolation.level", "read_committed").set("enable.partition.eof", "true");
    let consumer: BaseConsumer = config.create().expect("a consumer");
    let mut all = TopicPartitionList::new();
    for partition in 0..PARTITIONS {
        all.add_partition_offset(topic, partition, Offset::Beginning).expect("an offset");
    }
    consumer.assign(&all).expect("an assignment");
    consumer
}

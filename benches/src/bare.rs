//! What a good programmer writes without Wasmill: one thread that polls one by one, does the job, and commits after its
//! outputs are acknowledged. librdkafka's settings are those of the host (`host/src/kafka/client.rs`).

use bench_rule::{Job, Order};
use rdkafka::config::ClientConfig;
use rdkafka::consumer::{BaseConsumer, CommitMode, Consumer};
use rdkafka::error::{KafkaError, RDKafkaErrorCode};
use rdkafka::message::{BorrowedMessage, Message};
use rdkafka::producer::{BaseProducer, BaseRecord, Producer};
use rdkafka::{Offset, TopicPartitionList};
use std::time::{Duration, Instant};

const COMMIT_INTERVAL: Duration = Duration::from_millis(100);

/// A loop from one topic to another.
pub struct Bare<'a> {
    /// `host:port`.
    pub brokers: &'a str,
    /// The consumer group, a new one.
    pub group: &'a str,
    /// Where its events come from.
    pub input: &'a str,
    /// Where its outputs go.
    pub output: &'a str,
    /// What is done with each.
    pub job: Job,
}

impl Bare<'_> {
    /// Runs until it has committed what is before these ends of the input's partitions.
    pub fn run(&self, ends: &[i64]) {
        let consumer = self.consumer();
        let producer = self.producer();
        consumer.subscribe(&[self.input]).expect("a subscription");
        let (mut positions, mut committed) = (vec![0; ends.len()], vec![0; ends.len()]);
        let mut last_commit = Instant::now();
        while committed != ends {
            if let Some(message) = consumer.poll(Duration::from_millis(50)) {
                let message = message.unwrap_or_else(|error| panic!("cannot read {}: {error}", self.input));
                if forwards(self.job, &message) {
                    self.forward(&producer, &message);
                }
                positions[message.partition() as usize] = message.offset() + 1;
            }
            producer.poll(Duration::ZERO);
            if positions != committed && last_commit.elapsed() >= COMMIT_INTERVAL {
                self.commit(&consumer, &producer, &positions);
                committed.clone_from(&positions);
                last_commit = Instant::now();
            }
        }
    }

    fn forward(&self, producer: &BaseProducer, message: &BorrowedMessage<'_>) {
        let mut record = BaseRecord::<[u8], [u8]>::to(self.output);
        record.key = message.key();
        record.payload = message.payload();
        record.timestamp = message.timestamp().to_millis();
        while let Err((error, back)) = producer.send(record) {
            assert_eq!(error, KafkaError::MessageProduction(RDKafkaErrorCode::QueueFull), "cannot write");
            producer.poll(Duration::from_millis(10));
            record = back;
        }
    }

    fn commit(&self, consumer: &BaseConsumer, producer: &BaseProducer, positions: &[i64]) {
        // Not `flush`, which takes 100 ms as soon as anything is in flight.
        while producer.in_flight_count() > 0 {
            producer.poll(Duration::from_millis(5));
        }
        let mut list = TopicPartitionList::new();
        for (partition, position) in (0..).zip(positions) {
            list.add_partition_offset(self.input, partition, Offset::Offset(*position)).expect("an offset");
        }
        consumer.commit(&list, CommitMode::Sync).expect("a commit");
    }

    fn consumer(&self) -> BaseConsumer {
        ClientConfig::new()
            .set("bootstrap.servers", self.brokers)
            .set("group.id", self.group)
            .set("fetch.wait.max.ms", "100")
            .set("fetch.queue.backoff.ms", "5")
            .set("queued.max.messages.kbytes", "16384")
            .set("queued.min.messages", "32768")
            .set("fetch.message.max.bytes", "262144")
            .set("isolation.level", "read_committed")
            .set("enable.auto.commit", "false")
            .set("enable.auto.offset.store", "false")
            .set("auto.offset.reset", "earliest")
            .set("partition.assignment.strategy", "cooperative-sticky")
            .create()
            .expect("a consumer")
    }

    fn producer(&self) -> BaseProducer {
        ClientConfig::new()
            .set("bootstrap.servers", self.brokers)
            .set("linger.ms", "5")
            .set("batch.num.messages", "10000")
            .set("compression.type", "lz4")
            .set("message.max.bytes", "1048576")
            .set("message.timeout.ms", "0")
            .set("queue.buffering.max.messages", "0")
            .set("queue.buffering.max.kbytes", "16384")
            .set("enable.idempotence", "true")
            .set("acks", "all")
            .set("partitioner", "murmur2_random")
            .create()
            .expect("a producer")
    }
}

fn forwards(job: Job, message: &BorrowedMessage<'_>) -> bool {
    match job {
        Job::Nothing => false,
        Job::PassThrough => true,
        // Totals are not measured here: a bare loop has nowhere to keep them.
        Job::Fraud | Job::Totals => {
            Order::parse(message.payload().unwrap_or_default()).is_ok_and(|order| order.is_suspicious())
        }
    }
}

//! What a good programmer writes without Wasmill: one thread that polls one by one, does its work, and commits after its
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

/// Of a request within a transaction.
const ANSWER_WITHIN: Duration = Duration::from_secs(10);

/// A loop over one topic.
pub struct Bare<'a> {
    /// `host:port`.
    pub brokers: &'a str,
    /// The consumer group, a new one; the transactional id as well.
    pub group: &'a str,
    /// Where its events come from.
    pub input: &'a str,
    /// Whether what is written and the offsets are one transaction.
    pub exactly_once: bool,
}

/// What is done with the events.
pub trait Work {
    /// With each of them.
    fn event(&mut self, message: &BorrowedMessage<'_>, out: &Out);

    /// Before each commit.
    fn commit(&mut self, _: &Out) {}
}

/// Where records go.
pub struct Out(BaseProducer);

impl Out {
    /// Sends one, as soon as there is room.
    pub fn send(&self, mut record: BaseRecord<'_, [u8], [u8]>) {
        while let Err((error, back)) = self.0.send(record) {
            assert_eq!(error, KafkaError::MessageProduction(RDKafkaErrorCode::QueueFull), "cannot write");
            self.0.poll(Duration::from_millis(10));
            record = back;
        }
    }

    fn drain(&self) {
        // Not `flush`, which takes 100 ms as soon as anything is in flight.
        while self.0.in_flight_count() > 0 {
            self.0.poll(Duration::from_millis(5));
        }
    }
}

impl Bare<'_> {
    /// Runs until it has committed what is before these ends of the input's partitions.
    pub fn run(&self, work: &mut dyn Work, ends: &[i64]) {
        let consumer = self.consumer();
        let out = Out(self.producer());
        if self.exactly_once {
            out.0.init_transactions(ANSWER_WITHIN).expect("a transactional id");
            out.0.begin_transaction().expect("a transaction");
        }
        consumer.subscribe(&[self.input]).expect("a subscription");
        let (mut positions, mut committed) = (vec![0; ends.len()], vec![0; ends.len()]);
        let mut last_commit = Instant::now();
        while committed != ends {
            if let Some(message) = consumer.poll(Duration::from_millis(50)) {
                let message = message.unwrap_or_else(|error| panic!("cannot read {}: {error}", self.input));
                work.event(&message, &out);
                positions[message.partition() as usize] = message.offset() + 1;
            }
            out.0.poll(Duration::ZERO);
            if positions != committed && last_commit.elapsed() >= COMMIT_INTERVAL {
                work.commit(&out);
                self.commit(&consumer, &out, &positions);
                committed.clone_from(&positions);
                last_commit = Instant::now();
            }
        }
    }

    fn commit(&self, consumer: &BaseConsumer, out: &Out, positions: &[i64]) {
        out.drain();
        let mut list = TopicPartitionList::new();
        for (partition, position) in (0..).zip(positions) {
            list.add_partition_offset(self.input, partition, Offset::Offset(*position)).expect("an offset");
        }
        if !self.exactly_once {
            return consumer.commit(&list, CommitMode::Sync).expect("a commit");
        }
        let group = consumer.group_metadata().expect("a member of the group");
        out.0.send_offsets_to_transaction(&list, &group, ANSWER_WITHIN).expect("offsets in the transaction");
        out.0.commit_transaction(ANSWER_WITHIN).expect("a commit");
        out.0.begin_transaction().expect("a transaction");
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
        let mut config = ClientConfig::new();
        config
            .set("bootstrap.servers", self.brokers)
            .set("linger.ms", "5")
            .set("batch.num.messages", "10000")
            .set("compression.type", "lz4")
            .set("message.max.bytes", "1048576")
            .set("queue.buffering.max.messages", "0")
            .set("queue.buffering.max.kbytes", "16384")
            .set("enable.idempotence", "true")
            .set("acks", "all")
            .set("partitioner", "murmur2_random");
        match self.exactly_once {
            true => config.set("transactional.id", self.group).set("transaction.timeout.ms", "10000"),
            false => config.set("message.timeout.ms", "0"),
        };
        config.create().expect("a producer")
    }
}

/// Passes events on as they are, all of them or those that the job picks.
pub struct Forward<'a> {
    /// Which.
    pub job: Job,
    /// Where to.
    pub output: &'a str,
}

impl Work for Forward<'_> {
    fn event(&mut self, message: &BorrowedMessage<'_>, out: &Out) {
        if forwards(self.job, message) {
            let mut record = BaseRecord::to(self.output);
            record.key = message.key();
            record.payload = message.payload();
            record.timestamp = message.timestamp().to_millis();
            out.send(record);
        }
    }
}

fn forwards(job: Job, message: &BorrowedMessage<'_>) -> bool {
    match job {
        Job::Nothing => false,
        Job::PassThrough => true,
        Job::Fraud | Job::Totals => {
            Order::parse(message.payload().unwrap_or_default()).is_ok_and(|order| order.is_suspicious())
        }
    }
}

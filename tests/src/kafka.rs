//! The tests' own producer and consumer.

use crate::record::Record;
use crate::wait::{LONG, wait, wait_until};
use crate::{raw, told};
use rdkafka::admin::{AdminClient, AdminOptions, NewTopic, TopicReplication};
use rdkafka::client::{ClientContext, DefaultClientContext};
use rdkafka::config::ClientConfig;
use rdkafka::consumer::{BaseConsumer, Consumer};
use rdkafka::error::{KafkaError, RDKafkaErrorCode};
use rdkafka::message::{BorrowedMessage, Message};
use rdkafka::producer::{BaseProducer, DeliveryResult, Producer, ProducerContext};
use rdkafka::types::RDKafkaRespErr;
use rdkafka::{Offset, TopicPartitionList};
use std::collections::BTreeSet;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, OnceLock};
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

/// Between two looks at what has come in.
const POLL: Duration = Duration::from_millis(50);

/// Every broker has its own idea of how many copies of a topic there are to be.
const BROKERS_DEFAULT: i32 = -1;

/// Of a request that is made again if it fails.
const ONE_TRY: Duration = Duration::from_secs(5);

/// A real broker, through clients of the test's own. Cheap enough to be made anew in each test.
pub struct Kafka {
    brokers: String,
    producer: BaseProducer<Deliveries>,
    /// Made when it is first needed: most tests of a kind create several topics.
    admin: OnceLock<AdminClient<DefaultClientContext>>,
}

impl Kafka {
    /// The broker that `cargo xtask test` has found.
    pub fn connect() -> Self {
        Kafka::at(&told("WASMILL_TEST_BROKERS"))
    }

    /// Other brokers, such as a host's own.
    pub fn at(brokers: &str) -> Self {
        let producer = producer_config(brokers).create_with_context(Deliveries::default()).expect("a producer");
        Kafka { brokers: brokers.to_owned(), producer, admin: OnceLock::new() }
    }

    /// The same, for a broker that may go away in the meantime: what is written is there once all the same.
    pub fn idempotent(brokers: &str) -> Self {
        let mut kafka = Kafka::at(brokers);
        let mut config = producer_config(brokers);
        config.set("enable.idempotence", "true");
        kafka.producer = config.create_with_context(Deliveries::default()).expect("a producer");
        kafka
    }

    /// `host:port`, for a configuration.
    pub fn brokers(&self) -> &str {
        &self.brokers
    }

    /// A new topic, whose name begins with `name`, and nobody else has.
    pub fn topic(&self, name: &str, partitions: i32) -> String {
        let topic = unique(name);
        self.create_topic(&topic, partitions, &[]);
        topic
    }

    /// A topic of exactly this name, with settings such as `("max.message.bytes", "1000")`.
    pub fn create_topic(&self, topic: &str, partitions: i32, settings: &[(&str, &str)]) {
        let mut new = NewTopic::new(topic, partitions, TopicReplication::Fixed(BROKERS_DEFAULT));
        new.config.extend_from_slice(settings);
        let admin = self.admin.get_or_init(|| config(&self.brokers).create().expect("an admin client"));
        let options = AdminOptions::new().operation_timeout(Some(LONG)).request_timeout(Some(LONG));
        let created = tokio::runtime::Builder::new_current_thread()
            .build()
            .expect("a runtime")
            .block_on(admin.create_topics([&new], &options));
        match created.as_deref() {
            Ok([Ok(_)]) => (),
            other => panic!("cannot create topic {topic}: {other:?}"),
        }
        // The controller has it; the broker is told a moment later.
        wait_until(&format!("topic {topic} to be there"), LONG, || self.partitions(topic).is_some());
    }

    /// Whether there is such a topic, and with how many partitions.
    pub fn partitions(&self, topic: &str) -> Option<usize> {
        // Of all topics: asking for one by name would say only that it isn't known. A connection may break off with its broker.
        let metadata = wait("metadata", LONG, || {
            let metadata = self.producer.client().fetch_metadata(None, ONE_TRY);
            metadata.inspect_err(|error| println!("metadata: {error}")).ok()
        });
        metadata.topics().iter().find(|known| known.name() == topic).map(|known| known.partitions().len())
    }

    /// Writes the records, and returns when the broker has acknowledged all of them. Panics if it refuses one.
    pub fn produce<'a>(&self, topic: &str, records: impl IntoIterator<Item = &'a Record>) {
        for record in records {
            while let Err(error) = raw::produce(self.producer.client().native_ptr(), topic, record) {
                assert_eq!(error, RDKafkaRespErr::RD_KAFKA_RESP_ERR__QUEUE_FULL, "cannot write {record:?} to {topic}");
                self.producer.poll(POLL);
            }
        }
        let deadline = Instant::now() + LONG;
        while self.producer.in_flight_count() > 0 {
            assert!(Instant::now() < deadline, "{topic}: records were not acknowledged within {LONG:?}");
            self.producer.poll(Duration::from_millis(1));
        }
        let refused =
            std::mem::take(&mut *self.producer.context().refused.lock().expect("the list of refused records"));
        assert!(refused.is_empty(), "{topic} did not take {} records: {}", refused.len(), refused[0]);
    }

    /// All of a topic that is committed, partition by partition. Waits until transactions that are open have ended.
    pub fn read_all(&self, topic: &str) -> Vec<Record> {
        let reader = self.reader(topic);
        let everything = self.consumer("read_uncommitted");
        wait_until(&format!("the end of open transactions on {topic}"), LONG, || {
            reader.partitions.iter().all(|partition| reader.end(*partition) >= end(&everything, topic, *partition))
        });
        let mut records = reader.read(LONG, |_, ended| ended.len() == reader.partitions.len());
        records.sort_by_key(|record| (record.partition, record.offset));
        records
    }

    /// All of a topic, also what was aborted and what is not committed yet, partition by partition.
    pub fn read_everything(&self, topic: &str) -> Vec<Record> {
        let reader = Reader { consumer: self.consumer("read_uncommitted"), ..self.reader(topic) };
        let mut records = reader.read(LONG, |_, ended| ended.len() == reader.partitions.len());
        records.sort_by_key(|record| (record.partition, record.offset));
        records
    }

    /// What is committed of a topic, from its beginning and in the order of arrival, until `enough` says so. Panics after `within`.
    pub fn read_until(&self, topic: &str, within: Duration, mut enough: impl FnMut(&[Record]) -> bool) -> Vec<Record> {
        self.reader(topic).read(within, |records, _| enough(records))
    }

    /// Where a consumer group stands in each partition of a topic; None: nowhere yet.
    pub fn committed(&self, group: &str, topic: &str) -> Vec<Option<i64>> {
        let consumer: BaseConsumer = config(&self.brokers).set("group.id", group).create().expect("a consumer");
        let mut asked = TopicPartitionList::new();
        for partition in 0..self.count(topic) {
            asked.add_partition(topic, partition as i32);
        }
        // A new group's coordinator may still be on its way, and a transaction of the group may have to end first.
        let answer = wait(&format!("the offsets of group {group}"), LONG, || {
            consumer.committed_offsets(asked.clone(), ONE_TRY).inspect_err(|error| println!("{group}: {error}")).ok()
        });
        answer.elements().iter().map(|element| element.offset().to_raw().filter(|offset| *offset >= 0)).collect()
    }

    /// The offset after the last record of each partition.
    pub fn ends(&self, topic: &str) -> Vec<i64> {
        let reader = self.reader(topic);
        reader.partitions.iter().map(|partition| reader.end(*partition)).collect()
    }

    /// Waits until a consumer group has committed the end of every partition that has records.
    pub fn wait_until_committed(&self, group: &str, topic: &str, within: Duration) {
        let ends = self.ends(topic);
        wait_until(&format!("group {group} to commit {ends:?} of {topic}"), within, || {
            let committed = self.committed(group, topic);
            committed.iter().zip(&ends).all(|(offset, end)| offset.unwrap_or(0) == *end)
        });
    }

    /// How many members a consumer group has.
    pub fn members(&self, group: &str) -> usize {
        let groups = self.consumer("read_committed").fetch_group_list(Some(group), LONG).expect("a list of groups");
        groups.groups().iter().find(|known| known.name() == group).map_or(0, |group| group.members().len())
    }

    pub(crate) fn consumer(&self, isolation: &str) -> BaseConsumer {
        // A group is asked for even though nothing is committed.
        self.consumer_of(isolation, &unique("wasmill-tests-reader"))
    }

    pub(crate) fn consumer_of(&self, isolation: &str, group: &str) -> BaseConsumer {
        let mut config = config(&self.brokers);
        config.set("group.id", group).set("enable.auto.commit", "false");
        config.set("isolation.level", isolation).set("enable.partition.eof", "true").set("auto.offset.reset", "error");
        // That a partition is at its end is told by the answer of a fetch, and the broker holds an empty one back so long.
        config.set("fetch.wait.max.ms", "10");
        config.create().expect("a consumer")
    }

    fn reader<'a>(&self, topic: &'a str) -> Reader<'a> {
        let consumer = self.consumer("read_committed");
        Reader { topic, partitions: (0..self.count(topic) as i32).collect(), consumer }
    }

    /// Partitions of a topic that must be there; a broker that was just started may not know it yet.
    fn count(&self, topic: &str) -> usize {
        wait(&format!("topic {topic} to be known"), LONG, || self.partitions(topic))
    }
}

/// A name that begins with `name`, and nobody else has.
pub fn unique(name: &str) -> String {
    static COUNT: AtomicU64 = AtomicU64::new(0);
    let now = SystemTime::now().duration_since(UNIX_EPOCH).expect("a clock after 1970").as_millis();
    format!("{name}-{now:x}-{:x}-{}", std::process::id(), COUNT.fetch_add(1, Ordering::Relaxed))
}

/// A consumer of one whole topic.
struct Reader<'a> {
    topic: &'a str,
    partitions: Vec<i32>,
    consumer: BaseConsumer,
}

impl Reader<'_> {
    /// Where the partition's committed records end.
    fn end(&self, partition: i32) -> i64 {
        end(&self.consumer, self.topic, partition)
    }

    /// From the beginning until `enough` says so, given what was read and the partitions whose end was reached.
    fn read(&self, within: Duration, mut enough: impl FnMut(&[Record], &BTreeSet<i32>) -> bool) -> Vec<Record> {
        let mut all = TopicPartitionList::new();
        for partition in &self.partitions {
            all.add_partition_offset(self.topic, *partition, Offset::Beginning).expect("an offset");
        }
        self.consumer.assign(&all).expect("an assignment");
        let deadline = Instant::now() + within;
        let (mut records, mut ended) = (Vec::new(), BTreeSet::new());
        while !enough(&records, &ended) {
            assert!(
                Instant::now() < deadline,
                "{}: not enough after {within:?}, only {} records, the last being {:?}",
                self.topic,
                records.len(),
                records.last()
            );
            match self.consumer.poll(POLL) {
                None => (),
                Some(Ok(message)) => records.push(record_of(&message)),
                Some(Err(KafkaError::PartitionEOF(partition))) => {
                    ended.insert(partition);
                }
                Some(Err(KafkaError::MessageConsumption(code))) if comes_right(code) => {
                    println!("{}: {code}", self.topic);
                }
                Some(Err(error)) => panic!("cannot read {}: {error}", self.topic),
            }
        }
        records
    }
}

/// Whether it is what a broker says, or is said of one, that was just started, and tried again by the client.
fn comes_right(code: RDKafkaErrorCode) -> bool {
    use RDKafkaErrorCode as Code;
    matches!(
        code,
        Code::BrokerTransportFailure
            | Code::AllBrokersDown
            | Code::OperationTimedOut
            | Code::LeaderNotAvailable
            | Code::NotLeaderForPartition
            | Code::UnknownTopicOrPartition
            | Code::UnknownPartition
    )
}

pub(crate) fn record_of(message: &BorrowedMessage<'_>) -> Record {
    Record {
        partition: Some(message.partition()),
        offset: Some(message.offset()),
        timestamp: message.timestamp().to_millis(),
        key: message.key().map(<[u8]>::to_vec),
        value: message.payload().map(<[u8]>::to_vec),
        headers: raw::headers_of(message),
    }
}

/// As the consumer's isolation level sees it. A broker that was just started may not lead the partition yet.
fn end(consumer: &BaseConsumer, topic: &str, partition: i32) -> i64 {
    let what = format!("the end of {topic} {partition}");
    wait(&what, LONG, || {
        let end = end_once(consumer, topic, partition, ONE_TRY);
        end.inspect_err(|error| println!("{what}: {error}")).ok()
    })
}

/// The same in one try.
pub(crate) fn end_once(
    consumer: &BaseConsumer,
    topic: &str,
    partition: i32,
    within: Duration,
) -> Result<i64, KafkaError> {
    let watermarks = consumer.fetch_watermarks(topic, partition, within);
    if watermarks.is_err() {
        // librdkafka goes on asking the leader that it knows of, gone or not, until it is told of another one.
        let _ = consumer.fetch_metadata(Some(topic), within);
    }
    watermarks.map(|(_, end)| end)
}

fn producer_config(brokers: &str) -> ClientConfig {
    let mut config = config(brokers);
    // As the Java client does: what tests write must be where a Java program would have put it.
    config.set("partitioner", "murmur2_random").set("linger.ms", "5");
    config
}

fn config(brokers: &str) -> ClientConfig {
    let mut config = ClientConfig::new();
    config.set("bootstrap.servers", brokers);
    config
}

/// Keeps what the broker did not take.
#[derive(Default)]
struct Deliveries {
    refused: Mutex<Vec<KafkaError>>,
}

impl ClientContext for Deliveries {}

impl ProducerContext for Deliveries {
    type DeliveryOpaque = ();

    fn delivery(&self, result: &DeliveryResult<'_>, _: ()) {
        if let Err((error, _)) = result {
            self.refused.lock().expect("the list of refused records").push(error.clone());
        }
    }
}

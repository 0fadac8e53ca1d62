//! The tests' own tools must be right before they can tell what is wrong.

use rdkafka::config::ClientConfig;
use rdkafka::consumer::{BaseConsumer, CommitMode, Consumer};
use rdkafka::producer::{BaseProducer, BaseRecord, Producer};
use rdkafka::{Offset, TopicPartitionList};
use std::time::Duration;
use wasmill_tests::{Kafka, LONG, Record, must_panic, turn, unique};

#[test]
fn records_come_back_as_they_were_written() {
    let kafka = Kafka::connect();
    let topic = kafka.topic("round-trip", 1);
    let written = [
        Record::new("no key").timestamp(1_000),
        Record::new("").key("").timestamp(2_000),
        Record::tombstone().key([0, 255]).timestamp(3_000),
        Record::new("headers")
            .timestamp(4_000)
            .header("repeated", "first")
            .header("other", "")
            .header("repeated", "second")
            .null_header("null")
            .header([0xff, 0xfe], [0, 1, 2]),
    ];

    kafka.produce(&topic, &written);

    let read = kafka.read_all(&topic);
    for (offset, (read, written)) in read.iter().zip(&written).enumerate() {
        let expected = Record { partition: Some(0), offset: Some(offset as i64), ..written.clone() };
        assert_eq!(*read, expected);
    }
    assert_eq!(read.len(), written.len());
}

#[test]
fn records_go_to_the_partition_that_they_name_and_are_read_from_all() {
    let kafka = Kafka::connect();
    let topic = kafka.topic("partitions", 3);
    let written: Vec<Record> = (0..30).map(|n| Record::new(n.to_string()).partition(n % 3)).collect();

    kafka.produce(&topic, &written);

    let read = kafka.read_all(&topic);
    let placed: Vec<(i32, i32)> =
        read.iter().map(|record| (record.partition.unwrap(), record.text().parse().unwrap())).collect();
    let expected: Vec<(i32, i32)> =
        (0..3).flat_map(|partition| (0..10).map(move |n| (partition, n * 3 + partition))).collect();
    assert_eq!(placed, expected);
    assert_eq!(kafka.partitions(&topic), Some(3));
    assert_eq!(kafka.partitions(&unique("nothing")), None);
}

#[test]
fn a_reader_sees_what_is_written_while_it_reads() {
    let kafka = Kafka::connect();
    let topic = kafka.topic("live", 2);
    kafka.produce(&topic, &[Record::new("1")]);

    let read = std::thread::scope(|scope| {
        let reader = scope.spawn(|| {
            let mut signalled = false;
            Kafka::connect().read_until(&topic, LONG, |records| {
                if records.len() == 1 && !signalled {
                    signalled = true;
                    kafka.produce(&topic, &[Record::new("2"), Record::new("3")]);
                }
                records.len() == 3
            })
        });
        reader.join().unwrap()
    });

    let mut texts: Vec<&str> = read.iter().map(Record::text).collect();
    texts.sort_unstable();
    assert_eq!(texts, ["1", "2", "3"]);
}

#[test]
#[should_panic(expected = "not enough after")]
fn a_reader_does_not_wait_for_ever() {
    must_panic();
    let kafka = Kafka::connect();
    let topic = kafka.topic("empty", 1);

    kafka.read_until(&topic, Duration::from_millis(200), |records| !records.is_empty());
}

#[test]
fn what_was_aborted_is_not_read_and_what_is_open_is_waited_for() {
    let kafka = Kafka::connect();
    let topic = kafka.topic("transactions", 1);
    let producer: BaseProducer = ClientConfig::new()
        .set("bootstrap.servers", kafka.brokers())
        .set("transactional.id", unique("harness"))
        .create()
        .unwrap();
    let write = |value: &str| {
        producer.begin_transaction().unwrap();
        producer.send(BaseRecord::<(), str>::to(&topic).payload(value)).map_err(|(error, _)| error).unwrap();
        producer.flush(LONG).unwrap();
    };
    producer.init_transactions(LONG).unwrap();
    write("committed");
    producer.commit_transaction(LONG).unwrap();
    write("aborted");
    producer.abort_transaction(LONG).unwrap();
    write("open");

    let read = std::thread::scope(|scope| {
        let reader = scope.spawn(|| kafka.read_all(&topic));
        // It cannot end: `open` is neither committed nor aborted.
        std::thread::sleep(Duration::from_millis(300));
        assert!(!reader.is_finished());
        producer.commit_transaction(LONG).unwrap();
        reader.join().unwrap()
    });

    assert_eq!(read.iter().map(Record::text).collect::<Vec<_>>(), ["committed", "open"]);
}

#[test]
fn a_groups_offsets_can_be_asked_for() {
    let kafka = Kafka::connect();
    let topic = kafka.topic("offsets", 2);
    let group = unique("group");
    assert_eq!(kafka.committed(&group, &topic), [None, None]);

    let consumer: BaseConsumer =
        ClientConfig::new().set("bootstrap.servers", kafka.brokers()).set("group.id", &group).create().unwrap();
    let mut offsets = TopicPartitionList::new();
    offsets.add_partition_offset(&topic, 1, Offset::Offset(7)).unwrap();
    consumer.commit(&offsets, CommitMode::Sync).unwrap();

    assert_eq!(kafka.committed(&group, &topic), [None, Some(7)]);
}

#[test]
#[should_panic(expected = "cannot create topic")]
fn a_topic_that_exists_is_not_created_again() {
    must_panic();
    let kafka = Kafka::connect();
    let topic = kafka.topic("twice", 1);

    kafka.create_topic(&topic, 1, &[]);
}

#[test]
fn a_turn_is_given_back() {
    let most = std::thread::available_parallelism().map_or(1, |cores| cores.get());

    // One more than there can be at once: without giving back, the last would wait for ever.
    for _ in 0..=most {
        drop(turn());
    }
}

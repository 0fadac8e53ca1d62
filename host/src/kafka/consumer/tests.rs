use super::*;
use crate::config::{Brokers, KafkaConfig};
use crate::event::NO_TIME;
use crate::kafka::edge::{Outgoing, Outlet};
use crate::kafka::testing::*;
use rdkafka::mocking::MockCluster;
use wasmill_contract::{HeaderRef, Headers};

const EARLIEST: Start = Start::Earliest;

fn position(offset: i64) -> Position {
    Position { at: at(0), offset, stream_time: NO_TIME }
}

#[test]
fn an_event_comes_back_as_it_was_sent() {
    let settings = settings();
    let topic = topic(&settings, 1);
    let mut producer = producer(&settings, &topic);
    type Sent<'a> = (&'a [HeaderRef<'a>], Option<&'a [u8]>, Option<&'a [u8]>, i64);
    let sent: [Sent<'_>; 4] = [
        (&[], Some(b"key"), Some(b"value"), 1_700_000_000_000),
        (&[(b"again", Some(b"1")), (b"again", Some(b"2")), (b"", None)], None, None, 5),
        (&[(b"\xff\xfe", Some(b"\x00")), (b"nul\x00inside", Some(b"")), (b"null", None)], Some(b""), Some(b""), 1),
        (&[], Some(b"\x00\xff"), None, 2),
    ];
    for (pairs, key, value, timestamp) in sent {
        let headers = headers(pairs);
        let headers = headers.columns().range(0, 0, pairs.len());
        let record = Outgoing { topic: 0, partition: None, timestamp: Some(timestamp), key, value, headers };
        producer.send(record, 7).unwrap();
    }
    drain(&mut producer);

    let mut received = Received::default();
    let mut consumer = consumer(&settings, &unique("group"), &[&topic], EARLIEST);
    drive(&mut consumer, &mut received, |_, received| received.count() == sent.len());
    for (event, (headers, key, value, timestamp)) in received.0[&at(0)].events().zip(sent) {
        assert_eq!((event.key, event.value, event.timestamp), (key, value, timestamp));
        assert_eq!(event.headers.collect::<Vec<_>>(), headers);
    }
    assert_eq!(consumer.end_offset(at(0)), Some(4));
}

#[test]
fn a_group_goes_on_where_it_has_committed() {
    let settings = settings();
    let topic = topic(&settings, 1);
    let group = unique("group");
    let mut producer = producer(&settings, &topic);
    write(&mut producer, 0, &["a", "b", "c"]);
    let (mut first, began) = joined(&settings, &group, &topic, EARLIEST, 1);
    assert_eq!(began, [position(0)]);
    commit(&mut first, &[position(2)]);
    leave(first, &[at(0)]);

    let mut received = Received::default();
    let mut second = consumer(&settings, &group, &[&topic], EARLIEST);
    drive(&mut second, &mut received, |_, received| received.count() > 0);
    assert_eq!(received.values(at(0)), ["c"]);
}

#[test]
fn a_commit_waits_for_a_broker_that_is_away_and_events_can_be_polled_meanwhile() {
    let brokers = MockCluster::new(1).unwrap();
    let settings = ClientSettings::new(&KafkaConfig::of(Brokers::Servers(brokers.bootstrap_servers()))).unwrap();
    brokers.create_topic("topic", 1, 1).unwrap();
    let (mut consumer, _) = joined(&settings, "group", "topic", EARLIEST, 1);
    brokers.broker_down(1).unwrap();
    consumer.commit(&[position(7)]).unwrap();
    let deadline = Instant::now() + PATIENCE;
    while settings.outage().is_none() {
        assert!(Instant::now() < deadline, "that the broker is away was not found out");
        assert!(consumer.committed(Duration::from_millis(5)).is_none());
        assert!(consumer.poll(1, Duration::ZERO, &mut Received::default()).unwrap().is_none());
    }
    brokers.broker_up(1).unwrap();
    consumer.committed(PATIENCE).expect("an answer").unwrap();
    assert!(consumer.committed(Duration::ZERO).expect("nothing to wait for").is_ok());
    let told = consumer.consumer().committed_offsets(consumer.list(&[at(0)]), PATIENCE).unwrap();
    assert_eq!(told.elements()[0].offset(), Offset::Offset(7));
}

#[test]
fn a_new_group_begins_where_start_says_and_stays_there() {
    let settings = settings();
    let topic = topic(&settings, 2);
    let mut producer = producer(&settings, &topic);
    let none = Headers::default();
    for timestamp in [1000, 2000, 3000] {
        producer.send(Outgoing { timestamp: Some(timestamp), ..record(0, "old", &none) }, 0).unwrap();
    }
    drain(&mut producer);
    let offset = |start, group: &str| {
        let (consumer, mut began) = joined(&settings, group, &topic, start, 2);
        leave(consumer, &[at(0), at(1)]);
        began.sort_by_key(|position| position.at);
        began.iter().map(|position| position.offset).collect::<Vec<_>>()
    };
    assert_eq!(offset(EARLIEST, &unique("group")), [0, 0]);
    let latest = unique("group");
    assert_eq!(offset(Start::Latest, &latest), [3, 0]);
    write(&mut producer, 0, &["new"]);
    // Nothing was processed in between, and still it is the first start that counts.
    assert_eq!(offset(Start::Latest, &latest), [3, 0]);
}

#[test]
fn a_second_member_takes_over_half_and_nothing_is_read_twice() {
    let settings = settings();
    let topic = topic(&settings, 4);
    let group = unique("group");
    let mut producer = producer(&settings, &topic);
    let (mut first, _) = joined(&settings, &group, &topic, EARLIEST, 4);
    let mut second = consumer(&settings, &group, &[&topic], EARLIEST);
    let stop = std::sync::atomic::AtomicBool::new(false);
    std::thread::scope(|scope| {
        let other = scope.spawn(|| {
            let mut received = Received::default();
            let owned = drive(&mut second, &mut received, |owned, _| owned.len() == 2);
            drive(&mut second, &mut received, |_, _| stop.load(std::sync::atomic::Ordering::Relaxed));
            (owned, received)
        });
        let mut revoked = Vec::new();
        let deadline = Instant::now() + PATIENCE;
        let mut received = Received::default();
        while revoked.len() < 2 {
            assert!(Instant::now() < deadline);
            match first.poll(500, Duration::from_millis(20), &mut received).unwrap() {
                Some(Rebalance::Revoked(partitions)) => {
                    let positions: Vec<_> =
                        partitions.iter().map(|at| Position { at: *at, offset: 0, stream_time: NO_TIME }).collect();
                    commit(&mut first, &positions);
                    first.unassign(&partitions, false).unwrap();
                    revoked.extend(partitions);
                }
                Some(Rebalance::Assigned(partitions)) => drop(first.assign(&partitions).unwrap()),
                Some(Rebalance::Lost(partitions)) => panic!("lost {partitions:?}"),
                None => {}
            }
        }
        for number in 0..4 {
            write(&mut producer, number, &["event"]);
        }
        drive(&mut first, &mut received, |_, received| received.count() == 2);
        stop.store(true, std::sync::atomic::Ordering::Relaxed);
        let (owned, others) = other.join().unwrap();
        let mut owned: Vec<_> = owned.iter().map(|position| position.at).collect();
        owned.sort();
        revoked.sort();
        assert_eq!(owned, revoked);
        assert!(others.0.keys().all(|at| owned.contains(at)), "{:?}", others.0.keys());
        assert!(received.0.keys().all(|at| !owned.contains(at)), "{:?}", received.0.keys());
    });
}

#[test]
fn two_topics_are_assigned_and_told_apart() {
    let settings = settings();
    let [left, right] = [topic(&settings, 2), topic(&settings, 2)];
    write(&mut producer(&settings, &left), 1, &["left"]);
    write(&mut producer(&settings, &right), 1, &["right"]);
    let mut consumer = consumer(&settings, &unique("group"), &[&left, &right], EARLIEST);
    let mut received = Received::default();
    let owned = drive(&mut consumer, &mut received, |_, received| received.count() == 2);
    assert_eq!(owned.len(), 4);
    assert_eq!(received.values(Partition { topic: 0, number: 1 }), ["left"]);
    assert_eq!(received.values(Partition { topic: 1, number: 1 }), ["right"]);
    let all: Vec<_> = owned.iter().map(|position| position.at).collect();
    leave(consumer, &all);
}

#[test]
fn a_paused_partition_gives_nothing_and_goes_on_without_a_gap() {
    let settings = settings();
    let topic = topic(&settings, 2);
    let mut producer = producer(&settings, &topic);
    write(&mut producer, 0, &["1", "2", "3"]);
    let (mut consumer, _) = joined(&settings, &unique("group"), &topic, EARLIEST, 2);
    let mut received = Received::default();
    let deadline = Instant::now() + PATIENCE;
    while received.count() == 0 && Instant::now() < deadline {
        consumer.poll(1, Duration::from_millis(20), &mut received).unwrap();
    }
    consumer.pause(&[at(0)]).unwrap();
    write(&mut producer, 1, &["other"]);
    drive(&mut consumer, &mut received, |_, received| received.0.contains_key(&at(1)));
    assert_eq!(received.values(at(0)), ["1"]);
    consumer.resume(&[at(0)]).unwrap();
    drive(&mut consumer, &mut received, |_, received| received.count() == 4);
    assert_eq!(received.values(at(0)), ["1", "2", "3"]);
}

#[test]
fn a_seek_right_after_the_assignment_holds_and_one_later_drops_what_was_fetched() {
    let settings = settings();
    let topic = topic(&settings, 1);
    let mut producer = producer(&settings, &topic);
    write(&mut producer, 0, &["0", "1", "2", "3"]);
    let (mut consumer, _) = joined(&settings, &unique("group"), &topic, EARLIEST, 1);
    consumer.seek(&[position(2)]).unwrap();
    let mut received = Received::default();
    drive(&mut consumer, &mut received, |_, received| received.count() == 2);
    assert_eq!(received.values(at(0)), ["2", "3"]);
    consumer.seek(&[position(1)]).unwrap();
    let mut received = Received::default();
    let deadline = Instant::now() + PATIENCE;
    while received.count() == 0 && Instant::now() < deadline {
        consumer.poll(1, Duration::from_millis(20), &mut received).unwrap();
    }
    consumer.seek(&[position(0)]).unwrap();
    drive(&mut consumer, &mut received, |_, received| received.count() == 5);
    assert_eq!(received.values(at(0)), ["1", "0", "1", "2", "3"]);
}

#[test]
fn a_committed_offset_that_is_not_in_the_topic_is_an_error_that_says_where() {
    let settings = settings();
    let topic = topic(&settings, 1);
    let group = unique("group");
    write(&mut producer(&settings, &topic), 0, &["only"]);
    let (mut first, _) = joined(&settings, &group, &topic, EARLIEST, 1);
    commit(&mut first, &[position(1000)]);
    leave(first, &[at(0)]);
    let (mut second, _) = joined(&settings, &group, &topic, EARLIEST, 1);
    let deadline = Instant::now() + PATIENCE;
    let error = loop {
        assert!(Instant::now() < deadline);
        if let Err(error) = second.poll(10, Duration::from_millis(20), &mut Received::default()) {
            break error;
        }
    };
    assert!(matches!(error, SourceError::OffsetOutOfRange(_)), "{error}");
    assert!(error.to_string().contains(&format!("{topic} partition 0")), "{error}");
}

#[test]
fn leaving_is_quick_with_and_without_partitions_given_up() {
    let settings = settings();
    let topic = topic(&settings, 1);
    let group = unique("group");
    for give_up in [true, false] {
        let (mut consumer, _) = joined(&settings, &group, &topic, EARLIEST, 1);
        let began = Instant::now();
        if give_up {
            consumer.unassign(&[at(0)], false).unwrap();
        }
        consumer.close();
        drop(consumer);
        assert!(began.elapsed() < Duration::from_secs(2), "{:?}", began.elapsed());
    }
}

#[test]
fn the_end_of_a_paused_partition_is_told_while_nothing_of_it_is_fetched() {
    let settings = settings();
    let topic = topic(&settings, 2);
    let mut producer = producer(&settings, &topic);
    write(&mut producer, 0, &["a", "b"]);
    let mut received = Received::default();
    let mut consumer = consumer(&settings, &unique("group"), &[&topic], EARLIEST);
    drive(&mut consumer, &mut received, |owned, received| owned.len() == 2 && received.count() == 2);
    consumer.pause(&[at(0), at(1)]).unwrap();

    write(&mut producer, 0, &["c", "d", "e"]);
    write(&mut producer, 1, &["f"]);

    let deadline = Instant::now() + PATIENCE;
    while (consumer.end_offset(at(0)), consumer.end_offset(at(1))) != (Some(5), Some(1)) {
        assert!(Instant::now() < deadline, "{:?}, {:?}", consumer.end_offset(at(0)), consumer.end_offset(at(1)));
        assert!(consumer.poll(500, Duration::from_millis(20), &mut received).unwrap().is_none());
    }
    assert_eq!(received.count(), 2);
    consumer.resume(&[at(0), at(1)]).unwrap();
    drive(&mut consumer, &mut received, |_, received| received.count() == 6);
    assert_eq!(consumer.end_offset(at(0)), Some(5));
}

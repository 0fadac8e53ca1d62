use super::*;
use crate::config::Start;
use crate::kafka::testing::*;
use std::collections::BTreeMap;
use wasmill_contract::Headers;

#[test]
fn keys_land_where_the_java_client_puts_them() {
    // Of the Java client's own test of its hash; the partition is the hash without its sign, modulo.
    const HASHES: [(&str, i32); 6] = [
        ("21", -973_932_308),
        ("foobar", -790_332_482),
        ("a-little-bit-long-string", -985_981_536),
        ("a-little-bit-longer-string", -1_486_304_829),
        ("lkjh234lh9fiuh90y23oiuhsafujhadof229phr9h19h89h8", -58_897_971),
        ("abc", 479_470_107),
    ];
    const PARTITIONS: i32 = 97;
    let settings = settings();
    let topic = topic(&settings, PARTITIONS);
    let mut producer = producer(&settings, &topic);
    let none = Headers::default();
    for (key, _) in HASHES {
        let record = Outgoing { partition: None, key: Some(key.as_bytes()), ..record(0, key, &none) };
        producer.send(record, 0).unwrap();
    }
    drain(&mut producer);
    let mut received = Received::default();
    let mut consumer = consumer(&settings, &unique("group"), &[&topic], Start::Earliest);
    drive(&mut consumer, &mut received, |_, received| received.count() == HASHES.len());
    let expected: BTreeMap<_, _> =
        HASHES.iter().map(|(key, hash)| (at((hash & 0x7fff_ffff) % PARTITIONS), vec![key.to_string()])).collect();
    let found: BTreeMap<_, _> = received.0.keys().map(|at| (*at, received.values(*at))).collect();
    assert_eq!(found, expected);
}

#[test]
fn a_record_that_can_never_be_sent_is_refused_and_the_producer_goes_on() {
    let settings = settings();
    let topic = topic(&settings, 1);
    let mut producer = producer(&settings, &topic);
    let none = Headers::default();
    let large = "x".repeat(2 << 20);
    let error = producer.send(record(0, &large, &none), 1).unwrap_err();
    assert!(matches!(&error, SendError::Refused { code: "output-too-large", message } if message.contains(&topic)));
    // Once the number of partitions is known, one too high is refused at once.
    write(&mut producer, 0, &["small"]);
    let error = producer.send(record(7, "nowhere", &none), 2).unwrap_err();
    assert!(matches!(error, SendError::Refused { code: "output-refused", .. }));
    write(&mut producer, 0, &["after"]);
}

#[test]
fn what_the_broker_refuses_comes_back_by_its_token() {
    let settings = settings();
    let topic = topic(&settings, 1);
    let mut producer = producer(&settings, &topic);
    let none = Headers::default();
    // Before the number of partitions is known, the record is queued.
    producer.send(record(7, "nowhere", &none), 42).unwrap();
    drain(&mut producer);
    let refused = producer.take_refused();
    assert_eq!(refused.len(), 1, "{:?}", producer.broken());
    assert_eq!((refused[0].token, refused[0].code), (42, "output-refused"));
    assert_eq!((producer.take_refused(), producer.broken()), (vec![], None));
}

#[test]
fn dropping_a_producer_with_records_in_flight_does_not_hang() {
    // Nobody listens there.
    let brokers = crate::config::Brokers::Servers("127.0.0.1:1".into());
    let settings = ClientSettings::new(&crate::config::KafkaConfig::of(brokers)).unwrap();
    let mut producer = producer(&settings, "topic");
    producer.send(record(0, "value", &Headers::default()), 0).unwrap();
    producer.poll(Duration::from_millis(50));
    assert_eq!((producer.in_flight() > 0, producer.broken()), (true, None));
    let began = std::time::Instant::now();
    drop(producer);
    assert!(began.elapsed() < Duration::from_secs(3), "{:?}", began.elapsed());
}

fn failure(reason: usize) -> Failure {
    Failure { token: 0, topic: "topic".into(), code: Code::InvalidTimestamp, reason }
}

#[test]
fn the_one_with_a_text_of_its_own_is_guilty_and_otherwise_all_are_suspects() {
    let check = |reasons: &[usize], expected| {
        let failures: Vec<Failure> = reasons.iter().map(|reason| failure(*reason)).collect();
        assert_eq!(guilty(&failures), expected, "{reasons:?}");
    };
    check(&[7, 9, 7, 7], Some(1));
    check(&[9, 7, 7], Some(0));
    check(&[7, 7, 9], Some(2));
    check(&[7, 7, 7], None);
    check(&[0, 0, 0], None);
    check(&[7, 8, 9], None);
    check(&[7, 9], None);
    check(&[7], None);
}

//! What goes through a plugin untouched comes out untouched, and where a Java program would have put it.

use crate::stage::{Stage, header};
use wasmill_tests::{Record, Setup, unique};

/// Every oddity that a record can have.
fn odd_records() -> Vec<Record> {
    let at = |timestamp: i64| Record::default().partition(0).timestamp(timestamp);
    vec![
        Record { value: Some(b"no key".to_vec()), ..at(1) },
        Record { key: Some(vec![]), value: Some(vec![]), ..at(1_700_000_000_000) },
        Record { key: Some(b"tombstone".to_vec()), ..at(1_700_000_000_001) },
        Record { key: Some(vec![0, 0xff, 0xfe]), value: Some((0..=255).collect()), ..at(1_700_000_000_000) },
        at(1_700_000_000_002),
        Record { key: Some(b"k".to_vec()), value: Some(b"v".to_vec()), ..at(7) }
            .header("repeated", "first")
            .header("other", "")
            .header("repeated", "second")
            .null_header("null")
            .null_header("null")
            .header([0xff, 0xfe, 0x01], [0, 1, 2, 0xff])
            .header("", "no name"),
        Record { value: Some(vec![b'x'; 900_000]), ..at(8) },
    ]
}

#[test]
fn what_is_forwarded_is_the_same_byte_for_byte_in_both_worlds() {
    for module in ["chaos", "event"] {
        let stage = Stage::new("forwarding", 1);
        let sent = odd_records();
        stage.kafka.produce(&stage.input, &sent);

        let _host = stage.plugin("p", module, "", "").start();
        stage.wait_until_done("p");

        assert_eq!(stage.dead_letters("p"), []);
        let received = stage.kafka.read_all(&stage.output);
        assert_eq!(received.len(), sent.len());
        assert!(received.is_sorted_by_key(|record| record.offset), "{module}");
        for (received, sent) in received.iter().zip(sent) {
            // Markers of transactions count as offsets, and where those end is a matter of time.
            assert_eq!(*received, Record { offset: received.offset, ..sent }, "{module}");
        }
    }
}

#[test]
fn a_plugin_that_writes_anew_passes_the_trace_on() {
    let stage = Stage::new("trace", 1);
    let trace = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";
    let event = Record::new("!big 5").key("k").header("traceparent", trace).header("mine", "1");
    stage.kafka.produce(&stage.input, &[event]);

    let _host = stage.plugin("p", "chaos", "", "").start();
    stage.wait_until_done("p");

    let outputs = stage.kafka.read_all(&stage.output);
    assert_eq!(header(&outputs[0], "traceparent"), Some(trace));
    assert_eq!(header(&outputs[0], "mine"), None);
}

#[test]
fn keys_go_to_the_partitions_that_the_java_client_gives_them() {
    const PARTITIONS: i32 = 7;
    /// What Kafka's own tests say of its hash.
    const HASHES: [(&str, i32); 6] = [
        ("21", -973_932_308),
        ("foobar", -790_332_482),
        ("a-little-bit-long-string", -985_981_536),
        ("a-little-bit-longer-string", -1_486_304_829),
        ("lkjh234lh9fiuh90y23oiuhsafujhadof229phr9h19h89h8", -58_897_971),
        ("abc", 479_470_107),
    ];
    let mut stage = Stage::new("partitioning", 1);
    stage.output = stage.kafka.topic("partitioning", PARTITIONS);
    let keyless = 200;
    let events: Vec<Record> = HASHES.iter().map(|(key, _)| Record::new(*key).key(*key)).collect();
    stage.kafka.produce(&stage.input, &events);
    stage.kafka.produce(&stage.input, &vec![Record::new("keyless"); keyless]);

    let _host = stage.plugin("p", "chaos", "", "").start();
    stage.wait_until_done("p");

    let outputs = stage.kafka.read_all(&stage.output);
    for (key, hash) in HASHES {
        let output = outputs.iter().find(|output| output.text() == key).expect("an output");
        assert_eq!(output.partition, Some((hash & 0x7fff_ffff) % PARTITIONS), "{key}");
    }
    assert_eq!(outputs.len(), HASHES.len() + keyless);
}

#[test]
fn the_same_events_in_batches_of_any_size_give_the_same_outputs() {
    let stage = Stage::new("batches", 1);
    // Not among them: a retry, which chaos counts in memory that goes with the instance at the next panic.
    let commands =
        ["!reject odd", "!panic", "!flood 3", "!big 10", "!timestamp 1700000000000", "!stack", "!flood 10001"];
    let events: Vec<Record> = (0..1000)
        .map(|number| {
            let value = match number % 50 {
                0 => commands[number / 50 % commands.len()].to_owned(),
                _ => format!("event {number}"),
            };
            let event = Record::new(value).key(format!("key {number}")).timestamp(1_600_000_000_000 + number as i64);
            if number % 3 == 0 { event.header("h", number.to_string()) } else { event }
        })
        .collect();
    stage.kafka.produce(&stage.input, &events);
    let sizes = ["1", "7", "500"];
    let mut setup: Setup = stage.setup();
    let outputs: Vec<String> = sizes.iter().map(|size| unique(&format!("batches-{size}"))).collect();
    for (size, output) in sizes.iter().zip(&outputs) {
        let toml = crate::stage::plugin_toml(&format!("max-batch = {size}"), &stage.input, output, "");
        setup = setup.module(size, "chaos").plugin_config(size, &toml);
    }

    let _host = setup.start();

    let mut results = Vec::new();
    for (size, output) in sizes.iter().zip(&outputs) {
        stage.wait_until_done(size);
        let mut dead_letters: Vec<Record> = stage.dead_letters(size);
        for letter in &mut dead_letters {
            // When it was written, and of which plugin it is, are not of the event. The detail has addresses of code.
            letter.timestamp = None;
            letter.headers.retain(|(name, _)| name != b"wasmill-plugin" && name != b"wasmill-detail");
        }
        let mut outputs = stage.kafka.read_all(output);
        // The markers of transactions count as offsets, and where those end is a matter of time.
        outputs.iter_mut().chain(&mut dead_letters).for_each(|record| record.offset = None);
        results.push((outputs, dead_letters));
    }
    assert!(results[0].0.len() > 950 && results[0].1.len() >= 6, "{} and {}", results[0].0.len(), results[0].1.len());
    for (size, result) in sizes.iter().zip(&results).skip(1) {
        assert_eq!(result.0.len(), results[0].0.len(), "outputs of batches of {size}");
        for (output, expected) in result.0.iter().zip(&results[0].0) {
            assert_eq!(output, expected, "batches of {size}");
        }
        assert_eq!(result.1, results[0].1, "dead letters of batches of {size}");
    }
}

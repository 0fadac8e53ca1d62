//! One bad event among good ones: it alone is set aside, and the order of the others holds.

use crate::stage::{Stage, host_headers, own_headers, plugin_toml, texts};
use wasmill_tests::{Host, Kafka, Record, Setup, turn, unique};

const EVENTS: usize = 500;

/// Where the bad event is.
const AT: usize = 250;

/// A bad event, and what is to be said of it.
struct Poison {
    name: &'static str,
    module: &'static str,
    value: &'static str,
    kind: &'static str,
    code: &'static str,
    message: &'static str,
}

const fn poison(
    name: &'static str,
    module: &'static str,
    value: &'static str,
    kind: &'static str,
    code: &'static str,
    message: &'static str,
) -> Poison {
    Poison { name, module, value, kind, code, message }
}

const POISONS: [Poison; 15] = [
    poison("panic", "chaos", "!panic", "trap", "trap", "told to panic"),
    poison("loop", "chaos", "!loop", "deadline", "deadline", "300ms"),
    poison("sleep", "chaos", "!sleep", "deadline", "deadline", ""),
    poison("hog", "chaos", "!hog", "memory", "memory", "16 MiB"),
    poison("stack", "chaos", "!stack", "trap", "trap", "wasm trap"),
    poison("exit", "chaos", "!exit", "trap", "trap", "exit"),
    poison("flood", "chaos", "!flood 10001", "limit", "output-limit", "10001 outputs"),
    poison("bytes", "chaos", "!big 3000000", "limit", "output-limit", "1 outputs with 3000007 bytes"),
    poison("big", "chaos", "!big 1500000", "output", "output-too-large", ""),
    poison("timestamp", "chaos", "!timestamp -5", "output", "output-timestamp", "-5"),
    poison("reject", "chaos", "!reject odd", "reject", "odd", "told to reject"),
    poison("event-panic", "event", "!panic", "trap", "trap", "told to panic"),
    poison("event-loop", "event", "!loop", "deadline", "deadline", "300ms"),
    poison("event-flood", "event", "!flood 10001", "limit", "output-limit", "10001 outputs"),
    poison("event-state", "event", "!state", "reject", "state", "NoSuchStore"),
];

/// The events of one partition, in one batch: the host is not running yet.
fn events(value: &str) -> Vec<Record> {
    let good = |number: usize| {
        Record::new(number.to_string())
            .key(format!("key {number}"))
            .timestamp(1_700_000_000_000 + number as i64)
            .partition(0)
    };
    let mut events: Vec<Record> = (0..EVENTS).map(good).collect();
    events[AT] = Record { value: Some(value.into()), ..good(AT) }
        .header("repeated", "1")
        .header([0xff, 0x01], [0, 0xfe])
        .header("repeated", "2")
        .null_header("null");
    events
}

#[test]
fn one_bad_event_of_a_batch_is_dead_lettered_alone() {
    let _turn = turn();
    let kafka = Kafka::connect();
    let application = unique("poison");
    let mut setup = Setup::new(&kafka, &application).config("[topics]\npartitions = 1");
    let limits = "[limits]\ndeadline = '300 ms'\nmemory = '16 MiB'\noutput-bytes = '2 MiB'";
    let topics: Vec<(String, String)> = POISONS
        .iter()
        .map(|poison| (kafka.topic(&format!("{}-in", poison.name), 1), kafka.topic(&format!("{}-out", poison.name), 1)))
        .collect();
    for (poison, (input, output)) in POISONS.iter().zip(&topics) {
        kafka.produce(input, &events(poison.value));
        setup = setup
            .module(poison.name, poison.module)
            .plugin_config(poison.name, &plugin_toml("", input, output, limits));
    }

    let host = setup.start();

    for (poison, (input, output)) in POISONS.iter().zip(&topics) {
        println!("── {}", poison.name);
        let group = format!("{application}-{}", poison.name);
        kafka.wait_until_committed(&group, input, wasmill_tests::LONG);
        let sent = events(poison.value);
        let passed = kafka.read_all(output);
        let expected: Vec<&Record> =
            sent.iter().enumerate().filter(|(at, _)| *at != AT).map(|(_, event)| event).collect();
        assert_eq!(passed.len(), expected.len(), "{}", poison.name);
        for (offset, (passed, sent)) in passed.iter().zip(expected).enumerate() {
            assert_eq!(*passed, Record { offset: Some(offset as i64), ..sent.clone() });
        }
        let dead_letters = kafka.read_all(&format!("{group}-dlq"));
        assert_eq!(dead_letters.len(), 1, "{}: {dead_letters:?}", poison.name);
        check_dead_letter(&host, poison, input, &sent[AT], &dead_letters[0]);
    }
}

fn check_dead_letter(host: &Host, poison: &Poison, input: &str, sent: &Record, dead_letter: &Record) {
    assert_eq!((&dead_letter.key, &dead_letter.value), (&sent.key, &sent.value));
    assert_eq!(own_headers(dead_letter), sent.headers);
    let said = host_headers(dead_letter);
    let version = host.plugin(poison.name).expect("the plugin")["version"].as_str().expect("a version").to_owned();
    assert_eq!(said["wasmill-plugin"], poison.name);
    assert_eq!(said["wasmill-version"], version);
    assert_eq!(said["wasmill-topic"], input);
    assert_eq!(said["wasmill-partition"], "0");
    assert_eq!(said["wasmill-offset"], AT.to_string());
    assert_eq!(said["wasmill-timestamp"], (1_700_000_000_000 + AT).to_string());
    assert_eq!((said["wasmill-kind"], said["wasmill-code"]), (poison.kind, poison.code), "{said:?}");
    assert!(said["wasmill-message"].contains(poison.message), "{said:?}");
    let sample = format!(
        "wasmill_failures_total{{plugin=\"{}\",kind=\"{}\",code=\"{}\"}}",
        poison.name, poison.kind, poison.code
    );
    assert_eq!(host.metric(&sample), Some(1.0), "{sample}");
    assert_eq!(host.metric(&format!("wasmill_dead_letters_total{{plugin=\"{}\"}}", poison.name)), Some(1.0));
    assert_eq!(host.metric(&format!("wasmill_events_total{{plugin=\"{}\"}}", poison.name)), Some(EVENTS as f64));
    host.wait_for_line(&["WARN", &format!("{input}/0/{AT} failed")]);
}

#[test]
fn a_loop_that_takes_long_to_find_outlasts_no_transaction() {
    let _turn = turn();
    let stage = Stage::new("long-loop", 1);
    let mut events: Vec<Record> = (0..EVENTS).map(|number| Record::new(number.to_string())).collect();
    // The last of a batch is found after the most calls; each takes a deadline, and the good ones before it are sent early.
    events.push(Record::new("!loop"));
    stage.kafka.produce(&stage.input, &events);
    let mut host = stage.plugin("p", "chaos", "max-batch = 501", "[limits]\ndeadline = '2 s'").start();
    stage.wait_until_done("p");
    let expected: Vec<String> = (0..EVENTS).map(|number| number.to_string()).collect();
    assert_eq!(texts(&stage.kafka.read_all(&stage.output)), expected);
    assert_eq!(texts(&stage.dead_letters("p")), ["!loop"]);
    assert_eq!(host.plugin("p").expect("the plugin")["workers"][0]["restarts"], 0, "{}", host.log());
    assert_eq!(host.sigterm().code(), Some(0));
}

//! Outputs that the broker itself does not take: a failure of their source event, and nobody else's.

use crate::stage::{Stage, host_headers};
use wasmill_tests::{Record, another_build, module_bytes, turn, unique};

const EVENTS: usize = 500;

/// A topic's limit is about what comes over the wire.
const AS_LARGE_AS_IT_IS: &str = "[kafka.producer]\n'compression.type' = 'none'";

/// Runs 500 events in one batch, some of which cause an output that the topic does not take, and gives the dead letters.
fn run(name: &str, settings: &[(&str, &str)], bad: &[(usize, &str)]) -> Vec<Record> {
    let mut stage = Stage::new(name, 1);
    stage.output = unique(name);
    stage.kafka.create_topic(&stage.output, 1, settings);
    let mut events: Vec<Record> = (0..EVENTS).map(|number| Record::new(number.to_string())).collect();
    for (at, value) in bad {
        events[*at] = Record::new(*value);
    }
    stage.kafka.produce(&stage.input, &events);

    let host = stage.plugin("p", "chaos", "", "").config(AS_LARGE_AS_IT_IS).start();
    stage.wait_until_done("p");

    // What stood in one batch with a bad one comes again, so only the last time counts for the order.
    let outputs = stage.kafka.read_all(&stage.output);
    let mut last = vec![None; EVENTS];
    for (at, output) in outputs.iter().enumerate() {
        last[output.text().parse::<usize>().expect("a number")] = Some(at);
    }
    for (at, _) in bad {
        assert_eq!(last.remove(*at), None, "{at} was not to be written");
        last.insert(*at, None);
    }
    let good: Vec<usize> = (0..EVENTS).filter(|at| bad.iter().all(|(other, _)| at != other)).collect();
    let places: Vec<usize> = good.iter().map(|at| last[*at].unwrap_or_else(|| panic!("{at} is lost"))).collect();
    assert!(places.is_sorted(), "{places:?}");
    println!("{name}: {} outputs of {} events", outputs.len(), good.len());
    assert!(outputs.len() < 4 * EVENTS, "{} outputs: it goes round", outputs.len());
    assert_eq!(host.plugin("p").unwrap()["workers"][0]["restarts"], 0);
    let dead_letters = stage.dead_letters("p");
    let offsets: Vec<&str> = dead_letters.iter().map(|letter| host_headers(letter)["wasmill-offset"]).collect();
    assert_eq!(offsets, bad.iter().map(|(at, _)| at.to_string()).collect::<Vec<_>>());
    dead_letters
}

#[test]
fn an_output_that_is_too_large_for_its_topic_fails_its_event_alone() {
    let _turn = turn();
    let dead_letters = run("too-large", &[("max.message.bytes", "20000")], &[(10, "!big 50000"), (400, "!big 50001")]);
    for (dead_letter, value) in dead_letters.iter().zip(["!big 50000", "!big 50001"]) {
        let said = host_headers(dead_letter);
        assert_eq!((said["wasmill-kind"], said["wasmill-code"]), ("output", "output-too-large"));
        assert_eq!(dead_letter.text(), value);
    }
}

#[test]
fn an_output_with_a_timestamp_that_its_topic_does_not_take_fails_its_event_alone() {
    let _turn = turn();
    let limits = [("message.timestamp.before.max.ms", "3600000"), ("message.timestamp.after.max.ms", "3600000")];
    let dead_letters = run(
        "timestamp",
        &limits,
        &[(0, "!timestamp 1000"), (250, "!timestamp 99999999999999"), (499, "!timestamp 1001")],
    );
    for dead_letter in &dead_letters {
        let said = host_headers(dead_letter);
        assert_eq!((said["wasmill-kind"], said["wasmill-code"]), ("output", "output-timestamp"));
    }
}

#[test]
fn an_event_that_is_itself_too_large_for_the_dead_letters_is_cut_and_marked() {
    let stage = Stage::new("cut", 1);
    stage.kafka.create_topic(&format!("{}-dlq", stage.group("p")), 1, &[("max.message.bytes", "20000")]);
    let long = format!("!reject {}", "long ".repeat(10_000));
    stage.kafka.produce(
        &stage.input,
        &[Record::new("1"), Record::new(long.clone()).key("k").header("h", "1"), Record::new("2")],
    );

    let host = stage.plugin("p", "chaos", "", "").config(AS_LARGE_AS_IT_IS).start();
    stage.wait_until_done("p");

    let dead_letters = stage.dead_letters("p");
    let [dead_letter] = dead_letters.as_slice() else { panic!("{dead_letters:?}") };
    assert_eq!((&dead_letter.key, &dead_letter.value), (&Some(b"k".to_vec()), &None));
    assert_eq!(dead_letter.headers[0], (b"h".to_vec(), Some(b"1".to_vec())));
    assert_eq!(host_headers(dead_letter)["wasmill-cut"], long.len().to_string());
    assert_eq!(host.plugin("p").unwrap()["state"], "running");
    host.drop_file("p.wasm", &another_build(&module_bytes("chaos"), "second"));
    host.wait_for_line(&["took over between two commits"]);
}

/// A host whose dead-letter topic has these limits, and what it has made of an event from 1970 that the plugin rejects.
fn reject_an_old_event(name: &str, limits: &[(&str, &str)], delivery: &str) -> (Stage, wasmill_tests::Host) {
    let stage = Stage::new(name, 1);
    stage.kafka.create_topic(&format!("{}-dlq", stage.group("p")), 1, limits);
    let old = |value: &str| Record::new(value).timestamp(1_000);
    stage.kafka.produce(&stage.input, &[old("1"), old("!reject odd"), old("2")]);
    let host = stage.plugin("p", "chaos", &format!("delivery = {delivery:?}"), "").start();
    (stage, host)
}

#[test]
fn a_dead_letter_topic_that_takes_no_old_timestamps_takes_the_letter_of_an_old_event() {
    let limits = [("message.timestamp.before.max.ms", "600000"), ("message.timestamp.after.max.ms", "600000")];
    let (stage, host) = reject_an_old_event("old-event", &limits, "exactly-once");
    stage.wait_until_done("p");

    let dead_letters = stage.dead_letters("p");
    let [dead_letter] = dead_letters.as_slice() else { panic!("{dead_letters:?}") };
    assert_eq!((dead_letter.text(), host_headers(dead_letter)["wasmill-timestamp"]), ("!reject odd", "1000"));
    assert_eq!(host.plugin("p").unwrap()["state"], "running");
}

#[test]
fn a_dead_letter_topic_that_takes_nothing_stops_the_plugin_at_the_event() {
    // Not even the broker's own marker at the end of a transaction fits, which would stay open for ever.
    let limits = [("max.message.bytes", "10")];
    let (stage, host) = reject_an_old_event("no-letters", &limits, "at-least-once");

    let plugin = host.wait_for_plugin("p", "to have failed", |plugin| plugin["state"] == "failed");
    let said = plugin["error"]["message"].as_str().expect("a message");
    assert!(said.contains("not even a cut dead letter can be written"), "{said}");
    host.wait_for_line(&["ERROR p stopped", "output-too-large", "it starts again when its file changes"]);
    assert_eq!(stage.kafka.committed(&stage.group("p"), &stage.input), [Some(1)]);
    assert_eq!(stage.dead_letters("p"), []);
}

//! What becomes of an event that failed: again, left out, or the end.

use crate::stage::{Stage, header, texts};
use std::time::Instant;
use wasmill_tests::{Record, another_build, module_bytes};

#[test]
fn a_retry_keeps_the_order_and_other_partitions_go_on() {
    for module in ["chaos", "event"] {
        let stage = Stage::new("retry", 2);
        let on = |partition: i32, value: &str| Record::new(value).key("k").partition(partition);
        stage.kafka.produce(&stage.input, &[on(0, "1"), on(0, "!retry 4"), on(0, "2"), on(1, "other")]);

        let host = stage.plugin("p", module, "", "[retry]\ninitial = '50 ms'").start();
        let began = Instant::now();
        stage.wait_until_done("p");

        assert!(began.elapsed().as_millis() >= 50 + 100 + 200, "{:?}: it has not backed off", began.elapsed());
        let outputs = stage.kafka.read_all(&stage.output);
        let mut of_key: Vec<&str> = texts(&outputs);
        let other = of_key.iter().position(|text| *text == "other").expect("the other partition's event");
        of_key.remove(other);
        assert_eq!(of_key, ["1", "!retry 4", "2"]);
        assert_eq!(stage.dead_letters("p"), []);
        assert_eq!(host.metric("wasmill_failures_total{plugin=\"p\",kind=\"retry\",code=\"told\"}"), Some(4.0));
        assert_eq!(host.metric("wasmill_events_total{plugin=\"p\"}"), Some(4.0));
    }
}

#[test]
fn a_retry_that_never_works_ends_as_a_dead_letter() {
    let stage = Stage::new("exhausted", 1);
    stage.kafka.produce(&stage.input, &[Record::new("1"), Record::new("!retry 100").key("k"), Record::new("2")]);

    let _host = stage.plugin("p", "chaos", "", "[retry]\ninitial = '5 ms'\nattempts = 3").start();
    stage.wait_until_done("p");

    assert_eq!(texts(&stage.kafka.read_all(&stage.output)), ["1", "2"]);
    let dead_letters = stage.dead_letters("p");
    assert_eq!(texts(&dead_letters), ["!retry 100"]);
    assert_eq!(header(&dead_letters[0], "wasmill-kind"), Some("retry"));
    assert_eq!(header(&dead_letters[0], "wasmill-code"), Some("told"));
    let message = header(&dead_letters[0], "wasmill-message").expect("a message");
    assert!(message.contains("tried 3 times"), "{message}");
}

#[test]
fn skip_leaves_failed_events_out_and_counts_them() {
    let stage = Stage::new("skip", 1);
    let values = ["1", "!reject odd", "2", "!panic", "3", "!big 2000000", "4"];
    stage.kafka.produce(&stage.input, &values.map(Record::new));

    let host = stage.plugin("p", "chaos", "on-failure = 'skip'", "").start();
    stage.wait_until_done("p");

    assert_eq!(texts(&stage.kafka.read_all(&stage.output)), ["1", "2", "3", "4"]);
    assert_eq!(host.metric("wasmill_skipped_events_total{plugin=\"p\"}"), Some(3.0));
    assert_eq!(stage.kafka.partitions(&format!("{}-dlq", stage.group("p"))), None, "it is not needed");
    assert_eq!(host.plugin("p").unwrap()["dead_letter_topic"], serde_json::Value::Null);
}

/// A plugin that has stopped at the event with this offset; what came before it is done.
fn stopped_at(stage: &Stage, host: &wasmill_tests::Host, offset: i64, message: &str) {
    let plugin = host.wait_for_plugin("p", "to have failed", |plugin| plugin["state"] == "failed");
    let said = plugin["error"]["message"].as_str().expect("a message");
    assert!(said.contains(message), "{said}");
    host.wait_for_line(&["ERROR", "stopped", message, "it starts again when its file changes"]);
    assert_eq!(stage.kafka.committed(&stage.group("p"), &stage.input), [Some(offset)]);
    assert_eq!(texts(&stage.kafka.read_all(&stage.output)), ["1", "2"]);
    assert_eq!(stage.dead_letters("p"), []);
    assert_eq!(stage.kafka.members(&stage.group("p")), 0, "it has left its group");
}

#[test]
fn on_failure_stop_ends_the_plugin_at_the_event_until_its_file_changes() {
    for (value, message) in
        [("!reject odd", "told to reject"), ("!panic", "told to panic"), ("!big 2000000", "too large")]
    {
        let stage = Stage::new("on-failure-stop", 1);
        let values = ["1", "2", value, "3"];
        stage.kafka.produce(&stage.input, &values.map(Record::new));

        let host = stage.plugin("p", "chaos", "on-failure = 'stop'", "").start();
        stopped_at(&stage, &host, 2, message);

        host.drop_file("p.toml", stage.toml("on-failure = 'skip'", "").as_bytes());
        stage.wait_until_done("p");
        assert_eq!(texts(&stage.kafka.read_all(&stage.output)), ["1", "2", "3"]);
        let plugin = host.wait_for_plugin("p", "to run", |plugin| plugin["state"] == "running");
        assert_eq!(plugin["error"], serde_json::Value::Null);
    }
}

#[test]
fn a_plugin_that_says_stop_stops_at_its_event_and_a_changed_file_begins_there() {
    for module in ["chaos", "event"] {
        let stage = Stage::new("stop", 1);
        let values = ["1", "2", "!stop", "3"];
        stage.kafka.produce(&stage.input, &values.map(Record::new));

        let host = stage.plugin("p", module, "", "").start();
        stopped_at(&stage, &host, 2, "told to stop");

        let loaded_at = host.plugin("p").unwrap()["loaded_at"].clone();
        host.drop_file("p.wasm", &another_build(&module_bytes(module), "second"));
        host.wait_for_plugin("p", "to be loaded again", |plugin| plugin["loaded_at"] != loaded_at);
        stopped_at(&stage, &host, 2, "told to stop");
        assert_eq!(host.metric("wasmill_failures_total{plugin=\"p\",kind=\"stop\",code=\"told\"}"), Some(2.0));
    }
}

#[test]
fn a_plugin_that_breaks_at_every_event_stops() {
    let stage = Stage::new("broken", 1);
    let events: Vec<Record> = (0..20).map(|_| Record::new("!panic")).collect();
    stage.kafka.produce(&stage.input, &events);

    let host = stage.plugin("p", "chaos", "max-failures-in-a-row = 5", "").start();

    let plugin = host.wait_for_plugin("p", "to have failed", |plugin| plugin["state"] == "failed");
    let message = plugin["error"]["message"].as_str().expect("a message");
    assert!(message.contains("5 events in a row broke the plugin"), "{message}");
    assert_eq!(stage.dead_letters("p").len(), 5);
    assert_eq!(stage.kafka.committed(&stage.group("p"), &stage.input), [Some(5)]);
}

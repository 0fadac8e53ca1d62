//! What plugins print and log: there, named, and never a flood.

use crate::stage::{Stage, texts};
use wasmill_tests::{Record, turn};

const DROPPED: &str = "wasmill_log_lines_dropped_total{plugin=\"p\"}";

#[test]
fn a_plugins_lines_are_in_the_log_with_its_name_version_and_task() {
    let stage = Stage::new("lines", 1);
    stage.kafka.produce(&stage.input, &[Record::new("!print 2"), Record::new("!log 1"), Record::new("!panic")]);

    let host = stage.plugin("p", "chaos", "", "").start();
    stage.wait_until_done("p");

    let version = host.plugin("p").unwrap()["version"].as_str().unwrap().to_owned();
    for words in ["line 0", "line 1", "told to log", "told to panic"] {
        host.wait_for_line(&[&format!("p {version} [0]"), words]);
    }
}

#[test]
fn floods_of_lines_are_cut_and_counted_and_the_events_go_on() {
    let _turn = turn();
    let stage = Stage::new("floods", 1);
    stage.kafka.produce(&stage.input, &["1", "!print 100000", "2", "!log 100000", "3"].map(Record::new));

    let host = stage.plugin("p", "chaos", "", "[limits]\ndeadline = '20 s'\nlog-lines = 50").start();
    stage.wait_until_done("p");

    assert_eq!(texts(&stage.kafka.read_all(&stage.output)), ["1", "2", "3"]);
    let written = host.log().lines().filter(|line| line.contains("p 0.1.0")).count() as f64;
    let dropped = host.metric(DROPPED).expect("a count");
    assert!(dropped > 190_000.0, "{dropped} lines were dropped");
    assert!(dropped + written >= 200_000.0, "{written} lines were written and {dropped} dropped");
    assert!(written < 2_000.0, "{written} lines were written");
    assert_eq!(stage.dead_letters("p"), []);
}

#[test]
fn json_lines_have_the_same_in_fields() {
    let stage = Stage::new("json-lines", 1);
    stage.kafka.produce(&stage.input, &[Record::new("!log 1")]);

    let setup = stage.plugin("p", "chaos", "", "").config("[log]\nformat = 'json'");
    let host = setup.start();
    stage.wait_until_done("p");

    host.wait_for_line(&["told to log"]);
    for line in host.log().lines() {
        let line: serde_json::Value = serde_json::from_str(line).unwrap_or_else(|error| panic!("{error}: {line}"));
        if line["message"] == "told to log" {
            assert_eq!(
                (&line["plugin"], &line["task"], &line["level"]),
                (&"p".into(), &0.into(), &"INFO".into()),
                "{line}"
            );
        }
    }
}

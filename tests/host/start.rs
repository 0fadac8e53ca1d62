//! Where a plugin begins that has never run, and where it goes on afterwards.

use crate::stage::{Stage, plugin_toml, texts};
use wasmill_tests::{LONG, Record, turn, wait_until};

#[test]
fn a_new_plugin_begins_where_its_start_says_and_goes_on_where_it_was() {
    let _turn = turn();
    let stage = Stage::new("start", 1);
    let event = |number: i64| Record::new(number.to_string()).timestamp(1_700_000_000_000 + number);
    stage.kafka.produce(&stage.input, &(0..4).map(event).collect::<Vec<_>>());
    // 1 700 000 000 002 ms after 1970.
    let starts = [("all", "earliest"), ("some", "2023-11-14T22:13:20.002Z"), ("none", "latest")];
    let sink = |name: &str| stage.kafka.topic(&format!("start-{name}"), 1);
    let sinks = starts.map(|(name, _)| sink(name));
    let mut setup = stage.setup();
    for ((name, start), sink) in starts.iter().zip(&sinks) {
        let toml = plugin_toml(&format!("start = {start:?}"), &stage.input, sink, "");
        setup = setup.module(name, "chaos").plugin_config(name, &toml);
    }
    let mut host = setup.start();
    for (name, _) in starts {
        host.wait_for_tasks(name, 1);
        stage.wait_until_done(name);
    }
    assert_eq!(host.sigterm().code(), Some(0));

    // What comes while nobody is there is nobody's first event.
    stage.kafka.produce(&stage.input, &[event(4)]);
    host.start();
    let expected = [&["0", "1", "2", "3", "4"][..], &["2", "3", "4"], &["4"]];
    for (sink, expected) in sinks.iter().zip(expected) {
        wait_until(&format!("{expected:?}"), LONG, || stage.kafka.read_all(sink).len() >= expected.len());
        assert_eq!(texts(&stage.kafka.read_all(sink)), expected);
    }
    assert_eq!(host.sigterm().code(), Some(0));
}

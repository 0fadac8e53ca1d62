//! An application of one test: its topics, its plugins' configuration, and what came of the events that went in.

use std::collections::BTreeMap;
use wasmill_tests::{Kafka, LONG, Record, Setup, unique};

/// A plugin's topics, which nobody else uses.
pub struct Stage {
    pub kafka: Kafka,
    pub application: String,
    /// What feeds its input `in`.
    pub input: String,
    /// What its sink `out` is.
    pub output: String,
    pub partitions: i32,
}

impl Stage {
    /// Topics of so many partitions.
    pub fn new(name: &str, partitions: i32) -> Self {
        Stage::on(Kafka::connect(), name, partitions)
    }

    /// The same, on a broker of the test's choice.
    pub fn on(kafka: Kafka, name: &str, partitions: i32) -> Self {
        let (input, output) =
            (kafka.topic(&format!("{name}-in"), partitions), kafka.topic(&format!("{name}-out"), partitions));
        Stage { kafka, application: unique(name), input, output, partitions }
    }

    /// A host of this application, with the dead-letter topics' partitions as the others have them.
    pub fn setup(&self) -> Setup {
        let setup = Setup::new(&self.kafka, &self.application);
        setup.config(&format!("[topics]\npartitions = {}", self.partitions))
    }

    /// `plugins/NAME.toml`: some keys of its top, the topics, and some more tables.
    pub fn toml(&self, top: &str, tables: &str) -> String {
        plugin_toml(top, &self.input, &self.output, tables)
    }

    /// A host with one plugin: the fixture `module` under the name `plugin`.
    pub fn plugin(&self, plugin: &str, module: &str, top: &str, tables: &str) -> Setup {
        self.setup().module(plugin, module).plugin_config(plugin, &self.toml(top, tables))
    }

    pub fn group(&self, plugin: &str) -> String {
        format!("{}-{plugin}", self.application)
    }

    /// The plugin's dead letters; none if there is no such topic.
    pub fn dead_letters(&self, plugin: &str) -> Vec<Record> {
        let topic = format!("{}-dlq", self.group(plugin));
        if self.kafka.partitions(&topic).is_none() { Vec::new() } else { self.kafka.read_all(&topic) }
    }

    /// Waits until the plugin has dealt with everything in its input topic, and committed that.
    pub fn wait_until_done(&self, plugin: &str) {
        self.kafka.wait_until_committed(&self.group(plugin), &self.input, LONG);
    }
}

/// A plugin's configuration with its one input and its one sink.
pub fn plugin_toml(top: &str, input: &str, output: &str, tables: &str) -> String {
    format!("{top}\n[inputs]\nin = {input:?}\n[sinks]\nout = {output:?}\n{tables}\n")
}

/// The values as texts, in order.
pub fn texts(records: &[Record]) -> Vec<&str> {
    records.iter().map(Record::text).collect()
}

/// The last header of this name, as text.
pub fn header<'a>(record: &'a Record, name: &str) -> Option<&'a str> {
    let (_, value) = record.headers.iter().rev().find(|(other, _)| other == name.as_bytes())?;
    Some(std::str::from_utf8(value.as_deref()?).expect("a text"))
}

/// What is left of a dead letter when the host's headers are taken away: the event's own headers.
pub fn own_headers(record: &Record) -> Vec<(Vec<u8>, Option<Vec<u8>>)> {
    record.headers.iter().filter(|(name, _)| !name.starts_with(b"wasmill-")).cloned().collect()
}

/// The host's headers of a dead letter.
pub fn host_headers(record: &Record) -> BTreeMap<&str, &str> {
    let ours = record.headers.iter().filter(|(name, _)| name.starts_with(b"wasmill-"));
    ours.map(|(name, value)| {
        let text = |bytes| std::str::from_utf8(bytes).expect("a text");
        (text(name), text(value.as_deref().expect("a value")))
    })
    .collect()
}

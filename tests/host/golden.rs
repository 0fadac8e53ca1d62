//! The golden cases of the shipped plugins, end to end: `plugins/NAME/golden/CASE/` has `events.jsonl`, `expected.jsonl` and, if
//! it needs any, `settings.json`.

use crate::stage::host_headers;
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde_json::Value;
use serde_json::value::RawValue;
use std::collections::BTreeMap;
use std::fmt::Write;
use std::fs;
use std::path::{Path, PathBuf};
use wasmill_tests::{Kafka, LONG, Record, Setup, module, turn, unique, wasmill};

/// A line's fields, each as it is written.
type Fields = BTreeMap<String, Box<RawValue>>;

/// What an input names to be given signals, by a topic of the plugin's own.
const SIGNALS: &str = "$signals";

struct Case {
    /// `fraud-threshold`, also the plugin's name in the host.
    name: String,
    folder: PathBuf,
    module: PathBuf,
    /// Input → the topic that its author gave it, and ours.
    inputs: Vec<(String, String, String)>,
    /// Sink → our topic.
    sinks: BTreeMap<String, String>,
}

#[test]
fn the_golden_cases_hold_end_to_end() {
    let _turn = turn();
    let kafka = Kafka::connect();
    let mut reports = BTreeMap::new();
    let application = unique("golden");
    let cases: Vec<Case> =
        folders().into_iter().map(|folder| case(&kafka, &application, folder, &mut reports)).collect();
    assert!(!cases.is_empty(), "no plugin has a golden case");
    let mut setup = Setup::new(&kafka, &application).config("[topics]\npartitions = 1");
    for case in &cases {
        for (topic, records) in case.events() {
            kafka.produce(&topic, &records);
        }
        let content = fs::read(&case.module).expect("a module");
        setup = setup.file(&format!("{}.wasm", case.name), content).plugin_config(&case.name, &case.toml());
    }

    let _host = setup.start();

    for case in &cases {
        println!("── {}", case.name);
        let group = format!("{application}-{}", case.name);
        for (_, _, topic) in &case.inputs {
            kafka.wait_until_committed(&group, topic, LONG);
        }
        case.check(&kafka, &format!("{group}-dlq"));
    }
}

/// Every `plugins/NAME/golden/CASE` of a plugin in Rust: `wasmill build` has run the others' when it made them.
fn folders() -> Vec<PathBuf> {
    let plugins = Path::new(env!("CARGO_MANIFEST_DIR")).join("../plugins");
    let mut folders: Vec<PathBuf> = inside(&plugins)
        .iter()
        .filter(|plugin| plugin.join("Cargo.toml").exists())
        .flat_map(|plugin| inside(&plugin.join("golden")))
        .collect();
    folders.sort();
    folders
}

fn inside(folder: &Path) -> Vec<PathBuf> {
    let entries = fs::read_dir(folder).into_iter().flatten();
    entries.map(|entry| entry.expect("an entry").path()).filter(|path| path.is_dir()).collect()
}

/// The case, with topics that nobody else has. `reports`: what is known of modules by their settings.
fn case(
    kafka: &Kafka,
    application: &str,
    folder: PathBuf,
    reports: &mut BTreeMap<(String, Option<String>), String>,
) -> Case {
    let part = |path: &Path| path.file_name().expect("a name").to_str().expect("a plain name").to_owned();
    let plugin = part(folder.parent().and_then(Path::parent).expect("the plugin's folder"));
    let name = format!("{plugin}-{}", part(&folder));
    let module = module(&plugin);
    let settings = folder.join("settings.json");
    let key = (plugin, fs::read_to_string(&settings).ok());
    let report = reports.entry(key).or_insert_with(|| report(&module, settings.exists().then_some(&settings)));
    let pairs = |arrow: &'static str| {
        report.lines().filter_map(move |line| line.split_once(arrow)).map(|(port, topic)| {
            let port = port.split_whitespace().next_back().expect("a port");
            (port.to_owned(), topic.to_owned())
        })
    };
    let topic = |port: &str| kafka.topic(&format!("{name}-{port}"), 1);
    let signals = || {
        let signals = format!("{application}-{name}-signals");
        kafka.create_topic(&signals, 1, &[]);
        signals
    };
    let inputs = pairs(" <- ")
        .map(|(input, default)| {
            let ours = if default == SIGNALS { signals() } else { topic(&input) };
            (input, default, ours)
        })
        .collect();
    let sinks = pairs(" -> ").map(|(sink, _)| (sink.clone(), topic(&sink))).collect();
    Case { name, folder, module, inputs, sinks }
}

/// What `wasmill check` says of a module with these settings.
fn report(module: &Path, settings: Option<&PathBuf>) -> String {
    let mut check = wasmill();
    check.arg("check").arg(module);
    if let Some(settings) = settings {
        check.arg("--settings").arg(settings);
    }
    let output = check.output().expect("the host's binary");
    let report = String::from_utf8(output.stdout).expect("a text");
    assert!(output.status.success(), "{report}");
    report
}

impl Case {
    fn lines(&self, file: &str) -> Vec<(usize, Fields)> {
        let path = self.folder.join(file);
        let text = fs::read_to_string(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
        let lines = (1..).zip(text.lines()).filter(|(_, line)| !line.trim().is_empty());
        lines.map(|(number, line)| (number, serde_json::from_str(line).expect("an object a line"))).collect()
    }

    /// By topic.
    fn events(&self) -> BTreeMap<String, Vec<Record>> {
        let mut events: BTreeMap<String, Vec<Record>> = BTreeMap::new();
        for (_, fields) in self.lines("events.jsonl") {
            events.entry(self.topic_of(&fields)).or_default().push(record(&fields).partition(0));
        }
        events
    }

    /// A line names the input or its topic; one that names none is for the first input.
    fn topic_of(&self, fields: &Fields) -> String {
        let named: Option<String> = fields.get("topic").map(|raw| serde_json::from_str(raw.get()).expect("a text"));
        let input = self
            .inputs
            .iter()
            .find(|(input, default, _)| named.as_ref().is_none_or(|name| name == input || name == default));
        input.unwrap_or_else(|| panic!("{}: no input is {named:?}", self.name)).2.clone()
    }

    fn toml(&self) -> String {
        // Events of several inputs come in the order of their times only if each input is waited for.
        let mut toml = String::from("max-task-idle = \"1 s\"\n[inputs]\n");
        // Writing to a String cannot fail.
        for (input, _, topic) in self.inputs.iter().filter(|(_, default, _)| default != SIGNALS) {
            let _ = writeln!(toml, "{input:?} = {topic:?}");
        }
        toml += "[sinks]\n";
        for (sink, topic) in &self.sinks {
            let _ = writeln!(toml, "{sink:?} = {topic:?}");
        }
        toml += "[settings]\n";
        if let Ok(settings) = fs::read_to_string(self.folder.join("settings.json")) {
            let settings: serde_json::Map<String, Value> = serde_json::from_str(&settings).expect("an object");
            for (name, value) in &settings {
                let _ = writeln!(toml, "{} = {}", Value::from(name.as_str()), as_toml(value));
            }
        }
        toml
    }

    fn check(&self, kafka: &Kafka, dead_letter_topic: &str) {
        let expected = self.lines("expected.jsonl");
        for (sink, topic) in &self.sinks {
            let outputs = kafka.read_all(topic);
            let expected: Vec<&Fields> =
                expected.iter().map(|(_, fields)| fields).filter(|fields| is(fields, "sink", sink)).collect();
            assert_eq!(outputs.len(), expected.len(), "{} {sink}: {outputs:?}", self.name);
            for (output, expected) in outputs.iter().zip(expected) {
                self.check_output(output, expected);
            }
        }
        // Where each event is: lines of several inputs go to several topics.
        let mut places: BTreeMap<usize, (String, usize)> = BTreeMap::new();
        let mut ends: BTreeMap<String, usize> = BTreeMap::new();
        for (number, fields) in self.lines("events.jsonl") {
            let topic = self.topic_of(&fields);
            let end = ends.entry(topic.clone()).or_default();
            places.insert(number, (topic, *end));
            *end += 1;
        }
        let failures: Vec<&Fields> =
            expected.iter().map(|(_, fields)| fields).filter(|fields| fields.contains_key("failure")).collect();
        let dead_letters = kafka.read_all(dead_letter_topic);
        assert_eq!(dead_letters.len(), failures.len(), "{}: {dead_letters:?}", self.name);
        for (letter, expected) in dead_letters.iter().zip(failures) {
            let said = host_headers(letter);
            for (field, header) in
                [("failure", "wasmill-kind"), ("code", "wasmill-code"), ("message", "wasmill-message")]
            {
                assert!(!expected.contains_key(field) || is(expected, field, said[header]), "{}: {said:?}", self.name);
            }
            if let Some(source) = expected.get("source") {
                let (topic, offset) = &places[&source.get().parse::<usize>().expect("a number")];
                assert_eq!(
                    (said["wasmill-topic"], said["wasmill-offset"]),
                    (topic.as_str(), offset.to_string().as_str())
                );
            }
        }
    }

    /// Each field that is expected is there; others may be.
    fn check_output(&self, output: &Record, expected: &Fields) {
        let same = |field: &str, actual: &Option<Vec<u8>>| {
            assert!(
                expected.get(field).is_none_or(|raw| is_same(raw, actual.as_deref())),
                "{}: {field} of {output:?} is not {}",
                self.name,
                expected[field]
            );
        };
        same("key", &output.key);
        same("value", &output.value);
        if let Some(raw) = expected.get("headers") {
            assert_eq!(output.headers, headers(raw), "{}", self.name);
        }
        // Written through librdkafka an event at the very beginning of the epoch is one of now.
        if let Some(raw) = expected.get("timestamp").filter(|raw| raw.get() != "0") {
            assert_eq!(output.timestamp, raw.get().parse().ok(), "{}", self.name);
        }
    }
}

fn is(fields: &Fields, field: &str, text: &str) -> bool {
    fields.get(field).is_some_and(|raw| serde_json::from_str::<Value>(raw.get()).expect("JSON") == text)
}

fn record(fields: &Fields) -> Record {
    let bytes = |field: &str| fields.get(field).and_then(|raw| bytes(raw));
    let timestamp = fields.get("timestamp").map(|raw| raw.get().parse().expect("a timestamp"));
    let headers = fields.get("headers").map(|raw| headers(raw)).unwrap_or_default();
    Record { key: bytes("key"), value: bytes("value"), timestamp, headers, ..Record::default() }
}

/// What a line means by a value: null, a text, `{"base64":…}`, or JSON as it is written.
fn bytes(raw: &RawValue) -> Option<Vec<u8>> {
    match serde_json::from_str::<Value>(raw.get()).expect("JSON") {
        Value::Null => None,
        Value::String(text) => Some(text.into_bytes()),
        value => Some(encoded(&value).unwrap_or_else(|| raw.get().as_bytes().to_vec())),
    }
}

/// The bytes of `{"base64":…}`.
fn encoded(value: &Value) -> Option<Vec<u8>> {
    let text = value.as_object().filter(|object| object.len() == 1)?.get("base64")?.as_str()?;
    Some(STANDARD.decode(text).expect("base64"))
}

/// Whether these bytes are meant; JSON may be written in another way.
fn is_same(expected: &RawValue, actual: Option<&[u8]>) -> bool {
    let value: Value = serde_json::from_str(expected.get()).expect("JSON");
    if value.is_null() || value.is_string() || encoded(&value).is_some() {
        return bytes(expected).as_deref() == actual;
    }
    actual.is_some_and(|actual| serde_json::from_slice::<Value>(actual).is_ok_and(|actual| actual == value))
}

/// An object, or, where names repeat or are no text, a list of pairs.
fn headers(raw: &RawValue) -> Vec<(Vec<u8>, Option<Vec<u8>>)> {
    if raw.get().starts_with('[') {
        let pairs: Vec<(Box<RawValue>, Box<RawValue>)> = serde_json::from_str(raw.get()).expect("a list of pairs");
        return pairs.iter().map(|(name, value)| (bytes(name).expect("a name"), bytes(value))).collect();
    }
    // A map of raw values would lose the order that headers have.
    let names: serde_json::Map<String, Value> = serde_json::from_str(raw.get()).expect("an object");
    let values: Fields = serde_json::from_str(raw.get()).expect("an object");
    names.keys().map(|name| (name.clone().into_bytes(), bytes(&values[name]))).collect()
}

/// The same value in TOML's words.
fn as_toml(value: &Value) -> String {
    match value {
        Value::Array(values) => format!("[{}]", values.iter().map(as_toml).collect::<Vec<_>>().join(", ")),
        Value::Object(fields) => {
            let fields =
                fields.iter().map(|(name, value)| format!("{} = {}", Value::from(name.as_str()), as_toml(value)));
            format!("{{ {} }}", fields.collect::<Vec<_>>().join(", "))
        }
        // Strings, numbers and booleans are written alike; TOML has no null, and would say so.
        value => value.to_string(),
    }
}

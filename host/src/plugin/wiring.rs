//! A plugin's doors, the topics behind them, and its stores.

use crate::config::PluginConfig;
use crate::state::StoreSpec;
use std::collections::BTreeMap;

/// Kafka's own bound.
const LONGEST_TOPIC: usize = 249;

/// Names stand in configurations, metrics and headers, those of stores in the keys of the changelog.
const LONGEST_NAME: usize = 100;

/// What an input names to be connected to the plugin's own topic for signals.
const SIGNALS: &str = "$signals";

/// What a plugin declared in `configure`.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Wiring {
    /// Where its events come from; a batch names its input by index.
    pub inputs: Vec<Port>,
    /// Where its outputs go; an output names its sink by index.
    pub sinks: Vec<Sink>,
    /// What it remembers in; a state write names its store by index.
    pub stores: Vec<StoreSpec>,
}

/// A logical name, and the topic behind it unless the configuration names others.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Port {
    /// Unique among the inputs, or among the sinks.
    pub name: String,
    /// May be empty: then the configuration must name one.
    pub topic: String,
}

impl Port {
    /// Whether it is connected to `$signals`, the plugin's own topic.
    pub fn is_signals(&self) -> bool {
        self.topic == SIGNALS
    }
}

/// Where outputs go.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Sink {
    /// Its name and its topic.
    pub port: Port,
    /// Whether only the last output of each key goes out, once a commit.
    pub last_of_commit: bool,
}

/// A wiring with the configuration's topics put in.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Resolved {
    /// Input → topics, in the wiring's order; each has at least one, and none is in two of them. An input of signals has
    /// `$signals` as its topic, whatever that will be called.
    pub inputs: Vec<(String, Vec<String>)>,
    /// Sink → topic, in the wiring's order.
    pub sinks: Vec<(String, String)>,
}

impl Wiring {
    /// Index of the sink of this name.
    pub fn sink(&self, name: &str) -> Option<usize> {
        // A plugin has a handful of sinks: comparing beats hashing.
        self.sinks.iter().position(|sink| sink.port.name == name)
    }

    fn sinks(&self) -> impl Iterator<Item = &Port> + Clone {
        self.sinks.iter().map(|sink| &sink.port)
    }

    /// Everything that is wrong with it, whatever the configuration says.
    pub fn problems(&self) -> Vec<String> {
        let mut problems = vec![];
        if self.inputs.is_empty() {
            problems.push("it declares no input: a plugin needs at least one".to_owned());
        }
        names("input", self.inputs.iter().map(|port| &port.name), &mut problems);
        names("sink", self.sinks().map(|port| &port.name), &mut problems);
        names("store", self.stores.iter().map(|store| &store.name), &mut problems);
        for port in self.sinks().filter(|port| port.is_signals()) {
            problems.push(format!("the sink {:?} is connected to $signals, which is for inputs", port.name));
        }
        if self.inputs.iter().filter(|port| port.is_signals()).count() > 1 {
            problems.push("several inputs are connected to $signals: one gets all of them".to_owned());
        }
        let ports = self.inputs.iter().map(|port| ("input", port)).chain(self.sinks().map(|port| ("sink", port)));
        for (kind, port) in ports.filter(|(_, port)| !port.is_signals() && !port.topic.is_empty()) {
            let what = || format!("the {kind} {:?} has by default a topic that", port.name);
            problems.extend(topic_problem(&port.topic).map(|problem| format!("{} {problem}", what())));
        }
        for store in self.stores.iter().filter(|store| store.ttl_ms == Some(0)) {
            problems.push(format!("the store {:?} has a TTL of 0, so that nothing would ever be in it", store.name));
        }
        problems
    }

    /// Puts the configuration's topics in. The error is everything that is wrong.
    pub fn resolve(&self, config: &PluginConfig) -> Result<Resolved, Vec<String>> {
        let mut problems = vec![];
        unknown("input", "inputs", self.inputs.iter(), &config.inputs, &mut problems);
        unknown("sink", "sinks", self.sinks(), &config.sinks, &mut problems);
        for port in self.inputs.iter().filter(|port| port.is_signals() && config.inputs.contains_key(&port.name)) {
            problems
                .push(format!("[inputs] names {:?}, but its signals come by a topic of the plugin's own", port.name));
        }
        let resolved = Resolved {
            inputs: self.inputs.iter().map(|port| (port.name.clone(), topics(port, config))).collect(),
            sinks: self.sinks().map(|port| (port.name.clone(), topic(port, config))).collect(),
        };
        resolved.problems(&mut problems);
        if problems.is_empty() { Ok(resolved) } else { Err(problems) }
    }
}

impl Resolved {
    fn problems(&self, problems: &mut Vec<String>) {
        let mut seen: BTreeMap<&str, &str> = BTreeMap::new();
        for (input, topics) in &self.inputs {
            if topics.is_empty() {
                problems.push(format!("the input {input:?} has no topic: name one under [inputs]"));
            }
            for topic in topics.iter().filter(|topic| *topic != SIGNALS) {
                problems
                    .extend(topic_problem(topic).map(|problem| format!("the topic of the input {input:?} {problem}")));
                if let Some(other) = seen.insert(topic, input) {
                    problems.push(format!(
                        "the topic {topic:?} feeds the inputs {other:?} and {input:?}: give one of them another under [inputs]"
                    ));
                }
            }
        }
        for (sink, topic) in &self.sinks {
            if topic.is_empty() {
                problems.push(format!("the sink {sink:?} has no topic: name one under [sinks]"));
                continue;
            }
            problems.extend(topic_problem(topic).map(|problem| format!("the topic of the sink {sink:?} {problem}")));
        }
    }
}

fn topics(port: &Port, config: &PluginConfig) -> Vec<String> {
    match config.inputs.get(&port.name) {
        Some(topics) => topics.clone(),
        None if port.topic.is_empty() => vec![],
        None => vec![port.topic.clone()],
    }
}

fn topic(port: &Port, config: &PluginConfig) -> String {
    config.sinks.get(&port.name).unwrap_or(&port.topic).clone()
}

fn unknown<'p, V>(
    kind: &str,
    table: &str,
    ports: impl Iterator<Item = &'p Port> + Clone,
    configured: &BTreeMap<String, V>,
    problems: &mut Vec<String>,
) {
    for key in configured.keys().filter(|key| ports.clone().all(|port| port.name != **key)) {
        let similar = |port: &&Port| strsim::jaro_winkler(&port.name, key);
        let nearest = ports.clone().max_by(|left, right| similar(left).total_cmp(&similar(right)));
        problems.push(match nearest {
            Some(nearest) => {
                format!(
                    "[{table}] names {key:?}, but the plugin has no such {kind}; the nearest one is {:?}",
                    nearest.name
                )
            }
            None => format!("[{table}] names {key:?}, but the plugin has no {kind}s"),
        });
    }
}

fn names<'n>(kind: &str, names: impl Iterator<Item = &'n String> + Clone, problems: &mut Vec<String>) {
    for (index, name) in names.clone().enumerate() {
        problems.extend(name_problem(name).map(|problem| format!("the {kind} {name:?} {problem}")));
        if names.clone().take(index).any(|other| other == name) {
            problems.push(format!("the {kind} {name:?} is declared twice"));
        }
    }
}

fn name_problem(name: &str) -> Option<String> {
    if name.is_empty() {
        return Some("has no name".into());
    }
    if name.len() > LONGEST_NAME {
        return Some(format!("has a name of {} bytes; {LONGEST_NAME} are allowed", name.len()));
    }
    (!name.bytes().all(is_legal))
        .then(|| "has a name with other characters than a-z, A-Z, 0-9, '.', '_' and '-'".into())
}

fn topic_problem(topic: &str) -> Option<String> {
    if matches!(topic, "" | "." | "..") {
        return Some(format!("is {topic:?}, which Kafka does not allow"));
    }
    if topic.len() > LONGEST_TOPIC {
        return Some(format!("is {} bytes long; Kafka allows {LONGEST_TOPIC}", topic.len()));
    }
    let legal = topic.bytes().all(is_legal);
    (!legal).then(|| format!("is {topic:?}; Kafka allows only a-z, A-Z, 0-9, '.', '_' and '-'"))
}

fn is_legal(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'_' | b'-')
}

#[cfg(test)]
mod tests {
    use super::*;

    fn port(name: &str, topic: &str) -> Port {
        Port { name: name.into(), topic: topic.into() }
    }

    fn sink(name: &str, topic: &str) -> Sink {
        Sink { port: port(name, topic), last_of_commit: false }
    }

    fn fraud() -> Wiring {
        Wiring {
            inputs: vec![port("orders", "orders")],
            sinks: vec![sink("fraud-alerts", "fraud-alerts")],
            stores: vec![store("totals")],
        }
    }

    fn store(name: &str) -> StoreSpec {
        StoreSpec { name: name.into(), ttl_ms: Some(1), version: 0, keyed_by_event: false }
    }

    #[track_caller]
    fn refused(wiring: Wiring, why: &str) {
        let problems = wiring.problems();
        assert!(problems.iter().any(|problem| problem.contains(why)), "{problems:?}");
    }

    #[test]
    fn a_wiring_must_make_sense_by_itself() {
        assert_eq!(fraud().problems(), Vec::<String>::new());
        refused(Wiring { inputs: vec![], ..fraud() }, "no input");
        refused(Wiring { inputs: vec![port("", "t")], ..fraud() }, "has no name");
        refused(Wiring { inputs: vec![port("a b", "t")], ..fraud() }, r#""a b" has a name with other characters"#);
        refused(Wiring { inputs: vec![port("a", "t"), port("a", "u")], ..fraud() }, r#""a" is declared twice"#);
        refused(Wiring { sinks: vec![sink("a", "x y")], ..fraud() }, r#"is "x y"; Kafka allows only"#);
        refused(Wiring { sinks: vec![sink("a", &"x".repeat(250))], ..fraud() }, "is 250 bytes long");
        refused(Wiring { sinks: vec![sink("a", "..")], ..fraud() }, "which Kafka does not allow");
        refused(Wiring { stores: vec![store("a/b")], ..fraud() }, r#"store "a/b" has a name with other characters"#);
        refused(Wiring { stores: vec![store("a"), store("a")], ..fraud() }, r#"the store "a" is declared twice"#);
        refused(Wiring { stores: vec![StoreSpec { ttl_ms: Some(0), ..store("a") }], ..fraud() }, "a TTL of 0");
    }

    #[test]
    fn signals_come_in_by_an_input_of_their_own() {
        let wiring = Wiring { inputs: vec![port("orders", "orders"), port("commands", "$signals")], ..fraud() };
        assert_eq!(wiring.problems(), Vec::<String>::new());
        assert_eq!(wiring.inputs.iter().map(Port::is_signals).collect::<Vec<_>>(), [false, true]);
        let mut config = PluginConfig::default();
        assert_eq!(wiring.resolve(&config).unwrap().inputs[1], ("commands".to_owned(), vec!["$signals".to_owned()]));
        config.inputs.insert("commands".into(), vec!["elsewhere".into()]);
        assert!(wiring.resolve(&config).unwrap_err().join("\n").contains(r#"[inputs] names "commands""#));
        refused(Wiring { sinks: vec![sink("a", "$signals")], ..fraud() }, "which is for inputs");
        let two = vec![port("a", "$signals"), port("b", "$signals")];
        refused(Wiring { inputs: two, ..fraud() }, "several inputs are connected to $signals");
    }

    #[test]
    fn the_configuration_goes_before_the_defaults() {
        let mut config = PluginConfig::default();
        let defaults = fraud().resolve(&config).unwrap();
        assert_eq!(defaults.inputs, [("orders".to_owned(), vec!["orders".to_owned()])]);
        assert_eq!(defaults.sinks, [("fraud-alerts".to_owned(), "fraud-alerts".to_owned())]);
        config.inputs.insert("orders".into(), vec!["shop.orders".into(), "web.orders".into()]);
        config.sinks.insert("fraud-alerts".into(), "risk.alerts".into());
        let resolved = fraud().resolve(&config).unwrap();
        assert_eq!(resolved.inputs[0].1, ["shop.orders", "web.orders"]);
        assert_eq!(resolved.sinks[0].1, "risk.alerts");
    }

    #[test]
    fn all_that_is_wrong_is_said_at_once_with_the_nearest_name() {
        let mut config = PluginConfig::default();
        config.inputs.insert("order".into(), vec!["a".into()]);
        config.sinks.insert("fraud-alert".into(), "b".into());
        config.sinks.insert("fraud-alerts".into(), "no spaces".into());
        let problems = fraud().resolve(&config).unwrap_err().join("\n");
        for part in [r#""order""#, r#"nearest one is "orders""#, r#"nearest one is "fraud-alerts""#, "no spaces"] {
            assert!(problems.contains(part), "{part}: {problems}");
        }
    }

    #[test]
    fn each_topic_feeds_one_input_and_each_port_has_a_topic() {
        let inputs = vec![port("a", "t"), port("b", "t"), port("c", "")];
        let wiring = Wiring { inputs, sinks: vec![sink("d", "")], stores: vec![] };
        let problems = wiring.resolve(&PluginConfig::default()).unwrap_err().join("\n");
        for part in [r#"feeds the inputs "a" and "b""#, r#"input "c" has no topic"#, r#"sink "d" has no topic"#] {
            assert!(problems.contains(part), "{part}: {problems}");
        }
    }
}

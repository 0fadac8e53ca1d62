//! How the broker is set up: nodes that start quickly and hide nothing from tests.

use std::fmt::Write;

/// A node's addresses and its folder.
pub struct Node<'a> {
    /// From 1 on; the first is its cluster's controller as well.
    pub id: usize,
    /// How many its cluster has; every topic is on all of them.
    pub nodes: usize,
    /// What it binds for clients; in a container not what they connect to.
    pub bind: &'a str,
    /// Where clients find it on 127.0.0.1.
    pub port: u16,
    /// Of the controller.
    pub controller_port: u16,
    /// Another way in.
    pub proxied: Option<Proxied>,
    /// Where it keeps its data.
    pub data: &'a str,
}

/// A listener whose clients are to come through a proxy, always.
pub struct Proxied {
    /// Where the broker listens for what the proxy passes on.
    pub port: u16,
    /// Where the proxy listens, on 127.0.0.1.
    pub proxy: u16,
}

/// The properties, in Kafka's names.
pub fn properties(node: &Node<'_>) -> Vec<(&'static str, String)> {
    let Node { id, nodes, bind, port, controller_port, proxied, data } = node;
    let (mut listeners, mut advertised) =
        (format!("PLAINTEXT://{bind}:{port}"), format!("PLAINTEXT://127.0.0.1:{port}"));
    let controls = *id == 1;
    if controls {
        let controller = format!(",CONTROLLER://127.0.0.1:{controller_port}");
        listeners += &controller;
        advertised += &controller;
    }
    if let Some(Proxied { port, proxy }) = proxied {
        listeners += &format!(",PROXIED://{bind}:{port}");
        advertised += &format!(",PROXIED://127.0.0.1:{proxy}");
    }
    let mut properties = vec![
        ("process.roles", if controls { "broker,controller" } else { "broker" }.to_owned()),
        ("node.id", id.to_string()),
        ("controller.quorum.bootstrap.servers", format!("127.0.0.1:{controller_port}")),
        ("listeners", listeners),
        ("advertised.listeners", advertised),
        ("controller.listener.names", "CONTROLLER".to_owned()),
        ("listener.security.protocol.map", "PLAINTEXT:PLAINTEXT,CONTROLLER:PLAINTEXT,PROXIED:PLAINTEXT".to_owned()),
        ("log.dirs", (*data).to_owned()),
    ];
    properties.extend(REPLICATED.iter().map(|name| (*name, nodes.to_string())));
    let fails_over = if *nodes > 1 { FAILS_OVER } else { &[] };
    properties.extend(fails_over.iter().chain(FIXED).map(|(name, value)| (*name, (*value).to_owned())));
    properties
}

/// On how many nodes topics are.
const REPLICATED: [&str; 4] = [
    "default.replication.factor",
    "offsets.topic.replication.factor",
    "transaction.state.log.replication.factor",
    "share.coordinator.state.topic.replication.factor",
];

/// What a killed node led goes to the other one soon, and comes back to it. A single node must not be taken for dead because the
/// machine is busy.
const FAILS_OVER: &[(&str, &str)] = &[
    ("broker.session.timeout.ms", "6000"),
    ("broker.heartbeat.interval.ms", "1000"),
    ("leader.imbalance.check.interval.seconds", "2"),
];

/// What doesn't depend on where the node runs.
const FIXED: &[(&str, &str)] = &[
    // One node of two may be away, or there is no second one.
    ("transaction.state.log.min.isr", "1"),
    ("share.coordinator.state.topic.min.isr", "1"),
    // By default 50 each, which takes seconds to create.
    ("offsets.topic.num.partitions", "8"),
    ("transaction.state.log.num.partitions", "8"),
    ("share.coordinator.state.topic.num.partitions", "8"),
    // A topic that nobody has created is a mistake that a test must see.
    ("auto.create.topics.enable", "false"),
    // A test's timestamps may be from any year.
    ("log.retention.ms", "-1"),
    // Groups are there when a test needs them, and a killed member is missed in less than the 6 s that are allowed by default.
    ("group.initial.rebalance.delay.ms", "0"),
    ("group.min.session.timeout.ms", "1000"),
    // A killed producer's transaction is aborted soon after its time-out, not up to 10 s later.
    ("transaction.abort.timed.out.transaction.cleanup.interval.ms", "1000"),
];

/// As a `server.properties` file.
pub fn file(properties: &[(&str, String)]) -> String {
    properties.iter().fold(String::new(), |mut file, (name, value)| {
        // Writing to a String cannot fail.
        let _ = writeln!(file, "{name}={value}");
        file
    })
}

/// As a variable of the official image: dots become underscores, and underscores and dashes two and three of them.
pub fn variable(name: &str) -> String {
    format!("KAFKA_{}", name.replace('_', "__").replace('-', "___").replace('.', "_").to_uppercase())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_become_the_images_variables() {
        assert_eq!(variable("offsets.topic.num.partitions"), "KAFKA_OFFSETS_TOPIC_NUM_PARTITIONS");
        assert_eq!(variable("a_b-c.d"), "KAFKA_A__B___C_D");
    }

    #[test]
    fn clients_are_told_the_loopback_address_whatever_is_bound() {
        let node =
            Node { id: 1, nodes: 1, bind: "0.0.0.0", port: 9092, controller_port: 9093, proxied: None, data: "/data" };
        let plain = file(&properties(&node));
        assert!(plain.contains("\nlisteners=PLAINTEXT://0.0.0.0:9092,CONTROLLER://127.0.0.1:9093\n"), "{plain}");
        assert!(plain.contains("\nadvertised.listeners=PLAINTEXT://127.0.0.1:9092,"), "{plain}");
        assert!(plain.contains("\nlog.dirs=/data\n"), "{plain}");

        let proxied = file(&properties(&Node { proxied: Some(Proxied { port: 9094, proxy: 4000 }), ..node }));
        assert!(proxied.contains(",PROXIED://0.0.0.0:9094\n"), "{proxied}");
        assert!(proxied.contains(",PROXIED://127.0.0.1:4000\n"), "{proxied}");
    }

    #[test]
    fn the_second_node_has_the_first_as_its_controller() {
        let node = Node {
            id: 2,
            nodes: 2,
            bind: "127.0.0.1",
            port: 9094,
            controller_port: 9093,
            proxied: None,
            data: "/data",
        };
        let second = file(&properties(&node));

        for line in [
            "process.roles=broker",
            "node.id=2",
            "listeners=PLAINTEXT://127.0.0.1:9094",
            "controller.quorum.bootstrap.servers=127.0.0.1:9093",
            "default.replication.factor=2",
        ] {
            assert!(second.lines().any(|found| found == line), "{line}: {second}");
        }
    }
}

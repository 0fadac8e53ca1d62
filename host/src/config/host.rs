//! The host's configuration.

use std::collections::BTreeMap;
use std::fmt;
use std::net::SocketAddr;
use std::path::PathBuf;

/// The host's configuration (`wasmill.toml`).
#[derive(Debug, Clone, PartialEq)]
pub struct Config {
    /// Prefix of consumer groups, internal topics and transactional ids: hosts with the same one share the work, and two
    /// applications on one Kafka stay apart.
    pub application: String,
    /// What the host keeps between runs: its id, compiled modules, pins of rollbacks, stores. Apart from the plugins folder, since
    /// machine code is kept here and whoever may drop a module must not be able to drop that.
    pub state_dir: PathBuf,
    /// Bytes of the stores' entries that are kept in memory, of all tasks of the host together: those used lately. More
    /// tasks share it, so that the host's memory does not grow with each.
    pub state_cache: usize,
    /// How Kafka is reached.
    pub kafka: KafkaConfig,
    /// Where plugins are.
    pub plugins: PluginsConfig,
    /// What happens when a topic is missing.
    pub topics: TopicsConfig,
    /// The HTTP listener.
    pub admin: AdminConfig,
    /// How the host logs.
    pub log: LogConfig,
}

impl Config {
    /// The consumer group of a plugin, and the beginning of its internal topics' names.
    pub fn group(&self, plugin: &str) -> String {
        format!("{}-{plugin}", self.application)
    }

    /// Where a plugin's failed events go.
    pub fn dead_letter_topic(&self, plugin: &str) -> String {
        format!("{}-dlq", self.group(plugin))
    }

    /// Where a plugin's stores and timers are kept: one partition a task.
    pub fn changelog_topic(&self, plugin: &str) -> String {
        format!("{}-changelog", self.group(plugin))
    }
}

/// `[kafka]`.
#[derive(Clone, PartialEq)]
pub struct KafkaConfig {
    /// Where the cluster is found; the one thing that has no default.
    pub brokers: Brokers,
    /// librdkafka properties of every client: security, above all, which no two clusters have alike.
    pub properties: BTreeMap<String, String>,
    /// librdkafka properties of consumers, for tuning; they win over `properties`.
    pub consumer: BTreeMap<String, String>,
    /// librdkafka properties of producers, for tuning; they win over `properties`.
    pub producer: BTreeMap<String, String>,
    /// Bytes that all consumers of the host together may fetch ahead of their workers. More plugins share it, so that the
    /// host's memory does not grow with each.
    pub prefetch: u64,
    /// Bytes that all producers of the host together may have sent without an acknowledgement; one whose share is full
    /// waits for the broker.
    pub unacknowledged: u64,
}

impl KafkaConfig {
    /// Without properties, and with the default budgets.
    pub fn of(brokers: Brokers) -> Self {
        KafkaConfig {
            brokers,
            properties: BTreeMap::new(),
            consumer: BTreeMap::new(),
            producer: BTreeMap::new(),
            prefetch: 64 << 20,
            unacknowledged: 64 << 20,
        }
    }
}

/// `kafka.brokers`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Brokers {
    /// `"embedded"`: an in-process broker that lasts as long as the process.
    Embedded,
    /// `host:port,host:port`.
    Servers(String),
}

/// `[plugins]`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PluginsConfig {
    /// The watched folder: a file `NAME.wasm` in it is the plugin NAME, `NAME.toml` beside it configures it.
    pub dir: PathBuf,
}

/// `[topics]`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TopicsConfig {
    /// Whether missing input, sink and dead-letter topics are created; otherwise the plugin is refused, for clusters where
    /// topics are made by other means.
    pub create: bool,
    /// Partitions of a topic that is created: at most so many workers share its work, on all hosts together.
    pub partitions: i32,
    /// Replicas of a topic that is created; -1: the broker's default, which its operator chose.
    pub replication: i32,
}

/// `[admin]`.
#[derive(Clone, PartialEq, Eq)]
pub struct AdminConfig {
    /// Where HTTP listens; only this machine by default, because it can stop plugins.
    pub listen: SocketAddr,
    /// `host:port` under which other instances reach this one; `listen` may be behind a container's or a proxy's address.
    pub advertise: Option<String>,
    /// Bearer token that every request but `/ping` and `/ready` must carry. There is one whenever `listen` is public.
    pub token: Option<String>,
    /// Topics that events may be put into over HTTP: whoever reaches it could otherwise write into any.
    pub topics: Vec<String>,
}

/// `[log]`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LogConfig {
    /// For a person or for a program.
    pub format: LogFormat,
    /// A `tracing` filter: `info`, `wasmill=debug,warn`.
    pub level: String,
}

/// `log.format`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LogFormat {
    /// For a terminal.
    Human,
    /// One JSON object a line.
    Json,
}

/// A configuration is logged when it is being debugged, and its secrets must not be.
const HIDDEN: &str = "(hidden)";

impl fmt::Debug for KafkaConfig {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("KafkaConfig")
            .field("brokers", &self.brokers)
            .field("properties", &without_secrets(&self.properties))
            .field("consumer", &without_secrets(&self.consumer))
            .field("producer", &without_secrets(&self.producer))
            .field("prefetch", &self.prefetch)
            .field("unacknowledged", &self.unacknowledged)
            .finish()
    }
}

impl fmt::Debug for AdminConfig {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("AdminConfig")
            .field("listen", &self.listen)
            .field("advertise", &self.advertise)
            .field("token", &self.token.as_ref().map(|_| HIDDEN))
            .field("topics", &self.topics)
            .finish()
    }
}

fn without_secrets(properties: &BTreeMap<String, String>) -> BTreeMap<&str, &str> {
    let secret = |name: &str| name.starts_with("sasl.") || name.starts_with("ssl");
    properties.iter().map(|(name, value)| (name.as_str(), if secret(name) { HIDDEN } else { value })).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn secrets_are_not_shown() {
        let properties = |name: &str| BTreeMap::from([(name.to_owned(), "hush".to_owned())]);
        let kafka = KafkaConfig {
            properties: properties("sasl.password"),
            consumer: properties("ssl.key.pem"),
            producer: properties("linger.ms"),
            ..KafkaConfig::of(Brokers::Embedded)
        };
        let admin = AdminConfig {
            listen: "127.0.0.1:1".parse().unwrap(),
            advertise: None,
            token: Some("hush".into()),
            topics: vec![],
        };
        let text = format!("{kafka:?} {admin:?}");
        assert_eq!(text.matches("hush").count(), 1, "{text}");
        assert!(text.contains(r#""linger.ms": "hush""#), "{text}");
    }
}

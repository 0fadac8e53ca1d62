//! What a person configures: `wasmill.toml`, `plugins/NAME.toml`, the environment and the command line.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::Duration;

/// The host's configuration (`wasmill.toml`).
#[derive(Debug, Clone, PartialEq)]
pub struct Config {
    /// Prefix of consumer groups, internal topics and transactional ids: hosts with the same one share the work.
    pub application: String,
    /// What the host keeps between runs: its id, compiled modules, pins of rollbacks.
    pub state_dir: PathBuf,
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

/// `[kafka]`.
#[derive(Debug, Clone, PartialEq)]
pub struct KafkaConfig {
    /// `brokers`.
    pub brokers: Brokers,
    /// librdkafka properties of every client.
    pub properties: BTreeMap<String, String>,
    /// librdkafka properties of consumers.
    pub consumer: BTreeMap<String, String>,
    /// librdkafka properties of producers.
    pub producer: BTreeMap<String, String>,
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
    /// The watched folder.
    pub dir: PathBuf,
}

/// `[topics]`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TopicsConfig {
    /// Whether missing input, sink and dead-letter topics are created; otherwise the plugin is refused.
    pub create: bool,
    /// Partitions of a topic that is created.
    pub partitions: i32,
    /// Replicas of a topic that is created; -1: the broker's default.
    pub replication: i32,
}

/// `[admin]`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AdminConfig {
    /// Where HTTP listens.
    pub listen: SocketAddr,
    /// `host:port` under which other instances reach this one.
    pub advertise: Option<String>,
    /// Bearer token that every request but `/ping` and `/ready` must carry.
    pub token: Option<String>,
}

/// `[log]`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LogConfig {
    /// `human` or `json`.
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

/// A plugin's configuration (`plugins/NAME.toml`); every field has a default.
#[derive(Debug, Clone, PartialEq)]
pub struct PluginConfig {
    /// Where the plugin begins in a partition that it has no committed offset for.
    pub start: Start,
    /// Threads, each with a consumer of its own.
    pub workers: usize,
    /// What a crash may do to outputs.
    pub delivery: Delivery,
    /// What happens to an event that failed for good.
    pub on_failure: OnFailure,
    /// Input → topics, over the wiring's defaults.
    pub inputs: BTreeMap<String, Vec<String>>,
    /// Sink → topic, over the wiring's defaults.
    pub sinks: BTreeMap<String, String>,
    /// The plugin's own, handed to `configure` as JSON.
    pub settings: serde_json::Map<String, serde_json::Value>,
    /// `[limits]`.
    pub limits: LimitsConfig,
    /// `[retry]`.
    pub retry: RetryConfig,
    /// At most so long between two commits.
    pub commit_interval: Duration,
    /// At most so many events a call; the host goes lower by itself so that a call takes about 5 ms.
    pub max_batch: usize,
    /// After so many events in a row at which an instance broke, the plugin stops.
    pub max_failures_in_a_row: u32,
    /// Events further ahead of the wall clock than this do not move stream time.
    pub max_future: Duration,
    /// With several inputs: how long an empty one is waited for before the others go on.
    pub max_task_idle: Duration,
}

/// `start`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Start {
    /// At the oldest event.
    Earliest,
    /// At the first event after the plugin's first start.
    Latest,
    /// At the first event with this timestamp or a later one; milliseconds since the Unix epoch.
    Timestamp(i64),
}

/// `delivery`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Delivery {
    /// Nothing is lost; after a crash some outputs are written again.
    AtLeastOnce,
    /// Each event's effect appears once.
    ExactlyOnce,
}

/// `on-failure`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum OnFailure {
    /// The event goes to the dead-letter topic.
    DeadLetter,
    /// The event is counted and left out.
    Skip,
    /// The plugin stops at the event.
    Stop,
}

/// `[limits]`: what one plugin may take.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LimitsConfig {
    /// Bytes of an instance's memories and tables together.
    pub memory: usize,
    /// Time of one call; None (`"none"`) compiles the module without the checks.
    pub deadline: Option<Duration>,
    /// Outputs that one event may cause.
    pub outputs: usize,
    /// Bytes that one event's outputs and state writes may have.
    pub output_bytes: usize,
    /// Lines a second that a plugin may log; more are dropped and counted.
    pub log_lines: u32,
}

/// `[retry]`: what happens when a plugin asks for an event again.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RetryConfig {
    /// The first wait; each next one is twice as long.
    pub initial: Duration,
    /// The longest wait.
    pub max: Duration,
    /// After so many tries the failure policy applies.
    pub attempts: u32,
}

impl Default for PluginConfig {
    fn default() -> Self {
        PluginConfig {
            start: Start::Earliest,
            workers: 1,
            delivery: Delivery::AtLeastOnce,
            on_failure: OnFailure::DeadLetter,
            inputs: BTreeMap::new(),
            sinks: BTreeMap::new(),
            settings: serde_json::Map::new(),
            limits: LimitsConfig::default(),
            retry: RetryConfig::default(),
            commit_interval: Duration::from_millis(100),
            max_batch: 500,
            max_failures_in_a_row: 100,
            max_future: Duration::from_secs(3600),
            max_task_idle: Duration::ZERO,
        }
    }
}

impl Default for LimitsConfig {
    fn default() -> Self {
        let limits = wasmill_contract::Limits::default();
        LimitsConfig {
            memory: 64 << 20,
            deadline: Some(Duration::from_secs(1)),
            outputs: limits.outputs,
            output_bytes: limits.bytes,
            log_lines: 100,
        }
    }
}

impl Default for RetryConfig {
    fn default() -> Self {
        RetryConfig { initial: Duration::from_millis(100), max: Duration::from_secs(30), attempts: 10 }
    }
}

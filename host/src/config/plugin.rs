//! A plugin's configuration.

use std::collections::BTreeMap;
use std::time::Duration;

/// A plugin's configuration (`plugins/NAME.toml`); every field has a default, so that a module alone is enough.
#[derive(Debug, Clone, PartialEq)]
pub struct PluginConfig {
    /// Where the plugin begins in a partition that it has no committed offset for. Once it has one, that alone counts.
    pub start: Start,
    /// Threads, each with a consumer of its own: more of them use more cores, up to the number of partitions.
    pub workers: usize,
    /// What a crash may do to outputs.
    pub delivery: Delivery,
    /// What happens to an event that failed for good.
    pub on_failure: OnFailure,
    /// Input → topics, over the wiring's defaults: one module serves topics that its author did not know.
    pub inputs: BTreeMap<String, Vec<String>>,
    /// Sink → topic, over the wiring's defaults.
    pub sinks: BTreeMap<String, String>,
    /// The plugin's own, handed to `configure` as JSON; the host does not look into them.
    pub settings: serde_json::Map<String, serde_json::Value>,
    /// What the plugin may take, so that a broken one can't take the others down.
    pub limits: LimitsConfig,
    /// What happens when the plugin asks for an event again.
    pub retry: RetryConfig,
    /// At most so long between two commits: longer costs less, shorter repeats less after a crash.
    pub commit_interval: Duration,
    /// At most so many events a call; the host goes lower by itself so that a call takes about 5 ms.
    pub max_batch: usize,
    /// After so many events in a row at which an instance broke, the plugin stops: then it is not the events.
    pub max_failures_in_a_row: u32,
    /// Events further ahead of the wall clock than this do not move stream time: one wrong clock must not expire all state.
    pub max_future: Duration,
    /// With several inputs: how long an empty one is waited for before the others go on. Waiting keeps their events in
    /// the order of time, and costs latency.
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

impl Start {
    /// Reads `earliest`, `latest` or an RFC 3339 timestamp; the error says what was expected.
    pub fn parse(text: &str) -> Result<Start, String> {
        super::start::from_text(text)
    }
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
    /// Bytes of an instance's memories and tables together: a hog is stopped before the host is.
    pub memory: usize,
    /// At so many percent of `memory` an instance is replaced by a fresh one at a commit: runtimes of some languages leak, and
    /// an instance that runs out of memory in the middle of an event costs more. 100: it never is.
    pub refresh_percent: u8,
    /// Time of one call, so that an endless loop holds nobody up; None (`"none"`) compiles the module without the checks,
    /// which is faster and only for modules that are trusted.
    pub deadline: Option<Duration>,
    /// Outputs that one event may cause: one event must not fill a topic.
    pub outputs: usize,
    /// Bytes that one event's outputs and state writes may have: they are all in memory until they are sent.
    pub output_bytes: usize,
    /// Lines a second that a plugin may log; more are dropped and counted. A print in a loop must not drown other lines.
    pub log_lines: u32,
}

/// `[retry]`: what happens when a plugin asks for an event again. Its partition waits meanwhile, so that order holds.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RetryConfig {
    /// The first wait; each next one is twice as long.
    pub initial: Duration,
    /// The longest wait: how soon at the latest the plugin notices that what it waited for is back.
    pub max: Duration,
    /// After so many tries the failure policy applies, since one event must not hold its partition for ever.
    pub attempts: u32,
}

impl Default for PluginConfig {
    fn default() -> Self {
        PluginConfig {
            start: Start::Earliest,
            workers: 1,
            delivery: Delivery::ExactlyOnce,
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
            refresh_percent: 75,
            deadline: Some(Duration::from_secs(1)),
            outputs: limits.outputs,
            output_bytes: limits.bytes,
            log_lines: 100,
        }
    }
}

impl LimitsConfig {
    /// Bytes above which an instance is replaced.
    pub fn refresh_at(&self) -> usize {
        match self.refresh_percent {
            100.. => usize::MAX,
            percent => (self.memory as u128 * u128::from(percent) / 100) as usize,
        }
    }
}

impl RetryConfig {
    /// How long to wait after so many tries.
    pub fn wait(&self, tries: u32) -> Duration {
        self.initial.saturating_mul(1 << tries.saturating_sub(1).min(20)).min(self.max)
    }
}

impl Default for RetryConfig {
    fn default() -> Self {
        RetryConfig { initial: Duration::from_millis(100), max: Duration::from_secs(30), attempts: 10 }
    }
}

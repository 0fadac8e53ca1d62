//! Through what HTTP sees the rest of the host: the supervisor implements it.

use super::timestamp::Timestamp;
use crate::metrics::Snapshot;
use crate::state::{Found, Query};
use serde::Serialize;
use std::collections::BTreeSet;
use std::pin::Pin;

/// An answer that takes its time.
pub type BoxFuture<'a, T> = Pin<Box<dyn Future<Output = T> + Send + 'a>>;

/// What a person can ask of the host while it runs.
pub trait Control: Send + Sync + 'static {
    /// Every plugin, refused ones too, by name.
    fn plugins(&self) -> Vec<PluginStatus>;

    /// One of them.
    fn plugin(&self, name: &str) -> Option<PluginStatus>;

    /// The first outputs of a plugin's module.
    fn first_outputs(&self, name: &str) -> Option<FirstOutputs>;

    /// Whether the host does its work.
    fn ready(&self) -> Readiness;

    /// Does something to a plugin, and says what came of it in a sentence. Once begun it is not cut short, even if
    /// whoever asked has gone.
    fn act<'a>(&'a self, plugin: &'a str, action: Action) -> BoxFuture<'a, Result<String, ControlError>>;

    /// What is committed in a store of a plugin, in the tasks of this host. A key that is not there, and that only another
    /// host can have, is an error that says which.
    fn query<'a>(&'a self, plugin: &'a str, query: Query) -> BoxFuture<'a, Result<Found, QueryError>>;

    /// Where the tasks are that may have something of a store under these keys. None: nowhere but here, as far as it is known.
    /// An error says in a sentence why that can't be told now.
    fn spread<'a>(&'a self, plugin: &'a str, query: &'a Query) -> BoxFuture<'a, Result<Option<Spread>, String>>;

    /// Puts an event into a topic that the configuration opens, and waits for the brokers. Once begun it is not cut short.
    fn put<'a>(&'a self, event: NewEvent) -> BoxFuture<'a, Result<Written, PutError>>;

    /// Sends a signal to each task of a plugin, on whichever host it is; says how many there are once the brokers have
    /// all of it. Either each task gets it or none. Once begun it is not cut short.
    fn signal<'a>(&'a self, plugin: &'a str, signal: Signal) -> BoxFuture<'a, Result<usize, ControlError>>;
}

/// What can be done to a plugin.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Action {
    /// Process nothing until resumed; partitions are kept.
    Pause,
    /// Go on after a pause.
    Resume,
    /// Read the file again, even if it has not changed; lets go of a rollback.
    Reload,
    /// Go back to the module before, and hold it until the file changes.
    Rollback,
}

impl Action {
    /// All of them.
    pub const ALL: [Action; 4] = [Action::Pause, Action::Resume, Action::Reload, Action::Rollback];

    /// As it is called in a path.
    pub fn name(self) -> &'static str {
        match self {
            Action::Pause => "pause",
            Action::Resume => "resume",
            Action::Reload => "reload",
            Action::Rollback => "rollback",
        }
    }
}

/// Something that is said to all tasks of a plugin.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Signal {
    /// What the plugin knows it by: the key of the event.
    pub name: String,
    /// The value of the event, if any.
    pub payload: Option<Vec<u8>>,
}

/// An event from outside of Kafka.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NewEvent {
    /// Where it goes.
    pub topic: String,
    /// None: it may be in any partition.
    pub key: Option<Vec<u8>>,
    /// None is a tombstone.
    pub value: Option<Vec<u8>>,
}

/// Where an event was written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Written {
    /// The partition number.
    pub partition: i32,
    /// Its offset there.
    pub offset: i64,
}

/// Why an event was not written.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum PutError {
    /// The configuration opens other topics: these.
    Closed(Vec<String>),
    /// The brokers do not take it.
    Refused(String),
    /// The brokers did not answer in time; it may have been written.
    Unanswered(String),
}

/// Where the tasks of a plugin are.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Spread {
    /// How many there are.
    pub tasks: i32,
    /// `host:port` of each other host that has some; None: one that does not say where it is reached.
    pub others: BTreeSet<Option<String>>,
}

/// Why nothing was done.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ControlError {
    /// There is no such plugin.
    #[error("there is no such plugin")]
    UnknownPlugin,
    /// It makes no sense in the state that the plugin is in: resuming one that is not paused.
    #[error("{0}")]
    Conflict(String),
    /// It was tried and did not work.
    #[error("{0}")]
    Failed(String),
}

/// Why a store was not read.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum QueryError {
    /// There is no such plugin.
    #[error("there is no such plugin")]
    UnknownPlugin,
    /// The plugin has other stores: these.
    #[error("the plugin has no such store")]
    UnknownStore(Vec<String>),
    /// The key's task is another host's.
    #[error("the task of the key, partition {partition}, is another host's")]
    Elsewhere {
        /// The partition number.
        partition: i32,
        /// `host:port` of the host, if it says where it is reached.
        address: Option<String>,
    },
    /// No task of the plugin has its state open on this host, or not yet.
    #[error("no task of the plugin has its state open on this host")]
    NotOpen,
    /// It was tried and did not work.
    #[error("{0}")]
    Failed(String),
}

/// Whether the host does its work.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Readiness {
    /// What is in the way, a sentence each; none: ready.
    pub reasons: Vec<String>,
}

/// What there is to know of a plugin.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct PluginStatus {
    /// The stem of its file.
    pub name: String,
    /// What it does.
    pub state: State,
    /// As its module describes itself; None as long as no module of it was taken. So are the next four.
    pub version: Option<String>,
    /// As its module describes itself.
    pub description: Option<String>,
    /// Of the module that is loaded, in hexadecimal.
    pub sha256: Option<String>,
    /// `event-plugin` or `batch-plugin`.
    pub world: Option<String>,
    /// When this module was taken.
    pub loaded_at: Option<Timestamp>,
    /// Where its events come from.
    pub inputs: Vec<InputStatus>,
    /// Where its outputs go.
    pub sinks: Vec<SinkStatus>,
    /// Where its failed events go, if its policy says so.
    pub dead_letter_topic: Option<String>,
    /// Its workers on this host.
    pub workers: Vec<WorkerStatus>,
    /// Whether a module of it is being compiled and tried.
    pub loading: bool,
    /// Whether a rollback holds: the file is not loaded until it changes.
    pub pinned: bool,
    /// The file's newest content, if it was not taken; the module before, if any, goes on.
    pub refused: Option<RefusedModule>,
    /// Why it failed or is being restarted.
    pub error: Option<Problem>,
    /// What it has done since it was started.
    #[serde(flatten)]
    pub counters: Counters,
}

/// What a plugin, or one of its workers, does.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum State {
    /// Not in its consumer group yet.
    Starting,
    /// It processes events as they come.
    Running,
    /// On request it processes nothing.
    Paused,
    /// It ended with an error and waits to be started again.
    Restarting,
    /// It ended with an error and stays so until something changes.
    Failed,
    /// Its file was removed, or the host goes down.
    Stopped,
    /// No module of it was ever taken.
    Refused,
}

/// One input.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct InputStatus {
    /// As the plugin calls it.
    pub name: String,
    /// The topics that feed it.
    pub topics: Vec<String>,
}

/// One sink.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct SinkStatus {
    /// As the plugin calls it.
    pub name: String,
    /// The topic that it writes.
    pub topic: String,
}

/// What a plugin did first since its module was dropped in: on this host, committed, and a handful at most.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct FirstOutputs {
    /// The plugin's name.
    pub plugin: String,
    /// Of the module whose outputs they are.
    pub version: Option<String>,
    /// In the order in which each worker committed them.
    pub outputs: Vec<OutputSeen>,
}

/// An output, for a person: what is long is cut, and what is no text is shown as well as may be.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct OutputSeen {
    /// As the plugin calls it.
    pub sink: String,
    /// The topic that it writes.
    pub topic: String,
    /// The key.
    pub key: Option<String>,
    /// The value.
    pub value: Option<String>,
}

/// One worker.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct WorkerStatus {
    /// From 0.
    pub index: usize,
    /// What it does.
    pub state: State,
    /// The partition numbers that it owns.
    pub tasks: Vec<i32>,
    /// How often it was started again after an error.
    pub restarts: u64,
}

/// A module that was not taken.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct RefusedModule {
    /// When.
    pub at: Timestamp,
    /// Of the file, in hexadecimal.
    pub sha256: String,
    /// Short and stable, as in the metric.
    pub code: String,
    /// What is wrong with it and what to do.
    pub message: String,
}

/// What went wrong last.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Problem {
    /// When.
    pub at: Timestamp,
    /// What, and what to do.
    pub message: String,
}

/// What a plugin has done since it was started.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize)]
pub struct Counters {
    /// Events that were dealt with.
    pub events: u64,
    /// Outputs handed to the producer.
    pub outputs: u64,
    /// Failures of all kinds.
    pub failures: u64,
    /// Events written to the dead-letter topic.
    pub dead_letters: u64,
    /// Events that wait in its partitions.
    pub lag: i64,
    /// Memory of its instances.
    pub memory_bytes: u64,
    /// Time in the module an event, on average; None before the first event.
    pub wasm_nanoseconds_per_event: Option<u64>,
}

impl From<Snapshot> for Counters {
    fn from(snapshot: Snapshot) -> Self {
        let per_event = snapshot.wasm_seconds * 1e9 / snapshot.events as f64;
        Counters {
            events: snapshot.events,
            outputs: snapshot.outputs,
            failures: snapshot.failures,
            dead_letters: snapshot.dead_letters,
            lag: snapshot.lag,
            memory_bytes: snapshot.memory_bytes,
            wasm_nanoseconds_per_event: (snapshot.events > 0).then(|| per_event.round() as u64),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_cost_of_an_event_is_unknown_before_the_first() {
        let nothing = Snapshot { wasm_seconds: 0.5, ..Snapshot::default() };
        assert_eq!(Counters::from(nothing).wasm_nanoseconds_per_event, None);
        let some = Snapshot { wasm_seconds: 0.5, events: 1_000_000, ..Snapshot::default() };
        assert_eq!(Counters::from(some).wasm_nanoseconds_per_event, Some(500));
    }
}

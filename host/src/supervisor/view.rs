//! What others see of a plugin: written by its actor and keepers when something changes, read by HTTP at any time.

use super::parts::Parts;
use crate::admin::{
    Counters, FirstOutputs, InputStatus, OutputSeen, PluginStatus, Problem, RefusedModule, SinkStatus, State,
    Timestamp, WorkerStatus,
};
use crate::metrics::PluginMetrics;
use crate::plugin::{Module, Port};
use crate::worker::{self, FirstOutput, MOST_FIRST_OUTPUTS};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// One plugin, as others see it.
pub struct View {
    name: String,
    dead_letter_topic: String,
    pub(super) metrics: Arc<PluginMetrics>,
    seen: Mutex<Seen>,
}

/// What changes.
#[derive(Default)]
pub struct Seen {
    /// The module at work.
    pub module: Option<(Arc<Module>, Timestamp)>,
    /// Whether failed events go to the dead-letter topic.
    pub dead_letters: bool,
    /// One a worker.
    pub workers: Vec<WorkerSeen>,
    /// Whether a module is being compiled and tried.
    pub loading: bool,
    /// Whether a rollback holds.
    pub pinned: bool,
    /// The file's newest content, if it was not taken.
    pub refused: Option<RefusedModule>,
    /// Why it failed or is being restarted.
    pub error: Option<Problem>,
    /// It ended with an error that a restart does not help.
    pub failed: bool,
    /// It has been told to stop.
    pub stopped: bool,
}

/// One worker.
#[derive(Default)]
pub struct WorkerSeen {
    /// What it says itself.
    pub status: Arc<worker::Status>,
    /// It waits to be started again.
    pub backing_off: bool,
    /// How often it was started again.
    pub restarts: u64,
}

impl View {
    pub(super) fn new(name: &str, parts: &Parts) -> Arc<Self> {
        Arc::new(View {
            name: name.to_owned(),
            dead_letter_topic: parts.dead_letter_topic(name),
            metrics: parts.metrics.plugin(name),
            seen: Mutex::default(),
        })
    }

    /// To read or change what others see; for a moment only.
    pub fn lock(&self) -> MutexGuard<'_, Seen> {
        self.seen.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Notes why something went wrong, and says whether that is news.
    pub(super) fn problem(&self, message: &str) -> bool {
        let mut seen = self.lock();
        let news = seen.error.as_ref().is_none_or(|problem| problem.message != message);
        seen.error = Some(Problem { at: Timestamp::now(), message: message.to_owned() });
        news
    }

    /// The names of the stores that the module at work has declared; None: there is no module.
    pub fn stores(&self) -> Option<Vec<String>> {
        let seen = self.lock();
        let (module, _) = seen.module.as_ref()?;
        Some(module.wiring.stores.iter().map(|store| store.name.clone()).collect())
    }

    /// The topic whose keys are those of a store; None: it is not one of whose keys that is said.
    pub fn keyed_by(&self, store: &str) -> Option<String> {
        let seen = self.lock();
        let (module, _) = seen.module.as_ref()?;
        let is_keyed = module.wiring.stores.iter().any(|spec| spec.name == store && spec.keyed_by_event);
        let events = module.wiring.inputs.iter().zip(&module.resolved.inputs).find(|(port, _)| !port.is_signals());
        events.filter(|_| is_keyed).and_then(|(_, (_, topics))| topics.first().cloned())
    }

    /// Whether an input of the module at work is connected to `$signals`; None: there is no module.
    pub fn takes_signals(&self) -> Option<bool> {
        let seen = self.lock();
        let (module, _) = seen.module.as_ref()?;
        Some(module.wiring.inputs.iter().any(Port::is_signals))
    }

    /// What the module at work did first.
    pub fn first_outputs(&self) -> FirstOutputs {
        let seen = self.lock();
        let mut first = FirstOutputs { plugin: self.name.clone(), version: None, outputs: Vec::new() };
        let Some((module, _)) = &seen.module else { return first };
        let workers = seen.workers.iter().flat_map(|worker| worker.status.first_outputs(module.version()));
        // Between two modules with other sinks an output may name one that is gone.
        let known = |output: FirstOutput| module.resolved.sinks.get(output.sink).cloned().map(|sink| (sink, output));
        let outputs = workers.filter_map(known).take(MOST_FIRST_OUTPUTS);
        first.outputs = outputs
            .map(|((sink, topic), output)| OutputSeen { sink, topic, key: output.key, value: output.value })
            .collect();
        first.version = Some(module.version().to_owned());
        first
    }

    /// All of it.
    pub fn status(&self) -> PluginStatus {
        let seen = self.lock();
        let module = seen.module.as_ref().map(|(module, _)| module);
        let inputs = module.into_iter().flat_map(|module| &module.resolved.inputs);
        let sinks = module.into_iter().flat_map(|module| &module.resolved.sinks);
        PluginStatus {
            name: self.name.clone(),
            state: seen.state(),
            version: module.map(|module| module.version().to_owned()),
            description: module.map(|module| module.about.description.clone()),
            sha256: module.map(|module| module.sha256.clone()),
            world: module.map(|module| module.world.to_string()),
            loaded_at: seen.module.as_ref().map(|(_, at)| *at),
            inputs: inputs.map(|(name, topics)| InputStatus { name: name.clone(), topics: topics.clone() }).collect(),
            sinks: sinks.map(|(name, topic)| SinkStatus { name: name.clone(), topic: topic.clone() }).collect(),
            dead_letter_topic: seen.dead_letters.then(|| self.dead_letter_topic.clone()),
            workers: seen.workers.iter().enumerate().map(|(index, worker)| worker.status(index)).collect(),
            loading: seen.loading,
            pinned: seen.pinned,
            refused: seen.refused.clone(),
            error: seen.error.clone(),
            counters: Counters::from(self.metrics.snapshot()),
        }
    }
}

impl Seen {
    fn state(&self) -> State {
        let states: Vec<State> = self.workers.iter().map(WorkerSeen::state).collect();
        match () {
            () if self.stopped => State::Stopped,
            () if self.failed => State::Failed,
            () if self.module.is_none() && self.refused.is_some() => State::Refused,
            () if states.contains(&State::Restarting) => State::Restarting,
            () if states.is_empty() || states.contains(&State::Starting) => State::Starting,
            () if states.contains(&State::Paused) => State::Paused,
            () => State::Running,
        }
    }
}

impl WorkerSeen {
    fn state(&self) -> State {
        match self.status.state() {
            _ if self.backing_off => State::Restarting,
            worker::State::Joining => State::Starting,
            worker::State::Running | worker::State::Retrying => State::Running,
            worker::State::Paused => State::Paused,
            worker::State::Ended => State::Stopped,
        }
    }

    fn status(&self, index: usize) -> WorkerStatus {
        WorkerStatus { index, state: self.state(), tasks: self.status.tasks(), restarts: self.restarts }
    }
}

//! A lane: one plugin's consumer, producer, instance and tasks on a worker.

use super::early::Early;
use super::first::First;
use super::held::Held;
use super::opening::States;
use super::pace::Pace;
use super::refresh::Refresh;
use super::tally::Tally;
use super::tasks::{InputTopic, Tasks};
use crate::config::PluginConfig;
use crate::event::Reason;
use crate::kafka::edge::{Outlet, Rebalance, Refused, Source, SourceError, TransactionError};
use crate::metrics::{PluginMetrics, WorkerGauges};
use crate::plugin::guest::{Guest, Spawn};
use crate::state::StoreSpec;
use std::sync::Arc;
use std::time::{Duration, Instant};
use wasmill_contract::{Limits, Scope};

/// Half of a transaction's time-out.
const LONGEST_TRANSACTION: Duration = Duration::from_secs(5);

/// So much that is not committed, in state and in outputs that wait, is held in memory at most; then it is committed at
/// once. A lane's own: workers are few.
const MOST_UNCOMMITTED: usize = 16 << 20;

/// What a lane is made for; fixed as long as it lives.
#[derive(Debug, Clone)]
pub struct LaneSpec {
    /// The plugin's name.
    pub plugin: Arc<str>,
    /// Input topics, in the order of the source's.
    pub inputs: Vec<InputTopic>,
    /// The wiring's sinks, each with whether only the last output of each key goes out, once a commit. The outlet's topics
    /// are these, then the dead-letter topic, and then the changelog.
    pub sinks: Vec<bool>,
    /// The wiring's stores.
    pub stores: Vec<StoreSpec>,
    /// Whether writes go to a changelog; the embedded broker has none, and state lasts as long as the process.
    pub keeps_changelog: bool,
    /// The plugin's configuration.
    pub config: Arc<PluginConfig>,
    /// Outputs and offsets are committed together, in a transaction of the outlet.
    pub exactly_once: bool,
}

impl LaneSpec {
    /// The outlet's index of the dead-letter topic.
    pub fn dead_letters(&self) -> usize {
        self.sinks.len()
    }

    /// The outlet's index of the changelog.
    pub fn changelog(&self) -> usize {
        self.sinks.len() + 1
    }

    /// How often to commit. A transaction must be over long before the broker aborts it.
    pub(super) fn commit_interval(&self) -> Duration {
        match self.exactly_once {
            true => self.config.commit_interval.min(LONGEST_TRANSACTION),
            false => self.config.commit_interval,
        }
    }

    /// What an answer may name. Without a state there is nothing to hold writes and timers.
    pub(super) fn scope(&self, has_state: bool) -> Scope {
        Scope { sinks: self.sinks.len(), stores: if has_state { self.stores.len() } else { 0 }, timers: has_state }
    }

    pub(super) fn limits(&self) -> Limits {
        Limits { outputs: self.config.limits.outputs, bytes: self.config.limits.output_bytes }
    }
}

/// An instance, and what makes another one of the same module.
pub struct Running {
    /// The module's version, for dead letters and logs.
    pub version: Arc<str>,
    /// Makes an instance when one broke.
    pub spawn: Arc<dyn Spawn>,
    /// The instance at work.
    pub guest: Box<dyn Guest>,
}

/// One plugin's part of a worker.
pub struct Lane<S, O> {
    pub(super) spec: LaneSpec,
    pub(super) source: S,
    pub(super) outlet: O,
    pub(super) running: Running,
    /// Opens the state of tasks; None: the plugin has no stores.
    pub(super) states: Option<Arc<dyn States>>,
    pub(super) tasks: Tasks,
    /// Outputs that wait for the commit, since another one of their key may come.
    pub(super) held: Held,
    /// Whether a transaction is open: from the first record on that is sent after a commit.
    pub(super) open: bool,
    pub(super) early: Early,
    /// The task that a turn begins with.
    pub(super) next_task: usize,
    /// What the group waits for: told, and not answered yet.
    pub(super) owed: Option<Rebalance>,
    pub(super) pace: Pace,
    pub(super) refresh: Refresh,
    /// Of the module at work.
    pub(super) first: First,
    pub(super) metrics: Arc<PluginMetrics>,
    /// What the metrics get with the next commit.
    pub(super) tally: Tally,
    pub(super) gauges: WorkerGauges,
    /// Events in a row at which an instance broke.
    pub(super) broke_in_a_row: u32,
    /// Refusals that came in while other events were looked at; the next commit sees to them.
    pub(super) refused: Vec<Refused>,
    pub(super) last_commit: Instant,
    /// After this instant the worker no longer waits for the broker; set when it is asked to stop.
    pub(super) give_up: Option<Instant>,
    pub(super) warned: Option<Instant>,
}

/// A lane that can't go on.
#[derive(Debug)]
pub enum Halt {
    /// Starting again from the committed offsets may help.
    Broken(String),
    /// It would not: somebody has to look at it.
    Failed(Reason),
    /// What was done since the last commit must be taken back; then the lane goes on.
    RollBack(String),
}

impl From<TransactionError> for Halt {
    fn from(error: TransactionError) -> Self {
        match error {
            TransactionError::Abort(why) => Halt::RollBack(why),
            TransactionError::Broken(why) => Halt::Broken(why),
        }
    }
}

impl From<SourceError> for Halt {
    fn from(error: SourceError) -> Self {
        match error {
            SourceError::OffsetOutOfRange(message) => Halt::Failed(Reason::new("offset-out-of-range", message)),
            error => Halt::Broken(error.to_string()),
        }
    }
}

impl<S: Source, O: Outlet> Lane<S, O> {
    /// A lane that owns no task yet.
    pub fn new(
        spec: LaneSpec,
        source: S,
        outlet: O,
        running: Running,
        metrics: Arc<PluginMetrics>,
        gauges: WorkerGauges,
    ) -> Self {
        Lane {
            tasks: Tasks::new(spec.inputs.clone()),
            pace: Pace::new(spec.config.max_batch),
            early: Early::default(),
            next_task: 0,
            owed: None,
            refresh: Refresh::default(),
            first: First::default(),
            open: false,
            held: Held::default(),
            states: None,
            spec,
            source,
            outlet,
            running,
            metrics,
            tally: Tally::default(),
            gauges,
            broke_in_a_row: 0,
            refused: Vec::new(),
            last_commit: Instant::now(),
            give_up: None,
            warned: None,
        }
    }

    /// Gives it what opens the state of its tasks.
    pub fn with_states(self, states: Arc<dyn States>) -> Self {
        Lane { states: Some(states), ..self }
    }

    /// Waits until every record sent is acknowledged or refused. In a transaction the first refusal ends it: nothing
    /// more is sent then until it is aborted.
    pub(super) fn drain(&mut self) -> Result<(), Halt> {
        if self.outlet.in_flight() > 0 {
            self.outlet.hurry();
        }
        while self.outlet.in_flight() > 0 {
            let wait = self.wait_for_brokers();
            self.outlet.poll(wait);
            self.check_outlet()?;
            self.refused.extend(self.outlet.take_refused());
            if self.open && !self.refused.is_empty() {
                return Ok(());
            }
            if self.gives_up() {
                let waiting = self.outlet.in_flight();
                return Err(Halt::Broken(format!(
                    "{waiting} outputs were still not acknowledged; their events are not committed and come again"
                )));
            }
        }
        // Reports of what was refused may still wait to be taken in.
        self.outlet.poll(Duration::ZERO);
        self.refused.extend(self.outlet.take_refused());
        self.check_outlet()
    }

    /// Whether brokers have been waited for long enough.
    pub(super) fn gives_up(&self) -> bool {
        self.give_up.is_some_and(|instant| instant <= Instant::now())
    }

    /// Whether a commit can't wait: what is not committed is in memory.
    fn is_full(&self) -> bool {
        let states = self.tasks.list.iter().filter_map(|task| task.state.as_ref());
        self.held.bytes() + states.map(|state| state.dirty_bytes()).sum::<usize>() >= MOST_UNCOMMITTED
    }

    /// Whether it is time to commit.
    pub(super) fn is_commit_due(&self) -> bool {
        self.is_full() || self.last_commit.elapsed() >= self.spec.commit_interval()
    }

    /// Whether the open transaction must be committed before anything else is done.
    pub(super) fn is_overdue(&self) -> bool {
        self.open && self.last_commit.elapsed() >= LONGEST_TRANSACTION
    }

    /// Must be called before something is sent.
    pub(super) fn open_transaction(&mut self) -> Result<(), Halt> {
        if self.spec.exactly_once && !self.open {
            self.outlet.begin()?;
            self.open = true;
        }
        Ok(())
    }

    pub(super) fn check_outlet(&self) -> Result<(), Halt> {
        self.outlet.broken().map_or(Ok(()), |why| Err(Halt::Broken(format!("the producer broke: {why}"))))
    }

    /// Puts a fresh instance in the place of one that broke.
    pub(super) fn replace_instance(&mut self) -> Result<(), Halt> {
        self.running.guest = self.running.spawn.spawn().map_err(|reason| {
            let message = format!("no instance could be made after one broke: {}", reason.message);
            Halt::Failed(Reason { message, ..reason })
        })?;
        Ok(())
    }

    pub(super) fn update_gauges(&self) {
        let lag = self
            .tasks
            .slots()
            .map(|slot| self.source.end_offset(slot.at).map_or(0, |end| (end - slot.position).max(0)));
        self.gauges.set_lag(lag.sum());
        self.gauges.set_memory(self.running.guest.memory_bytes());
        self.gauges.set_tasks(self.tasks.list.len());
    }
}

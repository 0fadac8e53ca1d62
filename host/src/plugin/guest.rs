//! What the worker sees of an instance.

use crate::event::{Failure, Reason};
use crate::state::{State, Timer};
use wasmill_contract::{Batch, Effects, HeaderColumns, Headers, OwnedTimerWrites, OwnedWrites};

/// A configured instance of a plugin. It may keep what it knows of a task's state from one call to the next, and believes
/// that what it answered was done: so it must be dropped after an outcome with `broke`, when an event is failed that it
/// did not fail itself, and when what was done since the last commit is taken back.
pub trait Guest: Send {
    /// Gives it a run of events. The batch is the same afterwards. `state` is the task's, which is read and not changed:
    /// the writes are in the answer. None: the plugin has no stores.
    fn process(&mut self, batch: &mut Batch, state: &mut Option<Box<dyn State>>) -> Outcome;

    /// Gives it timers that are due, in the order of their times. The sources of the answer are their indexes: for the
    /// check, and for all that comes after it, [`TimerTask::batch`] stands for the batch.
    fn timers(&mut self, task: TimerTask, due: &[Timer], state: &mut Option<Box<dyn State>>) -> Outcome;

    /// Bytes of linear memory and tables that it holds.
    fn memory_bytes(&self) -> usize;
}

/// Where timers fire.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct TimerTask {
    /// Partition number of the task.
    pub partition: u32,
    /// Wall clock, milliseconds since the Unix epoch.
    pub now: i64,
    /// The task's stream time, milliseconds since the Unix epoch.
    pub stream_time: i64,
}

impl TimerTask {
    /// The timers as if they were events.
    pub fn batch(&self, due: &[Timer]) -> Batch {
        let timers = due.iter().map(|timer| (&*timer.key, timer.at));
        Batch::of_timers(self.partition, self.now, self.stream_time, timers)
    }
}

/// What came of a call.
#[derive(Debug)]
pub struct Outcome {
    /// What the events that were handled did. `answer.done` counts them; it has been checked against the contract only
    /// by its maker's types, so the worker still runs [`Effects::check`].
    pub answer: Answer,
    /// Why the events from `answer.done` on were not handled, if the instance broke.
    pub broke: Option<Broke>,
}

/// How an instance broke.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Broke {
    /// Its code is one of `trap`, `deadline`, `memory`, `state`.
    pub reason: Reason,
    /// Whether it was the event at `answer.done` for sure (the event world), or any of those left (the batch world).
    pub culprit_known: bool,
}

impl Broke {
    /// The code of a state that could not be read.
    pub const STATE: &str = "state";

    /// Whether it was the state that could not be read: no event is to blame, and the worker starts again from the last
    /// commit.
    pub fn is_of_state(&self) -> bool {
        self.reason.code == Broke::STATE
    }
}

/// The owned columns of an answer.
#[derive(Debug, Default, Clone)]
#[allow(missing_docs)] // The fields are those of `Effects`.
pub struct Answer {
    pub done: u32,
    pub sources: Vec<u32>,
    pub sinks: Vec<u32>,
    pub partitions: Vec<i32>,
    pub timestamps: Vec<i64>,
    pub key_lengths: Vec<i32>,
    pub value_lengths: Vec<i32>,
    pub data: Vec<u8>,
    pub headers: Headers,
    pub writes: OwnedWrites,
    pub timers: OwnedTimerWrites,
    pub failures: Vec<(u32, Failure)>,
}

impl Answer {
    /// The columns, borrowed for the check and the walk.
    pub fn effects(&self) -> Effects<'_, Failure> {
        Effects {
            done: self.done,
            sources: &self.sources,
            sinks: &self.sinks,
            partitions: &self.partitions,
            timestamps: &self.timestamps,
            key_lengths: &self.key_lengths,
            value_lengths: &self.value_lengths,
            data: &self.data,
            headers: HeaderColumns {
                counts: &self.headers.counts,
                name_lengths: &self.headers.name_lengths,
                value_lengths: &self.headers.value_lengths,
                data: &self.headers.data,
            },
            writes: self.writes.columns(),
            timers: self.timers.columns(),
            failures: &self.failures,
        }
    }
}

/// Makes configured instances of one module: what the worker calls when one broke.
pub trait Spawn: Send + Sync {
    /// A fresh instance that has answered `configure` with the module's wiring.
    fn spawn(&self) -> Result<Box<dyn Guest>, Reason>;
}

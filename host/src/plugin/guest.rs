//! What the worker sees of an instance.

use crate::event::{Failure, Reason};
use wasmill_contract::{Batch, Effects, HeaderColumns, Headers, TimerWrites, Writes};

/// A configured instance of a plugin.
pub trait Guest: Send {
    /// Gives it a run of events. The batch is the same afterwards. After an outcome with `broke` the instance must be
    /// dropped.
    fn process(&mut self, batch: &mut Batch) -> Outcome;

    /// Bytes of linear memory and tables that it holds.
    fn memory_bytes(&self) -> usize;
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
    /// Its code is one of `trap`, `deadline`, `memory`.
    pub reason: Reason,
    /// Whether it was the event at `answer.done` for sure (the event world), or any of those left (the batch world).
    pub culprit_known: bool,
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

/// The owned columns of state writes.
#[derive(Debug, Default, Clone)]
#[allow(missing_docs)] // The fields are those of `Writes`.
pub struct OwnedWrites {
    pub sources: Vec<u32>,
    pub stores: Vec<u32>,
    pub key_lengths: Vec<u32>,
    pub value_lengths: Vec<i32>,
    pub data: Vec<u8>,
}

/// The owned columns of timer changes.
#[derive(Debug, Default, Clone)]
#[allow(missing_docs)] // The fields are those of `TimerWrites`, and the clocks as the contract numbers them.
pub struct OwnedTimerWrites {
    pub sources: Vec<u32>,
    pub clocks: Vec<u8>,
    pub at: Vec<i64>,
    pub key_lengths: Vec<u32>,
    pub keys: Vec<u8>,
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
            writes: Writes {
                sources: &self.writes.sources,
                stores: &self.writes.stores,
                key_lengths: &self.writes.key_lengths,
                value_lengths: &self.writes.value_lengths,
                data: &self.writes.data,
            },
            timers: TimerWrites {
                sources: &self.timers.sources,
                clocks: self.timers.clocks.len(),
                at: &self.timers.at,
                key_lengths: &self.timers.key_lengths,
                keys: &self.timers.keys,
            },
            failures: &self.failures,
        }
    }
}

/// Makes configured instances of one module: what the worker calls when one broke.
pub trait Spawn: Send + Sync {
    /// A fresh instance that has answered `configure` with the module's wiring.
    fn spawn(&self) -> Result<Box<dyn Guest>, Reason>;
}

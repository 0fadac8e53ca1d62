//! What a worker can be told, and what it tells.

use super::first::{FirstOutput, Seen};
use super::lane::Running;
use crate::event::Reason;
use std::sync::atomic::{AtomicU8, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

/// What a worker does at its next commit.
pub enum Command {
    /// Goes on with another module's instance from a commit on: the next one, or, if that is far, one of its own. Calls
    /// `swapped` with the time in which no event was handled because of it, and with the instance that was at work: to take it down costs time that is not the worker's.
    Swap {
        /// The instance, made and configured aside.
        running: Running,
        /// Told when it is in its place.
        swapped: Swapped,
    },
    /// Handles nothing until resumed; it stays in its group.
    Pause,
    /// Goes on.
    Resume,
    /// Commits, leaves the group and ends. What is not committed at the instant is not waited for.
    Stop {
        /// When to give up on a broker that does not answer.
        give_up: Instant,
    },
}

/// Told of a swap: how long it took, and the instance that was at work.
pub type Swapped = Box<dyn FnOnce(Duration, Running) + Send>;

/// How a worker ended.
#[derive(Debug)]
pub enum End {
    /// It was told to, and has committed.
    Stopped,
    /// It can't go on, and starting again would not help.
    Failed(Reason),
    /// Starting again from the committed offsets may help.
    Broken(String),
}

/// What a worker is doing.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(u8)]
pub enum State {
    /// It waits for the group to give it partitions.
    Joining,
    /// It handles events as they come.
    Running,
    /// At least one task waits to retry an event.
    Retrying,
    /// Somebody has paused it.
    Paused,
    /// It has ended.
    Ended,
}

/// What others may see of a worker. It is written when something changes, never for an event.
#[derive(Debug)]
pub struct Status {
    state: AtomicU8,
    tasks: Mutex<Vec<i32>>,
    first: Mutex<Seen>,
}

impl Default for Status {
    fn default() -> Self {
        Status { state: AtomicU8::new(State::Joining as u8), tasks: Mutex::default(), first: Mutex::default() }
    }
}

impl Status {
    /// What the worker is doing.
    pub fn state(&self) -> State {
        let states = [State::Joining, State::Running, State::Retrying, State::Paused, State::Ended];
        states[self.state.load(Ordering::Relaxed) as usize]
    }

    /// The partition numbers of its tasks.
    pub fn tasks(&self) -> Vec<i32> {
        self.tasks.lock().unwrap_or_else(|poisoned| poisoned.into_inner()).clone()
    }

    /// The first outputs that were committed of the module of this version; none as long as another one is at work.
    pub fn first_outputs(&self, version: &str) -> Vec<FirstOutput> {
        self.first().of(version)
    }

    pub(super) fn add_first(&self, version: &Arc<str>, outputs: Vec<FirstOutput>) {
        self.first().add(version, outputs);
    }

    fn first(&self) -> MutexGuard<'_, Seen> {
        self.first.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn set_state(&self, state: State) {
        self.state.store(state as u8, Ordering::Relaxed);
    }

    pub(super) fn set_tasks(&self, tasks: Vec<i32>) {
        *self.tasks.lock().unwrap_or_else(|poisoned| poisoned.into_inner()) = tasks;
    }
}

//! Tasks whose state is being brought in step with its changelog. It happens aside: the task's partitions are paused, and the
//! other tasks go on.

use super::lane::{Halt, Lane};
use crate::event::Reason;
use crate::kafka::edge::{Outlet, Source};
use crate::state::State;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{Receiver, Sender, TryRecvError, channel};

/// Opens the state of tasks.
pub trait States: Send + Sync {
    /// Begins to open a task's state, on a thread of its own. `stream_time` is the task's at its last commit.
    fn open(&self, task: i32, stream_time: i64, opened: Opened);
}

/// Why a state was not opened.
#[derive(Debug)]
pub enum OpenError {
    /// Trying again may help.
    Broken(String),
    /// Somebody has to look at it.
    Failed(Reason),
}

/// Where an opened state goes.
pub struct Opened {
    state: Sender<Result<Box<dyn State>, OpenError>>,
    wanted: Arc<AtomicBool>,
}

impl Opened {
    /// Whether somebody still waits for it: a task may be given up meanwhile.
    pub fn is_wanted(&self) -> bool {
        self.wanted.load(Ordering::Relaxed)
    }

    /// Hands it over.
    pub fn done(self, state: Result<Box<dyn State>, OpenError>) {
        // Who does not want it any more has dropped the other end.
        let _ = self.state.send(state);
    }
}

/// Waits for a state.
#[derive(Debug)]
pub struct Opening {
    state: Receiver<Result<Box<dyn State>, OpenError>>,
    wanted: Arc<AtomicBool>,
}

impl Opening {
    /// The two ends.
    pub fn new() -> (Opened, Opening) {
        let (sender, state) = channel();
        let wanted = Arc::new(AtomicBool::new(true));
        (Opened { state: sender, wanted: wanted.clone() }, Opening { state, wanted })
    }

    fn take(&self) -> Option<Result<Box<dyn State>, OpenError>> {
        match self.state.try_recv() {
            Ok(state) => Some(state),
            Err(TryRecvError::Empty) => None,
            Err(TryRecvError::Disconnected) => {
                Some(Err(OpenError::Broken("the thread that opens the task's state ended".into())))
            }
        }
    }
}

impl Drop for Opening {
    fn drop(&mut self) {
        self.wanted.store(false, Ordering::Relaxed);
    }
}

impl<S: Source, O: Outlet> Lane<S, O> {
    /// Begins to open the state of each task that has none yet.
    pub(super) fn open_states(&mut self) -> Result<(), Halt> {
        let Some(states) = &self.states else { return Ok(()) };
        let mut waiting = Vec::new();
        for task in self.tasks.list.iter_mut().filter(|task| task.state.is_none()) {
            waiting.extend(task.slots.iter().map(|slot| slot.at));
            if task.opening.is_none() {
                let (opened, opening) = Opening::new();
                task.opening = Some(opening);
                states.open(task.number, task.stream_time, opened);
            }
        }
        if !waiting.is_empty() {
            self.source.pause(&waiting)?;
        }
        Ok(())
    }

    /// Takes in what has been opened. `resume`: its task's events are wanted at once.
    pub(super) fn take_states(&mut self, resume: bool) -> Result<(), Halt> {
        for task in &mut self.tasks.list {
            let Some(state) = task.opening.as_ref().and_then(Opening::take) else { continue };
            match state {
                Ok(state) => {
                    task.state = Some(state);
                    task.opening = None;
                    if resume {
                        let partitions: Vec<_> = task.slots.iter().map(|slot| slot.at).collect();
                        self.source.resume(&partitions)?;
                    }
                }
                Err(OpenError::Broken(why)) => return Err(Halt::Broken(why)),
                Err(OpenError::Failed(reason)) => return Err(Halt::Failed(reason)),
            }
        }
        Ok(())
    }
}

//! A running instance of a module: one store, kept as long as it behaves, called through one of the two worlds.

mod batch;
mod broke;
mod event;
mod headers;
mod host;
mod limits;

pub(super) use batch::BatchGuest;
pub(super) use broke::reason;
pub(super) use event::EventGuest;
pub(super) use host::{Clocks, HostState};

use super::engine::Engine;
use super::guest::Broke;
use super::output::{Label, Printer};
use std::sync::Arc;
use std::time::{Duration, Instant};
use wasmtime::Store;

/// What an instance may take, and how it runs.
#[derive(Clone)]
pub(super) struct Terms {
    /// Bytes of all its memories and tables.
    pub(super) memory: usize,
    /// Of one call; None: not checked.
    pub(super) deadline: Option<Duration>,
    /// Bytes that the host takes from it in one call.
    pub(super) transfer: usize,
    /// Events further ahead of the wall clock than this do not move stream time; milliseconds.
    pub(super) max_future: i64,
    /// Clocks stand still and randomness is the same each time.
    pub(super) replayable: bool,
}

/// What both worlds have in common. Fields drop in order: the store goes before the engine's ticker may stop.
pub(super) struct Core {
    pub(super) store: Store<HostState>,
    pub(super) terms: Terms,
    _engine: Arc<Engine>,
}

impl Core {
    pub(super) fn new(engine: &Arc<Engine>, deadline_checks: bool, terms: Terms, label: &Arc<Label>) -> Core {
        let state = HostState::new(terms.memory, Printer::new(label.clone()), terms.replayable);
        let mut store = Store::new(&engine.runtime(deadline_checks).engine, state);
        store.limiter(|state| &mut state.memory);
        store.set_hostcall_fuel(terms.transfer);
        Core { store, terms, _engine: engine.clone() }
    }

    /// Arms the deadline; to be called before each call into the instance.
    pub(super) fn arm(&mut self) -> Instant {
        let now = Instant::now();
        self.store.set_epoch_deadline(Engine::ticks(self.terms.deadline));
        let state = self.store.data_mut();
        state.call.ends = self.terms.deadline.and_then(|deadline| now.checked_add(deadline));
        state.memory.begin();
        now
    }

    /// Arms the deadline for a call with events of a task.
    fn begin(&mut self, partition: u32, now: i64, stream_time: i64) {
        let instant = self.arm();
        let state = self.store.data_mut();
        state.call.partition = partition;
        state.call.now = now;
        state.call.stream_time = stream_time;
        state.printer.begin(partition, instant);
    }

    fn broke(&mut self, error: &wasmtime::Error, culprit_known: bool) -> Broke {
        Broke { reason: reason(self, error), culprit_known }
    }

    fn memory_bytes(&self) -> usize {
        self.store.data().memory.held()
    }
}

//! A running instance of a module: one store, kept as long as it behaves, called through one of the two worlds.

mod batch;
mod broke;
mod event;
mod headers;
mod host;
mod limits;
mod pending;
mod scan;
mod state;

pub(super) use batch::BatchGuest;
pub(super) use broke::reason;
pub(super) use event::EventGuest;
pub(super) use host::{Clocks, HostState};

use self::pending::Pending;
use super::engine::Engine;
use super::guest::Broke;
use super::output::{Label, Printer};
use crate::state::{State, StoreSpec};
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
    /// Bytes of state that one event may write.
    pub(super) writes: usize,
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
        let state = HostState::new(&terms, Printer::new(label.clone()));
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

    /// What `configure` declared.
    pub(super) fn has_stores(&mut self, stores: Vec<StoreSpec>) {
        self.store.data_mut().state.stores = stores;
    }

    /// Has the instance see the task's state, until [`Core::give_back`].
    fn lend(&mut self, state: &mut Option<Box<dyn State>>) {
        self.store.data_mut().state.task = state.take();
    }

    /// To be called however the call ended.
    fn give_back(&mut self, state: &mut Option<Box<dyn State>>) {
        *state = self.store.data_mut().state.task.take();
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

    /// What the call has written; in the event world.
    fn pending(&mut self) -> &mut Pending {
        self.store.data_mut().state.pending.get_or_insert_with(|| Pending::new(0))
    }

    fn broke(&mut self, error: &wasmtime::Error, culprit_known: bool) -> Broke {
        let reason = reason(self, error);
        Broke { culprit_known: culprit_known && reason.code != Broke::STATE, reason }
    }

    fn memory_bytes(&self) -> usize {
        self.store.data().memory.held()
    }
}

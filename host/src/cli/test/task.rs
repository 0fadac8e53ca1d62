//! What a task remembers while events are replayed.

use crate::plugin::guest::{Answer, Broke};
use crate::state::{Clock, MemoryState, Range, State, StateError, StoreSpec, Timer};
use wasmill_contract::{Batch, OverLimit};

/// A task that has seen no event.
const NO_TIME: i64 = -1;

pub(in crate::cli) struct Task {
    pub(in crate::cli) stream_time: i64,
    /// None: the plugin has no stores.
    pub(in crate::cli) state: Option<Box<dyn State>>,
}

impl Task {
    pub(in crate::cli) fn new(stores: &[StoreSpec]) -> Task {
        let state = (!stores.is_empty()).then(|| Box::new(MemoryState::new(stores)) as Box<dyn State>);
        Task { stream_time: NO_TIME, state }
    }

    /// How many of the events come before the next timer.
    pub(in crate::cli) fn until_timer(&self, batch: &Batch) -> usize {
        let next = self.state.as_ref().and_then(|state| state.next_timer(Clock::EventTime));
        let mut clock = batch.clock();
        let due = batch.timestamps.iter().position(|timestamp| {
            clock.see(*timestamp);
            next.is_some_and(|next| next <= clock.time)
        });
        due.map_or(batch.len(), |last| last + 1)
    }

    /// The timers on event time that are due, at most so many.
    pub(in crate::cli) fn due(&self, most: usize) -> Vec<Timer> {
        self.state.as_ref().map_or(vec![], |state| state.due(self.stream_time, i64::MIN, most))
    }

    pub(in crate::cli) fn cancel(&mut self, timers: &[Timer]) {
        let Some(state) = &mut self.state else { return };
        timers.iter().for_each(|timer| state.set_timer(timer.clock, &timer.key, None));
    }

    pub(in crate::cli) fn set(&mut self, timers: &[Timer]) {
        let Some(state) = &mut self.state else { return };
        timers.iter().for_each(|timer| state.set_timer(timer.clock, &timer.key, Some(timer.at)));
    }

    /// Does what a call wrote, but for the events over a limit.
    pub(in crate::cli) fn apply(
        &mut self,
        batch: &Batch,
        answer: &Answer,
        over: &[OverLimit],
    ) -> Result<(), StateError> {
        let Some(state) = &mut self.state else { return Ok(()) };
        let holds = |source: usize| over.iter().all(|over| over.event as usize != source);
        let effects = answer.effects();
        for write in effects.writes.iter().filter(|write| holds(write.source)) {
            state.put(write.store, write.key, write.value, batch.stream_time_before(write.source + 1))?;
        }
        for timer in effects.timers.iter().filter(|timer| holds(timer.source)) {
            state.set_timer(timer.clock, timer.key, timer.at);
        }
        Ok(())
    }

    /// The first `count` events are behind the task.
    pub(in crate::cli) fn saw(&mut self, batch: &Batch, count: usize) -> Result<(), StateError> {
        self.stream_time = batch.stream_time_before(count);
        self.state.as_mut().map_or(Ok(()), |state| state.advance(self.stream_time))
    }

    /// Every entry of a store, in order.
    pub(in crate::cli) fn entries(
        &mut self,
        store: usize,
        mut each: impl FnMut(&[u8], &[u8]),
    ) -> Result<(), StateError> {
        let Some(state) = &mut self.state else { return Ok(()) };
        let all = Range { start: b"", end: b"", reverse: false, limit: usize::MAX };
        state.scan(store, all, &mut |key, value, _| each(key, value))
    }

    /// Every timer, in the order of their times.
    pub(in crate::cli) fn timers(&self) -> Vec<Timer> {
        self.state.as_ref().map_or(vec![], |state| state.due(i64::MAX, i64::MAX, usize::MAX))
    }
}

impl Broke {
    /// How many of `count` events, or timers, from the first not done on, are known to be to blame.
    pub(super) fn known(&self, count: usize) -> usize {
        (self.culprit_known || count == 1) as usize
    }
}

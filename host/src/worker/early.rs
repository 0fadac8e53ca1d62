//! Events that are taken in while brokers are waited for: a commit costs round trips and the acknowledgement of all that was sent,
//! and the next events have to be read at some time anyway. They only wait in their columns; nothing is done for them before the
//! commit is over.

use super::lane::Lane;
use super::task::Slot;
use crate::kafka::edge::{Outlet, Rebalance, Source, SourceError};
use std::time::Duration;

/// With so many events waiting, or so many bytes of them, no more are taken in.
const MOST_EVENTS: usize = 8_000;
const MOST_BYTES: usize = 1 << 20;

/// What was polled before its turn.
#[derive(Default)]
pub(super) struct Early {
    /// The commit at hand is one in passing: afterwards the lane goes on as it is.
    pub allowed: bool,
    /// Events came in.
    polled: bool,
    /// It came in and waits for the next turn, as the commit must not be disturbed.
    pub told: Option<Result<Rebalance, SourceError>>,
}

impl<S: Source, O: Outlet> Lane<S, O> {
    /// Takes some events in; false if there are none, or nothing may be polled now.
    pub(super) fn poll_early(&mut self) -> bool {
        if !self.early.allowed || self.early.told.is_some() {
            return false;
        }
        let waiting = |tasks: &super::tasks::Tasks| tasks.slots().map(Slot::waiting).sum::<usize>();
        let before = waiting(&self.tasks);
        let bytes = self.tasks.slots().map(|slot| slot.polled.bytes()).sum::<usize>();
        if before >= MOST_EVENTS || bytes >= MOST_BYTES {
            return false;
        }
        self.early.told = self.source.poll(self.pace.events(), Duration::ZERO, &mut self.tasks).transpose();
        let came = waiting(&self.tasks) > before;
        self.early.polled |= came;
        came
    }

    /// Polls, or tells what an early poll has brought.
    pub(super) fn poll(&mut self, max: usize, wait: Duration) -> Result<Option<Rebalance>, SourceError> {
        // Enough is there; but the group has to be listened to.
        let (max, wait) = if std::mem::take(&mut self.early.polled) { (1, Duration::ZERO) } else { (max, wait) };
        let rebalance = match self.early.told.take() {
            Some(told) => Some(told?),
            None => self.source.poll(max, wait, &mut self.tasks)?,
        };
        self.owed.clone_from(&rebalance);
        Ok(rebalance)
    }
}

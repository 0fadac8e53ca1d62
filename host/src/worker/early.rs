//! Events that are taken in while brokers are waited for: a commit costs round trips and the acknowledgement of all that was sent,
//! and the next events have to be read at some time anyway. They only wait in their columns; nothing is done for them before the
//! commit is over.

use super::lane::Lane;
use super::tasks::Tasks;
use crate::kafka::edge::{Outlet, Rebalance, Source, SourceError};
use std::time::Duration;

/// A wait for brokers looks so often at what else has come in.
const LOOK_EVERY: Duration = Duration::from_millis(5);

/// With so many events, enough of them for so many calls, or so many bytes, no more are taken in.
const MOST_EVENTS: usize = 8_000;
const MOST_CALLS: usize = 20;
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
    /// How long to wait for brokers before looking at what else has come in: not at all as long as there is something to take in.
    pub(super) fn wait_for_brokers(&mut self) -> Duration {
        if self.poll_early() { Duration::ZERO } else { LOOK_EVERY }
    }

    /// Takes some events in; false if there are none, or nothing may be polled now.
    fn poll_early(&mut self) -> bool {
        if !self.early.allowed || self.early.told.is_some() {
            return false;
        }
        // Handled ones count as well: a slot's columns are emptied when all of its events are handled, and not before.
        let there = |tasks: &Tasks| tasks.slots().map(|slot| slot.polled.len()).sum::<usize>();
        let bytes = self.tasks.slots().map(|slot| slot.polled.bytes()).sum::<usize>();
        let before = there(&self.tasks);
        let most = MOST_EVENTS.min(MOST_CALLS * self.pace.events()).saturating_sub(before);
        if most == 0 || bytes >= MOST_BYTES {
            return false;
        }
        let told = self.source.poll(self.pace.events().min(most), Duration::ZERO, &mut self.tasks);
        self.early.told = told.transpose();
        let came = there(&self.tasks) > before;
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

//! The commit: outputs, state and offsets become true together.

use super::cause::CHANGELOG;
use super::lane::{Halt, Lane};
use super::task::Task;
use crate::event::{Position, Reason};
use crate::failpoint;
use crate::kafka::edge::{Outgoing, Outlet, SendError, Source, SourceError};
use crate::state::StateError;
use std::time::{Duration, Instant};
use wasmill_contract::Headers;

impl<S: Source, O: Outlet> Lane<S, O> {
    /// Whether something was handled since the last commit.
    pub(super) fn dirty(&self) -> bool {
        self.tasks.list.iter().any(Task::dirty)
    }

    /// Waits for every output sent, and commits the offsets of the events that they came of. What the broker refused
    /// sends the lane back to its last commit instead.
    pub(super) fn commit(&mut self) -> Result<(), Halt> {
        self.last_commit = Instant::now();
        if !self.dirty() && !self.open && self.outlet.in_flight() == 0 && self.refused.is_empty() {
            return Ok(());
        }
        match self.try_commit() {
            Err(Halt::RollBack(why)) => self.roll_back(&why),
            result => result,
        }
    }

    /// The commit that is due now and then: what comes after it may come in while it is waited for.
    pub(super) fn commit_in_passing(&mut self) -> Result<(), Halt> {
        self.early.allowed = true;
        let result = self.commit();
        self.early.allowed = false;
        result
    }

    fn try_commit(&mut self) -> Result<(), Halt> {
        for task in &mut self.tasks.list {
            task.state.iter_mut().try_for_each(|state| state.tidy()).map_err(of_state)?;
        }
        if !self.held.is_empty() || self.has_changes() {
            self.open_transaction()?;
        }
        let positions = self.positions();
        if self.open {
            self.commit_transaction(&positions)?;
        } else {
            self.send_rest()?;
            if !self.commit_offsets(&positions)? {
                return Ok(());
            }
        }
        for task in &mut self.tasks.list {
            if let Some(state) = task.state.as_mut().filter(|state| state.is_dirty()) {
                state.commit(self.outlet.take_end(task.number));
            }
            task.committed_stream_time = task.stream_time;
            task.slots.iter_mut().for_each(|slot| slot.committed = slot.position);
        }
        self.first.commit();
        failpoint::reached("after-state");
        self.tally.count(&self.metrics);
        self.metrics.commit(self.last_commit.elapsed());
        self.update_gauges();
        Ok(())
    }

    fn commit_transaction(&mut self, positions: &[Position]) -> Result<(), Halt> {
        // Brokers see to the offsets while the rest is still on its way to them: both count only once it is committed.
        self.outlet.send_offsets(self.source.offsets(positions)?)?;
        let sent = self.send_rest();
        if let Err(Halt::Broken(_)) = sent {
            return sent;
        }
        // Also before an abort: nothing else may be asked of the transaction meanwhile.
        let offsets = self.answered();
        if let Err(Halt::Broken(_)) = offsets {
            return offsets;
        }
        sent.and(offsets)?;
        self.outlet.commit()?;
        self.answered()?;
        self.open = false;
        Ok(())
    }

    /// Nothing was sent: there is nothing that the offsets must go together with. False: they were not committed.
    fn commit_offsets(&mut self, positions: &[Position]) -> Result<bool, Halt> {
        if positions.is_empty() {
            return Ok(true);
        }
        self.source.commit(positions)?;
        match self.until_answered(|lane, wait| lane.source.committed(wait))? {
            // A rebalance is on its way, and says which of the partitions are still ours.
            Err(SourceError::Stale(why)) => {
                tracing::debug!(plugin = &*self.spec.plugin, "not committed: {why}");
                Ok(false)
            }
            result => Ok(result.map(|()| true)?),
        }
    }

    /// Sends what waited for the commit, and waits until everything that was sent is acknowledged.
    fn send_rest(&mut self) -> Result<(), Halt> {
        self.send_held()?;
        self.write_changelog()?;
        failpoint::reached("after-changelog");
        self.drain()?;
        failpoint::reached("after-drain");
        self.refused.first().map_or(Ok(()), |refused| Err(Halt::RollBack(refused.message.clone())))
    }

    /// Waits for the answer to what was asked of the transaction last.
    fn answered(&mut self) -> Result<(), Halt> {
        Ok(self.until_answered(|lane, wait| lane.outlet.answered(wait))??)
    }

    /// Waits until `ask` has an answer, however long brokers are away.
    fn until_answered<T>(&mut self, ask: impl Fn(&mut Self, Duration) -> Option<T>) -> Result<T, Halt> {
        loop {
            let wait = self.wait_for_brokers();
            if let Some(answer) = ask(self, wait) {
                return Ok(answer);
            }
            self.outlet.poll(Duration::ZERO);
            if self.gives_up() {
                return Err(Halt::Broken(
                    "brokers have still not answered a commit; the next start finds out whether it happened".into(),
                ));
            }
        }
    }

    /// Whether the changelog gets something with this commit.
    fn has_changes(&self) -> bool {
        let mut states = self.tasks.list.iter().filter_map(|task| task.state.as_ref());
        self.spec.keeps_changelog && states.any(|state| state.is_dirty())
    }

    /// Sends the last value of each key that was written since the last commit.
    fn write_changelog(&mut self) -> Result<(), Halt> {
        if !self.spec.keeps_changelog {
            return Ok(());
        }
        let topic = self.spec.changelog();
        for task in &self.tasks.list {
            let Some(state) = task.state.as_ref().filter(|state| state.is_dirty()) else { continue };
            let none = Headers::default();
            let (outlet, mut failed) = (&mut self.outlet, None);
            let (mut records, mut bytes) = (0, 0);
            let sent = state.changes(&mut |change| {
                records += 1;
                bytes += change.key.len() + change.value.map_or(0, <[u8]>::len);
                let record = Outgoing {
                    topic,
                    partition: Some(task.number),
                    timestamp: Some(change.timestamp.max(0)),
                    key: Some(change.key),
                    value: change.value,
                    headers: none.columns().range(0, 0, 0),
                };
                outlet.send(record, CHANGELOG).map_err(|error| {
                    let text = StateError(error.to_string());
                    failed = Some(error);
                    text
                })
            });
            self.metrics.changelog(records, bytes as u64);
            match failed {
                None => sent.map_err(of_state)?,
                Some(SendError::Abort(why)) => return Err(Halt::RollBack(why)),
                Some(SendError::Broken(why)) => return Err(Halt::Broken(why)),
                Some(SendError::Refused { code, message }) => return Err(changelog_refused(code, &message)),
            }
        }
        Ok(())
    }

    /// Where every task stands that has done something since the last commit, moved or not: whoever has taken the task over
    /// keeps the transaction from being committed.
    fn positions(&self) -> Vec<Position> {
        let tasks = self.tasks.list.iter().filter(|task| task.dirty());
        let slots = tasks.flat_map(|task| task.slots.iter().map(|slot| (slot, task.stream_time)));
        slots.map(|(slot, stream_time)| Position { at: slot.at, offset: slot.position, stream_time }).collect()
    }
}

pub(super) fn of_state(error: StateError) -> Halt {
    Halt::Broken(format!("the task's state: {error}"))
}

/// No event alone is to blame, and going on without the changelog would lose state.
pub(super) fn changelog_refused(code: &str, message: &str) -> Halt {
    let message = format!(
        "the changelog does not take a write: {message}. Let it take records of at least 1 MiB with timestamps of any age \
         (max.message.bytes, message.timestamp.before.max.ms, message.timestamp.after.max.ms)"
    );
    Halt::Failed(Reason::new(code, message))
}

//! The commit: outputs and offsets become true together, and what a rebalance does around it.

use super::cause::CHANGELOG;
use super::lane::{Halt, Lane};
use super::task::Task;
use crate::event::{Partition, Position, Reason};
use crate::failpoint;
use crate::kafka::edge::{Outgoing, Outlet, Rebalance, SendError, Source, SourceError};
use crate::state::StateError;
use std::time::Instant;
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

    fn try_commit(&mut self) -> Result<(), Halt> {
        self.send_held()?;
        self.write_changelog()?;
        failpoint::reached("after-changelog");
        self.drain()?;
        failpoint::reached("after-drain");
        if let Some(refused) = self.refused.first() {
            return Err(Halt::RollBack(refused.message.clone()));
        }
        let positions = self.positions();
        if self.open {
            self.outlet.commit(&self.source.offsets(&positions)?)?;
            self.open = false;
        } else if !positions.is_empty() {
            // Nothing was sent: there is nothing that the offsets must go together with.
            match self.source.commit(&positions) {
                // A rebalance is on its way, and says which of the partitions are still ours.
                Err(SourceError::Stale(why)) => {
                    tracing::debug!(plugin = &*self.spec.plugin, "not committed: {why}");
                    return Ok(());
                }
                result => result?,
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

    /// Sends the last value of each key that was written since the last commit.
    fn write_changelog(&mut self) -> Result<(), Halt> {
        for index in 0..self.tasks.list.len() {
            let Some(state) = &mut self.tasks.list[index].state else { continue };
            state.tidy().map_err(of_state)?;
            if !state.is_dirty() || !self.spec.keeps_changelog {
                continue;
            }
            self.open_transaction()?;
            let (topic, task) = (self.spec.changelog(), &self.tasks.list[index]);
            let Some(state) = &task.state else { continue };
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

    /// Does what the group says.
    pub(super) fn rebalance(&mut self, rebalance: Rebalance) -> Result<(), Halt> {
        match rebalance {
            Rebalance::Assigned(partitions) => {
                let starts = self.source.assign(&partitions)?;
                self.tasks.add(&starts);
                self.open_states()?;
            }
            Rebalance::Revoked(partitions) => {
                self.commit()?;
                self.give_up_tasks(&partitions, false)?;
            }
            Rebalance::Lost(partitions) => {
                tracing::warn!(
                    plugin = &*self.spec.plugin,
                    "{} partitions were taken away; their new owner handles again what was not committed",
                    partitions.len()
                );
                self.give_up_tasks(&partitions, true)?;
                // What the lost ones wrote is in the same transaction as what the others did.
                if self.open {
                    self.roll_back("partitions were taken away")?;
                }
            }
        }
        self.update_gauges();
        Ok(())
    }

    fn give_up_tasks(&mut self, partitions: &[Partition], lost: bool) -> Result<(), Halt> {
        self.tasks.remove(partitions);
        self.held.forget(|task| partitions.iter().any(|at| at.number == task));
        self.source.unassign(partitions, lost)?;
        // An instance remembers what it read of a task, which somebody else writes from now on.
        if self.states.is_some() { self.replace_instance() } else { Ok(()) }
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

//! The commit: outputs and offsets become true together, and what a rebalance does around it.

use super::lane::{Halt, Lane};
use crate::event::{Partition, Position};
use crate::kafka::edge::{Outlet, Rebalance, Source, SourceError};
use std::time::Instant;

impl<S: Source, O: Outlet> Lane<S, O> {
    /// Whether something was handled since the last commit.
    pub(super) fn dirty(&self) -> bool {
        self.tasks.slots().any(|slot| slot.dirty())
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
        self.drain()?;
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
            task.committed_stream_time = task.stream_time;
            task.slots.iter_mut().for_each(|slot| slot.committed = slot.position);
        }
        self.metrics.commit(self.last_commit.elapsed());
        self.update_gauges();
        Ok(())
    }

    /// Where every task stands that has done something since the last commit.
    fn positions(&self) -> Vec<Position> {
        let tasks = self.tasks.list.iter().filter(|task| task.slots.iter().any(|slot| slot.dirty()));
        let slots = tasks.flat_map(|task| task.slots.iter().map(|slot| (slot, task.stream_time)));
        slots.map(|(slot, stream_time)| Position { at: slot.at, offset: slot.position, stream_time }).collect()
    }

    /// Does what the group says.
    pub(super) fn rebalance(&mut self, rebalance: Rebalance) -> Result<(), Halt> {
        match rebalance {
            Rebalance::Assigned(partitions) => {
                let starts = self.source.assign(&partitions)?;
                self.tasks.add(&starts);
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
        self.source.unassign(partitions, lost)?;
        Ok(())
    }
}

//! The commit, and what a rebalance does around it.

use super::lane::{Halt, Lane};
use crate::event::{Partition, Position};
use crate::kafka::edge::{Outlet, Rebalance, Source, SourceError};
use std::time::Instant;

impl<S: Source, O: Outlet> Lane<S, O> {
    /// Whether something was handled since the last commit.
    pub(super) fn dirty(&self) -> bool {
        self.tasks.slots().any(|slot| slot.position != slot.committed)
    }

    /// Waits for every output sent, and commits the offsets of the events that they came of. What the broker refused
    /// sends the lane back to its last commit instead.
    pub(super) fn commit(&mut self) -> Result<(), Halt> {
        self.last_commit = Instant::now();
        if !self.dirty() && self.outlet.in_flight() == 0 && self.refused.is_empty() {
            return Ok(());
        }
        self.drain()?;
        let refused = self.outlet.take_refused();
        self.refused.extend(refused);
        if !self.refused.is_empty() {
            return self.replay();
        }
        let positions: Vec<Position> = self
            .tasks
            .slots()
            .filter(|slot| slot.position != slot.committed)
            .map(|slot| Position { at: slot.at, offset: slot.position })
            .collect();
        if positions.is_empty() {
            return Ok(());
        }
        match self.source.commit(&positions) {
            Ok(()) => {
                self.tasks.slots_mut().for_each(|slot| slot.committed = slot.position);
                self.metrics.commit(self.last_commit.elapsed());
                self.update_gauges();
                Ok(())
            }
            // A rebalance is on its way, and says which of the partitions are still ours.
            Err(SourceError::Stale(why)) => {
                tracing::debug!(plugin = &*self.spec.plugin, "not committed: {why}");
                Ok(())
            }
            Err(error) => Err(error.into()),
        }
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

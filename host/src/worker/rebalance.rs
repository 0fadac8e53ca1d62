//! What the group says: partitions come, go, or were taken away.

use super::lane::{Halt, Lane};
use crate::event::Partition;
use crate::kafka::edge::{Outlet, Rebalance, Source};

impl<S: Source, O: Outlet> Lane<S, O> {
    /// Does what the group says.
    pub(super) fn rebalance(&mut self, rebalance: Rebalance) -> Result<(), Halt> {
        match rebalance {
            Rebalance::Assigned(partitions) => {
                let starts = self.source.assign(&partitions)?;
                self.owed = None;
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
        self.owed = None;
        // An instance remembers what it read of a task, which somebody else writes from now on.
        if self.states.is_some() { self.replace_instance() } else { Ok(()) }
    }

    /// Answers a rebalance that nobody acts on any more: the group waits for an answer, and so does whoever drops the source.
    pub(super) fn decline(&mut self) {
        let told = self.early.told.take().and_then(Result::ok);
        let answered = match self.owed.take().or(told) {
            Some(Rebalance::Assigned(_)) => self.source.assign(&[]).map(drop),
            Some(Rebalance::Revoked(partitions) | Rebalance::Lost(partitions)) => {
                self.source.unassign(&partitions, true)
            }
            None => Ok(()),
        };
        if let Err(error) = answered {
            tracing::debug!(plugin = &*self.spec.plugin, "leaving the group: {error}");
        }
    }
}

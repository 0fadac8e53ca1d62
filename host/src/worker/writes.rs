//! What events write, on its way into the task's state, and what that state has to say to a run.

use super::cause::Cause;
use super::handle::Verdict;
use super::lane::{Halt, Lane};
use crate::event::{Partition, Reason};
use crate::kafka::edge::{Outlet, Refused, Source};
use crate::plugin::guest::Answer;
use crate::state::Clock;
use wasmill_contract::Batch;

impl<S: Source, O: Outlet> Lane<S, O> {
    /// Whether a timer must fire before the next event.
    pub(super) fn timer_is_due(&mut self, at: Partition, stream_time: i64) -> bool {
        let Some(Some(state)) = self.tasks.state(at.number) else { return false };
        state.next_timer(Clock::EventTime).is_some_and(|next| next <= stream_time)
    }

    /// Outputs were sent already: what was done since the last commit has to be taken back before the events whose outputs
    /// can't be sent come again alone.
    pub(super) fn roll_back_for(&mut self, at: Partition, batch: &Batch, failed_outputs: Vec<(usize, Reason)>) -> Halt {
        let mut why = String::new();
        for (event, reason) in failed_outputs {
            why = reason.message;
            let cause = Cause { at, offset: batch.offsets[event] as i64, dead_letter: false };
            self.refused.push(Refused { token: cause.token(), code: "output", message: why.clone() });
        }
        Halt::RollBack(why)
    }

    /// Puts what the events before `end` wrote into the task's state, but for those that failed.
    pub(super) fn write(
        &mut self,
        at: Partition,
        batch: &Batch,
        answer: &Answer,
        end: usize,
        failed: &[(usize, &'static str, Verdict)],
    ) -> Result<(), Halt> {
        let Some(Some(state)) = self.tasks.state(at.number) else { return Ok(()) };
        let effects = answer.effects();
        let holds = |source: usize| source < end && failed.binary_search_by_key(&source, |(event, ..)| *event).is_err();
        let (mut clock, mut seen) = (batch.clock(), 0);
        for write in effects.writes.iter().filter(|write| holds(write.source)) {
            batch.timestamps[seen..=write.source].iter().for_each(|timestamp| clock.see(*timestamp));
            seen = write.source + 1;
            state
                .put(write.store, write.key, write.value, clock.time)
                .map_err(|error| Halt::Broken(format!("the task's state cannot be written: {error}")))?;
        }
        for timer in effects.timers.iter().filter(|timer| holds(timer.source)) {
            state.set_timer(timer.clock, timer.key, timer.at);
        }
        Ok(())
    }
}

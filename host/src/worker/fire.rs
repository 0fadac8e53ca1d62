//! Timers that are due fire between two runs of events, in the order of their times. What they cause is committed together
//! with their end, so that each fires once.

use super::handle::{Called, Ended};
use super::lane::{Halt, Lane};
use super::task::Hold;
use crate::event::{Partition, Reason, wall_clock};
use crate::kafka::edge::{Outlet, Source};
use crate::plugin::guest::{Broke, TimerTask};
use crate::state::{Clock, Timer};
use std::time::{Duration, Instant};
use wasmill_contract::{Batch, FailureKind};

/// The most timers of one call.
pub const MOST: usize = 500;

/// Stands for "a timer" where an input topic's index is asked for.
pub const TOPIC: usize = super::cause::MAX_TOPICS;

impl<S: Source, O: Outlet> Lane<S, O> {
    /// Fires timers of a task that are due; false if there are none.
    pub(super) fn fire(&mut self, index: usize) -> Result<bool, Halt> {
        let task = &mut self.tasks.list[index];
        let (number, most, careful) = (task.number, task.timers_at_once, task.timers_carefully);
        let Some(state) = &task.state else { return Ok(false) };
        let now = wall_clock();
        let due = state.due(task.stream_time, now, most);
        if due.is_empty() {
            task.timers_carefully = false;
            return Ok(false);
        }
        if careful && (self.open || self.dirty()) {
            // As with events: what is refused is taken back as a whole, so nothing else may be in its transaction.
            self.commit()?;
            return Ok(!self.dirty());
        }
        let at = Partition { topic: TOPIC, number };
        let mut called = self.call_timers(at, index, now, &due);
        if careful {
            called = called.and_then(|called| self.send_held().map(|()| called));
        }
        let refused = if careful { self.refused_timers()? } else { None };
        let called = match (called, refused) {
            (Err(Halt::RollBack(why)), None) => return Err(Halt::RollBack(why)),
            (_, Some(reason)) => return self.timers_refused(at, index, now, &due, reason),
            (called, None) => called?,
        };
        if let Some(broke) = called.broke {
            self.replace_instance()?;
            return self.timers_broke(at, index, now, &due, &broke);
        }
        let task = &mut self.tasks.list[index];
        task.timers_at_once = (task.timers_at_once * 2).min(MOST);
        match called.ran.ended {
            None => {
                task.hold = None;
                Ok(true)
            }
            Some(Ended::Stop(reason)) => Err(Halt::Failed(reason)),
            Some(Ended::Retry(reason)) => self.hold_timers(at, index, now, &due[called.ran.handled..], reason),
        }
    }

    /// How long until a timer on the wall clock is due.
    pub(super) fn next_timer(&self) -> Duration {
        let tasks = self.tasks.list.iter().filter(|task| task.hold.is_none());
        let next = tasks.filter_map(|task| task.state.as_ref()?.next_timer(Clock::WallClock)).min();
        next.map_or(Duration::MAX, |at| Duration::from_millis(at.saturating_sub(wall_clock()).max(0) as u64))
    }

    /// One call. Timers that were handled are cancelled before what the call does is done: one that it sets anew holds. Those
    /// that it left are not touched, because it may have left them as it changed them.
    fn call_timers(&mut self, at: Partition, index: usize, now: i64, due: &[Timer]) -> Result<Called, Halt> {
        let started = Instant::now();
        let task = &mut self.tasks.list[index];
        let timers = TimerTask { partition: task.number as u32, now, stream_time: task.stream_time };
        let outcome = self.running.guest.timers(timers, due, &mut task.state);
        self.metrics.wasm_time(started.elapsed());
        if let Some(broke) = outcome.broke {
            if broke.is_of_state() {
                return Err(Halt::Broken(broke.reason.message));
            }
            return Ok(Called { broke: Some(broke), ..Called::default() });
        }
        let last = outcome.answer.failures.last();
        let again = last.is_some_and(|(_, failure)| failure.kind() != FailureKind::Reject);
        let fired = (outcome.answer.done as usize).min(due.len()).saturating_sub(again as usize);
        self.cancel(index, &due[..fired]);
        let called = self.apply(at, &named(timers.batch(due)), &outcome.answer)?;
        let handled = if called.broke.is_some() || called.alone.is_some() { 0 } else { called.ran.handled };
        if let Some(state) = &mut self.tasks.list[index].state {
            for timer in due.get(handled..fired).unwrap_or_default() {
                state.set_timer(timer.clock, &timer.key, Some(timer.at));
            }
        }
        // One of them is over a limit, and the instance believes otherwise: each is tried alone.
        if called.alone.is_some() {
            self.tasks.list[index].timers_at_once = 1;
            self.replace_instance()?;
        }
        Ok(called)
    }

    fn cancel(&mut self, index: usize, timers: &[Timer]) {
        if let Some(state) = &mut self.tasks.list[index].state {
            timers.iter().for_each(|timer| state.set_timer(timer.clock, &timer.key, None));
        }
    }

    fn timers_broke(
        &mut self,
        at: Partition,
        index: usize,
        now: i64,
        due: &[Timer],
        broke: &Broke,
    ) -> Result<bool, Halt> {
        if let [_, _, ..] = due {
            self.tasks.list[index].timers_at_once = due.len() / 2;
            return Ok(true);
        }
        self.fail_timer(at, index, now, &due[0], "trap", &broke.reason)
    }

    fn refused_timers(&mut self) -> Result<Option<Reason>, Halt> {
        self.drain()?;
        let refused = std::mem::take(&mut self.refused);
        Ok(refused.first().map(|refused| Reason::new(refused.code, refused.message.clone())))
    }

    fn timers_refused(
        &mut self,
        at: Partition,
        index: usize,
        now: i64,
        due: &[Timer],
        reason: Reason,
    ) -> Result<bool, Halt> {
        self.abort()?;
        self.refused.clear();
        if let [_, _, ..] = due {
            self.tasks.list[index].timers_at_once = due.len() / 2;
            return Ok(true);
        }
        self.fail_timer(at, index, now, &due[0], "output", &reason)
    }

    /// A timer has failed for good: the plugin's policy applies to it as to an event without a value.
    fn fail_timer(
        &mut self,
        at: Partition,
        index: usize,
        now: i64,
        timer: &Timer,
        kind: &'static str,
        reason: &Reason,
    ) -> Result<bool, Halt> {
        let task = &self.tasks.list[index];
        let timers = TimerTask { partition: task.number as u32, now, stream_time: task.stream_time };
        let batch = named(timers.batch(std::slice::from_ref(timer)));
        self.cancel(index, std::slice::from_ref(timer));
        match self.fail(at, &batch, 0, kind, reason)? {
            Some(Ended::Stop(reason) | Ended::Retry(reason)) => Err(Halt::Failed(reason)),
            None => {
                self.tally.timers += 1;
                Ok(true)
            }
        }
    }

    fn hold_timers(
        &mut self,
        at: Partition,
        index: usize,
        now: i64,
        left: &[Timer],
        reason: Reason,
    ) -> Result<bool, Halt> {
        let retry = &self.spec.config.retry;
        let task = &mut self.tasks.list[index];
        let attempts = task.hold.as_ref().map_or(0, |hold| hold.attempts) + 1;
        if attempts < retry.attempts {
            task.hold = Some(Hold { until: Instant::now() + retry.wait(attempts), attempts });
            let partitions: Vec<_> = task.slots.iter().map(|slot| slot.at).collect();
            self.source.pause(&partitions)?;
            return Ok(false);
        }
        self.release(index)?;
        let message = format!("{} (tried {attempts} times)", reason.message);
        self.fail_timer(at, index, now, &left[0], "retry", &Reason { message, ..reason })
    }
}

/// A dead letter says that it was a timer.
fn named(mut timers: Batch) -> Batch {
    timers.topic = "$timers".to_owned();
    timers
}

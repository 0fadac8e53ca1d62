//! Back to the last commit, and from there to the event whose output the broker refused. A refusal may take a whole batch
//! of records with it, so the guilty one has to be found: the events since the last commit come again, a few at a time, each
//! time waiting for the broker's answer, and half as many after each refusal.

use super::cause::{CHANGELOG, Cause};
use super::commit::changelog_refused;
use super::fire;
use super::handle::{Ended, Ran};
use super::lane::{Halt, Lane};
use crate::event::{Partition, Position, Reason};
use crate::kafka::edge::{Outlet, Refused, Source, TransactionError};
use std::ops::Range;
use wasmill_contract::Batch;

impl<S: Source, O: Outlet> Lane<S, O> {
    /// Takes back what was done since the last commit; the events come again.
    pub(super) fn roll_back(&mut self, why: &str) -> Result<(), Halt> {
        tracing::debug!(plugin = &*self.spec.plugin, "going back to the last commit: {why}");
        self.abort()?;
        for refused in std::mem::take(&mut self.refused) {
            if refused.token == CHANGELOG {
                return Err(changelog_refused(refused.code, &refused.message));
            }
            let place = Cause::place(refused.token);
            if place.topic == fire::TOPIC {
                let task = self.tasks.list.iter_mut().find(|task| task.number == place.number);
                task.into_iter().for_each(|task| task.timers_carefully = true);
                continue;
            }
            let base = |at| self.tasks.slot(at).map(|slot| slot.committed);
            // An event of a partition that was given up meanwhile is its new owner's.
            let Some(cause) = Cause::from_token(refused.token, base) else { continue };
            self.tasks.slots_mut().filter(|slot| slot.at == cause.at).for_each(|slot| slot.beware(cause.offset));
        }
        let mut rewound = Vec::new();
        for task in &mut self.tasks.list {
            for slot in task.slots.iter_mut().filter(|slot| slot.dirty()) {
                slot.rewind();
                rewound.push(Position { at: slot.at, offset: slot.position, stream_time: task.stream_time });
            }
        }
        self.source.seek(&rewound)?;
        Ok(())
    }

    /// Takes back what was sent and written since the last commit. Where events are delivered at least once, what was
    /// sent stays.
    pub(super) fn abort(&mut self) -> Result<(), Halt> {
        self.held.clear();
        self.tally.forget();
        self.first.take_back();
        if self.open {
            self.outlet.abort().map_err(|error| match error {
                TransactionError::Abort(why) | TransactionError::Broken(why) => Halt::Broken(why),
            })?;
            self.open = false;
        } else {
            self.drain()?;
        }
        self.refused.extend(self.outlet.take_refused());
        let mut has_state = false;
        for task in &mut self.tasks.list {
            task.stream_time = task.committed_stream_time;
            if let Some(state) = &mut task.state {
                state.abort();
                has_state = true;
            }
        }
        // An instance believes that what it answered was done.
        if has_state { self.replace_instance() } else { Ok(()) }
    }

    /// Handles a run of which some output was refused before, and waits for the broker. The transaction holds nothing
    /// else. What is refused again is taken back, and comes again in smaller parts; an event that stands alone fails.
    pub(super) fn run_carefully(
        &mut self,
        at: Partition,
        polled: &mut Batch,
        range: Range<usize>,
    ) -> Result<Ran, Halt> {
        let event = range.start;
        let ran = self.run(at, polled, range.clone()).and_then(|ran| self.send_held().map(|()| ran));
        let (ran, why) = match ran {
            // More was to be sent after the first refusal.
            Err(Halt::RollBack(why)) => (Ran { handled: 0, ended: None }, Some(why)),
            ran => (ran?, None),
        };
        self.drain()?;
        let refused = std::mem::take(&mut self.refused);
        if let (true, Some(why)) = (refused.is_empty(), why) {
            return Err(Halt::Broken(why));
        }
        let Some(first) = refused.first() else {
            self.take_more(at, range.len().saturating_mul(2));
            return Ok(ran);
        };
        self.abort()?;
        self.refused.clear();
        if range.len() > 1 {
            self.take_more(at, range.len() / 2);
            return Ok(Ran { handled: 0, ended: None });
        }
        let dead_letter = refused.iter().any(|refused| is_dead_letter(refused.token));
        let ended = self.refuse(at, polled, event, first, dead_letter)?;
        Ok(Ran { handled: if ended.is_some() { 0 } else { 1 }, ended })
    }

    fn take_more(&mut self, at: Partition, events: usize) {
        self.tasks.slots_mut().filter(|slot| slot.at == at).for_each(|slot| slot.careful_events = events);
    }

    /// One event alone, and the broker does not take what came of it.
    fn refuse(
        &mut self,
        at: Partition,
        polled: &Batch,
        event: usize,
        refused: &Refused,
        mut dead_letter: bool,
    ) -> Result<Option<Ended>, Halt> {
        let reason = Reason::new(refused.code, refused.message.clone());
        if !dead_letter {
            if let Some(ended) = self.fail(at, polled, event, "output", &reason)? {
                return Ok(Some(ended));
            }
            dead_letter = !self.accepted()?;
        }
        if dead_letter {
            self.send_dead_letter(at, polled, event, "output", &reason, true)?;
            self.tally.dead_letters += 1;
            if !self.accepted()? {
                let message = format!("not even a cut dead letter can be written: {}", refused.message);
                return Ok(Some(Ended::Stop(Reason::new(refused.code, message))));
            }
        }
        self.tally.events += 1;
        Ok(None)
    }

    /// Whether the broker took what was sent; otherwise it is taken back.
    fn accepted(&mut self) -> Result<bool, Halt> {
        self.drain()?;
        if self.refused.is_empty() {
            return Ok(true);
        }
        self.abort()?;
        self.refused.clear();
        Ok(false)
    }
}

fn is_dead_letter(token: u64) -> bool {
    token >> 63 == 1
}

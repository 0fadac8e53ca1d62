//! After the broker refused an output. A refusal may take a whole batch of records with it, and the guilty one has to
//! be found: the events since the last commit come again, a few at a time, each time waiting for the broker's answer.

use super::cause::Cause;
use super::handle::{Ended, Ran};
use super::lane::{Halt, Lane};
use crate::event::{Partition, Reason};
use crate::kafka::edge::{Outlet, Refused, Source};
use std::ops::Range;
use wasmill_contract::Batch;

impl<S: Source, O: Outlet> Lane<S, O> {
    /// Goes back to the last commit, and marks how far each partition must be gone through carefully.
    pub(super) fn replay(&mut self) -> Result<(), Halt> {
        for refused in std::mem::take(&mut self.refused) {
            let base = |at| self.tasks.slot(at).map(|slot| slot.committed);
            // An event of a partition that was given up meanwhile is its new owner's.
            let Some(cause) = Cause::from_token(refused.token, base) else { continue };
            tracing::debug!(plugin = &*self.spec.plugin, "{}: going back to find the event", refused.message);
            for slot in self.tasks.slots_mut().filter(|slot| slot.at == cause.at) {
                slot.careful_until = slot.careful_until.max(cause.offset + 1);
            }
        }
        let rewound: Vec<_> =
            self.tasks.slots_mut().filter(|slot| slot.position != slot.committed).map(|slot| slot.rewind()).collect();
        self.source.seek(&rewound)?;
        Ok(())
    }

    /// Handles a run and waits for the broker; what it refused is split until the guilty event stands alone and fails.
    /// Neighbours may be sent more than once, which at-least-once allows.
    pub(super) fn run_carefully(
        &mut self,
        at: Partition,
        polled: &mut Batch,
        range: Range<usize>,
    ) -> Result<Ran, Halt> {
        let mut handled = 0;
        let mut left = vec![range];
        while let Some(part) = left.pop() {
            self.drain()?;
            self.take_refused(at, 0..0);
            let ran = self.run(at, polled, part.clone())?;
            self.drain()?;
            let offsets = polled.offsets[part.start] as i64..polled.offsets[part.end - 1] as i64 + 1;
            let refused = self.take_refused(at, offsets);
            let Some(first) = refused.first() else {
                handled += ran.handled;
                if ran.ended.is_some() {
                    return Ok(Ran { handled, ended: ran.ended });
                }
                continue;
            };
            if part.len() > 1 {
                let middle = part.start + part.len() / 2;
                left.extend([middle..part.end, part.start..middle]);
                continue;
            }
            let dead_letter_refused = refused.iter().any(|refused| is_dead_letter(refused.token));
            if let Some(ended) = self.refuse(at, polled, part.start, first, dead_letter_refused)? {
                return Ok(Ran { handled, ended: Some(ended) });
            }
            handled += 1;
        }
        Ok(Ran { handled, ended: None })
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
            dead_letter = !self.accepted(at, polled, event)?;
        }
        if dead_letter {
            self.send_dead_letter(at, polled, event, "output", &reason, true)?;
            if !self.accepted(at, polled, event)? {
                let message = format!("not even a cut dead letter can be written: {}", refused.message);
                return Ok(Some(Ended::Stop(Reason::new(refused.code, message))));
            }
        }
        Ok(None)
    }

    fn accepted(&mut self, at: Partition, polled: &Batch, event: usize) -> Result<bool, Halt> {
        self.drain()?;
        let offset = polled.offsets[event] as i64;
        Ok(self.take_refused(at, offset..offset + 1).is_empty())
    }

    /// Takes in what the broker refused: what belongs to these events is the answer, the rest waits for the next commit.
    fn take_refused(&mut self, at: Partition, offsets: Range<i64>) -> Vec<Refused> {
        let (ours, others) = self.outlet.take_refused().into_iter().partition(|refused| {
            let base = |other| (other == at).then_some(offsets.start);
            Cause::from_token(refused.token, base).is_some_and(|cause| offsets.contains(&cause.offset))
        });
        self.refused.extend::<Vec<_>>(others);
        ours
    }
}

fn is_dead_letter(token: u64) -> bool {
    token >> 63 == 1
}

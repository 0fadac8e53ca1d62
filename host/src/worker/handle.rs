//! From polled events to sent outputs: calls, what became of each event, and how a run that broke an instance is split
//! until the event that did it stands alone.

use super::lane::{Halt, Lane};
use crate::event::{Failure, Partition, Reason};
use crate::kafka::edge::{Outlet, Source};
use crate::plugin::guest::{Answer, Broke};
use std::ops::Range;
use std::time::Instant;
use wasmill_contract::{Batch, FailureKind};

/// What became of a run.
#[derive(Debug)]
pub(super) struct Ran {
    /// How many of its events are behind us, failed ones included.
    pub handled: usize,
    /// Why the rest is not.
    pub ended: Option<Ended>,
}

/// Why a run ended early, at its first event that is not handled.
#[derive(Debug)]
pub(super) enum Ended {
    /// The plugin wants it again later.
    Retry(Reason),
    /// The plugin, or its policy, says that nothing may go on.
    Stop(Reason),
}

impl<S: Source, O: Outlet> Lane<S, O> {
    /// Handles some polled events of one partition, in order. `polled` must be the partition's own.
    pub(super) fn run(&mut self, at: Partition, polled: &mut Batch, range: Range<usize>) -> Result<Ran, Halt> {
        let mut handled = 0;
        let mut left = vec![range];
        while let Some(part) = left.pop() {
            let Called { ran, broke } = self.call(at, polled, part.clone())?;
            handled += ran.handled;
            if ran.handled > 0 {
                self.broke_in_a_row = 0;
            }
            if ran.ended.is_some() {
                return Ok(Ran { handled, ended: ran.ended });
            }
            let Some(broke) = broke else { continue };
            self.replace_instance()?;
            let rest = part.start + ran.handled..part.end;
            if !broke.culprit_known && rest.len() > 1 {
                let middle = rest.start + rest.len() / 2;
                left.extend([middle..rest.end, rest.start..middle]);
                continue;
            }
            if let Some(ended) = self.broke_at(at, polled, rest.start, broke)? {
                return Ok(Ran { handled, ended: Some(ended) });
            }
            handled += 1;
            if rest.len() > 1 {
                left.push(rest.start + 1..rest.end);
            }
        }
        Ok(Ran { handled, ended: None })
    }

    /// One call for some of the polled events.
    fn call(&mut self, at: Partition, polled: &mut Batch, range: Range<usize>) -> Result<Called, Halt> {
        if range == (0..polled.len()) {
            return self.call_whole(at, polled);
        }
        let mut part = polled.copy_range(range);
        self.call_whole(at, &mut part)
    }

    fn call_whole(&mut self, at: Partition, batch: &mut Batch) -> Result<Called, Halt> {
        let started = Instant::now();
        let outcome = self.running.guest.process(batch);
        let took = started.elapsed();
        self.metrics.wasm_time(took);
        match outcome.broke {
            None => {
                self.pace.took(batch.len(), took);
                match self.apply(at, batch, &outcome.answer)? {
                    Ok(ran) => Ok(Called { ran, broke: None }),
                    Err(broke) => Ok(Called { ran: Ran { handled: 0, ended: None }, broke: Some(broke) }),
                }
            }
            // Events before the one that broke the instance have been answered already: their effects hold.
            Some(broke) if outcome.answer.done > 0 => {
                let before = batch.copy_range(0..outcome.answer.done as usize);
                let ran = self.apply(at, &before, &outcome.answer)?;
                Ok(match ran {
                    Ok(ran) => Called { ran, broke: Some(broke) },
                    Err(broke) => Called { ran: Ran { handled: 0, ended: None }, broke: Some(broke) },
                })
            }
            Some(broke) => Ok(Called { ran: Ran { handled: 0, ended: None }, broke: Some(broke) }),
        }
    }

    /// Checks an answer and does what it says, event by event. The inner error is an answer that breaks the contract.
    fn apply(&mut self, at: Partition, batch: &Batch, answer: &Answer) -> Result<Result<Ran, Broke>, Halt> {
        let effects = answer.effects();
        let over = match effects.check(batch, &self.spec.scope(), &self.spec.limits(), Failure::kind) {
            Ok(over) => over,
            Err(violation) => {
                let reason = Reason::new("contract", violation.to_string());
                return Ok(Err(Broke { reason, culprit_known: false }));
            }
        };
        let over = over.into_iter().map(|over| (over.event as usize, "limit", Verdict::Reject(over_limit(&over))));
        let failed = answer.failures.iter().map(|(event, failure)| (*event as usize, failure.verb(), failure.into()));
        // Neither allocates as long as nothing fails.
        let mut failures: Vec<(usize, &'static str, Verdict)> = failed.chain(over).collect();
        failures.sort_by_key(|(event, ..)| *event);
        failures.dedup_by_key(|(event, ..)| *event);

        let stops = self.spec.config.on_failure == crate::config::OnFailure::Stop;
        let end = failures.iter().find(|(_, _, verdict)| stops || !matches!(verdict, Verdict::Reject(_)));
        let mut end = end.map_or(answer.done as usize, |(event, ..)| *event);
        let failed_outputs = self.send_outputs(at, batch, answer, end, &failures)?;
        for (event, reason) in failed_outputs {
            failures.push((event, "output", Verdict::Reject(reason)));
            if stops {
                end = end.min(event);
            }
        }
        failures.sort_by_key(|(event, ..)| *event);
        self.metrics.events(end as u64, batch.bytes() as u64);

        for (event, kind, verdict) in failures {
            if event > end {
                break;
            }
            match verdict {
                Verdict::Reject(reason) => {
                    if let Some(ended) = self.fail(at, batch, event, kind, &reason)? {
                        return Ok(Ok(Ran { handled: event, ended: Some(ended) }));
                    }
                }
                Verdict::Ended(ended) => {
                    self.metrics.failure(kind, ended.code());
                    return Ok(Ok(Ran { handled: event, ended: Some(ended) }));
                }
            }
        }
        Ok(Ok(Ran { handled: end, ended: None }))
    }

    /// The event that broke an instance is known: it fails, and after too many in a row the plugin stops.
    fn broke_at(&mut self, at: Partition, polled: &Batch, event: usize, broke: Broke) -> Result<Option<Ended>, Halt> {
        self.broke_in_a_row += 1;
        let most = self.spec.config.max_failures_in_a_row;
        if self.broke_in_a_row > most {
            let message = format!(
                "{most} events in a row broke the plugin, the last one with {}; repair the module and drop it in again",
                broke.reason
            );
            return Ok(Some(Ended::Stop(Reason { code: "max-failures-in-a-row".into(), message, detail: None })));
        }
        let kind = match broke.reason.code.as_str() {
            "deadline" => "deadline",
            "memory" => "memory",
            "contract" => "contract",
            _ => "trap",
        };
        self.metrics.events(1, 0);
        self.fail(at, polled, event, kind, &broke.reason)
    }
}

struct Called {
    ran: Ran,
    broke: Option<Broke>,
}

/// What a failure means for the run.
pub(super) enum Verdict {
    Reject(Reason),
    Ended(Ended),
}

impl From<&Failure> for Verdict {
    fn from(failure: &Failure) -> Self {
        match failure {
            Failure::Reject(reason) => Verdict::Reject(reason.clone()),
            Failure::Retry(reason) => Verdict::Ended(Ended::Retry(reason.clone())),
            Failure::Stop(reason) => Verdict::Ended(Ended::Stop(reason.clone())),
        }
    }
}

impl Ended {
    fn code(&self) -> &str {
        match self {
            Ended::Retry(reason) | Ended::Stop(reason) => &reason.code,
        }
    }
}

impl Failure {
    fn verb(&self) -> &'static str {
        match self.kind() {
            FailureKind::Reject => "reject",
            FailureKind::Retry => "retry",
            FailureKind::Stop => "stop",
        }
    }
}

fn over_limit(over: &wasmill_contract::OverLimit) -> Reason {
    let message = format!(
        "the event caused {} outputs with {} bytes; raise limits.outputs or limits.output-bytes if that is meant",
        over.outputs, over.bytes
    );
    Reason::new("output-limit", message)
}

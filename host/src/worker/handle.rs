//! From polled events to sent outputs and written state: calls, what became of each event, and how a run that broke an
//! instance is split until the event that did it stands alone.

use super::fire;
use super::lane::{Halt, Lane};
use crate::event::{Failure, Partition, Reason};
use crate::kafka::edge::{Outlet, Source};
use crate::plugin::guest::{Answer, Broke};
use std::ops::Range;
use std::time::Instant;
use wasmill_contract::{Batch, Excess, FailureKind, OverLimit};

/// What became of a run.
#[derive(Debug, Default)]
pub(super) struct Ran {
    /// How many of its events are behind us, failed ones included.
    pub handled: usize,
    /// Why the rest is not. None: all are, or a timer is due before the rest.
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
    /// Handles some polled events of one partition, in order. `polled` must be the partition's own. Ends early, without a
    /// reason, where a timer is due before the next event.
    pub(super) fn run(&mut self, at: Partition, polled: &mut Batch, range: Range<usize>) -> Result<Ran, Halt> {
        let mut handled = 0;
        let mut left = vec![range];
        while let Some(part) = left.pop() {
            if handled > 0 && self.timer_is_due(at, polled.stream_time_before(part.start)) {
                break;
            }
            // An event that loops takes up a deadline with each half: what is open must not time out meanwhile.
            if self.is_overdue() {
                break;
            }
            let Called { ran, broke, alone } = self.call(at, polled, part.clone())?;
            if let Some(event) = alone {
                self.replace_instance()?;
                let event = part.start + event;
                let parts = [event + 1..part.end, event..event + 1, part.start..event];
                left.extend(parts.into_iter().filter(|part| !part.is_empty()));
                continue;
            }
            handled += ran.handled;
            if ran.handled > 0 {
                self.broke_in_a_row = 0;
            }
            if ran.ended.is_some() {
                return Ok(Ran { handled, ended: ran.ended });
            }
            let Some(broke) = broke else {
                if ran.handled < part.len() {
                    // The plugin wants its timers looked at before the rest.
                    break;
                }
                continue;
            };
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
        let mut none = None;
        let state = self.tasks.state(at.number).unwrap_or(&mut none);
        let outcome = self.running.guest.process(batch, state);
        let took = started.elapsed();
        self.metrics.wasm_time(took);
        let Some(broke) = outcome.broke else {
            self.pace.took(batch.len(), took);
            return self.apply(at, batch, &outcome.answer);
        };
        if broke.is_of_state() {
            return Err(Halt::Broken(broke.reason.message));
        }
        // Events before the one that broke the instance have been answered already: their effects hold.
        let mut called = match outcome.answer.done as usize {
            0 => Called::default(),
            done => self.apply(at, &batch.copy_range(0..done), &outcome.answer)?,
        };
        called.broke.get_or_insert(broke);
        Ok(called)
    }

    /// Checks an answer and does what it says, event by event.
    pub(super) fn apply(&mut self, at: Partition, batch: &Batch, answer: &Answer) -> Result<Called, Halt> {
        let effects = answer.effects();
        let has_state = self.tasks.state(at.number).is_some_and(|state| state.is_some());
        let over = match effects.check(batch, &self.spec.scope(has_state), &self.spec.limits(), Failure::kind) {
            Ok(over) => over,
            Err(violation) => {
                let reason = Reason::new("contract", violation.to_string());
                return Ok(Called { broke: Some(Broke { reason, culprit_known: false }), ..Called::default() });
            }
        };
        let stops = self.spec.config.on_failure == crate::config::OnFailure::Stop;
        // What the plugin wrote from such an event on can't be told from what it wrote before.
        let tangled =
            |event: u32| batch.len() > 1 && answer.writes.sources.last().is_some_and(|source| *source >= event);
        if let Some(event) = end_without_the_plugin(answer, &over, stops).filter(|event| tangled(*event)) {
            return Ok(Called { alone: Some(event as usize), ..Called::default() });
        }
        let over_limit = !over.is_empty();
        let over = over.into_iter().map(|over| (over.event as usize, "limit", Verdict::Reject(reason(&over))));
        let failed = answer.failures.iter().map(|(event, failure)| (*event as usize, failure.verb(), failure.into()));
        // Neither allocates as long as nothing fails.
        let mut failures: Vec<(usize, &'static str, Verdict)> = failed.chain(over).collect();
        failures.sort_by_key(|(event, ..)| *event);
        failures.dedup_by_key(|(event, ..)| *event);

        let end = failures.iter().find(|(_, _, verdict)| stops || !matches!(verdict, Verdict::Reject(_)));
        let mut end = end.map_or(answer.done as usize, |(event, ..)| *event);
        let failed_outputs = self.send_outputs(at, batch, answer, end, &failures)?;
        let refused_output = !failed_outputs.is_empty();
        if failed_outputs.iter().any(|(event, _)| tangled(*event as u32)) {
            return Err(self.roll_back_for(at, batch, failed_outputs));
        }
        for (event, reason) in failed_outputs {
            failures.push((event, "output", Verdict::Reject(reason)));
            if stops {
                end = end.min(event);
            }
        }
        failures.sort_by_key(|(event, ..)| *event);
        self.write(at, batch, answer, end, &failures)?;
        if has_state && (over_limit || refused_output) {
            // It believes that these events were done.
            self.replace_instance()?;
        }
        match at.topic {
            fire::TOPIC => self.tally.timers += end as u64,
            _ => {
                self.tally.events += end as u64;
                self.tally.event_bytes += batch.bytes() as u64;
            }
        }

        for (event, kind, verdict) in failures {
            if event > end {
                break;
            }
            match verdict {
                Verdict::Reject(reason) => {
                    if let Some(ended) = self.fail(at, batch, event, kind, &reason)? {
                        return Ok(Called::of(Ran { handled: event, ended: Some(ended) }));
                    }
                }
                Verdict::Ended(ended) => {
                    self.metrics.failure(kind, ended.code());
                    return Ok(Called::of(Ran { handled: event, ended: Some(ended) }));
                }
            }
        }
        Ok(Called::of(Ran { handled: end, ended: None }))
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
        match at.topic {
            fire::TOPIC => self.tally.timers += 1,
            _ => self.tally.events += 1,
        }
        self.fail(at, polled, event, kind, &broke.reason)
    }
}

/// What came of a call.
#[derive(Default)]
pub(super) struct Called {
    pub ran: Ran,
    pub broke: Option<Broke>,
    /// Nothing was done: the answer has to come again with this event alone, and with those before and after it apart.
    pub alone: Option<usize>,
}

impl Called {
    fn of(ran: Ran) -> Called {
        Called { ran, ..Called::default() }
    }
}

/// The first event at which the host does something else than the plugin believes: it is over a limit, or the plugin stops
/// at it.
fn end_without_the_plugin(answer: &Answer, over: &[OverLimit], stops: bool) -> Option<u32> {
    let over = over.first().map(|over| over.event);
    let stopped = answer.failures.first().filter(|_| stops).map(|(event, _)| *event);
    over.into_iter().chain(stopped).min()
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

fn reason(over: &OverLimit) -> Reason {
    let excess = over.excess;
    match excess {
        Excess::Effects { .. } => Reason::new(
            "output-limit",
            format!("the event caused {excess}; raise limits.outputs or limits.output-bytes if that is meant"),
        ),
        Excess::Key(_) | Excess::Value(_) => Reason::new("state-limit", format!("the event caused {excess}")),
    }
}

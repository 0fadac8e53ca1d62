//! Events through a module, without Kafka: the same checks as the worker's, the same lines each time.

use super::task::Task;
use crate::config::LimitsConfig;
use crate::event::{Failure, Reason};
use crate::lines::{self, Event, failure_line, output_line};
use crate::plugin::Module;
use crate::plugin::guest::{Answer, Guest, Outcome, TimerTask};
use crate::state::Clock;
use anyhow::{anyhow, bail};
use std::collections::{BTreeMap, HashMap};
use std::ops::ControlFlow;
use wasmill_contract::{Batch, Excess, FailureKind, Limits, OverLimit};

/// The time of an event that names none: 2024-01-01T00:00:00Z.
const SOME_TIME: i64 = 1_704_067_200_000;

/// A timer that sets itself anew for a time that is past would fire for ever.
const CALLS_FOR_TIMERS: usize = 100_000;

/// Runs all events, given with the numbers of their lines, in calls of at most `batch`; answers the lines of what came
/// out, and of what is remembered at the end. Timers fire right after the event that makes them due; those on the wall
/// clock, which stands still, do not.
pub(super) fn replay(
    module: &Module,
    limits: &LimitsConfig,
    events: &[(usize, Event)],
    batch: usize,
) -> anyhow::Result<Vec<String>> {
    let limits = Limits { outputs: limits.outputs, bytes: limits.output_bytes };
    let mut replay = Replay { module, limits, most: batch, guest: None, tasks: BTreeMap::new(), lines: vec![] };
    for run in runs(module, events)? {
        if replay.run(&run)?.is_break() {
            break;
        }
    }
    for (store, spec) in module.wiring.stores.iter().enumerate() {
        for (partition, task) in &mut replay.tasks {
            task.entries(store, |key, value| replay.lines.push(lines::entry_line(&spec.name, *partition, key, value)))?;
        }
    }
    for timer in replay.tasks.values().flat_map(Task::timers) {
        let clock = match timer.clock {
            Clock::EventTime => "event-time",
            Clock::WallClock => "wall-clock",
        };
        replay.lines.push(lines::timer_line(&timer.key, timer.at, clock));
    }
    Ok(replay.lines)
}

/// Neighbours of one input, topic and partition.
pub(in crate::cli) struct Run {
    batch: Batch,
    /// The number of each event's line.
    sources: Vec<usize>,
}

impl Run {
    /// Its events in batches of at most so many.
    pub(in crate::cli) fn cut(&self, most: usize) -> impl Iterator<Item = Batch> {
        (0..self.batch.len())
            .step_by(most)
            .map(move |from| self.batch.copy_range(from..self.batch.len().min(from + most)))
    }
}

/// Events as runs, in the plugin's own terms.
pub(in crate::cli) fn runs(module: &Module, events: &[(usize, Event)]) -> anyhow::Result<Vec<Run>> {
    let mut runs: Vec<Run> = vec![];
    let mut offsets: HashMap<(String, u32), u64> = HashMap::new();
    let time = |event: &Event| event.timestamp.unwrap_or(SOME_TIME);
    // The same for all, so that it does not depend on the batch.
    let now = events.iter().map(|(_, event)| time(event)).max().unwrap_or(SOME_TIME);
    for (line, event) in events {
        let (input, topic) = route(module, event.topic.as_deref()).map_err(|error| anyhow!("line {line}: {error}"))?;
        let partition = event.partition.unwrap_or(0);
        if !runs.last().is_some_and(|run| run.batch.topic == topic && run.batch.partition == partition) {
            let mut batch = Batch::new(partition, input as u32, topic);
            batch.now = now;
            runs.push(Run { batch, sources: vec![] });
        }
        let Some(run) = runs.last_mut() else { bail!("line {line}: no run to put it in") };
        let offset = offsets.entry((topic.to_owned(), partition)).or_insert(0);
        let headers = event.headers.iter().map(|(name, value)| (name.as_slice(), value.as_deref()));
        run.batch.push(*offset, time(event), event.key.as_deref(), event.value.as_deref(), headers);
        run.sources.push(*line);
        *offset += 1;
    }
    Ok(runs)
}

/// The input's index, and the topic.
fn route<'a>(module: &'a Module, topic: Option<&'a str>) -> Result<(usize, &'a str), String> {
    let inputs = &module.resolved.inputs;
    let first = |index: usize| (index, inputs[index].1[0].as_str());
    let Some(topic) = topic else { return Ok(first(0)) };
    if let Some(index) = inputs.iter().position(|(_, topics)| topics.iter().any(|known| known == topic)) {
        return Ok((index, topic));
    }
    inputs.iter().position(|(name, _)| name == topic).map(first).ok_or_else(|| {
        let known: Vec<&str> = inputs.iter().flat_map(|(_, topics)| topics).map(String::as_str).collect();
        format!("no input of the plugin reads the topic {topic:?}; it reads {known:?}")
    })
}

struct Replay<'a> {
    module: &'a Module,
    limits: Limits,
    /// Events a call.
    most: usize,
    /// None: the last one broke, or none was needed yet.
    guest: Option<Box<dyn Guest>>,
    /// By partition number.
    tasks: BTreeMap<u32, Task>,
    lines: Vec<String>,
}

/// What a call came to.
enum Handled {
    /// So many events, or timers, from the first on; the rest goes on.
    Some(usize),
    /// None: which one is to blame shows when each goes alone.
    Split,
    /// The plugin asked to stop.
    Stop,
}

impl Replay<'_> {
    /// Breaks off when the plugin asks to stop.
    fn run(&mut self, run: &Run) -> anyhow::Result<ControlFlow<()>> {
        let partition = run.batch.partition;
        // Events before this one go alone, so that a broken call harms its culprit alone.
        let (mut from, mut alone) = (0, 0);
        while from < run.batch.len() {
            let most = if from < alone { 1 } else { self.most };
            let mut part = run.batch.copy_range(from..run.batch.len().min(from.saturating_add(most)));
            let task = self.task(partition);
            part.stream_time = task.stream_time;
            let part = &mut part.copy_range(0..task.until_timer(&part));
            let outcome = self.call(partition, |guest, task| guest.process(part, &mut task.state))?;
            match self.answered(part, &run.sources[from..], outcome)? {
                Handled::Some(count) => from += count,
                Handled::Split => alone = from + part.len(),
                Handled::Stop => return Ok(ControlFlow::Break(())),
            }
            if self.fire(part.now, partition, run.sources[from.saturating_sub(1)])?.is_break() {
                return Ok(ControlFlow::Break(()));
            }
        }
        Ok(ControlFlow::Continue(()))
    }

    /// Fires the timers that are due; `source` is the line of the last event.
    fn fire(&mut self, now: i64, partition: u32, source: usize) -> anyhow::Result<ControlFlow<()>> {
        let mut alone = false;
        for _ in 0..CALLS_FOR_TIMERS {
            let most = if alone { 1 } else { self.most };
            let task = self.task(partition);
            let due = task.due(most);
            if due.is_empty() {
                return Ok(ControlFlow::Continue(()));
            }
            let at = TimerTask { partition, now, stream_time: task.stream_time };
            let outcome = self.call(partition, |guest, task| guest.timers(at, &due, &mut task.state))?;
            // They are gone before their handlers' own timers are set.
            let fired = outcome.answer.done as usize + outcome.broke.as_ref().map_or(0, |broke| broke.known(due.len()));
            self.task(partition).cancel(&due[..fired]);
            match self.answered(&at.batch(&due), &vec![source; due.len()], outcome)? {
                Handled::Some(_) => {}
                Handled::Split => {
                    self.task(partition).set(&due[..fired]);
                    alone = true;
                }
                Handled::Stop => return Ok(ControlFlow::Break(())),
            }
        }
        bail!(
            "line {source}: timers are due again and again: one that has fired must not be set for a time that is past"
        )
    }

    fn task(&mut self, partition: u32) -> &mut Task {
        self.tasks.entry(partition).or_insert_with(|| Task::new(&self.module.wiring.stores))
    }

    fn call(
        &mut self,
        partition: u32,
        call: impl FnOnce(&mut dyn Guest, &mut Task) -> Outcome,
    ) -> anyhow::Result<Outcome> {
        let mut guest = match self.guest.take() {
            Some(guest) => guest,
            None => self.module.spawn_replayable().map_err(|reason| anyhow!("no instance could be made: {reason}"))?,
        };
        let outcome = call(&mut *guest, self.task(partition));
        self.guest = outcome.broke.is_none().then_some(guest);
        Ok(outcome)
    }

    fn answered(&mut self, batch: &Batch, sources: &[usize], outcome: Outcome) -> anyhow::Result<Handled> {
        let Outcome { answer, broke } = outcome;
        let Some(broke) = broke else { return self.checked(batch, sources, &answer) };
        let culprit = answer.done as usize;
        if broke.known(batch.len()) == 0 {
            return Ok(Handled::Split);
        }
        if culprit > 0
            && let Handled::Split = self.checked(&batch.copy_range(0..culprit), &sources[..culprit], &answer)?
        {
            return Ok(Handled::Split);
        }
        self.failed("trap", &broke.reason, sources[culprit]);
        self.task(batch.partition).saw(batch, culprit + 1)?;
        Ok(Handled::Some(culprit + 1))
    }

    fn checked(&mut self, batch: &Batch, sources: &[usize], answer: &Answer) -> anyhow::Result<Handled> {
        let over = match answer.effects().check(batch, &self.module.scope(), &self.limits, Failure::kind) {
            Ok(over) => over,
            Err(violation) => {
                self.guest = None;
                if batch.len() > 1 {
                    return Ok(Handled::Split);
                }
                self.failed("trap", &Reason::new("contract", violation.to_string()), sources[0]);
                self.task(batch.partition).saw(batch, 1)?;
                return Ok(Handled::Some(1));
            }
        };
        if !over.is_empty() {
            // The instance believes that these were done, and one write may stand for those of other events as well.
            self.guest = None;
            if batch.len() > 1 && !answer.writes.sources.is_empty() {
                return Ok(Handled::Split);
            }
        }
        self.print(batch, sources, answer, &over);
        let last = answer.failures.last().map(|(_, failure)| failure.kind());
        let again = last.is_some_and(|kind| kind != FailureKind::Reject);
        let task = self.task(batch.partition);
        task.apply(batch, answer, &over)?;
        task.saw(batch, answer.done as usize - again as usize)?;
        Ok(match last {
            Some(FailureKind::Stop) => Handled::Stop,
            _ => Handled::Some(answer.done as usize),
        })
    }

    fn print(&mut self, batch: &Batch, sources: &[usize], answer: &Answer, over: &[OverLimit]) {
        let effects = answer.effects();
        let mut outputs = effects.outputs().peekable();
        for (index, source) in sources.iter().enumerate().take(answer.done as usize) {
            let event = batch.event(index);
            let over = over.iter().find(|over| over.event as usize == index);
            while let Some(output) = outputs.next_if(|output| output.source == index) {
                if over.is_some() {
                    continue;
                }
                let (sink, topic) = &self.module.resolved.sinks[output.sink];
                self.lines.push(output_line(&lines::Output {
                    sink,
                    topic,
                    partition: output.partition,
                    timestamp: output.timestamp.unwrap_or(event.timestamp),
                    key: output.key.resolve(event.key),
                    value: output.value.resolve(event.value),
                    headers: output.headers.unwrap_or_else(|| event.headers.clone()),
                }));
            }
            if let Some(over) = over {
                self.failed("reject", &over_limit(over, &self.limits), *source);
            }
            if let Some((_, failure)) = answer.failures.iter().find(|(failed, _)| *failed as usize == index) {
                let kind = match failure.kind() {
                    FailureKind::Reject => "reject",
                    FailureKind::Retry => "retry",
                    FailureKind::Stop => "stop",
                };
                self.failed(kind, failure.reason(), *source);
            }
        }
    }

    fn failed(&mut self, kind: &str, reason: &Reason, source: usize) {
        self.lines.push(failure_line(kind, &reason.code, &reason.message, source));
    }
}

fn over_limit(over: &OverLimit, limits: &Limits) -> Reason {
    let excess = over.excess;
    let message = match excess {
        Excess::Effects { .. } => {
            format!("it caused {excess}; limits.outputs is {}, limits.output-bytes is {}", limits.outputs, limits.bytes)
        }
        Excess::Key(_) | Excess::Value(_) => format!("it caused {excess}"),
    };
    Reason::new("over-limit", message)
}

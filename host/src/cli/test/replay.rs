//! Events through a module, without Kafka: the same checks as the worker's, the same lines each time.

use crate::config::LimitsConfig;
use crate::event::{Failure, Reason};
use crate::lines::{self, Event, failure_line, output_line};
use crate::plugin::Module;
use crate::plugin::guest::{Answer, Guest, Outcome};
use anyhow::{anyhow, bail};
use std::collections::HashMap;
use std::ops::ControlFlow;
use wasmill_contract::{Batch, FailureKind, Limits, OverLimit};

/// The time of an event that names none: 2024-01-01T00:00:00Z.
const SOME_TIME: i64 = 1_704_067_200_000;

/// A task that has seen no event.
const NO_TIME: i64 = -1;

/// Runs all events, given with the numbers of their lines, in calls of at most `batch`; answers the lines of what came
/// out.
pub(super) fn replay(
    module: &Module,
    limits: &LimitsConfig,
    events: &[(usize, Event)],
    batch: usize,
) -> anyhow::Result<Vec<String>> {
    let limits = Limits { outputs: limits.outputs, bytes: limits.output_bytes };
    let mut replay = Replay { module, limits, guest: None, lines: vec![] };
    for mut run in runs(module, events, batch)? {
        if replay.run(&mut run.batch, &run.sources)?.is_break() {
            break;
        }
    }
    Ok(replay.lines)
}

struct Run {
    batch: Batch,
    /// The number of each event's line.
    sources: Vec<usize>,
}

/// Neighbours of one input, topic and partition go in one call.
fn runs(module: &Module, events: &[(usize, Event)], most: usize) -> anyhow::Result<Vec<Run>> {
    let mut runs: Vec<Run> = vec![];
    let mut offsets: HashMap<(String, u32), u64> = HashMap::new();
    let mut stream_times: HashMap<u32, i64> = HashMap::new();
    let time = |event: &Event| event.timestamp.unwrap_or(SOME_TIME);
    // The same for all, so that it does not depend on the batch.
    let now = events.iter().map(|(_, event)| time(event)).max().unwrap_or(SOME_TIME);
    for (line, event) in events {
        let (input, topic) = route(module, event.topic.as_deref()).map_err(|error| anyhow!("line {line}: {error}"))?;
        let partition = event.partition.unwrap_or(0);
        let stream_time = stream_times.entry(partition).or_insert(NO_TIME);
        let fits = runs
            .last()
            .is_some_and(|run| run.batch.topic == topic && run.batch.partition == partition && run.batch.len() < most);
        if !fits {
            let mut batch = Batch::default();
            (batch.partition, batch.input, batch.topic) = (partition, input as u32, topic.to_owned());
            (batch.now, batch.stream_time) = (now, *stream_time);
            runs.push(Run { batch, sources: vec![] });
        }
        let Some(run) = runs.last_mut() else { bail!("line {line}: no run to put it in") };
        let offset = offsets.entry((topic.to_owned(), partition)).or_insert(0);
        let headers = event.headers.iter().map(|(name, value)| (name.as_slice(), value.as_deref()));
        run.batch.push(*offset, time(event), event.key.as_deref(), event.value.as_deref(), headers);
        run.sources.push(*line);
        *offset += 1;
        *stream_time = time(event).max(*stream_time);
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
    /// None: the last one broke, or none was needed yet.
    guest: Option<Box<dyn Guest>>,
    lines: Vec<String>,
}

/// What a call came to.
enum Handled {
    /// So many events from the first on; the rest goes on.
    Some(usize),
    /// None: which event is to blame shows when each goes alone.
    Split,
    /// The plugin asked to stop.
    Stop,
}

impl Replay<'_> {
    /// Breaks off when the plugin asks to stop.
    fn run(&mut self, batch: &mut Batch, sources: &[usize]) -> anyhow::Result<ControlFlow<()>> {
        let mut from = 0;
        while from < batch.len() {
            let handled = match from {
                0 => self.call(batch, sources)?,
                _ => self.call(&mut batch.copy_range(from..batch.len()), &sources[from..])?,
            };
            match handled {
                Handled::Some(count) => from += count,
                Handled::Split => return self.one_by_one(&batch.copy_range(from..batch.len()), &sources[from..]),
                Handled::Stop => return Ok(ControlFlow::Break(())),
            }
        }
        Ok(ControlFlow::Continue(()))
    }

    fn call(&mut self, batch: &mut Batch, sources: &[usize]) -> anyhow::Result<Handled> {
        let Outcome { answer, broke } = self.guest()?.process(batch, &mut None);
        let Some(broke) = broke else { return Ok(self.answered(batch, sources, &answer)) };
        self.guest = None;
        if !broke.culprit_known && batch.len() > 1 {
            return Ok(Handled::Split);
        }
        let culprit = answer.done as usize;
        if culprit > 0 {
            self.answered(&batch.copy_range(0..culprit), &sources[..culprit], &answer);
        }
        self.failed("trap", &broke.reason, sources[culprit]);
        Ok(Handled::Some(culprit + 1))
    }

    fn answered(&mut self, batch: &Batch, sources: &[usize], answer: &Answer) -> Handled {
        let over = match answer.effects().check(batch, &self.module.scope(), &self.limits, Failure::kind) {
            Ok(over) => over,
            Err(violation) => {
                self.guest = None;
                if batch.len() > 1 {
                    return Handled::Split;
                }
                self.failed("trap", &Reason::new("contract", violation.to_string()), sources[0]);
                return Handled::Some(1);
            }
        };
        if !over.is_empty() {
            // The instance believes that these were done.
            self.guest = None;
        }
        self.print(batch, sources, answer, &over);
        if answer.failures.last().is_some_and(|(_, failure)| failure.kind() == FailureKind::Stop) {
            return Handled::Stop;
        }
        Handled::Some(answer.done as usize)
    }

    /// So that a broken call harms its culprit alone.
    fn one_by_one(&mut self, batch: &Batch, sources: &[usize]) -> anyhow::Result<ControlFlow<()>> {
        let mut stream_time = batch.stream_time;
        for index in 0..batch.len() {
            let mut one = batch.copy_range(index..index + 1);
            one.stream_time = stream_time;
            stream_time = stream_time.max(batch.timestamps[index]);
            if self.run(&mut one, &sources[index..=index])?.is_break() {
                return Ok(ControlFlow::Break(()));
            }
        }
        Ok(ControlFlow::Continue(()))
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

    fn guest(&mut self) -> anyhow::Result<&mut Box<dyn Guest>> {
        let guest = match self.guest.take() {
            Some(guest) => guest,
            None => self.module.spawn_replayable().map_err(|reason| anyhow!("no instance could be made: {reason}"))?,
        };
        Ok(self.guest.insert(guest))
    }
}

fn over_limit(over: &OverLimit, limits: &Limits) -> Reason {
    let message = format!(
        "it caused {}; limits.outputs is {}, limits.output-bytes is {}",
        over.excess, limits.outputs, limits.bytes
    );
    Reason::new("over-limit", message)
}

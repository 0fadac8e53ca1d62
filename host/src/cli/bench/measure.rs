//! Events through an instance, again and again, with a clock beside it.

use super::super::test::Task;
use crate::event::Failure;
use crate::plugin::Module;
use anyhow::{Result, anyhow, bail};
use std::collections::BTreeMap;
use std::time::{Duration, Instant};
use wasmill_contract::{Batch, Limits};

/// The time of an event is the median of so many rounds: a machine has other things to do now and then.
const ROUNDS: u32 = 9;

/// Of the time, before it counts: caches fill, and a runtime's garbage collector finds its pace.
const WARM_UP: u32 = 5;

/// What it takes until a plugin can work.
pub(super) struct Load {
    /// Bytes of the file.
    pub(super) size: u64,
    /// Compiled, checked and tried out.
    pub(super) first: Duration,
    /// The same with machine code from the cache.
    pub(super) cached: Duration,
    /// An instance made and configured.
    pub(super) instance: Duration,
}

/// What its work costs.
pub(super) struct Costs {
    /// An event.
    pub(super) nanoseconds: f64,
    /// Bytes of memories and tables of the instance, before the first event.
    pub(super) memory_start: usize,
    /// The same after the last one.
    pub(super) memory_end: usize,
    pub(super) events: u64,
    pub(super) outputs: u64,
    pub(super) failures: u64,
    /// Calls after which a new instance had to be made.
    pub(super) traps: u64,
}

impl Costs {
    pub(super) fn per_second(&self) -> f64 {
        1e9 / self.nanoseconds
    }
}

/// Gives all batches to an instance, round after round, as long as `duration`.
pub(super) fn measure(module: &Module, mut batches: Vec<Batch>, duration: Duration) -> Result<Costs> {
    let spawn = || module.spawn_replayable().map_err(|reason| anyhow!("no instance could be made: {reason}"));
    let mut guest = spawn()?;
    let memory = guest.memory_bytes();
    let mut costs =
        Costs { nanoseconds: 0.0, memory_start: memory, memory_end: 0, events: 0, outputs: 0, failures: 0, traps: 0 };
    let mut tasks: BTreeMap<u32, Task> = BTreeMap::new();
    // The host's checks are not the plugin's costs, but what they find is its fault.
    let limits = Limits { outputs: usize::MAX, bytes: usize::MAX };
    let mut once = |costs: &mut Costs| -> Result<Duration> {
        let mut time = Duration::ZERO;
        for batch in &mut batches {
            let task = tasks.entry(batch.partition).or_insert_with(|| Task::new(&module.wiring.stores));
            let mut from = 0;
            while from < batch.len() {
                let mut part = batch.copy_range(from..batch.len());
                part.stream_time = task.stream_time;
                let start = Instant::now();
                let outcome = guest.process(&mut part, &mut task.state);
                time += start.elapsed();
                let answer = &outcome.answer;
                if let Err(violation) = answer.effects().check(&part, &module.scope(), &limits, Failure::kind) {
                    bail!("its answer breaks the contract: {violation}");
                }
                task.apply(&part, answer, &[])?;
                costs.outputs += answer.sources.len() as u64;
                costs.failures += answer.failures.len() as u64;
                let mut done = answer.done as usize;
                if outcome.broke.is_some() {
                    costs.traps += 1;
                    guest = spawn()?;
                    // The one that broke it, or, where that is not known, the first one left.
                    done += 1;
                } else if done == 0 {
                    bail!("it handles no event, and asks for the same again and again");
                } else if answer.failures.last().is_some_and(|(_, failure)| !matches!(failure, Failure::Reject(_))) {
                    // A retry or a stop would offer the last one again.
                    done = done.max(1);
                }
                from += done;
                costs.events += done as u64;
                task.saw(&part, done.min(part.len()))?;
            }
        }
        costs.memory_end = guest.memory_bytes();
        Ok(time)
    };
    let begin = Instant::now();
    while begin.elapsed() < duration / WARM_UP {
        once(&mut costs)?;
    }
    let mut rounds = vec![];
    for _ in 0..ROUNDS {
        let (begin, before) = (Instant::now(), costs.events);
        let mut time = Duration::ZERO;
        while time.is_zero() || begin.elapsed() < duration / ROUNDS {
            time += once(&mut costs)?;
        }
        rounds.push(time.as_nanos() as f64 / (costs.events - before) as f64);
    }
    rounds.sort_by(f64::total_cmp);
    costs.nanoseconds = rounds[rounds.len() / 2];
    Ok(costs)
}

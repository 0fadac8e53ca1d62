//! `wasmill bench`: what a plugin costs.

mod measure;

use super::scratch::Scratch;
use super::test::{read_settings, runs};
use crate::config::PluginConfig;
use crate::lines::{Event, read_events};
use crate::plugin::Module;
use anyhow::{Context, Result, bail};
use measure::{Costs, Load, measure};
use std::num::NonZeroUsize;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::sync::Arc;
use std::time::{Duration, Instant};

/// What the Rust SDK makes of `benches/modules/pass-through`, by `cargo xtask bench` of the commit that brought it here. It is not
/// built again: a yardstick has the same length tomorrow.
const PASS_THROUGH: &[u8] = include_bytes!("pass-through.wasm");

/// Instances are made so often, to have the time of one.
const INSTANCES: u32 = 20;

const EXAMPLES: &str = "\
Examples:
  What an event costs, beside a plugin in Rust that only passes events on:
      wasmill generate orders --count 10000 > orders.jsonl
      wasmill bench fraud.wasm --input orders.jsonl

  Beside another one of yours:
      wasmill bench fraud.wasm --input orders.jsonl --beside old.wasm";

/// Measure what a plugin costs: time an event, memory and its growth, time to load.
///
/// Events go through the plugin again and again, on one thread and without Kafka, as a worker would give them: in runs of one
/// partition, with stores in memory. What counts is the time in the plugin and at its boundary. An idle machine gives the truest
/// figures.
#[derive(Debug, clap::Args)]
#[command(after_long_help = EXAMPLES)]
pub struct BenchArgs {
    /// The plugin
    #[arg(value_name = "FILE")]
    file: PathBuf,

    /// The events, one a line, as for `wasmill test`
    #[arg(long, value_name = "FILE")]
    input: PathBuf,

    /// Another plugin to be measured with the same events; without it, one in Rust that only passes events on
    #[arg(long, value_name = "FILE")]
    beside: Option<PathBuf>,

    /// What `configure` gets: a file with the plugin's settings, as JSON or, if it ends in .toml, as TOML
    #[arg(long, value_name = "FILE")]
    settings: Option<PathBuf>,

    /// At most so many events a call
    #[arg(long, value_name = "N", default_value = "1000")]
    batch: NonZeroUsize,

    /// How long each of the two is measured
    #[arg(long, value_name = "SECONDS", default_value = "3")]
    seconds: NonZeroUsize,

    /// Print one line of JSON instead of a table
    #[arg(long)]
    json: bool,
}

/// Measures both, and prints what it found side by side.
pub fn run(args: BenchArgs) -> Result<ExitCode> {
    let settings = args.settings.as_deref().map(read_settings).transpose()?.unwrap_or_default();
    let config = PluginConfig { settings, ..PluginConfig::default() };
    let events = read_events(&args.input)?;
    if events.is_empty() {
        bail!("{} has no events to measure with", args.input.display());
    }
    let duration = Duration::from_secs(args.seconds.get() as u64);
    let measured = |file: &Path, config: &PluginConfig, events: &[(usize, Event)]| {
        let (module, load) = load(file, config)?;
        let runs = runs(&module, events).with_context(|| args.input.display().to_string())?;
        let batches = runs.iter().flat_map(|run| run.cut(args.batch.get())).collect();
        let costs = measure(&module, batches, duration).with_context(|| file.display().to_string())?;
        anyhow::Ok((load, costs))
    };
    let (load, costs) = measured(&args.file, &config, &events)?;
    if args.json {
        println!("{}", json(&load, &costs));
        return Ok(ExitCode::SUCCESS);
    }
    let plain = PluginConfig::default();
    let scratch;
    let (beside, name) = match &args.beside {
        Some(file) => (measured(file, &plain, &events)?, file.file_stem().unwrap_or_default().to_string_lossy()),
        None => {
            scratch = tempfile::tempdir()?;
            let file = scratch.path().join("pass-through.wasm");
            std::fs::write(&file, PASS_THROUGH)?;
            // It has no input of these topics: all events come in by the one that it has.
            let events: Vec<_> =
                events.iter().map(|(line, event)| (*line, Event { topic: None, ..event.clone() })).collect();
            (measured(&file, &plain, &events)?, "pass-through".into())
        }
    };
    print_table(&args.file.file_stem().unwrap_or_default().to_string_lossy(), &(load, costs), &name, &beside);
    Ok(ExitCode::SUCCESS)
}

/// Loads it twice, with a cache that is empty the first time.
fn load(file: &Path, config: &PluginConfig) -> Result<(Arc<Module>, Load)> {
    let scratch = Scratch::new()?;
    let name = file.file_stem().unwrap_or_default().to_string_lossy();
    let once = || {
        let start = Instant::now();
        let module =
            scratch.loader.load(&name, file, config).with_context(|| format!("{} is refused", file.display()))?;
        anyhow::Ok((start.elapsed(), module))
    };
    let (first, _) = once()?;
    let (cached, module) = once()?;
    let start = Instant::now();
    for _ in 0..INSTANCES {
        module.spawn_replayable().map_err(|reason| anyhow::anyhow!("no instance could be made: {reason}"))?;
    }
    let instance = start.elapsed() / INSTANCES;
    Ok((module.clone(), Load { size: module.size, first, cached, instance }))
}

fn json(load: &Load, costs: &Costs) -> serde_json::Value {
    serde_json::json!({
        "bytes": load.size,
        "first_load_ms": millis(load.first),
        "cached_load_ms": millis(load.cached),
        "instance_us": load.instance.as_secs_f64() * 1e6,
        "ns_per_event": costs.nanoseconds,
        "events_per_second": costs.per_second(),
        "memory_bytes": costs.memory_start,
        "memory_end_bytes": costs.memory_end,
        "events": costs.events,
        "outputs": costs.outputs,
        "failures": costs.failures,
        "traps": costs.traps,
    })
}

fn millis(duration: Duration) -> f64 {
    duration.as_secs_f64() * 1e3
}

fn print_table(name: &str, one: &(Load, Costs), other_name: &str, other: &(Load, Costs)) {
    println!("{:<24}{name:>18}{other_name:>18}", "");
    let row = |label: &str, cell: &dyn Fn(&(Load, Costs)) -> String| {
        println!("{label:<24}{:>18}{:>18}", cell(one), cell(other));
    };
    row("ns an event", &|(_, costs)| format!("{:.0}", costs.nanoseconds));
    row("events/s a core", &|(_, costs)| format!("{:.0}", costs.per_second()));
    row("memory", &|(_, costs)| kib(costs.memory_start));
    row("  after all events", &|(_, costs)| kib(costs.memory_end));
    row("file", &|(load, _)| kib(load.size as usize));
    row("load, the first time", &|(load, _)| format!("{:.1} ms", millis(load.first)));
    row("load, from the cache", &|(load, _)| format!("{:.1} ms", millis(load.cached)));
    row("one more instance", &|(load, _)| format!("{:.0} us", load.instance.as_secs_f64() * 1e6));
    row("events", &|(_, costs)| costs.events.to_string());
    row("  outputs", &|(_, costs)| costs.outputs.to_string());
    row("  failures", &|(_, costs)| costs.failures.to_string());
    row("  traps", &|(_, costs)| costs.traps.to_string());
}

fn kib(bytes: usize) -> String {
    format!("{} KiB", bytes.div_ceil(1024))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_yardstick_passes_each_event_on() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("pass-through.wasm");
        std::fs::write(&file, PASS_THROUGH).unwrap();
        let (module, load) = load(&file, &PluginConfig::default()).unwrap();
        assert_eq!(load.size, PASS_THROUGH.len() as u64);
        let event = |line: usize| (line, Event { value: Some(line.to_string().into_bytes()), ..Event::default() });
        let events: Vec<_> = (1..=20).map(event).collect();
        let batches = runs(&module, &events).unwrap().iter().flat_map(|run| run.cut(7)).collect();
        let costs = measure(&module, batches, Duration::from_millis(1)).unwrap();
        assert!(costs.events >= 20, "{}", costs.events);
        assert_eq!((costs.outputs, costs.failures, costs.traps), (costs.events, 0, 0));
    }
}

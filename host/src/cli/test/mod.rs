//! `wasmill test`: a plugin offline, on events from a file.

mod capture;
mod compare;
pub(super) mod golden;
mod json;
mod replay;
mod task;

pub(super) use replay::runs;
pub(super) use task::Task;

use super::scratch::Scratch;
use crate::author::Project;
use crate::config::PluginConfig;
use crate::lines::{Event, read_events};
use crate::plugin::{Engine, Loader};
use anyhow::{Context, bail};
use capture::CaptureArgs;
use std::io::Write;
use std::num::NonZeroUsize;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

const EXAMPLES: &str = "\
Examples:
  The golden cases of the project in this folder, and to accept what comes out of them:
      wasmill test
      wasmill test --update

  What comes of these events:
      wasmill test fraud.wasm --input events.jsonl

  Whether it is what should come, for a build; the first difference is printed and the exit code is 1:
      wasmill test fraud.wasm --input events.jsonl --expect expected.jsonl

  What comes of the last events of a topic, and to keep them as a golden case:
      wasmill test fraud.wasm --from-topic orders --last 1000 --save golden/from-orders

  Whether a repaired plugin can process what its old module could not:
      wasmill test fraud.wasm --from-dlq

  Accept what came out, with other settings:
      wasmill test fraud.wasm --input events.jsonl --expect expected.jsonl --settings fraud.toml --update";

/// Run events through a plugin, without Kafka.
///
/// Without events of its own it runs the golden cases: folders in `golden/` beside the plugin with events.jsonl,
/// expected.jsonl and perhaps settings.json, each in calls of 1, 7 and 500 events.
///
/// With events it prints what comes out, as JSON lines. The same events give the same lines, whatever the time and the batch.
///
/// An event is a line like {"topic":"orders","key":"k","value":{"amount":1},"headers":{"a":"b"},"timestamp":1700000000000};
/// all fields may be left out. A value (a key, a header's value) is JSON, a string, null, or {"base64":"..."}. Without a
/// topic it goes to the plugin's first input; the name of an input is good as a topic, too.
///
/// What comes out is {"sink":...,"topic":...,"key":...,"value":...,"headers":...,"timestamp":...} for an output, and
/// {"failure":"reject","code":...,"message":...,"source":2} for an event that failed, by the number of its line. After a
/// `retry` the next event follows, after a `stop` none.
///
/// Timers on event time fire right after the event that makes them due, those on the wall clock never. At the end stands what
/// the plugin remembers: {"state":"totals","partition":0,"key":...,"value":...} for an entry of a store, and
/// {"timer":"key","at":1700000000000,"clock":"event-time"} for a timer that is set.
#[derive(Debug, clap::Args)]
#[command(after_long_help = EXAMPLES)]
pub struct TestArgs {
    /// The plugin; without it, that of the project in this folder
    #[arg(value_name = "FILE")]
    file: Option<PathBuf>,

    /// The events, one a line
    #[arg(long, value_name = "FILE")]
    input: Option<PathBuf>,

    /// What should come out, one a line, in order; a field that is left out is not compared, nor is what the plugin
    /// remembers if no line is about it. Numbers are compared as they are written: 10.1 is not 10.10. If it differs, the
    /// exit code is 1, and the difference is printed
    #[arg(long, value_name = "FILE", requires = "input")]
    expect: Option<PathBuf>,

    /// Writes what came out to the file of --expect, or to those of the golden cases
    #[arg(long)]
    update: bool,

    /// What `configure` gets: a file with the plugin's settings, as JSON or, if it ends in .toml, as TOML
    #[arg(long, value_name = "FILE")]
    settings: Option<PathBuf>,

    /// At most so many events a call
    #[arg(long, value_name = "N", default_value = "500")]
    batch: NonZeroUsize,

    #[command(flatten)]
    capture: CaptureArgs,
}

/// Runs the events, or the golden cases, and compares.
pub fn run(args: TestArgs) -> anyhow::Result<ExitCode> {
    let file = match &args.file {
        Some(file) => file.clone(),
        None => Project::open(Path::new("."))?.module(),
    };
    let name = file.file_stem().unwrap_or_default().to_string_lossy();
    if args.capture.is_asked_for() {
        let (from, mut events) = args.capture.events(&name)?;
        let lines = run_events(&args, &file, &from, &mut events)?;
        args.capture.keep(&events, &lines)?;
        return Ok(ExitCode::SUCCESS);
    }
    match &args.input {
        Some(input) => {
            if args.update && args.expect.is_none() {
                bail!("--update writes to the file of --expect: name it");
            }
            let lines = run_events(&args, &file, &input.display().to_string(), &mut read_events(input)?)?;
            args.expect.as_ref().map_or(Ok(ExitCode::SUCCESS), |expect| compared(expect, &lines, args.update))
        }
        None => run_golden(&file, args.update),
    }
}

fn run_golden(file: &Path, update: bool) -> anyhow::Result<ExitCode> {
    let folder = file.with_file_name("golden");
    if !folder.is_dir() {
        bail!("there are no events: name them with --input, or put golden cases into {}", folder.display());
    }
    let checked = golden::check(&Scratch::new()?.loader, file, &folder, update)?;
    for accepted in &checked.accepted {
        println!("{accepted}: written anew");
    }
    for difference in &checked.wrong {
        eprint!("{difference}");
    }
    println!("{} of {} golden cases fine", checked.fine, checked.fine + checked.wrong.len() + checked.accepted.len());
    Ok(if checked.wrong.is_empty() { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

/// Runs events that come from `from`, and prints what comes out.
fn run_events(args: &TestArgs, file: &Path, from: &str, events: &mut [(usize, Event)]) -> anyhow::Result<Vec<String>> {
    let settings = args.settings.as_deref().map(read_settings).transpose()?.unwrap_or_default();
    let config = PluginConfig { settings, ..PluginConfig::default() };
    let name = file.file_stem().unwrap_or_default().to_string_lossy();
    let module = Loader::new(Engine::new()?, None)
        .load(&name, file, &config)
        .with_context(|| format!("{} is refused", file.display()))?;
    if args.capture.is_asked_for() {
        // Its configuration may have connected an input with this topic; here it has none, and one input is enough.
        let known = |topic: &String| module.resolved.inputs.iter().any(|(_, topics)| topics.contains(topic));
        for (_, event) in events.iter_mut() {
            event.topic = event.topic.take().filter(known);
        }
    }
    let lines = replay::replay(&module, &config.limits, events, args.batch.get()).with_context(|| from.to_owned())?;
    let mut out = std::io::stdout().lock();
    for line in &lines {
        writeln!(out, "{line}")?;
    }
    Ok(lines)
}

fn compared(expect: &Path, lines: &[String], update: bool) -> anyhow::Result<ExitCode> {
    if update {
        let text: String = lines.iter().map(|line| format!("{line}\n")).collect();
        std::fs::write(expect, text).with_context(|| expect.display().to_string())?;
        return Ok(ExitCode::SUCCESS);
    }
    let expected = std::fs::read_to_string(expect).with_context(|| expect.display().to_string())?;
    match compare::difference(expect, &expected, lines)? {
        None => Ok(ExitCode::SUCCESS),
        Some(difference) => {
            eprint!("{difference}");
            Ok(ExitCode::FAILURE)
        }
    }
}

/// Settings as `configure` gets them, from JSON or TOML.
pub(super) fn read_settings(file: &Path) -> anyhow::Result<serde_json::Map<String, serde_json::Value>> {
    let shown = file.display();
    let text = std::fs::read_to_string(file).with_context(|| shown.to_string())?;
    let settings = if file.extension().is_some_and(|extension| extension == "toml") {
        let table: toml::Table = toml::from_str(&text).with_context(|| shown.to_string())?;
        serde_json::to_value(table)?
    } else {
        serde_json::from_str(&text).with_context(|| shown.to_string())?
    };
    match settings {
        serde_json::Value::Object(settings) => Ok(settings),
        other => bail!("{shown}: settings are an object, like {{\"threshold\": 300}}, and not {other}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn settings_are_json_or_toml() {
        let folder = tempfile::tempdir().unwrap();
        let settings = |name: &str, text: &str| {
            let file = folder.path().join(name);
            std::fs::write(&file, text).unwrap();
            read_settings(&file).map(|settings| serde_json::Value::Object(settings).to_string())
        };
        assert_eq!(settings("a.json", r#"{"b": 1, "a": [true]}"#).unwrap(), r#"{"b":1,"a":[true]}"#);
        assert_eq!(settings("a.toml", "a = 1\n[b]\nc = 'x'").unwrap(), r#"{"a":1,"b":{"c":"x"}}"#);
        assert!(settings("b.json", "[1]").unwrap_err().to_string().contains("settings are an object"));
    }
}

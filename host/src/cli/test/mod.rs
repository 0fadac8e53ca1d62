//! `wasmill test`: a plugin offline, on events from a file.

mod compare;
mod json;
mod replay;
mod task;

use crate::config::PluginConfig;
use crate::lines::read_events;
use crate::plugin::{Engine, Loader};
use anyhow::{Context, bail};
use std::io::Write;
use std::num::NonZeroUsize;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

const EXAMPLES: &str = "\
Examples:
  What comes of these events:
      wasmill test fraud.wasm --input events.jsonl

  Whether it is what should come, for a build; the first difference is printed and the exit code is 1:
      wasmill test fraud.wasm --input events.jsonl --expect expected.jsonl

  Accept what came out, with other settings:
      wasmill test fraud.wasm --input events.jsonl --expect expected.jsonl --settings fraud.toml --update";

/// Run events from a file through a plugin, without Kafka.
///
/// Prints what comes out, as JSON lines. The same events give the same lines, whatever the time and the batch.
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
    /// The plugin
    #[arg(value_name = "FILE")]
    file: PathBuf,

    /// The events, one a line
    #[arg(long, value_name = "FILE")]
    input: PathBuf,

    /// What should come out, one a line, in order; a field that is left out is not compared, nor is what the plugin
    /// remembers if no line is about it. Numbers are compared as they are written: 10.1 is not 10.10. If it differs, the
    /// exit code is 1, and the difference is printed
    #[arg(long, value_name = "FILE")]
    expect: Option<PathBuf>,

    /// Writes what came out to the file of --expect
    #[arg(long, requires = "expect")]
    update: bool,

    /// What `configure` gets: a file with the plugin's settings, as JSON or, if it ends in .toml, as TOML
    #[arg(long, value_name = "FILE")]
    settings: Option<PathBuf>,

    /// At most so many events a call
    #[arg(long, value_name = "N", default_value = "500")]
    batch: NonZeroUsize,
}

/// Runs the events and compares.
pub fn run(args: TestArgs) -> anyhow::Result<ExitCode> {
    let settings = args.settings.as_deref().map(read_settings).transpose()?.unwrap_or_default();
    let config = PluginConfig { settings, ..PluginConfig::default() };
    let events = read_events(&args.input)?;
    let name = args.file.file_stem().unwrap_or_default().to_string_lossy();
    let module = Loader::new(Engine::new()?, None)
        .load(&name, &args.file, &config)
        .with_context(|| format!("{} is refused", args.file.display()))?;
    let lines = replay::replay(&module, &config.limits, &events, args.batch.get())
        .with_context(|| args.input.display().to_string())?;
    let mut out = std::io::stdout().lock();
    for line in &lines {
        writeln!(out, "{line}")?;
    }
    let Some(expect) = &args.expect else { return Ok(ExitCode::SUCCESS) };
    if args.update {
        let text: String = lines.iter().map(|line| format!("{line}\n")).collect();
        std::fs::write(expect, text).with_context(|| expect.display().to_string())?;
        return Ok(ExitCode::SUCCESS);
    }
    let expected = std::fs::read_to_string(expect).with_context(|| expect.display().to_string())?;
    match compare::difference(expect, &expected, &lines)? {
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

//! `wasmill check`: what a file is, and what it would be refused for.

use super::test::read_settings;
use crate::config::PluginConfig;
use crate::plugin::binary::Kind;
use crate::plugin::{Engine, Loaded, Loader, Module};
use crate::state::StoreSpec;
use std::fmt::{self, Display, Formatter};
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::time::Duration;

const EXAMPLES: &str = "\
Examples:
  Before a module is dropped into the folder:
      wasmill check target/wasm32-wasip2/release/fraud.wasm

  With the settings that it will have:
      wasmill check fraud.wasm --settings fraud-settings.json

  Everything in the folder:
      wasmill check plugins/*.wasm";

/// Tell what module files are, and what they would be refused for.
///
/// Looks at them the way the host does before it runs one, and prints what each is: its exports, imports, inputs, sinks,
/// stores and settings. Needs no Kafka and no configuration.
///
/// The exit code is 0 only if the host would take all of them.
#[derive(Debug, clap::Args)]
#[command(after_long_help = EXAMPLES)]
pub struct CheckArgs {
    /// The files (components, built for wasm32-wasip2 for example)
    #[arg(required = true, value_name = "FILE")]
    files: Vec<PathBuf>,

    /// What `configure` gets: a file with the plugin's settings, as JSON or, if it ends in .toml, as TOML
    #[arg(long, value_name = "FILE")]
    settings: Option<PathBuf>,
}

/// Checks all files and prints a report of each.
pub fn run(args: CheckArgs) -> anyhow::Result<ExitCode> {
    let settings = args.settings.as_deref().map(read_settings).transpose()?.unwrap_or_default();
    let config = PluginConfig { settings, ..PluginConfig::default() };
    let loader = Loader::new(Engine::new()?, None);
    let mut out = std::io::stdout().lock();
    let mut fine = true;
    for file in &args.files {
        let name = file.file_stem().unwrap_or_default().to_string_lossy();
        match loader.inspect(&name, file, &config) {
            Ok(loaded) => {
                fine &= loaded.module.is_ok();
                write!(out, "{}", Report { file, loaded: &loaded })?;
            }
            Err(error) => {
                fine = false;
                writeln!(out, "{}: refused ({})\n  {error}", file.display(), error.code())?;
            }
        }
    }
    Ok(if fine { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

/// What a file is, for a person.
pub(super) struct Report<'a> {
    pub(super) file: &'a Path,
    pub(super) loaded: &'a Loaded,
}

impl Display for Report<'_> {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        let loaded = self.loaded;
        match &loaded.module {
            Ok(_) => writeln!(f, "{}: fine", self.file.display())?,
            Err(error) => writeln!(f, "{}: refused ({})\n  {error}", self.file.display(), error.code())?,
        }
        let kind = match loaded.kind {
            Kind::Component => "component",
            Kind::CoreModule => "core module",
            Kind::Incomplete => "the beginning of a WebAssembly file",
            Kind::Garbage => "not WebAssembly",
        };
        line(f, "file", format_args!("{kind}, {} bytes, sha256 {}", loaded.size, loaded.sha256))?;
        let made_with: Vec<String> =
            loaded.made_with.iter().map(|(name, version)| format!("{name} {version}").trim().to_owned()).collect();
        if !made_with.is_empty() {
            line(f, "made with", made_with.join(", "))?;
        }
        if let Ok(module) = &loaded.module {
            about(f, module)?;
        }
        lines(f, "exports", &loaded.exports)?;
        lines(f, "imports", &loaded.imports)
    }
}

fn about(f: &mut Formatter<'_>, module: &Module) -> fmt::Result {
    let about = &module.about;
    line(f, "world", module.world)?;
    line(f, "says it is", format_args!("{} {}: {}", about.name, about.version, about.description))?;
    let inputs: Vec<String> =
        module.resolved.inputs.iter().map(|(input, topics)| format!("{input} <- {}", topics.join(", "))).collect();
    lines(f, "inputs", &inputs)?;
    let sinks: Vec<String> = module.resolved.sinks.iter().map(|(sink, topic)| format!("{sink} -> {topic}")).collect();
    lines(f, "sinks", &sinks)?;
    let stores: Vec<String> = module.wiring.stores.iter().map(store).collect();
    lines(f, "stores", &stores)?;
    match &about.settings_schema {
        Some(schema) => lines(f, "settings", &pretty(schema)),
        None => Ok(()),
    }
}

fn store(store: &StoreSpec) -> String {
    let mut text = format!("{}, version {}", store.name, store.version);
    if let Some(ttl) = store.ttl_ms {
        text += &format!(", entries live for {:?}", Duration::from_millis(ttl));
    }
    if store.keyed_by_event {
        text += ", keyed by event";
    }
    text
}

fn pretty(schema: &str) -> Vec<String> {
    let pretty =
        serde_json::from_str::<serde_json::Value>(schema).and_then(|schema| serde_json::to_string_pretty(&schema));
    // One that is no JSON is shown as it is: it is for people only.
    pretty.as_deref().unwrap_or(schema).lines().map(str::to_owned).collect()
}

fn lines(f: &mut Formatter<'_>, label: &str, values: &[String]) -> fmt::Result {
    for (index, value) in values.iter().enumerate() {
        line(f, if index == 0 { label } else { "" }, value)?;
    }
    Ok(())
}

fn line(f: &mut Formatter<'_>, label: &str, value: impl Display) -> fmt::Result {
    writeln!(f, "  {label:<11} {value}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_store_is_reported_as_it_was_declared() {
        let mut spec = StoreSpec { name: "totals".into(), ttl_ms: None, version: 2, keyed_by_event: false };
        assert_eq!(store(&spec), "totals, version 2");
        (spec.ttl_ms, spec.keyed_by_event) = (Some(90_000), true);
        assert_eq!(store(&spec), "totals, version 2, entries live for 90s, keyed by event");
    }

    #[test]
    fn a_core_module_is_reported_with_what_to_do() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("p.wasm");
        std::fs::write(&file, b"\0asm\x01\0\0\0").unwrap();
        let loader = Loader::new(Engine::new().unwrap(), None);
        let loaded = loader.inspect("p", &file, &PluginConfig::default()).unwrap();
        let report = Report { file: Path::new("p.wasm"), loaded: &loaded }.to_string();
        assert!(
            report.starts_with("p.wasm: refused (not-a-component)\n  this is a core WebAssembly module"),
            "{report}"
        );
        assert!(report.contains("\n  file        core module, 8 bytes, sha256 93a44bbb"), "{report}");
    }
}

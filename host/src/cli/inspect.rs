//! `wasmill inspect`: a plugin looked at closely, alone or beside the one that it would replace.

use super::scratch::Scratch;
use super::test::read_settings;
use crate::config::PluginConfig;
use crate::plugin::{Loaded, Loader, Module, binary};
use crate::reload::change::{Change, Footing, change};
use anyhow::{Context, Result};
use std::fmt::{self, Display, Formatter};
use std::path::{Path, PathBuf};
use std::process::ExitCode;

const EXAMPLES: &str = "\
Examples:
  What a file is, and what it may do:
      wasmill inspect fraud.wasm

  What would happen if it took the place of another one:
      wasmill inspect fraud.wasm --against plugins/fraud.wasm";

/// Tell what a plugin is made of and may do, and whether it can replace another one.
///
/// `--against` gives the judgement that a running host would give with the configuration in FILE.toml beside OLD, if there is
/// one: whether the new module takes over between two commits (swap), the workers stop and start again (restart), or it is
/// refused. The exit code is 1 only if it is refused.
#[derive(Debug, clap::Args)]
#[command(after_long_help = EXAMPLES)]
pub struct InspectArgs {
    /// The plugin
    #[arg(value_name = "FILE")]
    file: PathBuf,

    /// The plugin that it would replace
    #[arg(long, value_name = "OLD")]
    against: Option<PathBuf>,

    /// What `configure` gets: a file with the plugin's settings, as JSON or, if it ends in .toml, as TOML
    #[arg(long, value_name = "FILE")]
    settings: Option<PathBuf>,
}

/// Prints it.
pub fn run(args: InspectArgs) -> Result<ExitCode> {
    let mut config = match &args.against {
        Some(old) if old.with_extension("toml").exists() => PluginConfig::load(&old.with_extension("toml"))?,
        _ => PluginConfig::default(),
    };
    if let Some(file) = &args.settings {
        config.settings = read_settings(file)?;
    }
    let scratch = Scratch::new()?;
    let loaded = look(&scratch.loader, &args.file, &config)?;
    print!("{}", Inspection { file: &args.file, loaded: &loaded });
    let Ok(new) = &loaded.module else { return Ok(ExitCode::FAILURE) };
    let Some(old) = &args.against else { return Ok(ExitCode::SUCCESS) };
    let old_module =
        look(&scratch.loader, old, &config)?.module.with_context(|| format!("{} is refused", old.display()))?;
    let judgement = judge(&old_module, new, &config);
    println!("against {}: {judgement}", old.display());
    Ok(match judgement {
        Judgement::Refused(_) => ExitCode::FAILURE,
        _ => ExitCode::SUCCESS,
    })
}

fn look(loader: &Loader, file: &Path, config: &PluginConfig) -> Result<Loaded> {
    let name = file.file_stem().unwrap_or_default().to_string_lossy();
    Ok(loader.inspect(&name, file, config)?)
}

/// What a host does with a new module.
#[derive(Debug, PartialEq, Eq)]
enum Judgement {
    /// Nothing: it is the same one.
    Same,
    Swap,
    Restart(String),
    Refused(String),
}

impl Display for Judgement {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        match self {
            Judgement::Same => f.write_str("the same file, byte for byte: nothing happens"),
            Judgement::Swap => {
                f.write_str("swap: it takes over between two commits; inputs, sinks and stores are the same")
            }
            Judgement::Restart(why) => {
                write!(f, "restart: the workers stop at a commit and start again, because {why}")
            }
            Judgement::Refused(why) => write!(f, "refused: {why}"),
        }
    }
}

fn judge(old: &Module, new: &Module, config: &PluginConfig) -> Judgement {
    if old.sha256 == new.sha256 {
        return Judgement::Same;
    }
    for store in &new.wiring.stores {
        let before = old.wiring.stores.iter().find(|before| before.name == store.name);
        if let Some(before) = before.filter(|before| before.version > store.version) {
            return Judgement::Refused(format!(
                "its store {} has version {}, and what is kept was written as version {}: an older form can't be read",
                store.name, store.version, before.version
            ));
        }
    }
    match change(&footing(old, config), &footing(new, config)) {
        Change::Swap => Judgement::Swap,
        Change::Restart(why) => Judgement::Restart(why),
    }
}

fn footing(module: &Module, config: &PluginConfig) -> Footing {
    Footing {
        inputs: module.resolved.inputs.clone(),
        sinks: module.resolved.sinks.clone(),
        last_of_commit: module.wiring.sinks.iter().map(|sink| sink.last_of_commit).collect(),
        stores: module.wiring.stores.clone(),
        config: config.clone(),
    }
}

struct Inspection<'a> {
    file: &'a Path,
    loaded: &'a Loaded,
}

impl Display for Inspection<'_> {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        write!(f, "{}", super::check::Report { file: self.file, loaded: self.loaded })?;
        let mut line = |label: &str, text: &str| writeln!(f, "  {label:<11} {text}");
        let made_with = &self.loaded.made_with;
        line("language", binary::language(made_with).unwrap_or("none that it tells of"))?;
        let edge = || self.loaded.imports.iter().chain(&self.loaded.exports);
        let contract = edge().find_map(|name| name.strip_prefix("wasmill:plugin/")?.split_once('@'));
        if let Some((_, version)) = contract {
            line("contract", &format!("wasmill:plugin {version}"))?;
        }
        for (index, ability) in abilities(&self.loaded.imports).iter().enumerate() {
            line(if index == 0 { "may" } else { "" }, ability)?;
        }
        Ok(())
    }
}

/// What follows from the imports, for a person.
fn abilities(imports: &[String]) -> Vec<&'static str> {
    const ABILITIES: [(&str, &str); 8] = [
        ("wasmill:plugin/state@", "read and write its own stores"),
        ("wasmill:plugin/state-reader@", "read its own stores; what it writes comes back with its answer"),
        ("wasmill:plugin/timers@", "set timers"),
        ("wasmill:plugin/context@", "ask for the time of the call and for its partition"),
        ("wasmill:plugin/log@", "log"),
        ("wasi:cli/std", "print, which is logged"),
        ("wasi:clocks/", "read the clock"),
        ("wasi:random/", "draw random numbers"),
    ];
    let mut found: Vec<&str> = ABILITIES
        .iter()
        .filter(|(prefix, _)| imports.iter().any(|import| import.starts_with(prefix)))
        .map(|(_, ability)| *ability)
        .collect();
    if imports.iter().any(|import| import.starts_with("wasi:filesystem") || import.starts_with("wasi:sockets")) {
        found.push("ask for files and connections, of which there are none");
    }
    if found.is_empty() {
        found.push("do nothing but answer");
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn abilities_follow_from_imports() {
        let imports = ["wasmill:plugin/log@0.1.0", "wasi:cli/stdout@0.2.6", "wasi:filesystem/types@0.2.6"];
        let found = abilities(&imports.map(str::to_owned));
        assert_eq!(found, ["log", "print, which is logged", "ask for files and connections, of which there are none"]);
        assert_eq!(abilities(&[]), ["do nothing but answer"]);
    }
}

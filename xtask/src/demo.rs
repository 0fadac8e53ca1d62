//! `cargo xtask demo`: from a fresh clone to a running mill.

use crate::plugins;
use crate::process;
use crate::workspace::Workspace;
use anyhow::{Context, Result, bail};
use std::fs;
use std::process::Command;

/// What belongs beside the modules.
const WIRING: [(&str, &str); 2] =
    [("rekey.toml", include_str!("../demo/rekey.toml")), ("inventory.toml", include_str!("../demo/inventory.toml"))];

/// What can be asked of it.
#[derive(clap::Args)]
pub struct Arguments {
    /// Stop after so many seconds, with a summary.
    #[arg(long, value_name = "N")]
    seconds: Option<u64>,
    /// Handed to `wasmill demo` as they are.
    #[arg(last = true)]
    rest: Vec<String>,
}

/// The command. Returns only if it fails: the host takes our place, so that the terminal, Ctrl-C and the exit code are its own.
pub fn run(arguments: &Arguments) -> Result<()> {
    eprintln!("Building the host and the plugins. The first build compiles a WebAssembly compiler and a Kafka client:");
    eprintln!("it takes several minutes; the next one takes seconds.");
    let workspace = Workspace::load()?;
    let mut cargo = workspace.cargo();
    cargo.args(["build", "--release", "--package", "wasmill", "--bin", "wasmill"]);
    process::run(&mut cargo)?;
    let modules = plugins::build(&workspace)?.plugins;
    if modules.is_empty() {
        bail!("there is nothing to show: no folder under {} holds a plugin", workspace.root.join("plugins").display());
    }

    let folder = workspace.target.join("demo");
    if folder.exists() {
        fs::remove_dir_all(&folder).with_context(|| format!("cannot empty {}", folder.display()))?;
    }
    let dropped = folder.join("plugins");
    fs::create_dir_all(&dropped).with_context(|| format!("cannot create {}", dropped.display()))?;
    for module in modules {
        let name = module.file_name().context("a module without a name")?;
        fs::copy(&module, dropped.join(name)).with_context(|| format!("cannot copy {}", module.display()))?;
    }

    for (name, content) in WIRING {
        fs::write(dropped.join(name), content).with_context(|| format!("cannot write {name}"))?;
    }

    let mut host = Command::new(workspace.target.join("release/wasmill"));
    host.current_dir(&folder).arg("demo").arg("--plugins").arg(&dropped);
    if let Some(seconds) = arguments.seconds {
        host.arg("--seconds").arg(seconds.to_string());
    }
    Err(process::replace(host.args(&arguments.rest)))
}

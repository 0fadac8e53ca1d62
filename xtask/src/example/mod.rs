//! `cargo xtask example NAME`: a story under `examples/`, from an empty broker to its results. The commands are those of the
//! story's README, so that what it says is what happens.

mod check;
mod host;
mod story;

use crate::plugins;
use crate::process::{self, Group};
use crate::workspace::Workspace;
use anyhow::{Context, Result, bail};
use host::Host;
use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;
use story::{Addresses, Story};

/// What can be asked of it.
#[derive(clap::Args)]
pub struct Arguments {
    /// The folder under `examples/`; without one, the stories that there are.
    name: Option<String>,
    /// On this Kafka instead of the embedded one. The story's topics are made there, and stay.
    #[arg(long, value_name = "HOST:PORT")]
    brokers: Option<String>,
    /// What the names of the story's topics begin with, and its application: for a second run on the same Kafka.
    #[arg(long, value_name = "NAME")]
    prefix: Option<String>,
    /// Compare the results with `expected/`, and end. Without it the story goes on with made-up events until Ctrl-C.
    #[arg(long)]
    check: bool,
}

/// The host's program and the modules, built or given.
struct Built {
    wasmill: PathBuf,
    modules: PathBuf,
}

/// The command.
pub fn run(arguments: &Arguments) -> Result<()> {
    let workspace = Workspace::load()?;
    let stories = workspace.root.join("examples");
    let Some(name) = &arguments.name else {
        println!("{}", story::all(&stories)?.join("\n"));
        return Ok(());
    };
    let there = story::all(&stories)?;
    if !there.contains(name) {
        bail!("there is no story {name}; there are {}", there.join(", "));
    }
    let built = Built::get(&workspace)?;
    let folder = workspace.target.join("examples").join(arguments.prefix.as_deref().unwrap_or(name));
    let story = Story::copy(&stories.join(name), &folder, &built.modules, arguments.prefix.as_deref())?;
    let wasmill = &built.wasmill;
    let mut host = Host::start(wasmill, &story, arguments.brokers.as_deref())?;
    eprintln!("{name}: Kafka at {}, http://{}, files in {}", host.brokers, host.http, folder.display());
    host.wait_until_ready()?;
    let addresses = Addresses { brokers: host.brokers.clone(), http: host.http.clone() };
    let shell = Shell { folder: &folder, wasmill, application: &story.application, addresses: &addresses };
    for command in story.steps() {
        shell.run(&addresses.put_into(command))?;
    }
    if arguments.check {
        check::check(&shell, &story).with_context(|| match arguments.brokers {
            Some(_) => format!("{name} (has it run on this Kafka before? --prefix gives it topics of its own)"),
            None => name.clone(),
        })?;
        host.stop()?;
        eprintln!("{name}: the results are as expected");
        return Ok(());
    }
    eprintln!("\nIt goes on with made-up events until Ctrl-C; meanwhile try http://{}/plugins", host.http);
    shell.run_together(&story.live().iter().map(|command| addresses.put_into(command)).collect::<Vec<_>>())
}

impl Built {
    /// What tests are told of where both are; otherwise they are built, the host as it is released.
    fn get(workspace: &Workspace) -> Result<Self> {
        if let (Some(wasmill), Some(modules)) =
            (std::env::var_os("WASMILL_BIN"), std::env::var_os("WASMILL_TEST_MODULES"))
        {
            return Ok(Built { wasmill: wasmill.into(), modules: modules.into() });
        }
        let mut cargo = workspace.cargo();
        cargo.args(["build", "--release", "--package", "wasmill", "--bin", "wasmill"]);
        process::run(&mut cargo)?;
        plugins::run()?;
        Ok(Built { wasmill: workspace.target.join("release/wasmill"), modules: workspace.target.join("plugins") })
    }
}

/// Runs a story's commands as somebody would in its folder.
struct Shell<'a> {
    folder: &'a Path,
    wasmill: &'a Path,
    application: &'a str,
    addresses: &'a Addresses,
}

impl Shell<'_> {
    /// Bash, with `wasmill` found first, and told where the host and Kafka are.
    fn bash(&self, command: &str) -> Result<Command> {
        let mut path = OsString::from(self.wasmill.parent().context("a program without a folder")?);
        if let Some(others) = std::env::var_os("PATH") {
            path.push(":");
            path.push(others);
        }
        let mut bash = Command::new("bash");
        bash.args(["-euo", "pipefail", "-c", command]).current_dir(self.folder).env("PATH", path);
        bash.env("WASMILL_BROKERS", &self.addresses.brokers).env("WASMILL_APPLICATION", self.application);
        bash.env("WASMILL_HOST", &self.addresses.http);
        Ok(bash)
    }

    fn run(&self, command: &str) -> Result<()> {
        eprintln!("\n$ {command}");
        let status = Group::spawn(&mut self.bash(command)?, libc::SIGKILL)?.wait()?;
        if !status.success() {
            bail!("`{command}` failed ({status})");
        }
        Ok(())
    }

    /// Until one of them ends, or we are interrupted.
    fn run_together(&self, commands: &[String]) -> Result<()> {
        let mut running = Vec::new();
        for command in commands {
            eprintln!("\n$ {command}");
            running.push(Group::spawn(&mut self.bash(command)?, libc::SIGKILL)?);
        }
        loop {
            process::check_interrupted()?;
            for group in &mut running {
                if let Some(status) = group.ended()? {
                    bail!("a command ended ({status})");
                }
            }
            std::thread::sleep(Duration::from_millis(100));
        }
    }
}

//! `cargo xtask bench`: builds what the benchmarks need, in release, and runs them.

use crate::broker::{Broker, Choice, GIVEN};
use crate::fraud_rules;
use crate::plugins;
use crate::process;
use crate::streams::Streams;
use crate::workspace::Workspace;
use anyhow::Result;
use std::process::Command;

/// What can be asked of it.
#[derive(clap::Args)]
pub struct Arguments {
    /// These alone; all of them if none is named.
    #[arg(value_enum)]
    only: Vec<Benchmark>,
    /// Handed to the benchmark as they are; name one alone then. `-- --help` says what there is.
    #[arg(last = true)]
    rest: Vec<String>,
}

#[derive(Debug, Clone, Copy, PartialEq, clap::ValueEnum)]
enum Benchmark {
    /// What WebAssembly costs an event.
    Boundary,
    /// The whole host on a real Kafka, against a bare loop that does the same.
    Host,
    /// How long events wait while a module is swapped under load.
    Reload,
    /// What the host holds in memory with four plugins under load.
    Memory,
    /// What exactly once costs: against at least once.
    Delivery,
    /// What state costs: the plugin revenue against a bare loop that does the same.
    State,
    /// The plugins fraud and revenue against Kafka Streams; takes Java and Maven.
    Streams,
    /// Millions of keys: what they take in memory, and how fast they are restored.
    Restore,
    /// What plugins cost that have nothing to do.
    Idle,
    /// The fraud rule in every language whose tool chain is here.
    Languages,
}

impl Benchmark {
    const ALL: [Benchmark; 10] = [
        Benchmark::Boundary,
        Benchmark::Host,
        Benchmark::Reload,
        Benchmark::Memory,
        Benchmark::Delivery,
        Benchmark::State,
        Benchmark::Streams,
        Benchmark::Restore,
        Benchmark::Idle,
        Benchmark::Languages,
    ];

    fn name(self) -> &'static str {
        match self {
            Benchmark::Boundary => "boundary",
            Benchmark::Host => "host",
            Benchmark::Reload => "reload",
            Benchmark::Memory => "memory",
            Benchmark::Delivery => "delivery",
            Benchmark::State => "state",
            Benchmark::Streams => "streams",
            Benchmark::Restore => "restore",
            Benchmark::Idle => "idle",
            Benchmark::Languages => "languages",
        }
    }

    fn needs_broker(self) -> bool {
        !matches!(self, Benchmark::Boundary | Benchmark::Languages)
    }
}

/// The command.
pub fn run(arguments: &Arguments) -> Result<()> {
    let workspace = Workspace::load()?;
    let chosen = if arguments.only.is_empty() { &Benchmark::ALL[..] } else { &arguments.only };
    // Before anything slow: whoever has no broker shall learn it now.
    let choice = chosen.iter().any(|benchmark| benchmark.needs_broker()).then(Choice::find).transpose()?;
    if let Some(choice) = &choice {
        eprintln!("{choice}");
    }
    let streams = chosen.contains(&Benchmark::Streams).then(Streams::find).transpose()?;
    let modules = plugins::build_for_benchmarks(&workspace)?;
    let mut cargo = workspace.cargo();
    cargo.args(["build", "--release", "--package", "wasmill", "--package", "wasmill-bench", "--bins"]);
    process::run(&mut cargo)?;
    let streams = streams.map(|streams| streams.build(&workspace)).transpose()?.unwrap_or_default();
    let broker = choice.map(|choice| choice.start(&workspace, None)).transpose()?;
    for benchmark in chosen {
        let mut command = Command::new(workspace.target.join("release/wasmill-bench"));
        command.arg(benchmark.name()).args(&arguments.rest);
        if *benchmark == Benchmark::Languages {
            command.args(fraud_rules::build(&workspace, &modules)?);
        }
        command.env("WASMILL_TEST_MODULES", &modules).env("WASMILL_BIN", workspace.target.join("release/wasmill"));
        command.envs(broker.as_ref().map(|broker: &Broker| (GIVEN, &broker.address)));
        command.envs(streams.iter().map(|(name, value)| (name, value)));
        process::run(&mut command)?;
    }
    Ok(())
}

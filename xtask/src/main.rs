//! Development tasks: `cargo xtask --help`. One file a command; `broker/`, `process`, `workspace` and `progress` are
//! what they share.

mod bench;
mod broker;
mod chaos;
mod demo;
mod example;
mod fraud_rules;
mod kafka;
mod languages;
mod plugins;
mod process;
mod progress;
mod streams;
mod test;
mod workspace;

use clap::Parser;
use std::process::ExitCode;

/// Development tasks of Wasmill.
#[derive(Parser)]
#[command(name = "cargo xtask", bin_name = "cargo xtask")]
enum Task {
    /// Build the shipped plugins into target/plugins/NAME.wasm (and the tests' fixtures into target/fixtures).
    Plugins,
    /// See Wasmill run: build the host and the shipped plugins, and start both on an embedded broker.
    Demo(demo::Arguments),
    /// One of the stories under `examples/`: its plugins at work on its events, with its README's commands.
    Example(example::Arguments),
    /// Everything that must hold before a change lands: format, clippy, unit, whole-host and doc tests.
    Test(test::Arguments),
    /// How fast Wasmill is, and against what; docs/benchmarks.md has figures.
    Bench(bench::Arguments),
    /// Kill, stop and cut off hosts and brokers under load, and see that every event still counts once.
    Chaos(chaos::Arguments),
    /// Run the tests' Apache Kafka in the foreground, for trying things out; Ctrl-C stops it.
    Kafka(kafka::Arguments),
}

fn main() -> ExitCode {
    match run(&Task::parse()) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => match error.downcast_ref::<process::Interrupted>() {
            Some(interrupted) => ExitCode::from(interrupted.exit_code()),
            None => {
                eprintln!("error: {error:#}");
                ExitCode::FAILURE
            }
        },
    }
}

fn run(task: &Task) -> anyhow::Result<()> {
    process::catch_signals()?;
    match task {
        Task::Plugins => plugins::run(),
        Task::Demo(arguments) => demo::run(arguments),
        Task::Example(arguments) => example::run(arguments),
        Task::Test(arguments) => test::run(arguments),
        Task::Bench(arguments) => bench::run(arguments),
        Task::Chaos(arguments) => chaos::run(arguments),
        Task::Kafka(arguments) => kafka::run(arguments),
    }
}

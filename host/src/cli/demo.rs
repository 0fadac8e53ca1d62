//! `wasmill demo`.

use crate::demo::{self, Options};
use clap::ValueHint;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::process::ExitCode;
use std::time::Duration;

const EXAMPLES: &str = "\
Examples:
  The modules of a folder at work on made-up orders, until Ctrl-C:
      wasmill demo --plugins target/plugins

  For a script: ten seconds, then a summary on stdout:
      wasmill demo --plugins target/plugins --seconds 10";

/// Show plugins at work, without a Kafka of your own.
///
/// Starts a host on a broker inside the process, and a shop, with its warehouse and its bank, that sends events to it. Shows
/// what becomes of them: events in and out, fraud alerts, dead letters, and each plugin's time an event. Drop, change or
/// remove modules meanwhile. Nothing is kept afterwards.
#[derive(Debug, clap::Args)]
#[command(after_long_help = EXAMPLES)]
pub(super) struct DemoArgs {
    /// The folder of modules
    #[arg(long, value_name = "DIR", default_value = "plugins", value_hint = ValueHint::DirPath)]
    plugins: PathBuf,

    /// Stop by itself when all plugins have been at work for so many seconds, with a summary
    #[arg(long, value_name = "N")]
    seconds: Option<u64>,

    /// Orders a second
    #[arg(long, value_name = "N", default_value_t = 1000, value_parser = clap::value_parser!(u64).range(1..=50_000))]
    rate: u64,

    /// Where HTTP listens [default: 127.0.0.1:8080, or another port if that is taken]
    #[arg(long, value_name = "IP:PORT")]
    listen: Option<SocketAddr>,
}

/// Runs it.
pub(super) fn run(args: DemoArgs) -> anyhow::Result<ExitCode> {
    demo::run(&Options {
        plugins: args.plugins,
        runs_for: args.seconds.map(Duration::from_secs),
        rate: args.rate,
        listen: args.listen,
    })?;
    Ok(ExitCode::SUCCESS)
}

//! `wasmill reset`.

use super::run::RunArgs;
use crate::app::Reset;
use crate::config::{Config, Start};
use std::io::{IsTerminal, Write, stderr, stdin};
use std::process::ExitCode;

const EXAMPLES: &str = "\
Examples:
  See what would be forgotten:
      wasmill reset revenue --brokers localhost:9092 --dry-run

  Count everything again, from the first event that is still there:
      wasmill reset revenue --to earliest

  Leave what came before today out, without a question:
      wasmill reset revenue --to 2026-01-31T00:00:00Z --yes";

/// Let a plugin begin anew: forget its offsets, its stores and its changelog.
///
/// Every host of the application must be stopped, or have the plugin's file removed and the host's own state folder free. Topics
/// of events are not touched: what the plugin wrote before stays there, and is written again for events that it handles again.
#[derive(Debug, clap::Args)]
#[command(after_long_help = EXAMPLES)]
pub(super) struct ResetArgs {
    /// The plugin: its file's name without .wasm
    plugin: String,

    /// Where it begins: earliest, latest or a timestamp such as 2026-01-31T12:00:00Z [default: its own `start`]
    #[arg(long, value_name = "START", value_parser = start)]
    to: Option<Start>,

    /// Say what would be forgotten, and forget nothing
    #[arg(long)]
    dry_run: bool,

    /// Do not ask
    #[arg(long)]
    yes: bool,

    #[command(flatten)]
    run: RunArgs,
}

fn start(text: &str) -> Result<Start, String> {
    Start::parse(text)
}

/// Shows the plan, asks, and does it.
pub(super) fn run(args: ResetArgs) -> anyhow::Result<ExitCode> {
    let config = Config::load(args.run.config.as_deref(), &args.run.overrides())?;
    let reset = Reset::plan(config, &args.plugin, args.to)?;
    print!("{reset}");
    if args.dry_run {
        println!("Nothing was changed (--dry-run).");
        return Ok(ExitCode::SUCCESS);
    }
    if !args.yes && !agreed(&args.plugin)? {
        println!("Nothing was changed.");
        return Ok(ExitCode::FAILURE);
    }
    reset.run()?;
    println!("Done.");
    Ok(ExitCode::SUCCESS)
}

/// Asks on the terminal; where there is none nobody can agree.
pub(super) fn agreed(plugin: &str) -> anyhow::Result<bool> {
    if !stdin().is_terminal() {
        anyhow::bail!("nobody is there to ask: give --yes if it is meant");
    }
    write!(stderr(), "Type the plugin's name to go on: ")?;
    let mut answer = String::new();
    stdin().read_line(&mut answer)?;
    Ok(answer.trim() == plugin)
}

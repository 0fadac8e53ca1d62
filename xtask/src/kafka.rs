//! `cargo xtask kafka`: the tests' broker, for trying things out.

use crate::broker::Choice;
use crate::workspace::Workspace;
use anyhow::Result;

/// What can be asked of it.
#[derive(clap::Args)]
pub struct Arguments {
    /// Where it listens; a free port if not given.
    #[arg(long)]
    port: Option<u16>,
}

/// The command.
pub fn run(arguments: &Arguments) -> Result<()> {
    let workspace = Workspace::load()?;
    let choice = Choice::of_our_own()?;
    eprintln!("{choice}");
    let mut broker = choice.start(&workspace, arguments.port)?;
    println!("{}", broker.address);
    eprintln!("Apache Kafka answers at {}. Ctrl-C stops it, and its data is removed.", broker.address);
    broker.wait()
}

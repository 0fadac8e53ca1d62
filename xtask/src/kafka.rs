//! `cargo xtask kafka`: the tests' broker, for trying things out.

use crate::broker::{Broker, Choice};
use crate::workspace::Workspace;
use anyhow::{Result, bail};

/// What can be asked of it.
#[derive(clap::Args)]
pub struct Arguments {
    /// Where it listens; a free port if not given.
    #[arg(long)]
    port: Option<u16>,
    /// Obey `kill`, `stop`, `start`, `freeze` and `thaw`, a line each, on standard input, and end with it: for tests of a
    /// broker that goes and comes back with its data. Takes Java and Maven.
    #[arg(long)]
    obey: bool,
}

/// The command.
pub fn run(arguments: &Arguments) -> Result<()> {
    let workspace = Workspace::load()?;
    let choice = if arguments.obey { Choice::that_comes_back()? } else { Choice::of_our_own()? };
    eprintln!("{choice}");
    let mut broker = choice.start(&workspace, arguments.port)?;
    println!("{}", broker.address);
    if arguments.obey {
        return obey(&mut broker);
    }
    eprintln!("Apache Kafka answers at {}. Ctrl-C stops it, and its data is removed.", broker.address);
    broker.wait()
}

/// Answers each line, when it is done, with the same word.
fn obey(broker: &mut Broker) -> Result<()> {
    for line in std::io::stdin().lines() {
        let line = line?;
        match line.as_str() {
            "kill" => broker.kill(),
            "stop" => broker.stop(),
            "start" => broker.start_again()?,
            "freeze" => broker.signal(libc::SIGSTOP),
            "thaw" => broker.signal(libc::SIGCONT),
            other => bail!("{other:?} is none of `kill`, `stop`, `start`, `freeze` and `thaw`"),
        }
        println!("{line}");
    }
    Ok(())
}

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
    /// One node, or two with every topic on both. Commands are for the second one then; the first is the controller as well,
    /// and stays. Two take Java and Maven.
    #[arg(long, value_name = "N", default_value_t = 1)]
    nodes: usize,
    /// Give it one more listener, on a free port that is printed second: whoever comes by it is told to come to this port of
    /// 127.0.0.1 from then on, where a proxy listens that passes on to it. Once for each node. Takes Java and Maven.
    #[arg(long, value_name = "PORT")]
    proxy: Vec<u16>,
}

/// The command.
pub fn run(arguments: &Arguments) -> Result<()> {
    let workspace = Workspace::load()?;
    let takes_java = arguments.obey || arguments.nodes != 1 || !arguments.proxy.is_empty();
    let choice = if takes_java { Choice::that_comes_back()? } else { Choice::of_our_own()? };
    eprintln!("{choice}");
    let mut broker = if takes_java {
        choice.start_nodes(&workspace, arguments.port, arguments.nodes, &arguments.proxy)?
    } else {
        choice.start(&workspace, arguments.port)?
    };
    println!("{}", broker.address);
    if let Some(behind) = &broker.behind_proxy {
        println!("{behind}");
    }
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

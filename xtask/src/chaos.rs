//! `cargo xtask chaos`: faults under load for as long as one likes, each followed by the proof that every event counted once.

use crate::broker::Choice;
use crate::process;
use crate::test;
use crate::workspace::Workspace;
use anyhow::{Context, Result};
use std::process::Command;

/// What can be asked of it.
#[derive(clap::Args)]
pub struct Arguments {
    /// How long faults are injected; the one under way is seen to its end.
    #[arg(long, value_name = "N", default_value_t = 10)]
    minutes: u64,
    /// The run with this seed again: the same faults in the same order, at about the same times.
    #[arg(long)]
    seed: Option<u64>,
}

/// The command.
pub fn run(arguments: &Arguments) -> Result<()> {
    // The test starts its own, since it also stops it; whoever can't have one shall learn it before anything is built.
    Choice::that_comes_back()?;
    let workspace = Workspace::load()?;
    let modules = test::modules_for_tests(&workspace)?;
    let host = test::host(&workspace)?;
    let mut cargo = command(workspace.cargo(), arguments);
    cargo.env("WASMILL_TEST_MODULES", modules).env("WASMILL_BIN", host);
    cargo.env("WASMILL_XTASK", workspace.target.join("debug/xtask"));
    process::run(&mut cargo)
        .context("an invariant is broken, or something took too long; the seed is in the first line of the run")
}

fn command(mut cargo: Command, arguments: &Arguments) -> Command {
    cargo.args(["test", "--workspace", "--test", "host"]).args(test::FAILPOINTS);
    cargo.args(["--", "--exact", "chaos::whatever_happens_every_event_counts_once", "--nocapture"]);
    cargo.env("WASMILL_CHAOS_SECONDS", (arguments.minutes * 60).to_string());
    match arguments.seed {
        Some(seed) => cargo.env("WASMILL_CHAOS_SEED", seed.to_string()),
        None => cargo.env_remove("WASMILL_CHAOS_SEED"),
    };
    cargo
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::ffi::OsStr;

    #[test]
    fn a_run_is_as_long_as_was_asked_for_and_has_the_seed_that_was_given() {
        let told = |seed| {
            let command = command(Command::new("cargo"), &Arguments { minutes: 3, seed });
            let mut variables: Vec<_> =
                command.get_envs().map(|(name, value)| (name.to_owned(), value.map(OsStr::to_owned))).collect();
            variables.sort();
            variables.into_iter().map(|(_, value)| value.map(|value| value.into_string().unwrap())).collect::<Vec<_>>()
        };
        assert_eq!(told(Some(7)), [Some("180".to_owned()), Some("7".to_owned())]);
        assert_eq!(told(None), [Some("180".to_owned()), None]);
    }
}

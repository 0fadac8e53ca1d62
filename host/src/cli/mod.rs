//! What a person types; one file a command.

pub mod bench;
pub mod build;
pub mod check;
mod completions;
pub mod componentize;
mod demo;
mod dlq;
mod generate;
mod http;
pub mod inspect;
pub mod new;
mod reset;
mod run;
mod scratch;
mod signal;
mod state;
pub mod test;
mod topic;
mod visible;

use clap::{CommandFactory, Parser, Subcommand};
use std::io;
use std::process::ExitCode;

/// The exit code of a command that failed; clap's own for a wrong command line is 2.
const FAILED: u8 = 1;

const EXAMPLES: &str = "\
Examples:
  Run every module in ./plugins against a Kafka:
      wasmill run --brokers localhost:9092

  Try it without a Kafka of your own:
      wasmill run --embedded

  Everything that a command can do:
      wasmill run --help";

/// Drop a .wasm into a folder and it becomes a Kafka stream processor.
///
/// Wasmill consumes Kafka topics, gives each event to the WebAssembly components in a folder, and writes what they return to
/// other topics. A module is picked up when it is dropped into the folder, swapped without a lost event when it changes, and
/// stopped when it is removed.
#[derive(Debug, Parser)]
#[command(name = "wasmill", version, arg_required_else_help = true, after_long_help = EXAMPLES)]
struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    Run(run::RunArgs),
    Demo(demo::DemoArgs),
    New(new::NewArgs),
    Build(build::BuildArgs),
    Componentize(componentize::ComponentizeArgs),
    Check(check::CheckArgs),
    Inspect(inspect::InspectArgs),
    Bench(bench::BenchArgs),
    Test(Box<test::TestArgs>),
    Reset(Box<reset::ResetArgs>),
    Dlq(Box<dlq::DlqArgs>),
    State(state::StateArgs),
    Signal(signal::SignalArgs),
    Topic(Box<topic::TopicArgs>),
    Generate(generate::GenerateArgs),
    Completions(completions::CompletionsArgs),
}

/// The program: reads the command line, runs the command, and reports on stderr what went wrong.
pub fn main() -> ExitCode {
    let result = match Cli::parse().command {
        Command::Run(args) => run::run(args),
        Command::Demo(args) => demo::run(args),
        Command::New(args) => new::run(args),
        Command::Build(args) => build::run(args),
        Command::Componentize(args) => componentize::run(args),
        Command::Check(args) => check::run(args),
        Command::Inspect(args) => inspect::run(args),
        Command::Bench(args) => bench::run(args),
        Command::Test(args) => test::run(*args),
        Command::Reset(args) => reset::run(*args),
        Command::Dlq(args) => dlq::run(*args),
        Command::State(args) => state::run(args),
        Command::Signal(args) => signal::run(args),
        Command::Topic(args) => topic::run(*args),
        Command::Generate(args) => generate::run(args),
        Command::Completions(args) => completions::run(args, Cli::command()),
    };
    result.unwrap_or_else(|error| {
        if !nobody_reads(&error) {
            eprint!("{}", report(&error));
        }
        ExitCode::from(FAILED)
    })
}

/// Whether the answer was cut short because whoever read it has gone: `wasmill check … | head` has what it wanted.
fn nobody_reads(error: &anyhow::Error) -> bool {
    error.downcast_ref::<io::Error>().is_some_and(|error| error.kind() == io::ErrorKind::BrokenPipe)
}

/// What went wrong, and below it what that came of.
fn report(error: &anyhow::Error) -> String {
    let mut text = format!("error: {error}\n");
    for cause in error.chain().skip(1) {
        text.push_str(&format!("  caused by: {cause}\n"));
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;
    use clap::error::ErrorKind;

    fn walk(command: &clap::Command, check: &mut dyn FnMut(&clap::Command)) {
        check(command);
        command.get_subcommands().for_each(|command| walk(command, check));
    }

    #[test]
    fn the_command_line_is_consistent() {
        Cli::command().debug_assert();
    }

    #[test]
    fn every_help_says_what_it_does_with_examples() {
        walk(&Cli::command(), &mut |command| {
            let name = command.get_name();
            assert!(command.get_about().is_some(), "{name} has no description");
            let examples = command.get_after_long_help().map(ToString::to_string).unwrap_or_default();
            assert!(examples.contains("Examples:\n"), "{name} has no examples");
            for argument in
                command.get_arguments().filter(|argument| !["help", "version"].contains(&argument.get_id().as_str()))
            {
                assert!(argument.get_help().is_some(), "{name}: {} has no help", argument.get_id());
            }
        });
    }

    #[test]
    fn nothing_typed_shows_the_help() {
        let error = Cli::try_parse_from(["wasmill"]).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::DisplayHelpOnMissingArgumentOrSubcommand);
        assert!(error.to_string().contains("completions"), "{error}");
    }

    #[test]
    fn a_report_has_the_whole_chain() {
        let error = anyhow::anyhow!("disk is full").context("cannot write the id").context("cannot start");
        assert_eq!(
            report(&error),
            "error: cannot start\n  caused by: cannot write the id\n  caused by: disk is full\n"
        );
    }
}

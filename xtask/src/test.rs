//! `cargo xtask test`: everything that must hold before a change lands.

mod steps;

use crate::broker::{Broker, Choice, GIVEN};
use crate::languages;
use crate::plugins;
use crate::process;
use crate::workspace::Workspace;
use anyhow::{Context, Result};
use std::path::{Path, PathBuf};
use std::process::Command;
use steps::Steps;

/// Where tests write what they left out, and where whole-host tests write why they failed: in the target folder.
const SKIPPED: &str = "skipped-tests.txt";
const FAILED: &str = "failed-tests.txt";

/// What can be asked of it.
#[derive(clap::Args)]
pub struct Arguments {
    /// This step alone, with what it needs: `tests` brings the plugins, the host and the broker along.
    #[arg(long, value_enum)]
    only: Option<Step>,
    /// Handed to `cargo test`: a filter of test names, `-p PACKAGE`, `-- --nocapture`.
    #[arg(last = true)]
    rest: Vec<String>,
}

#[derive(Debug, Clone, Copy, PartialEq, clap::ValueEnum)]
enum Step {
    /// `cargo fmt --check`.
    Format,
    /// `cargo clippy`, warnings denied.
    Clippy,
    /// The shipped plugins and the fixtures are built.
    Plugins,
    /// The SDKs of other languages than Rust pass their tests; the shipped plugins in them are built and pass their golden cases.
    Languages,
    /// `cargo test`, with a real Apache Kafka: unit, whole-host and doc tests.
    Tests,
}

/// The command.
pub fn run(arguments: &Arguments) -> Result<()> {
    let workspace = Workspace::load()?;
    // Before anything slow: whoever has no broker shall learn it now.
    let needs_broker = arguments.only.is_none_or(|only| only == Step::Tests);
    let choice = needs_broker.then(Choice::find).transpose()?;
    if let Some(choice) = &choice {
        eprintln!("{choice}");
    }

    let (skipped, failed) = (workspace.target.join(SKIPPED), workspace.target.join(FAILED));
    // Of an earlier run, if they are there.
    let _ = (std::fs::remove_file(&skipped), std::fs::remove_file(&failed));
    let mut steps = Steps::planned(planned(arguments.only));
    let result = all(&workspace, choice.as_ref(), arguments, &mut steps);
    // A test that passes without having done its work must not go unnoticed.
    noted(&skipped).into_iter().for_each(|line| steps.left_out(line));
    noted(&failed).into_iter().for_each(|line| steps.panicked(line));
    eprint!("{}", steps.summary());
    result
}

/// The lines that tests have written; usually none has.
fn noted(file: &Path) -> Vec<String> {
    std::fs::read_to_string(file).unwrap_or_default().lines().map(str::to_owned).collect()
}

/// The names of the steps that `only` asks for, with what they need.
fn planned(only: Option<Step>) -> &'static [&'static str] {
    match only {
        None => &["format", "clippy", "plugins", "host", "languages", "broker", "tests"],
        Some(Step::Format) => &["format"],
        Some(Step::Clippy) => &["clippy"],
        Some(Step::Plugins) => &["plugins"],
        Some(Step::Languages) => &["host", "languages"],
        Some(Step::Tests) => &["plugins", "host", "broker", "tests"],
    }
}

fn all(workspace: &Workspace, choice: Option<&Choice>, arguments: &Arguments, steps: &mut Steps) -> Result<()> {
    let wanted = |step| arguments.only.is_none_or(|only| only == step);
    if wanted(Step::Format) {
        steps.run("format", || process::run(workspace.cargo().args(["fmt", "--all", "--check"])))?;
    }
    if wanted(Step::Clippy) {
        let mut clippy = workspace.cargo();
        clippy.args(["clippy", "--workspace", "--all-targets", "--", "--deny", "warnings"]);
        steps.run("clippy", || process::run(&mut clippy))?;
    }
    if arguments.only == Some(Step::Languages) {
        let host = steps.run("host", || host(workspace))?;
        return other_languages(workspace, &host, steps);
    }
    if !wanted(Step::Plugins) && !wanted(Step::Tests) {
        return Ok(());
    }
    let modules = steps.run("plugins", || modules_for_tests(workspace))?;
    let Some(choice) = choice else { return Ok(()) };
    let host = steps.run("host", || host(workspace))?;
    if wanted(Step::Languages) {
        other_languages(workspace, &host, steps)?;
    }
    let broker = steps.run("broker", || choice.start(workspace, None))?;
    let mut cargo = cargo_test(workspace.cargo(), &arguments.rest);
    cargo.env("WASMILL_TEST_MODULES", modules).env("WASMILL_BIN", host);
    cargo.env("WASMILL_TEST_SKIPPED", workspace.target.join(SKIPPED));
    cargo.env("WASMILL_TEST_FAILED", workspace.target.join(FAILED));
    cargo.env(GIVEN, &broker.address).env("WASMILL_TEST_BROKER_KIND", choice.kind());
    // For a broker of a test's own. Not the file that we were started from: the build before may have replaced it.
    cargo.env("WASMILL_XTASK", workspace.target.join("debug/xtask"));
    steps.run("tests", || process::run(&mut cargo).with_context(|| logged(&broker)))
}

/// Tools that a contributor's machine has not are no failure, but the summary tells of what was left out.
fn other_languages(workspace: &Workspace, host: &Path, steps: &mut Steps) -> Result<()> {
    let left_out = steps.run("languages", || languages::build(workspace, host))?;
    left_out.into_iter().for_each(|what| steps.left_out(what));
    Ok(())
}

pub fn modules_for_tests(workspace: &Workspace) -> Result<PathBuf> {
    let folder = workspace.target.join("modules");
    plugins::build(workspace)?.gather(&folder)?;
    Ok(folder)
}

/// Named points at which tests have the host killed. What is shipped has none: it refuses to be built for release with them.
pub const FAILPOINTS: [&str; 2] = ["--features", "wasmill/failpoints"];

/// The real host, as its tests start it. All packages are selected so that dependencies have the features that
/// `cargo test` gives them, and are not compiled twice.
pub fn host(workspace: &Workspace) -> Result<PathBuf> {
    process::run(workspace.cargo().args(["build", "--workspace", "--bins"]).args(FAILPOINTS))?;
    Ok(workspace.target.join("debug/wasmill"))
}

/// All tests, also after one has failed: a change should not have to be tried once for each mistake.
fn cargo_test(mut cargo: Command, rest: &[String]) -> Command {
    cargo.args(["test", "--no-fail-fast"]);
    let of_cargo = rest.iter().take_while(|argument| *argument != "--");
    let names_package = |argument: &String| argument.starts_with("-p") || argument.starts_with("--package");
    if !of_cargo.into_iter().any(names_package) {
        // With what the host has: it would be compiled twice, and the one without put in the place of the other.
        cargo.arg("--workspace").args(FAILPOINTS);
    }
    cargo.args(rest);
    cargo
}

fn logged(broker: &Broker) -> String {
    match broker.log() {
        Some(log) => format!("the broker's log is {}", log.display()),
        None => format!("the broker was {}", broker.address),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(rest: &[&str], expected: &str) {
        let rest: Vec<String> = rest.iter().map(|argument| (*argument).to_owned()).collect();
        assert_eq!(process::shown(&cargo_test(Command::new("cargo"), &rest)), expected);
    }

    #[test]
    fn filters_and_packages_reach_cargo_test() {
        let all = "cargo test --no-fail-fast --workspace --features wasmill/failpoints";
        check(&[], all);
        check(&["reload", "--", "--nocapture"], &format!("{all} reload -- --nocapture"));
        check(&["-p", "wasmill", "reload"], "cargo test --no-fail-fast -p wasmill reload");
        check(&["--", "--package"], &format!("{all} -- --package"));
    }
}

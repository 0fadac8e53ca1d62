//! Commands of a language's own tools: run in the project's folder, so that what they say of a file is a path that its author
//! knows.

use anyhow::{Context, Result, bail};
use std::ffi::OsStr;
use std::path::Path;
use std::process::{Command, Stdio};

/// A command of a build. What it prints goes to stderr as it comes: stdout belongs to wasmill.
pub struct BuildCommand {
    command: Command,
    shown: String,
}

impl BuildCommand {
    pub(super) fn new(program: impl AsRef<OsStr>, dir: &Path) -> Self {
        let shown = program.as_ref().to_string_lossy().into_owned();
        let mut command = Command::new(program);
        command.current_dir(dir).stdin(Stdio::null());
        BuildCommand { command, shown }
    }

    /// One more argument.
    pub fn arg(mut self, arg: impl AsRef<OsStr>) -> Self {
        self.shown = format!("{} {}", self.shown, arg.as_ref().to_string_lossy());
        self.command.arg(arg);
        self
    }

    /// More arguments.
    pub fn args<A: AsRef<OsStr>>(self, args: impl IntoIterator<Item = A>) -> Self {
        args.into_iter().fold(self, BuildCommand::arg)
    }

    /// A variable of its environment.
    pub fn env(mut self, name: &str, value: impl AsRef<OsStr>) -> Self {
        self.command.env(name, value);
        self
    }

    /// Runs it.
    ///
    /// # Errors
    /// It fails; what it says of that has been printed.
    pub fn run(mut self) -> Result<()> {
        eprintln!("$ {}", self.shown);
        let status = self.command.stdout(std::io::stderr()).status().with_context(|| self.not_run())?;
        if !status.success() {
            bail!("`{}` failed ({status}); what it says is above", self.shown);
        }
        Ok(())
    }

    /// Runs it, and answers what it prints to stdout; errors as of [`BuildCommand::run`].
    pub fn output(mut self) -> Result<String> {
        eprintln!("$ {}", self.shown);
        let output = self.command.stderr(Stdio::inherit()).output().with_context(|| self.not_run())?;
        if !output.status.success() {
            bail!("`{}` failed ({}); what it says is above", self.shown, output.status);
        }
        Ok(String::from_utf8_lossy(&output.stdout).into_owned())
    }

    fn not_run(&self) -> String {
        format!("`{}` could not be run", self.shown)
    }
}

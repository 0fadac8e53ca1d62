//! `wasmill completions`.

use clap_complete::Shell;
use std::io::{self, ErrorKind, Write};
use std::process::ExitCode;

const EXAMPLES: &str = "\
Examples:
  bash:
      wasmill completions bash > ~/.local/share/bash-completion/completions/wasmill

  zsh, into a folder that is in $fpath:
      wasmill completions zsh > ~/.zfunc/_wasmill

  fish:
      wasmill completions fish > ~/.config/fish/completions/wasmill.fish";

/// Print a script that completes commands and options in your shell.
#[derive(Debug, clap::Args)]
#[command(after_long_help = EXAMPLES)]
pub(super) struct CompletionsArgs {
    /// The shell that the script is for
    shell: Shell,
}

/// Prints the script for `command`.
pub(super) fn run(args: CompletionsArgs, mut command: clap::Command) -> anyhow::Result<ExitCode> {
    let mut script = Vec::new();
    clap_complete::generate(args.shell, &mut command, "wasmill", &mut script);
    match io::stdout().write_all(&script) {
        // `wasmill completions zsh | head` has all that it wanted.
        Err(error) if error.kind() != ErrorKind::BrokenPipe => Err(error.into()),
        _ => Ok(ExitCode::SUCCESS),
    }
}

//! `wasmill componentize`: a component from a core module.

use crate::plugin::binary::{self, Kind};
use crate::plugin::component::componentize;
use anyhow::{Context, bail};
use clap::ValueHint;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

const EXAMPLES: &str = "\
Examples:
  What another tool chain has built:
      wasmill componentize build/fraud.core.wasm -o fraud.wasm

  And what the host would say of it:
      wasmill check fraud.wasm";

/// Make a component of a core module.
///
/// The module exports what the contract in wit/ asks for, under the names of the canonical ABI; the contract itself need not be
/// in it. What it wants of WASI preview 1 is given by an adapter that grants nothing: no files, no environment, a clock that
/// only waiting moves, the same randomness each time; what is printed goes to the log. A host does the same to a core module
/// in its plugins folder.
#[derive(Debug, clap::Args)]
#[command(after_long_help = EXAMPLES)]
pub struct ComponentizeArgs {
    /// The core module
    #[arg(value_name = "FILE", value_hint = ValueHint::FilePath)]
    file: PathBuf,

    /// Where the component goes; without it, into FILE itself
    #[arg(long, short, value_name = "FILE", value_hint = ValueHint::FilePath)]
    output: Option<PathBuf>,
}

/// Writes the component.
pub fn run(args: ComponentizeArgs) -> anyhow::Result<ExitCode> {
    let shown = args.file.display();
    let module = std::fs::read(&args.file).with_context(|| format!("{shown} cannot be read"))?;
    let output = args.output.as_deref().unwrap_or(&args.file);
    match binary::kind(&module) {
        Kind::CoreModule => {}
        Kind::Component => bail!("{shown} is a component already"),
        Kind::Incomplete | Kind::Garbage => bail!("{shown} is no WebAssembly module, or not the whole of one"),
    }
    let component = componentize(&module).with_context(|| format!("no component can be made of {shown}"))?;
    write_whole(output, &component)?;
    println!("{}: a component of {} bytes", output.display(), component.len());
    Ok(ExitCode::SUCCESS)
}

/// Writes a file so that it is never seen half-written: not by a host that watches its folder, either.
pub(super) fn write_whole(path: &Path, content: &[u8]) -> anyhow::Result<()> {
    let name = path.file_name().with_context(|| format!("{} is no file", path.display()))?.to_string_lossy();
    // A host leaves out names that begin with a dot.
    let half = path.with_file_name(format!(".{name}.{}", std::process::id()));
    let written = std::fs::write(&half, content).and_then(|()| std::fs::rename(&half, path));
    if written.is_err() {
        // What could not be written, or put in its place, helps nobody.
        let _ = std::fs::remove_file(&half);
    }
    written.with_context(|| format!("{} cannot be written", path.display()))
}

//! `wasmill build`: from source to a plugin that passes its golden cases.

mod into;
mod watch;

use super::check::Report;
use super::componentize::write_whole;
use super::http::HostArgs;
use super::scratch::Scratch;
use super::test::golden;
use crate::author::{Project, SdkChange};
use crate::config::PluginConfig;
use crate::plugin::binary::{Kind, kind};
use crate::plugin::component::componentize;
use crate::plugin::{Loader, sha256};
use anyhow::{Context, Result, bail};
use clap::ValueHint;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

const EXAMPLES: &str = "\
Examples:
  The project in this folder:
      wasmill build

  Again each time that a file of it is saved, and into the folder of a running host:
      wasmill build large-orders --watch --into plugins";

/// Build a plugin from its project, whatever its language.
///
/// Finds the language by the project's file, looks whether its tools are there, runs the language's own build, makes a
/// component of what comes out if it is none, looks at it as `wasmill check` does, runs the golden cases as `wasmill test` does,
/// and writes NAME.wasm into the project's folder. NAME is the folder's.
#[derive(Debug, clap::Args)]
#[command(after_long_help = EXAMPLES)]
pub struct BuildArgs {
    /// The project
    #[arg(value_name = "DIR", default_value = ".", value_hint = ValueHint::DirPath)]
    dir: PathBuf,

    /// Accept what comes out of the golden cases: it becomes what is expected
    #[arg(long, conflicts_with = "watch")]
    update: bool,

    /// Build again each time that a source has changed, until it is stopped
    #[arg(long)]
    watch: bool,

    /// The plugins folder of a running host: what was built goes there as well, and what comes of the first events is shown
    #[arg(long, value_name = "DIR", value_hint = ValueHint::DirPath)]
    into: Option<PathBuf>,

    #[command(flatten)]
    host: HostArgs,
}

/// Builds it.
pub fn run(args: BuildArgs) -> Result<ExitCode> {
    let project = Project::open(&args.dir)?;
    let scratch = Scratch::new()?;
    if let Some(folder) = args.into.as_ref().filter(|folder| !folder.is_dir()) {
        bail!("{} is no folder: --into names the plugins folder of a running host", folder.display());
    }
    let once = || {
        build(&project, &scratch, args.update)?;
        args.into.as_deref().map_or(Ok(()), |folder| drop_into(&project, folder, &args.host))
    };
    if args.watch {
        watch::watch(&project, once);
    }
    once()?;
    Ok(ExitCode::SUCCESS)
}

/// Puts NAME.wasm into a host's folder, whole at once, and tells what the host makes of it.
fn drop_into(project: &Project, folder: &Path, host: &HostArgs) -> Result<()> {
    let bytes = std::fs::read(project.module()).with_context(|| project.module().display().to_string())?;
    let known = into::is_known(host, &project.name);
    write_whole(&folder.join(format!("{}.wasm", project.name)), &bytes)?;
    into::follow(host, &project.name, &sha256(&bytes), known)
}

/// From source to NAME.wasm.
fn build(project: &Project, scratch: &Scratch, update: bool) -> Result<()> {
    match project.refresh()? {
        SdkChange::None => {}
        SdkChange::Written => eprintln!("wrote the SDK of this wasmill into .wasmill"),
        SdkChange::Replaced(old) => {
            eprintln!("replaced the SDK in .wasmill, which was of wasmill {old}, by this wasmill's")
        }
    }
    project.check_tools()?;
    let module = project.build()?;
    let bytes = std::fs::read(&module).with_context(|| format!("{} cannot be read", module.display()))?;
    let bytes = match kind(&bytes) {
        Kind::CoreModule => {
            componentize(&bytes).with_context(|| format!("no component can be made of {}", module.display()))?
        }
        _ => bytes,
    };
    // What is refused, or fails a golden case, must not take the place of what works.
    let fresh = scratch.folder.path().join(format!("{}.wasm", project.name));
    std::fs::write(&fresh, &bytes).with_context(|| fresh.display().to_string())?;
    let cases = examine(project, &scratch.loader, &fresh, update)?;
    let done = project.module();
    write_whole(&done, &bytes)?;
    println!("{}: {} bytes, {cases}", done.display(), bytes.len());
    Ok(())
}

/// What `check` and `test` say of it.
fn examine(project: &Project, loader: &Loader, module: &Path, update: bool) -> Result<String> {
    let loaded = loader.inspect(&project.name, module, &PluginConfig::default())?;
    if loaded.module.is_err() {
        let report = Report { file: &project.module(), loaded: &loaded }.to_string();
        bail!("a host would not take what has been built\n{}", report.trim_end());
    }
    let folder = project.dir.join("golden");
    if !folder.is_dir() {
        return Ok("no golden cases".into());
    }
    let checked = golden::check(loader, module, &folder, update)?;
    if !checked.wrong.is_empty() {
        let count = checked.wrong.len();
        bail!(
            "{count} of {} golden cases came out otherwise\n{}\nif that is right: wasmill build --update",
            count + checked.fine,
            checked.wrong.join("\n").trim_end()
        );
    }
    for accepted in &checked.accepted {
        println!("{accepted}: written anew");
    }
    Ok(match checked.fine + checked.accepted.len() {
        1 => "1 golden case fine".into(),
        count => format!("{count} golden cases fine"),
    })
}

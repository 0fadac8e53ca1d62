//! `wasmill new`: a project that builds as it is.

use crate::author::{Project, Template, recipes};
use anyhow::{Context, bail};
use clap::ValueHint;
use clap::builder::PossibleValuesParser;
use std::path::PathBuf;
use std::process::ExitCode;

const EXAMPLES: &str = "\
Examples:
  A plugin that passes on some events, in Rust:
      wasmill new large-orders --lang rust

  One that keeps totals:
      wasmill new totals --lang rust --template aggregate

  From there:
      cd totals && wasmill build";

/// Make the project of a new plugin, in a language of your choice.
///
/// The folder builds as it is, with `wasmill build`: source with one clear place to write in, golden cases, a README, and the
/// SDK of this version in `.wasmill/`. Nothing of it is fetched.
#[derive(Debug, clap::Args)]
#[command(after_long_help = EXAMPLES)]
pub struct NewArgs {
    /// The new folder; its name is the plugin's
    #[arg(value_name = "NAME", value_hint = ValueHint::DirPath)]
    dir: PathBuf,

    /// What it is written in
    #[arg(long, value_name = "LANGUAGE", value_parser = languages())]
    lang: String,

    /// What it begins with
    #[arg(long, value_enum, default_value_t = Template::Filter)]
    template: Template,
}

fn languages() -> PossibleValuesParser {
    PossibleValuesParser::new(recipes::ALL.iter().map(|recipe| recipe.language))
}

/// Writes it, and says what comes next.
pub fn run(args: NewArgs) -> anyhow::Result<ExitCode> {
    let Some(recipe) = recipes::of(&args.lang) else { bail!("there is no language {}", args.lang) };
    let project = Project::create(&args.dir, recipe, args.template)
        .with_context(|| format!("no project was made at {}", args.dir.display()))?;
    println!("{} is a plugin in {}: README.md says what is where", args.dir.display(), recipe.title);
    println!("  cd {} && wasmill build", args.dir.display());
    if let Err(missing) = project.check_tools() {
        println!("before that:\n{missing}");
    }
    Ok(ExitCode::SUCCESS)
}

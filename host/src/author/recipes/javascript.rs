//! JavaScript, and what TypeScript has in common with it: npm puts the packages that the build needs into the project's folder,
//! and the SDK's own script bundles, and makes a component around QuickJS.

use crate::author::installed::Installed;
use crate::author::project::Project;
use crate::author::recipe::Recipe;
use crate::author::tools::{Finds, Tool};
use anyhow::{Context, Result};
use std::fs;
use std::path::PathBuf;

pub(super) static RECIPE: Recipe = Recipe {
    language: "js",
    title: "JavaScript",
    marker: "package.json",
    folder: "sdk/js",
    sdk: SDK,
    made: &[],
    tools: TOOLS,
    build,
    built: BUILT,
};

pub(super) const SDK: &[(&str, &str)] =
    &[("sdk/js/src", "js/src"), ("sdk/js/build.mjs", "js"), ("sdk/js/index.d.ts", "js"), ("sdk/js/package.json", "js")];

pub(super) const TOOLS: &[Tool] = &[
    Tool { name: "node", probe: &["node", "--version"], finds: Finds::Version(20, 0), install: NODE },
    Tool { name: "npm", probe: &["npm", "--version"], finds: Finds::Version(9, 0), install: NODE },
];

/// Brings npm as well.
const NODE: &str = "curl -o- https://raw.githubusercontent.com/nvm-sh/nvm/v0.40.3/install.sh | bash && . ~/.nvm/nvm.sh && nvm install 22";

pub(super) const BUILT: &[&str] = &["node_modules", "package-lock.json"];

fn build(project: &Project) -> Result<PathBuf> {
    install(project)?;
    bundle(project)
}

/// Installs what `package.json` asks for, unless that was done.
pub(super) fn install(project: &Project) -> Result<()> {
    let wanted = fs::read_to_string(project.dir.join("package.json")).context("package.json cannot be read")?;
    let installed = Installed::of(project.dir.join("node_modules/.wasmill/installed"), wanted);
    if installed.is_current() {
        return Ok(());
    }
    // Without scripts of packages: none of those that the build needs has to run one.
    let quietly = ["--ignore-scripts", "--no-audit", "--no-fund", "--loglevel=error"];
    project.command(npm()).arg("install").args(quietly).run()?;
    installed.note()
}

/// Windows has a script under the name that is meant.
fn npm() -> &'static str {
    if cfg!(windows) { "npm.cmd" } else { "npm" }
}

/// Bundles the project, and makes a component of it.
pub(super) fn bundle(project: &Project) -> Result<PathBuf> {
    let module = "node_modules/.wasmill/plugin.wasm";
    project.command("node").args([".wasmill/js/build.mjs", "--out", module]).run()?;
    Ok(project.dir.join(module))
}

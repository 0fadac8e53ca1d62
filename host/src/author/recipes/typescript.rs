//! TypeScript: JavaScript whose types are checked first.

use super::javascript::{BUILT, SDK, TOOLS, bundle, install};
use crate::author::project::Project;
use crate::author::recipe::Recipe;
use anyhow::Result;
use std::path::PathBuf;

pub(super) static RECIPE: Recipe = Recipe {
    language: "ts",
    title: "TypeScript",
    marker: "tsconfig.json",
    folder: "sdk/ts",
    sdk: SDK,
    made: &[],
    tools: TOOLS,
    build,
    built: BUILT,
};

fn build(project: &Project) -> Result<PathBuf> {
    install(project)?;
    project.command("node").args(["node_modules/typescript/bin/tsc", "--noEmit", "--pretty", "false"]).run()?;
    bundle(project)
}

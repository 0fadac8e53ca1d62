//! C: the project's Makefile, with a compiler that it fetches from PyPI into the project's folder.

use crate::author::project::Project;
use crate::author::recipe::Recipe;
use crate::author::tools::{Finds, Tool};
use anyhow::Result;
use std::path::PathBuf;

pub(super) static RECIPE: Recipe = Recipe {
    language: "c",
    title: "C",
    marker: "Makefile",
    folder: "sdk/c",
    sdk: &[("sdk/c/wasmill.h", "c"), ("sdk/c/wasmill.c", "c"), ("sdk/c/src", "c/src")],
    made: &[],
    tools: &[
        Tool { name: "make", probe: &["make", "--version"], finds: Finds::Success, install: "apt-get install make" },
        Tool {
            name: "Python",
            probe: &["python3", "--version"],
            finds: Finds::Version(3, 9),
            install: "apt-get install python3 python3-venv",
        },
        Tool {
            name: "Python's venv",
            probe: &["python3", "-c", "import ensurepip, venv"],
            finds: Finds::Success,
            install: "apt-get install python3-venv",
        },
    ],
    build,
    built: &["build"],
};

/// What the Makefile makes.
const MODULE: &str = "build/module.wasm";

fn build(project: &Project) -> Result<PathBuf> {
    project.command("make").args(["--no-print-directory", MODULE]).run()?;
    Ok(project.dir.join(MODULE))
}

//! Go: the stock tool chain, which fetches nothing.

use crate::author::project::Project;
use crate::author::recipe::Recipe;
use crate::author::tools::{Finds, Tool};
use anyhow::Result;
use std::path::PathBuf;

pub(super) static RECIPE: Recipe = Recipe {
    language: "go",
    title: "Go",
    marker: "go.mod",
    folder: "sdk/go",
    sdk: &[("sdk/go", "go")],
    made: &[],
    tools: &[Tool {
        name: "Go",
        probe: &["go", "version"],
        finds: Finds::Version(1, 24),
        install: "curl -fsSL https://go.dev/dl/go1.26.8.linux-amd64.tar.gz | sudo tar -C /usr/local -xz && export PATH=$PATH:/usr/local/go/bin",
    }],
    build,
    built: &["build"],
};

/// What go makes.
const MODULE: &str = "build/module.wasm";

fn build(project: &Project) -> Result<PathBuf> {
    // A reactor, which waits to be called, without the tables of a debugger. Paths in a stack are those of the project.
    let how = ["-buildmode=c-shared", "-trimpath", "-ldflags=-s -w", "-o", MODULE];
    let go = project.command("go").arg("build").args(how).arg(".");
    // A workspace around the project has no say in it.
    go.env("GOOS", "wasip1").env("GOARCH", "wasm").env("GOWORK", "off").run()?;
    Ok(project.dir.join(MODULE))
}

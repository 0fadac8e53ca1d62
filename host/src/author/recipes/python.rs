//! Python: pip puts componentize-py and the plugin's own packages into a virtual environment in the project's folder, and the
//! SDK's own module makes a component around CPython.

use crate::author::installed::Installed;
use crate::author::project::Project;
use crate::author::recipe::Recipe;
use crate::author::tools::{Finds, Tool};
use anyhow::{Context, Result};
use std::fs;
use std::path::PathBuf;
use toml::{Table, Value};

pub(super) static RECIPE: Recipe = Recipe {
    language: "python",
    title: "Python",
    marker: "pyproject.toml",
    folder: "sdk/python",
    sdk: &[("sdk/python/wasmill", "python/wasmill")],
    made: &[],
    tools: &[
        Tool {
            name: "python3",
            probe: &[PYTHON, "--version"],
            finds: Finds::Version(3, 11),
            install: "sudo apt-get install python3 python3-venv",
        },
        Tool {
            name: "Python's module venv",
            probe: &[PYTHON, "-c", "import venv, ensurepip"],
            finds: Finds::Success,
            install: "sudo apt-get install python3-venv",
        },
    ],
    build,
    built: &[],
};

const PYTHON: &str = if cfg!(windows) { "python" } else { "python3" };

/// In the project's folder.
const ENVIRONMENT: &str = ".venv";

fn build(project: &Project) -> Result<PathBuf> {
    let python = project.dir.join(ENVIRONMENT).join(if cfg!(windows) { "Scripts/python.exe" } else { "bin/python" });
    let text = fs::read_to_string(project.dir.join("pyproject.toml")).context("pyproject.toml cannot be read")?;
    let packages = packages(&toml::from_str(&text).context("pyproject.toml")?);
    let installed = Installed::of(project.dir.join(ENVIRONMENT).join("wasmill-installed"), packages.join("\n"));
    if !python.is_file() {
        project.command(PYTHON).args(["-m", "venv", ENVIRONMENT]).run()?;
    }
    if !installed.is_current() {
        let pip = ["-m", "pip", "install", "--quiet", "--disable-pip-version-check"];
        project.command(&python).args(pip).args(&packages).run()?;
        installed.note()?;
    }
    let module = format!("{ENVIRONMENT}/plugin.wasm");
    project
        .command(&python)
        .args(["-m", "wasmill.build", "--out", &module])
        .env("PYTHONPATH", ".wasmill/python")
        .run()?;
    Ok(project.dir.join(module))
}

/// What is to be installed: what the plugin uses, and what builds it.
fn packages(project: &Table) -> Vec<String> {
    let used = project.get("project").and_then(|project| project.get("dependencies"));
    let build = project.get("dependency-groups").and_then(|groups| groups.get("build"));
    let lists = [used, build].into_iter().flatten().filter_map(Value::as_array);
    lists.flatten().filter_map(Value::as_str).map(str::to_owned).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_plugin_uses_and_what_builds_it_is_installed() {
        let project = toml::from_str(
            r#"
            [project]
            dependencies = ["iso4217parse==0.6"]
            [dependency-groups]
            build = ["componentize-py==0.25.1"]
            test = ["pytest"]
            "#,
        );
        assert_eq!(packages(&project.unwrap()), ["iso4217parse==0.6", "componentize-py==0.25.1"]);
        assert!(packages(&Table::new()).is_empty());
    }
}

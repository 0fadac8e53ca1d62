//! Rust: the SDK as a workspace of its own in `.wasmill/`, built by the author's cargo.

use crate::author::carried;
use crate::author::project::Project;
use crate::author::recipe::Recipe;
use crate::author::tools::{Finds, Tool};
use anyhow::{Context, Result};
use std::collections::BTreeSet;
use std::path::PathBuf;
use toml::{Table, Value};

pub(super) static RECIPE: Recipe = Recipe {
    language: "rust",
    title: "Rust",
    marker: "Cargo.toml",
    folder: "sdk/rust",
    sdk: &[("sdk/rust", "sdk/rust"), ("sdk/contract", "sdk/contract"), ("sdk/decimal", "sdk/decimal")],
    made: &[("Cargo.toml", workspace)],
    tools: &[
        Tool {
            name: "cargo",
            probe: &["cargo", "--version"],
            finds: Finds::Version(1, 91),
            install: "curl --proto '=https' --tlsv1.2 -sSf https://sh.rustup.rs | sh",
        },
        Tool {
            name: "Rust's target wasm32-wasip2",
            probe: &["rustc", "--print", "target-libdir", "--target", "wasm32-wasip2"],
            finds: Finds::Folder,
            install: "rustup target add wasm32-wasip2",
        },
    ],
    build,
    built: &["target"],
};

/// The crates of the SDK, from the root of the repository.
const CRATES: [&str; 3] = ["sdk/contract", "sdk/decimal", "sdk/rust"];

fn build(project: &Project) -> Result<PathBuf> {
    let target = ["--release", "--target", "wasm32-wasip2", "--message-format", "json-render-diagnostics"];
    let messages = project.command("cargo").arg("build").args(target).output()?;
    let module = messages.lines().filter_map(module).next_back();
    module.context("cargo made no module: Cargo.toml needs crate-type = [\"cdylib\", \"rlib\"] in its [lib]")
}

/// The module that a line of cargo's tells of.
fn module(message: &str) -> Option<PathBuf> {
    let message: serde_json::Value = serde_json::from_str(message).ok()?;
    let files = message.get("filenames")?.as_array()?;
    files.iter().filter_map(|file| file.as_str()).find(|file| file.ends_with(".wasm")).map(PathBuf::from)
}

/// The root manifest of the SDK's crates: what they inherit from the repository's, and no more.
fn workspace() -> Result<String> {
    let root: Table = toml::from_str(carried::text("Cargo.toml")?)?;
    let workspace = root.get("workspace").and_then(Value::as_table).context("the root manifest has a workspace")?;
    let mut used = BTreeSet::new();
    for member in CRATES {
        names(&toml::from_str(carried::text(&format!("{member}/Cargo.toml"))?)?, &mut used);
    }
    let mut kept = Table::new();
    for key in ["resolver", "package"] {
        kept.insert(key.into(), workspace.get(key).with_context(|| format!("workspace.{key}"))?.clone());
    }
    kept.insert("members".into(), CRATES.map(|member| Value::from(member.to_owned())).to_vec().into());
    let dependencies = workspace.get("dependencies").and_then(Value::as_table).context("workspace.dependencies")?;
    let dependencies: Table = dependencies
        .iter()
        .filter(|(name, _)| used.contains(*name))
        .map(|(name, it)| (name.clone(), it.clone()))
        .collect();
    kept.insert("dependencies".into(), dependencies.into());
    // The members ask for it; what it says is for those who change the SDK.
    kept.insert("lints".into(), Table::new().into());
    Ok(toml::to_string(&Table::from_iter([("workspace".to_owned(), Value::from(kept))]))?)
}

/// The names in all tables of dependencies.
fn names(manifest: &Table, found: &mut BTreeSet<String>) {
    for (key, value) in manifest {
        let Some(table) = value.as_table() else { continue };
        if key.ends_with("dependencies") {
            found.extend(table.keys().cloned());
        } else {
            names(table, found);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_sdk_inherits_what_it_uses_and_nothing_of_the_hosts() {
        let text = workspace().unwrap();
        let workspace: Table = toml::from_str(&text).unwrap();
        let dependencies = workspace["workspace"]["dependencies"].as_table().unwrap();
        assert!(dependencies.contains_key("serde") && dependencies.contains_key("wit-bindgen"), "{text}");
        assert!(!dependencies.contains_key("wasmtime") && !dependencies.contains_key("wasmill"), "{text}");
    }

    #[test]
    fn the_module_is_found_among_cargos_messages() {
        assert_eq!(module(r#"{"filenames":["/p/libserde.rlib"]}"#), None);
        assert_eq!(module(r#"{"filenames":["/p/f.wasm","/p/libf.rlib"]}"#), Some("/p/f.wasm".into()));
        assert_eq!(module("warning: text"), None);
    }
}

//! Where things are: what `cargo metadata` says of the workspace.

use crate::process;
use anyhow::{Context, Result, bail};
use serde_json::Value;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

/// The workspace that we were called in.
pub struct Workspace {
    /// The repository's root.
    pub root: PathBuf,
    /// Cargo's target directory, wherever the environment or a configuration has put it.
    pub target: PathBuf,
    /// Its members.
    pub packages: Vec<Package>,
}

/// A member of the workspace.
#[derive(Debug, PartialEq)]
pub struct Package {
    /// As cargo calls it.
    pub name: String,
    /// Where its manifest is.
    pub folder: PathBuf,
    /// The library's name, if it is built for being loaded (`cdylib`).
    pub loadable: Option<String>,
}

impl Workspace {
    /// Asks cargo.
    pub fn load() -> Result<Self> {
        let output = process::attentive(&mut cargo())
            .args(["metadata", "--format-version", "1", "--no-deps"])
            .stderr(Stdio::inherit())
            .output()
            .context("cannot start cargo")?;
        if !output.status.success() {
            bail!("`cargo metadata` failed ({})", output.status);
        }
        Self::parse(&output.stdout).context("cannot read what `cargo metadata` says")
    }

    /// Cargo, in the root of the workspace.
    pub fn cargo(&self) -> Command {
        let mut cargo = cargo();
        cargo.current_dir(&self.root);
        cargo
    }

    fn parse(metadata: &[u8]) -> Result<Self> {
        let metadata: Value = serde_json::from_slice(metadata)?;
        let packages = metadata["packages"].as_array().context("no packages")?;
        Ok(Workspace {
            root: text(&metadata["workspace_root"])?.into(),
            target: text(&metadata["target_directory"])?.into(),
            packages: packages.iter().map(package).collect::<Result<_>>()?,
        })
    }
}

fn package(package: &Value) -> Result<Package> {
    let manifest = Path::new(text(&package["manifest_path"])?);
    let targets = package["targets"].as_array().context("a package without targets")?;
    let loadable = targets.iter().find(|target| {
        let kinds = target["crate_types"].as_array();
        kinds.is_some_and(|kinds| kinds.iter().any(|kind| kind == "cdylib"))
    });
    Ok(Package {
        name: text(&package["name"])?.to_owned(),
        folder: manifest.parent().context("a manifest without a folder")?.to_owned(),
        loadable: loadable.map(|target| text(&target["name"]).map(str::to_owned)).transpose()?,
    })
}

fn text(value: &Value) -> Result<&str> {
    value.as_str().context("not a text")
}

/// The cargo that runs us, so that tool chains don't get mixed.
fn cargo() -> Command {
    Command::new(std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_plugin_is_told_by_its_cdylib() {
        let workspace = Workspace::parse(
            br#"{"workspace_root": "/repo", "target_directory": "/elsewhere", "packages": [
                {"name": "order-router-plugin", "manifest_path": "/repo/plugins/order-router/Cargo.toml", "targets": [
                    {"name": "golden", "crate_types": ["bin"]},
                    {"name": "order_router_plugin", "crate_types": ["cdylib", "rlib"]}]},
                {"name": "xtask", "manifest_path": "/repo/xtask/Cargo.toml", "targets": [
                    {"name": "xtask", "crate_types": ["bin"]}]}]}"#,
        )
        .unwrap();

        assert_eq!(workspace.target, Path::new("/elsewhere"));
        assert_eq!(
            workspace.packages,
            [
                Package {
                    name: "order-router-plugin".into(),
                    folder: "/repo/plugins/order-router".into(),
                    loadable: Some("order_router_plugin".into())
                },
                Package { name: "xtask".into(), folder: "/repo/xtask".into(), loadable: None },
            ]
        );
    }

    #[test]
    fn the_real_workspace_can_be_read() {
        let workspace = Workspace::load().unwrap();

        assert!(workspace.packages.iter().any(|package| package.name == "xtask"));
        assert!(workspace.root.join("xtask/Cargo.toml").exists());
    }
}

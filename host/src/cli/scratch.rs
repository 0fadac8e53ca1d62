//! A loader for one command: what it has compiled once it does not compile again.

use crate::plugin::{AotCache, Engine, Loader};
use anyhow::{Context, Result};
use tempfile::TempDir;

/// The loader, and a folder that goes with it.
pub(super) struct Scratch {
    pub(super) loader: Loader,
    /// For what a command writes and nobody else needs.
    pub(super) folder: TempDir,
}

impl Scratch {
    pub(super) fn new() -> Result<Scratch> {
        let folder = tempfile::tempdir().context("there is no room for what is compiled")?;
        let cache = AotCache::open(&folder.path().join("cache"), &folder.path().join("plugins"))?;
        Ok(Scratch { loader: Loader::new(Engine::new()?, Some(cache)), folder })
    }
}

//! Whether what a project asks for has been installed into its folder.

use anyhow::{Context, Result};
use std::fs;
use std::path::PathBuf;

/// A note, beside what was installed, of what was asked for.
pub(super) struct Installed {
    note: PathBuf,
    wanted: String,
}

impl Installed {
    /// `wanted` tells one state of the project's wishes from another.
    pub(super) fn of(note: PathBuf, wanted: String) -> Self {
        Installed { note, wanted }
    }

    /// Whether just that has been installed.
    pub(super) fn is_current(&self) -> bool {
        fs::read_to_string(&self.note).is_ok_and(|noted| noted == self.wanted)
    }

    /// It has: to be called when all went well.
    pub(super) fn note(&self) -> Result<()> {
        let written =
            self.note.parent().map_or(Ok(()), fs::create_dir_all).and_then(|()| fs::write(&self.note, &self.wanted));
        written.with_context(|| format!("{} cannot be written", self.note.display()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_has_been_installed_is_remembered_until_something_else_is_wanted() {
        let folder = tempfile::tempdir().unwrap();
        let note = folder.path().join("modules/installed");
        let installed = Installed::of(note.clone(), "one".into());
        assert!(!installed.is_current());
        installed.note().unwrap();
        assert!(installed.is_current());
        assert!(!Installed::of(note, "one\ntwo".into()).is_current());
    }
}

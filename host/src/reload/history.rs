//! The modules that a plugin ran before, kept so that a rollback has something to go back to, also after a restart.
//!
//! In `<state-dir>/history/<plugin>/`: `current.wasm` (the module at work), `previous.wasm` (the one before), and while
//! a rollback holds `pinned` (the sha256 of the file that it left aside, as text).

use std::fs;
use std::io::{self, Write};
use std::path::{Path, PathBuf};

/// One plugin's kept modules.
#[derive(Debug, Clone)]
pub struct History {
    dir: PathBuf,
}

impl History {
    /// The history of `plugin` under the host's state folder. Nothing is made until something is kept.
    pub fn of(state_dir: &Path, plugin: &str) -> Self {
        History { dir: state_dir.join("history").join(plugin) }
    }

    /// The module at work, or the last one that was.
    pub fn current(&self) -> PathBuf {
        self.dir.join("current.wasm")
    }

    /// The module before it.
    pub fn previous(&self) -> PathBuf {
        self.dir.join("previous.wasm")
    }

    /// A module has gone to work: it is the current one now, and the one before becomes the previous.
    pub fn keep(&self, module: &[u8]) -> io::Result<()> {
        if fs::read(self.current()).is_ok_and(|current| current == module) {
            return Ok(());
        }
        fs::create_dir_all(&self.dir)?;
        match fs::rename(self.current(), self.previous()) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
            _ => self.write("current.wasm", module),
        }
    }

    /// After a rollback: the previous module is at work, and the file with this sha256 is left aside.
    pub fn pin(&self, left_aside: &str) -> io::Result<()> {
        let swapped = self.dir.join("swapped.wasm");
        fs::rename(self.current(), &swapped)?;
        fs::rename(self.previous(), self.current())?;
        fs::rename(&swapped, self.previous())?;
        self.write("pinned", left_aside.as_bytes())
    }

    /// The sha256 of the file that a rollback leaves aside.
    pub fn pinned(&self) -> Option<String> {
        fs::read_to_string(self.dir.join("pinned")).ok()
    }

    /// The rollback no longer holds.
    pub fn unpin(&self) -> io::Result<()> {
        ignore_missing(fs::remove_file(self.dir.join("pinned")))
    }

    /// The plugin was removed: there is nothing to go back to.
    pub fn forget(&self) -> io::Result<()> {
        ignore_missing(fs::remove_dir_all(&self.dir))
    }

    /// Through a second name, so that a crash never leaves half a file.
    fn write(&self, name: &str, bytes: &[u8]) -> io::Result<()> {
        let mut file = tempfile::NamedTempFile::new_in(&self.dir)?;
        file.write_all(bytes)?;
        file.as_file().sync_all()?;
        file.persist(self.dir.join(name))?;
        Ok(())
    }
}

fn ignore_missing(result: io::Result<()>) -> io::Result<()> {
    match result {
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
        result => result,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn modules(history: &History) -> [Option<Vec<u8>>; 2] {
        [history.current(), history.previous()].map(|path| fs::read(path).ok())
    }

    #[test]
    fn the_module_before_is_kept_and_the_same_one_again_changes_nothing() {
        let dir = tempfile::tempdir().unwrap();
        let history = History::of(dir.path(), "fraud");
        history.keep(b"1").unwrap();
        assert_eq!(modules(&history), [Some(b"1".to_vec()), None]);
        history.keep(b"2").unwrap();
        history.keep(b"2").unwrap();
        assert_eq!(modules(&history), [Some(b"2".to_vec()), Some(b"1".to_vec())]);
    }

    #[test]
    fn a_rollback_holds_until_it_is_lifted() {
        let dir = tempfile::tempdir().unwrap();
        let history = History::of(dir.path(), "fraud");
        history.keep(b"1").unwrap();
        history.keep(b"2").unwrap();
        assert_eq!(history.pinned(), None);
        history.pin("sha of 2").unwrap();
        assert_eq!(modules(&history), [Some(b"1".to_vec()), Some(b"2".to_vec())]);
        assert_eq!(History::of(dir.path(), "fraud").pinned().as_deref(), Some("sha of 2"));
        history.unpin().unwrap();
        history.unpin().unwrap();
        assert_eq!(history.pinned(), None);
        history.forget().unwrap();
        assert_eq!(modules(&history), [None, None]);
        history.forget().unwrap();
    }
}

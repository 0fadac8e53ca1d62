//! The host's own folder: who it is, and that nobody else is at work in it.

use anyhow::{Context, Result, bail};
use std::fs::{self, File, TryLockError};
use std::path::Path;

/// The folder, locked as long as this lives.
pub struct StateDir {
    host_id: String,
    _lock: File,
}

impl StateDir {
    /// Makes the folder if it is missing, locks it, and reads the host's id, which is made once.
    pub fn open(dir: &Path) -> Result<Self> {
        let place = || format!("the state folder {}", dir.display());
        fs::create_dir_all(dir).with_context(|| format!("{} can't be made", place()))?;
        let lock = File::create(dir.join("lock")).with_context(|| format!("{} can't be written", place()))?;
        match lock.try_lock() {
            Ok(()) => {}
            Err(TryLockError::WouldBlock) => bail!(
                "{} is in use by another host; stop it, or give this one a folder of its own with state-dir",
                place()
            ),
            Err(TryLockError::Error(error)) => {
                return Err(error).with_context(|| format!("{} can't be locked", place()));
            }
        }
        let file = dir.join("host-id");
        let host_id = match fs::read_to_string(&file) {
            Ok(id) if !id.trim().is_empty() => id.trim().to_owned(),
            _ => {
                let id = new_id()?;
                fs::write(&file, &id).with_context(|| format!("{} can't be written", file.display()))?;
                id
            }
        };
        Ok(StateDir { host_id, _lock: lock })
    }

    /// Names this host among those of its application.
    pub fn host_id(&self) -> &str {
        &self.host_id
    }
}

/// Eight random hexadecimal digits.
fn new_id() -> Result<String> {
    use std::io::Read;
    let mut bytes = [0; 4];
    File::open("/dev/urandom").and_then(|mut random| random.read_exact(&mut bytes)).context("no random numbers")?;
    Ok(bytes.iter().map(|byte| format!("{byte:02x}")).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_id_stays_and_a_second_host_is_refused() {
        let dir = tempfile::tempdir().unwrap();
        let first = StateDir::open(dir.path()).unwrap();
        let error = StateDir::open(dir.path()).err().expect("the folder is in use").to_string();
        assert!(error.contains("in use by another host"), "{error}");
        let id = first.host_id().to_owned();
        assert_eq!(id.len(), 8);
        drop(first);
        assert_eq!(StateDir::open(dir.path()).unwrap().host_id(), id);
    }
}

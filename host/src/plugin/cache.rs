//! Compiled modules, kept between runs. An entry is machine code that will run in this process, so the folder must be
//! nobody else's, and an entry must be what was written.

use sha2::{Digest, Sha256};
use std::fs::{self, DirBuilder};
use std::hash::{DefaultHasher, Hash, Hasher};
use std::io::{self, Write};
use std::os::unix::fs::{DirBuilderExt, MetadataExt, PermissionsExt};
use std::path::{Path, PathBuf};
use std::time::SystemTime;
use wasmtime::component::Component;

/// A host has tens of plugins, each with one or two versions worth going back to.
const MOST_ENTRIES: usize = 64;

/// Bytes of the checksum in front of an entry.
const CHECKSUM: usize = 32;

/// Why the folder cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum CacheError {
    /// Another user could put machine code into it.
    #[error(
        "the cache folder {} can be read or written by others (mode {mode:o}): compiled modules in it would be run as \
         they are. Make it private (chmod 700), or remove it", path.display()
    )]
    Shared {
        /// The folder.
        path: PathBuf,
        /// Its permission bits.
        mode: u32,
    },
    /// It belongs to somebody else.
    #[error("the cache folder {} belongs to another user: remove it, or name another state-dir", .0.display())]
    Foreign(PathBuf),
    /// Whoever may drop a module could drop machine code.
    #[error("the cache folder {} lies in the plugins folder: name another state-dir", .0.display())]
    AmongPlugins(PathBuf),
    /// It could not be made or looked at.
    #[error("the cache folder {}: {source}", path.display())]
    Io {
        /// The folder.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
}

/// The folder.
#[derive(Debug)]
pub struct AotCache {
    dir: PathBuf,
}

impl AotCache {
    /// Makes the folder if it is missing, for its owner alone, and refuses one that others can get at or that lies within
    /// `plugins`.
    pub fn open(dir: &Path, plugins: &Path) -> Result<AotCache, CacheError> {
        let io = |source| CacheError::Io { path: dir.to_owned(), source };
        DirBuilder::new().recursive(true).mode(0o700).create(dir).map_err(io)?;
        let found = fs::metadata(dir).map_err(io)?;
        let mode = found.permissions().mode() & 0o777;
        if mode & 0o077 != 0 {
            return Err(CacheError::Shared { path: dir.to_owned(), mode });
        }
        // A file that this process makes in it shows who it is, without asking the system for the user.
        let probe = tempfile::NamedTempFile::new_in(dir).map_err(io)?;
        if probe.as_file().metadata().map_err(io)?.uid() != found.uid() {
            return Err(CacheError::Foreign(dir.to_owned()));
        }
        let dir = dir.canonicalize().map_err(io)?;
        // A plugins folder that does not exist yet has nothing within.
        if plugins.canonicalize().is_ok_and(|plugins| dir.starts_with(plugins)) {
            return Err(CacheError::AmongPlugins(dir));
        }
        Ok(AotCache { dir })
    }

    /// The compiled module, if it was kept: for this very wasmtime, machine and settings, and unharmed.
    pub(super) fn load(&self, engine: &wasmtime::Engine, module: &[u8; 32]) -> Option<Component> {
        let path = self.path(engine, module);
        let entry = fs::read(&path).ok()?;
        let (checksum, code) = entry.split_at_checked(CHECKSUM)?;
        if Sha256::digest(code).as_slice() != checksum {
            tracing::warn!(entry = %path.display(), "a compiled module in the cache is damaged; compiling it again");
            return None;
        }
        let component = deserialize(engine, code)?;
        // The oldest entries go first, by the time of their last use; without it they go a little early.
        let _ = fs::File::options().append(true).open(&path).and_then(|file| file.set_modified(SystemTime::now()));
        Some(component)
    }

    /// Keeps a compiled module. Failing to is no error: it costs a compilation later.
    pub(super) fn keep(&self, engine: &wasmtime::Engine, module: &[u8; 32], component: &Component) {
        if let Err(error) = self.write(engine, module, component) {
            tracing::warn!(dir = %self.dir.display(), "a compiled module could not be kept: {error:#}");
        }
    }

    fn write(&self, engine: &wasmtime::Engine, module: &[u8; 32], component: &Component) -> anyhow::Result<()> {
        let code = component.serialize()?;
        let mut file = tempfile::NamedTempFile::new_in(&self.dir)?;
        file.write_all(&Sha256::digest(&code))?;
        file.write_all(&code)?;
        file.persist(self.path(engine, module))?;
        self.trim()?;
        Ok(())
    }

    fn trim(&self) -> io::Result<()> {
        let mut entries = vec![];
        for entry in fs::read_dir(&self.dir)? {
            let entry = entry?;
            if entry.path().extension().is_some_and(|extension| extension == "cwasm") {
                entries.push((entry.metadata()?.modified()?, entry.path()));
            }
        }
        entries.sort();
        for (_, path) in entries.iter().rev().skip(MOST_ENTRIES) {
            fs::remove_file(path)?;
        }
        Ok(())
    }

    /// Its name says for what it is: the module, and all that the machine code depends on (wasmtime's version, target,
    /// processor features, deadline checks).
    fn path(&self, engine: &wasmtime::Engine, module: &[u8; 32]) -> PathBuf {
        let mut compatibility = DefaultHasher::new();
        engine.precompile_compatibility_hash().hash(&mut compatibility);
        self.dir.join(format!("{}-{:016x}.cwasm", hex(module), compatibility.finish()))
    }
}

/// None: it is of another wasmtime or machine after all.
#[allow(unsafe_code)]
fn deserialize(engine: &wasmtime::Engine, code: &[u8]) -> Option<Component> {
    // SAFETY: the bytes are what `Component::serialize` gave this program: they lie in a folder that was checked to be
    // this user's alone, and they match the checksum that was written with them.
    unsafe { Component::deserialize(engine, code) }.ok()
}

/// Lower-case hexadecimal digits.
pub(super) fn hex(bytes: &[u8]) -> String {
    use std::fmt::Write;
    bytes.iter().fold(String::with_capacity(bytes.len() * 2), |mut text, byte| {
        // Writing to a String cannot fail.
        let _ = write!(text, "{byte:02x}");
        text
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::plugin::Engine;

    /// The smallest component: a header without sections.
    const EMPTY: &[u8] = b"\0asm\x0d\0\x01\0";
    const MODULE: [u8; 32] = [7; 32];

    fn folder() -> (tempfile::TempDir, AotCache) {
        let root = tempfile::tempdir().unwrap();
        let cache = AotCache::open(&root.path().join("cache"), &root.path().join("plugins")).unwrap();
        (root, cache)
    }

    #[test]
    fn what_was_kept_is_loaded_for_the_same_settings_only() {
        let (_root, cache) = folder();
        let engine = Engine::new().unwrap();
        let (checked, unchecked) = (&engine.runtime(true).engine, &engine.runtime(false).engine);
        assert!(cache.load(checked, &MODULE).is_none());
        cache.keep(checked, &MODULE, &Component::new(checked, EMPTY).unwrap());
        assert!(cache.load(checked, &MODULE).is_some());
        assert!(cache.load(unchecked, &MODULE).is_none());
        assert!(cache.load(checked, &[8; 32]).is_none());
    }

    #[test]
    fn an_entry_that_was_tampered_with_is_not_loaded_and_can_be_written_again() {
        let (_root, cache) = folder();
        let engine = Engine::new().unwrap();
        let engine = &engine.runtime(true).engine;
        let component = Component::new(engine, EMPTY).unwrap();
        cache.keep(engine, &MODULE, &component);
        let path = cache.path(engine, &MODULE);
        let sound = fs::read(&path).unwrap();
        for position in [0, CHECKSUM, sound.len() - 1] {
            let mut harmed = sound.clone();
            harmed[position] ^= 1;
            fs::write(&path, harmed).unwrap();
            assert!(cache.load(engine, &MODULE).is_none(), "byte {position}");
        }
        fs::write(&path, &sound[..10]).unwrap();
        assert!(cache.load(engine, &MODULE).is_none());
        cache.keep(engine, &MODULE, &component);
        assert!(cache.load(engine, &MODULE).is_some());
    }

    #[test]
    fn the_folder_is_made_private_and_a_shared_one_is_refused() {
        let (root, cache) = folder();
        assert_eq!(fs::metadata(&cache.dir).unwrap().permissions().mode() & 0o777, 0o700);
        for mode in [0o750, 0o701, 0o770] {
            fs::set_permissions(&cache.dir, fs::Permissions::from_mode(mode)).unwrap();
            let error = AotCache::open(&cache.dir, root.path().join("plugins").as_path()).unwrap_err();
            assert!(matches!(error, CacheError::Shared { .. }), "{error}");
        }
    }

    #[test]
    fn a_folder_among_the_plugins_is_refused() {
        let root = tempfile::tempdir().unwrap();
        let error = AotCache::open(&root.path().join("cache"), root.path()).unwrap_err();
        assert!(matches!(error, CacheError::AmongPlugins(_)), "{error}");
    }

    #[test]
    fn the_entries_longest_unused_go_first() {
        let (_root, cache) = folder();
        let engine = Engine::new().unwrap();
        let engine = &engine.runtime(true).engine;
        let component = Component::new(engine, EMPTY).unwrap();
        for number in 0..MOST_ENTRIES + 3 {
            let module = [u8::try_from(number).unwrap(); 32];
            cache.keep(engine, &module, &component);
            let age = std::time::Duration::from_secs(1000 - number as u64);
            let file = fs::File::options().append(true).open(cache.path(engine, &module)).unwrap();
            file.set_modified(SystemTime::now() - age).unwrap();
        }
        assert_eq!(fs::read_dir(&cache.dir).unwrap().count(), MOST_ENTRIES);
        assert!(cache.load(engine, &[2; 32]).is_none());
        assert!(cache.load(engine, &[3; 32]).is_some());
    }
}

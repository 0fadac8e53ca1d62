//! What is in the plugins folder.

use std::collections::BTreeMap;
use std::fs::Metadata;
use std::io;
use std::path::{Path, PathBuf};
use std::time::SystemTime;

/// A plugin's files: `NAME.wasm`, and `NAME.toml` if there is one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Files {
    /// The module.
    pub module: PathBuf,
    /// The configuration; it need not exist.
    pub config: PathBuf,
    module_stamp: Stamp,
    config_stamp: Option<Stamp>,
}

/// What tells that a file has changed without reading it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Stamp {
    modified: Option<SystemTime>,
    length: u64,
    #[cfg(unix)]
    inode: u64,
}

/// The plugins of a folder by name, as their files are now. Files whose name begins with a dot are left out: many tools
/// write a file under such a name and rename it when it is whole.
pub fn scan(dir: &Path) -> io::Result<BTreeMap<String, Files>> {
    let mut plugins = BTreeMap::new();
    for entry in std::fs::read_dir(dir)? {
        let module = entry?.path();
        let name = module.file_stem().and_then(|stem| stem.to_str()).map(str::to_owned);
        let is_module = module.extension().is_some_and(|extension| extension == "wasm");
        let Some(name) = name.filter(|name| is_module && !name.starts_with('.')) else { continue };
        // It may have gone since it was listed.
        let Ok(metadata) = std::fs::metadata(&module) else { continue };
        if !metadata.is_file() {
            continue;
        }
        let config = module.with_extension("toml");
        let config_stamp = std::fs::metadata(&config).ok().map(|metadata| stamp(&metadata));
        plugins.insert(name, Files { module, config, module_stamp: stamp(&metadata), config_stamp });
    }
    Ok(plugins)
}

fn stamp(metadata: &Metadata) -> Stamp {
    Stamp {
        modified: metadata.modified().ok(),
        length: metadata.len(),
        #[cfg(unix)]
        inode: std::os::unix::fs::MetadataExt::ino(metadata),
    }
}

/// What differs between two looks at the folder.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Difference {
    /// A plugin is new, or one of its files has changed.
    Changed(String, Files),
    /// A plugin's module is gone.
    Removed(String),
    /// Everything that was in the folder at first has been told.
    FirstLookOver,
}

/// From `before` to `now`, in order of names.
pub fn differences(before: &BTreeMap<String, Files>, now: &BTreeMap<String, Files>) -> Vec<Difference> {
    let removed = before.keys().filter(|name| !now.contains_key(*name)).cloned().map(Difference::Removed);
    let changed = now.iter().filter(|(name, files)| before.get(*name) != Some(files));
    removed.chain(changed.map(|(name, files)| Difference::Changed(name.clone(), files.clone()))).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn modules_are_plugins_and_other_files_are_not() {
        let dir = tempfile::tempdir().unwrap();
        for name in ["fraud.wasm", "fraud.toml", "notes.txt", ".fraud.wasm", "alone.toml"] {
            std::fs::write(dir.path().join(name), "x").unwrap();
        }
        std::fs::create_dir(dir.path().join("folder.wasm")).unwrap();
        let plugins = scan(dir.path()).unwrap();
        assert_eq!(plugins.keys().collect::<Vec<_>>(), ["fraud"]);
    }

    #[test]
    fn a_changed_module_a_changed_configuration_and_a_removed_module_are_told() {
        let dir = tempfile::tempdir().unwrap();
        let write = |name: &str, text: &str| std::fs::write(dir.path().join(name), text).unwrap();
        let look = || scan(dir.path()).unwrap();
        write("a.wasm", "1");
        write("b.wasm", "1");
        let before = look();
        assert_eq!(differences(&before, &look()), []);
        write("a.toml", "");
        std::fs::remove_file(dir.path().join("b.wasm")).unwrap();
        let now = look();
        let expected = [Difference::Removed("b".into()), Difference::Changed("a".into(), now["a"].clone())];
        assert_eq!(differences(&before, &now), expected);
        write("a.wasm", "12");
        assert_eq!(differences(&now, &look()).len(), 1);
    }
}

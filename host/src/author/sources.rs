//! What a project is built of, and whether it has changed.

use super::project::Project;
use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::time::SystemTime;

/// A source folder has hundreds of files; one with more has something in it that is no source.
const MOST_FILES: usize = 20_000;

/// The files that a build depends on, each with what tells that it has changed.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Sources(BTreeMap<PathBuf, (u64, Option<SystemTime>)>);

impl Sources {
    /// As they are now. What is built is left out, and so is what begins with a dot but is no file at the root.
    pub fn of(project: &Project) -> Sources {
        let mut sources = Sources::default();
        sources.collect(project, &project.dir, true);
        sources
    }

    /// A file that is not as it was, if there is one.
    pub fn changed_since<'a>(&'a self, before: &'a Sources) -> Option<&'a Path> {
        let changed = self.0.iter().find(|(path, stamp)| before.0.get(*path) != Some(*stamp));
        let gone = || before.0.keys().find(|path| !self.0.contains_key(*path));
        changed.map(|(path, _)| path).or_else(gone).map(PathBuf::as_path)
    }

    fn collect(&mut self, project: &Project, dir: &Path, root: bool) {
        // A folder that has gone meanwhile has nothing in it.
        for entry in fs::read_dir(dir).into_iter().flatten().flatten() {
            let path = entry.path();
            let name = entry.file_name().to_string_lossy().into_owned();
            let Ok(metadata) = entry.metadata() else { continue };
            if self.0.len() >= MOST_FILES || (root && project.recipe.built.contains(&name.as_str())) {
                continue;
            }
            if metadata.is_dir() {
                if !name.starts_with('.') && name != "__pycache__" {
                    self.collect(project, &path, false);
                }
            } else if !name.starts_with('.') && path != project.module() {
                self.0.insert(path, (metadata.len(), metadata.modified().ok()));
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::author::{Template, recipes};

    #[test]
    fn sources_and_cases_count_and_what_is_built_does_not() {
        let folder = tempfile::tempdir().unwrap();
        let recipe = recipes::of("rust").unwrap();
        let project = Project::create(&folder.path().join("p"), recipe, Template::Filter).unwrap();
        let before = Sources::of(&project);
        for built in ["target/release/p.wasm", "p.wasm", ".wasmill/version", ".git/index"] {
            fs::create_dir_all(project.dir.join(built).parent().unwrap()).unwrap();
            fs::write(project.dir.join(built), "new").unwrap();
        }
        assert_eq!(Sources::of(&project).changed_since(&before), None);
        let case = project.dir.join("golden/large-orders/events.jsonl");
        fs::write(&case, "").unwrap();
        assert_eq!(Sources::of(&project).changed_since(&before), Some(case.as_path()));
        fs::remove_file(&case).unwrap();
        assert_eq!(Sources::of(&project).changed_since(&before), Some(case.as_path()));
    }
}

//! What there is to know of a language.

use super::project::Project;
use super::tools::Tool;
use std::path::PathBuf;

/// How plugins are written and built in one language.
pub struct Recipe {
    /// What `--lang` takes: `rust`.
    pub language: &'static str,
    /// How people write it: `Rust`.
    pub title: &'static str,
    /// The file by which a folder is known to be a project in it: `Cargo.toml`.
    pub marker: &'static str,
    /// Its folder under `sdk/`: `template/`, `template-aggregate/` and so on lie in there.
    pub folder: &'static str,
    /// What a project has in `.wasmill/` besides `wit/`: path in the repository → path in `.wasmill/`. Templates are left out.
    pub sdk: &'static [(&'static str, &'static str)],
    /// The same, of files that are made and not copied.
    pub made: &'static [(&'static str, MadeFile)],
    /// What must be on the machine.
    pub tools: &'static [Tool],
    /// Runs the language's own build in the project's folder, and answers where the module is: a component or a core module.
    /// What the build needs besides the tools, packages from a registry, it installs into the project's folder.
    pub build: fn(&Project) -> anyhow::Result<PathBuf>,
    /// What in a project is not its author's: a change there is none that `wasmill build --watch` builds for.
    pub built: &'static [&'static str],
}

/// Gives a file's content.
pub type MadeFile = fn() -> anyhow::Result<String>;

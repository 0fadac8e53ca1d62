//! A folder with the source of one plugin.

use super::carried;
use super::command::BuildCommand;
use super::recipe::Recipe;
use super::recipes;
use anyhow::{Context, Result, bail};
use sha2::{Digest, Sha256};
use std::ffi::OsStr;
use std::fs;
use std::path::{Path, PathBuf};

/// Where a project has the SDK and the contract as its wasmill has them. It belongs to the source, as what is vendored does.
const SDK: &str = ".wasmill";

/// In it: of which wasmill it is.
const VERSION: &str = "version";

/// A longer name is none for topics and groups.
const LONGEST_NAME: usize = 64;

/// A folder with the source of one plugin.
pub struct Project {
    /// Where it is; absolute.
    pub dir: PathBuf,
    /// The plugin's: that of the folder.
    pub name: String,
    /// Its language.
    pub recipe: &'static Recipe,
}

/// What a new project begins with.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
pub enum Template {
    /// Alerts on large orders: an event in, an output or none
    Filter,
    /// Totals by key: what was seen is remembered in a store
    Aggregate,
}

/// What became of a project's copy of the SDK.
#[derive(Debug, PartialEq, Eq)]
pub enum SdkChange {
    /// It is this wasmill's.
    None,
    /// There was none.
    Written,
    /// It was of this other version.
    Replaced(String),
}

impl Template {
    fn folder(self) -> &'static str {
        match self {
            Template::Filter => "template",
            Template::Aggregate => "template-aggregate",
        }
    }
}

impl Project {
    /// Makes the folder and writes all that a first build needs.
    ///
    /// # Errors
    /// The folder is there already and not empty, or its name is none for a plugin, or it cannot be written.
    pub fn create(dir: &Path, recipe: &'static Recipe, template: Template) -> Result<Project> {
        let name = dir.file_name().and_then(OsStr::to_str).context("name the folder of the new project")?;
        check_name(name)?;
        if fs::read_dir(dir).is_ok_and(|mut entries| entries.next().is_some()) {
            bail!("{} is there already: choose another name, or remove it", dir.display());
        }
        fs::create_dir_all(dir).with_context(|| format!("{} cannot be made", dir.display()))?;
        let folder = format!("{}/{}", recipe.folder, template.folder());
        let mut files = carried::under(&folder).peekable();
        if files.peek().is_none() {
            bail!("there is no {} template for {}", template.folder(), recipe.title);
        }
        for (path, content) in files {
            write(&dir.join(fill(path, name)), fill(&String::from_utf8_lossy(content), name).as_bytes())?;
        }
        let project = Project { dir: absolute(dir)?, name: name.to_owned(), recipe };
        project.refresh()?;
        Ok(project)
    }

    /// The project in a folder.
    ///
    /// # Errors
    /// None of the languages' project files is in it.
    pub fn open(dir: &Path) -> Result<Project> {
        let dir = absolute(dir)?;
        let name = dir.file_name().and_then(OsStr::to_str).context("a project has a folder with a name")?.to_owned();
        check_name(&name)?;
        let Some(recipe) = recipes::ALL.iter().copied().find(|recipe| dir.join(recipe.marker).is_file()) else {
            let known: Vec<String> =
                recipes::ALL.iter().map(|recipe| format!("{} ({})", recipe.marker, recipe.title)).collect();
            bail!(
                "{} is no project: it has no {}. `wasmill new NAME --lang LANGUAGE` makes one",
                dir.display(),
                known.join(", no ")
            );
        };
        Ok(Project { dir, name, recipe })
    }

    /// Sees to it that the project has the SDK of this wasmill.
    pub fn refresh(&self) -> Result<SdkChange> {
        let sdk = self.dir.join(SDK);
        let files = self.sdk_files()?;
        let version = version(&files);
        let before = fs::read_to_string(sdk.join(VERSION)).ok();
        if before.as_deref().is_some_and(|before| before.trim() == version) {
            return Ok(SdkChange::None);
        }
        if sdk.exists() {
            fs::remove_dir_all(&sdk).with_context(|| format!("{} cannot be replaced", sdk.display()))?;
        }
        for (path, content) in &files {
            write(&sdk.join(path), content)?;
        }
        // Last: what was cut short is no version.
        write(&sdk.join(VERSION), format!("{version}\n").as_bytes())?;
        Ok(before.map_or(SdkChange::Written, |before| SdkChange::Replaced(before.trim().to_owned())))
    }

    /// Looks for all tools that the language needs.
    ///
    /// # Errors
    /// Some are missing: then each with the command that installs it.
    pub fn check_tools(&self) -> Result<()> {
        let missing: Vec<String> = self
            .recipe
            .tools
            .iter()
            .filter_map(|tool| {
                tool.missing(&self.dir).map(|what| format!("{what}; this installs it:\n    {}", tool.install))
            })
            .collect();
        if missing.is_empty() { Ok(()) } else { bail!("{}", missing.join("\n")) }
    }

    /// Runs the language's own build; answers where the module is.
    pub fn build(&self) -> Result<PathBuf> {
        let module = (self.recipe.build)(self)?;
        if !module.is_file() {
            bail!("the build went through, but there is no {}", module.display());
        }
        Ok(module)
    }

    /// A command to be run in the project's folder.
    pub fn command(&self, program: impl AsRef<OsStr>) -> BuildCommand {
        BuildCommand::new(program, &self.dir)
    }

    /// Where the finished plugin goes.
    pub fn module(&self) -> PathBuf {
        self.dir.join(format!("{}.wasm", self.name))
    }

    fn sdk_files(&self) -> Result<Vec<(String, Vec<u8>)>> {
        let mut files = vec![];
        for (from, to) in self.recipe.sdk.iter().chain(&[("wit", "wit")]) {
            for (path, content) in carried::under(from) {
                // Its own tests are of no use to those who write plugins with it.
                if !path.starts_with("template") && !path.starts_with("tests/") {
                    files.push((format!("{to}/{path}"), content.to_vec()));
                }
            }
        }
        for (path, make) in self.recipe.made {
            files.push(((*path).to_owned(), make()?.into_bytes()));
        }
        Ok(files)
    }
}

/// The wasmill's version, and a few digits of what it carries: two builds of one version may differ.
fn version(files: &[(String, Vec<u8>)]) -> String {
    let mut hash = Sha256::new();
    for (path, content) in files {
        hash.update(path);
        hash.update((content.len() as u64).to_le_bytes());
        hash.update(content);
    }
    let digits: String = hash.finalize().iter().take(4).map(|byte| format!("{byte:02x}")).collect();
    format!("{}+{digits}", env!("CARGO_PKG_VERSION"))
}

/// Lower-case letters, digits and hyphens: good for a topic, a crate, a package of npm's and of Python's alike.
fn check_name(name: &str) -> Result<()> {
    let fine = name.len() <= LONGEST_NAME
        && name.starts_with(|first: char| first.is_ascii_lowercase())
        && name.chars().all(|letter| letter.is_ascii_lowercase() || letter.is_ascii_digit() || letter == '-');
    if !fine {
        bail!(
            "{name:?} is no name for a plugin: it has lower-case letters, digits and hyphens, begins with a letter, and has \
             {LONGEST_NAME} of them at most"
        );
    }
    Ok(())
}

/// Puts the project's name into what a template says: `fraud-watch`, `fraud_watch`, `FraudWatch`.
fn fill(text: &str, name: &str) -> String {
    let pascal: String = name
        .split('-')
        .map(|word| {
            word.chars().take(1).map(|first| first.to_ascii_uppercase()).chain(word.chars().skip(1)).collect::<String>()
        })
        .collect();
    text.replace("{{name}}", name).replace("{{snake_name}}", &name.replace('-', "_")).replace("{{PascalName}}", &pascal)
}

fn absolute(dir: &Path) -> Result<PathBuf> {
    dir.canonicalize().with_context(|| dir.display().to_string())
}

fn write(path: &Path, content: &[u8]) -> Result<()> {
    let written = path.parent().map_or(Ok(()), fs::create_dir_all).and_then(|()| fs::write(path, content));
    written.with_context(|| format!("{} cannot be written", path.display()))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rust() -> &'static Recipe {
        recipes::of("rust").unwrap()
    }

    #[test]
    fn a_new_project_is_found_again_and_not_overwritten() {
        let folder = tempfile::tempdir().unwrap();
        let dir = folder.path().join("large-orders");
        let made = Project::create(&dir, rust(), Template::Filter).unwrap();
        let found = Project::open(&dir).unwrap();
        assert_eq!((found.name.as_str(), found.recipe.language), ("large-orders", "rust"));
        assert_eq!(found.dir, made.dir);
        let error = Project::create(&dir, rust(), Template::Filter).err().unwrap().to_string();
        assert!(error.contains("is there already"), "{error}");
    }

    #[test]
    fn every_language_has_both_templates_with_nothing_left_to_fill_in() {
        for recipe in recipes::ALL {
            for template in [Template::Filter, Template::Aggregate] {
                let folder = tempfile::tempdir().unwrap();
                let dir = folder.path().join("large-orders");
                Project::create(&dir, recipe, template).unwrap();
                for file in [recipe.marker, "README.md", ".gitignore", ".wasmill/wit/plugin.wit", ".wasmill/version"] {
                    assert!(dir.join(file).is_file(), "{} {template:?}: {file}", recipe.language);
                }
                let golden = fs::read_dir(dir.join("golden")).unwrap().count();
                assert!(golden > 0, "{} {template:?} has golden cases", recipe.language);
                let manifest = fs::read_to_string(dir.join(recipe.marker)).unwrap();
                assert!(!manifest.contains("{{"), "{}: {manifest}", recipe.language);
            }
        }
    }

    #[test]
    fn an_sdk_of_another_version_is_replaced_and_said() {
        let folder = tempfile::tempdir().unwrap();
        let project = Project::create(&folder.path().join("p"), rust(), Template::Filter).unwrap();
        assert_eq!(project.refresh().unwrap(), SdkChange::None);
        let sdk = project.dir.join(SDK);
        fs::write(sdk.join(VERSION), "0.0.9\n").unwrap();
        fs::write(sdk.join("old"), "").unwrap();
        assert_eq!(project.refresh().unwrap(), SdkChange::Replaced("0.0.9".into()));
        assert!(!sdk.join("old").exists());
        fs::remove_dir_all(&sdk).unwrap();
        assert_eq!(project.refresh().unwrap(), SdkChange::Written);
        assert!(!sdk.join("sdk/rust/template").exists(), "templates are for new projects alone");
    }

    #[test]
    fn names_that_some_tool_would_refuse_are_refused_at_once() {
        for name in ["", "Fraud", "9lives", "a_b", "a b", "-a", "é", &"a".repeat(65)] {
            assert!(check_name(name).is_err(), "{name}");
        }
        assert!(check_name("fraud-2").is_ok());
    }

    #[test]
    fn a_folder_without_a_project_hears_what_makes_one() {
        let folder = tempfile::tempdir().unwrap();
        let dir = folder.path().join("empty");
        fs::create_dir(&dir).unwrap();
        let error = Project::open(&dir).err().unwrap().to_string();
        assert!(error.contains("Cargo.toml (Rust)") && error.contains("wasmill new"), "{error}");
    }

    #[test]
    fn a_name_fits_where_a_template_wants_it() {
        assert_eq!(fill("{{name}} {{snake_name}} {{PascalName}}", "fraud-watch"), "fraud-watch fraud_watch FraudWatch");
    }
}

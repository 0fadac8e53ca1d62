//! `cargo xtask plugins`: every `plugins/NAME` and `tests/fixtures/NAME` becomes a `NAME.wasm`.

use crate::process;
use crate::workspace::{Package, Workspace};
use anyhow::{Context, Result, bail};
use std::collections::BTreeSet;
use std::ffi::OsString;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

const TARGET: &str = "wasm32-wasip2";

/// Asking rustc where a target is takes a fraction of a second; a busy machine may need more.
const RUSTC_ANSWERS_WITHIN: Duration = Duration::from_secs(60);

/// The command.
pub fn run() -> Result<()> {
    let modules = build(&Workspace::load()?)?;
    for module in modules.plugins.iter().chain(&modules.fixtures) {
        println!("{}", module.display());
    }
    Ok(())
}

/// What was built.
pub struct Modules {
    /// The shipped plugins, in `target/plugins`.
    pub plugins: Vec<PathBuf>,
    /// What the tests load to see the host cope, in `target/fixtures`.
    pub fixtures: Vec<PathBuf>,
}

impl Modules {
    /// Puts all of them into one folder, and nothing else.
    pub fn gather(&self, folder: &Path) -> Result<()> {
        let all: Vec<Built> =
            self.plugins.iter().chain(&self.fixtures).map(|path| Built::at(path)).collect::<Result<_>>()?;
        let names: BTreeSet<&OsString> = all.iter().map(|built| &built.file_name).collect();
        if names.len() < all.len() {
            bail!("a plugin and a fixture have the same name: tests could not tell them apart");
        }
        install(&all, folder)?;
        Ok(())
    }
}

/// Builds all of them, with the target added if it is missing.
pub fn build(workspace: &Workspace) -> Result<Modules> {
    let plugins = packages_under(workspace, "plugins")?;
    let fixtures = packages_under(workspace, "tests/fixtures")?;
    let all: Vec<&Package> = plugins.iter().chain(&fixtures).copied().collect();
    compile(workspace, &all)?;
    Ok(Modules {
        plugins: installed(workspace, &plugins, "plugins")?,
        fixtures: installed(workspace, &fixtures, "fixtures")?,
    })
}

/// Builds the shipped plugins and the benchmarks' own modules, and answers the folder that all of them are in.
pub fn build_for_benchmarks(workspace: &Workspace) -> Result<PathBuf> {
    const FOLDER: &str = "bench-modules";
    let mut packages = packages_under(workspace, "plugins")?;
    packages.extend(packages_under(workspace, "benches/modules")?);
    compile(workspace, &packages)?;
    installed(workspace, &packages, FOLDER)?;
    Ok(workspace.target.join(FOLDER))
}

fn compile(workspace: &Workspace, packages: &[&Package]) -> Result<()> {
    if packages.is_empty() {
        return Ok(());
    }
    add_target()?;
    let mut cargo = workspace.cargo();
    cargo.args(["build", "--profile", "plugin", "--target", TARGET]);
    for package in packages {
        cargo.args(["--package", &package.name]);
    }
    process::run(&mut cargo)
}

fn installed(workspace: &Workspace, packages: &[&Package], folder: &str) -> Result<Vec<PathBuf>> {
    let out = workspace.target.join(TARGET).join("plugin");
    let built: Vec<Built> = packages.iter().map(|package| Built::of(package, &out)).collect::<Result<_>>()?;
    install(&built, &workspace.target.join(folder))
}

/// A compiled module, and what it shall be called.
struct Built {
    path: PathBuf,
    file_name: OsString,
}

impl Built {
    fn of(package: &Package, out: &Path) -> Result<Self> {
        let library = package.loadable.as_ref().with_context(|| {
            let manifest = package.folder.join("Cargo.toml");
            format!("{} makes no module: add `crate-type = [\"cdylib\"]` to its [lib]", manifest.display())
        })?;
        let mut file_name = package.folder.file_name().context("a package in the root folder")?.to_owned();
        file_name.push(".wasm");
        Ok(Built { path: out.join(format!("{library}.wasm")), file_name })
    }

    fn at(path: &Path) -> Result<Self> {
        let file_name = path.file_name().context("a module without a name")?.to_owned();
        Ok(Built { path: path.to_owned(), file_name })
    }
}

/// Copies the modules into the folder, and removes those that are no longer built. A file that has not changed is left
/// alone, so that a host which watches it doesn't load it again; one that has is never seen half-written.
fn install(modules: &[Built], folder: &Path) -> Result<Vec<PathBuf>> {
    fs::create_dir_all(folder).with_context(|| format!("cannot create {}", folder.display()))?;
    for entry in fs::read_dir(folder)? {
        let entry = entry?;
        if !modules.iter().any(|module| module.file_name == entry.file_name()) {
            fs::remove_file(entry.path()).with_context(|| format!("cannot remove {}", entry.path().display()))?;
        }
    }
    modules.iter().map(|module| copy_if_changed(&module.path, &folder.join(&module.file_name))).collect()
}

fn copy_if_changed(from: &Path, to: &Path) -> Result<PathBuf> {
    let new = fs::read(from).with_context(|| format!("cannot read {}", from.display()))?;
    if fs::read(to).ok().as_ref() != Some(&new) {
        let half = to.with_extension(format!("{}.tmp", std::process::id()));
        fs::write(&half, new).with_context(|| format!("cannot write {}", half.display()))?;
        fs::rename(&half, to).with_context(|| format!("cannot write {}", to.display()))?;
    }
    Ok(to.to_owned())
}

/// The packages whose folders are `under/NAME`. A folder with a manifest that cargo knows nothing of is an error: it
/// would be left out in silence.
fn packages_under<'a>(workspace: &'a Workspace, under: &str) -> Result<Vec<&'a Package>> {
    let parent = workspace.root.join(under);
    let Ok(entries) = fs::read_dir(&parent) else { return Ok(Vec::new()) };
    let mut found = Vec::new();
    for entry in entries {
        let folder = entry?.path();
        if !folder.join("Cargo.toml").exists() {
            continue;
        }
        let package = workspace.packages.iter().find(|package| package.folder == folder);
        found.push(package.with_context(|| {
            format!("{} is not a member of the workspace: add it to the root Cargo.toml", folder.display())
        })?);
    }
    found.sort_by(|one, other| one.folder.cmp(&other.folder));
    Ok(found)
}

fn add_target() -> Result<()> {
    if target_is_there() {
        return Ok(());
    }
    eprintln!("adding the target {TARGET}");
    let mut rustup = Command::new("rustup");
    rustup.args(["target", "add", TARGET]);
    process::run(&mut rustup).with_context(|| {
        format!(
            "plugins are built for {TARGET}, which this tool chain lacks and could not be given. \
             Install rustup (https://rustup.rs), or the package of your system that brings Rust's {TARGET} target"
        )
    })
}

fn target_is_there() -> bool {
    let mut rustc = Command::new("rustc");
    rustc.args(["--print", "target-libdir", "--target", TARGET]);
    process::output(&mut rustc, RUSTC_ANSWERS_WITHIN).is_some_and(|output| {
        output.status.success() && Path::new(String::from_utf8_lossy(&output.stdout).trim()).is_dir()
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A folder of this test's own, removed at its end.
    struct Folder(PathBuf);

    impl Folder {
        fn new(test: &str) -> Self {
            let path = std::env::temp_dir().join(format!("xtask-{test}-{}", std::process::id()));
            fs::create_dir_all(&path).unwrap();
            Folder(path)
        }

        fn write(&self, path: &str, content: &str) -> PathBuf {
            let path = self.0.join(path);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(&path, content).unwrap();
            path
        }
    }

    impl Drop for Folder {
        fn drop(&mut self) {
            fs::remove_dir_all(&self.0).unwrap();
        }
    }

    fn package(folder: PathBuf) -> Package {
        Package { name: "fraud-plugin".into(), folder, loadable: Some("fraud_plugin".into()) }
    }

    fn workspace(root: &Path, packages: Vec<Package>) -> Workspace {
        Workspace { root: root.to_owned(), target: root.join("target"), packages }
    }

    #[test]
    fn a_module_is_named_after_its_folder() {
        let built = Built::of(&package("/repo/plugins/fraud".into()), Path::new("/out")).unwrap();

        assert_eq!(built.path, Path::new("/out/fraud_plugin.wasm"));
        assert_eq!(built.file_name, "fraud.wasm");
    }

    #[test]
    fn installing_replaces_what_changed_and_removes_what_is_gone() {
        let folder = Folder::new("install");
        let source = folder.write("out/fraud_plugin.wasm", "new");
        let same = folder.write("out/retail.wasm", "same");
        folder.write("plugins/fraud.wasm", "old");
        let untouched = folder.write("plugins/retail.wasm", "same");
        let before = fs::metadata(&untouched).unwrap().modified().unwrap();
        let gone = folder.write("plugins/gone.wasm", "old");

        let modules = [Built { path: source, file_name: "fraud.wasm".into() }, Built::at(&same).unwrap()];
        let installed = install(&modules, &folder.0.join("plugins")).unwrap();

        assert_eq!(installed, [folder.0.join("plugins/fraud.wasm"), untouched.clone()]);
        assert_eq!(fs::read(&installed[0]).unwrap(), b"new");
        assert_eq!(fs::metadata(&untouched).unwrap().modified().unwrap(), before);
        assert!(!gone.exists());
        assert_eq!(fs::read_dir(folder.0.join("plugins")).unwrap().count(), 2);
    }

    #[test]
    fn a_plugin_that_cargo_does_not_know_is_an_error() {
        let folder = Folder::new("unknown");
        folder.write("plugins/fraud/Cargo.toml", "");
        folder.write("plugins/README.md", "");

        let known = workspace(&folder.0, vec![package(folder.0.join("plugins/fraud"))]);
        assert_eq!(packages_under(&known, "plugins").unwrap().len(), 1);

        let unknown = workspace(&folder.0, vec![]);
        let error = packages_under(&unknown, "plugins").unwrap_err().to_string();
        assert!(
            error.ends_with("plugins/fraud is not a member of the workspace: add it to the root Cargo.toml"),
            "{error}"
        );
    }

    #[test]
    fn a_plugin_and_a_fixture_of_one_name_are_refused() {
        let modules = Modules { plugins: vec!["/a/trap.wasm".into()], fixtures: vec!["/b/trap.wasm".into()] };

        let error = modules.gather(Path::new("/nowhere")).unwrap_err();

        assert!(error.to_string().contains("same name"), "{error}");
    }
}

//! Modules that were built once and are kept for ever (`tests/kept`): what was built for a contract goes on working when the
//! next one comes.

use clap::Parser;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use wasmill::author::recipes;
use wasmill::cli::test::{self, TestArgs};

/// Languages of which none is kept, and why.
const NOT_KEPT: [(&str, &str); 2] = [
    ("ts", "becomes JavaScript before it becomes a module"),
    ("python", "takes 5 MB even compressed, nearly all of it CPython"),
];

#[derive(Parser)]
struct Command {
    #[command(flatten)]
    test: TestArgs,
}

/// What is in a folder, by name.
fn inside(folder: &Path) -> Vec<PathBuf> {
    let entries = fs::read_dir(folder).unwrap_or_else(|error| panic!("{}: {error}", folder.display()));
    let mut paths: Vec<PathBuf> = entries.map(|entry| entry.unwrap().path()).collect();
    paths.sort();
    paths
}

/// The folders of the kept modules, of all versions of the contract.
fn kept() -> Vec<PathBuf> {
    let versions = inside(&Path::new(env!("CARGO_MANIFEST_DIR")).join("../tests/kept"));
    versions.iter().filter(|path| path.is_dir()).flat_map(|version| inside(version)).collect()
}

/// Runs the golden cases of a kept module, which are beside it, as `wasmill test` does.
fn passes(module: &Path) -> bool {
    let shown = module.display();
    let folder = tempfile::tempdir().unwrap();
    let bytes = zstd::decode_all(fs::File::open(module).unwrap()).unwrap_or_else(|error| panic!("{shown}: {error}"));
    let file = folder.path().join(module.file_stem().unwrap());
    fs::write(&file, bytes).unwrap();
    std::os::unix::fs::symlink(module.with_file_name("golden").canonicalize().unwrap(), folder.path().join("golden"))
        .unwrap();
    let command = Command::parse_from([Path::new("test"), file.as_path()]);
    let code = test::run(command.test).unwrap_or_else(|error| panic!("{shown}: {error:#}"));
    // What differs is on standard error.
    format!("{code:?}") == format!("{:?}", ExitCode::SUCCESS)
}

#[test]
fn a_module_that_once_worked_still_does_what_it_did() {
    let mut modules = 0;
    for folder in kept() {
        for module in inside(&folder).iter().filter(|path| path.extension().is_some_and(|kind| kind == "zst")) {
            assert!(passes(module), "{}", module.display());
            modules += 1;
        }
    }
    assert!(modules >= 5, "only {modules} modules are kept");
}

#[test]
fn every_language_has_a_module_that_is_kept() {
    let folders: Vec<String> =
        kept().iter().map(|folder| folder.file_name().unwrap().to_string_lossy().into_owned()).collect();
    for recipe in recipes::ALL {
        let language = recipe.language;
        let left_out = NOT_KEPT.iter().any(|(other, _)| *other == language);
        assert!(left_out != folders.iter().any(|folder| folder == language), "{language}: {folders:?}");
    }
}

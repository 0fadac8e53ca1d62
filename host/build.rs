//! What the binary carries besides code: the adapter for WASI preview 1, assembled, and what `wasmill new` writes (the SDKs,
//! their templates and the contract).

use std::error::Error;
use std::fmt::Write;
use std::path::{Path, PathBuf};
use std::{env, fs};

/// What is written in WebAssembly's own text, and what it becomes.
const ASSEMBLED: (&str, &str) = ("src/plugin/component/adapter.wat", "adapter.wasm");

/// What is carried, from the root of the repository.
const CARRIED: [&str; 3] = ["Cargo.toml", "sdk", "wit"];

/// What tools leave behind in a folder that somebody worked in.
const LEFT_BEHIND: [&str; 9] = [
    ".mypy_cache",
    ".pytest_cache",
    ".ruff_cache",
    ".venv",
    ".wasmill",
    "__pycache__",
    "node_modules",
    "target",
    "dist",
];

/// The same, of files.
const BUILT: [&str; 4] = ["wasm", "pyc", "o", "a"];

fn main() -> Result<(), Box<dyn Error>> {
    let out = PathBuf::from(env::var("OUT_DIR")?);
    let here = PathBuf::from(env::var("CARGO_MANIFEST_DIR")?);

    let (text, module) = (here.join(ASSEMBLED.0), out.join(ASSEMBLED.1));
    println!("cargo:rerun-if-changed={}", text.display());
    fs::write(module, wat::parse_file(&text)?)?;

    let root = here.parent().ok_or("the host's crate lies in the repository")?;
    let mut files = vec![];
    for carried in CARRIED {
        println!("cargo:rerun-if-changed={}", root.join(carried).display());
        collect(&root.join(carried), &mut files)?;
    }
    files.sort();
    let mut table = String::from("&[\n");
    for file in files {
        let name = file.strip_prefix(root)?.to_str().ok_or("a file whose name is no text")?;
        writeln!(table, "    ({name:?}, include_bytes!({:?})),", file.to_str().ok_or("a path that is no text")?)?;
    }
    table.push_str("]\n");
    fs::write(out.join("carried.rs"), table)?;
    Ok(())
}

fn collect(path: &Path, files: &mut Vec<PathBuf>) -> Result<(), Box<dyn Error>> {
    let name = path.file_name().and_then(|name| name.to_str()).unwrap_or_default();
    if path.is_dir() {
        if !LEFT_BEHIND.contains(&name) && !name.ends_with(".egg-info") {
            for entry in fs::read_dir(path)? {
                collect(&entry?.path(), files)?;
            }
        }
    } else if !path.extension().is_some_and(|kind| BUILT.iter().any(|built| kind == *built)) {
        files.push(path.to_owned());
    }
    Ok(())
}

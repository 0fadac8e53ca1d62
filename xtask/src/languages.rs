//! The shipped plugins in other languages than Rust, and those that try their SDKs out: `wasmill build` makes each, with its
//! language's own tools, and runs its golden cases.

use crate::process;
use crate::workspace::Workspace;
use anyhow::{Context, Result, bail};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::Duration;
use std::{env, fs};

/// What `wasmill build` says before the command that installs a tool.
const INSTALLS: &str = "this installs it:";

/// Telling its version takes a program a fraction of a second; a busy machine may need more.
const ANSWERS_WITHIN: Duration = Duration::from_secs(60);

/// The tests of an SDK itself: what shows that its language is there, and what runs them in its folder.
struct SdkTests {
    folder: &'static str,
    needs: &'static str,
    probe: &'static [&'static str],
    run: &'static [&'static str],
}

const SDK_TESTS: [SdkTests; 3] = [
    SdkTests { folder: "sdk/go", needs: "Go", probe: &["go", "version"], run: &["go", "test", "./..."] },
    SdkTests {
        folder: "sdk/js",
        needs: "Node.js 20 or newer",
        probe: &["node", "-e", "process.exit(parseInt(process.versions.node) < 20)"],
        run: &["node", "--test"],
    },
    SdkTests {
        folder: "sdk/python",
        needs: "Python 3.11 or newer",
        probe: &["python3", "-c", "import sys; sys.exit(sys.version_info < (3, 11))"],
        run: &["python3", "-m", "unittest"],
    },
];

/// Builds all of them, and runs the tests of the SDKs that have some. Answers those that were left out, each with the tools that
/// it misses; with `CI=true` they are an error.
pub fn build(workspace: &Workspace, wasmill: &Path) -> Result<Vec<String>> {
    let must_all = env::var("CI").is_ok_and(|ci| ci == "true");
    let mut left_out = Vec::new();
    for sdk in &SDK_TESTS {
        if must_all || succeeds(sdk.probe) {
            let mut tests = command(sdk.run);
            // Go: the modules of a workspace above are not the SDK's. Python: its own cache is not for the source's folders.
            tests.env("GOWORK", "off").env("PYTHONDONTWRITEBYTECODE", "1");
            process::run(tests.current_dir(workspace.root.join(sdk.folder)))?;
        } else {
            left_out.push(format!("the tests of {}: {} is missing", sdk.folder, sdk.needs));
        }
    }
    let [shipped, exercises] = ["plugins", "tests/languages"].map(|folder| folders(&workspace.root.join(folder)));
    for folder in shipped?.into_iter().chain(exercises?) {
        let name = folder.file_name().unwrap_or_default().to_string_lossy().into_owned();
        eprintln!("{name} …");
        let mut command = Command::new(wasmill);
        command.arg("build").arg(&folder);
        let output = process::attentive(&mut command).stdin(Stdio::null()).output().context("cannot start wasmill")?;
        let said = String::from_utf8_lossy(&output.stderr);
        match missing(&said) {
            _ if output.status.success() => {}
            Some(what) if !must_all => left_out.push(format!("{name}: {what}")),
            _ => bail!("`{}` failed ({})\n{}", process::shown(&command), output.status, said.trim_end()),
        }
    }
    Ok(left_out)
}

fn command(words: &[&str]) -> Command {
    let mut command = Command::new(words[0]);
    command.args(&words[1..]);
    command
}

fn succeeds(words: &[&str]) -> bool {
    process::output(&mut command(words), ANSWERS_WITHIN).is_some_and(|output| output.status.success())
}

/// The folders of projects that are no crates, by their names.
pub fn folders(plugins: &Path) -> Result<Vec<PathBuf>> {
    let mut folders = Vec::new();
    for entry in fs::read_dir(plugins).with_context(|| plugins.display().to_string())? {
        let folder = entry?.path();
        if folder.is_dir() && !folder.join("Cargo.toml").exists() && !folder.ends_with("golden") {
            folders.push(folder);
        }
    }
    folders.sort();
    Ok(folders)
}

/// What is missing for a build, if that is why it failed: `Go is missing`.
fn missing(said: &str) -> Option<String> {
    let tools: Vec<&str> = said.lines().filter_map(|line| line.split_once(INSTALLS)).map(|(tool, _)| tool).collect();
    let tools = tools.join("").trim_start_matches("error: ").trim_end_matches("; ").to_owned();
    (!tools.is_empty()).then_some(tools)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_missing_tool_is_told_from_a_mistake_in_the_source() {
        let said = "error: Go is missing; this installs it:\n    curl …\n";
        assert_eq!(missing(said).as_deref(), Some("Go is missing"));
        let said = "error: make is missing; this installs it:\n    a\nPython is missing; this installs it:\n    b\n";
        assert_eq!(missing(said).as_deref(), Some("make is missing; Python is missing"));
        assert_eq!(missing("./plugin.go:3:1: syntax error\nerror: `go build` failed"), None);
    }
}

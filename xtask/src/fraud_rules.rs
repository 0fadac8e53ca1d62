//! The fraud rule in every language: `plugins/fraud` in Rust, and the projects `plugins/fraud-LANGUAGE`.

use crate::languages;
use crate::process;
use crate::workspace::Workspace;
use anyhow::{Context, Result};
use std::path::Path;
use std::process::Command;
use std::time::Instant;

/// Builds all of them with the release host, and answers them as `wasmill-bench languages` takes them. One whose build fails,
/// since its tool chain is missing for example, is named and left out.
pub fn build(workspace: &Workspace, modules: &Path) -> Result<Vec<String>> {
    let mut built = vec![format!("Rust={}=-", modules.join("fraud.wasm").display())];
    for project in languages::folders(&workspace.root.join("plugins"))? {
        let name = project.file_name().and_then(|name| name.to_str()).context("a plugin's folder has a name")?;
        let Some(language) = name.strip_prefix("fraud-") else { continue };
        let began = Instant::now();
        let mut command = Command::new(workspace.target.join("release/wasmill"));
        match process::run(command.arg("build").arg(&project)) {
            Ok(()) => built.push(format!(
                "{language}={}={:.1}",
                project.join(format!("{name}.wasm")).display(),
                began.elapsed().as_secs_f64()
            )),
            Err(error) => {
                process::check_interrupted()?;
                eprintln!("{language} is left out: {error:#}");
            }
        }
    }
    Ok(built)
}

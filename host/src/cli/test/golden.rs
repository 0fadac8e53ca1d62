//! Golden cases: folders with events, and what must come of them.

use super::{compare, read_settings, replay};
use crate::config::PluginConfig;
use crate::lines::read_events;
use crate::plugin::Loader;
use anyhow::{Context, Result, bail};
use std::fs;
use std::path::{Path, PathBuf};

/// What comes out must not depend on how the events were cut into calls.
const EVENTS_A_CALL: [usize; 3] = [1, 7, 500];

/// What came of the cases of a folder.
#[derive(Debug, Default, PartialEq, Eq)]
pub(in crate::cli) struct Checked {
    /// As they should be.
    pub(in crate::cli) fine: usize,
    /// Of which something else came; what, for a person.
    pub(in crate::cli) wrong: Vec<String>,
    /// Whose expectation was written anew.
    pub(in crate::cli) accepted: Vec<String>,
}

/// Runs every case of `folder` (each a folder with `events.jsonl`, `expected.jsonl` and perhaps `settings.json`) through a
/// module. With `update` what comes out becomes what is expected.
pub(in crate::cli) fn check(loader: &Loader, module: &Path, folder: &Path, update: bool) -> Result<Checked> {
    let mut checked = Checked::default();
    for case in cases(folder)? {
        let expect = case.join("expected.jsonl");
        let expected = match fs::read_to_string(&expect) {
            Ok(expected) => Some(expected),
            Err(_) if update => None,
            Err(error) => {
                let hint = "--update writes what comes out there";
                return Err(error).with_context(|| format!("{} cannot be read; {hint}", expect.display()));
            }
        };
        let outcome = run(loader, module, &case)?;
        let difference = match &expected {
            Some(expected) => differences(&expect, expected, &outcome)?,
            None => Some(String::new()),
        };
        match difference {
            None => checked.fine += 1,
            Some(_) if update => {
                let lines: String = outcome[0].iter().map(|line| format!("{line}\n")).collect();
                fs::write(&expect, lines).with_context(|| expect.display().to_string())?;
                checked.accepted.push(expect.display().to_string());
            }
            Some(difference) => checked.wrong.push(difference),
        }
    }
    Ok(checked)
}

fn cases(folder: &Path) -> Result<Vec<PathBuf>> {
    let entries = fs::read_dir(folder).with_context(|| format!("{} cannot be read", folder.display()))?;
    let mut cases: Vec<PathBuf> = entries.flatten().map(|entry| entry.path()).filter(|path| path.is_dir()).collect();
    cases.sort();
    if cases.is_empty() {
        bail!("{} holds no golden case: a folder with events.jsonl and expected.jsonl", folder.display());
    }
    Ok(cases)
}

/// The lines that come out, for each way to cut the events into calls.
fn run(loader: &Loader, file: &Path, case: &Path) -> Result<Vec<Vec<String>>> {
    let settings = case.join("settings.json");
    let settings = if settings.exists() { read_settings(&settings)? } else { Default::default() };
    let config = PluginConfig { settings, ..PluginConfig::default() };
    let name = file.file_stem().unwrap_or_default().to_string_lossy();
    let module = loader
        .load(&name, file, &config)
        .with_context(|| format!("{} is refused with the settings of {}", file.display(), case.display()))?;
    let input = case.join("events.jsonl");
    let events = read_events(&input)?;
    EVENTS_A_CALL
        .iter()
        .map(|most| {
            replay::replay(&module, &config.limits, &events, *most).with_context(|| input.display().to_string())
        })
        .collect()
}

fn differences(expect: &Path, expected: &str, outcome: &[Vec<String>]) -> Result<Option<String>> {
    for (lines, events) in outcome.iter().zip(EVENTS_A_CALL) {
        if let Some(difference) = compare::difference(expect, expected, lines)? {
            let calls = if events == EVENTS_A_CALL[0] {
                String::new()
            } else {
                format!("in calls of {events} events alone:\n")
            };
            return Ok(Some(calls + &difference));
        }
    }
    Ok(None)
}

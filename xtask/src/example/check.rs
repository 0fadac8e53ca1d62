//! Whether a story's results are those that it expects.

use super::Shell;
use super::story::Story;
use crate::process;
use anyhow::{Context, Result, bail};
use serde_json::Value;
use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

/// Results that are not there by then do not come.
const COME_WITHIN: Duration = Duration::from_secs(60);

/// What comes too much would come by then.
const QUIET: Duration = Duration::from_millis(500);

/// Between two looks.
const LOOK_EVERY: Duration = Duration::from_millis(200);

/// A topic that is read as a table: of each key, what came last.
const TABLE: &str = ".table.jsonl";

/// Compares each topic that a file under `expected/` is named after, `TOPIC.jsonl` or `TOPIC.table.jsonl`.
///
/// The order of lines does not count, since partitions have none between them; of a key it does not either, but in tables.
/// What an expected line leaves out (a timestamp) may be anything.
pub fn check(shell: &Shell<'_>, story: &Story) -> Result<()> {
    let expected = expected(story)?;
    let deadline = Instant::now() + COME_WITHIN;
    let mut quiet_since = None;
    loop {
        process::check_interrupted()?;
        let difference = difference(shell, story, &expected)?;
        let now = Instant::now();
        match difference {
            None if quiet_since.is_some_and(|since| now - since >= QUIET) => return Ok(()),
            None => drop(quiet_since.get_or_insert(now)),
            Some(difference) if now >= deadline => bail!("{difference}"),
            Some(_) => quiet_since = None,
        }
        std::thread::sleep(LOOK_EVERY);
    }
}

/// What a file expects.
struct Expected {
    file: PathBuf,
    topic: String,
    table: bool,
    lines: Vec<Value>,
}

fn expected(story: &Story) -> Result<Vec<Expected>> {
    let read = |file: PathBuf| {
        let name = file.file_name().context("a file without a name")?.to_string_lossy().into_owned();
        let (topic, table) = match name.strip_suffix(TABLE) {
            Some(topic) => (topic.to_owned(), true),
            None => (name.trim_end_matches(".jsonl").to_owned(), false),
        };
        let lines = lines(&fs::read_to_string(&file)?).with_context(|| file.display().to_string())?;
        Ok(Expected { file, topic, table, lines })
    };
    story.expected()?.into_iter().map(read).collect()
}

fn difference(shell: &Shell<'_>, story: &Story, expected: &[Expected]) -> Result<Option<String>> {
    let topics: Vec<&str> = expected.iter().map(|expected| expected.topic.as_str()).collect();
    let mut found: BTreeMap<String, Vec<Value>> = BTreeMap::new();
    for event in lines(&consume(shell, &topics)?)? {
        found.entry(event["topic"].as_str().unwrap_or_default().to_owned()).or_default().push(event);
    }
    for Expected { file, topic, table, lines } in expected {
        let mut found = found.remove(topic).unwrap_or_default();
        if *table {
            found = last_of_each(found);
        }
        if let Some(difference) = compare(lines, found) {
            return Ok(Some(format!("{topic} is not as {} says\n{difference}", shown(file, story))));
        }
    }
    Ok(None)
}

fn shown(file: &Path, story: &Story) -> String {
    file.strip_prefix(&story.folder).unwrap_or(file).display().to_string()
}

fn consume(shell: &Shell<'_>, topics: &[&str]) -> Result<String> {
    let mut bash = shell.bash(&format!("wasmill topic consume {}", topics.join(" ")))?;
    let output = process::output(&mut bash, COME_WITHIN).context("`wasmill topic consume` does not end")?;
    if !output.status.success() {
        bail!("{}", String::from_utf8_lossy(&output.stderr).trim());
    }
    Ok(String::from_utf8(output.stdout)?)
}

fn lines(text: &str) -> Result<Vec<Value>> {
    let parsed = text.lines().filter(|line| !line.trim().is_empty()).map(|line| Ok(serde_json::from_str(line)?));
    parsed.collect()
}

fn last_of_each(events: Vec<Value>) -> Vec<Value> {
    let by_key: BTreeMap<String, Value> = events.into_iter().map(|event| (event["key"].to_string(), event)).collect();
    by_key.into_values().collect()
}

/// What is missing, and what nobody expects; None: nothing.
fn compare(expected: &[Value], mut found: Vec<Value>) -> Option<String> {
    let mut difference = String::new();
    for line in expected {
        match found.iter().position(|event| fits(line, event)) {
            Some(at) => drop(found.swap_remove(at)),
            None => difference.push_str(&format!("  missing    {line}\n")),
        }
    }
    for event in found {
        difference.push_str(&format!("  unexpected {event}\n"));
    }
    (!difference.is_empty()).then_some(difference)
}

fn fits(expected: &Value, event: &Value) -> bool {
    let Some(members) = expected.as_object() else { return false };
    members.iter().all(|(name, value)| event.get(name) == Some(value))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parsed(text: &str) -> Vec<Value> {
        lines(text).unwrap()
    }

    #[test]
    fn the_order_does_not_count_and_neither_does_what_is_left_out() {
        let expected = parsed("{\"key\":\"a\",\"value\":{\"n\":1}}\n\n{\"key\":\"b\",\"value\":2}\n");
        let found = "{\"key\":\"b\",\"value\":2,\"timestamp\":7}\n{\"key\":\"a\",\"value\":{\"n\":1},\"timestamp\":8}";
        assert_eq!(compare(&expected, parsed(found)), None);
    }

    #[test]
    fn what_is_missing_and_what_is_too_much_is_told() {
        let expected = parsed("{\"key\":\"a\"}\n{\"key\":\"a\"}\n{\"key\":\"b\"}");
        let difference = compare(&expected, parsed("{\"key\":\"a\"}\n{\"key\":\"b\"}\n{\"key\":\"b\"}")).unwrap();
        assert_eq!(difference, "  missing    {\"key\":\"a\"}\n  unexpected {\"key\":\"b\"}\n");
    }

    #[test]
    fn of_a_table_the_last_line_of_each_key_counts() {
        let table = last_of_each(parsed("{\"key\":\"a\",\"value\":1}\n{\"key\":\"b\"}\n{\"key\":\"a\",\"value\":2}"));
        assert_eq!(table, parsed("{\"key\":\"a\",\"value\":2}\n{\"key\":\"b\"}"));
    }
}

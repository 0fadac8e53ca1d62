//! What should have come out, and what did.

use anyhow::Context;
use serde_json::Value;
use std::fmt::Write;
use std::path::Path;

/// Beyond so many pairs of lines they are compared one to one: the search for the shortest difference is quadratic.
const MOST_PAIRS: usize = 4 << 20;

/// The lines that are missing (-) and those that are too many (+); None: all is as expected.
pub(super) fn difference(file: &Path, expected: &str, actual: &[String]) -> anyhow::Result<Option<String>> {
    let mut wanted = vec![];
    for (number, line) in (1..).zip(expected.lines()).filter(|(_, line)| !line.trim().is_empty()) {
        let value = serde_json::from_str(line).with_context(|| format!("{}:{number}", file.display()))?;
        wanted.push((number, line, value));
    }
    let with_state = wanted.iter().any(|(.., line)| is_of_state(line));
    let (mut actual_lines, mut found) = (vec![], vec![]);
    for line in actual {
        let value: Value = serde_json::from_str(line)?;
        if with_state || !is_of_state(&value) {
            actual_lines.push(line);
            found.push(value);
        }
    }
    let matches = |left: usize, right: usize| covers(&wanted[left].2, &found[right]);
    let mut text = String::new();
    let mut misses = 0;
    for step in steps(wanted.len(), found.len(), matches) {
        // Writing to a String cannot fail.
        let _ = match step {
            Step::Same => continue,
            Step::Missing(index) => writeln!(text, "{}:{}\n- {}", file.display(), wanted[index].0, wanted[index].1),
            Step::Extra(index) => writeln!(text, "+ {}", actual_lines[index]),
        };
        misses += 1;
    }
    let summary = format!("{misses} lines differ: {} expected (-), {} came out (+)\n", wanted.len(), found.len());
    Ok((misses > 0).then(|| text + &summary))
}

/// Whether a line is about what the plugin remembers.
fn is_of_state(line: &Value) -> bool {
    line.get("state").or(line.get("timer")).is_some()
}

/// Whether each field that is expected is there; others may be.
fn covers(expected: &Value, actual: &Value) -> bool {
    match (expected, actual) {
        (Value::Object(expected), Value::Object(actual)) => {
            expected.iter().all(|(name, value)| same_field(name, value, actual.get(name)))
        }
        _ => expected == actual,
    }
}

fn same_field(name: &str, expected: &Value, actual: Option<&Value>) -> bool {
    match (name, actual) {
        (_, Some(actual)) if expected == actual => true,
        // What is printed without headers has none.
        ("headers", None) => expected.as_object().is_some_and(|headers| headers.is_empty()),
        // A key or a value is bytes, and the same bytes can be written as JSON and as a string: 17 and "17".
        ("key" | "value" | "timer", Some(actual)) => {
            !expected.is_null() && !actual.is_null() && text(expected) == text(actual)
        }
        _ => false,
    }
}

fn text(value: &Value) -> String {
    value.as_str().map_or_else(|| value.to_string(), str::to_owned)
}

#[derive(Debug, PartialEq, Eq)]
enum Step {
    Same,
    Missing(usize),
    Extra(usize),
}

/// The shortest way from what was expected to what came out.
fn steps(expected: usize, actual: usize, same: impl Fn(usize, usize) -> bool) -> Vec<Step> {
    let width = actual + 1;
    if expected.saturating_mul(actual) > MOST_PAIRS {
        return one_to_one(expected, actual, same);
    }
    // common[left * width + right]: how many lines the rests from there on have in common, in order.
    let mut common = vec![0u32; (expected + 1) * width];
    for left in (0..expected).rev() {
        for right in (0..actual).rev() {
            common[left * width + right] = if same(left, right) {
                common[(left + 1) * width + right + 1] + 1
            } else {
                common[(left + 1) * width + right].max(common[left * width + right + 1])
            };
        }
    }
    let (mut left, mut right, mut steps) = (0, 0, vec![]);
    while left < expected || right < actual {
        if left < expected && right < actual && same(left, right) {
            steps.push(Step::Same);
            (left, right) = (left + 1, right + 1);
        } else if right == actual
            || (left < expected && common[(left + 1) * width + right] >= common[left * width + right + 1])
        {
            steps.push(Step::Missing(left));
            left += 1;
        } else {
            steps.push(Step::Extra(right));
            right += 1;
        }
    }
    steps
}

fn one_to_one(expected: usize, actual: usize, same: impl Fn(usize, usize) -> bool) -> Vec<Step> {
    (0..expected.max(actual))
        .flat_map(|index| match (index < expected, index < actual) {
            (true, true) if same(index, index) => vec![Step::Same],
            (missing, extra) => [missing.then_some(Step::Missing(index)), extra.then_some(Step::Extra(index))]
                .into_iter()
                .flatten()
                .collect(),
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn lines(lines: &[&str]) -> Vec<String> {
        lines.iter().map(|line| (*line).to_owned()).collect()
    }

    fn compare(expected: &str, actual: &[&str]) -> Option<String> {
        difference(Path::new("out.jsonl"), expected, &lines(actual)).unwrap()
    }

    #[test]
    fn fields_that_are_left_out_are_not_compared() {
        let actual = [r#"{"sink":"a","value":{"x": 1.5},"timestamp":5}"#];
        assert_eq!(compare("{\"value\":{\"x\":1.5},\"sink\":\"a\"}\n\n", &actual), None);
        assert!(compare(r#"{"value":{"x":2}}"#, &actual).is_some());
        assert!(compare(r#"{"key":null}"#, &actual).is_some());
    }

    #[test]
    fn the_same_bytes_are_the_same_however_they_are_written() {
        let actual = [r#"{"key":17,"value":{"a":1}}"#];
        assert_eq!(compare(r#"{"key":"17","value":"{\"a\":1}","headers":{}}"#, &actual), None);
        assert!(compare(r#"{"key":"18"}"#, &actual).is_some());
        assert!(compare(r#"{"key":null}"#, &[r#"{"key":"null"}"#]).is_some());
        assert!(compare(r#"{"headers":{"a":"b"}}"#, &actual).is_some());
    }

    #[test]
    fn what_is_remembered_is_compared_if_a_line_is_about_it() {
        let actual = [r#"{"sink":"a"}"#, r#"{"state":"s","key":"k","value":1}"#, r#"{"timer":17,"at":5}"#];
        assert_eq!(compare(r#"{"sink":"a"}"#, &actual), None);
        assert_eq!(compare("{\"sink\":\"a\"}\n{\"state\":\"s\",\"value\":1}\n{\"timer\":\"17\"}", &actual), None);
        assert!(compare("{\"sink\":\"a\"}\n{\"state\":\"s\",\"value\":1}", &actual).unwrap().contains("+ {\"timer\""));
    }

    #[test]
    fn only_what_differs_is_shown() {
        let difference = compare("1\n2\n3\n", &["1", "3", "4"]).unwrap();
        assert_eq!(difference, "out.jsonl:2\n- 2\n+ 4\n2 lines differ: 3 expected (-), 3 came out (+)\n");
    }

    #[test]
    fn long_files_are_compared_line_by_line() {
        let steps = one_to_one(2, 3, |left, _| left == 0);
        assert_eq!(steps, [Step::Same, Step::Missing(1), Step::Extra(1), Step::Extra(2)]);
    }

    #[test]
    fn an_expectation_that_is_no_json_is_named_with_its_line() {
        let error = difference(Path::new("out.jsonl"), "{}\n{", &[]).unwrap_err();
        assert!(format!("{error:#}").starts_with("out.jsonl:2: "), "{error:#}");
    }
}

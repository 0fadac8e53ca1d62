//! What should have come out, and what did.

use super::fields;
use super::json::Json;
use crate::lines::{Fields, bytes};
use anyhow::Context;
use std::collections::{BTreeMap, VecDeque};
use std::fmt::Write;
use std::path::Path;

/// Beyond so many pairs of lines they are compared one to one: the search for the shortest difference is quadratic.
const MOST_PAIRS: usize = 4 << 20;

/// The lines that are missing (-) and those that are too many (+); None: all is as expected.
pub(super) fn difference(file: &Path, expected: &str, actual: &[String]) -> anyhow::Result<Option<String>> {
    let mut wanted = vec![];
    for (number, text) in (1..).zip(expected.lines()).filter(|(_, text)| !text.trim().is_empty()) {
        let line = Line::parse(text).with_context(|| format!("{}:{number}", file.display()))?;
        wanted.push((number, text, line));
    }
    let with_state = wanted.iter().any(|(.., line)| line.is_of_state());
    let (mut actual_lines, mut found) = (vec![], vec![]);
    for text in actual {
        let line = Line::parse(text)?;
        if with_state || !line.is_of_state() {
            actual_lines.push(text);
            found.push(line);
        }
    }
    let matches = |left: usize, right: usize| wanted[left].2.is_covered_by(&found[right]);
    let mut text = String::new();
    let mut misses = 0;
    // Those that nothing has taken the place of yet.
    let mut missing = VecDeque::new();
    for step in steps(wanted.len(), found.len(), matches) {
        // Writing to a String cannot fail.
        let _ = match step {
            Step::Same => {
                missing.clear();
                continue;
            }
            Step::Missing(index) => {
                missing.push_back(index);
                writeln!(text, "{}:{}\n- {}", file.display(), wanted[index].0, wanted[index].1)
            }
            Step::Extra(index) => {
                let _ = writeln!(text, "+ {}", actual_lines[index]);
                // One in the other's place: what they differ in is what is looked for.
                let expected: Option<usize> = missing.pop_front();
                let differences = expected.map(|expected| wanted[expected].2.differences(&found[index]));
                differences.unwrap_or_default().iter().try_for_each(|difference| writeln!(text, "  {difference}"))
            }
        };
        misses += 1;
    }
    let summary =
        format!("lines that differ: {misses}; expected (-): {}, came out (+): {}\n", wanted.len(), found.len());
    Ok((misses > 0).then(|| text + &summary))
}

/// An output or a failure, to be compared.
struct Line {
    fields: BTreeMap<String, Field>,
}

struct Field {
    json: Json,
    /// What it stands for as a key or a value; None: null, or nothing.
    bytes: Option<Vec<u8>>,
}

impl Line {
    fn parse(text: &str) -> serde_json::Result<Self> {
        let fields: Fields<'_> = serde_json::from_str(text)?;
        let field = |raw| Ok(Field { json: Json::of(raw)?, bytes: bytes(raw).unwrap_or_default() });
        let fields = fields.0.into_iter().map(|(name, raw)| Ok((name, field(raw)?)));
        Ok(Line { fields: fields.collect::<serde_json::Result<_>>()? })
    }

    /// In what another line differs that came out in the place of this one; empty if they have little in common.
    fn differences<'a>(&'a self, actual: &'a Line) -> Vec<String> {
        let named = |line: &'a Line| line.fields.iter().map(|(name, field)| (name.as_str(), &field.json));
        let expected = self.fields.iter().filter(|(name, field)| !field.is_same(name, actual.fields.get(*name)));
        fields::differences(expected.map(|(name, field)| (name.as_str(), &field.json)), &named(actual).collect())
    }

    /// Whether it is about what the plugin remembers.
    fn is_of_state(&self) -> bool {
        self.fields.contains_key("state") || self.fields.contains_key("timer")
    }

    /// Whether each field that is expected is there; others may be.
    fn is_covered_by(&self, actual: &Line) -> bool {
        self.fields.iter().all(|(name, expected)| expected.is_same(name, actual.fields.get(name)))
    }
}

impl Field {
    fn is_same(&self, name: &str, actual: Option<&Field>) -> bool {
        match (name, actual) {
            (_, Some(actual)) if self.json == actual.json => true,
            // What is printed without headers has none.
            ("headers", None) => matches!(&self.json, Json::Object(headers) if headers.is_empty()),
            // A key or a value is bytes, and the same bytes can be written as JSON and as a string: 17 and "17".
            ("key" | "value" | "timer", Some(actual)) => self.bytes.is_some() && self.bytes == actual.bytes,
            _ => false,
        }
    }
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
    fn a_number_that_is_written_in_another_way_is_another_one() {
        let actual = [r#"{"key":10.10,"value":{"amount":10.10,"lines":[7.0]}}"#];
        assert_eq!(compare(r#"{"key":10.10,"value":{"lines":[7.0], "amount":10.10}}"#, &actual), None);
        for changed in [
            r#"{"key":10.1}"#,
            r#"{"value":{"amount":10.1,"lines":[7.0]}}"#,
            r#"{"value":{"amount":10.10,"lines":[7]}}"#,
        ] {
            assert!(compare(changed, &actual).is_some(), "{changed}");
        }
    }

    #[test]
    fn only_what_differs_is_shown() {
        let [one, two, three, four] = [1, 2, 3, 4].map(|key| format!("{{\"key\":{key}}}"));
        let difference = compare(&format!("{one}\n{two}\n{three}\n"), &[&one, &three, &four]).unwrap();
        let expected =
            format!("out.jsonl:2\n- {two}\n+ {four}\nlines that differ: 2; expected (-): 3, came out (+): 3\n");
        assert_eq!(difference, expected);
    }

    #[test]
    fn a_line_in_the_place_of_another_one_is_compared_with_it_field_by_field() {
        let difference = compare(r#"{"key":"a","value":{"n":1,"s":"x"}}"#, &[r#"{"key":"a","value":{"n":2,"s":"x"}}"#]);
        let text = difference.unwrap();
        assert!(text.contains("\n  value.n: 1 expected, 2 came out\n"), "{text}");
        assert!(!text.contains("  key"), "{text}");
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

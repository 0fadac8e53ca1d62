//! In what two lines differ, field by field.

use super::json::Json;
use std::collections::BTreeMap;

/// More differences than this are no help: the lines have nothing to do with each other.
const MOST: usize = 8;

/// A value is shown up to so many characters.
const LONGEST: usize = 60;

/// One difference a text: `value.amount: 10 expected, 12 came out`. Fields that are not expected are not compared.
pub(super) fn differences<'a>(
    expected: impl Iterator<Item = (&'a str, &'a Json)>,
    actual: &BTreeMap<&'a str, &'a Json>,
) -> Vec<String> {
    let mut found = vec![];
    for (name, json) in expected {
        match actual.get(name) {
            Some(other) => walk(name.to_owned(), json, other, &mut found),
            None => found.push(format!("{name}: {} expected, nothing came out", shown(json))),
        }
    }
    if found.len() > MOST { vec![] } else { found }
}

fn walk(path: String, expected: &Json, actual: &Json, found: &mut Vec<String>) {
    match (expected, actual) {
        (one, other) if one == other => {}
        (Json::Object(one), Json::Object(other)) => {
            for (name, json) in one {
                let path = format!("{path}.{name}");
                match other.get(name) {
                    Some(other) => walk(path, json, other, found),
                    None => found.push(format!("{path}: {} expected, nothing came out", shown(json))),
                }
            }
            for (name, json) in other.iter().filter(|(name, _)| !one.contains_key(*name)) {
                found.push(format!("{path}.{name}: nothing expected, {} came out", shown(json)));
            }
        }
        (Json::List(one), Json::List(other)) if one.len() == other.len() => {
            for (index, (one, other)) in one.iter().zip(other).enumerate() {
                walk(format!("{path}[{index}]"), one, other, found);
            }
        }
        (one, other) => found.push(format!("{path}: {} expected, {} came out", shown(one), shown(other))),
    }
}

fn shown(json: &Json) -> String {
    let text = match json {
        Json::Null => "null".into(),
        Json::Bool(value) => value.to_string(),
        Json::Number(number) => number.clone(),
        Json::Text(text) => format!("{text:?}"),
        Json::List(items) => format!("a list of {}", items.len()),
        Json::Object(members) => format!("an object of {}", members.len()),
    };
    match text.char_indices().nth(LONGEST) {
        Some((end, _)) => format!("{}…", &text[..end]),
        None => text,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(expected: &str, actual: &str, differences: &[&str]) {
        let json = |text: &str| Json::of(serde_json::from_str(text).unwrap()).unwrap();
        let (expected, actual) = (json(expected), json(actual));
        let found = super::differences([("value", &expected)].into_iter(), &BTreeMap::from([("value", &actual)]));
        assert_eq!(found, differences);
    }

    #[test]
    fn what_differs_is_named_by_its_path() {
        check(r#"{"a":{"b":[1,2]}}"#, r#"{"a":{"b":[1,3]}}"#, &["value.a.b[1]: 2 expected, 3 came out"]);
        check(r#"{"a":10.1}"#, r#"{"a":10.10}"#, &["value.a: 10.1 expected, 10.10 came out"]);
        check(
            r#"{"a":1,"b":"x"}"#,
            r#"{"b":null,"c":[]}"#,
            &[
                "value.a: 1 expected, nothing came out",
                "value.b: \"x\" expected, null came out",
                "value.c: nothing expected, a list of 0 came out",
            ],
        );
    }

    #[test]
    fn lines_that_have_nothing_in_common_are_only_shown() {
        let wide =
            |number: u32| format!("[{}]", (0..10).map(|n| (n + number).to_string()).collect::<Vec<_>>().join(","));
        check(&wide(0), &wide(1), &[]);
    }
}

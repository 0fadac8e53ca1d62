//! JSON as it is compared: objects in any order, whitespace of no account, and numbers as they are written. To serde_json
//! 10.10 and 10.1 are the same number; to whoever reads amounts from a topic they are not the same output.

use crate::lines::Fields;
use serde_json::value::RawValue;
use std::collections::BTreeMap;

/// Deeper nesting is an error, so that no line can exhaust the stack. As serde_json has it.
const DEEPEST: usize = 128;

#[derive(Debug, PartialEq)]
pub(super) enum Json {
    Null,
    Bool(bool),
    Number(String),
    Text(String),
    List(Vec<Json>),
    Object(BTreeMap<String, Json>),
}

impl Json {
    /// Fails if it is nested too deeply; the text itself was read as JSON before.
    pub(super) fn of(raw: &RawValue) -> serde_json::Result<Self> {
        Json::at(raw, 0)
    }

    fn at(raw: &RawValue, depth: usize) -> serde_json::Result<Self> {
        if depth > DEEPEST {
            return Err(serde::de::Error::custom("it is nested too deeply"));
        }
        let text = raw.get();
        Ok(match text.as_bytes().first() {
            Some(b'n') => Json::Null,
            Some(b't' | b'f') => Json::Bool(serde_json::from_str(text)?),
            Some(b'"') => Json::Text(serde_json::from_str(text)?),
            Some(b'[') => {
                let items: Vec<&RawValue> = serde_json::from_str(text)?;
                Json::List(items.into_iter().map(|item| Json::at(item, depth + 1)).collect::<Result<_, _>>()?)
            }
            Some(b'{') => {
                let fields: Fields<'_> = serde_json::from_str(text)?;
                let member = |(name, value)| Ok((name, Json::at(value, depth + 1)?));
                Json::Object(fields.0.into_iter().map(member).collect::<serde_json::Result<_>>()?)
            }
            _ => Json::Number(text.to_owned()),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn json(text: &str) -> serde_json::Result<Json> {
        Json::of(serde_json::from_str(text)?)
    }

    #[test]
    fn order_in_objects_whitespace_and_escapes_make_no_difference() {
        let one = json(r#"{"a":[1,true,null],"b":{"c":"\u0041","d":-1e5}}"#).unwrap();
        let other = json(r#" { "b": {"d" :-1e5, "c":"A"}, "a": [1 , true,null] } "#).unwrap();
        assert_eq!(one, other);
    }

    #[test]
    fn the_order_of_a_list_and_the_way_a_number_is_written_do() {
        for (one, other) in [
            ("[1,2]", "[2,1]"),
            ("10.10", "10.1"),
            ("1e2", "100"),
            ("0", "-0"),
            (r#"{"a":[{"amount":7.0}]}"#, r#"{"a":[{"amount":7}]}"#),
            ("12345678901234567890123", "12345678901234567890124"),
            ("1", "\"1\""),
        ] {
            assert_ne!(json(one).unwrap(), json(other).unwrap());
        }
    }

    #[test]
    fn nesting_has_a_bound() {
        let nested = |depth: usize| "[".repeat(depth) + &"]".repeat(depth);
        assert!(json(&nested(100)).is_ok());
        assert!(json(&nested(10_000)).is_err());
    }
}

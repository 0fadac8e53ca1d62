//! Where in an event's value a part of its key is.

use serde::Deserialize;
use serde_json::value::RawValue;
use std::borrow::Cow;
use std::collections::BTreeMap;
use std::fmt;
use wasmill_plugin::Failure;

/// Names of members, from the outermost object inwards.
#[derive(Debug, PartialEq, Eq)]
pub struct Path(Vec<String>);

impl Path {
    /// Reads `customer.country`.
    pub fn parse(text: &str) -> Result<Path, String> {
        let names: Vec<String> = text.split('.').map(str::to_owned).collect();
        if names.iter().any(String::is_empty) {
            return Err(format!("setting `key`: `{text}` is no path of fields such as `customer.country`"));
        }
        Ok(Path(names))
    }

    /// The text there, or the number or boolean as it is written; None if there is nothing that a key can be.
    pub fn find<'v>(&self, value: &'v [u8]) -> Result<Option<Cow<'v, str>>, Failure> {
        let mut at: &RawValue = serde_json::from_slice(value).map_err(bad_json)?;
        for name in &self.0 {
            if !at.get().starts_with('{') {
                return Ok(None);
            }
            let members: BTreeMap<Cow<'v, str>, &'v RawValue> = serde_json::from_str(at.get()).map_err(bad_json)?;
            match members.get(name.as_str()) {
                Some(member) => at = member,
                None => return Ok(None),
            }
        }
        let text = at.get();
        Ok(match text.as_bytes().first() {
            Some(b'"') => serde_json::from_str(text).map(|Text(text)| Some(text)).map_err(bad_json)?,
            Some(b'{' | b'[' | b'n') | None => None,
            Some(_) => Some(Cow::Borrowed(text)),
        }
        .filter(|text| !text.is_empty()))
    }
}

impl fmt::Display for Path {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0.join("."))
    }
}

/// A text, copied only if something in it is escaped.
#[derive(Deserialize)]
struct Text<'v>(#[serde(borrow)] Cow<'v, str>);

fn bad_json(error: serde_json::Error) -> Failure {
    Failure::reject("bad-json", error.to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn finds(path: &str, value: &str, part: Option<&str>) {
        assert_eq!(Path::parse(path).unwrap().find(value.as_bytes()).unwrap().as_deref(), part, "{path} in {value}");
    }

    #[test]
    fn texts_numbers_and_booleans_are_found_at_any_depth() {
        let value = r#"{"a":"x","b":{"c":{"d":1.50},"e":true,"f":"","g":null,"h":[1],"i":"\u00e9"}}"#;
        finds("a", value, Some("x"));
        finds("b.c.d", value, Some("1.50"));
        finds("b.e", value, Some("true"));
        finds("b.i", value, Some("é"));
        for nothing in ["c", "a.b", "b.f", "b.g", "b.h", "b.c", "b.c.d.e"] {
            finds(nothing, value, None);
        }
        finds("a", "[1]", None);
        assert!(Path::parse("a").unwrap().find(b"{").is_err());
    }
}

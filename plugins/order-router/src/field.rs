//! Finds a field in an event without reading the rest of it into memory.

use serde::de::{DeserializeSeed, Deserializer, IgnoredAny, MapAccess, SeqAccess, Visitor};
use serde_json::value::RawValue;
use std::borrow::Cow;
use std::fmt;

/// Where a field is: `customer.country`, `items.0.code`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Path(Vec<Step>);

#[derive(Debug, Clone, PartialEq, Eq)]
struct Step {
    name: String,
    /// In a list, a name of digits is a position.
    position: Option<usize>,
}

impl Path {
    pub(crate) fn parse(text: &str) -> Result<Self, String> {
        let step = |name: &str| Step { name: name.into(), position: name.parse().ok() };
        if text.split('.').any(str::is_empty) {
            return Err(format!("`{text}` is no field: names are parted by single dots, as in `customer.country`"));
        }
        Ok(Path(text.split('.').map(step).collect()))
    }

    /// None if there is no such field. Where a name repeats, the last one counts.
    pub(crate) fn find<'a>(&self, document: &'a RawValue) -> Option<&'a RawValue> {
        self.0.iter().try_fold(document, |found, step| {
            // The whole document has been read once as JSON: what fails here is a text or a number, without fields.
            step.deserialize(&mut serde_json::Deserializer::from_str(found.get())).ok().flatten()
        })
    }
}

impl<'de> DeserializeSeed<'de> for &Step {
    type Value = Option<&'de RawValue>;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Self::Value, D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for &Step {
    type Value = Option<&'de RawValue>;

    fn expecting(&self, f: &mut fmt::Formatter) -> fmt::Result {
        f.write_str("an object or a list")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
        let mut found = None;
        while let Some(Name(name)) = map.next_key()? {
            if name == self.name {
                found = Some(map.next_value()?);
            } else {
                map.next_value::<IgnoredAny>()?;
            }
        }
        Ok(found)
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<Self::Value, A::Error> {
        let mut found = None;
        let mut index = 0;
        loop {
            if self.position == Some(index) {
                found = list.next_element()?;
            } else if list.next_element::<IgnoredAny>()?.is_none() {
                return Ok(found);
            }
            index += 1;
        }
    }
}

#[derive(serde::Deserialize)]
struct Name<'a>(#[serde(borrow)] Cow<'a, str>);

#[cfg(test)]
mod tests {
    use super::*;

    fn find<'a>(path: &str, document: &'a str) -> Option<&'a str> {
        Path::parse(path).unwrap().find(serde_json::from_str(document).unwrap()).map(RawValue::get)
    }

    #[test]
    fn a_path_goes_through_objects_and_lists() {
        let document = r#"{"a":{"b":[{"c":1.0},{"c":"x"}],"0":true},"n":null,"k\u0031":2}"#;
        for (path, found) in [
            ("a.b.0.c", Some("1.0")),
            ("a.b.1.c", Some(r#""x""#)),
            ("a.b.1", Some(r#"{"c":"x"}"#)),
            ("a.0", Some("true")),
            ("n", Some("null")),
            ("k1", Some("2")),
            ("a.b.2", None),
            ("a.b.c", None),
            ("n.x", None),
            ("a.b.0.c.d", None),
            ("missing", None),
        ] {
            assert_eq!(find(path, document), found, "{path}");
        }
    }

    #[test]
    fn of_a_repeated_name_the_last_one_counts() {
        assert_eq!(find("a", r#"{"a":1,"a":2}"#), Some("2"));
    }

    #[test]
    fn what_has_no_fields_has_none_to_find() {
        for document in ["5", r#""a""#, "null", "true", "[]"] {
            assert_eq!(find("a", document), None, "{document}");
        }
    }

    #[test]
    fn a_path_without_a_name_is_refused() {
        for path in ["", ".", "a.", ".a", "a..b"] {
            assert!(Path::parse(path).unwrap_err().contains("is no field"), "{path}");
        }
    }
}

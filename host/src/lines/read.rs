//! From lines to events.

use super::fields::Fields;
use super::{Event, Header};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde::Deserialize;
use serde_json::value::RawValue;
use std::path::{Path, PathBuf};

const KNOWN: [&str; 6] = ["topic", "partition", "timestamp", "key", "value", "headers"];

/// A line that is no event, or a file that cannot be read.
#[derive(Debug, thiserror::Error)]
pub enum LineError {
    /// The file.
    #[error("{}: {source}", file.display())]
    File {
        /// Its path.
        file: PathBuf,
        /// What the system said.
        source: std::io::Error,
    },
    /// A line of it.
    #[error("{}:{line}: {message}", file.display())]
    Line {
        /// Its path.
        file: PathBuf,
        /// From 1.
        line: usize,
        /// What is wrong with it.
        message: String,
    },
}

/// Reads a file of events. Each comes with its line's number, from 1; empty lines are left out.
pub fn read_events(file: &Path) -> Result<Vec<(usize, Event)>, LineError> {
    let text = std::fs::read_to_string(file).map_err(|source| LineError::File { file: file.to_owned(), source })?;
    parse_events(file, &text)
}

/// As [`read_events`], of text that has been read; `file` is for the error.
pub fn parse_events(file: &Path, text: &str) -> Result<Vec<(usize, Event)>, LineError> {
    (1..)
        .zip(text.lines())
        .filter(|(_, line)| !line.trim().is_empty())
        .map(|(line, text)| match parse_event(text) {
            Ok(event) => Ok((line, event)),
            Err(message) => Err(LineError::Line { file: file.to_owned(), line, message }),
        })
        .collect()
}

/// One line's event.
pub fn parse_event(line: &str) -> Result<Event, String> {
    let fields: Fields = serde_json::from_str(line).map_err(|error| format!("not a JSON object: {error}"))?;
    let mut event = Event::default();
    for (index, (name, value)) in fields.0.iter().enumerate() {
        if fields.0[..index].iter().any(|(other, _)| other == name) {
            return Err(format!("{name:?} stands in it twice"));
        }
        let named = |error: String| format!("{name:?}: {error}");
        match name.as_str() {
            "topic" => event.topic = plain(value).map_err(named)?,
            "partition" => event.partition = plain(value).map_err(named)?,
            "timestamp" => event.timestamp = plain(value).map_err(named)?,
            "key" => event.key = bytes(value).map_err(named)?,
            "value" => event.value = bytes(value).map_err(named)?,
            "headers" => event.headers = headers(value).map_err(named)?,
            unknown => return Err(unknown_field(unknown)),
        }
    }
    Ok(event)
}

fn unknown_field(unknown: &str) -> String {
    let similar = |known: &&str| strsim::jaro_winkler(known, unknown);
    let nearest = KNOWN.into_iter().max_by(|left, right| similar(left).total_cmp(&similar(right)));
    format!("unknown field {unknown:?}; the nearest one is {:?}", nearest.unwrap_or_default())
}

fn plain<'a, T: Deserialize<'a>>(value: &'a RawValue) -> Result<T, String> {
    serde_json::from_str(value.get()).map_err(|error| error.to_string())
}

/// The bytes that a JSON value stands for, by the rules of this module; what is wrong with it if it stands for none.
pub fn bytes(value: &RawValue) -> Result<Option<Vec<u8>>, String> {
    let text = value.get();
    match text.as_bytes().first() {
        Some(b'n') => Ok(None),
        Some(b'"') => plain::<String>(value).map(|text| Some(text.into_bytes())),
        Some(b'{') => Ok(Some(match base64_of(text)? {
            Some(bytes) => bytes,
            None => text.as_bytes().to_vec(),
        })),
        _ => Ok(Some(text.as_bytes().to_vec())),
    }
}

/// The bytes of `{"base64":"…"}`; None for any other object.
pub fn base64_of(text: &str) -> Result<Option<Vec<u8>>, String> {
    let fields: Fields = serde_json::from_str(text).map_err(|error| error.to_string())?;
    let [(name, value)] = fields.0.as_slice() else { return Ok(None) };
    if name != "base64" || !value.get().starts_with('"') {
        return Ok(None);
    }
    let encoded: String = plain(value)?;
    STANDARD.decode(encoded).map(Some).map_err(|error| format!("not base64: {error}"))
}

fn headers(value: &RawValue) -> Result<Vec<Header>, String> {
    match value.get().as_bytes().first() {
        Some(b'n') => Ok(vec![]),
        Some(b'{') => {
            let fields: Fields = plain(value)?;
            fields.0.into_iter().map(|(name, value)| Ok((name.into_bytes(), bytes(value)?))).collect()
        }
        Some(b'[') => {
            let pairs: Vec<(&RawValue, &RawValue)> =
                plain(value).map_err(|error| format!("not a list of [name, value] pairs: {error}"))?;
            pairs.into_iter().map(|(name, value)| Ok((header_name(name)?, bytes(value)?))).collect()
        }
        _ => Err("neither an object nor a list of [name, value] pairs".into()),
    }
}

fn header_name(name: &RawValue) -> Result<Vec<u8>, String> {
    let text = name.get();
    match text.as_bytes().first() {
        Some(b'"') => plain::<String>(name).map(String::into_bytes),
        Some(b'{') => base64_of(text)?.ok_or_else(|| r#"a header's name is text or {"base64":"…"}"#.to_owned()),
        _ => Err(r#"a header's name is text or {"base64":"…"}"#.into()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn all_fields_are_read() {
        let event = parse_event(
            r#" {"topic":"orders","partition":3,"key":17,"value": { "a" : 1 } ,"timestamp":-5,
                 "headers":[["a","x"],["a",null],[{"base64":"/w=="},{"base64":"AA=="}]]} "#,
        );
        let event = event.unwrap();
        assert_eq!((event.topic.as_deref(), event.partition, event.timestamp), (Some("orders"), Some(3), Some(-5)));
        assert_eq!(event.key.as_deref(), Some(&b"17"[..]));
        assert_eq!(event.value.as_deref(), Some(&br#"{ "a" : 1 }"#[..]));
        let expected: [Header; 3] =
            [(b"a".to_vec(), Some(b"x".to_vec())), (b"a".to_vec(), None), (vec![0xff], Some(vec![0]))];
        assert_eq!(event.headers, expected);
    }

    #[test]
    fn what_is_left_out_is_null() {
        assert_eq!(parse_event("{}"), Ok(Event::default()));
        assert_eq!(parse_event(r#"{"key":null,"value":null,"headers":null,"topic":null}"#), Ok(Event::default()));
    }

    #[test]
    fn headers_may_be_an_object_in_order() {
        let event = parse_event(r#"{"headers":{"z":"1","a":2}}"#).unwrap();
        assert_eq!(event.headers, [(b"z".to_vec(), Some(b"1".to_vec())), (b"a".to_vec(), Some(b"2".to_vec()))]);
    }

    #[test]
    fn a_wrong_line_is_named_with_its_number() {
        let error = parse_events(Path::new("e.jsonl"), "{}\n\n{\"valeu\":1}\n").unwrap_err();
        assert_eq!(error.to_string(), r#"e.jsonl:3: unknown field "valeu"; the nearest one is "value""#);
    }

    #[test]
    fn wrong_fields_say_what_is_wrong() {
        for (line, why) in [
            ("[]", "not a JSON object"),
            (r#"{"key":1,"key":2}"#, r#""key" stands in it twice"#),
            (r#"{"partition":-1}"#, r#""partition": "#),
            (r#"{"value":{"base64":"???"}}"#, r#""value": not base64"#),
            (r#"{"headers":"x"}"#, "neither an object nor a list"),
            (r#"{"headers":[["a"]]}"#, "not a list of [name, value] pairs"),
            (r#"{"headers":[[1,"a"]]}"#, "a header's name is text"),
        ] {
            let error = parse_event(line).unwrap_err();
            assert!(error.contains(why), "{line}: {error}");
        }
    }
}

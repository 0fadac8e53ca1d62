//! The lines of a golden case.

use crate::testing::{TestEntry, TestOutput, TestTimer};
use crate::{Clock, Failure, FailureKind};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde::Deserialize;
use serde_json::value::RawValue;
use std::fmt;

type Bytes = Option<Vec<u8>>;
type Headers = Vec<(Vec<u8>, Bytes)>;

pub(super) trait Parse: Sized {
    fn parse(line: &str) -> Result<Self, String>;
}

/// A line of `events.jsonl`.
#[derive(Debug)]
pub(super) struct InputEvent {
    pub(super) topic: String,
    pub(super) partition: u32,
    pub(super) timestamp: Option<i64>,
    pub(super) key: Bytes,
    pub(super) value: Bytes,
    pub(super) headers: Headers,
}

/// A line of `expected.jsonl`, or what came out; None is not compared.
#[derive(Debug, Default, PartialEq)]
pub(super) struct Expected {
    failure: Option<String>,
    code: Option<String>,
    message: Option<String>,
    source: Option<usize>,
    sink: Option<String>,
    topic: Option<String>,
    partition: Option<u32>,
    timestamp: Option<i64>,
    key: Option<Bytes>,
    value: Option<Bytes>,
    headers: Option<Headers>,
    state: Option<String>,
    timer: Option<Bytes>,
    at: Option<i64>,
    clock: Option<String>,
}

/// All fields of all lines, as they are written.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Written<'a> {
    failure: Option<String>,
    code: Option<String>,
    message: Option<String>,
    source: Option<usize>,
    sink: Option<String>,
    topic: Option<String>,
    partition: Option<u32>,
    timestamp: Option<i64>,
    #[serde(borrow, default, deserialize_with = "present")]
    key: Option<&'a RawValue>,
    #[serde(borrow, default, deserialize_with = "present")]
    value: Option<&'a RawValue>,
    #[serde(borrow, default, deserialize_with = "present")]
    headers: Option<&'a RawValue>,
    state: Option<String>,
    #[serde(borrow, default, deserialize_with = "present")]
    timer: Option<&'a RawValue>,
    at: Option<i64>,
    clock: Option<String>,
}

/// So that null is not the same as a field that is left out.
fn present<'de, D: serde::Deserializer<'de>>(deserializer: D) -> Result<Option<&'de RawValue>, D::Error> {
    Deserialize::deserialize(deserializer).map(Some)
}

impl Parse for InputEvent {
    fn parse(line: &str) -> Result<Self, String> {
        let written: Written = serde_json::from_str(line).map_err(|error| error.to_string())?;
        Ok(InputEvent {
            topic: written.topic.ok_or("an event needs a `topic`: the input's topic or name")?,
            partition: written.partition.unwrap_or(0),
            timestamp: written.timestamp,
            key: written.key.map_or(Ok(None), bytes)?,
            value: written.value.map_or(Ok(None), bytes)?,
            headers: written.headers.map_or(Ok(vec![]), headers)?,
        })
    }
}

impl Parse for Expected {
    fn parse(line: &str) -> Result<Self, String> {
        let written: Written = serde_json::from_str(line).map_err(|error| error.to_string())?;
        Ok(Expected {
            failure: written.failure,
            code: written.code,
            message: written.message,
            source: written.source,
            sink: written.sink,
            topic: written.topic,
            partition: written.partition,
            timestamp: written.timestamp,
            key: written.key.map(bytes).transpose()?,
            value: written.value.map(bytes).transpose()?,
            headers: written.headers.map(headers).transpose()?,
            state: written.state,
            timer: written.timer.map(bytes).transpose()?,
            at: written.at,
            clock: written.clock,
        })
    }
}

impl Expected {
    pub(super) fn of_output(output: TestOutput) -> Self {
        Expected {
            sink: Some(output.sink),
            topic: Some(output.topic),
            partition: output.partition,
            timestamp: Some(output.timestamp),
            key: Some(output.key),
            value: Some(output.value),
            headers: Some(output.headers),
            ..Expected::default()
        }
    }

    pub(super) fn of_failure(failure: &Failure, source: usize) -> Self {
        let kind = match failure.kind() {
            FailureKind::Reject => "reject",
            FailureKind::Retry => "retry",
            FailureKind::Stop => "stop",
        };
        Expected {
            failure: Some(kind.into()),
            code: Some(failure.code().into()),
            message: Some(failure.message().into()),
            source: Some(source),
            ..Expected::default()
        }
    }

    pub(super) fn of_entry(store: String, entry: TestEntry) -> Self {
        Expected {
            state: Some(store),
            partition: Some(entry.partition),
            key: Some(Some(entry.key)),
            value: Some(Some(entry.value)),
            ..Expected::default()
        }
    }

    pub(super) fn of_timer(timer: TestTimer) -> Self {
        let clock = match timer.clock {
            Clock::EventTime => "event-time",
            Clock::WallClock => "wall-clock",
        };
        let timer_key = Some(Some(timer.key));
        Expected { timer: timer_key, at: Some(timer.at), clock: Some(clock.into()), ..Expected::default() }
    }

    /// Whether it is about what the plugin remembers.
    pub(super) fn is_of_state(&self) -> bool {
        self.state.is_some() || self.timer.is_some()
    }

    /// The first field that was expected to be another.
    pub(super) fn difference(&self, came_out: &Expected) -> Option<&'static str> {
        fn differs<T: PartialEq>(expected: &Option<T>, came_out: &Option<T>) -> bool {
            expected.is_some() && expected != came_out
        }
        let fields = [
            ("failure", differs(&self.failure, &came_out.failure)),
            ("code", differs(&self.code, &came_out.code)),
            ("message", differs(&self.message, &came_out.message)),
            ("source", differs(&self.source, &came_out.source)),
            ("sink", differs(&self.sink, &came_out.sink)),
            ("topic", differs(&self.topic, &came_out.topic)),
            ("partition", differs(&self.partition, &came_out.partition)),
            ("key", differs(&self.key, &came_out.key)),
            ("value", differs(&self.value, &came_out.value)),
            ("headers", differs(&self.headers, &came_out.headers)),
            ("timestamp", differs(&self.timestamp, &came_out.timestamp)),
            ("state", differs(&self.state, &came_out.state)),
            ("timer", differs(&self.timer, &came_out.timer)),
            ("at", differs(&self.at, &came_out.at)),
            ("clock", differs(&self.clock, &came_out.clock)),
        ];
        fields.into_iter().find(|(_, differs)| *differs).map(|(name, _)| name)
    }
}

/// For a person who looks for the difference: bytes as text.
impl fmt::Display for Expected {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let text = |bytes: &Bytes| bytes.as_ref().map_or("null".into(), |bytes| bytes.escape_ascii().to_string());
        if let Some(failure) = &self.failure {
            return write!(f, "{failure} {:?} {:?} of line {:?}", self.code, self.message, self.source);
        }
        if let Some(timer) = &self.timer {
            return write!(f, "timer {} at {:?} {:?}", text(timer), self.at, self.clock);
        }
        if let Some(state) = &self.state {
            let [key, value] = [&self.key, &self.value].map(|bytes| bytes.as_ref().map(text).unwrap_or_default());
            return write!(f, "state {state} key {key}\n  value {value}");
        }
        write!(f, "sink {:?} topic {:?} timestamp {:?}", self.sink, self.topic, self.timestamp)?;
        for (name, bytes) in [("key", &self.key), ("value", &self.value)] {
            if let Some(bytes) = bytes {
                write!(f, "\n  {name} {}", text(bytes))?;
            }
        }
        for (name, value) in self.headers.iter().flatten() {
            write!(f, "\n  header {}: {}", name.escape_ascii(), text(value))?;
        }
        Ok(())
    }
}

/// `null`; a text's bytes; `{"base64":"…"}`; or else the JSON itself, as it is written.
fn bytes(written: &RawValue) -> Result<Bytes, String> {
    #[derive(Deserialize)]
    #[serde(deny_unknown_fields)]
    struct Encoded {
        base64: String,
    }
    let text = written.get();
    match text.as_bytes()[0] {
        b'n' => Ok(None),
        b'"' => serde_json::from_str::<String>(text).map(|text| Some(text.into())).map_err(|error| error.to_string()),
        b'{' => match serde_json::from_str::<Encoded>(text) {
            Ok(encoded) => STANDARD.decode(encoded.base64).map(Some).map_err(|error| error.to_string()),
            Err(_) => Ok(Some(text.into())),
        },
        _ => Ok(Some(text.into())),
    }
}

/// An object, or a list of pairs where a name repeats or is no text.
fn headers(written: &RawValue) -> Result<Headers, String> {
    let text = written.get();
    if text.starts_with('{') {
        // A map would lose the order, and a value its spelling: both are what is tested.
        let Fields(fields) = serde_json::from_str(text).map_err(|error| error.to_string())?;
        return fields.into_iter().map(|(name, value)| Ok((name.into_bytes(), bytes(value)?))).collect();
    }
    let pairs: Vec<(&RawValue, &RawValue)> = serde_json::from_str(text).map_err(|error| error.to_string())?;
    pairs.into_iter().map(|(name, value)| Ok((bytes(name)?.ok_or("a header's name is null")?, bytes(value)?))).collect()
}

struct Fields<'a>(Vec<(String, &'a RawValue)>);

impl<'de> Deserialize<'de> for Fields<'de> {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct InOrder;

        impl<'de> serde::de::Visitor<'de> for InOrder {
            type Value = Fields<'de>;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("headers, as an object")
            }

            fn visit_map<A: serde::de::MapAccess<'de>>(self, mut map: A) -> Result<Fields<'de>, A::Error> {
                let mut fields = vec![];
                while let Some(field) = map.next_entry()? {
                    fields.push(field);
                }
                Ok(Fields(fields))
            }
        }

        deserializer.deserialize_map(InOrder)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_are_the_bytes_that_are_written() {
        let value = |value: &str| InputEvent::parse(&format!(r#"{{"topic":"t","value":{value}}}"#)).unwrap().value;
        assert_eq!(value("null"), None);
        assert_eq!(value(r#""ä\n""#).as_deref(), Some("ä\n".as_bytes()));
        assert_eq!(value(r#"{"base64":"/wA="}"#).as_deref(), Some(&[0xff, 0][..]));
        assert_eq!(value(r#"{"a" : 1.0}"#).as_deref(), Some(&br#"{"a" : 1.0}"#[..]));
        assert_eq!(value("12.50").as_deref(), Some(&b"12.50"[..]));
    }

    #[test]
    fn headers_keep_their_order_and_may_repeat() {
        let headers =
            |headers: &str| InputEvent::parse(&format!(r#"{{"topic":"t","headers":{headers}}}"#)).unwrap().headers;
        assert_eq!(headers(r#"{"z":"1","a":null}"#), [(b"z".into(), Some(b"1".into())), (b"a".into(), None)]);
        let repeated = headers(r#"[["a","1"],["a","2"],[{"base64":"/w=="},null]]"#);
        assert_eq!(repeated[2], (vec![0xff], None));
        assert_eq!(repeated.len(), 3);
    }

    #[test]
    fn unknown_fields_are_refused() {
        assert!(InputEvent::parse(r#"{"topic":"t","valeu":1}"#).unwrap_err().contains("valeu"));
        assert!(Expected::parse(r#"{"sinc":"t"}"#).unwrap_err().contains("sinc"));
        assert!(InputEvent::parse("{}").unwrap_err().contains("topic"));
    }
}

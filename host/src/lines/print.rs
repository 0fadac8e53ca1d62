//! From outputs and failures to lines.

use super::read::base64_of;
use super::{Event, Output};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde_json::value::RawValue;
use std::fmt::Write;

/// An output's line, without the line's end.
pub fn output_line(output: &Output<'_>) -> String {
    let mut line = format!(r#"{{"sink":{},"topic":{}"#, quoted(output.sink), quoted(output.topic));
    if let Some(partition) = output.partition {
        push(&mut line, format_args!(r#","partition":{partition}"#));
    }
    push(&mut line, format_args!(r#","key":{},"value":{}"#, bytes(output.key), bytes(output.value)));
    if output.headers.len() > 0 {
        push(&mut line, format_args!(r#","headers":{}"#, headers(output.headers.clone())));
    }
    push(&mut line, format_args!(r#","timestamp":{}}}"#, output.timestamp));
    line
}

/// An event's line, without the line's end: what [`super::parse_event`] reads as the same event.
pub fn event_line(event: &Event) -> String {
    let mut members = Vec::new();
    members.extend(event.topic.as_ref().map(|topic| format!(r#""topic":{}"#, quoted(topic))));
    members.extend(event.partition.map(|partition| format!(r#""partition":{partition}"#)));
    let (key, value) = (bytes(event.key.as_deref()), bytes(event.value.as_deref()));
    members.push(format!(r#""key":{key},"value":{value}"#));
    if !event.headers.is_empty() {
        let borrowed = event.headers.iter().map(|(name, value)| (name.as_slice(), value.as_deref()));
        members.push(format!(r#""headers":{}"#, headers(borrowed)));
    }
    members.extend(event.timestamp.map(|timestamp| format!(r#""timestamp":{timestamp}"#)));
    format!("{{{}}}", members.join(","))
}

/// A failed event's line, without the line's end. `kind` is `reject`, `retry`, `stop` or `trap`; `source` is the number of
/// the event's line.
pub fn failure_line(kind: &str, code: &str, message: &str, source: usize) -> String {
    format!(r#"{{"failure":{},"code":{},"message":{},"source":{source}}}"#, quoted(kind), quoted(code), quoted(message))
}

/// The line of an entry of a store, without the line's end.
pub fn entry_line(store: &str, partition: u32, key: &[u8], value: &[u8]) -> String {
    let (store, key, value) = (quoted(store), bytes(Some(key)), bytes(Some(value)));
    format!(r#"{{"state":{store},"partition":{partition},"key":{key},"value":{value}}}"#)
}

/// The line of a timer that is set, without the line's end; `clock` is `event-time` or `wall-clock`.
pub fn timer_line(key: &[u8], at: i64, clock: &str) -> String {
    format!(r#"{{"timer":{},"at":{at},"clock":"{clock}"}}"#, bytes(Some(key)))
}

fn push(line: &mut String, text: std::fmt::Arguments<'_>) {
    // Writing to a String cannot fail.
    let _ = line.write_fmt(text);
}

fn quoted(text: &str) -> String {
    serde_json::Value::from(text).to_string()
}

fn bytes(bytes: Option<&[u8]>) -> String {
    let Some(bytes) = bytes else { return "null".into() };
    match std::str::from_utf8(bytes) {
        Ok(text) if stands_for_itself(text) => text.to_owned(),
        Ok(text) => quoted(text),
        Err(_) => encoded(bytes),
    }
}

/// Whether the text, put into a line as it is, is read as these very bytes.
fn stands_for_itself(text: &str) -> bool {
    let begins = text.starts_with(|first: char| matches!(first, '{' | '[' | '-' | 't' | 'f') || first.is_ascii_digit());
    begins
        && !text.contains(['\n', '\r'])
        && serde_json::from_str::<&RawValue>(text).is_ok_and(|raw| raw.get().len() == text.len())
        && !(text.starts_with('{') && base64_of(text) != Ok(None))
}

fn encoded(bytes: &[u8]) -> String {
    format!(r#"{{"base64":"{}"}}"#, STANDARD.encode(bytes))
}

fn headers<'h>(headers: impl Iterator<Item = (&'h [u8], Option<&'h [u8]>)> + Clone) -> String {
    let name = |name| std::str::from_utf8(name).map_or_else(|_| encoded(name), quoted);
    let mut names: Vec<&[u8]> = headers.clone().map(|(name, _)| name).collect();
    names.sort_unstable();
    let plain =
        names.iter().all(|name| std::str::from_utf8(name).is_ok()) && names.windows(2).all(|pair| pair[0] != pair[1]);
    if plain {
        let members: Vec<String> = headers.map(|(key, value)| format!("{}:{}", name(key), bytes(value))).collect();
        return format!("{{{}}}", members.join(","));
    }
    let pairs: Vec<String> = headers.map(|(key, value)| format!("[{},{}]", name(key), bytes(value))).collect();
    format!("[{}]", pairs.join(","))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::lines::{Header, parse_event};
    use wasmill_contract::Batch;

    fn line_with(headers: &[Header]) -> String {
        let mut batch = Batch::default();
        let borrowed = headers.iter().map(|(name, value)| (name.as_slice(), value.as_deref()));
        batch.push(0, 0, None, None, borrowed);
        output_line(&Output {
            sink: "alerts",
            topic: "risk.alerts",
            partition: Some(2),
            timestamp: 7,
            key: Some(b"k"),
            value: None,
            headers: batch.event_headers(0),
        })
    }

    fn header(name: &[u8], value: Option<&[u8]>) -> Header {
        (name.to_vec(), value.map(<[u8]>::to_vec))
    }

    #[test]
    fn an_output_is_printed_field_by_field() {
        let expected = r#"{"sink":"alerts","topic":"risk.alerts","partition":2,"key":"k","value":null,"timestamp":7}"#;
        assert_eq!(line_with(&[]), expected);
    }

    #[test]
    fn headers_come_back_as_they_were() {
        for (headers, written) in [
            (vec![header(b"b", Some(b"1")), header(b"a", None)], r#""headers":{"b":1,"a":null}"#),
            (vec![header(b"a", Some(b"x")), header(b"a", Some(b"y"))], r#""headers":[["a","x"],["a","y"]]"#),
            (vec![header(b"\xff", Some(b"\xfe"))], r#""headers":[[{"base64":"/w=="},{"base64":"/g=="}]]"#),
        ] {
            let line = line_with(&headers);
            assert!(line.contains(written), "{line}");
            let members: serde_json::Map<String, serde_json::Value> = serde_json::from_str(&line).unwrap();
            let event = parse_event(&format!(r#"{{"headers":{}}}"#, members["headers"])).unwrap();
            assert_eq!(event.headers, headers);
            let event = Event { topic: Some("t".into()), timestamp: Some(7), value: Some(b"{}".to_vec()), ..event };
            assert_eq!(parse_event(&event_line(&event)).unwrap(), event);
        }
    }

    #[test]
    fn what_is_remembered_is_printed_as_it_is_kept() {
        let line = entry_line("totals", 3, b"FR", br#"{"n": 1}"#);
        assert_eq!(line, r#"{"state":"totals","partition":3,"key":"FR","value":{"n": 1}}"#);
        assert_eq!(timer_line(b"\xff", 5, "wall-clock"), r#"{"timer":{"base64":"/w=="},"at":5,"clock":"wall-clock"}"#);
    }

    #[test]
    fn a_failure_is_printed_on_one_line() {
        let line = failure_line("reject", "bad-json", "line 1\nline 2 \"x\"", 3);
        let expected = r#"{"failure":"reject","code":"bad-json","message":"line 1\nline 2 \"x\"","source":3}"#;
        assert_eq!(line, expected);
    }
}

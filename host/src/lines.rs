//! Events, outputs and failures as JSON lines: what `wasmill test` reads and prints, and golden cases are made of.
//!
//! ```text
//! {"topic":"orders","key":"k1","value":{"amount":1},"headers":{"trace":"7"},"timestamp":1700000000000}
//! {"sink":"alerts","topic":"risk.alerts","key":"k1","value":{"amount":1},"timestamp":1700000000000}
//! {"failure":"reject","code":"bad-json","message":"expected value at line 1","source":2}
//! {"state":"totals","partition":0,"key":"FR","value":{"orders":2}}
//! {"timer":"FR","at":1700000600000,"clock":"event-time"}
//! ```
//!
//! A key, a value and a header's value are bytes, or null. They are written as
//! - `null`: null, a tombstone (as is leaving it out);
//! - a string: the bytes of its text;
//! - an object, a list, a number, `true` or `false`: the bytes of that JSON, exactly as written;
//! - `{"base64":"…"}`, and nothing else in it: these bytes.
//!
//! Printing takes the same rules backwards, so that what is printed is read as the same bytes: JSON where it fits on the
//! line as it is, text where it is UTF-8, base64 otherwise. Headers are an object, or, where a name repeats or is not
//! UTF-8, a list of `[name, value]` pairs, whose names may be `{"base64":"…"}`.

mod fields;
mod print;
mod read;

pub use fields::Fields;
pub use print::{entry_line, event_line, failure_line, output_line, timer_line};
pub use read::{LineError, base64_of, bytes, parse_event, parse_events, read_events};

/// A header: its name in any bytes, and its value.
pub type Header = (Vec<u8>, Option<Vec<u8>>);

/// One event, as a line says it.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Event {
    /// None: wherever the reader wants it.
    pub topic: Option<String>,
    /// None: wherever the reader wants it.
    pub partition: Option<u32>,
    /// Milliseconds since the Unix epoch. None: the reader's choice.
    pub timestamp: Option<i64>,
    /// The key.
    pub key: Option<Vec<u8>>,
    /// The value.
    pub value: Option<Vec<u8>>,
    /// In order.
    pub headers: Vec<Header>,
}

/// One output, borrowed to be printed.
#[derive(Debug, Clone)]
pub struct Output<'a> {
    /// The sink's logical name.
    pub sink: &'a str,
    /// The topic that the sink is.
    pub topic: &'a str,
    /// None: by the key.
    pub partition: Option<u32>,
    /// Milliseconds since the Unix epoch.
    pub timestamp: i64,
    /// The key.
    pub key: Option<&'a [u8]>,
    /// The value.
    pub value: Option<&'a [u8]>,
    /// In order.
    pub headers: wasmill_contract::HeadersIter<'a>,
}

#[cfg(test)]
mod tests {
    use super::*;
    use wasmill_contract::Batch;

    /// Prints a value, reads the line as an event's, and gives both.
    fn round(value: Option<&[u8]>) -> (String, Option<Vec<u8>>) {
        let mut batch = Batch::default();
        batch.push(0, 0, None, None, [].into_iter());
        let output = Output {
            sink: "s",
            topic: "t",
            partition: None,
            timestamp: 5,
            key: None,
            value,
            headers: batch.event_headers(0),
        };
        let line = output_line(&output);
        let start = line.find(r#""value":"#).unwrap() + r#""value":"#.len();
        let written = line[start..].strip_suffix(r#","timestamp":5}"#).unwrap().to_owned();
        let read = parse_event(&format!(r#"{{"value":{written}}}"#)).unwrap();
        (written, read.value)
    }

    #[test]
    fn any_bytes_come_back_as_they_were() {
        let long = vec![0xff; 1000];
        for (bytes, written) in [
            (&br#"{"b":1, "a":[1.0,1e5]}"#[..], r#"{"b":1, "a":[1.0,1e5]}"#),
            (b"[1,2]", "[1,2]"),
            (b"12.50", "12.50"),
            (b"true", "true"),
            (b"null", r#""null""#),
            (br#""quoted""#, r#""\"quoted\"""#),
            (b"plain text", r#""plain text""#),
            (b"", r#""""#),
            (b" {}", r#"" {}""#),
            (b"{\n}", r#""{\n}""#),
            (br#"{"base64":"AA=="}"#, r#""{\"base64\":\"AA==\"}""#),
            (b"\xff\x00", r#"{"base64":"/wA="}"#),
            ("ä".as_bytes(), r#""ä""#),
        ] {
            assert_eq!(round(Some(bytes)), (written.to_owned(), Some(bytes.to_vec())));
        }
        assert_eq!(round(None), ("null".to_owned(), None));
        assert_eq!(round(Some(&long)).1.as_deref(), Some(&long[..]));
    }
}

//! What a dead letter looks like: the event as it was, and headers that say what happened to it.

use crate::event::Reason;
use wasmill_contract::{EventRef, Headers};

/// What the host's own headers begin with.
pub const PREFIX: &str = "wasmill-";

/// Texts in headers are cut here: a megabyte of stack must not keep an event out of the dead-letter topic.
const MAX_TEXT: usize = 8 << 10;

/// Who failed on which event, and how.
#[derive(Debug, Clone, Copy)]
pub struct Circumstances<'a> {
    /// The plugin's name.
    pub plugin: &'a str,
    /// The module's version.
    pub version: &'a str,
    /// The event's topic.
    pub topic: &'a str,
    /// The event's partition.
    pub partition: u32,
    /// `reject`, `retry`, `trap`, `deadline`, `memory`, `contract`, `limit`, `output`.
    pub kind: &'a str,
    /// Why.
    pub reason: &'a Reason,
}

/// The dead letter's headers: the event's own, byte for byte, then ours. `cut`: how many bytes the value had, if it is
/// left out because the event itself is too large for the topic.
pub fn headers(event: &EventRef<'_>, circumstances: &Circumstances<'_>, cut: Option<usize>) -> Headers {
    let mut headers = Headers::default();
    for (name, value) in event.headers.clone() {
        headers.push(name, value);
    }
    let mut add = |name: &str, value: &str| headers.push(format!("{PREFIX}{name}").as_bytes(), Some(value.as_bytes()));
    add("plugin", circumstances.plugin);
    add("version", circumstances.version);
    add("topic", circumstances.topic);
    add("partition", &circumstances.partition.to_string());
    add("offset", &event.offset.to_string());
    add("timestamp", &event.timestamp.to_string());
    add("kind", circumstances.kind);
    add("code", &circumstances.reason.code);
    add("message", shorten(&circumstances.reason.message));
    if let Some(detail) = &circumstances.reason.detail {
        add("detail", shorten(detail));
    }
    if let Some(bytes) = cut {
        add("cut", &bytes.to_string());
    }
    headers.counts.push(headers.name_lengths.len() as i32);
    headers
}

fn shorten(text: &str) -> &str {
    let mut end = text.len().min(MAX_TEXT);
    while !text.is_char_boundary(end) {
        end -= 1;
    }
    &text[..end]
}

#[cfg(test)]
mod tests {
    use super::*;
    use wasmill_contract::Batch;

    #[test]
    fn a_dead_letter_keeps_the_events_headers_and_says_what_happened() {
        let mut batch = Batch::default();
        let own = [(&b"\xff"[..], None), (b"trace", Some(&b"1"[..]))];
        batch.push(42, 1_700_000_000_000, Some(b"k"), Some(b"v"), own.into_iter());
        let reason = Reason { code: "bad-json".into(), message: "line 1".into(), detail: None };
        let circumstances = Circumstances {
            plugin: "fraud",
            version: "0.1.0",
            topic: "orders",
            partition: 3,
            kind: "reject",
            reason: &reason,
        };
        let headers = headers(&batch.event(0), &circumstances, Some(9));
        let all: Vec<_> = headers.columns().range(0, 0, headers.counts[0] as usize).collect();
        assert_eq!(all[..2], own);
        let ours: Vec<_> = all[2..]
            .iter()
            .map(|(name, value)| {
                let text = |bytes| std::str::from_utf8(bytes).unwrap();
                format!("{}={}", text(name), text(value.unwrap()))
            })
            .collect();
        let expected = [
            "wasmill-plugin=fraud",
            "wasmill-version=0.1.0",
            "wasmill-topic=orders",
            "wasmill-partition=3",
            "wasmill-offset=42",
            "wasmill-timestamp=1700000000000",
            "wasmill-kind=reject",
            "wasmill-code=bad-json",
            "wasmill-message=line 1",
            "wasmill-cut=9",
        ];
        assert_eq!(ours, expected);
    }

    #[test]
    fn a_long_text_is_cut_between_characters() {
        let text = "é".repeat(MAX_TEXT);
        assert_eq!(shorten(&text).len(), MAX_TEXT);
        assert_eq!(shorten(&format!("a{text}")).len(), MAX_TEXT - 1);
    }
}

//! What came in.

use crate::{Failure, Input};
use serde::Deserialize;
use serde::de::DeserializeSeed;
use wasmill_contract::{HeaderRef, HeadersIter};

/// One event. Everything in it is borrowed from the run of events that the host handed over.
#[derive(Debug, Clone)]
pub struct Event<'a> {
    pub(crate) input: Input,
    pub(crate) topic: &'a str,
    pub(crate) partition: u32,
    pub(crate) offset: u64,
    pub(crate) timestamp: i64,
    pub(crate) key: Option<&'a [u8]>,
    pub(crate) value: Option<&'a [u8]>,
    pub(crate) headers: HeadersIter<'a>,
}

impl<'a> Event<'a> {
    /// The input that it came in by.
    pub fn input(&self) -> Input {
        self.input
    }

    /// The topic that it came from.
    pub fn topic(&self) -> &'a str {
        self.topic
    }

    /// The partition of its topic.
    pub fn partition(&self) -> u32 {
        self.partition
    }

    /// Its offset in the partition.
    pub fn offset(&self) -> u64 {
        self.offset
    }

    /// Milliseconds since the Unix epoch, as the broker has it.
    pub fn timestamp(&self) -> i64 {
        self.timestamp
    }

    /// The key; None if it is null.
    pub fn key(&self) -> Option<&'a [u8]> {
        self.key
    }

    /// The key as text; None if it is null or not UTF-8.
    pub fn key_str(&self) -> Option<&'a str> {
        std::str::from_utf8(self.key?).ok()
    }

    /// The value; None is a tombstone.
    pub fn value(&self) -> Option<&'a [u8]> {
        self.value
    }

    /// The value, read as JSON. `T` may borrow from the event: `&'a str` (or `Cow<'a, str>` with `#[serde(borrow)]`,
    /// which copies only text with escapes in it) saves a copy.
    ///
    /// # Errors
    /// A reject with the code `no-value` for a tombstone, `bad-json` for what is not JSON or does not fit `T`.
    #[inline]
    pub fn json<T: Deserialize<'a>>(&self) -> Result<T, Failure> {
        serde_json::from_slice(self.value.ok_or_else(no_value)?).map_err(bad_json)
    }

    /// As [`Event::json`], what a seed makes of it: for fields whose names only the settings say, without a map of all.
    ///
    /// # Errors
    /// Those of [`Event::json`].
    #[inline]
    pub fn json_seed<S: DeserializeSeed<'a>>(&self, seed: S) -> Result<S::Value, Failure> {
        let mut json = serde_json::Deserializer::from_slice(self.value.ok_or_else(no_value)?);
        let value = seed.deserialize(&mut json).map_err(bad_json)?;
        json.end().map_err(bad_json)?;
        Ok(value)
    }

    /// The headers in their order. Names are bytes, and may repeat; a value may be null.
    pub fn headers(&self) -> HeadersIter<'a> {
        self.headers.clone()
    }

    /// The header of this name, `Some(None)` if its value is null. Where the name repeats, the last one counts, as in
    /// Kafka's own clients.
    pub fn header(&self, name: impl AsRef<[u8]>) -> Option<Option<&'a [u8]>> {
        let is_named = |header: &HeaderRef| header.0 == name.as_ref();
        self.headers().filter(is_named).last().map(|(_, value)| value)
    }
}

#[cold]
fn no_value() -> Failure {
    Failure::reject("no-value", "the event has no value (a tombstone), and JSON was expected")
}

#[cold]
fn bad_json(error: serde_json::Error) -> Failure {
    Failure::reject("bad-json", error.to_string())
}

#[cfg(test)]
mod tests {
    use super::*;
    use wasmill_contract::Headers;

    fn event<'a>(value: Option<&'a str>, headers: &'a Headers) -> Event<'a> {
        Event {
            input: Input(0),
            topic: "orders",
            partition: 1,
            offset: 2,
            timestamp: 3,
            key: Some(b"\xff"),
            value: value.map(str::as_bytes),
            headers: headers.columns().range(0, 0, headers.name_lengths.len()),
        }
    }

    #[test]
    fn json_may_borrow_from_the_event() {
        #[derive(Deserialize)]
        struct Order<'a> {
            country: &'a str,
        }
        let value = String::from(r#"{"country":"FR"}"#);
        let headers = Headers::default();
        let order: Order = event(Some(&value), &headers).json().unwrap();
        assert!(value.as_bytes().as_ptr_range().contains(&order.country.as_ptr()));
    }

    #[test]
    fn a_seed_reads_what_it_wants_and_the_whole_value_must_be_json() {
        let none = Headers::default();
        let seed = std::marker::PhantomData::<u32>;
        assert_eq!(event(Some("17"), &none).json_seed(seed).unwrap(), 17);
        assert_eq!(event(Some("17 4"), &none).json_seed(seed).unwrap_err().code(), "bad-json");
        assert_eq!(event(None, &none).json_seed(seed).unwrap_err().code(), "no-value");
    }

    #[test]
    fn what_is_no_json_says_where() {
        let none = Headers::default();
        let failure = event(Some("{\n oops"), &none).json::<serde_json::Value>().unwrap_err();
        assert_eq!(failure.code(), "bad-json");
        assert!(failure.message().contains("line 2 column 2"), "{failure}");
        assert_eq!(event(None, &none).json::<serde_json::Value>().unwrap_err().code(), "no-value");
    }

    #[test]
    fn the_last_header_of_a_name_counts() {
        let mut headers = Headers::default();
        headers.push(b"a", Some(b"1"));
        headers.push(b"\xfe", Some(b"2"));
        headers.push(b"a", None);
        let event = event(None, &headers);
        assert_eq!(event.header("a"), Some(None));
        assert_eq!(event.header(b"\xfe"), Some(Some(&b"2"[..])));
        assert_eq!(event.header("b"), None);
        assert_eq!(event.headers().len(), 3);
        assert_eq!(event.key_str(), None);
    }
}

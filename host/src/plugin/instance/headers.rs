//! Header names in any bytes, for plugins of the event world, whose header names are text. A plugin sees such a name with
//! replacement characters in it; an output that carries what it saw gets the original bytes back.

use crate::plugin::bindings::types::Header;
use wasmill_contract::{HeaderRef, HeadersIter};

/// The headers of an event as the plugin sees them.
pub(super) fn show(headers: HeadersIter<'_>, into: &mut Vec<Header>) {
    into.clear();
    into.extend(headers.map(|(name, value)| Header {
        name: String::from_utf8_lossy(name).into_owned(),
        value: value.map(<[u8]>::to_vec),
    }));
}

/// The headers of an output with the original bytes of their names: where several of the source's names look the same,
/// the first in the output is the first of the source's, and so on.
pub(super) fn restore<'a>(given: &'a [Header], source: &HeadersIter<'a>) -> impl Iterator<Item = HeaderRef<'a>> {
    given.iter().enumerate().map(move |(index, header)| {
        let value = header.value.as_deref();
        if !header.name.contains(char::REPLACEMENT_CHARACTER) {
            return (header.name.as_bytes(), value);
        }
        let before = given[..index].iter().filter(|other| other.name == header.name).count();
        let mut alike =
            source.clone().map(|(name, _)| name).filter(|name| String::from_utf8_lossy(name) == header.name.as_str());
        let name = alike.clone().nth(before).or_else(|| alike.by_ref().last());
        (name.unwrap_or(header.name.as_bytes()), value)
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use wasmill_contract::Batch;

    const SOURCE: &[HeaderRef<'static>] =
        &[(b"a\xff", Some(b"1")), (b"plain", None), (b"a\xfe", Some(b"2")), ("a\u{fffd}".as_bytes(), Some(b"3"))];

    fn source() -> Batch {
        let mut batch = Batch::default();
        batch.push(0, 0, None, None, SOURCE.iter().copied());
        batch
    }

    fn header(name: &str, value: &[u8]) -> Header {
        Header { name: name.into(), value: Some(value.to_vec()) }
    }

    #[test]
    fn headers_that_are_passed_on_come_back_byte_for_byte() {
        let batch = source();
        let mut shown = vec![];
        show(batch.event_headers(0), &mut shown);
        assert_eq!(shown[0].name, "a\u{fffd}");
        let restored: Vec<_> = restore(&shown, &batch.event_headers(0)).collect();
        assert_eq!(restored, SOURCE);
    }

    #[test]
    fn names_of_the_plugins_own_are_left_alone() {
        let batch = source();
        let given = [header("new", b"v"), header("b\u{fffd}", b"v")];
        let restored: Vec<_> = restore(&given, &batch.event_headers(0)).collect();
        assert_eq!(restored, [(&b"new"[..], Some(&b"v"[..])), ("b\u{fffd}".as_bytes(), Some(b"v"))]);
    }

    #[test]
    fn more_of_a_name_than_the_source_has_are_its_last() {
        let batch = source();
        let given: Vec<_> = (0..5).map(|_| header("a\u{fffd}", b"v")).collect();
        let names: Vec<_> = restore(&given, &batch.event_headers(0)).map(|(name, _)| name).collect();
        let last = "a\u{fffd}".as_bytes();
        assert_eq!(names, [&b"a\xff"[..], b"a\xfe", last, last, last]);
    }
}

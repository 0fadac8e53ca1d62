//! Which entries of a store.

use std::ops::{Range, RangeFrom, RangeFull, RangeTo};

/// Which entries [`Context::scan`](crate::Context::scan) shows, in the byte order of their keys: a range (`..`,
/// `"a".."b"`, `"a"..`), or those with a prefix.
///
/// ```
/// use wasmill_plugin::Keys;
///
/// assert_eq!(Keys::prefix("user/"), Keys::from("user/".."user0"));
/// let newest_first = Keys::prefix("user/").reversed();
/// # assert_ne!(newest_first, Keys::prefix("user/"));
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Keys {
    pub(crate) start: Vec<u8>,
    /// Empty: there is none.
    pub(crate) end: Vec<u8>,
    pub(crate) reverse: bool,
    /// No key is in the range.
    pub(crate) none: bool,
}

impl Keys {
    /// Those that begin with `prefix`.
    pub fn prefix(prefix: impl AsRef<[u8]>) -> Self {
        let start = prefix.as_ref().to_vec();
        let mut end = start.clone();
        // The next key that does not: the last byte that can be raised is, and what follows it left out.
        while let Some(last) = end.pop() {
            if last < u8::MAX {
                end.push(last + 1);
                break;
            }
        }
        Keys { start, end, reverse: false, none: false }
    }

    /// The same, from the last to the first.
    pub fn reversed(self) -> Self {
        Keys { reverse: !self.reverse, ..self }
    }
}

impl From<RangeFull> for Keys {
    fn from(_: RangeFull) -> Self {
        Keys { start: vec![], end: vec![], reverse: false, none: false }
    }
}

impl<K: AsRef<[u8]>> From<RangeFrom<K>> for Keys {
    fn from(range: RangeFrom<K>) -> Self {
        Keys { start: range.start.as_ref().into(), ..Keys::from(..) }
    }
}

impl<K: AsRef<[u8]>> From<RangeTo<K>> for Keys {
    fn from(range: RangeTo<K>) -> Self {
        let end = range.end.as_ref();
        Keys { end: end.into(), none: end.is_empty(), ..Keys::from(..) }
    }
}

impl<K: AsRef<[u8]>> From<Range<K>> for Keys {
    fn from(range: Range<K>) -> Self {
        let (start, end) = (range.start.as_ref(), range.end.as_ref());
        Keys { start: start.into(), end: end.into(), reverse: false, none: start >= end }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_prefix_ends_before_the_next_key_that_has_it_not() {
        assert_eq!(Keys::prefix(b"ab"), Keys::from(b"ab".as_slice()..b"ac"));
        assert_eq!(Keys::prefix(b"a\xff\xff"), Keys::from(&b"a\xff\xff"[..]..&b"b"[..]));
        assert_eq!(Keys::prefix(b"\xff"), Keys::from(b"\xff"..));
        assert_eq!(Keys::prefix(""), Keys::from(..));
    }

    #[test]
    fn a_range_whose_end_is_not_after_its_start_has_nothing() {
        assert!(Keys::from("b".."a").none && Keys::from("a".."a").none && Keys::from(.."").none);
        assert!(!Keys::from("a".."b").none && !Keys::from("".."a").none);
    }
}

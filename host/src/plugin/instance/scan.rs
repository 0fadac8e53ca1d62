//! Entries of a store in pages: an answer to a plugin is bounded in bytes, and a state is not asked for more than is taken.

use crate::state::{Range, State, StateError};
use std::cmp::Ordering;

/// Bytes at which an answer ends: it has these, or with its last entry a little more.
pub(super) const ANSWER: usize = 4 << 20;

/// What the columns take for an entry besides its key and value.
pub(super) const ENTRY: usize = 16;

/// Entries that the state is asked for at first, and at once. A page is twice as long as the one before: few of entries
/// that are large are read in vain.
const PAGES: std::ops::RangeInclusive<usize> = 16..=256;

/// What a plugin asked for.
pub(super) struct Request {
    pub(super) store: usize,
    pub(super) start: Vec<u8>,
    pub(super) end: Vec<u8>,
    pub(super) reverse: bool,
    pub(super) limit: u32,
}

/// An entry as the events before this one left it. None: it is deleted.
pub(super) type Own<'a> = (&'a [u8], Option<&'a [u8]>);

/// Gives `add` the entries of the request, with `own` (in the order of the request) laid over the state's, as long as the
/// answer is not full. `is_gone` tells by the time of its last write whether an entry of the state is not to be seen.
pub(super) fn scan(
    state: &mut dyn State,
    request: &Request,
    own: Vec<Own<'_>>,
    is_gone: impl Fn(i64) -> bool,
    add: impl FnMut(&[u8], &[u8], i64),
) -> Result<(), StateError> {
    let Request { store, start, end, reverse, limit } = request;
    let (mut start, mut end) = (start.clone(), end.clone());
    let mut own = own.into_iter().peekable();
    let mut answer = Answer { left: *limit as usize, bytes: 0, add };
    let (mut last, mut most) = (Vec::new(), *PAGES.start());
    while !answer.is_full() {
        let mut found = 0;
        let page = Range { start: &start, end: &end, reverse: *reverse, limit: answer.left.min(most) };
        most = (2 * most).min(*PAGES.end());
        state.scan(*store, page, &mut |key, value, at| {
            found += 1;
            while let Some((own_key, own_value)) = own.next_if(|(own_key, _)| before(own_key, key, *reverse)) {
                answer.add(own_key, own_value, at);
            }
            match own.next_if(|(own_key, _)| *own_key == key) {
                Some((_, own_value)) => answer.add(key, own_value, at),
                None => answer.add(key, (!is_gone(at)).then_some(value), at),
            }
            last.clear();
            last.extend_from_slice(key);
        })?;
        let more = match (found, *reverse) {
            (0, _) => false,
            (_, false) => {
                start.clone_from(&last);
                start.push(0);
                end.is_empty() || start < end
            }
            (_, true) => {
                end.clone_from(&last);
                // An empty end would mean that there is none.
                !end.is_empty()
            }
        };
        if !more {
            own.by_ref().for_each(|(key, value)| answer.add(key, value, 0));
            return Ok(());
        }
    }
    Ok(())
}

fn before(key: &[u8], other: &[u8], reverse: bool) -> bool {
    key.cmp(other) == if reverse { Ordering::Greater } else { Ordering::Less }
}

struct Answer<A> {
    /// Entries that may be added.
    left: usize,
    bytes: usize,
    add: A,
}

impl<A: FnMut(&[u8], &[u8], i64)> Answer<A> {
    fn is_full(&self) -> bool {
        self.left == 0 || self.bytes >= ANSWER
    }

    fn add(&mut self, key: &[u8], value: Option<&[u8]>, at: i64) {
        let Some(value) = value.filter(|_| !self.is_full()) else { return };
        self.left -= 1;
        self.bytes += key.len() + value.len() + ENTRY;
        (self.add)(key, value, at);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::state::{MemoryState, StoreSpec};

    fn state(entries: &[(&str, usize)]) -> MemoryState {
        let spec = StoreSpec { name: "s".into(), ttl_ms: None, version: 0, keyed_by_event: false };
        let mut state = MemoryState::new(&[spec]);
        for (key, bytes) in entries {
            state.put(0, key.as_bytes(), Some(&vec![b'v'; *bytes]), 0).unwrap();
        }
        state
    }

    /// The keys of an answer.
    fn keys(state: &mut MemoryState, range: (&str, &str), reverse: bool, limit: u32, own: &[Own<'_>]) -> Vec<String> {
        let (start, end) = (range.0.into(), range.1.into());
        let request = Request { store: 0, start, end, reverse, limit };
        let mut keys = vec![];
        let add = |key: &[u8], _: &[u8], _| keys.push(String::from_utf8(key.into()).unwrap());
        scan(state, &request, own.to_vec(), |_| false, add).unwrap();
        keys
    }

    #[test]
    fn an_answer_ends_with_the_entry_that_fills_it() {
        let names: Vec<String> = (0..100).map(|number| format!("{number:02}")).collect();
        let entries: Vec<(&str, usize)> = names.iter().map(|name| (name.as_str(), 100_000)).collect();
        let mut state = state(&entries);
        let found = keys(&mut state, ("", ""), false, 1000, &[]);
        assert_eq!(found.len(), ANSWER.div_ceil(100_000 + 2 + ENTRY));
        assert_eq!(found, names[..found.len()]);
        let found = keys(&mut state, ("", ""), true, 3, &[]);
        assert_eq!(found, ["99", "98", "97"]);
    }

    #[test]
    fn pages_join_without_a_gap_in_both_directions() {
        let names: Vec<String> = (0..1000).map(|number| format!("{number:04}")).collect();
        let entries: Vec<(&str, usize)> = names.iter().map(|name| (name.as_str(), 1)).collect();
        let mut state = state(&entries);
        assert_eq!(keys(&mut state, ("", ""), false, u32::MAX, &[]), names);
        assert_eq!(keys(&mut state, ("0100", "0900"), false, u32::MAX, &[]), names[100..900]);
        let backwards: Vec<String> = names.iter().rev().cloned().collect();
        assert_eq!(keys(&mut state, ("", ""), true, u32::MAX, &[]), backwards);
    }

    #[test]
    fn the_own_entries_lie_over_the_states() {
        let mut state = state(&[("a", 1), ("b", 1), ("d", 1)]);
        let own: &[Own<'_>] =
            &[(b"", Some(b"new")), (b"a", None), (b"b", Some(b"x")), (b"c", Some(b"y")), (b"e", None)];
        assert_eq!(keys(&mut state, ("", ""), false, 10, own), ["", "b", "c", "d"]);
        assert_eq!(keys(&mut state, ("", ""), false, 3, own), ["", "b", "c"]);
        let mut backwards = own.to_vec();
        backwards.reverse();
        assert_eq!(keys(&mut state, ("", ""), true, 10, &backwards), ["d", "c", "b", ""]);
    }

    #[test]
    fn an_answer_is_empty_only_if_there_is_nothing() {
        let names: Vec<String> = (0..600).map(|number| format!("{number:03}")).collect();
        let entries: Vec<(&str, usize)> = names.iter().map(|name| (name.as_str(), 1)).collect();
        let mut state = state(&entries);
        let deleted: Vec<Own<'_>> = names[..599].iter().map(|name| (name.as_bytes(), None)).collect();
        assert_eq!(keys(&mut state, ("", ""), false, 1, &deleted), ["599"]);
    }
}

//! What the events of a call have written so far, in the event world: seen by themselves and by those that follow, and
//! part of the answer. An event that fails has written nothing.

use crate::plugin::guest::Answer;
use crate::state::{Clock, Timer};
use std::collections::BTreeMap;
use std::mem::take;
use std::ops::Bound;
use wasmill_contract::{OwnedTimerWrites, OwnedWrites};

/// Writes and timers of a call.
pub(super) struct Pending {
    writes: OwnedWrites,
    /// One entry a write, like the columns of `writes`.
    rows: Vec<Row>,
    /// The last write of each key, by store.
    last: Vec<BTreeMap<Vec<u8>, usize>>,
    timers: OwnedTimerWrites,
    /// Where the effects of the event at hand begin: its writes, its timers.
    begin: (usize, usize),
    source: u32,
    /// Bytes that the event at hand has written.
    bytes: usize,
    /// The earliest timer on event time that was set.
    earliest: i64,
}

/// The last write of a key: the key, the value (None: deleted), and the stream time of the write.
pub(super) type Last<'a> = (&'a [u8], Option<&'a [u8]>, i64);

struct Row {
    /// Where its key begins in the data.
    start: usize,
    /// Stream time of the write.
    at: i64,
    /// The write of the same key before it.
    before: Option<usize>,
}

impl Pending {
    /// Nothing, for so many stores.
    pub(super) fn new(stores: usize) -> Pending {
        Pending {
            writes: OwnedWrites::default(),
            rows: vec![],
            last: vec![BTreeMap::new(); stores],
            timers: OwnedTimerWrites::default(),
            begin: (0, 0),
            source: 0,
            bytes: 0,
            earliest: i64::MAX,
        }
    }

    /// Turns to an event, or a timer: what is added from here on is its effect.
    pub(super) fn begin(&mut self, source: usize) {
        self.source = source as u32;
        self.begin = (self.rows.len(), self.timers.sources.len());
        self.bytes = 0;
    }

    /// Bytes that the event at hand has written.
    pub(super) fn bytes(&self) -> usize {
        self.bytes
    }

    /// Writes, or with None deletes, at a stream time.
    pub(super) fn write(&mut self, store: usize, key: Vec<u8>, value: Option<&[u8]>, at: i64) {
        self.bytes += key.len() + value.map_or(0, <[u8]>::len);
        let start = self.writes.data.len();
        self.writes.push(self.source, store as u32, &key, value);
        let before = self.last[store].insert(key, self.rows.len());
        self.rows.push(Row { start, at, before });
    }

    /// Sets a timer, or with None cancels it.
    pub(super) fn set_timer(&mut self, clock: Clock, key: &[u8], at: Option<i64>) {
        self.bytes += key.len();
        self.timers.push(self.source, clock, key, at);
    }

    /// What was last written under a key, and when; None: nothing. A value that is None was deleted.
    pub(super) fn get(&self, store: usize, key: &[u8]) -> Option<(Option<&[u8]>, i64)> {
        self.last[store].get(key).map(|row| self.value(*row))
    }

    /// What was last written under each key from `start` to before `end` (empty: no end), in order.
    pub(super) fn range(&self, store: usize, start: &[u8], end: &[u8]) -> Vec<Last<'_>> {
        let upper = if end.is_empty() { Bound::Unbounded } else { Bound::Excluded(end) };
        if !end.is_empty() && start >= end {
            return vec![];
        }
        let rows = self.last[store].range::<[u8], _>((Bound::Included(start), upper));
        rows.map(|(key, row)| {
            let (value, at) = self.value(*row);
            (key.as_slice(), value, at)
        })
        .collect()
    }

    fn value(&self, row: usize) -> (Option<&[u8]>, i64) {
        let Row { start, at, .. } = self.rows[row];
        let start = start + self.writes.key_lengths[row] as usize;
        let length = usize::try_from(self.writes.value_lengths[row]).ok();
        (length.map(|length| &self.writes.data[start..start + length]), at)
    }

    /// The event at hand failed.
    pub(super) fn take_back(&mut self) {
        let (writes, timers) = self.begin;
        while self.rows.len() > writes {
            let Some(Row { start, before, .. }) = self.rows.pop() else { break };
            let row = self.rows.len();
            let key = &self.writes.data[start..start + self.writes.key_lengths[row] as usize];
            let last = &mut self.last[self.writes.stores[row] as usize];
            match (last.get_mut(key), before) {
                (Some(row), Some(before)) => *row = before,
                _ => drop(last.remove(key)),
            }
        }
        self.writes.truncate(writes);
        self.timers.truncate(timers);
    }

    /// The event at hand is done, or taken back. Whether a timer on event time that was set in this call is due now: the host must see to
    /// it before the next event.
    pub(super) fn keep_event(&mut self, stream_time: i64) -> bool {
        self.earliest = self.timers.earliest(self.begin.1).map_or(self.earliest, |at| at.min(self.earliest));
        self.earliest <= stream_time
    }

    /// The timer at hand is done, or taken back. Whether it set one that is due already, or changed one of those that follow: the host
    /// must see which are due now.
    pub(super) fn keep_timer(&self, following: &[Timer], now: i64, stream_time: i64) -> bool {
        let following = following.iter().map(|timer| (timer.clock, &*timer.key));
        self.timers.disturbs(self.begin.1, following, now, stream_time)
    }

    /// The call is over: what its events wrote goes into the answer.
    pub(super) fn finish(&mut self, answer: &mut Answer) {
        answer.writes = take(&mut self.writes);
        answer.timers = take(&mut self.timers);
        self.rows.clear();
        self.last.iter_mut().for_each(BTreeMap::clear);
        self.earliest = i64::MAX;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn text(value: Option<(Option<&[u8]>, i64)>) -> Option<(Option<&str>, i64)> {
        value.map(|(value, at)| (value.map(|value| std::str::from_utf8(value).unwrap()), at))
    }

    #[test]
    fn a_failed_event_has_written_nothing() {
        let mut pending = Pending::new(2);
        pending.begin(0);
        pending.write(1, b"a".to_vec(), Some(b"1"), 10);
        pending.set_timer(Clock::WallClock, b"t", Some(5));
        pending.keep_event(10);
        pending.begin(1);
        pending.write(1, b"a".to_vec(), Some(b"22"), 20);
        pending.write(1, b"a".to_vec(), None, 20);
        pending.write(0, b"new".to_vec(), Some(b"x"), 20);
        pending.set_timer(Clock::EventTime, b"later", Some(5));
        assert_eq!(text(pending.get(1, b"a")), Some((None, 20)));
        assert_eq!(pending.bytes(), 13);
        pending.take_back();
        assert_eq!(text(pending.get(1, b"a")), Some((Some("1"), 10)));
        assert_eq!(text(pending.get(0, b"new")), None);
        pending.begin(2);
        pending.write(1, b"b".to_vec(), Some(b"3"), 30);
        assert!(!pending.keep_event(30), "the timer of the failed event is not set");

        let mut answer = Answer::default();
        pending.finish(&mut answer);
        let written: Vec<_> =
            answer.writes.columns().iter().map(|write| (write.source, write.store, write.key, write.value)).collect();
        assert_eq!(written, [(0, 1, &b"a"[..], Some(&b"1"[..])), (2, 1, b"b", Some(b"3"))]);
        let timers: Vec<_> = answer.timers.columns().iter().map(|timer| (timer.source, timer.key, timer.at)).collect();
        assert_eq!(timers, [(0, &b"t"[..], Some(5))]);
        assert_eq!(text(pending.get(1, b"a")), None);
    }

    #[test]
    fn a_range_shows_the_last_write_of_each_key() {
        let mut pending = Pending::new(1);
        for (key, value) in [("a", "1"), ("c", "2"), ("b", "3"), ("c", "4")] {
            pending.write(0, key.into(), Some(value.as_bytes()), 0);
        }
        let range = |start: &str, end: &str| -> String {
            let entries = pending.range(0, start.as_bytes(), end.as_bytes()).into_iter();
            entries.map(|(key, value, _)| String::from_utf8([key, value.unwrap()].concat()).unwrap()).collect()
        };
        assert_eq!(range("", ""), "a1b3c4");
        assert_eq!(range("b", ""), "b3c4");
        assert_eq!(range("a", "c"), "a1b3");
        assert_eq!(range("c", "a"), "");
    }

    #[test]
    fn a_run_ends_when_a_timer_that_was_set_in_it_is_due() {
        let mut pending = Pending::new(0);
        pending.begin(0);
        pending.set_timer(Clock::EventTime, b"a", Some(20));
        pending.set_timer(Clock::WallClock, b"a", Some(1));
        assert!(!pending.keep_event(19));
        pending.begin(1);
        assert!(pending.keep_event(20));
        pending.finish(&mut Answer::default());
        pending.begin(0);
        assert!(!pending.keep_event(30));
    }
}

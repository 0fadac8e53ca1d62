//! A task's state in memory: what tests and tools hold in the place of a durable one.

use crate::timers::{Clock, TimerWrites};
use crate::writes::Writes;
use crate::{StreamTime, is_expired};
use std::collections::BTreeMap;
use std::ops::Bound;

/// Stores and timers of one task.
#[derive(Debug, Default, Clone, PartialEq, Eq)]
pub struct Memory {
    stores: Vec<Entries>,
    timers: BTreeMap<(Clock, Vec<u8>), i64>,
}

#[derive(Debug, Default, Clone, PartialEq, Eq)]
struct Entries {
    ttl_ms: Option<u64>,
    /// Value, and the stream time of its last write.
    by_key: BTreeMap<Vec<u8>, (Vec<u8>, i64)>,
}

/// A timer that is set: when it is due, its clock and its key.
pub type DueTimer = (i64, Clock, Vec<u8>);

impl Memory {
    /// Empty stores with these TTLs in milliseconds, by their index in the wiring.
    pub fn new(ttls: impl IntoIterator<Item = Option<u64>>) -> Self {
        let stores = ttls.into_iter().map(|ttl_ms| Entries { ttl_ms, ..Entries::default() }).collect();
        Memory { stores, timers: BTreeMap::new() }
    }

    /// The value under a key, and the stream time of its last write; expired or not.
    pub fn get(&self, store: usize, key: &[u8]) -> Option<(&[u8], i64)> {
        self.stores[store].by_key.get(key).map(|(value, at)| (value.as_slice(), *at))
    }

    /// Key, value and time of the last write of the entries with `start` <= key < `end` (empty: no end) in the order of
    /// their keys; expired or not.
    pub fn range(
        &self,
        store: usize,
        start: &[u8],
        end: &[u8],
    ) -> impl DoubleEndedIterator<Item = (&[u8], &[u8], i64)> + use<'_> {
        let end = if end.is_empty() { Bound::Unbounded } else { Bound::Excluded(end.max(start)) };
        let entries = self.stores[store].by_key.range::<[u8], _>((Bound::Included(start), end));
        entries.map(|(key, (value, at))| (key.as_slice(), value.as_slice(), *at))
    }

    /// Forgets what is expired at a stream time.
    pub fn advance(&mut self, stream_time: i64) {
        for Entries { ttl_ms, by_key } in self.stores.iter_mut().filter(|entries| entries.ttl_ms.is_some()) {
            by_key.retain(|_, (_, at)| !is_expired(*at, stream_time, *ttl_ms));
        }
    }

    /// Writes at a stream time, or with None deletes.
    pub fn put(&mut self, store: usize, key: &[u8], value: Option<&[u8]>, at: i64) {
        let by_key = &mut self.stores[store].by_key;
        match value {
            Some(value) => drop(by_key.insert(key.into(), (value.into(), at))),
            None => drop(by_key.remove(key)),
        }
    }

    /// Sets the timer of a key on a clock, in the place of the one that was there; None cancels it.
    pub fn set_timer(&mut self, clock: Clock, key: &[u8], at: Option<i64>) {
        match at {
            Some(at) => drop(self.timers.insert((clock, key.into()), at)),
            None => drop(self.timers.remove(&(clock, key.into()))),
        }
    }

    /// Does what the events of a call wrote; `clock` is the stream time before them, `timestamps` are theirs.
    pub fn apply(&mut self, writes: &Writes<'_>, timers: &TimerWrites<'_>, mut clock: StreamTime, timestamps: &[i64]) {
        let mut seen = 0;
        for write in writes.iter() {
            timestamps[seen..=write.source].iter().for_each(|timestamp| clock.see(*timestamp));
            seen = write.source + 1;
            self.put(write.store, write.key, write.value, clock.time);
        }
        for timer in timers.iter() {
            self.set_timer(timer.clock, timer.key, timer.at);
        }
    }

    /// The timers that are set, in the order of their times.
    pub fn timers(&self) -> Vec<DueTimer> {
        let mut timers: Vec<_> = self.timers.iter().map(|((clock, key), at)| (*at, *clock, key.clone())).collect();
        timers.sort();
        timers
    }

    /// Those of them that are due.
    pub fn due(&self, stream_time: i64, wall_clock: i64) -> Vec<DueTimer> {
        let mut timers = self.timers();
        timers.retain(|(at, clock, _)| {
            *at <= match clock {
                Clock::EventTime => stream_time,
                Clock::WallClock => wall_clock,
            }
        });
        timers
    }

    /// When the next timer of a clock is due.
    pub fn next_timer(&self, clock: Clock) -> Option<i64> {
        self.timers.iter().filter(|((of, _), _)| *of == clock).map(|(_, at)| *at).min()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn entries_are_found_in_order_until_they_expire() {
        let mut memory = Memory::new([None, Some(10)]);
        for (key, at) in [("b", 5), ("a", 6), ("c", 7)] {
            memory.put(1, key.as_bytes(), Some(b"v"), at);
        }
        memory.put(1, b"c", None, 8);
        let keys = |memory: &Memory, start: &str, end: &str| -> Vec<String> {
            let range = memory.range(1, start.as_bytes(), end.as_bytes());
            range.map(|(key, ..)| String::from_utf8(key.to_vec()).unwrap()).collect()
        };
        assert_eq!(keys(&memory, "", ""), ["a", "b"]);
        assert_eq!(keys(&memory, "b", ""), ["b"]);
        assert_eq!(keys(&memory, "b", "a"), [""; 0]);
        memory.advance(15);
        assert_eq!(keys(&memory, "", ""), ["a"]);
        assert_eq!((memory.get(1, b"a"), memory.get(0, b"a")), (Some((&b"v"[..], 6)), None));
    }

    #[test]
    fn a_timer_is_there_once_a_clock_and_key() {
        let mut memory = Memory::new([]);
        for (clock, key, at) in [
            (Clock::EventTime, "a", Some(9)),
            (Clock::EventTime, "a", Some(5)),
            (Clock::WallClock, "a", Some(3)),
            (Clock::EventTime, "b", Some(4)),
            (Clock::EventTime, "b", None),
        ] {
            memory.set_timer(clock, key.as_bytes(), at);
        }
        assert_eq!(memory.timers(), [(3, Clock::WallClock, b"a".to_vec()), (5, Clock::EventTime, b"a".to_vec())]);
        assert_eq!(memory.due(5, 2), [(5, Clock::EventTime, b"a".to_vec())]);
        assert_eq!(memory.next_timer(Clock::WallClock), Some(3));
    }
}

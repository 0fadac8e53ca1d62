//! What a call changes in the task's state: entries of stores, and timers.

use crate::NULL;

/// Which clock a timer goes by.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Clock {
    /// The task's stream time.
    EventTime,
    /// The wall clock.
    WallClock,
}

/// State writes in columns, one entry a write.
#[derive(Debug, Default, Clone, Copy)]
pub struct Writes<'a> {
    /// Index of the event that caused it; never decreasing.
    pub sources: &'a [u32],
    /// Index into the wiring's stores.
    pub stores: &'a [u32],
    /// Bytes.
    pub key_lengths: &'a [u32],
    /// Bytes; -1 deletes.
    pub value_lengths: &'a [i32],
    /// key, value, key, value, …
    pub data: &'a [u8],
}

/// One state write, borrowed from the columns.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Write<'a> {
    /// Index of the event that caused it.
    pub source: usize,
    /// Index into the wiring's stores.
    pub store: usize,
    /// The entry's key.
    pub key: &'a [u8],
    /// None deletes.
    pub value: Option<&'a [u8]>,
}

impl<'a> Writes<'a> {
    /// The writes in order. The columns must have been checked; otherwise this may panic.
    pub fn iter(&self) -> impl Iterator<Item = Write<'a>> + use<'a> {
        let Writes { sources, stores, key_lengths, value_lengths, data } = *self;
        let mut end = 0;
        let mut take = move |length: usize| {
            let start = end;
            end += length;
            &data[start..end]
        };
        (0..sources.len()).map(move |index| Write {
            source: sources[index] as usize,
            store: stores[index] as usize,
            key: take(key_lengths[index] as usize),
            value: match value_lengths[index] {
                NULL => None,
                length => Some(take(length as usize)),
            },
        })
    }
}

/// State writes in columns of one's own.
#[derive(Debug, Default, Clone)]
#[allow(missing_docs, reason = "the fields are those of `Writes`")]
pub struct OwnedWrites {
    pub sources: Vec<u32>,
    pub stores: Vec<u32>,
    pub key_lengths: Vec<u32>,
    pub value_lengths: Vec<i32>,
    pub data: Vec<u8>,
}

impl OwnedWrites {
    /// The columns, borrowed.
    pub fn columns(&self) -> Writes<'_> {
        Writes {
            sources: &self.sources,
            stores: &self.stores,
            key_lengths: &self.key_lengths,
            value_lengths: &self.value_lengths,
            data: &self.data,
        }
    }

    /// Adds a write, or with None a deletion.
    pub fn push(&mut self, source: u32, store: u32, key: &[u8], value: Option<&[u8]>) {
        self.data.extend_from_slice(key);
        self.data.extend_from_slice(value.unwrap_or_default());
        self.push_written(source, store, key.len(), value.map(<[u8]>::len));
    }

    /// Adds a write whose key and value (None: a deletion), of these lengths, are at the end of the data already.
    pub fn push_written(&mut self, source: u32, store: u32, key_length: usize, value_length: Option<usize>) {
        self.sources.push(source);
        self.stores.push(store);
        // What is longer than a column can say is over the limits by far: the check will say so, and not by these numbers.
        self.key_lengths.push(u32::try_from(key_length).unwrap_or(u32::MAX));
        self.value_lengths.push(value_length.map_or(NULL, |length| i32::try_from(length).unwrap_or(i32::MAX)));
    }

    /// Forgets all but the first writes.
    pub fn truncate(&mut self, writes: usize) {
        let keys: usize = self.key_lengths.drain(writes..).map(|length| length as usize).sum();
        let values: usize = self.value_lengths.drain(writes..).map(|length| length.max(0) as usize).sum();
        self.data.truncate(self.data.len() - keys - values);
        self.sources.truncate(writes);
        self.stores.truncate(writes);
    }
}

/// Timer changes in columns, one entry a change.
#[derive(Debug, Default, Clone, Copy)]
pub struct TimerWrites<'a> {
    /// Index of the event that caused it; never decreasing.
    pub sources: &'a [u32],
    /// Which clock the timer goes by.
    pub clocks: &'a [Clock],
    /// Milliseconds since the Unix epoch; -1 cancels.
    pub at: &'a [i64],
    /// Bytes.
    pub key_lengths: &'a [u32],
    /// The keys, one after the other.
    pub keys: &'a [u8],
}

/// One timer that is set or cancelled, borrowed from the columns.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct TimerWrite<'a> {
    /// Index of the event that caused it.
    pub source: usize,
    /// Which clock the timer goes by.
    pub clock: Clock,
    /// Milliseconds since the Unix epoch. None cancels.
    pub at: Option<i64>,
    /// The timer's key.
    pub key: &'a [u8],
}

impl<'a> TimerWrites<'a> {
    /// The changes in order. The columns must have been checked; otherwise this may panic.
    pub fn iter(&self) -> impl Iterator<Item = TimerWrite<'a>> + use<'a> {
        let TimerWrites { sources, clocks, at, key_lengths, keys } = *self;
        let mut end = 0;
        (0..sources.len()).map(move |index| {
            let start = end;
            end += key_lengths[index] as usize;
            TimerWrite {
                source: sources[index] as usize,
                clock: clocks[index],
                at: (at[index] >= 0).then_some(at[index]),
                key: &keys[start..end],
            }
        })
    }
}

/// Timer changes in columns of one's own.
#[derive(Debug, Default, Clone)]
#[allow(missing_docs, reason = "the fields are those of `TimerWrites`")]
pub struct OwnedTimerWrites {
    pub sources: Vec<u32>,
    pub clocks: Vec<Clock>,
    pub at: Vec<i64>,
    pub key_lengths: Vec<u32>,
    pub keys: Vec<u8>,
}

impl OwnedTimerWrites {
    /// The columns, borrowed.
    pub fn columns(&self) -> TimerWrites<'_> {
        TimerWrites {
            sources: &self.sources,
            clocks: &self.clocks,
            at: &self.at,
            key_lengths: &self.key_lengths,
            keys: &self.keys,
        }
    }

    /// Adds a timer that is set, or with None one that is cancelled. A time before 1970 counts as 1970.
    pub fn push(&mut self, source: u32, clock: Clock, key: &[u8], at: Option<i64>) {
        self.sources.push(source);
        self.clocks.push(clock);
        self.at.push(at.map_or(NULL as i64, |at| at.max(0)));
        self.key_lengths.push(key.len() as u32);
        self.keys.extend_from_slice(key);
    }

    /// Forgets all but the first changes.
    pub fn truncate(&mut self, changes: usize) {
        let keys: usize = self.key_lengths.drain(changes..).map(|length| length as usize).sum();
        self.keys.truncate(self.keys.len() - keys);
        self.sources.truncate(changes);
        self.clocks.truncate(changes);
        self.at.truncate(changes);
    }

    /// The earliest time for which the changes from the number `first` on set a timer on event time: where a run of events
    /// must end.
    pub fn earliest(&self, first: usize) -> Option<i64> {
        let set = self.clocks[first..].iter().zip(&self.at[first..]);
        set.filter(|(clock, at)| **clock == Clock::EventTime && **at >= 0).map(|(_, at)| *at).min()
    }

    /// Whether the changes from the number `first` on set a timer that is due already, or change one of those that
    /// `follow`: where a run of timers must end.
    pub fn disturbs<'k>(
        &self,
        first: usize,
        follow: impl Iterator<Item = (Clock, &'k [u8])> + Clone,
        now: i64,
        stream_time: i64,
    ) -> bool {
        self.columns().iter().skip(first).any(|change| {
            let time = match change.clock {
                Clock::EventTime => stream_time,
                Clock::WallClock => now,
            };
            change.at.is_some_and(|at| at <= time) || follow.clone().any(|timer| timer == (change.clock, change.key))
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn writes_come_back_as_they_were_packed() {
        let writes = Writes {
            sources: &[0, 2, 2],
            stores: &[1, 0, 1],
            key_lengths: &[1, 0, 2],
            value_lengths: &[2, 0, NULL],
            data: b"kvvll",
        };
        let write = |source, store, key, value| Write { source, store, key, value };
        let expected =
            [write(0, 1, &b"k"[..], Some(&b"vv"[..])), write(2, 0, b"", Some(b"")), write(2, 1, b"ll", None)];
        assert_eq!(writes.iter().collect::<Vec<_>>(), expected);
    }

    #[test]
    fn timers_come_back_as_they_were_packed() {
        let timers = TimerWrites {
            sources: &[0, 1],
            clocks: &[Clock::EventTime, Clock::WallClock],
            at: &[5, NULL as i64],
            key_lengths: &[2, 1],
            keys: b"abc",
        };
        let expected = [
            TimerWrite { source: 0, clock: Clock::EventTime, at: Some(5), key: b"ab" },
            TimerWrite { source: 1, clock: Clock::WallClock, at: None, key: b"c" },
        ];
        assert_eq!(timers.iter().collect::<Vec<_>>(), expected);
    }

    #[test]
    fn what_is_taken_back_leaves_the_columns_as_they_were() {
        let (mut writes, mut timers) = (OwnedWrites::default(), OwnedTimerWrites::default());
        writes.push(0, 1, b"k", Some(b"value"));
        timers.push(0, Clock::WallClock, b"t", Some(-5));
        let before = (format!("{writes:?}"), format!("{timers:?}"));
        writes.push(1, 0, b"key", None);
        writes.push(1, 0, b"key", Some(b"v"));
        timers.push(1, Clock::EventTime, b"timer", None);
        writes.truncate(1);
        timers.truncate(1);
        assert_eq!((format!("{writes:?}"), format!("{timers:?}")), before);
        assert_eq!(timers.columns().iter().next().unwrap().at, Some(0));
    }

    #[test]
    fn a_run_of_events_ends_by_the_timers_on_event_time_that_it_sets() {
        let mut timers = OwnedTimerWrites::default();
        for (clock, at) in [(Clock::EventTime, Some(3)), (Clock::EventTime, Some(9)), (Clock::EventTime, Some(7))] {
            timers.push(0, clock, b"t", at);
        }
        timers.push(0, Clock::WallClock, b"t", Some(1));
        timers.push(0, Clock::EventTime, b"t", None);
        assert_eq!([0, 1, 3].map(|first| timers.earliest(first)), [Some(3), Some(7), None]);
    }

    #[test]
    fn a_run_of_timers_ends_at_one_that_changes_what_is_due() {
        let follow = [(Clock::WallClock, &b"b"[..]), (Clock::WallClock, b"c")];
        let ends = |clock, key: &[u8], at| {
            let mut timers = OwnedTimerWrites::default();
            timers.push(0, clock, key, at);
            timers.disturbs(0, follow.iter().copied(), 100, 50)
        };
        assert!(!ends(Clock::WallClock, b"a", Some(101)));
        assert!(ends(Clock::WallClock, b"a", Some(100)));
        assert!(!ends(Clock::EventTime, b"a", Some(51)));
        assert!(ends(Clock::EventTime, b"a", Some(50)));
        assert!(ends(Clock::WallClock, b"c", None));
        assert!(!ends(Clock::EventTime, b"c", None));
    }
}

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
}

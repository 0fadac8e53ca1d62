//! What a call changes of the task's timers.

use crate::NULL;

/// Which clock a timer goes by.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Clock {
    /// The task's stream time.
    EventTime,
    /// The wall clock.
    WallClock,
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
#[derive(Debug, Default, Clone, PartialEq, Eq)]
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
        let mut timers = OwnedTimerWrites::default();
        timers.push(0, Clock::WallClock, b"t", Some(-5));
        let before = timers.clone();
        timers.push(1, Clock::EventTime, b"timer", None);
        timers.truncate(1);
        assert_eq!(timers, before);
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

//! The timers of a task, in the order of their times.

use super::{Clock, Timer};
use std::collections::{BTreeMap, BTreeSet};

/// There is one timer a clock and key.
type Named = (Clock, Vec<u8>);

/// Timers by clock and key, and by time.
#[derive(Default)]
pub struct Timers {
    by_key: BTreeMap<Named, i64>,
    by_time: BTreeSet<(Clock, i64, Vec<u8>)>,
    /// What each change since the last commit has replaced.
    undo: Vec<(Named, Option<i64>)>,
}

/// A timer's key in its store: its clock, and then its own.
pub fn key(clock: Clock, key: &[u8]) -> Vec<u8> {
    let clock = match clock {
        Clock::EventTime => 0,
        Clock::WallClock => 1,
    };
    [&[clock], key].concat()
}

impl Timers {
    /// Takes in a timer as it was kept. False: it is none.
    pub fn load(&mut self, kept: &[u8], value: &[u8]) -> bool {
        let (Some((clock, key)), Ok(at)) = (kept.split_first(), value.try_into()) else { return false };
        let clock = match clock {
            0 => Clock::EventTime,
            1 => Clock::WallClock,
            _ => return false,
        };
        self.replace((clock, key.to_vec()), Some(i64::from_be_bytes(at)));
        true
    }

    /// Sets or cancels.
    pub fn set(&mut self, clock: Clock, key: &[u8], at: Option<i64>) {
        let timer = (clock, key.to_vec());
        let before = self.replace(timer.clone(), at);
        self.undo.push((timer, before));
    }

    fn replace(&mut self, timer: Named, at: Option<i64>) -> Option<i64> {
        let before = match at {
            Some(at) => self.by_key.insert(timer.clone(), at),
            None => self.by_key.remove(&timer),
        };
        let (clock, key) = timer;
        if let Some(before) = before {
            self.by_time.remove(&(clock, before, key.clone()));
        }
        if let Some(at) = at {
            self.by_time.insert((clock, at, key));
        }
        before
    }

    /// What was changed holds.
    pub fn commit(&mut self) {
        self.undo.clear();
    }

    /// What was changed is taken back.
    pub fn abort(&mut self) {
        for (timer, before) in std::mem::take(&mut self.undo).into_iter().rev() {
            self.replace(timer, before);
        }
    }

    /// The next one of a clock.
    pub fn next(&self, clock: Clock) -> Option<i64> {
        let first = self.by_time.range((clock, i64::MIN, Vec::new())..).next();
        first.filter(|(of, ..)| *of == clock).map(|(_, at, _)| *at)
    }

    /// Those that are due, by time.
    pub fn due(&self, stream_time: i64, wall_clock: i64, most: usize) -> Vec<Timer> {
        let of = |clock, now: i64| {
            let timers = self.by_time.range((clock, i64::MIN, Vec::new())..);
            timers.take_while(move |(of, at, _)| *of == clock && *at <= now).take(most)
        };
        let due = of(Clock::EventTime, stream_time).chain(of(Clock::WallClock, wall_clock));
        let mut due: Vec<Timer> =
            due.map(|(clock, at, key)| Timer { clock: *clock, at: *at, key: key.clone() }).collect();
        due.sort_by(|one, other| (one.at, one.clock, &one.key).cmp(&(other.at, other.clock, &other.key)));
        due.truncate(most);
        due
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use Clock::{EventTime, WallClock};

    fn timer(clock: Clock, at: i64, key: &str) -> Timer {
        Timer { clock, at, key: key.into() }
    }

    #[test]
    fn they_are_due_by_their_own_clock_in_the_order_of_their_times() {
        let mut timers = Timers::default();
        timers.set(EventTime, b"a", Some(5));
        timers.set(EventTime, b"b", Some(3));
        timers.set(WallClock, b"a", Some(4));
        assert_eq!(timers.due(5, 3, 10), [timer(EventTime, 3, "b"), timer(EventTime, 5, "a")]);
        assert_eq!(timers.due(4, 4, 10), [timer(EventTime, 3, "b"), timer(WallClock, 4, "a")]);
        assert_eq!(timers.due(9, 9, 1), [timer(EventTime, 3, "b")]);
        assert_eq!((timers.next(EventTime), timers.next(WallClock)), (Some(3), Some(4)));
    }

    #[test]
    fn a_second_time_replaces_the_first_and_an_abort_brings_it_back() {
        let mut timers = Timers::default();
        timers.set(EventTime, b"a", Some(5));
        timers.commit();
        timers.set(EventTime, b"a", Some(9));
        timers.set(EventTime, b"a", None);
        timers.set(EventTime, b"b", Some(1));
        assert_eq!(timers.due(100, 0, 10), [timer(EventTime, 1, "b")]);
        timers.abort();
        assert_eq!(timers.due(100, 0, 10), [timer(EventTime, 5, "a")]);
    }

    #[test]
    fn what_was_kept_is_loaded_and_what_is_no_timer_is_not() {
        let mut timers = Timers::default();
        assert!(timers.load(&key(WallClock, b"k"), &7i64.to_be_bytes()));
        assert!(!timers.load(b"", &7i64.to_be_bytes()) && !timers.load(&key(EventTime, b"k"), b"7"));
        assert_eq!(timers.due(0, 7, 10), [timer(WallClock, 7, "k")]);
        timers.abort();
        assert_eq!(timers.next(WallClock), Some(7));
    }
}

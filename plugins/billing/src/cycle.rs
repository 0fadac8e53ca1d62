//! A billing cycle under way, which a timer's key holds: whatever stops in between, the cycle goes on where it was.

use wasmill_plugin::{Clock, Keys, Timer};

/// Bills this interval's, or all.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Cycle<'a> {
    /// What tells it from others on its clock: the interval, which may be empty, or when it is due.
    name: &'a str,
    /// Empty: all.
    interval: &'a str,
    /// Entries of `unbilled` up to this key are done.
    done: &'a str,
}

/// The key of an entry of `unbilled`: an interval's are together, in the order of their ids.
pub(crate) fn unbilled_key(interval: &str, id: &str) -> String {
    format!("{interval}/{id}")
}

/// The key of the timer that begins a cycle of an interval, or, if that is empty, of all.
pub(crate) fn of_interval(interval: &str) -> String {
    match interval {
        "" => "/".into(),
        interval => format!("{interval}/{interval}/"),
    }
}

/// The key of the timer that begins a cycle of all at a time of the wall clock. Each time has its own: the timer of one that
/// is due already must not be set anew to a later time by the next approval.
pub(crate) fn of_time(at: i64) -> String {
    format!("{at}/")
}

/// The first multiple of `every` after `now`.
pub(crate) fn next_time(now: i64, every: i64) -> i64 {
    (now.div_euclid(every) + 1).saturating_mul(every)
}

impl<'a> Cycle<'a> {
    /// The one that a timer stands for.
    pub(crate) fn of(timer: &Timer<'a>) -> Option<Self> {
        let (name, done) = timer.key_str()?.split_once('/')?;
        let interval = match timer.clock() {
            Clock::EventTime => name,
            Clock::WallClock => "",
        };
        Some(Cycle { name, interval, done })
    }

    /// The entries of `unbilled` that are still to be billed.
    pub(crate) fn rest(&self) -> Keys {
        let from = format!("{}\0", self.done);
        match self.interval {
            "" => Keys::from(from..),
            // What follows all keys that begin with the interval and a slash.
            interval => Keys::from(from..format!("{interval}0")),
        }
    }

    /// The key of the timer with which it goes on, when it is done up to this key of `unbilled`.
    pub(crate) fn after(&self, done: &[u8]) -> Vec<u8> {
        [self.name.as_bytes(), b"/", done].concat()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_multiples_that_lie_ahead() {
        assert_eq!(next_time(0, 10), 10);
        assert_eq!(next_time(9, 10), 10);
        assert_eq!(next_time(10, 10), 20);
        assert_eq!(next_time(1_700_000_000_000, 86_400_000), 1_700_006_400_000);
    }
}

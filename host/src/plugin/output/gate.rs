//! How many lines a second a plugin may write into the host's log.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, OnceLock, PoisonError};
use std::time::{Duration, Instant};

const WINDOW: Duration = Duration::from_secs(1);

/// Counts the lines of all instances of a module, in windows of a second.
pub(crate) struct Gate {
    limit: u32,
    window: Mutex<Window>,
    /// Dropped and not yet told; read before each call, so it is outside of the lock.
    untold: AtomicU64,
    on_drop: OnceLock<Box<dyn Fn(u64) + Send + Sync>>,
}

struct Window {
    start: Option<Instant>,
    lines: u32,
}

/// Whether a line may go out.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Admitted {
    /// It may, after so many were dropped that nobody has been told of.
    Yes {
        /// To be told now.
        dropped_before: u64,
    },
    /// It is dropped, and counted.
    No,
}

impl Gate {
    pub(crate) fn new(limit: u32) -> Gate {
        Gate {
            limit,
            window: Mutex::new(Window { start: None, lines: 0 }),
            untold: AtomicU64::new(0),
            on_drop: OnceLock::new(),
        }
    }

    /// Calls `count` with each number of lines dropped from now on; only the first one given is kept.
    pub(crate) fn count_dropped(&self, count: Box<dyn Fn(u64) + Send + Sync>) {
        // A second one would count the same lines twice.
        let _ = self.on_drop.set(count);
    }

    pub(super) fn admit(&self, now: Instant) -> Admitted {
        let mut window = self.window.lock().unwrap_or_else(PoisonError::into_inner);
        window.roll(now);
        if window.lines < self.limit {
            window.lines += 1;
            return Admitted::Yes { dropped_before: self.untold.swap(0, Ordering::Relaxed) };
        }
        drop(window);
        self.untold.fetch_add(1, Ordering::Relaxed);
        if let Some(count) = self.on_drop.get() {
            count(1);
        }
        Admitted::No
    }

    /// How many lines were dropped in a window that is over, if nobody has been told yet.
    pub(super) fn overdue(&self, now: Instant) -> Option<u64> {
        if self.untold.load(Ordering::Relaxed) == 0 {
            return None;
        }
        let over = self.window.lock().unwrap_or_else(PoisonError::into_inner).roll(now);
        over.then(|| self.untold.swap(0, Ordering::Relaxed)).filter(|dropped| *dropped > 0)
    }
}

impl Window {
    /// Begins a new window if this one is over, and says so.
    fn roll(&mut self, now: Instant) -> bool {
        let over = self.start.is_none_or(|start| now.saturating_duration_since(start) >= WINDOW);
        if over {
            *self = Window { start: Some(now), lines: 0 };
        }
        over
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::Arc;

    const OPEN: Admitted = Admitted::Yes { dropped_before: 0 };

    #[test]
    fn lines_over_the_limit_are_dropped_and_told_in_the_next_second() {
        let gate = Gate::new(2);
        let counted = Arc::new(AtomicU64::new(0));
        let count = counted.clone();
        gate.count_dropped(Box::new(move |lines| {
            count.fetch_add(lines, Ordering::Relaxed);
        }));
        let start = Instant::now();
        assert_eq!([gate.admit(start), gate.admit(start)], [OPEN, OPEN]);
        for _ in 0..3 {
            assert_eq!(gate.admit(start + Duration::from_millis(999)), Admitted::No);
        }
        assert_eq!(counted.load(Ordering::Relaxed), 3);
        assert_eq!(gate.admit(start + WINDOW), Admitted::Yes { dropped_before: 3 });
        assert_eq!(gate.admit(start + WINDOW), OPEN);
    }

    #[test]
    fn a_plugin_that_fell_silent_is_told_of_once() {
        let gate = Gate::new(1);
        let start = Instant::now();
        assert_eq!(gate.overdue(start), None);
        assert_eq!([gate.admit(start), gate.admit(start)], [OPEN, Admitted::No]);
        assert_eq!(gate.overdue(start), None);
        assert_eq!(gate.overdue(start + WINDOW), Some(1));
        assert_eq!(gate.overdue(start + WINDOW * 2), None);
    }
}

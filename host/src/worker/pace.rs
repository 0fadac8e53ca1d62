//! How many events a call gets.

use std::time::Duration;

/// A call should take about so long: long enough to make its fixed cost vanish, short enough for a commit, a reload or a
/// rebalance never to wait for it.
const TARGET: Duration = Duration::from_millis(5);

/// Adapts the number of events a call to what an event takes.
#[derive(Debug)]
pub struct Pace {
    nanoseconds_per_event: f64,
    max: usize,
}

impl Pace {
    /// Begins with `max` events a call and never goes above.
    pub fn new(max: usize) -> Self {
        Pace { nanoseconds_per_event: 0.0, max }
    }

    /// How many events the next call should get, at least one.
    pub fn events(&self) -> usize {
        if self.nanoseconds_per_event <= 0.0 {
            return self.max;
        }
        ((TARGET.as_nanos() as f64 / self.nanoseconds_per_event) as usize).clamp(1, self.max)
    }

    /// Takes a call's time in. A slow call counts at once, quick ones bring the pace back bit by bit.
    pub fn took(&mut self, events: usize, time: Duration) {
        if events == 0 {
            return;
        }
        let now = time.as_nanos() as f64 / events as f64;
        let weight = if now > self.nanoseconds_per_event { 0.5 } else { 0.1 };
        self.nanoseconds_per_event += (now - self.nanoseconds_per_event) * weight;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn slow_events_shrink_a_call_and_quick_ones_let_it_grow_again() {
        let mut pace = Pace::new(500);
        assert_eq!(pace.events(), 500);
        for _ in 0..20 {
            pace.took(pace.events(), Duration::from_millis(1) * pace.events() as u32);
        }
        assert!((4..=6).contains(&pace.events()), "{}", pace.events());
        for _ in 0..200 {
            pace.took(pace.events(), Duration::from_micros(1) * pace.events() as u32);
        }
        assert_eq!(pace.events(), 500);
    }

    #[test]
    fn an_event_that_takes_longer_than_a_call_should_is_given_alone() {
        let mut pace = Pace::new(500);
        pace.took(1, Duration::from_secs(1));
        assert_eq!(pace.events(), 1);
    }
}

//! How long something took, in buckets: without a lock, which prometheus-client's own takes for each observation.

use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::time::Duration;

/// Upper bounds in seconds: from what a swap takes to what a broker in trouble takes.
const BOUNDS: [f64; 15] =
    [0.0001, 0.0005, 0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, f64::INFINITY];

#[derive(Debug, Default)]
pub(super) struct Histogram {
    buckets: [AtomicU64; BOUNDS.len()],
    nanoseconds: AtomicU64,
}

impl Histogram {
    pub(super) fn observe(&self, took: Duration) {
        let seconds = took.as_secs_f64();
        let bucket = BOUNDS.partition_point(|bound| *bound < seconds);
        self.buckets[bucket].fetch_add(1, Relaxed);
        self.nanoseconds.fetch_add(took.as_nanos() as u64, Relaxed);
    }

    /// Upper bound and count of each bucket. Their sum is the number of observations, so that the two always agree.
    pub(super) fn buckets(&self) -> [(f64, u64); BOUNDS.len()] {
        std::array::from_fn(|bucket| (BOUNDS[bucket], self.buckets[bucket].load(Relaxed)))
    }

    /// All observations together, in seconds.
    pub(super) fn sum(&self) -> f64 {
        Duration::from_nanos(self.nanoseconds.load(Relaxed)).as_secs_f64()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_observation_is_in_the_first_bucket_that_holds_it() {
        let histogram = Histogram::default();
        for milliseconds in [0, 10, 11, 3_600_000] {
            histogram.observe(Duration::from_millis(milliseconds));
        }
        let filled: Vec<_> = histogram.buckets().into_iter().filter(|(_, count)| *count > 0).collect();
        assert_eq!(filled, [(0.0001, 1), (0.01, 1), (0.02, 1), (f64::INFINITY, 1)]);
        assert_eq!(histogram.sum(), 3600.021);
    }
}

//! Stream time, and what is gone by it.

/// Stream time of a task as its events move it: the greatest timestamp seen. Host and plugin go by the same rule, each on
/// its own side, so that what they think of an entry's age never differs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct StreamTime {
    /// Milliseconds since the Unix epoch.
    pub time: i64,
    /// Timestamps later than this move nothing: one wrong clock would close every window.
    pub latest: i64,
}

impl StreamTime {
    /// An event was seen.
    #[inline]
    pub fn see(&mut self, timestamp: i64) {
        if timestamp <= self.latest {
            self.time = self.time.max(timestamp);
        }
    }
}

/// Whether an entry whose last write was at the stream time `written` is gone at `stream_time`; milliseconds. Without a
/// TTL nothing ever is.
#[inline]
pub fn is_expired(written: i64, stream_time: i64, ttl_ms: Option<u64>) -> bool {
    ttl_ms.is_some_and(|ttl| written.saturating_add_unsigned(ttl) <= stream_time)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_greatest_timestamp_counts_unless_it_is_from_the_future() {
        let mut time = StreamTime { time: -1, latest: 100 };
        let times: Vec<i64> = [5, 3, 100, 101, 7]
            .into_iter()
            .map(|timestamp| {
                time.see(timestamp);
                time.time
            })
            .collect();
        assert_eq!(times, [5, 5, 100, 100, 100]);
    }

    #[test]
    fn an_entry_is_gone_when_its_time_to_live_has_passed() {
        assert!(!is_expired(10, 14, Some(5)));
        assert!(is_expired(10, 15, Some(5)));
        assert!(!is_expired(10, i64::MAX, None));
        // A task that has seen no time yet forgets nothing.
        assert!(!is_expired(i64::MIN, i64::MIN, Some(5)));
    }
}

//! When windows begin, end and close.

use std::time::Duration;

/// Windows of a key that may be open at once: they are one entry of a store.
const MOST_OPEN: i64 = 1_000;

/// How windows were declared; times in milliseconds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Spec {
    pub(crate) shape: Shape,
    pub(crate) grace: i64,
    /// Results come with each event instead of at the end.
    pub(crate) running: bool,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Shape {
    /// A window of `size` begins every `every`.
    Fixed { size: i64, every: i64 },
    /// A window ends when no event came for `gap`.
    Session { gap: i64 },
}

impl Spec {
    pub(crate) fn new(shape: Shape) -> Self {
        Spec { shape, grace: 0, running: false }
    }

    /// How long after its first event a window that gets no other is surely closed.
    pub(crate) fn lifetime(&self) -> i64 {
        let size = match self.shape {
            Shape::Fixed { size, .. } => size,
            Shape::Session { gap } => gap,
        };
        size.saturating_add(self.grace)
    }

    /// Whether a window with this end is closed.
    pub(crate) fn is_closed(&self, end: i64, stream_time: i64) -> bool {
        self.closes(end) <= stream_time
    }

    /// The stream time at which a window with this end is closed.
    pub(crate) fn closes(&self, end: i64) -> i64 {
        end.saturating_add(self.grace)
    }

    /// What makes no sense about it.
    pub(crate) fn problem(&self) -> Option<String> {
        match self.shape {
            Shape::Session { gap: 0 } => Some("have a gap of less than a millisecond".into()),
            Shape::Fixed { size: 0, .. } | Shape::Fixed { every: 0, .. } => {
                Some("have a size, or begin in intervals, of less than a millisecond".into())
            }
            Shape::Fixed { size, every } if every > size => {
                Some("leave out events: they begin further apart than they are long".into())
            }
            Shape::Fixed { every, .. } if self.lifetime() / every > MOST_OPEN => Some(format!(
                "would have up to {} of a key open at once, with their grace; {MOST_OPEN} are the most",
                self.lifetime() / every
            )),
            _ => None,
        }
    }
}

/// The windows of a size, beginning at multiples of `every`, that a time is in: their beginnings, in order.
pub(crate) fn starts(time: i64, size: i64, every: i64) -> impl Iterator<Item = i64> {
    let last = time.saturating_sub(time.rem_euclid(every));
    let count = (size - 1 - (time - last)) / every + 1;
    (0..count).rev().map(move |back| last.saturating_sub(back.saturating_mul(every)))
}

pub(crate) fn milliseconds(duration: Duration) -> i64 {
    i64::try_from(duration.as_millis()).unwrap_or(i64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_time_is_in_the_windows_that_begin_up_to_their_size_before() {
        let starts = |time, size, every| super::starts(time, size, every).collect::<Vec<_>>();
        assert_eq!(starts(0, 10, 10), [0]);
        assert_eq!(starts(9, 10, 10), [0]);
        assert_eq!(starts(10, 10, 10), [10]);
        assert_eq!(starts(-1, 10, 10), [-10]);
        assert_eq!(starts(12, 10, 5), [5, 10]);
        assert_eq!(starts(12, 10, 4), [4, 8, 12]);
        assert_eq!(starts(14, 10, 4), [8, 12]);
        for (size, every) in [(10, 1), (10, 3), (10, 7), (10, 10)] {
            for time in -30..30 {
                let expected: Vec<i64> =
                    (-60..60).map(|n| n * every).filter(|start| (*start..start + size).contains(&time)).collect();
                assert_eq!(starts(time, size, every), expected, "{time} in {size} every {every}");
            }
        }
    }

    #[test]
    fn windows_that_make_no_sense_are_refused() {
        let problem = |shape, grace| Spec { grace, ..Spec::new(shape) }.problem().unwrap_or_default();
        assert_eq!(problem(Shape::Fixed { size: 10, every: 10 }, 100), "");
        assert_eq!(problem(Shape::Session { gap: 1 }, i64::MAX), "");
        assert!(problem(Shape::Session { gap: 0 }, 0).contains("less than a millisecond"));
        assert!(problem(Shape::Fixed { size: 10, every: 0 }, 0).contains("less than a millisecond"));
        assert!(problem(Shape::Fixed { size: 10, every: 11 }, 0).contains("leave out events"));
        assert!(problem(Shape::Fixed { size: 10, every: 1 }, 9_991).contains("up to 10001 of a key"));
    }
}

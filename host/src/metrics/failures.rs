//! Failures by kind and code. The codes are a plugin's own words, so their number has a bound: each is a time series
//! that Prometheus keeps, and a plugin that puts an order number into its code must not fill its disk.

use std::sync::OnceLock;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};

/// The kinds of failures.
pub const KINDS: [&str; 9] = ["reject", "retry", "stop", "trap", "deadline", "memory", "contract", "limit", "output"];

/// So many pairs of kind and code a plugin are told apart; what comes later counts as `other`.
pub const MOST_CODES: usize = 64;

/// A longer code is a message that got into the wrong field.
const LONGEST_CODE: usize = 64;

/// The code of failures whose own is not told apart.
const OTHER: &str = "other";

/// Counters that come into being as codes are seen. Slots fill in order and stay: a look-up reads, and never locks.
#[derive(Debug)]
pub(super) struct Failures {
    slots: [OnceLock<Slot>; MOST_CODES],
    others: [AtomicU64; KINDS.len()],
}

#[derive(Debug)]
struct Slot {
    kind: &'static str,
    code: Box<str>,
    count: AtomicU64,
}

impl Failures {
    pub(super) fn new() -> Self {
        Failures { slots: std::array::from_fn(|_| OnceLock::new()), others: std::array::from_fn(|_| AtomicU64::new(0)) }
    }

    pub(super) fn add(&self, kind: &'static str, code: &str) {
        debug_assert!(KINDS.contains(&kind), "{kind} is no kind of failure");
        if let Some(slot) = self.slot(kind, code) {
            slot.count.fetch_add(1, Relaxed);
        } else if let Some(index) = KINDS.iter().position(|known| *known == kind) {
            self.others[index].fetch_add(1, Relaxed);
        }
    }

    pub(super) fn total(&self) -> u64 {
        self.counts().map(|(_, _, count)| count).sum()
    }

    /// Kind, code, count: of each pair that was seen.
    pub(super) fn counts(&self) -> impl Iterator<Item = (&'static str, &str, u64)> {
        let named =
            self.slots.iter().map_while(OnceLock::get).map(|slot| (slot.kind, &*slot.code, slot.count.load(Relaxed)));
        let others = KINDS.iter().zip(&self.others).map(|(kind, count)| (*kind, OTHER, count.load(Relaxed)));
        named.chain(others.filter(|(_, _, count)| *count > 0))
    }

    fn slot(&self, kind: &'static str, code: &str) -> Option<&Slot> {
        // A plugin may well say `other` itself: with a slot of its own the series would be there twice.
        if code.is_empty() || code.len() > LONGEST_CODE || code == OTHER {
            return None;
        }
        let new = || Slot { kind, code: code.into(), count: AtomicU64::new(0) };
        self.slots.iter().map(|slot| slot.get_or_init(new)).find(|slot| slot.kind == kind && *slot.code == *code)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn counts(failures: &Failures) -> Vec<(&str, &str, u64)> {
        failures.counts().collect()
    }

    #[test]
    fn each_pair_of_kind_and_code_has_its_count() {
        let failures = Failures::new();
        for (kind, code) in [("reject", "bad-json"), ("retry", "busy"), ("reject", "bad-json"), ("reject", "busy")] {
            failures.add(kind, code);
        }
        assert_eq!(counts(&failures), [("reject", "bad-json", 2), ("retry", "busy", 1), ("reject", "busy", 1)]);
        assert_eq!(failures.total(), 4);
    }

    #[test]
    fn codes_beyond_the_bound_count_as_other_of_their_kind() {
        let failures = Failures::new();
        for number in 0..MOST_CODES + 10 {
            failures.add("reject", &format!("order-{number}"));
        }
        failures.add("trap", "trap");
        failures.add("reject", "order-3");

        let counts = counts(&failures);
        assert_eq!(counts.len(), MOST_CODES + 2);
        assert_eq!(counts[3], ("reject", "order-3", 2));
        assert_eq!(counts[MOST_CODES..], [("reject", "other", 10), ("trap", "other", 1)]);
        assert_eq!(failures.total(), MOST_CODES as u64 + 12);
    }

    #[test]
    fn a_code_that_is_none_counts_as_other() {
        let failures = Failures::new();
        failures.add("reject", "");
        failures.add("reject", &"x".repeat(LONGEST_CODE + 1));
        failures.add("reject", "other");
        assert_eq!(counts(&failures), [("reject", "other", 3)]);
    }

    #[test]
    fn threads_that_meet_at_a_new_code_share_its_slot() {
        let failures = Failures::new();
        std::thread::scope(|scope| {
            for _ in 0..4 {
                scope.spawn(|| {
                    for number in 0..1000 {
                        failures.add("reject", ["a", "b", "c"][number % 3]);
                    }
                });
            }
        });
        let mut counts = counts(&failures);
        counts.sort_unstable();
        assert_eq!(counts, [("reject", "a", 1336), ("reject", "b", 1332), ("reject", "c", 1332)]);
    }
}

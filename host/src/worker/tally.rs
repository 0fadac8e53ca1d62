//! What was dealt with since the last commit, until it counts: what is taken back comes again, and would be counted twice.

use crate::metrics::PluginMetrics;

/// Of one lane.
#[derive(Debug, Default, PartialEq)]
pub struct Tally {
    /// Events that were dealt with, one way or another.
    pub events: u64,
    /// Bytes of their keys and values.
    pub event_bytes: u64,
    /// Timers that fired.
    pub timers: u64,
    /// Of the events, those whose dead letter was queued.
    pub dead_letters: u64,
    /// Of the events, those that were left out.
    pub skipped: u64,
}

impl Tally {
    /// It is committed.
    pub fn count(&mut self, metrics: &PluginMetrics) {
        let Tally { events, event_bytes, timers, dead_letters, skipped } = std::mem::take(self);
        metrics.events(events, event_bytes);
        metrics.timers(timers);
        metrics.dead_letters(dead_letters);
        metrics.skipped(skipped);
    }

    /// It was taken back.
    pub fn forget(&mut self) {
        *self = Tally::default();
    }
}

//! What a call did, as owned columns that grow event by event.

use crate::Failure;
use wasmill_contract::{Headers, NULL, OwnedTimerWrites, OwnedWrites};

/// The columns of `effects` in the contract. The optional ones stay empty until an output needs them, and are then filled
/// up for the outputs before it. State writes come in at the end of a call.
#[derive(Debug, Default)]
pub(crate) struct Answer {
    pub(crate) done: u32,
    pub(crate) sources: Vec<u32>,
    pub(crate) sinks: Vec<u32>,
    pub(crate) partitions: Vec<i32>,
    pub(crate) timestamps: Vec<i64>,
    pub(crate) key_lengths: Vec<i32>,
    pub(crate) value_lengths: Vec<i32>,
    pub(crate) data: Vec<u8>,
    pub(crate) headers: Headers,
    pub(crate) writes: OwnedWrites,
    pub(crate) timers: OwnedTimerWrites,
    pub(crate) failures: Vec<(u32, Failure)>,
}

/// How far the columns had grown.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Mark {
    outputs: usize,
    pub(crate) data: usize,
    pub(crate) headers: usize,
    pub(crate) header_data: usize,
    pub(crate) timers: usize,
}

/// What the columns of the call before needed, so that those of the next are allocated once.
#[derive(Debug, Default, Clone, Copy)]
pub(crate) struct Size {
    outputs: usize,
    data: usize,
}

/// What an output holds beside the bytes that are already in `data` and in the header columns.
pub(crate) struct Row {
    pub(crate) source: u32,
    pub(crate) sink: u32,
    pub(crate) partition: i32,
    pub(crate) timestamp: Option<i64>,
    pub(crate) key_length: i32,
    pub(crate) value_length: i32,
    pub(crate) header_count: i32,
}

impl Answer {
    pub(crate) fn with_room(size: Size) -> Self {
        Answer {
            sources: Vec::with_capacity(size.outputs),
            sinks: Vec::with_capacity(size.outputs),
            key_lengths: Vec::with_capacity(size.outputs),
            value_lengths: Vec::with_capacity(size.outputs),
            data: Vec::with_capacity(size.data),
            ..Answer::default()
        }
    }

    pub(crate) fn size(&self) -> Size {
        Size { outputs: self.sources.len(), data: self.data.len() }
    }

    pub(crate) fn mark(&self) -> Mark {
        Mark {
            outputs: self.sources.len(),
            data: self.data.len(),
            headers: self.headers.name_lengths.len(),
            header_data: self.headers.data.len(),
            timers: self.timers.sources.len(),
        }
    }

    /// Forgets what was added after the mark.
    pub(crate) fn truncate(&mut self, mark: Mark) {
        self.sources.truncate(mark.outputs);
        self.sinks.truncate(mark.outputs);
        self.partitions.truncate(mark.outputs);
        self.timestamps.truncate(mark.outputs);
        self.key_lengths.truncate(mark.outputs);
        self.value_lengths.truncate(mark.outputs);
        self.data.truncate(mark.data);
        self.headers.counts.truncate(mark.outputs);
        self.headers.name_lengths.truncate(mark.headers);
        self.headers.value_lengths.truncate(mark.headers);
        self.headers.data.truncate(mark.header_data);
        if self.timers.sources.len() > mark.timers {
            self.timers.truncate(mark.timers);
        }
    }

    /// Adds an output. `source_timestamps` are those of the run's events.
    #[inline]
    pub(crate) fn push(&mut self, row: Row, source_timestamps: &[i64]) {
        if row.partition != NULL || !self.partitions.is_empty() {
            self.partitions.resize(self.sources.len(), NULL);
            self.partitions.push(row.partition);
        }
        if row.timestamp.is_some() || !self.timestamps.is_empty() {
            self.push_timestamp(&row, source_timestamps);
        }
        if row.header_count != 0 || !self.headers.counts.is_empty() {
            self.headers.counts.resize(self.sources.len(), 0);
            self.headers.counts.push(row.header_count);
        }
        self.sources.push(row.source);
        self.sinks.push(row.sink);
        self.key_lengths.push(row.key_length);
        self.value_lengths.push(row.value_length);
    }

    fn push_timestamp(&mut self, row: &Row, source_timestamps: &[i64]) {
        let missing = &self.sources[self.timestamps.len()..];
        self.timestamps.extend(missing.iter().map(|source| source_timestamps[*source as usize]));
        self.timestamps.push(row.timestamp.unwrap_or(source_timestamps[row.source as usize]));
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use wasmill_contract::SAME;

    const PLAIN: Row = Row {
        source: 0,
        sink: 0,
        partition: NULL,
        timestamp: None,
        key_length: SAME,
        value_length: SAME,
        header_count: 0,
    };

    #[test]
    fn optional_columns_stay_empty_until_they_are_needed() {
        let mut answer = Answer::default();
        answer.push(PLAIN, &[7, 8]);
        assert!(answer.partitions.is_empty() && answer.timestamps.is_empty() && answer.headers.counts.is_empty());
        answer.push(Row { source: 1, partition: 4, timestamp: Some(9), header_count: SAME, ..PLAIN }, &[7, 8]);
        answer.push(Row { source: 1, ..PLAIN }, &[7, 8]);
        assert_eq!(answer.partitions, [NULL, 4, NULL]);
        assert_eq!(answer.timestamps, [7, 9, 8]);
        assert_eq!(answer.headers.counts, [0, SAME, 0]);
    }

    #[test]
    fn after_a_truncation_the_columns_still_fit() {
        let mut answer = Answer::default();
        let mark = answer.mark();
        answer.push(Row { partition: 1, timestamp: Some(1), header_count: SAME, ..PLAIN }, &[5]);
        answer.truncate(mark);
        answer.push(PLAIN, &[5]);
        assert!(answer.partitions.is_empty() && answer.timestamps.is_empty() && answer.headers.counts.is_empty());
        assert_eq!(answer.sources, [0]);
    }
}

//! A run of events of one input partition, as flat columns.

use crate::headers::{HeaderRef, Headers, HeadersIter};
use crate::{NULL, StreamTime};
use std::ops::Range;

/// One event, borrowed from the columns it stands in.
#[derive(Debug, Clone)]
pub struct EventRef<'a> {
    /// The event's offset in its partition.
    pub offset: u64,
    /// Milliseconds since the Unix epoch, as the broker has it.
    pub timestamp: i64,
    /// None is a null key.
    pub key: Option<&'a [u8]>,
    /// None is a tombstone.
    pub value: Option<&'a [u8]>,
    /// In their order; a name may repeat.
    pub headers: HeadersIter<'a>,
}

/// A run of events of one input partition. Columns have one entry an event; `data` holds key, value, key, value, …
/// without gaps. The columns are public because a call moves them out and back in instead of copying them; add events
/// with [`Batch::push`] only.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Batch {
    /// Partition number of the task.
    pub partition: u32,
    /// Wall clock of the call, milliseconds since the Unix epoch.
    pub now: i64,
    /// The task's stream time before the first event that is not behind it; milliseconds since the Unix epoch.
    pub stream_time: i64,
    /// Events later than this do not move stream time.
    pub latest: i64,
    /// How many events at the front the task has behind it: `stream_time` knows them. Never sent across the boundary,
    /// which gets whole runs.
    pub behind: usize,
    /// Index into the wiring's inputs.
    pub input: u32,
    /// The topic that the events came from.
    pub topic: String,
    /// One entry an event.
    pub offsets: Vec<u64>,
    /// One entry an event.
    pub timestamps: Vec<i64>,
    /// Bytes; -1 is null.
    pub key_lengths: Vec<i32>,
    /// Bytes; -1 is null.
    pub value_lengths: Vec<i32>,
    /// key, value, key, value, …
    pub data: Vec<u8>,
    /// Headers in columns.
    pub headers: Headers,
    /// Where each event's key begins in `data`: random access for the host, never sent across the boundary.
    starts: Vec<usize>,
    /// Where each event's headers begin (header number, byte); empty as long as no event has any.
    header_starts: Vec<(usize, usize)>,
}

impl Batch {
    /// An empty run of the partition number `partition` of `topic`, which feeds the wiring's input number `input`.
    pub fn new(partition: u32, input: u32, topic: &str) -> Self {
        Batch { partition, input, topic: topic.to_owned(), ..Batch::default() }
    }

    /// How many events the run has.
    pub fn len(&self) -> usize {
        self.starts.len()
    }

    /// Whether the run has no event.
    pub fn is_empty(&self) -> bool {
        self.starts.is_empty()
    }

    /// Bytes of keys, values and headers.
    pub fn bytes(&self) -> usize {
        self.data.len() + self.headers.data.len()
    }

    /// Adds an event at the end.
    pub fn push<'h>(
        &mut self,
        offset: u64,
        timestamp: i64,
        key: Option<&[u8]>,
        value: Option<&[u8]>,
        headers: impl Iterator<Item = HeaderRef<'h>>,
    ) {
        self.starts.push(self.data.len());
        self.offsets.push(offset);
        self.timestamps.push(timestamp);
        self.key_lengths.push(append(&mut self.data, key));
        self.value_lengths.push(append(&mut self.data, value));
        self.push_headers(headers);
    }

    fn push_headers<'h>(&mut self, headers: impl Iterator<Item = HeaderRef<'h>>) {
        let mut headers = headers.peekable();
        let before = self.starts.len() - 1;
        if self.headers.counts.is_empty() {
            if headers.peek().is_none() {
                return;
            }
            // The first event of the run with headers: those before it have none.
            self.headers.counts.resize(before, 0);
            self.header_starts.resize(before, (0, 0));
        }
        let start = (self.headers.name_lengths.len(), self.headers.data.len());
        self.header_starts.push(start);
        for (name, value) in headers {
            self.headers.push(name, value);
        }
        self.headers.counts.push((self.headers.name_lengths.len() - start.0) as i32);
    }

    /// The event number `index`; panics if there is none, as a slice does.
    pub fn event(&self, index: usize) -> EventRef<'_> {
        let start = self.starts[index];
        let (key_length, value_length) = (self.key_lengths[index], self.value_lengths[index]);
        let key_end = start + key_length.max(0) as usize;
        let value_end = key_end + value_length.max(0) as usize;
        EventRef {
            offset: self.offsets[index],
            timestamp: self.timestamps[index],
            key: (key_length >= 0).then(|| &self.data[start..key_end]),
            value: (value_length >= 0).then(|| &self.data[key_end..value_end]),
            headers: self.event_headers(index),
        }
    }

    /// The headers of the event number `index`.
    pub fn event_headers(&self, index: usize) -> HeadersIter<'_> {
        match self.header_starts.get(index) {
            Some(&(entry, byte)) => {
                self.headers.columns().range(entry, byte, self.headers.counts[index].max(0) as usize)
            }
            None => HeadersIter::default(),
        }
    }

    /// The events in order.
    pub fn events(&self) -> impl Iterator<Item = EventRef<'_>> {
        (0..self.len()).map(|index| self.event(index))
    }

    /// A run with the timers that are due instead of events, each with its key and the time that it is due at: what a
    /// timer causes is checked, sent and applied as if an event had caused it. None moves stream time.
    pub fn of_timers<'k>(
        partition: u32,
        now: i64,
        stream_time: i64,
        due: impl Iterator<Item = (&'k [u8], i64)>,
    ) -> Batch {
        let mut batch = Batch { partition, now, stream_time, latest: i64::MIN, ..Batch::default() };
        for (offset, (key, at)) in (0..).zip(due) {
            batch.push(offset, at, Some(key), None, [].into_iter());
        }
        batch
    }

    /// Stream time before the run's events, to be moved by one after the other.
    pub fn clock(&self) -> StreamTime {
        StreamTime { time: self.stream_time, latest: self.latest }
    }

    /// Stream time after all events before the number `index`.
    pub fn stream_time_before(&self, index: usize) -> i64 {
        let mut clock = self.clock();
        self.timestamps[self.behind.min(index)..index].iter().for_each(|timestamp| clock.see(*timestamp));
        clock.time
    }

    /// A run of its own with some of the events: for a run that is split after a trap, or merged with another input's.
    pub fn copy_range(&self, range: Range<usize>) -> Batch {
        let mut part = self.like();
        part.stream_time = self.stream_time_before(range.start);
        for index in range {
            let event = self.event(index);
            part.push(event.offset, event.timestamp, event.key, event.value, event.headers);
        }
        part
    }

    /// An empty run of the same task, input and topic.
    pub fn like(&self) -> Batch {
        Batch {
            partition: self.partition,
            now: self.now,
            stream_time: self.stream_time,
            latest: self.latest,
            input: self.input,
            topic: self.topic.clone(),
            ..Batch::default()
        }
    }

    /// Forgets the events, keeps the memory and what says where they came from.
    pub fn clear(&mut self) {
        self.offsets.clear();
        self.timestamps.clear();
        self.key_lengths.clear();
        self.value_lengths.clear();
        self.data.clear();
        self.headers.clear();
        self.starts.clear();
        self.header_starts.clear();
        self.behind = 0;
    }
}

impl Default for Batch {
    /// No events, no bound on the timestamps that move stream time.
    fn default() -> Self {
        Batch {
            partition: 0,
            now: 0,
            stream_time: 0,
            latest: i64::MAX,
            behind: 0,
            input: 0,
            topic: String::new(),
            offsets: vec![],
            timestamps: vec![],
            key_lengths: vec![],
            value_lengths: vec![],
            data: vec![],
            headers: Headers::default(),
            starts: vec![],
            header_starts: vec![],
        }
    }
}

fn append(data: &mut Vec<u8>, bytes: Option<&[u8]>) -> i32 {
    match bytes {
        Some(bytes) => {
            data.extend_from_slice(bytes);
            bytes.len() as i32
        }
        None => NULL,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn three() -> Batch {
        let mut batch = Batch { topic: "orders".into(), partition: 3, ..Batch::default() };
        batch.push(10, 1, Some(b"k"), Some(b"value"), [].into_iter());
        batch.push(11, 2, None, None, [(&b"\xffname"[..], None), (b"n", Some(&b"v"[..]))].into_iter());
        batch.push(12, 3, Some(b""), Some(b""), [].into_iter());
        batch
    }

    #[test]
    fn events_come_back_as_they_were_packed() {
        let batch = three();
        assert_eq!(batch.len(), 3);
        assert_eq!(batch.data, b"kvalue");
        let [first, second, third] = [0, 1, 2].map(|index| batch.event(index));
        assert_eq!((first.key, first.value, first.headers.len()), (Some(&b"k"[..]), Some(&b"value"[..]), 0));
        assert_eq!((second.key, second.value), (None, None));
        assert_eq!(second.headers.collect::<Vec<_>>(), [(&b"\xffname"[..], None), (b"n", Some(&b"v"[..]))]);
        assert_eq!((third.key, third.value, third.headers.len()), (Some(&b""[..]), Some(&b""[..]), 0));
        assert_eq!(batch.headers.counts, [0, 2, 0]);
    }

    #[test]
    fn a_run_without_headers_has_empty_header_columns() {
        let mut batch = three();
        batch.clear();
        batch.push(1, 1, None, None, [].into_iter());
        assert_eq!(batch.headers, Headers::default());
    }

    #[test]
    fn a_part_of_a_run_is_a_run() {
        let part = three().copy_range(1..3);
        assert_eq!((part.topic.as_str(), part.partition, part.offsets.as_slice()), ("orders", 3, &[11, 12][..]));
        assert_eq!(part.event_headers(0).len(), 2);
        assert_eq!(part.headers.counts, [2, 0]);
    }

    #[test]
    fn a_part_begins_at_the_stream_time_that_the_events_before_it_made() {
        let mut batch = Batch { stream_time: 3, latest: 100, behind: 1, ..Batch::default() };
        for (offset, timestamp) in (0..).zip([90, 2, 8, 500, 4]) {
            batch.push(offset, timestamp, None, None, [].into_iter());
        }
        let starts: Vec<i64> = (0..5).map(|start| batch.copy_range(start..5).stream_time).collect();
        assert_eq!(starts, [3, 3, 3, 8, 8], "the first event is behind, the fourth is from the future");
        assert_eq!((batch.copy_range(2..5).latest, batch.copy_range(2..5).behind), (100, 0));
    }

    #[test]
    fn timers_in_the_place_of_events_have_a_key_and_a_time_and_move_nothing() {
        let batch = Batch::of_timers(4, 10, 7, [(&b"a"[..], 5), (b"b", 9)].into_iter());
        let second = batch.event(1);
        assert_eq!((second.key, second.value, second.timestamp, second.headers.len()), (Some(&b"b"[..]), None, 9, 0));
        assert_eq!((batch.partition, batch.now, batch.stream_time_before(2)), (4, 10, 7));
    }
}

//! The run of events of one call, as borrowed columns.

use crate::{Event, Input};
use wasmill_contract::{HeaderColumns, StreamTime};

/// The arguments of `process-batch`, borrowed: the same for a batch that came through WebAssembly and for one that the
/// test harness packed. For due timers only the task and the timestamps say anything: there are no events.
pub(crate) struct Run<'a> {
    pub(crate) partition: u32,
    pub(crate) now: i64,
    pub(crate) stream_time: i64,
    pub(crate) latest: i64,
    pub(crate) input: Input,
    pub(crate) topic: &'a str,
    pub(crate) offsets: &'a [u64],
    pub(crate) timestamps: &'a [i64],
    pub(crate) key_lengths: &'a [i32],
    pub(crate) value_lengths: &'a [i32],
    pub(crate) data: &'a [u8],
    pub(crate) headers: HeaderColumns<'a>,
}

impl<'a> Run<'a> {
    /// For timers that are due; `timestamps` are their times.
    pub(crate) fn of_timers(partition: u32, now: i64, stream_time: i64, timestamps: &'a [i64]) -> Self {
        Run {
            partition,
            now,
            stream_time,
            latest: i64::MIN,
            input: Input(0),
            topic: "",
            offsets: &[],
            timestamps,
            key_lengths: &[],
            value_lengths: &[],
            data: &[],
            headers: HeaderColumns::default(),
        }
    }

    /// How many events there are.
    pub(crate) fn len(&self) -> usize {
        self.offsets.len()
    }

    /// Stream time before the events.
    pub(crate) fn clock(&self) -> StreamTime {
        StreamTime { time: self.stream_time, latest: self.latest }
    }

    /// The events' keys in order.
    pub(crate) fn keys(&self) -> impl Iterator<Item = Option<&'a [u8]>> + use<'a> {
        let (data, lengths) = (self.data, self.key_lengths.iter().zip(self.value_lengths));
        let mut start = 0;
        lengths.map(move |(key, value)| {
            let end = start + (*key).max(0) as usize;
            let bytes = (*key >= 0).then(|| &data[start..end]);
            start = end + (*value).max(0) as usize;
            bytes
        })
    }

    /// The events in order.
    pub(crate) fn events(&'a self) -> Events<'a> {
        Events { run: self, index: 0, byte: 0, header: 0, header_byte: 0 }
    }
}

/// Walks the events of a run.
pub(crate) struct Events<'a> {
    run: &'a Run<'a>,
    index: usize,
    byte: usize,
    header: usize,
    header_byte: usize,
}

impl<'a> Iterator for Events<'a> {
    type Item = Event<'a>;

    #[inline]
    fn next(&mut self) -> Option<Event<'a>> {
        let (run, index) = (self.run, self.index);
        let offset = *run.offsets.get(index)?;
        self.index += 1;
        let key = self.field(run.key_lengths[index]);
        let value = self.field(run.value_lengths[index]);
        let count = run.headers.counts.get(index).map_or(0, |count| *count as usize);
        let headers = run.headers.range(self.header, self.header_byte, count);
        self.skip_headers(count);
        Some(Event {
            input: run.input,
            topic: run.topic,
            partition: run.partition,
            offset,
            timestamp: run.timestamps[index],
            key,
            value,
            headers,
        })
    }
}

impl<'a> Events<'a> {
    #[inline]
    fn field(&mut self, length: i32) -> Option<&'a [u8]> {
        let length = usize::try_from(length).ok()?;
        let start = self.byte;
        self.byte += length;
        Some(&self.run.data[start..self.byte])
    }

    #[inline]
    fn skip_headers(&mut self, count: usize) {
        for header in self.header..self.header + count {
            self.header_byte += self.run.headers.name_lengths[header] as usize;
            self.header_byte += self.run.headers.value_lengths[header].max(0) as usize;
        }
        self.header += count;
    }
}

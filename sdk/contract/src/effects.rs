//! What a call did, and whether it may be believed.

use crate::batch::Batch;
use crate::headers::{HeaderColumns, HeadersIter};
use crate::{NULL, SAME};

/// What a call did, borrowed from the generated columns of whoever made it. See `effects` in `plugin.wit`.
#[derive(Debug)]
pub struct Effects<'a, F> {
    /// How many events were handled, failed ones included.
    pub done: u32,
    /// One entry an output: the index of the event that caused it; never decreasing.
    pub sources: &'a [u32],
    /// One entry an output: index into the wiring's sinks.
    pub sinks: &'a [u32],
    /// One entry an output, -1: by the key. Empty: all by the key.
    pub partitions: &'a [i32],
    /// One entry an output. Empty: each its source's.
    pub timestamps: &'a [i64],
    /// One entry an output; -1 is null, -2 the source's.
    pub key_lengths: &'a [i32],
    /// One entry an output; -1 is null, -2 the source's.
    pub value_lengths: &'a [i32],
    /// key, value, key, value, … of the outputs.
    pub data: &'a [u8],
    /// Headers of the outputs.
    pub headers: HeaderColumns<'a>,
    /// State writes.
    pub writes: Writes<'a>,
    /// Timers set and cancelled.
    pub timers: TimerWrites<'a>,
    /// Failed events by index, ascending.
    pub failures: &'a [(u32, F)],
}

/// State writes in columns, one entry a write.
#[derive(Debug, Default, Clone, Copy)]
pub struct Writes<'a> {
    /// Index of the event that caused it; never decreasing.
    pub sources: &'a [u32],
    /// Index into the wiring's stores.
    pub stores: &'a [u32],
    /// Bytes.
    pub key_lengths: &'a [u32],
    /// Bytes; -1 deletes.
    pub value_lengths: &'a [i32],
    /// key, value, key, value, …
    pub data: &'a [u8],
}

/// Timer changes in columns, one entry a change. The clock of each is left out: every value of it is valid.
#[derive(Debug, Default, Clone, Copy)]
pub struct TimerWrites<'a> {
    /// Index of the event that caused it; never decreasing.
    pub sources: &'a [u32],
    /// How many clocks there are: must be one an entry.
    pub clocks: usize,
    /// Milliseconds since the Unix epoch; -1 cancels.
    pub at: &'a [i64],
    /// Bytes.
    pub key_lengths: &'a [u32],
    /// The keys, one after the other.
    pub keys: &'a [u8],
}

/// How a failure wants its event to be treated.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum FailureKind {
    /// It can never be processed.
    Reject,
    /// It may work later.
    Retry,
    /// The plugin cannot go on.
    Stop,
}

/// What the indexes of an answer may name.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Scope {
    /// How many sinks the wiring has.
    pub sinks: usize,
    /// How many stores the wiring has.
    pub stores: usize,
    /// Whether timers can be set.
    pub timers: bool,
}

/// What one event may cause. Both bound what a runaway plugin can make the host hold and send.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    /// Outputs an event.
    pub outputs: usize,
    /// Bytes an event: keys, values and headers of its outputs and state writes.
    pub bytes: usize,
}

impl Default for Limits {
    fn default() -> Self {
        Limits { outputs: 10_000, bytes: 64 << 20 }
    }
}

/// An answer that breaks the contract: nothing in it can be trusted, so nothing of the call is applied.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("the answer breaks the contract: {0}")]
pub struct Violation(pub String);

/// An event that caused more than it may. It alone fails; the rest of the call holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct OverLimit {
    /// Index of the event.
    pub event: u32,
    /// How many outputs it caused.
    pub outputs: usize,
    /// How many bytes its outputs and state writes have.
    pub bytes: usize,
}

/// A field of an output.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Field<'a> {
    /// No key, or a tombstone.
    Null,
    /// The source event's, whatever that is.
    Same,
    /// Bytes of its own.
    Bytes(&'a [u8]),
}

impl<'a> Field<'a> {
    /// The bytes, given the source event's.
    pub fn resolve(self, source: Option<&'a [u8]>) -> Option<&'a [u8]> {
        match self {
            Field::Null => None,
            Field::Same => source,
            Field::Bytes(bytes) => Some(bytes),
        }
    }

    fn take(length: i32, data: &'a [u8], position: &mut usize) -> Field<'a> {
        match length {
            NULL => Field::Null,
            SAME => Field::Same,
            length => {
                let start = *position;
                *position += length as usize;
                Field::Bytes(&data[start..*position])
            }
        }
    }
}

/// One output, borrowed from the columns.
#[derive(Debug, Clone)]
pub struct Output<'a> {
    /// Index of the event that caused it.
    pub source: usize,
    /// Index into the wiring's sinks.
    pub sink: usize,
    /// None: by the key.
    pub partition: Option<u32>,
    /// Milliseconds since the Unix epoch. None: the source's.
    pub timestamp: Option<i64>,
    /// The key.
    pub key: Field<'a>,
    /// The value.
    pub value: Field<'a>,
    /// None: all of the source's.
    pub headers: Option<HeadersIter<'a>>,
}

impl<'a, F> Effects<'a, F> {
    /// Checks the answer to a call with `batch`: every index, every length, the order of sources, that failed events
    /// have no effects, and that what was left undone has a reason. Returns the events that caused more than `limits`
    /// allow. After an `Ok` the columns can be walked without another check.
    pub fn check(
        &self,
        batch: &Batch,
        scope: &Scope,
        limits: &Limits,
        kind: impl Fn(&F) -> FailureKind,
    ) -> Result<Vec<OverLimit>, Violation> {
        self.check_failures(batch.len(), kind)?;
        self.check_outputs(scope)?;
        self.check_headers()?;
        self.check_writes(scope)?;
        self.check_timers(scope)?;
        Ok(self.over_limit(batch, limits))
    }

    fn check_failures(&self, events: usize, kind: impl Fn(&F) -> FailureKind) -> Result<(), Violation> {
        let done = self.done as usize;
        if done > events {
            return violation(format!("{done} events are done, but the call had {events}"));
        }
        let mut next = 0;
        for (index, failure) in self.failures {
            if *index < next || *index >= self.done {
                return violation(format!("failed event {index} is out of order or not among the {done} done"));
            }
            next = index + 1;
            if kind(failure) != FailureKind::Reject && next != self.done {
                return violation(format!("event {index} asks to retry or stop, but {done} events are done"));
            }
        }
        let cut_short = self.failures.last().is_some_and(|(_, failure)| kind(failure) != FailureKind::Reject);
        if done < events && !cut_short {
            return violation(format!("only {done} of {events} events are done, and no event asks to retry or stop"));
        }
        Ok(())
    }

    fn check_outputs(&self, scope: &Scope) -> Result<(), Violation> {
        let outputs = self.sources.len();
        column("sinks", self.sinks.len(), outputs)?;
        column("key-lengths", self.key_lengths.len(), outputs)?;
        column("value-lengths", self.value_lengths.len(), outputs)?;
        optional_column("partitions", self.partitions.len(), outputs)?;
        optional_column("timestamps", self.timestamps.len(), outputs)?;
        self.check_sources("an output", self.sources)?;
        indexes("sink", self.sinks, scope.sinks)?;
        if let Some(partition) = self.partitions.iter().find(|partition| **partition < -1) {
            return violation(format!("partition {partition} of an output"));
        }
        lengths("key-lengths", self.key_lengths, SAME)?;
        lengths("value-lengths", self.value_lengths, SAME)?;
        data("data", sum(self.key_lengths) + sum(self.value_lengths), self.data.len())
    }

    fn check_headers(&self) -> Result<(), Violation> {
        let headers = &self.headers;
        optional_column("headers.counts", headers.counts.len(), self.sources.len())?;
        if let Some(count) = headers.counts.iter().find(|count| **count < 0 && **count != SAME) {
            return violation(format!("header count {count} of an output"));
        }
        let own = sum(headers.counts);
        column("headers.name-lengths", headers.name_lengths.len(), own)?;
        column("headers.value-lengths", headers.value_lengths.len(), own)?;
        lengths("headers.value-lengths", headers.value_lengths, NULL)?;
        data("headers.data", sum_unsigned(headers.name_lengths) + sum(headers.value_lengths), headers.data.len())
    }

    fn check_writes(&self, scope: &Scope) -> Result<(), Violation> {
        let writes = &self.writes;
        column("writes.stores", writes.stores.len(), writes.sources.len())?;
        column("writes.key-lengths", writes.key_lengths.len(), writes.sources.len())?;
        column("writes.value-lengths", writes.value_lengths.len(), writes.sources.len())?;
        self.check_sources("a state write", writes.sources)?;
        indexes("store", writes.stores, scope.stores)?;
        lengths("writes.value-lengths", writes.value_lengths, NULL)?;
        data("writes.data", sum_unsigned(writes.key_lengths) + sum(writes.value_lengths), writes.data.len())
    }

    fn check_timers(&self, scope: &Scope) -> Result<(), Violation> {
        let timers = &self.timers;
        if !scope.timers && !timers.sources.is_empty() {
            return violation("it sets timers, and this version of Wasmill has none yet".into());
        }
        column("timers.clocks", timers.clocks, timers.sources.len())?;
        column("timers.at", timers.at.len(), timers.sources.len())?;
        column("timers.key-lengths", timers.key_lengths.len(), timers.sources.len())?;
        self.check_sources("a timer", timers.sources)?;
        data("timers.keys", sum_unsigned(timers.key_lengths), timers.keys.len())
    }

    fn check_sources(&self, what: &str, sources: &[u32]) -> Result<(), Violation> {
        let mut last = 0;
        for &source in sources {
            if source < last || source >= self.done {
                return violation(format!(
                    "source {source} of {what} is out of order or not among the {} done",
                    self.done
                ));
            }
            last = source;
        }
        if self.failures.is_empty() {
            return Ok(());
        }
        match sources.iter().find(|source| self.failed(**source)) {
            Some(source) => violation(format!("event {source} failed and yet is the source of {what}")),
            None => Ok(()),
        }
    }

    fn failed(&self, event: u32) -> bool {
        self.failures.binary_search_by_key(&event, |(index, _)| *index).is_ok()
    }

    /// The events over a limit. Columns must be sound.
    fn over_limit(&self, batch: &Batch, limits: &Limits) -> Vec<OverLimit> {
        // What all outputs together take, were each to repeat its whole source, is the cheapest bound: a call below it
        // needs no count an event.
        let most =
            self.data.len() + self.headers.data.len() + self.writes.data.len() + self.sources.len() * batch.bytes();
        if self.sources.len() <= limits.outputs && most <= limits.bytes {
            return Vec::new();
        }
        let mut counts: Vec<(usize, usize)> = vec![(0, 0); batch.len()];
        for output in self.outputs() {
            let event = batch.event(output.source);
            let length = |bytes: Option<&[u8]>| bytes.map_or(0, <[u8]>::len);
            let headers = output.headers.unwrap_or(event.headers);
            let count = &mut counts[output.source];
            count.0 += 1;
            count.1 += length(output.key.resolve(event.key)) + length(output.value.resolve(event.value));
            count.1 += headers.map(|(name, value)| name.len() + length(value)).sum::<usize>();
        }
        let writes = &self.writes;
        for (write, &source) in writes.sources.iter().enumerate() {
            counts[source as usize].1 +=
                writes.key_lengths[write] as usize + writes.value_lengths[write].max(0) as usize;
        }
        (0..)
            .zip(counts)
            .filter(|(_, (outputs, bytes))| *outputs > limits.outputs || *bytes > limits.bytes)
            .map(|(event, (outputs, bytes))| OverLimit { event, outputs, bytes })
            .collect()
    }

    /// The outputs in order. The columns must have passed [`Effects::check`]; otherwise this may panic.
    pub fn outputs(&self) -> impl Iterator<Item = Output<'a>> + use<'a, F> {
        let (sources, sinks, partitions, timestamps) = (self.sources, self.sinks, self.partitions, self.timestamps);
        let (key_lengths, value_lengths, data, headers) =
            (self.key_lengths, self.value_lengths, self.data, self.headers);
        let mut position = 0;
        let mut header_position = (0, 0);
        (0..sources.len()).map(move |index| Output {
            source: sources[index] as usize,
            sink: sinks[index] as usize,
            partition: partitions.get(index).and_then(|partition| u32::try_from(*partition).ok()),
            timestamp: timestamps.get(index).copied(),
            key: Field::take(key_lengths[index], data, &mut position),
            value: Field::take(value_lengths[index], data, &mut position),
            headers: match headers.counts.get(index) {
                Some(&SAME) => None,
                count => {
                    let count = count.map_or(0, |count| *count as usize);
                    let own = headers.range(header_position.0, header_position.1, count);
                    let mut walked = own.clone();
                    walked.by_ref().for_each(drop);
                    header_position = walked.position();
                    Some(own)
                }
            },
        })
    }
}

fn violation<T>(what: String) -> Result<T, Violation> {
    Err(Violation(what))
}

fn column(name: &str, length: usize, expected: usize) -> Result<(), Violation> {
    if length == expected {
        return Ok(());
    }
    violation(format!("column {name} has {length} entries instead of {expected}"))
}

fn optional_column(name: &str, length: usize, expected: usize) -> Result<(), Violation> {
    if length == 0 { Ok(()) } else { column(name, length, expected) }
}

fn indexes(what: &str, indexes: &[u32], count: usize) -> Result<(), Violation> {
    match indexes.iter().find(|index| **index as usize >= count) {
        Some(index) => violation(format!("{what} number {index} of {count} declared in the wiring")),
        None => Ok(()),
    }
}

fn lengths(name: &str, lengths: &[i32], lowest: i32) -> Result<(), Violation> {
    match lengths.iter().find(|length| **length < lowest) {
        Some(length) => violation(format!("length {length} in column {name}")),
        None => Ok(()),
    }
}

fn data(name: &str, expected: usize, length: usize) -> Result<(), Violation> {
    if length == expected {
        return Ok(());
    }
    violation(format!("{name} has {length} bytes, and the lengths add up to {expected}"))
}

fn sum(lengths: &[i32]) -> usize {
    lengths.iter().map(|length| (*length).max(0) as usize).sum()
}

fn sum_unsigned(lengths: &[u32]) -> usize {
    lengths.iter().map(|length| *length as usize).sum()
}

#[cfg(test)]
mod tests {
    use super::*;

    const SCOPE: Scope = Scope { sinks: 2, stores: 1, timers: true };
    const LIMITS: Limits = Limits { outputs: 3, bytes: 20 };

    fn batch() -> Batch {
        let mut batch = Batch::default();
        for offset in 0..3 {
            batch.push(offset, 0, Some(b"key"), Some(b"value"), [(&b"h"[..], Some(&b"1"[..]))].into_iter());
        }
        batch
    }

    fn nothing() -> Effects<'static, FailureKind> {
        Effects {
            done: 3,
            sources: &[],
            sinks: &[],
            partitions: &[],
            timestamps: &[],
            key_lengths: &[],
            value_lengths: &[],
            data: &[],
            headers: HeaderColumns::default(),
            writes: Writes::default(),
            timers: TimerWrites::default(),
            failures: &[],
        }
    }

    fn check(effects: &Effects<FailureKind>) -> Result<Vec<OverLimit>, String> {
        effects.check(&batch(), &SCOPE, &LIMITS, |kind| *kind).map_err(|violation| violation.0)
    }

    #[track_caller]
    fn refused(effects: Effects<FailureKind>, why: &str) {
        let error = check(&effects).expect_err("the answer should be refused");
        assert!(error.contains(why), "{error}");
    }

    #[test]
    fn a_sound_answer_is_taken_and_walked() {
        let effects = Effects {
            sources: &[0, 0, 2],
            sinks: &[1, 0, 1],
            partitions: &[-1, 4, -1],
            key_lengths: &[SAME, NULL, 1],
            value_lengths: &[SAME, 2, 0],
            data: b"abc",
            headers: HeaderColumns {
                counts: &[SAME, 2, 0],
                name_lengths: &[1, 1],
                value_lengths: &[1, NULL],
                data: b"x1y",
            },
            ..nothing()
        };
        assert_eq!(check(&effects), Ok(vec![]));
        let outputs: Vec<_> = effects.outputs().collect();
        assert_eq!((outputs[0].key, outputs[0].value), (Field::Same, Field::Same));
        assert!(outputs[0].headers.is_none() && outputs[0].partition.is_none() && outputs[0].timestamp.is_none());
        assert_eq!(
            (outputs[1].key, outputs[1].value, outputs[1].partition),
            (Field::Null, Field::Bytes(b"ab"), Some(4))
        );
        let headers: Vec<_> = outputs[1].headers.clone().unwrap().collect();
        assert_eq!(headers, [(&b"x"[..], Some(&b"1"[..])), (b"y", None)]);
        assert_eq!((outputs[2].key, outputs[2].value), (Field::Bytes(b"c"), Field::Bytes(b"")));
        assert_eq!(outputs[2].headers.clone().unwrap().len(), 0);
    }

    #[test]
    fn indexes_must_exist() {
        let one = Effects { sources: &[0], sinks: &[0], key_lengths: &[NULL], value_lengths: &[NULL], ..nothing() };
        assert_eq!(check(&one), Ok(vec![]));
        refused(Effects { sinks: &[2], ..one }, "sink number 2 of 2");
        let one = Effects { sources: &[3], sinks: &[0], key_lengths: &[NULL], value_lengths: &[NULL], ..nothing() };
        refused(one, "source 3 of an output");
        let writes = Writes { sources: &[0], stores: &[1], key_lengths: &[1], value_lengths: &[NULL], data: b"k" };
        refused(Effects { writes, ..nothing() }, "store number 1 of 1");
    }

    #[test]
    fn sources_never_decrease() {
        let effects = Effects {
            sources: &[1, 0],
            sinks: &[0; 2],
            key_lengths: &[NULL; 2],
            value_lengths: &[NULL; 2],
            ..nothing()
        };
        refused(effects, "source 0 of an output is out of order");
    }

    #[test]
    fn columns_and_data_must_fit() {
        refused(Effects { sources: &[0], ..nothing() }, "column sinks has 0 entries instead of 1");
        let effects = |key_lengths, data| Effects {
            sources: &[0],
            sinks: &[0],
            key_lengths,
            value_lengths: &[NULL],
            data,
            ..nothing()
        };
        refused(effects(&[2], b"abc"), "data has 3 bytes, and the lengths add up to 2");
        refused(effects(&[-3], b""), "length -3 in column key-lengths");
        let counts = HeaderColumns { counts: &[NULL], ..HeaderColumns::default() };
        refused(Effects { headers: counts, ..effects(&[NULL], b"") }, "header count -1");
        let timers = TimerWrites { sources: &[0], clocks: 1, at: &[5], key_lengths: &[4], keys: b"k" };
        refused(Effects { timers, ..nothing() }, "timers.keys has 1 bytes");
    }

    #[test]
    fn a_failed_event_has_no_effects() {
        let effects = Effects {
            sources: &[1],
            sinks: &[0],
            key_lengths: &[NULL],
            value_lengths: &[NULL],
            failures: &[(1, FailureKind::Reject)],
            ..nothing()
        };
        refused(effects, "event 1 failed and yet is the source of an output");
    }

    #[test]
    fn what_is_left_undone_has_a_reason() {
        refused(Effects { done: 2, ..nothing() }, "only 2 of 3 events are done");
        refused(Effects { done: 4, ..nothing() }, "4 events are done, but the call had 3");
        refused(Effects { failures: &[(0, FailureKind::Retry)], ..nothing() }, "event 0 asks to retry or stop");
        refused(
            Effects { failures: &[(1, FailureKind::Reject), (1, FailureKind::Reject)], ..nothing() },
            "out of order",
        );
        assert_eq!(check(&Effects { done: 2, failures: &[(1, FailureKind::Retry)], ..nothing() }), Ok(vec![]));
        assert_eq!(check(&Effects { done: 1, failures: &[(0, FailureKind::Stop)], ..nothing() }), Ok(vec![]));
    }

    #[test]
    fn the_event_over_a_limit_is_named() {
        let many = Effects {
            sources: &[0, 1, 1, 1, 1],
            sinks: &[0; 5],
            key_lengths: &[NULL; 5],
            value_lengths: &[NULL; 5],
            ..nothing()
        };
        assert_eq!(check(&many), Ok(vec![OverLimit { event: 1, outputs: 4, bytes: 0 }]));
        // Forwarding counts the source's bytes, headers included: 2 × (3 + 5 + 2), and one byte more.
        let large = Effects {
            sources: &[2, 2, 2],
            sinks: &[0; 3],
            key_lengths: &[SAME, SAME, NULL],
            value_lengths: &[SAME, SAME, 1],
            data: b"x",
            headers: HeaderColumns { counts: &[SAME, SAME, 0], ..HeaderColumns::default() },
            ..nothing()
        };
        assert_eq!(check(&large), Ok(vec![OverLimit { event: 2, outputs: 3, bytes: 21 }]));
    }
}

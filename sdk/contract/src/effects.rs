//! What a call did, and whether it may be believed.

use crate::batch::Batch;
use crate::headers::{HeaderColumns, HeadersIter};
use crate::limits::{Limits, OverLimit};
use crate::timers::TimerWrites;
use crate::writes::Writes;
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

/// An answer that breaks the contract: nothing in it can be trusted, so nothing of the call is applied.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("the answer breaks the contract: {0}")]
pub struct Violation(pub String);

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
        if done < events && !cut_short && !self.ends_for_timers() {
            return violation(format!(
                "only {done} of {events} events are done, no event asks to retry or stop, and no timer is set"
            ));
        }
        Ok(())
    }

    /// Whether the run may have ended because a timer is due before the rest. Whether one really is shows when the timers
    /// are looked at; what counts here is that a call always gets on.
    fn ends_for_timers(&self) -> bool {
        self.done > 0 && !self.timers.sources.is_empty()
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
            return violation("it sets timers, which are kept with the stores, and declares no store".into());
        }
        column("timers.clocks", timers.clocks.len(), timers.sources.len())?;
        column("timers.at", timers.at.len(), timers.sources.len())?;
        column("timers.key-lengths", timers.key_lengths.len(), timers.sources.len())?;
        self.check_sources("a timer", timers.sources)?;
        if let Some(at) = timers.at.iter().find(|at| **at < NULL as i64) {
            return violation(format!("a timer is set for {at}"));
        }
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
    use crate::{Clock, Excess, MAX_KEY, MAX_VALUE};

    const SCOPE: Scope = Scope { sinks: 2, stores: 1, timers: true };
    const LIMITS: Limits = Limits { outputs: 3, bytes: 20 };

    const TIMER: TimerWrites<'static> =
        TimerWrites { sources: &[0], clocks: &[Clock::EventTime], at: &[5], key_lengths: &[1], keys: b"k" };

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
        let timers = TimerWrites { key_lengths: &[4], ..TIMER };
        refused(Effects { timers, ..nothing() }, "timers.keys has 1 bytes");
        refused(Effects { timers: TimerWrites { at: &[-2], ..TIMER }, ..nothing() }, "a timer is set for -2");
        refused(Effects { timers: TimerWrites { clocks: &[], ..TIMER }, ..nothing() }, "column timers.clocks has 0");
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
    fn a_run_may_end_where_a_timer_was_set_but_it_gets_on() {
        assert_eq!(check(&Effects { done: 1, timers: TIMER, ..nothing() }), Ok(vec![]));
        let timers = TimerWrites { sources: &[], clocks: &[], at: &[], key_lengths: &[], keys: b"" };
        refused(Effects { done: 1, timers, ..nothing() }, "no timer is set");
        refused(Effects { done: 0, timers: TIMER, ..nothing() }, "only 0 of 3 events are done");
    }

    #[test]
    fn timers_need_a_store_to_be_kept_with() {
        let scope = Scope { stores: 0, timers: false, ..SCOPE };
        let effects = Effects { timers: TIMER, ..nothing() };
        let error = effects.check(&batch(), &scope, &LIMITS, |kind| *kind).unwrap_err();
        assert!(error.0.contains("declares no store"), "{error}");
    }

    fn over(event: u32, outputs: usize, bytes: usize) -> OverLimit {
        OverLimit { event, excess: Excess::Effects { outputs, bytes } }
    }

    #[test]
    fn state_writes_and_timers_count_as_well() {
        let data = [b'x'; 30];
        let writes =
            Writes { sources: &[0, 1], stores: &[0, 0], key_lengths: &[5, 5], value_lengths: &[15, 5], data: &data };
        let timers = TimerWrites { sources: &[1], key_lengths: &[11], keys: &data[..11], ..TIMER };
        assert_eq!(check(&Effects { writes, timers, ..nothing() }), Ok(vec![over(1, 0, 21)]));
    }

    #[test]
    fn keys_and_values_have_a_limit_of_their_own() {
        let data = vec![b'x'; MAX_KEY + 1 + MAX_VALUE + 1];
        let limits = Limits { outputs: 3, bytes: usize::MAX };
        let check = |key: usize, value: usize| {
            let writes = Writes {
                sources: &[2],
                stores: &[0],
                key_lengths: &[key as u32],
                value_lengths: &[value as i32],
                data: &data[..key + value],
            };
            let over = Effects { writes, ..nothing() }.check(&batch(), &SCOPE, &limits, |kind| *kind).unwrap();
            over.first().map(|over| over.excess)
        };
        assert_eq!(check(MAX_KEY, MAX_VALUE), None);
        assert_eq!(check(MAX_KEY + 1, 0), Some(Excess::Key(MAX_KEY + 1)));
        assert_eq!(check(1, MAX_VALUE + 1), Some(Excess::Value(MAX_VALUE + 1)));
        let timers = TimerWrites { key_lengths: &[MAX_KEY as u32 + 1], keys: &data[..MAX_KEY + 1], ..TIMER };
        let over = Effects { timers, ..nothing() }.check(&batch(), &SCOPE, &limits, |kind| *kind).unwrap();
        assert_eq!(over, [OverLimit { event: 0, excess: Excess::Key(MAX_KEY + 1) }]);
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
        assert_eq!(check(&many), Ok(vec![over(1, 4, 0)]));
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
        assert_eq!(check(&large), Ok(vec![over(2, 3, 21)]));
    }
}

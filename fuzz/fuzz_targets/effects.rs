//! Any columns as the answer of a plugin: refused, or such that everything in it can be walked.

#![no_main]

use arbitrary::Arbitrary;
use libfuzzer_sys::fuzz_target;
use wasmill::event::{Failure, Reason};
use wasmill::plugin::guest::Answer;
use wasmill_contract::{Batch, Clock, Headers, Limits, OwnedTimerWrites, OwnedWrites, Scope};

/// The columns of an answer, as wild as they come.
#[derive(Debug, Arbitrary)]
struct Wild {
    events: u8,
    done: u32,
    sources: Vec<u32>,
    sinks: Vec<u32>,
    partitions: Vec<i32>,
    timestamps: Vec<i64>,
    key_lengths: Vec<i32>,
    value_lengths: Vec<i32>,
    data: Vec<u8>,
    headers: (Vec<i32>, Vec<u32>, Vec<i32>, Vec<u8>),
    writes: (Vec<u32>, Vec<u32>, Vec<u32>, Vec<i32>, Vec<u8>),
    timers: (Vec<u32>, Vec<bool>, Vec<i64>, Vec<u32>, Vec<u8>),
    failures: Vec<(u32, u8)>,
}

impl Wild {
    fn answer(self) -> Answer {
        let reason = || Reason::new("code", "message");
        let clock = |wall: bool| if wall { Clock::WallClock } else { Clock::EventTime };
        Answer {
            done: self.done,
            sources: self.sources,
            sinks: self.sinks,
            partitions: self.partitions,
            timestamps: self.timestamps,
            key_lengths: self.key_lengths,
            value_lengths: self.value_lengths,
            data: self.data,
            headers: Headers {
                counts: self.headers.0,
                name_lengths: self.headers.1,
                value_lengths: self.headers.2,
                data: self.headers.3,
            },
            writes: OwnedWrites {
                sources: self.writes.0,
                stores: self.writes.1,
                key_lengths: self.writes.2,
                value_lengths: self.writes.3,
                data: self.writes.4,
            },
            timers: OwnedTimerWrites {
                sources: self.timers.0,
                clocks: self.timers.1.into_iter().map(clock).collect(),
                at: self.timers.2,
                key_lengths: self.timers.3,
                keys: self.timers.4,
            },
            failures: self
                .failures
                .into_iter()
                .map(|(event, kind)| match kind % 3 {
                    0 => (event, Failure::Reject(reason())),
                    1 => (event, Failure::Retry(reason())),
                    _ => (event, Failure::Stop(reason())),
                })
                .collect(),
        }
    }
}

fuzz_target!(|wild: Wild| {
    let mut batch = Batch::default();
    for offset in 0..u64::from(wild.events) {
        batch.push(offset, 1, Some(b"k"), Some(b"v"), [].into_iter());
    }
    let answer = wild.answer();
    let effects = answer.effects();
    let scope = Scope { sinks: 2, stores: 2, timers: true };
    if effects.check(&batch, &scope, &Limits::default(), Failure::kind).is_err() {
        return;
    }
    // What has passed the check must be safe to walk.
    for output in effects.outputs() {
        assert!(output.source < batch.len() && output.sink < 2);
        let headers = output.headers.map(|headers| headers.count());
        std::hint::black_box((output.key, output.value, headers));
    }
    for write in effects.writes.iter() {
        assert!(write.source < batch.len() && write.store < 2);
    }
    for timer in effects.timers.iter() {
        assert!(timer.source < batch.len());
    }
});

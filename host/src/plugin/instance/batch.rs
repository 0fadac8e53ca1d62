//! An instance of the batch world. Columns move into the call and back; none is copied on this side of the boundary.

use super::Core;
use crate::event::{Failure, Reason};
use crate::plugin::bindings::batch_processor::{self, Effects};
use crate::plugin::bindings::{BatchPlugin, types};
use crate::plugin::guest::{Answer, Guest, Outcome, TimerTask};
use crate::state::{State, Timer};
use std::mem::take;
use wasmill_contract::{Batch, Headers, OwnedTimerWrites, OwnedWrites};

/// See [`Guest`].
pub(in crate::plugin) struct BatchGuest {
    pub(in crate::plugin) core: Core,
    pub(in crate::plugin) plugin: BatchPlugin,
}

impl Guest for BatchGuest {
    fn process(&mut self, batch: &mut Batch, state: &mut Option<Box<dyn State>>) -> Outcome {
        self.core.begin(batch.partition, batch.now, batch.stream_time);
        self.core.lend(state);
        let sent = send(batch);
        let result = self.plugin.wasmill_plugin_batch_processor().call_process_batch(&mut self.core.store, &sent);
        give_back(sent, batch);
        self.core.give_back(state);
        self.outcome(result)
    }

    fn timers(&mut self, task: TimerTask, due: &[Timer], state: &mut Option<Box<dyn State>>) -> Outcome {
        let TimerTask { partition, now, stream_time } = task;
        self.core.begin(partition, now, stream_time);
        self.core.lend(state);
        // No event can move stream time.
        let task = batch_processor::Task { partition, now, stream_time, latest: i64::MIN };
        let due: Vec<types::Timer> = due
            .iter()
            .map(|timer| types::Timer { key: timer.key.clone(), at: timer.at, clock: timer.clock.into() })
            .collect();
        let result = self.plugin.wasmill_plugin_batch_processor().call_process_timers(&mut self.core.store, task, &due);
        self.core.give_back(state);
        self.outcome(result)
    }

    fn memory_bytes(&self) -> usize {
        self.core.memory_bytes()
    }
}

impl BatchGuest {
    fn outcome(&mut self, result: wasmtime::Result<Effects>) -> Outcome {
        match result {
            Ok(effects) => Outcome { answer: answer(effects), broke: None },
            Err(error) => Outcome { answer: Answer::default(), broke: Some(self.core.broke(&error, false)) },
        }
    }
}

fn send(batch: &mut Batch) -> batch_processor::Batch {
    batch_processor::Batch {
        task: batch_processor::Task {
            partition: batch.partition,
            now: batch.now,
            stream_time: batch.stream_time,
            latest: batch.latest,
        },
        input: batch.input,
        topic: take(&mut batch.topic),
        offsets: take(&mut batch.offsets),
        timestamps: take(&mut batch.timestamps),
        key_lengths: take(&mut batch.key_lengths),
        value_lengths: take(&mut batch.value_lengths),
        data: take(&mut batch.data),
        headers: batch_processor::Headers {
            counts: take(&mut batch.headers.counts),
            name_lengths: take(&mut batch.headers.name_lengths),
            value_lengths: take(&mut batch.headers.value_lengths),
            data: take(&mut batch.headers.data),
        },
    }
}

fn give_back(sent: batch_processor::Batch, batch: &mut Batch) {
    batch.topic = sent.topic;
    batch.offsets = sent.offsets;
    batch.timestamps = sent.timestamps;
    batch.key_lengths = sent.key_lengths;
    batch.value_lengths = sent.value_lengths;
    batch.data = sent.data;
    batch.headers = headers(sent.headers);
}

fn headers(columns: batch_processor::Headers) -> Headers {
    Headers {
        counts: columns.counts,
        name_lengths: columns.name_lengths,
        value_lengths: columns.value_lengths,
        data: columns.data,
    }
}

fn answer(effects: Effects) -> Answer {
    Answer {
        done: effects.done,
        sources: effects.sources,
        sinks: effects.sinks,
        partitions: effects.partitions,
        timestamps: effects.timestamps,
        key_lengths: effects.key_lengths,
        value_lengths: effects.value_lengths,
        data: effects.data,
        headers: headers(effects.headers),
        writes: OwnedWrites {
            sources: effects.writes.sources,
            stores: effects.writes.stores,
            key_lengths: effects.writes.key_lengths,
            value_lengths: effects.writes.value_lengths,
            data: effects.writes.data,
        },
        timers: OwnedTimerWrites {
            sources: effects.timers.sources,
            clocks: effects.timers.clocks.into_iter().map(Into::into).collect(),
            at: effects.timers.at,
            key_lengths: effects.timers.key_lengths,
            keys: effects.timers.keys,
        },
        failures: effects.failures.into_iter().map(|(index, given)| (index, failure(given))).collect(),
    }
}

/// The contract's failure in the host's words.
pub(super) fn failure(failure: types::Failure) -> Failure {
    let reason = |types::Reason { code, message, detail }| Reason { code, message, detail };
    match failure {
        types::Failure::Reject(given) => Failure::Reject(reason(given)),
        types::Failure::Retry(given) => Failure::Retry(reason(given)),
        types::Failure::Stop(given) => Failure::Stop(reason(given)),
    }
}

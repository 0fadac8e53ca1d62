//! What one event may cause.

use crate::batch::Batch;
use crate::effects::Effects;
use std::fmt;

/// Bytes that the key of an entry or a timer may have.
pub const MAX_KEY: usize = 64 << 10;

/// Bytes that the value of an entry may have: with the longest key, the store's name and the headers of a Kafka record it
/// fits into 1 MiB, which is what a broker takes unless configured.
pub const MAX_VALUE: usize = (1 << 20) - MAX_KEY - (2 << 10);

/// What one event may cause. Both bound what a runaway plugin can make the host hold and send.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    /// Outputs an event.
    pub outputs: usize,
    /// Bytes an event: keys, values and headers of its outputs, its state writes, and the keys of its timers.
    pub bytes: usize,
}

impl Default for Limits {
    fn default() -> Self {
        Limits { outputs: 10_000, bytes: 64 << 20 }
    }
}

/// An event that caused more than it may. It alone fails.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct OverLimit {
    /// Index of the event.
    pub event: u32,
    /// What was too much.
    pub excess: Excess,
}

/// What was too much; displayed as what the event caused.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Excess {
    /// Its effects together are over [`Limits`].
    Effects {
        /// How many outputs it caused.
        outputs: usize,
        /// How many bytes its outputs, state writes and timers have.
        bytes: usize,
    },
    /// A key of an entry or a timer is longer than [`MAX_KEY`]; in bytes.
    Key(usize),
    /// A value of an entry is longer than [`MAX_VALUE`]; in bytes.
    Value(usize),
}

impl fmt::Display for Excess {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Excess::Effects { outputs, bytes } => write!(f, "{outputs} outputs with {bytes} bytes"),
            Excess::Key(bytes) => {
                write!(f, "a key of {bytes} bytes for a store or a timer, where {MAX_KEY} are the most")
            }
            Excess::Value(bytes) => write!(f, "a value of {bytes} bytes for a store, where {MAX_VALUE} are the most"),
        }
    }
}

impl<F> Effects<'_, F> {
    /// The events over a limit. Columns must be sound.
    pub(crate) fn over_limit(&self, batch: &Batch, limits: &Limits) -> Vec<OverLimit> {
        // What all outputs together take, were each to repeat its whole source, is the cheapest bound: a call below it
        // needs no count an event.
        let state = self.writes.data.len() + self.timers.keys.len();
        let most = self.data.len() + self.headers.data.len() + state + self.sources.len() * batch.bytes();
        if self.sources.len() <= limits.outputs && most <= limits.bytes && state <= MAX_KEY {
            return Vec::new();
        }
        let mut counts: Vec<Count> = vec![Count::default(); batch.len()];
        self.count_outputs(batch, &mut counts);
        self.count_state(&mut counts);
        (0..)
            .zip(counts)
            .filter_map(|(event, count)| Some(OverLimit { event, excess: count.excess(limits)? }))
            .collect()
    }

    fn count_outputs(&self, batch: &Batch, counts: &mut [Count]) {
        let length = |bytes: Option<&[u8]>| bytes.map_or(0, <[u8]>::len);
        for output in self.outputs() {
            let event = batch.event(output.source);
            let headers = output.headers.unwrap_or(event.headers);
            let count = &mut counts[output.source];
            count.outputs += 1;
            count.bytes += length(output.key.resolve(event.key)) + length(output.value.resolve(event.value));
            count.bytes += headers.map(|(name, value)| name.len() + length(value)).sum::<usize>();
        }
    }

    fn count_state(&self, counts: &mut [Count]) {
        for write in self.writes.iter() {
            counts[write.source].entry(write.key.len(), write.value.map_or(0, <[u8]>::len));
        }
        for timer in self.timers.iter() {
            counts[timer.source].entry(timer.key.len(), 0);
        }
    }
}

/// What one event caused.
#[derive(Debug, Default, Clone, Copy)]
struct Count {
    outputs: usize,
    bytes: usize,
    longest_key: usize,
    longest_value: usize,
}

impl Count {
    fn entry(&mut self, key: usize, value: usize) {
        self.bytes += key + value;
        self.longest_key = self.longest_key.max(key);
        self.longest_value = self.longest_value.max(value);
    }

    fn excess(&self, limits: &Limits) -> Option<Excess> {
        let Count { outputs, bytes, longest_key, longest_value } = *self;
        if longest_key > MAX_KEY {
            return Some(Excess::Key(longest_key));
        }
        if longest_value > MAX_VALUE {
            return Some(Excess::Value(longest_value));
        }
        (outputs > limits.outputs || bytes > limits.bytes).then_some(Excess::Effects { outputs, bytes })
    }
}

//! Outputs of sinks of which only the last one of each key goes out: they wait for the commit, and a later one takes their
//! place.

use super::cause::Cause;
use super::lane::{Halt, Lane};
use crate::kafka::edge::{Outgoing, Outlet, Refused, SendError, Source};
use foldhash::fast::RandomState;
use std::collections::HashMap;
use std::sync::Arc;
use wasmill_contract::Headers;

/// What waits, in the order in which the keys came.
#[derive(Default)]
pub(super) struct Held {
    outputs: Vec<Output>,
    /// By task, topic, partition and key: where in `outputs`.
    places: HashMap<Arc<[u8]>, usize, RandomState>,
    bytes: usize,
    /// Reused: a look at what is held allocates nothing.
    name: Vec<u8>,
}

struct Output {
    topic: usize,
    partition: Option<i32>,
    timestamp: Option<i64>,
    /// As in `places`; the key is its end.
    name: Arc<[u8]>,
    value: Option<Vec<u8>>,
    headers: Headers,
    token: u64,
}

/// What of a name stands before the key.
const PREFIX: usize = 12;

impl Held {
    /// Takes an output, which must have a key, in the place of the one before.
    pub(super) fn put(&mut self, record: &Outgoing<'_>, key: &[u8], token: u64) {
        self.name.clear();
        self.name.extend_from_slice(&Cause::place(token).number.to_be_bytes());
        self.name.extend_from_slice(&(record.topic as u32).to_be_bytes());
        self.name.extend_from_slice(&record.partition.unwrap_or(-1).to_be_bytes());
        self.name.extend_from_slice(key);
        let place = match self.places.get(self.name.as_slice()) {
            Some(place) => *place,
            None => {
                let name: Arc<[u8]> = self.name.as_slice().into();
                self.bytes += name.len() + std::mem::size_of::<Output>();
                self.places.insert(name.clone(), self.outputs.len());
                self.outputs.push(Output {
                    topic: record.topic,
                    partition: record.partition,
                    timestamp: None,
                    name,
                    value: None,
                    headers: Headers::default(),
                    token,
                });
                self.outputs.len() - 1
            }
        };
        let output = &mut self.outputs[place];
        self.bytes -= output.payload();
        output.timestamp = record.timestamp;
        output.token = token;
        match (&mut output.value, record.value) {
            (Some(held), Some(value)) => {
                held.clear();
                held.extend_from_slice(value);
            }
            (held, value) => *held = value.map(Into::into),
        }
        output.headers.clear();
        for (name, value) in record.headers.clone() {
            output.headers.push(name, value);
        }
        self.bytes += output.payload();
    }

    /// What it takes in memory, roughly.
    pub(super) fn bytes(&self) -> usize {
        self.bytes
    }

    pub(super) fn clear(&mut self) {
        self.outputs.clear();
        self.places.clear();
        self.bytes = 0;
    }

    /// Drops what tasks caused that were given up.
    pub(super) fn forget(&mut self, is_given_up: impl Fn(i32) -> bool) {
        let outputs = std::mem::take(&mut self.outputs);
        self.clear();
        for output in outputs.into_iter().filter(|output| !is_given_up(Cause::place(output.token).number)) {
            self.bytes += output.name.len() + std::mem::size_of::<Output>() + output.payload();
            self.places.insert(output.name.clone(), self.outputs.len());
            self.outputs.push(output);
        }
    }
}

impl Output {
    fn payload(&self) -> usize {
        self.value.as_ref().map_or(0, Vec::len) + self.headers.data.len()
    }

    fn key(&self) -> &[u8] {
        &self.name[PREFIX..]
    }
}

impl<S: Source, O: Outlet> Lane<S, O> {
    /// Sends what was held. What can never be sent is told as the broker would have told it.
    pub(super) fn send_held(&mut self) -> Result<(), Halt> {
        if self.held.outputs.is_empty() {
            return Ok(());
        }
        self.open_transaction()?;
        let mut bytes = 0;
        for output in &self.held.outputs {
            let record = Outgoing {
                topic: output.topic,
                partition: output.partition,
                timestamp: output.timestamp,
                key: Some(output.key()),
                value: output.value.as_deref(),
                headers: output.headers.columns().range(0, 0, output.headers.name_lengths.len()),
            };
            match self.outlet.send(record, output.token) {
                Ok(()) => {
                    bytes += output.key().len() + output.value.as_ref().map_or(0, Vec::len);
                    self.first.sent(output.topic, Some(output.key()), output.value.as_deref());
                }
                Err(SendError::Refused { code, message }) => {
                    self.refused.push(Refused { token: output.token, code, message });
                }
                Err(SendError::Abort(why)) => return Err(Halt::RollBack(why)),
                Err(SendError::Broken(why)) => return Err(Halt::Broken(why)),
            }
        }
        self.metrics.outputs(self.held.outputs.len() as u64, bytes as u64);
        self.held.clear();
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::event::Partition;
    use wasmill_contract::HeadersIter;

    fn put(held: &mut Held, task: i32, key: &str, value: &str) {
        let token = Cause { at: Partition { topic: 0, number: task }, offset: 7, dead_letter: false }.token();
        let value = Some(value.as_bytes());
        let record = Outgoing {
            topic: 0,
            partition: None,
            timestamp: Some(1),
            key: Some(key.as_bytes()),
            value,
            headers: HeadersIter::default(),
        };
        held.put(&record, key.as_bytes(), token);
    }

    fn shown(held: &Held) -> Vec<(i32, &str, &str)> {
        let text = |bytes| std::str::from_utf8(bytes).unwrap();
        held.outputs
            .iter()
            .map(|output| {
                (Cause::place(output.token).number, text(output.key()), text(output.value.as_deref().unwrap()))
            })
            .collect()
    }

    #[test]
    fn the_last_one_of_each_key_of_each_task_is_held() {
        let mut held = Held::default();
        for (task, key, value) in [(0, "a", "1"), (0, "b", "1"), (0, "a", "2"), (1, "a", "9"), (0, "a", "longer")] {
            put(&mut held, task, key, value);
        }
        assert_eq!(shown(&held), [(0, "a", "longer"), (0, "b", "1"), (1, "a", "9")]);
    }

    #[test]
    fn what_a_task_caused_that_is_given_up_is_dropped_and_the_rest_goes_on() {
        let mut held = Held::default();
        put(&mut held, 0, "a", "1");
        let one = held.bytes();
        put(&mut held, 1, "b", "1");
        put(&mut held, 2, "c", "1");
        held.forget(|task| task != 1);
        put(&mut held, 1, "b", "2");
        assert_eq!(shown(&held), [(1, "b", "2")]);
        assert_eq!(held.bytes(), one);
        held.clear();
        assert_eq!(held.bytes(), 0);
    }
}

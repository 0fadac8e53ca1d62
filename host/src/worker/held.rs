//! Outputs of sinks of which only the last one of each key goes out: they wait for the commit, and a later one takes their
//! place.

use super::cause::Cause;
use super::lane::{Halt, Lane};
use crate::kafka::edge::{Outgoing, Outlet, Refused, SendError, Source};
use foldhash::fast::RandomState;
use indexmap::IndexMap;
use smallvec::SmallVec;
use std::ops::Range;
use wasmill_contract::Headers;

/// What waits, in the order in which the keys came.
#[derive(Default)]
pub(super) struct Held {
    outputs: IndexMap<Name, Output, RandomState>,
    /// Their values, one behind the other: most fit in the place of the one before, and what does not is put behind all.
    values: Vec<u8>,
    /// Bytes of the values that are somebody's.
    live: usize,
    /// What all that are in `outputs` take besides.
    bytes: usize,
    /// Reused: a look at what is held allocates nothing.
    name: Name,
}

/// Task, topic, partition and key.
type Name = SmallVec<[u8; 40]>;

struct Output {
    topic: usize,
    partition: Option<i32>,
    timestamp: Option<i64>,
    /// Where in the values.
    value: Option<Range<usize>>,
    headers: Option<Box<Headers>>,
    token: u64,
}

/// What of a name stands before the key.
const PREFIX: usize = 12;

/// Values of fewer bytes stay where they are, however many of them are nobody's any more, and their memory with them.
const FEW: usize = 4 << 20;

impl Held {
    /// Takes an output, which must have a key, in the place of the one before.
    pub(super) fn put(&mut self, record: &Outgoing<'_>, key: &[u8], token: u64) {
        self.name.clear();
        self.name.extend_from_slice(&Cause::place(token).number.to_be_bytes());
        self.name.extend_from_slice(&(record.topic as u32).to_be_bytes());
        self.name.extend_from_slice(&record.partition.unwrap_or(-1).to_be_bytes());
        self.name.extend_from_slice(key);
        let output = match self.outputs.get_mut(&self.name) {
            Some(output) => output,
            None => {
                self.bytes += size_of_one(&self.name);
                let new = Output {
                    topic: record.topic,
                    partition: record.partition,
                    timestamp: None,
                    value: None,
                    headers: None,
                    token,
                };
                self.outputs.entry(self.name.clone()).or_insert(new)
            }
        };
        output.timestamp = record.timestamp;
        output.token = token;
        let before = output.value.take();
        self.live -= before.as_ref().map_or(0, Range::len);
        self.live += record.value.map_or(0, <[u8]>::len);
        output.value = record.value.map(|value| put(&mut self.values, before, value));
        self.bytes -= output.header_bytes();
        output.set_headers(record);
        self.bytes += output.header_bytes();
        // One that grows with each event would otherwise fill the memory, and have a commit made for it.
        if self.values.len() > FEW && self.values.len() > 2 * self.live {
            self.close_gaps();
        }
    }

    fn close_gaps(&mut self) {
        let values = std::mem::replace(&mut self.values, Vec::with_capacity(2 * self.live));
        for output in self.outputs.values_mut() {
            let place = output.value.take();
            output.value = place.map(|place| put(&mut self.values, None, &values[place]));
        }
    }

    /// Whether nothing waits.
    pub(super) fn is_empty(&self) -> bool {
        self.outputs.is_empty()
    }

    /// What it takes in memory, roughly.
    pub(super) fn bytes(&self) -> usize {
        self.bytes + self.values.len()
    }

    pub(super) fn clear(&mut self) {
        self.outputs.clear();
        self.values.clear();
        self.values.shrink_to(FEW);
        (self.live, self.bytes) = (0, 0);
    }

    /// Drops what tasks caused that were given up.
    pub(super) fn forget(&mut self, is_given_up: impl Fn(i32) -> bool) {
        self.outputs.retain(|name, output| {
            let stays = !is_given_up(Cause::place(output.token).number);
            if !stays {
                self.live -= output.value.as_ref().map_or(0, Range::len);
                self.bytes -= size_of_one(name) + output.header_bytes();
            }
            stays
        });
        self.close_gaps();
    }
}

fn size_of_one(name: &Name) -> usize {
    size_of::<(Name, Output)>() + if name.len() > name.inline_size() { name.len() } else { 0 }
}

/// Into the place of the value before if it fits, else behind all.
fn put(values: &mut Vec<u8>, before: Option<Range<usize>>, value: &[u8]) -> Range<usize> {
    match before {
        Some(before) if value.len() <= before.len() => {
            let place = before.start..before.start + value.len();
            values[place.clone()].copy_from_slice(value);
            place
        }
        _ => {
            values.extend_from_slice(value);
            values.len() - value.len()..values.len()
        }
    }
}

impl Output {
    /// In the place of those before: an output that has some each time allocates nothing for the next ones.
    fn set_headers(&mut self, record: &Outgoing<'_>) {
        if let Some(headers) = &mut self.headers {
            headers.clear();
        }
        for (name, value) in record.headers.clone() {
            self.headers.get_or_insert_default().push(name, value);
        }
    }

    fn header_bytes(&self) -> usize {
        self.headers.as_ref().map_or(0, |headers| headers.data.len() + size_of::<Headers>())
    }
}

impl<S: Source, O: Outlet> Lane<S, O> {
    /// Sends what was held. What can never be sent is told as the broker would have told it.
    pub(super) fn send_held(&mut self) -> Result<(), Halt> {
        if self.held.is_empty() {
            return Ok(());
        }
        self.open_transaction()?;
        let (mut bytes, none) = (0, Headers::default());
        for (name, output) in &self.held.outputs {
            let key = &name[PREFIX..];
            let value = output.value.clone().map(|place| &self.held.values[place]);
            let headers = output.headers.as_deref().unwrap_or(&none);
            let record = Outgoing {
                topic: output.topic,
                partition: output.partition,
                timestamp: output.timestamp,
                key: Some(key),
                value,
                headers: headers.columns().range(0, 0, headers.name_lengths.len()),
            };
            match self.outlet.send(record, output.token) {
                Ok(()) => {
                    bytes += key.len() + value.map_or(0, <[u8]>::len);
                    self.first.sent(output.topic, Some(key), value);
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
            .map(|(name, output)| {
                let value = &held.values[output.value.clone().unwrap()];
                (Cause::place(output.token).number, text(&name[PREFIX..]), text(value))
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
    fn a_value_that_grows_with_each_event_takes_about_its_size() {
        let mut held = Held::default();
        put(&mut held, 0, "small", "1");
        let mut value = "x".repeat(FEW / 8);
        for _ in 0..1_000 {
            value.push('x');
            put(&mut held, 0, "grows", &value);
            assert!(held.bytes() < 2 * FEW);
        }
        put(&mut held, 0, "small", "12");
        assert_eq!(shown(&held), [(0, "small", "12"), (0, "grows", &*value)]);
    }

    #[test]
    fn what_a_task_caused_that_is_given_up_is_dropped_and_the_rest_goes_on() {
        let mut held = Held::default();
        put(&mut held, 0, "a", "1");
        let one = held.bytes();
        put(&mut held, 1, "b", "1");
        put(&mut held, 2, &"long".repeat(20), "1");
        held.forget(|task| task != 1);
        put(&mut held, 1, "b", "2");
        assert_eq!(shown(&held), [(1, "b", "2")]);
        assert_eq!(held.bytes(), one);
        held.clear();
        assert_eq!(held.bytes(), 0);
    }
}

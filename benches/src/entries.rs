//! The cheapest state that there is: what a store on disk costs is not the boundary's.

use std::collections::HashMap;
use wasmill::plugin::guest::Answer;
use wasmill::state::{Change, Clock, Entry, Range, State, StateError, Timer};

/// Entries of one store in a map, without order, timers or commits.
#[derive(Default)]
pub struct Entries(HashMap<Vec<u8>, Vec<u8>>);

/// Does what an answer wrote.
pub fn keep(state: &mut Option<Box<dyn State>>, answer: &Answer) {
    let Some(state) = state else { return };
    for write in answer.effects().writes.iter() {
        state.put(write.store, write.key, write.value, 0).unwrap_or_else(|error| panic!("{error}"));
    }
}

impl State for Entries {
    fn advance(&mut self, _: i64) -> Result<(), StateError> {
        Ok(())
    }

    fn get(&mut self, _: usize, key: &[u8]) -> Result<Option<(&[u8], i64)>, StateError> {
        Ok(self.0.get(key).map(|value| (value.as_slice(), 0)))
    }

    fn scan(&mut self, _: usize, _: Range<'_>, _: Entry<'_>) -> Result<(), StateError> {
        Err(StateError("these entries have no order".into()))
    }

    fn put(&mut self, _: usize, key: &[u8], value: Option<&[u8]>, _: i64) -> Result<(), StateError> {
        match (self.0.get_mut(key), value) {
            (Some(kept), Some(value)) => value.clone_into(kept),
            (None, Some(value)) => drop(self.0.insert(key.into(), value.into())),
            (_, None) => drop(self.0.remove(key)),
        }
        Ok(())
    }

    fn set_timer(&mut self, _: Clock, _: &[u8], _: Option<i64>) {}

    fn due(&self, _: i64, _: i64, _: usize) -> Vec<Timer> {
        vec![]
    }

    fn next_timer(&self, _: Clock) -> Option<i64> {
        None
    }

    fn is_dirty(&self) -> bool {
        false
    }

    fn dirty_bytes(&self) -> usize {
        0
    }

    fn changes(&self, _: &mut dyn FnMut(Change<'_>) -> Result<(), StateError>) -> Result<(), StateError> {
        Ok(())
    }

    fn commit(&mut self, _: Option<i64>) {}

    fn abort(&mut self) {}
}

//! A state that lasts as long as it is held.

use super::{Change, Clock, Entry, Range, State, StateError, StoreSpec, Timer};
use wasmill_contract::Memory;

/// For `wasmill test` and for tests: everything in memory, nothing of it in a changelog.
#[derive(Default)]
pub struct MemoryState {
    now: Memory,
    committed: Memory,
}

impl MemoryState {
    /// An empty state with these stores.
    pub fn new(stores: &[StoreSpec]) -> MemoryState {
        let empty = Memory::new(stores.iter().map(|store| store.ttl_ms));
        MemoryState { now: empty.clone(), committed: empty }
    }
}

impl State for MemoryState {
    fn advance(&mut self, stream_time: i64) -> Result<(), StateError> {
        self.now.advance(stream_time);
        Ok(())
    }

    fn get(&mut self, store: usize, key: &[u8]) -> Result<Option<(&[u8], i64)>, StateError> {
        Ok(self.now.get(store, key))
    }

    fn scan(&mut self, store: usize, range: Range<'_>, each: Entry<'_>) -> Result<(), StateError> {
        let entries = self.now.range(store, range.start, range.end);
        if range.reverse {
            entries.rev().take(range.limit).for_each(|(key, value, at)| each(key, value, at));
        } else {
            entries.take(range.limit).for_each(|(key, value, at)| each(key, value, at));
        }
        Ok(())
    }

    fn put(&mut self, store: usize, key: &[u8], value: Option<&[u8]>, at: i64) -> Result<(), StateError> {
        self.now.put(store, key, value, at);
        Ok(())
    }

    fn set_timer(&mut self, clock: Clock, key: &[u8], at: Option<i64>) {
        self.now.set_timer(clock, key, at);
    }

    fn due(&self, stream_time: i64, wall_clock: i64, most: usize) -> Vec<Timer> {
        let due = self.now.due(stream_time, wall_clock).into_iter().take(most);
        due.map(|(at, clock, key)| Timer { clock, at, key }).collect()
    }

    fn next_timer(&self, clock: Clock) -> Option<i64> {
        self.now.next_timer(clock)
    }

    fn is_dirty(&self) -> bool {
        self.now != self.committed
    }

    fn dirty_bytes(&self) -> usize {
        0
    }

    fn changes(&self, _: &mut dyn FnMut(Change<'_>) -> Result<(), StateError>) -> Result<(), StateError> {
        Ok(())
    }

    fn commit(&mut self, _: Option<i64>) {
        self.committed.clone_from(&self.now);
    }

    fn abort(&mut self) {
        self.now.clone_from(&self.committed);
    }
}

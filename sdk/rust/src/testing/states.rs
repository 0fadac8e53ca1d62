//! What the tasks of a test remember: the host's side of stores and timers.

use crate::answer::Answer;
use crate::store::{Page, Reader, Values};
use crate::{Clock, Wiring};
use std::cell::{Cell, RefCell};
use std::collections::BTreeMap;
use wasmill_contract::{Batch, DueTimer, Memory};

/// Answers are short, as the host's may be.
const KEYS_AN_ANSWER: usize = 100;
const ENTRIES_AN_ANSWER: usize = 10;

/// The states of the tasks, by partition number.
#[derive(Default)]
pub(super) struct States {
    tasks: RefCell<BTreeMap<u32, Memory>>,
    /// Of each store.
    ttls: RefCell<Vec<Option<u64>>>,
    /// Which task the call is for.
    partition: Cell<u32>,
}

impl States {
    pub(super) fn declare(&self, wiring: &Wiring) {
        *self.ttls.borrow_mut() = wiring.stores.iter().map(|store| store.borrow().spec().ttl_ms).collect();
    }

    /// Turns to the task of a partition.
    pub(super) fn turn_to(&self, partition: u32) {
        self.partition.set(partition);
        self.change(|_| {});
    }

    /// Does what a call wrote; `batch` holds what it handled.
    pub(super) fn apply(&self, batch: &Batch, answer: &Answer) {
        let (writes, timers) = (answer.writes.columns(), answer.timers.columns());
        self.change(|task| task.apply(&writes, &timers, batch.clock(), &batch.timestamps));
    }

    /// The timers are no longer set.
    pub(super) fn fired(&self, timers: &[DueTimer]) {
        self.change(|task| timers.iter().for_each(|(_, clock, key)| task.set_timer(*clock, key, None)));
    }

    /// Forgets what is expired.
    pub(super) fn advance(&self, stream_time: i64) {
        self.change(|task| task.advance(stream_time));
    }

    pub(super) fn due(&self, stream_time: i64, now: i64) -> Vec<DueTimer> {
        self.change(|task| task.due(stream_time, now))
    }

    pub(super) fn next_on_event_time(&self) -> Option<i64> {
        self.change(|task| task.next_timer(Clock::EventTime))
    }

    /// Every task with its partition number.
    pub(super) fn each(&self, mut look: impl FnMut(u32, &Memory)) {
        self.tasks.borrow().iter().for_each(|(partition, task)| look(*partition, task));
    }

    pub(super) fn partitions(&self) -> Vec<u32> {
        self.tasks.borrow().keys().copied().collect()
    }

    fn change<R>(&self, work: impl FnOnce(&mut Memory) -> R) -> R {
        let ttls = self.ttls.borrow();
        let mut tasks = self.tasks.borrow_mut();
        work(tasks.entry(self.partition.get()).or_insert_with(|| Memory::new(ttls.iter().copied())))
    }

    fn has_ttl(&self, store: u32) -> bool {
        self.ttls.borrow()[store as usize].is_some()
    }
}

impl Reader for States {
    fn get_many(&self, store: u32, key_lengths: &[u32], keys: &[u8]) -> Values {
        let mut values = Values::default();
        let mut rest = keys;
        for length in key_lengths.iter().take(KEYS_AN_ANSWER) {
            let (key, others) = rest.split_at(*length as usize);
            rest = others;
            self.change(|task| {
                let found = task.get(store as usize, key);
                values.lengths.push(found.map_or(-1, |(value, _)| value.len() as i32));
                values.data.extend_from_slice(found.map_or(&[], |(value, _)| value));
                values.written.push(found.map_or(0, |(_, at)| at));
            });
        }
        if !self.has_ttl(store) {
            values.written.clear();
        }
        values
    }

    fn scan(&self, store: u32, start: &[u8], end: &[u8], reverse: bool, limit: u32) -> Page {
        let mut page = Page::default();
        let most = ENTRIES_AN_ANSWER.min(limit as usize);
        let mut add = |(key, value, at): (&[u8], &[u8], i64)| {
            page.key_lengths.push(key.len() as u32);
            page.value_lengths.push(value.len() as u32);
            page.data.extend_from_slice(key);
            page.data.extend_from_slice(value);
            page.written.push(at);
        };
        self.change(|task| {
            let entries = task.range(store as usize, start, end);
            if reverse {
                entries.rev().take(most).for_each(&mut add);
            } else {
                entries.take(most).for_each(&mut add);
            }
        });
        if !self.has_ttl(store) {
            page.written.clear();
        }
        page
    }
}

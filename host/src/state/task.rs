//! The state of one task: what is not committed, over what is committed and in memory, over the disk.

use super::disk::Meta;
use super::layer::{Committed, Entry, Key, Value, bounds, bytes_of};
use super::stores::Owner;
use super::timers::{self, Timers};
use super::{Change, Clock, OpenStateError, Range, State, StateError, StoreSpec, Timer};
use crate::event::wall_clock;
use foldhash::fast::RandomState;
use indexmap::IndexMap;
use std::ops::RangeBounds;
use std::sync::Arc;

/// A pass over a store that looks for expired entries takes steps of so many.
const TIDY_STEP: usize = 500;

/// A pass begins when stream time has moved by this part of the time to live.
const TIDY_PART: i64 = 8;

/// See [`State`].
pub struct TaskState {
    stores: Vec<Store>,
    timers: Timers,
    committed: Arc<Committed>,
    owner: Owner,
    stream_time: i64,
    meta: Meta,
    dirty_bytes: usize,
    /// What was read last: whoever asked may look at it.
    found: Entry,
}

struct Store {
    /// In the order of their first writes: a commit walks them as they lie in memory.
    open: IndexMap<Key, Entry, RandomState>,
    tidy: Tidy,
}

/// A pass that looks for expired entries.
struct Tidy {
    /// The stream time at which the last one began.
    began: i64,
    /// The key after the last one looked at; None: no pass is under way.
    next: Option<Vec<u8>>,
}

impl TaskState {
    /// State on top of what is on disk.
    pub(super) fn new(
        specs: &[StoreSpec],
        committed: Arc<Committed>,
        owner: Owner,
        meta: Meta,
    ) -> Result<Self, OpenStateError> {
        let stream_time = committed.stream_time();
        let count = committed.stores.len();
        let store = |_| Store { open: IndexMap::default(), tidy: Tidy { began: stream_time, next: None } };
        let stores = (0..count).map(store).collect();
        let timers = Timers::default();
        let mut state = TaskState { stores, timers, committed, owner, stream_time, meta, dirty_bytes: 0, found: None };
        state.load_timers(specs.len())?;
        state.note_versions(specs)?;
        Ok(state)
    }

    /// Makes what is committed visible to queries.
    pub(super) fn show(&self, committed: Arc<Committed>) {
        self.owner.show(committed);
    }

    fn load_timers(&mut self, store: usize) -> Result<(), OpenStateError> {
        let everything = Range { start: &[], end: &[], reverse: false, limit: usize::MAX };
        for entry in self.committed.range(store, &everything, |_| ()) {
            let (key, value) = entry?;
            if !self.timers.load(&key, &value.bytes) {
                let why = "a timer that was kept can't be read; reset the plugin".to_owned();
                return Err(OpenStateError::Refused(why));
            }
        }
        Ok(())
    }

    /// A module that knows an older encoding of a store's values must not read them.
    fn note_versions(&mut self, specs: &[StoreSpec]) -> Result<(), OpenStateError> {
        let versions = specs.len() + 1;
        for spec in specs {
            let noted = self.committed.get(versions, spec.name.as_bytes())?;
            let noted = noted.and_then(|value| Some(u32::from_be_bytes((*value.bytes).try_into().ok()?)));
            match noted {
                Some(noted) if noted > spec.version => {
                    return Err(OpenStateError::Refused(format!(
                        "the store {:?} holds values of version {noted}, and the module knows version {} only: put the \
                         newer module back, or reset the plugin",
                        spec.name, spec.version
                    )));
                }
                Some(noted) if noted == spec.version => {}
                _ => self.put(versions, spec.name.as_bytes(), Some(&spec.version.to_be_bytes()), 0)?,
            }
        }
        Ok(())
    }

    /// What is under a key, whatever its age.
    fn find(&mut self, store: usize, key: &[u8]) -> Result<Option<&Value>, StateError> {
        let open = &self.stores[store].open;
        if !open.is_empty() && open.contains_key(key) {
            return Ok(open[key].as_ref());
        }
        self.found = self.committed.get_and_keep(store, key)?;
        Ok(self.found.as_ref())
    }

    fn tidy_store(&mut self, store: usize, ttl_ms: i64) -> Result<(), StateError> {
        let tidy = &mut self.stores[store].tidy;
        if tidy.next.is_none() {
            if self.stream_time.saturating_sub(tidy.began) < ttl_ms / TIDY_PART {
                return Ok(());
            }
            *tidy = Tidy { began: self.stream_time, next: Some(Vec::new()) };
        }
        let start = tidy.next.take().unwrap_or_default();
        let range = Range { start: &start, end: &[], reverse: false, limit: TIDY_STEP };
        let mut gone = Vec::new();
        let mut last = None;
        for (looked, entry) in self.committed.range(store, &range, |_| ()).enumerate() {
            let (key, value) = entry?;
            if looked == TIDY_STEP {
                last = Some(key.to_vec());
                break;
            }
            if self.committed.is_gone(store, &value, self.stream_time) && !self.stores[store].open.contains_key(&key) {
                gone.push((key, value.written));
            }
        }
        self.stores[store].tidy.next = last;
        for (key, _) in gone {
            self.put(store, &key, None, self.stream_time)?;
        }
        Ok(())
    }
}

/// As long as a task is ours nobody else writes its changelog: what is on disk is in step with it until now.
impl Drop for TaskState {
    fn drop(&mut self) {
        self.meta.in_step = wall_clock();
        self.owner.writer().write(&self.committed, 0, self.meta.clone());
    }
}

impl State for TaskState {
    fn advance(&mut self, stream_time: i64) -> Result<(), StateError> {
        self.stream_time = self.stream_time.max(stream_time);
        Ok(())
    }

    fn get(&mut self, store: usize, key: &[u8]) -> Result<Option<(&[u8], i64)>, StateError> {
        let (committed, stream_time) = (self.committed.clone(), self.stream_time);
        let value = self.find(store, key)?;
        let value = value.filter(|value| !committed.is_gone(store, value, stream_time));
        Ok(value.map(|value| (&*value.bytes, value.written)))
    }

    fn scan(&mut self, store: usize, range: Range<'_>, each: super::Entry<'_>) -> Result<(), StateError> {
        let open = &self.stores[store].open;
        let lay_over = |above: &mut std::collections::BTreeMap<Key, Entry>| {
            let Some(bounds) = bounds(&range) else { return };
            let inside = open.iter().filter(|(key, _)| RangeBounds::<[u8]>::contains(&bounds, &***key));
            above.extend(inside.map(|(key, entry)| (key.clone(), entry.clone())));
        };
        let mut left = range.limit;
        for entry in self.committed.range(store, &range, lay_over) {
            if left == 0 {
                break;
            }
            let (key, value) = entry?;
            if !self.committed.is_gone(store, &value, self.stream_time) {
                each(&key, &value.bytes, value.written);
                left -= 1;
            }
        }
        Ok(())
    }

    fn put(&mut self, store: usize, key: &[u8], value: Option<&[u8]>, at: i64) -> Result<(), StateError> {
        let entry = value.map(|bytes| Value { bytes: bytes.into(), written: at });
        let open = &mut self.stores[store].open;
        match open.get_mut(key) {
            Some(before) => {
                let bytes = |entry: &Entry| entry.as_ref().map_or(0, |value| value.bytes.len());
                self.dirty_bytes = self.dirty_bytes + bytes(&entry) - bytes(before);
                *before = entry;
            }
            None => {
                let key: Key = key.into();
                self.dirty_bytes += bytes_of(&key, &entry);
                open.insert(key, entry);
            }
        }
        Ok(())
    }

    fn set_timer(&mut self, clock: Clock, key: &[u8], at: Option<i64>) {
        self.timers.set(clock, key, at);
        let store = self.stores.len() - 2;
        let kept = at.map(i64::to_be_bytes);
        let value = kept.as_ref().map(|at| &at[..]);
        // Writing to the open layer reads nothing, so it cannot fail.
        let _ = self.put(store, &timers::key(clock, key), value, self.stream_time);
    }

    fn due(&self, stream_time: i64, wall_clock: i64, most: usize) -> Vec<Timer> {
        self.timers.due(stream_time, wall_clock, most)
    }

    fn next_timer(&self, clock: Clock) -> Option<i64> {
        self.timers.next(clock)
    }

    fn is_dirty(&self) -> bool {
        self.stores.iter().any(|store| !store.open.is_empty())
    }

    fn dirty_bytes(&self) -> usize {
        self.dirty_bytes
    }

    fn tidy(&mut self) -> Result<(), StateError> {
        for store in 0..self.stores.len() {
            if let Some(ttl) = self.committed.stores[store].ttl_ms {
                self.tidy_store(store, i64::try_from(ttl).unwrap_or(i64::MAX))?;
            }
        }
        Ok(())
    }

    fn changes(&self, each: &mut dyn FnMut(Change<'_>) -> Result<(), StateError>) -> Result<(), StateError> {
        // What can't go to disk would stay in memory, for ever more of it.
        if self.owner.is_lost() {
            return Err(StateError("a write to the stores on disk has failed: the task is opened anew".into()));
        }
        let mut full = Vec::new();
        for (store, named) in self.stores.iter().zip(&self.committed.stores) {
            for (key, entry) in &store.open {
                full.clear();
                full.extend_from_slice(&named.prefix);
                full.extend_from_slice(key);
                let value = entry.as_ref().map(|value| &*value.bytes);
                let timestamp = entry.as_ref().map_or(self.stream_time, |value| value.written);
                each(Change { key: &full, value, timestamp })?;
            }
        }
        Ok(())
    }

    fn commit(&mut self, changelog_end: Option<i64>) {
        let (mut waiting, mut any) = (0, false);
        for (index, store) in self.stores.iter_mut().enumerate().filter(|(_, store)| !store.open.is_empty()) {
            waiting += self.committed.take(index, store.open.drain(..));
            any = true;
        }
        self.timers.commit();
        self.dirty_bytes = 0;
        self.committed.advance(self.stream_time);
        if let Some(end) = changelog_end {
            (self.meta.position, self.meta.in_step) = (end, wall_clock());
        }
        if any {
            self.owner.writer().write(&self.committed, waiting, self.meta.clone());
        }
    }

    fn abort(&mut self) {
        self.stores.iter_mut().for_each(|store| store.open.clear());
        self.timers.abort();
        self.dirty_bytes = 0;
        self.stream_time = self.committed.stream_time();
    }
}

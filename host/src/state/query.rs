//! What is committed, read from outside of the workers: no task's worker waits for it.

use super::layer::{Committed, Key};
use super::{Range, StateError, Stores};
use std::sync::Arc;

/// Bytes of keys and values in one answer, of all tasks together: what a query may hold in memory.
const MOST_BYTES: usize = 8 << 20;

/// So many entries of a task are looked at for one answer: many that have expired may lie before one that has not.
const MOST_LOOKED_AT: usize = 100_000;

/// A question to a store of a plugin.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Query {
    /// The store.
    pub store: String,
    /// Which of its entries.
    pub keys: Keys,
}

/// Which entries.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Keys {
    /// Those under this key.
    One(Vec<u8>),
    /// Those with `from` <= key < `to` in byte order; an empty `to` is no end.
    Page {
        /// The first key.
        from: Vec<u8>,
        /// The key after the last.
        to: Vec<u8>,
        /// About how many of them, at least 1. A key that is in several tasks is not torn apart.
        limit: usize,
    },
}

/// What there is.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Found {
    /// The tasks that were asked, by partition number.
    pub partitions: Vec<i32>,
    /// By key, and then by partition number.
    pub entries: Vec<FoundEntry>,
    /// Where a page goes on. None: it was the last.
    pub next: Option<Key>,
}

/// One entry of one task.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FoundEntry {
    /// The task's partition number.
    pub partition: i32,
    /// Its key.
    pub key: Key,
    /// Its value.
    pub value: Arc<[u8]>,
    /// The event time of its last write, in milliseconds since the Unix epoch.
    pub written: i64,
}

impl Stores {
    /// What is committed in a plugin's open tasks and has not expired. None: no open task has such a store. Blocks on the
    /// disk.
    ///
    /// # Errors
    /// The disk can't be read.
    pub fn query(&self, plugin: &str, query: &Query) -> Result<Option<Found>, StateError> {
        let tasks = self.committed(plugin).into_iter();
        let stores: Vec<Store> =
            tasks.filter_map(|(partition, task)| Store::of(partition, task, &query.store)).collect();
        if stores.is_empty() {
            return Ok(None);
        }
        let mut found = match &query.keys {
            Keys::One(key) => one(&stores, key)?,
            Keys::Page { from, to, limit } => page(&stores, from, to, *limit)?,
        };
        found.partitions = stores.iter().map(|store| store.partition).collect();
        Ok(Some(found))
    }
}

fn one(stores: &[Store], key: &[u8]) -> Result<Found, StateError> {
    let mut found = Found::default();
    for store in stores {
        found.entries.extend(store.get(key)?);
    }
    Ok(found)
}

fn page(stores: &[Store], from: &[u8], to: &[u8], limit: usize) -> Result<Found, StateError> {
    let range = Range { start: from, end: to, reverse: false, limit };
    let mut found = Found::default();
    for store in stores {
        let (entries, stopped) = store.entries(&range, MOST_BYTES / stores.len())?;
        found.entries.extend(entries);
        found.next = found.next.into_iter().chain(stopped).min();
    }
    Ok(found.cut(limit))
}

impl Found {
    /// One page of the pages of several hosts, of about `limit` entries.
    pub fn merged(pages: Vec<Found>, limit: usize) -> Found {
        let mut all = Found::default();
        for page in pages {
            all.partitions.extend(page.partitions);
            all.entries.extend(page.entries);
            all.next = all.next.into_iter().chain(page.next).min();
        }
        all.partitions.sort_unstable();
        all.partitions.dedup();
        all.cut(limit)
    }

    /// In order, and as far as all of its parts go.
    fn cut(mut self, limit: usize) -> Found {
        // Beyond the key that a task has stopped at, what that task has is missing.
        if let Some(next) = &self.next {
            self.entries.retain(|entry| entry.key < *next);
        }
        self.entries.sort_by(|a, b| (&a.key, a.partition).cmp(&(&b.key, b.partition)));
        // A task that moves while hosts are asked may be in two answers.
        self.entries.dedup_by(|a, b| (a.partition, &a.key) == (b.partition, &b.key));
        if let Some(last) = self.entries.get(limit.saturating_sub(1)) {
            let end = self.entries.partition_point(|entry| entry.key <= last.key);
            if let Some(after) = self.entries.get(end) {
                self.next = Some(after.key.clone());
                self.entries.truncate(end);
            }
        }
        self
    }
}

/// A store of one task.
struct Store {
    partition: i32,
    task: Arc<Committed>,
    index: usize,
}

impl Store {
    fn of(partition: i32, task: Arc<Committed>, name: &str) -> Option<Self> {
        Some(Store { index: task.store(name)?, partition, task })
    }

    fn get(&self, key: &[u8]) -> Result<Option<FoundEntry>, StateError> {
        let value = self.task.get(self.index, key)?;
        Ok(value.and_then(|value| self.entry(key.into(), value)))
    }

    /// Entries of a range, and the key that comes after them if that was not all.
    fn entries(&self, range: &Range<'_>, most_bytes: usize) -> Result<(Vec<FoundEntry>, Option<Key>), StateError> {
        let (mut entries, mut bytes) = (Vec::new(), 0);
        for (looked_at, entry) in self.task.range(self.index, range, |_| ()).enumerate() {
            let (key, value) = entry?;
            if entries.len() == range.limit || bytes >= most_bytes || looked_at == MOST_LOOKED_AT {
                return Ok((entries, Some(key)));
            }
            if let Some(entry) = self.entry(key, value) {
                bytes += entry.key.len() + entry.value.len();
                entries.push(entry);
            }
        }
        Ok((entries, None))
    }

    /// None: it has expired.
    fn entry(&self, key: Key, value: super::Value) -> Option<FoundEntry> {
        let gone = self.task.is_gone(self.index, &value, self.task.stream_time());
        (!gone).then_some(FoundEntry { partition: self.partition, key, value: value.bytes, written: value.written })
    }
}

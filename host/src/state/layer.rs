//! What is committed and not on disk yet: the one part of a task's state that its worker, the writer and queries share.

use super::disk::{Pair, Part, View};
use super::{Range, StateError, record};
use std::collections::BTreeMap;
use std::iter::Peekable;
use std::ops::Bound;
use std::sync::atomic::{AtomicI64, Ordering};
use std::sync::{Arc, PoisonError, RwLock};
use wasmill_contract::is_expired;

/// A key within its store. Shared, since the open layer, the cache, this layer and the writer all hold it.
pub type Key = Arc<[u8]>;

/// A value, and the event time of its write.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Value {
    /// Its bytes.
    pub bytes: Arc<[u8]>,
    /// Milliseconds since the Unix epoch.
    pub written: i64,
}

/// None: deleted.
pub type Entry = Option<Value>;

/// What an entry takes in a map, beside its bytes.
const ENTRY_OVERHEAD: usize = 96;

/// About what an entry takes in memory.
pub fn bytes_of(key: &Key, entry: &Entry) -> usize {
    key.len() + entry.as_ref().map_or(0, |value| value.bytes.len()) + ENTRY_OVERHEAD
}

/// One store as the shared layers see it.
#[derive(Debug)]
pub struct Named {
    /// Its name.
    pub name: String,
    /// What its keys on disk and in the changelog begin with.
    pub prefix: Vec<u8>,
    /// Milliseconds.
    pub ttl_ms: Option<u64>,
}

impl Named {
    /// A store of this name.
    pub fn new(name: &str, ttl_ms: Option<u64>) -> Self {
        Named { name: name.to_owned(), prefix: record::prefix(name), ttl_ms }
    }

    /// A key with its store's name before it.
    pub fn full(&self, key: &[u8]) -> Vec<u8> {
        [&self.prefix, key].concat()
    }

    /// Where its keys end on disk, given the end of a range; empty: the end of the store.
    fn end(&self, end: &[u8]) -> Vec<u8> {
        // The prefix begins with a length below 255, so there is always a key after it.
        if end.is_empty() { record::after_all_with(&self.prefix) } else { self.full(end) }
    }
}

/// Entries by key, each with the number of the commit that it belongs to.
pub type Pending = Vec<BTreeMap<Key, (u64, Entry)>>;

/// What is committed of a task.
pub struct Committed {
    /// Its stores, in the order of the wiring; the host's own come last.
    pub stores: Vec<Named>,
    /// Entries that are not on disk yet.
    pub pending: RwLock<Pending>,
    /// Everything else.
    pub part: Part,
    stream_time: AtomicI64,
}

impl Committed {
    /// Of a task whose entries are all on disk.
    pub fn new(stores: Vec<Named>, part: Part, stream_time: i64) -> Self {
        let pending = stores.iter().map(|_| BTreeMap::new()).collect();
        Committed { stores, pending: RwLock::new(pending), part, stream_time: AtomicI64::new(stream_time) }
    }

    /// The index of a store.
    pub fn store(&self, name: &str) -> Option<usize> {
        self.stores.iter().position(|store| store.name == name)
    }

    /// The stream time of the last commit.
    pub fn stream_time(&self) -> i64 {
        self.stream_time.load(Ordering::Relaxed)
    }

    /// Takes in what a commit has committed.
    pub fn take(&self, number: u64, entries: &[(usize, Key, Entry)], stream_time: i64) {
        self.stream_time.store(stream_time, Ordering::Relaxed);
        let mut pending = self.pending.write().unwrap_or_else(PoisonError::into_inner);
        for (store, key, entry) in entries {
            pending[*store].insert(key.clone(), (number, entry.clone()));
        }
    }

    /// Lets go of what a commit has committed, now that it is on disk, unless a later one wrote it again.
    pub fn release(&self, number: u64, entries: &[(usize, Key, Entry)]) {
        let mut pending = self.pending.write().unwrap_or_else(PoisonError::into_inner);
        for (store, key, _) in entries {
            if pending[*store].get(key).is_some_and(|(last, _)| *last <= number) {
                pending[*store].remove(key);
            }
        }
    }

    /// What is under a key, whatever its age.
    pub fn get(&self, store: usize, key: &[u8]) -> Result<Entry, StateError> {
        {
            let pending = self.pending.read().unwrap_or_else(PoisonError::into_inner);
            if let Some((_, entry)) = pending[store].get(key) {
                return Ok(entry.clone());
            }
        }
        let stored = self.part.get(&self.stores[store].full(key))?;
        stored.as_ref().map(|stored| value(stored.as_ref())).transpose()
    }

    /// Entries of a range in order, whatever their age, seen all at one moment. `over` may lay others over them.
    pub fn range(
        &self,
        store: usize,
        range: &Range<'_>,
        over: impl FnOnce(&mut BTreeMap<Key, Entry>),
    ) -> impl Iterator<Item = Result<(Key, Value), StateError>> {
        let (view, mut above) = self.at_one_moment(store, range);
        over(&mut above);
        let named = &self.stores[store];
        let (start, end) = (named.full(range.start), named.end(range.end));
        let below: Box<dyn Iterator<Item = Pair>> = match start < end {
            true => view.range(&start, &end, range.reverse),
            false => Box::new(std::iter::empty()),
        };
        Merged { prefix: named.prefix.len(), below: below.peekable(), above, reverse: range.reverse }
    }

    fn at_one_moment(&self, store: usize, range: &Range<'_>) -> (View, BTreeMap<Key, Entry>) {
        // The writer lets go of an entry only after it is on disk: seen under one lock, each is in one place at least.
        let pending = self.pending.read().unwrap_or_else(PoisonError::into_inner);
        let bounds = bounds(range);
        let above = match bounds {
            Some(bounds) => {
                pending[store].range::<[u8], _>(bounds).map(|(key, (_, entry))| (key.clone(), entry.clone()))
            }
            None => return (self.part.view(), BTreeMap::new()),
        };
        (self.part.view(), above.collect())
    }

    /// Whether a value is gone at a stream time.
    pub fn is_gone(&self, store: usize, value: &Value, stream_time: i64) -> bool {
        is_expired(value.written, stream_time, self.stores[store].ttl_ms)
    }
}

/// A range of keys as maps take it.
pub type Bounds<'a> = (Bound<&'a [u8]>, Bound<&'a [u8]>);

/// A range as maps take it; None: it is empty.
pub fn bounds<'a>(range: &Range<'a>) -> Option<Bounds<'a>> {
    match range.end {
        [] => Some((Bound::Included(range.start), Bound::Unbounded)),
        end if range.start < end => Some((Bound::Included(range.start), Bound::Excluded(end))),
        _ => None,
    }
}

fn value(stored: &[u8]) -> Result<Value, StateError> {
    let (written, bytes) =
        record::unstored(stored).ok_or_else(|| StateError("an entry on disk is shorter than its header".into()))?;
    Ok(Value { bytes: bytes.into(), written })
}

/// Two sorted sequences as one, the upper one's entries in the place of the lower one's.
struct Merged {
    prefix: usize,
    below: Peekable<Box<dyn Iterator<Item = Pair>>>,
    above: BTreeMap<Key, Entry>,
    reverse: bool,
}

impl Iterator for Merged {
    type Item = Result<(Key, Value), StateError>;

    fn next(&mut self) -> Option<Self::Item> {
        loop {
            let above = if self.reverse { self.above.last_key_value() } else { self.above.first_key_value() };
            let order = match (self.below.peek(), above) {
                (Some(Err(_)), _) => std::cmp::Ordering::Less,
                (Some(Ok((key, _))), Some((upper, _))) => {
                    let order = key[self.prefix..].cmp(upper);
                    if self.reverse { order.reverse() } else { order }
                }
                (Some(Ok(_)), None) => std::cmp::Ordering::Less,
                (None, Some(_)) => std::cmp::Ordering::Greater,
                (None, None) => return None,
            };
            if order == std::cmp::Ordering::Less {
                let pair = self.below.next()?;
                return Some(pair.and_then(|(key, stored)| Ok((key[self.prefix..].into(), value(&stored)?))));
            }
            if order == std::cmp::Ordering::Equal {
                self.below.next();
            }
            let above = if self.reverse { self.above.pop_last() } else { self.above.pop_first() };
            if let Some((key, Some(value))) = above {
                return Some(Ok((key, value)));
            }
        }
    }
}

//! What is committed and not on disk yet: the one part of a task's state that its worker, the writer and queries share.

use super::disk::{Meta, Pair, Part, View};
use super::{Range, StateError, record};
use std::collections::{BTreeMap, btree_map};
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
    key.len() + value_bytes(entry) + ENTRY_OVERHEAD
}

fn value_bytes(entry: &Entry) -> usize {
    entry.as_ref().map_or(0, |value| value.bytes.len())
}

fn no_entries(stores: usize) -> Layer {
    (0..stores).map(|_| BTreeMap::new()).collect()
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

/// Entries of each store.
pub type Layer = Vec<BTreeMap<Key, Entry>>;

/// What is not on disk yet.
pub struct Pending {
    /// Of commits that the writer has not begun to write.
    fresh: Layer,
    /// What the writer is writing; below what is fresh.
    leaving: Arc<Layer>,
    /// What is to be noted with what is fresh, if anything is.
    meta: Option<Meta>,
    /// About what the fresh ones take in memory, less what was taken out of the count.
    bytes: isize,
}

/// What the writer takes over, all of it at one commit.
pub struct Leaving {
    /// The entries.
    pub layer: Arc<Layer>,
    /// What is noted with them.
    pub meta: Meta,
    /// What was counted of them.
    pub bytes: isize,
}

/// What is committed of a task.
pub struct Committed {
    /// Its stores, in the order of the wiring; the host's own come last.
    pub stores: Vec<Named>,
    pending: RwLock<Pending>,
    /// Everything else.
    pub part: Part,
    stream_time: AtomicI64,
}

impl Committed {
    /// Of a task whose entries are all on disk.
    pub fn new(stores: Vec<Named>, part: Part, stream_time: i64) -> Self {
        let fresh = no_entries(stores.len());
        let pending = Pending { fresh, leaving: Arc::default(), meta: None, bytes: 0 };
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

    /// The stream time of a commit.
    pub fn advance(&self, stream_time: i64) {
        self.stream_time.store(stream_time, Ordering::Relaxed);
    }

    /// Takes in what a commit has committed, and what is to be noted with it; answers how many bytes more (or, below zero, less)
    /// wait for the disk, and whether the writer has to be told that something does.
    pub fn take(&self, entries: Vec<(usize, Key, Entry)>, meta: Meta) -> (isize, bool) {
        let mut pending = self.pending.write().unwrap_or_else(PoisonError::into_inner);
        let before = pending.bytes;
        for (store, key, entry) in entries {
            let bytes = value_bytes(&entry) as isize;
            // A key that is written again before it goes to disk goes there once.
            let more = match pending.fresh[store].entry(key) {
                btree_map::Entry::Occupied(mut held) => {
                    let held = held.insert(entry);
                    bytes - value_bytes(&held) as isize
                }
                btree_map::Entry::Vacant(place) => {
                    let more = (place.key().len() + ENTRY_OVERHEAD) as isize + bytes;
                    place.insert(entry);
                    more
                }
            };
            pending.bytes += more;
        }
        let is_first = pending.meta.replace(meta).is_none();
        (pending.bytes - before, is_first)
    }

    /// What is to be written now. Readers see it until it is [`released`](Self::release). None: nothing waits.
    pub fn leave(&self) -> Option<Leaving> {
        let mut pending = self.pending.write().unwrap_or_else(PoisonError::into_inner);
        let meta = pending.meta.take()?;
        let bytes = std::mem::take(&mut pending.bytes);
        pending.leaving = Arc::new(std::mem::replace(&mut pending.fresh, no_entries(self.stores.len())));
        Some(Leaving { layer: pending.leaving.clone(), meta, bytes })
    }

    /// Nothing can be written any more: what waits stays in memory. Answers how many bytes were counted of it.
    pub fn stay(&self) -> isize {
        let mut pending = self.pending.write().unwrap_or_else(PoisonError::into_inner);
        pending.meta = None;
        std::mem::take(&mut pending.bytes)
    }

    /// What has left is on disk.
    pub fn release(&self) {
        let mut pending = self.pending.write().unwrap_or_else(PoisonError::into_inner);
        let left = std::mem::take(&mut pending.leaving);
        // So many entries are not let go of under the lock.
        drop(pending);
        drop(left);
    }

    /// What is under a key, whatever its age.
    pub fn get(&self, store: usize, key: &[u8]) -> Result<Entry, StateError> {
        {
            let pending = self.pending.read().unwrap_or_else(PoisonError::into_inner);
            let leaving = pending.leaving.get(store).and_then(|leaving| leaving.get(key));
            if let Some(entry) = pending.fresh[store].get(key).or(leaving) {
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
        let mut above = BTreeMap::new();
        if let Some(bounds) = bounds(range) {
            let layers = pending.leaving.get(store).into_iter().chain([&pending.fresh[store]]);
            for layer in layers {
                let inside = layer.range::<[u8], _>(bounds);
                above.extend(inside.map(|(key, entry)| (key.clone(), entry.clone())));
            }
        }
        (self.part.view(), above)
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

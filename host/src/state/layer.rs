//! What is committed of a task: the one part of its state that its worker, the writer and queries share.

use super::budget::Share;
use super::disk::{Meta, Pair, Part, View};
use super::hot::Hot;
use super::{Range, StateError, record};
use smallvec::SmallVec;
use std::collections::BTreeMap;
use std::iter::Peekable;
use std::ops::Bound;
use std::sync::atomic::{AtomicI64, Ordering};
use std::sync::{Arc, Mutex, PoisonError, RwLock, RwLockReadGuard, RwLockWriteGuard};
use wasmill_contract::is_expired;

/// A key within its store. A short one lies where the key is kept: to look for an entry costs one cache line less then.
pub type Key = SmallVec<[u8; 24]>;

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

/// So many entries are handed over under one lock: whoever reads or commits meanwhile waits no longer than that takes.
const AT_ONCE: usize = 512;

/// What is committed of a task.
pub struct Committed {
    /// Its stores, in the order of the wiring; the host's own come last.
    pub stores: Vec<Named>,
    /// What of each is in memory.
    hot: Vec<RwLock<Hot>>,
    /// What is to be noted with what waits for the disk, if anything does.
    meta: Mutex<Option<Meta>>,
    /// Everything else.
    pub part: Part,
    stream_time: AtomicI64,
}

/// What is on its way to disk, all of what waited at one commit or later.
pub struct Leaving {
    /// What is noted with it: where the task stood at that commit.
    pub meta: Meta,
    slots: Vec<Vec<u32>>,
}

impl Committed {
    /// Of a task whose entries are all on disk. Of each store there may be about its share in memory as well.
    pub fn new(stores: Vec<Named>, shares: impl Iterator<Item = Share>, part: Part, stream_time: i64) -> Self {
        let hot = shares.map(|share| RwLock::new(Hot::new(share))).collect();
        Committed { stores, hot, meta: Mutex::default(), part, stream_time: AtomicI64::new(stream_time) }
    }

    fn hot(&self, store: usize) -> RwLockReadGuard<'_, Hot> {
        self.hot[store].read().unwrap_or_else(PoisonError::into_inner)
    }

    fn hot_mut(&self, store: usize) -> RwLockWriteGuard<'_, Hot> {
        self.hot[store].write().unwrap_or_else(PoisonError::into_inner)
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

    /// Takes in what a commit has committed of a store; answers how many bytes more (or, below zero, less) wait for the disk.
    pub fn take(&self, store: usize, entries: impl Iterator<Item = (Key, Entry)>) -> isize {
        let mut hot = self.hot_mut(store);
        entries.map(|(key, entry)| hot.write(key, entry)).sum()
    }

    /// Says what is to be noted with what was taken in. Answers whether the writer has to be told that something waits.
    pub fn note(&self, meta: Meta) -> bool {
        self.meta.lock().unwrap_or_else(PoisonError::into_inner).replace(meta).is_none()
    }

    /// What is to be written now. Readers see it until it is [`released`](Self::release). None: nothing waits.
    pub fn leave(&self) -> Option<Leaving> {
        // First, so that all that this was noted of is in what leaves.
        let meta = self.meta.lock().unwrap_or_else(PoisonError::into_inner).take()?;
        let slots = (0..self.stores.len()).map(|store| self.hot_mut(store).leave()).collect();
        Some(Leaving { meta, slots })
    }

    /// The entries of a store that leave, in order, and how many bytes were counted of them. They may be of later commits
    /// than what is noted: in a changelog the last value of a key wins.
    pub fn gather(&self, store: usize, leaving: &Leaving) -> (Vec<(Key, Entry)>, isize) {
        let slots = &leaving.slots[store];
        let (mut entries, mut bytes) = (Vec::with_capacity(slots.len()), 0);
        for some in slots.chunks(AT_ONCE) {
            bytes += self.hot_mut(store).gather(some, &mut entries);
        }
        entries.sort_unstable_by(|(one, _), (other, _)| one.cmp(other));
        (entries, bytes)
    }

    /// Nothing can be written any more: what leaves stays in memory. Answers how many bytes were counted of it.
    pub fn stay(&self, leaving: &Leaving) -> isize {
        (0..).zip(&leaving.slots).map(|(store, slots)| self.hot(store).waiting(slots)).sum()
    }

    /// What has left is on disk.
    pub fn release(&self, leaving: &Leaving) {
        for (store, slots) in (0..).zip(&leaving.slots) {
            slots.chunks(AT_ONCE).for_each(|some| self.hot_mut(store).release(some));
        }
    }

    /// What is under a key, whatever its age.
    pub fn get(&self, store: usize, key: &[u8]) -> Result<Entry, StateError> {
        let known = self.hot(store).get(key).cloned();
        known.map_or_else(|| self.get_from_disk(store, key), Ok)
    }

    /// The same, and it stays in memory. For the worker alone, so that nothing is committed meanwhile.
    pub fn get_and_keep(&self, store: usize, key: &[u8]) -> Result<Entry, StateError> {
        if let Some(entry) = self.hot(store).get(key) {
            return Ok(entry.clone());
        }
        let entry = self.get_from_disk(store, key)?;
        self.hot_mut(store).keep(key.into(), entry.clone());
        Ok(entry)
    }

    fn get_from_disk(&self, store: usize, key: &[u8]) -> Result<Entry, StateError> {
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
        let mut hot = self.hot(store);
        while !hot.is_in_order() {
            drop(hot);
            self.hot_mut(store).put_in_order();
            hot = self.hot(store);
        }
        // The writer lets go of an entry only after it is on disk: seen under one lock, each is in one place at least.
        let above = bounds(range).map(|bounds| hot.above(bounds)).unwrap_or_default();
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

//! Entries of one store of a task in memory: those that were used lately, and those that are committed and not on disk yet.

use super::budget::Share;
use super::layer::{Bounds, Entry, Key, bytes_of};
use foldhash::fast::RandomState;
use hashbrown::HashTable;
use std::collections::BTreeMap;
use std::hash::BuildHasher;
use std::sync::atomic::{AtomicBool, Ordering};
use wasmill_contract::Chunks;

/// Slots that are made at once.
const CHUNK: usize = 256;

/// One place an entry, found with one hash. What is not on disk yet stays; of the rest, what was not used since the hand of a
/// clock came by is forgotten when it takes more than the share.
pub struct Hot {
    slots: Chunks<Slot, CHUNK>,
    free: Vec<u32>,
    index: HashTable<u32>,
    hasher: RandomState,
    /// Slots that were written since the writer took over the last time, each once.
    fresh: Vec<u32>,
    /// How many are not on disk yet.
    pinned: usize,
    /// Those in the order of their keys, from the first scan on that comes upon any, until there are none.
    order: Option<BTreeMap<Key, u32>>,
    /// Bytes of the entries that are on disk as well.
    spare: usize,
    share: Share,
    /// The slot that is looked at next when something is to be forgotten.
    hand: usize,
}

struct Slot {
    key: Key,
    entry: Entry,
    /// There is nothing in it.
    free: bool,
    used: AtomicBool,
    /// It is in `fresh`.
    fresh: bool,
    /// The writer has taken it over, and has not said yet that it is on disk.
    leaving: bool,
}

impl Slot {
    fn new(key: Key, entry: Entry) -> Self {
        Slot { key, entry, free: false, used: AtomicBool::new(false), fresh: false, leaving: false }
    }

    fn is_pinned(&self) -> bool {
        self.fresh || self.leaving
    }

    fn bytes(&self) -> usize {
        if self.free { 0 } else { bytes_of(&self.key, &self.entry) }
    }
}

impl Hot {
    /// Knows nothing yet, and keeps about its share of what is on disk as well.
    pub fn new(share: Share) -> Self {
        Hot {
            slots: Chunks::default(),
            free: Vec::new(),
            index: HashTable::new(),
            hasher: RandomState::default(),
            fresh: Vec::new(),
            pinned: 0,
            order: None,
            spare: 0,
            share,
            hand: 0,
        }
    }

    fn place(&self, key: &[u8]) -> Option<usize> {
        let is_it = |slot: &u32| *self.slots[*slot as usize].key == *key;
        self.index.find(self.hasher.hash_one(key), is_it).map(|slot| *slot as usize)
    }

    /// What is known of a key: an entry, or that there is none (the inner None). The outer None: nothing is known.
    pub fn get(&self, key: &[u8]) -> Option<&Entry> {
        let slot = &self.slots[self.place(key)?];
        // Most that are looked for have been before: a write would take the line away from other threads that read it.
        if !slot.used.load(Ordering::Relaxed) {
            slot.used.store(true, Ordering::Relaxed);
        }
        Some(&slot.entry)
    }

    /// Takes in what is on disk. Nothing may be known of the key.
    pub fn keep(&mut self, key: Key, entry: Entry) {
        let slot = Slot::new(key, entry);
        self.spare += slot.bytes();
        self.add(slot);
        self.forget();
    }

    /// Takes in what was committed. Answers how many bytes more wait for the disk.
    pub fn write(&mut self, key: Key, entry: Entry) -> isize {
        let Some(index) = self.place(&key) else {
            let slot = Slot { fresh: true, ..Slot::new(key, entry) };
            let bytes = slot.bytes();
            let index = self.add(slot);
            self.fresh.push(index);
            self.pin(index);
            return bytes as isize;
        };
        let slot = &mut self.slots[index];
        let (before, was_pinned) = (slot.bytes(), slot.is_pinned());
        slot.entry = entry;
        let bytes = slot.bytes();
        // A key that is written again before it goes to disk goes there once.
        if slot.fresh {
            return bytes as isize - before as isize;
        }
        slot.fresh = true;
        self.fresh.push(index as u32);
        if !was_pinned {
            self.spare -= before;
            self.pin(index as u32);
        }
        bytes as isize
    }

    fn add(&mut self, slot: Slot) -> u32 {
        let hash = self.hasher.hash_one(&*slot.key);
        let index = match self.free.pop() {
            Some(index) => {
                self.slots[index as usize] = slot;
                index
            }
            None => self.slots.push(slot) as u32,
        };
        let (slots, hasher) = (&self.slots, &self.hasher);
        let of = |slot: &u32| hasher.hash_one(&*slots[*slot as usize].key);
        self.index.insert_unique(hash, index, of);
        index
    }

    fn pin(&mut self, index: u32) {
        self.pinned += 1;
        if let Some(order) = &mut self.order {
            order.insert(self.slots[index as usize].key.clone(), index);
        }
    }

    /// What is to go to disk, slot by slot. Entries that are written before they are [`gathered`](Self::gather) go there as
    /// they are then.
    pub fn leave(&mut self) -> Vec<u32> {
        std::mem::take(&mut self.fresh)
    }

    /// The entries of some of the slots that leave. Answers how many bytes were counted as waiting of them.
    pub fn gather(&mut self, slots: &[u32], into: &mut Vec<(Key, Entry)>) -> isize {
        let mut bytes = 0;
        for index in slots {
            let slot = &mut self.slots[*index as usize];
            (slot.fresh, slot.leaving) = (false, true);
            bytes += slot.bytes();
            into.push((slot.key.clone(), slot.entry.clone()));
        }
        bytes as isize
    }

    /// What was in some of the slots that left is on disk.
    pub fn release(&mut self, slots: &[u32]) {
        for index in slots {
            let slot = &mut self.slots[*index as usize];
            slot.leaving = false;
            if !slot.fresh {
                self.spare += slot.bytes();
                self.pinned -= 1;
                if let Some(order) = &mut self.order {
                    order.remove(&slot.key);
                }
            }
        }
        if self.pinned == 0 {
            self.order = None;
        }
        self.forget();
    }

    /// Bytes that were counted as waiting of these slots.
    pub fn waiting(&self, slots: &[u32]) -> isize {
        slots.iter().map(|slot| self.slots[*slot as usize].bytes()).sum::<usize>() as isize
    }

    /// Forgets entries that are on disk, too, until they take no more than the share.
    fn forget(&mut self) {
        let most = self.share.bytes();
        // The first turn takes the marks away, so that the second one frees all.
        let mut turns = 2 * self.slots.len();
        while self.spare > most && turns > 0 {
            turns -= 1;
            let index = self.hand;
            self.hand = (index + 1) % self.slots.len();
            let slot = &mut self.slots[index];
            if slot.free || slot.is_pinned() || std::mem::take(slot.used.get_mut()) {
                continue;
            }
            self.spare -= slot.bytes();
            let key = std::mem::take(&mut slot.key);
            (slot.entry, slot.free) = (None, true);
            if let Ok(found) = self.index.find_entry(self.hasher.hash_one(&*key), |slot| *slot as usize == index) {
                found.remove();
            }
            self.free.push(index as u32);
        }
    }

    /// Whether [`above`](Self::above) can tell.
    pub fn is_in_order(&self) -> bool {
        self.pinned == 0 || self.order.is_some()
    }

    /// Puts what is not on disk yet in order, and keeps it so.
    pub fn put_in_order(&mut self) {
        if self.is_in_order() {
            return;
        }
        let pinned = (0..).zip(self.slots.iter()).filter(|(_, slot)| slot.is_pinned());
        self.order = Some(pinned.map(|(index, slot)| (slot.key.clone(), index)).collect());
    }

    /// What is not on disk yet of a range, or what waits to take the place of what is.
    pub fn above(&self, bounds: Bounds<'_>) -> BTreeMap<Key, Entry> {
        let inside = self.order.iter().flat_map(|order| order.range::<[u8], _>(bounds));
        inside.map(|(key, slot)| (key.clone(), self.slots[*slot as usize].entry.clone())).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::state::budget::Budget;
    use crate::state::layer::Value;
    use std::ops::Bound;

    /// The least that a share is.
    const BYTES: usize = 64 << 10;

    fn hot() -> Hot {
        Hot::new(Budget::new(BYTES).share())
    }

    fn key(name: impl ToString) -> Key {
        name.to_string().into_bytes().into()
    }

    fn entry(value: &str) -> Entry {
        Some(Value { bytes: value.as_bytes().into(), written: 0 })
    }

    fn flush(hot: &mut Hot) -> Vec<(Key, Entry)> {
        let (leaving, mut gathered) = (hot.leave(), Vec::new());
        hot.gather(&leaving, &mut gathered);
        hot.release(&leaving);
        gathered
    }

    fn above(hot: &mut Hot) -> Vec<Key> {
        hot.put_in_order();
        hot.above((Bound::Unbounded, Bound::Unbounded)).into_keys().collect()
    }

    #[test]
    fn what_is_used_stays_and_what_is_not_goes() {
        let mut hot = hot();
        hot.keep(key("used"), entry("1"));
        hot.keep(key("unused"), entry("2"));
        for number in 0..5_000 {
            hot.keep(key(number), entry("x"));
            assert_eq!(hot.get(b"used"), Some(&entry("1")));
        }
        assert_eq!(hot.get(b"unused"), None);
        assert!(hot.spare <= BYTES);
        let held: usize = hot.slots.iter().map(Slot::bytes).sum();
        assert_eq!(held, hot.spare);
        assert_eq!(hot.index.len(), hot.slots.len() - hot.free.len());
    }

    #[test]
    fn what_is_not_on_disk_stays_whatever_it_takes() {
        let mut hot = hot();
        let mut waiting = 0;
        for number in 0..5_000 {
            waiting += hot.write(key(number), entry("x"));
        }
        assert!(waiting as usize > 2 * BYTES);
        assert!((0..5_000).all(|number| hot.get(number.to_string().as_bytes()) == Some(&entry("x"))));
        let leaving = hot.leave();
        let mut gathered = Vec::new();
        assert_eq!(hot.gather(&leaving, &mut gathered), waiting);
        assert_eq!((gathered.len(), hot.pinned), (5_000, 5_000));
        hot.release(&leaving);
        assert_eq!(hot.pinned, 0);
        assert!(hot.spare <= BYTES);
    }

    #[test]
    fn it_knows_of_a_key_that_is_not_there_and_the_last_value_counts() {
        let mut hot = hot();
        hot.keep(key("k"), None);
        assert_eq!(hot.get(b"k"), Some(&None));
        let first = hot.write(key("k"), entry("new"));
        assert_eq!(hot.write(key("k"), entry("newer")), 2);
        assert_eq!(hot.get(b"k"), Some(&entry("newer")));
        assert_eq!(hot.get(b"other"), None);
        let leaving = hot.leave();
        let mut gathered = Vec::new();
        assert_eq!(hot.gather(&leaving, &mut gathered), first + 2);
        assert_eq!(gathered, [(key("k"), entry("newer"))]);
    }

    #[test]
    fn what_is_written_again_while_it_leaves_leaves_again() {
        let mut hot = hot();
        hot.write(key("a"), entry("1"));
        hot.write(key("b"), entry("1"));
        let leaving = hot.leave();
        hot.write(key("b"), entry("2"));
        let mut gathered = Vec::new();
        hot.gather(&leaving, &mut gathered);
        assert_eq!(gathered, [(key("a"), entry("1")), (key("b"), entry("2"))]);
        assert!(hot.leave().is_empty(), "it went as it was when it was gathered");
        hot.write(key("a"), entry("3"));
        hot.release(&leaving);
        assert_eq!(above(&mut hot), [key("a")]);
        assert_eq!(flush(&mut hot), [(key("a"), entry("3"))]);
        assert_eq!(above(&mut hot), [] as [Key; 0]);
    }

    #[test]
    fn a_scan_sees_what_is_not_on_disk_before_and_after_it_was_put_in_order() {
        let mut hot = hot();
        hot.keep(key("on disk"), entry("0"));
        hot.write(key("b"), entry("1"));
        assert_eq!(above(&mut hot), [key("b")]);
        hot.write(key("a"), None);
        hot.write(key("on disk"), None);
        assert_eq!(above(&mut hot), [key("a"), key("b"), key("on disk")]);
        let inside = hot.above((Bound::Included(b"a"), Bound::Excluded(b"b")));
        assert_eq!(inside.into_iter().collect::<Vec<_>>(), [(key("a"), None)]);
        flush(&mut hot);
        assert!(hot.order.is_none() && hot.is_in_order());
    }
}

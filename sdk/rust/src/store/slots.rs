//! What an instance knows of a store's entries: decoded, kept from one call to the next, and written once a call.

use super::codec::{Codec, unreadable};
use super::reader::{Age, Reader, written_at};
use super::slab::{Key, Slab, Slot};
use crate::Failure;
use crate::input::Run;
use foldhash::fast::RandomState;
use hashbrown::HashTable;
use std::hash::BuildHasher;
use std::mem::replace;

/// Looked for twice or more.
const AGAIN: u8 = 2;

/// How a store was declared.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Spec {
    pub(crate) name: String,
    pub(crate) ttl_ms: Option<u64>,
    pub(crate) version: u32,
    pub(crate) keyed_by_event: bool,
}

/// One store's entries.
pub(crate) struct Slots<V> {
    /// Index in the wiring.
    pub(crate) store: u32,
    pub(crate) spec: Spec,
    pub(crate) codec: Codec<V>,
    /// By partition number: a worker has few.
    pub(super) tasks: Vec<(u32, Known)>,
    /// Which of them the call is for.
    pub(super) task: usize,
    hasher: RandomState,
    pub(super) slots: Slab<V>,
    /// Entries written in this call, in the order of their first writes.
    pub(super) dirty: Vec<u32>,
    /// What the entries were before the event at hand wrote them.
    pub(super) journal: Vec<Undo<V>>,
    /// Bytes of the entries of all tasks.
    pub(super) bytes: usize,
    /// The slot that is looked at next when something has to be forgotten.
    pub(super) hand: u32,
    /// In this call, the keys of events up to here were fetched.
    pub(super) fetched: usize,
}

/// The slots of a task's keys, by the hash of the key.
pub(super) type Known = HashTable<u32>;

pub(super) enum Held<V> {
    Nothing,
    Value(V),
    /// Bytes that do not decode: an error for whoever reads them.
    Unreadable(Vec<u8>),
}

pub(super) struct Undo<V> {
    pub(super) slot: u32,
    pub(super) held: Held<V>,
    pub(super) written: i64,
    pub(super) source: u32,
    pub(super) dirty: bool,
}

/// What a call has written under a key. None: deleted, or gone.
pub(crate) type Written<V> = (Key, Option<V>);

/// Where an entry is looked for, and when.
#[derive(Clone, Copy)]
pub(crate) struct At<'a> {
    pub(crate) reader: &'a dyn Reader,
    pub(crate) run: &'a Run<'a>,
    /// Index of the event.
    pub(crate) source: u32,
    pub(crate) stream_time: i64,
}

impl<V> Slots<V> {
    pub(crate) fn new(store: u32, name: &str, codec: Codec<V>) -> Self {
        Slots {
            store,
            spec: Spec { name: name.into(), ttl_ms: None, version: 0, keyed_by_event: false },
            codec,
            tasks: vec![],
            task: 0,
            hasher: RandomState::default(),
            slots: Slab::default(),
            dirty: vec![],
            journal: vec![],
            bytes: 0,
            hand: 0,
            fetched: 0,
        }
    }

    pub(crate) fn age(&self, stream_time: i64) -> Age {
        Age { stream_time, ttl_ms: self.spec.ttl_ms }
    }

    /// The slot of a key of the call's task, if it is known.
    #[inline]
    fn known(&self, key: &[u8]) -> Option<u32> {
        let is_it = |slot: &u32| *self.slots[*slot].key == *key;
        self.tasks[self.task].1.find(self.hasher.hash_one(key), is_it).copied()
    }

    /// The entry of a key, from the host unless it is known.
    #[inline]
    pub(crate) fn find(&mut self, key: &[u8], at: At<'_>) -> u32 {
        match self.known(key) {
            Some(slot) => {
                let used = &mut self.slots[slot].used;
                *used = AGAIN.min(*used + 1);
                slot
            }
            None => self.find_further(key, at),
        }
    }

    fn find_further(&mut self, key: &[u8], at: At<'_>) -> u32 {
        let wanted = self.expect(key);
        self.slots[wanted].used = 1;
        let mut asked = vec![wanted];
        if self.spec.keyed_by_event {
            // The next events will ask for theirs: a call of the host's costs as much as a short event.
            let from = self.fetched.max(at.source as usize + 1);
            for key in at.run.keys().skip(from).flatten() {
                if self.known(key).is_none() {
                    asked.push(self.expect(key));
                }
            }
            self.fetched = at.run.len();
        }
        self.fetch(&asked, at.reader);
        wanted
    }

    /// A place for an entry that is not known.
    fn expect(&mut self, key: &[u8]) -> u32 {
        let index = self.slots.add(Slot::new(Key::from_slice(key), self.task as u32));
        let (slots, hasher) = (&self.slots, &self.hasher);
        let hash_of = |slot: &u32| hasher.hash_one(&*slots[*slot].key);
        self.tasks[self.task].1.insert_unique(hasher.hash_one(key), index, hash_of);
        index
    }

    /// Fills in the entries; those that the host left out, never the first one, are unknown again.
    fn fetch(&mut self, asked: &[u32], reader: &dyn Reader) {
        let keys = asked.iter().map(|slot| &*self.slots[*slot].key);
        let lengths: Vec<u32> = keys.clone().map(|key| key.len() as u32).collect();
        let keys: Vec<u8> = keys.flatten().copied().collect();
        let values = reader.get_many(self.store, &lengths, &keys);
        assert!(!values.lengths.is_empty(), "the host answers for one key at least");
        let mut data = values.data.as_slice();
        for (index, (length, slot)) in values.lengths.iter().zip(asked).enumerate() {
            let slot = &mut self.slots[*slot];
            if let Ok(length) = usize::try_from(*length) {
                let (value, rest) = data.split_at(length);
                data = rest;
                slot.written = written_at(&values.written, index);
                slot.size = length as u32;
                slot.held = match (self.codec.decode)(value) {
                    Ok(value) => Held::Value(value),
                    Err(_) => Held::Unreadable(value.into()),
                };
            }
            self.bytes += slot.bytes();
        }
        for slot in asked.iter().skip(values.lengths.len()) {
            self.let_go(*slot);
            // So the next one of them that is looked for has those after it fetched, too.
            self.fetched = 0;
        }
    }

    /// Frees a slot whose bytes are not counted (any more).
    fn let_go(&mut self, index: u32) {
        let Some((task, key)) = self.slots.free(index) else { return };
        if let Ok(known) = self.tasks[task as usize].1.find_entry(self.hasher.hash_one(&*key), |slot| *slot == index) {
            known.remove();
        }
    }

    /// Forgets entries until they take no more than `budget`: as the hand of a clock comes by, those that were not looked for
    /// again since it was there. What is looked for once goes before that. Nothing that this call has yet to write may be
    /// among them.
    pub(super) fn forget(&mut self, budget: usize) {
        // The first turn takes the marks away, so that the second one frees all.
        let mut turns = 2 * self.slots.len();
        while self.bytes > budget && turns > 0 {
            turns -= 1;
            let index = self.hand;
            self.hand = (index + 1) % self.slots.len();
            let slot = &mut self.slots[index];
            if slot.is_free() {
                continue;
            }
            if slot.used == AGAIN {
                slot.used = 1;
            } else {
                self.bytes -= slot.bytes();
                self.let_go(index);
            }
        }
    }

    /// The entry's value at a stream time.
    #[inline]
    pub(crate) fn read(&self, slot: u32, stream_time: i64) -> Result<Option<&V>, Failure> {
        let Slot { held, written, key, .. } = &self.slots[slot];
        match held {
            Held::Nothing => Ok(None),
            _ if self.age(stream_time).is_over(*written) => Ok(None),
            Held::Value(value) => Ok(Some(value)),
            Held::Unreadable(bytes) => {
                let error = (self.codec.decode)(bytes).err().unwrap_or_default();
                Err(unreadable(&self.spec.name, key, &error))
            }
        }
    }

    /// Whether the entry is not there, whatever the time.
    pub(crate) fn is_nothing(&self, slot: u32) -> bool {
        matches!(self.slots[slot].held, Held::Nothing)
    }

    /// Writes the entry, or with None deletes it.
    #[inline]
    pub(crate) fn write(&mut self, slot: u32, value: Option<V>, at: At<'_>) {
        let index = slot;
        let slot = &mut self.slots[index];
        let held = replace(&mut slot.held, value.map_or(Held::Nothing, Held::Value));
        if !slot.journaled {
            slot.journaled = true;
            self.journal.push(Undo {
                slot: index,
                held,
                written: slot.written,
                source: slot.source,
                dirty: slot.dirty,
            });
        }
        (slot.written, slot.source) = (at.stream_time, at.source);
        if !slot.dirty {
            slot.dirty = true;
            self.dirty.push(index);
        }
    }

    /// What this call has written from `start` to before `end` (empty: no end), in order.
    pub(crate) fn written(&self, start: &[u8], end: &[u8], stream_time: i64) -> Vec<Written<V>>
    where
        V: Clone,
    {
        let age = self.age(stream_time);
        let slots = self.dirty.iter().map(|slot| &self.slots[*slot]);
        let in_range = slots.filter(|slot| *slot.key >= *start && (end.is_empty() || *slot.key < *end));
        let mut written: Vec<_> = in_range
            .map(|slot| match &slot.held {
                Held::Value(value) if !age.is_over(slot.written) => (slot.key.clone(), Some(value.clone())),
                _ => (slot.key.clone(), None),
            })
            .collect();
        written.sort_by(|(one, _), (other, _)| one.cmp(other));
        written
    }
}

//! Slots by number. One is where an entry is for as long as it is known.

use super::slots::Held;
use smallvec::SmallVec;
use std::ops::{Index, IndexMut};
use wasmill_contract::Chunks;

/// A key. A short one lies in its slot: to look for an entry costs one cache line less then.
pub(crate) type Key = SmallVec<[u8; SHORT]>;

/// As long as most that are a word and a number. No slot of common values is larger for it.
const SHORT: usize = 20;

/// Slots that are made at once.
const CHUNK: usize = 128;

/// Bytes that an entry takes in the index.
const INDEX: usize = 8;

/// Of an entry that belongs to no task.
const NO_TASK: u32 = u32::MAX;

pub(super) struct Slot<V> {
    pub(super) key: Key,
    pub(super) held: Held<V>,
    /// Stream time of the last write.
    pub(super) written: i64,
    /// Index of the task, or [`NO_TASK`]: the slot is free.
    task: u32,
    /// Which event of this call wrote last.
    pub(super) source: u32,
    /// Bytes of the value when it was last seen encoded.
    pub(super) size: u32,
    /// How often it was looked for, up to a bound; one less each time that the hand comes by.
    pub(super) used: u8,
    /// Written in this call.
    pub(super) dirty: bool,
    /// Written by the event at hand.
    pub(super) journaled: bool,
}

impl<V> Slot<V> {
    /// Of an entry whose value is not known yet.
    pub(super) fn new(key: Key, task: u32) -> Self {
        Slot {
            key,
            held: Held::Nothing,
            written: i64::MIN,
            task,
            source: 0,
            size: 0,
            used: 0,
            dirty: false,
            journaled: false,
        }
    }

    pub(super) fn is_free(&self) -> bool {
        self.task == NO_TASK
    }

    /// About what the entry takes: a value is taken to hold besides itself what is written of it. One that is a map of few
    /// entries takes several times that, which [`budget_after`](crate::instance::budget_after) sees.
    pub(super) fn bytes(&self) -> usize {
        let key = if self.key.spilled() { self.key.len() } else { 0 };
        size_of::<Self>() + key + self.size as usize + INDEX
    }
}

pub(super) struct Slab<V> {
    slots: Chunks<Slot<V>, CHUNK>,
    free: Vec<u32>,
}

impl<V> Default for Slab<V> {
    fn default() -> Self {
        Slab { slots: Chunks::default(), free: vec![] }
    }
}

impl<V> Slab<V> {
    /// How many there are, free ones too.
    pub(super) fn len(&self) -> u32 {
        self.slots.len() as u32
    }

    pub(super) fn add(&mut self, slot: Slot<V>) -> u32 {
        let Some(index) = self.free.pop() else { return self.slots.push(slot) as u32 };
        self[index] = slot;
        index
    }

    /// Frees a slot; answers whose it was, and its key. None: it was free.
    pub(super) fn free(&mut self, index: u32) -> Option<(u32, Key)> {
        let slot = &mut self[index];
        if slot.is_free() {
            return None;
        }
        let was = std::mem::replace(slot, Slot::new(Key::new(), NO_TASK));
        self.free.push(index);
        Some((was.task, was.key))
    }
}

impl<V> Index<u32> for Slab<V> {
    type Output = Slot<V>;

    #[inline]
    fn index(&self, index: u32) -> &Slot<V> {
        &self.slots[index as usize]
    }
}

impl<V> IndexMut<u32> for Slab<V> {
    #[inline]
    fn index_mut(&mut self, index: u32) -> &mut Slot<V> {
        &mut self.slots[index as usize]
    }
}

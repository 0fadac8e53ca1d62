//! A call, as a store sees it: events that are kept or taken back, and at the end what is to be written.

use super::slots::{Held, Known, Slots, Spec, Undo};
use crate::answer::Answer;

/// An entry to be written: which event wrote it last, its store, its slot.
pub(crate) type Dirty = (u32, u32, u32);

/// What the instance does with a store, whatever its values are.
pub(crate) trait AnySlots {
    fn spec(&self) -> Spec;

    /// A call for a task begins.
    fn begin(&mut self, partition: u32);

    /// The event at hand is done.
    fn keep(&mut self);

    /// The event at hand failed: it has written nothing.
    fn take_back(&mut self);

    /// Adds the entries that the call has written.
    fn dirty(&self, into: &mut Vec<Dirty>);

    /// Writes one of them into the answer.
    fn put(&mut self, slot: u32, answer: &mut Answer);

    /// The call is over. Entries may take so many bytes. Answers how many they take.
    fn end(&mut self, budget: usize) -> usize;
}

impl<V> AnySlots for Slots<V> {
    fn spec(&self) -> Spec {
        self.spec.clone()
    }

    fn begin(&mut self, partition: u32) {
        self.fetched = 0;
        self.task = match self.tasks.iter().position(|(number, _)| *number == partition) {
            Some(task) => task,
            None => {
                self.tasks.push((partition, Known::default()));
                self.tasks.len() - 1
            }
        };
    }

    fn keep(&mut self) {
        for undo in self.journal.drain(..) {
            self.slots[undo.slot].journaled = false;
        }
    }

    fn take_back(&mut self) {
        // Those that only this event wrote are the last.
        let clean = self.journal.iter().filter(|undo| !undo.dirty).count();
        self.dirty.truncate(self.dirty.len() - clean);
        for Undo { slot, held, written, source, dirty } in self.journal.drain(..) {
            let slot = &mut self.slots[slot];
            (slot.held, slot.written, slot.source, slot.dirty, slot.journaled) = (held, written, source, dirty, false);
        }
    }

    fn dirty(&self, into: &mut Vec<Dirty>) {
        into.extend(self.dirty.iter().map(|slot| (self.slots[*slot].source, self.store, *slot)));
    }

    fn put(&mut self, slot: u32, answer: &mut Answer) {
        let slot = &mut self.slots[slot];
        self.bytes -= slot.bytes();
        slot.dirty = false;
        answer.writes.data.extend_from_slice(&slot.key);
        let start = answer.writes.data.len();
        let length = match &slot.held {
            Held::Value(value) => {
                if let Err(error) = (self.codec.encode)(value, &mut answer.writes.data) {
                    // The host finds the event that wrote it, by giving it each alone.
                    let key = slot.key.escape_ascii();
                    panic!("a value for the store `{}`, under the key `{key}`, has no JSON: {error}", self.spec.name);
                }
                Some(answer.writes.data.len() - start)
            }
            Held::Nothing | Held::Unreadable(_) => None,
        };
        slot.size = length.unwrap_or(0) as u32;
        answer.writes.push_written(slot.source, self.store, slot.key.len(), length);
        self.bytes += slot.bytes();
    }

    fn end(&mut self, budget: usize) -> usize {
        self.dirty.clear();
        self.forget(budget);
        self.bytes
    }
}

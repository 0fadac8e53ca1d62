//! Entries of a store in the order of their keys.

use super::Keys;
use super::codec::{Codec, unreadable};
use super::reader::{Age, Page, Reader, written_at};
use super::slots::Written;
use crate::Failure;
use std::cmp::Ordering;
use std::collections::VecDeque;
use std::iter::Peekable;
use std::rc::Rc;
use std::vec;

/// Entries that are asked for at once.
const PAGE: u32 = 256;

/// The entries of a store, key and value: see [`Context::scan`](crate::Context::scan). It does not borrow the context.
pub struct Scan<'a, V> {
    reader: &'a dyn Reader,
    store: u32,
    name: Rc<str>,
    codec: Codec<V>,
    age: Age,
    keys: Keys,
    /// What this call has written, in the order of the scan.
    written: Peekable<vec::IntoIter<Written<V>>>,
    /// Entries of the host that are still to come: key and value.
    page: VecDeque<(Vec<u8>, Vec<u8>)>,
}

impl<'a, V> Scan<'a, V> {
    pub(crate) fn new(
        reader: &'a dyn Reader,
        store: u32,
        name: &str,
        codec: Codec<V>,
        age: Age,
        keys: Keys,
        mut written: Vec<Written<V>>,
    ) -> Self {
        if keys.reverse {
            written.reverse();
        }
        let (written, page) = (written.into_iter().peekable(), VecDeque::new());
        Scan { reader, store, name: name.into(), codec, age, keys, written, page }
    }

    /// Has an entry of the host ready, if there is one left.
    fn turn(&mut self) {
        while self.page.is_empty() && !self.keys.none {
            let Keys { start, end, reverse, .. } = &self.keys;
            let page = self.reader.scan(self.store, start, end, *reverse, PAGE);
            let Some(last) = self.take(page) else {
                self.keys.none = true;
                return;
            };
            if self.keys.reverse {
                self.keys.end = last;
                // An empty end would mean that there is none.
                self.keys.none = self.keys.end.is_empty();
            } else {
                self.keys.start = last;
                self.keys.start.push(0);
            }
        }
    }

    /// Takes a page in, without what is gone. Answers its last key.
    fn take(&mut self, page: Page) -> Option<Vec<u8>> {
        let (mut data, mut last) = (page.data.as_slice(), None);
        for (index, (key_length, value_length)) in page.key_lengths.iter().zip(&page.value_lengths).enumerate() {
            let (key, rest) = data.split_at(*key_length as usize);
            let (value, rest) = rest.split_at(*value_length as usize);
            data = rest;
            last = Some(key);
            if !self.age.is_over(written_at(&page.written, index)) {
                self.page.push_back((key.into(), value.into()));
            }
        }
        last.map(<[u8]>::to_vec)
    }
}

impl<V> Iterator for Scan<'_, V> {
    type Item = Result<(Vec<u8>, V), Failure>;

    fn next(&mut self) -> Option<Self::Item> {
        loop {
            self.turn();
            let first = match (self.written.peek(), self.page.front()) {
                (None, None) => return None,
                (Some(_), None) => Ordering::Less,
                (None, Some(_)) => Ordering::Greater,
                (Some((written, _)), Some((key, _))) if self.keys.reverse => key.as_slice().cmp(written),
                (Some((written, _)), Some((key, _))) => (**written).cmp(key),
            };
            if first == Ordering::Greater {
                let (key, value) = self.page.pop_front()?;
                let value = (self.codec.decode)(&value).map_err(|error| unreadable(&self.name, &key, &error));
                return Some(value.map(|value| (key, value)));
            }
            if first == Ordering::Equal {
                self.page.pop_front();
            }
            if let Some((key, Some(value))) = self.written.next() {
                return Some(Ok((key.to_vec(), value)));
            }
        }
    }
}

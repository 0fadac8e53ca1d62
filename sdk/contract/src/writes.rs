//! What a call writes to stores.

use crate::NULL;

/// State writes in columns, one entry a write.
#[derive(Debug, Default, Clone, Copy)]
pub struct Writes<'a> {
    /// Index of the event that caused it; never decreasing.
    pub sources: &'a [u32],
    /// Index into the wiring's stores.
    pub stores: &'a [u32],
    /// Bytes.
    pub key_lengths: &'a [u32],
    /// Bytes; -1 deletes.
    pub value_lengths: &'a [i32],
    /// key, value, key, value, …
    pub data: &'a [u8],
}

/// One state write, borrowed from the columns.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Write<'a> {
    /// Index of the event that caused it.
    pub source: usize,
    /// Index into the wiring's stores.
    pub store: usize,
    /// The entry's key.
    pub key: &'a [u8],
    /// None deletes.
    pub value: Option<&'a [u8]>,
}

impl<'a> Writes<'a> {
    /// The writes in order. The columns must have been checked; otherwise this may panic.
    pub fn iter(&self) -> impl Iterator<Item = Write<'a>> + use<'a> {
        let Writes { sources, stores, key_lengths, value_lengths, data } = *self;
        let mut end = 0;
        let mut take = move |length: usize| {
            let start = end;
            end += length;
            &data[start..end]
        };
        (0..sources.len()).map(move |index| Write {
            source: sources[index] as usize,
            store: stores[index] as usize,
            key: take(key_lengths[index] as usize),
            value: match value_lengths[index] {
                NULL => None,
                length => Some(take(length as usize)),
            },
        })
    }
}

/// State writes in columns of one's own.
#[derive(Debug, Default, Clone, PartialEq, Eq)]
#[allow(missing_docs, reason = "the fields are those of `Writes`")]
pub struct OwnedWrites {
    pub sources: Vec<u32>,
    pub stores: Vec<u32>,
    pub key_lengths: Vec<u32>,
    pub value_lengths: Vec<i32>,
    pub data: Vec<u8>,
}

impl OwnedWrites {
    /// The columns, borrowed.
    pub fn columns(&self) -> Writes<'_> {
        Writes {
            sources: &self.sources,
            stores: &self.stores,
            key_lengths: &self.key_lengths,
            value_lengths: &self.value_lengths,
            data: &self.data,
        }
    }

    /// Adds a write, or with None a deletion.
    pub fn push(&mut self, source: u32, store: u32, key: &[u8], value: Option<&[u8]>) {
        self.data.extend_from_slice(key);
        self.data.extend_from_slice(value.unwrap_or_default());
        self.push_written(source, store, key.len(), value.map(<[u8]>::len));
    }

    /// Adds a write whose key and value (None: a deletion), of these lengths, are at the end of the data already.
    pub fn push_written(&mut self, source: u32, store: u32, key_length: usize, value_length: Option<usize>) {
        self.sources.push(source);
        self.stores.push(store);
        // What is longer than a column can say is over the limits by far: the check will say so, and not by these numbers.
        self.key_lengths.push(u32::try_from(key_length).unwrap_or(u32::MAX));
        self.value_lengths.push(value_length.map_or(NULL, |length| i32::try_from(length).unwrap_or(i32::MAX)));
    }

    /// Forgets all but the first writes.
    pub fn truncate(&mut self, writes: usize) {
        let keys: usize = self.key_lengths.drain(writes..).map(|length| length as usize).sum();
        let values: usize = self.value_lengths.drain(writes..).map(|length| length.max(0) as usize).sum();
        self.data.truncate(self.data.len() - keys - values);
        self.sources.truncate(writes);
        self.stores.truncate(writes);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn writes_come_back_as_they_were_packed() {
        let writes = Writes {
            sources: &[0, 2, 2],
            stores: &[1, 0, 1],
            key_lengths: &[1, 0, 2],
            value_lengths: &[2, 0, NULL],
            data: b"kvvll",
        };
        let write = |source, store, key, value| Write { source, store, key, value };
        let expected =
            [write(0, 1, &b"k"[..], Some(&b"vv"[..])), write(2, 0, b"", Some(b"")), write(2, 1, b"ll", None)];
        assert_eq!(writes.iter().collect::<Vec<_>>(), expected);
    }

    #[test]
    fn what_is_taken_back_leaves_the_columns_as_they_were() {
        let mut writes = OwnedWrites::default();
        writes.push(0, 1, b"k", Some(b"value"));
        let before = writes.clone();
        writes.push(1, 0, b"key", None);
        writes.push(1, 0, b"key", Some(b"v"));
        writes.truncate(1);
        assert_eq!(writes, before);
    }
}

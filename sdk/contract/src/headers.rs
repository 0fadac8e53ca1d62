//! Headers in columns.

use crate::NULL;

/// One header: a name in any bytes (Kafka does not ask for UTF-8) and a value that may be null.
pub type HeaderRef<'a> = (&'a [u8], Option<&'a [u8]>);

/// Headers of a run, owned. `data` holds name, value, name, value, … without gaps.
#[derive(Debug, Default, Clone, PartialEq, Eq)]
pub struct Headers {
    /// One entry an event: how many headers it has. Empty: no event of the run has any.
    pub counts: Vec<i32>,
    /// One entry a header, in bytes.
    pub name_lengths: Vec<u32>,
    /// One entry a header, in bytes; -1 is null.
    pub value_lengths: Vec<i32>,
    /// The bytes.
    pub data: Vec<u8>,
}

impl Headers {
    /// The same columns, borrowed.
    pub fn columns(&self) -> HeaderColumns<'_> {
        HeaderColumns {
            counts: &self.counts,
            name_lengths: &self.name_lengths,
            value_lengths: &self.value_lengths,
            data: &self.data,
        }
    }

    /// Adds one header's name and value. The caller keeps `counts`.
    pub fn push(&mut self, name: &[u8], value: Option<&[u8]>) {
        self.name_lengths.push(name.len() as u32);
        self.data.extend_from_slice(name);
        match value {
            Some(value) => {
                self.value_lengths.push(value.len() as i32);
                self.data.extend_from_slice(value);
            }
            None => self.value_lengths.push(NULL),
        }
    }

    /// Forgets the headers, keeps the memory.
    pub fn clear(&mut self) {
        self.counts.clear();
        self.name_lengths.clear();
        self.value_lengths.clear();
        self.data.clear();
    }
}

/// Headers in columns, borrowed.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
pub struct HeaderColumns<'a> {
    /// One entry an event or output: how many. In effects, -2 is "all of the source's". Empty: none anywhere.
    pub counts: &'a [i32],
    /// One entry a header, in bytes.
    pub name_lengths: &'a [u32],
    /// One entry a header, in bytes; -1 is null.
    pub value_lengths: &'a [i32],
    /// name, value, name, value, …
    pub data: &'a [u8],
}

impl<'a> HeaderColumns<'a> {
    /// `count` headers from the header number `entry`, whose bytes begin at `byte`. The positions must be right: they
    /// come from a walk over columns that were packed here or have been checked.
    pub fn range(&self, entry: usize, byte: usize, count: usize) -> HeadersIter<'a> {
        HeadersIter { columns: *self, entry, byte, left: count }
    }
}

/// Walks some headers of a run.
#[derive(Debug, Default, Clone)]
pub struct HeadersIter<'a> {
    columns: HeaderColumns<'a>,
    entry: usize,
    byte: usize,
    left: usize,
}

impl<'a> HeadersIter<'a> {
    /// Where the next header stands: its number, and its first byte.
    pub(crate) fn position(&self) -> (usize, usize) {
        (self.entry, self.byte)
    }
}

impl<'a> Iterator for HeadersIter<'a> {
    type Item = HeaderRef<'a>;

    fn next(&mut self) -> Option<Self::Item> {
        self.left = self.left.checked_sub(1)?;
        let name_end = self.byte + self.columns.name_lengths[self.entry] as usize;
        let name = &self.columns.data[self.byte..name_end];
        let value_length = self.columns.value_lengths[self.entry];
        self.byte = name_end + value_length.max(0) as usize;
        self.entry += 1;
        Some((name, (value_length >= 0).then(|| &self.columns.data[name_end..self.byte])))
    }

    fn size_hint(&self) -> (usize, Option<usize>) {
        (self.left, Some(self.left))
    }
}

impl ExactSizeIterator for HeadersIter<'_> {}

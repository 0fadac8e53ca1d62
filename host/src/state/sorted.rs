//! Records of a changelog on their way to the disk, in the order of their keys: the storage engine takes neighbours, whose
//! places it has just looked at, in a third of the time.

use super::disk::Batch;
use std::ops::Range;

/// So many go to disk at once. More would be faster still, but each task that is restored holds as many.
const MOST: usize = 8_000;

/// Or so many bytes.
const MOST_BYTES: usize = 1 << 20;

/// Copies of records. Of a key that comes twice the last one counts.
#[derive(Default)]
pub struct Sorted {
    bytes: Vec<u8>,
    records: Vec<Record>,
}

struct Record {
    key: Range<usize>,
    /// None: the key is deleted.
    value: Option<(i64, Range<usize>)>,
}

impl Sorted {
    /// Takes in a record; `value` with the time of its write.
    pub fn push(&mut self, key: &[u8], value: Option<(i64, &[u8])>) {
        let key = self.append(key);
        let value = value.map(|(written, value)| (written, self.append(value)));
        self.records.push(Record { key, value });
    }

    fn append(&mut self, bytes: &[u8]) -> Range<usize> {
        self.bytes.extend_from_slice(bytes);
        self.bytes.len() - bytes.len()..self.bytes.len()
    }

    /// Whether it is time to write them.
    pub fn is_full(&self) -> bool {
        self.records.len() >= MOST || self.bytes.len() >= MOST_BYTES
    }

    /// How many there are.
    pub fn len(&self) -> usize {
        self.records.len()
    }

    /// Moves them into a batch.
    pub fn put_into(&mut self, batch: &mut Batch) {
        let Sorted { bytes, records } = self;
        // Stable: the last one of a key stays the last one.
        records.sort_by(|one, other| bytes[one.key.clone()].cmp(&bytes[other.key.clone()]));
        for (index, Record { key, value }) in records.iter().enumerate() {
            let key = &bytes[key.clone()];
            let next = records.get(index + 1).map(|next| &bytes[next.key.clone()]);
            if next != Some(key) {
                batch.put(&[], key, value.as_ref().map(|(written, value)| (*written, &bytes[value.clone()])));
            }
        }
        records.clear();
        bytes.clear();
    }
}

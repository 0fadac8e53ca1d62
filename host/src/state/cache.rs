//! Entries that were used lately, of one store of a task.

use super::budget::Share;
use super::layer::{Entry, Key, bytes_of};
use foldhash::fast::RandomState;
use std::collections::HashMap;

/// Two generations: what is used goes to the young one; when that is full the old one is forgotten, and the young one
/// becomes old. A look-up costs one hash, or two, and nothing is moved but entries that come back to use.
pub struct Cache {
    young: HashMap<Key, Entry, RandomState>,
    old: HashMap<Key, Entry, RandomState>,
    young_bytes: usize,
    share: Share,
}

impl Cache {
    /// An empty one that holds about as much as its share.
    pub fn new(share: Share) -> Self {
        Cache { young: HashMap::default(), old: HashMap::default(), young_bytes: 0, share }
    }

    /// What is known of a key: an entry, or that there is none (the inner None). The outer None: nothing is known.
    pub fn get(&mut self, key: &[u8]) -> Option<&Entry> {
        if !self.young.contains_key(key) {
            let (key, entry) = self.old.remove_entry(key)?;
            self.put(key, entry);
        }
        self.young.get(key)
    }

    /// Takes an entry in.
    pub fn put(&mut self, key: Key, entry: Entry) {
        let bytes = bytes_of(&key, &entry);
        if self.young_bytes + bytes > self.share.bytes() / 2 && !self.young.is_empty() {
            self.old = std::mem::take(&mut self.young);
            self.young_bytes = 0;
        }
        self.old.remove(&key);
        match self.young.insert(key.clone(), entry) {
            Some(before) => self.young_bytes = (self.young_bytes + bytes).saturating_sub(bytes_of(&key, &before)),
            None => self.young_bytes += bytes,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::state::budget::Budget;
    use crate::state::layer::Value;

    /// The least that a cache has.
    const BYTES: usize = 64 << 10;

    fn cache() -> Cache {
        Cache::new(Budget::new(BYTES).share())
    }

    fn entry(value: &str) -> Entry {
        Some(Value { bytes: value.as_bytes().into(), written: 0 })
    }

    #[test]
    fn what_is_used_stays_and_what_is_not_goes() {
        let mut cache = cache();
        cache.put(b"used"[..].into(), entry("1"));
        cache.put(b"unused"[..].into(), entry("2"));
        for number in 0..5_000 {
            cache.put(format!("{number}").as_bytes().into(), entry("x"));
            assert_eq!(cache.get(b"used"), Some(&entry("1")));
        }
        assert_eq!(cache.get(b"unused"), None);
    }

    #[test]
    fn it_knows_of_a_key_that_is_not_there_and_the_last_value_counts() {
        let mut cache = cache();
        cache.put(b"k"[..].into(), None);
        assert_eq!(cache.get(b"k"), Some(&None));
        cache.put(b"k"[..].into(), entry("new"));
        assert_eq!(cache.get(b"k"), Some(&entry("new")));
        assert_eq!(cache.get(b"other"), None);
    }

    #[test]
    fn it_stays_within_its_bounds() {
        let mut cache = cache();
        for number in 0..50_000 {
            cache.put(format!("{}", number % 4_000).as_bytes().into(), entry("some value"));
        }
        let held = |map: &HashMap<Key, Entry, RandomState>| -> usize {
            map.iter().map(|(key, entry)| bytes_of(key, entry)).sum()
        };
        assert_eq!(held(&cache.young), cache.young_bytes);
        assert!(held(&cache.young) + held(&cache.old) <= BYTES);
    }
}

//! How an entry is named and written, in the changelog and on disk.

/// The store that timers are kept in; no plugin's store may begin with a dollar sign.
pub const TIMERS: &str = "$timers";

/// The store that remembers the version of each store.
pub const VERSIONS: &str = "$versions";

/// What follows all names of entries: what the host notes about the task.
pub const META: &[u8] = &[0xff];

/// A store's part of every key: its length, so that no name is the beginning of another, and the name.
pub fn prefix(store: &str) -> Vec<u8> {
    let mut prefix = Vec::with_capacity(store.len() + 1);
    // Names have at most 100 characters, so this is never the byte of META.
    prefix.push(store.len().min(254) as u8);
    prefix.extend_from_slice(store.as_bytes());
    prefix
}

/// The first key after all that begin with `prefix`; empty: there is none.
pub fn after_all_with(prefix: &[u8]) -> Vec<u8> {
    let mut end = prefix.to_vec();
    while end.last() == Some(&0xff) {
        end.pop();
    }
    if let Some(last) = end.last_mut() {
        *last += 1;
    }
    end
}

/// The store and the key within it. None: nobody who writes entries has written this.
pub fn split(key: &[u8]) -> Option<(&str, &[u8])> {
    let (length, rest) = key.split_first()?;
    let (store, key) = rest.split_at_checked(*length as usize)?;
    Some((std::str::from_utf8(store).ok()?, key))
}

/// A value on disk: the event time of its write, and then its bytes.
pub fn store(written: i64, value: &[u8], into: &mut Vec<u8>) {
    into.clear();
    into.extend_from_slice(&written.to_be_bytes());
    into.extend_from_slice(value);
}

/// The opposite of [`store`].
pub fn unstored(stored: &[u8]) -> Option<(i64, &[u8])> {
    let (written, value) = stored.split_first_chunk()?;
    Some((i64::from_be_bytes(*written), value))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_store_whose_name_begins_anothers_has_keys_of_its_own() {
        let key = |store: &str, key: &[u8]| [prefix(store), key.to_vec()].concat();
        assert!(!key("totals", b"x").starts_with(&prefix("total")));
        assert_eq!(split(&key("totals", b"\x00\xff")), Some(("totals", &b"\x00\xff"[..])));
        assert_eq!(split(&key("s", b"")), Some(("s", &b""[..])));
        assert_eq!((split(b""), split(&[9, b'a'])), (None, None));
        assert_eq!(split(META), None);
    }

    #[test]
    fn a_value_keeps_the_time_of_its_write() {
        let mut stored = vec![9];
        store(-7, b"v", &mut stored);
        assert_eq!(unstored(&stored), Some((-7, &b"v"[..])));
        assert_eq!(unstored(b"short"), None);
    }
}

//! The host's side of a store: many keys a call, and what was there before the call.

use wasmill_contract::is_expired;

/// `state-reader` of the contract.
pub(crate) trait Reader {
    /// The values of the first of these keys, at least of one.
    fn get_many(&self, store: u32, key_lengths: &[u32], keys: &[u8]) -> Values;

    /// Some of the entries with `start` <= key < `end` (empty: no end), none only if there are none.
    fn scan(&self, store: u32, start: &[u8], end: &[u8], reverse: bool, limit: u32) -> Page;
}

/// Values of keys, in columns.
#[derive(Debug, Default)]
pub(crate) struct Values {
    /// -1: no such key.
    pub(crate) lengths: Vec<i32>,
    pub(crate) data: Vec<u8>,
    /// Stream time of the last write of each; empty for a store without a TTL.
    pub(crate) written: Vec<i64>,
}

/// Entries in columns.
#[derive(Debug, Default)]
pub(crate) struct Page {
    pub(crate) key_lengths: Vec<u32>,
    pub(crate) value_lengths: Vec<u32>,
    /// key, value, key, value, …
    pub(crate) data: Vec<u8>,
    /// As in [`Values`].
    pub(crate) written: Vec<i64>,
}

/// When the entry number `index` was written, where it matters.
pub(crate) fn written_at(written: &[i64], index: usize) -> i64 {
    written.get(index).copied().unwrap_or(i64::MIN)
}

/// The host.
#[cfg(target_family = "wasm")]
pub(crate) struct Host;

#[cfg(target_family = "wasm")]
impl Reader for Host {
    fn get_many(&self, store: u32, key_lengths: &[u32], keys: &[u8]) -> Values {
        let (lengths, data, written) =
            crate::bindings::wasmill::plugin::state_reader::get_many(store, key_lengths, keys);
        Values { lengths, data, written }
    }

    fn scan(&self, store: u32, start: &[u8], end: &[u8], reverse: bool, limit: u32) -> Page {
        let (key_lengths, value_lengths, data, written) =
            crate::bindings::wasmill::plugin::state_reader::scan(store, start, end, reverse, limit);
        Page { key_lengths, value_lengths, data, written }
    }
}

/// Stream time, and the TTL that goes by it.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Age {
    pub(crate) stream_time: i64,
    pub(crate) ttl_ms: Option<u64>,
}

impl Age {
    /// Whether an entry that was last written at this stream time is gone.
    #[inline]
    pub(crate) fn is_over(self, written: i64) -> bool {
        is_expired(written, self.stream_time, self.ttl_ms)
    }
}

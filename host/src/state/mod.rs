//! State of a task: its stores and timers, as calls and the worker see them.

mod budget;
mod disk;
mod hot;
mod layer;
mod memory;
mod query;
mod record;
mod sorted;
mod stores;
mod task;
mod timers;
mod writer;

#[cfg(test)]
mod tests;

pub use layer::{Committed, Value};
pub use memory::MemoryState;
pub use query::{Found, FoundEntry, Keys, Query};
pub use record::after_all_with;
pub use stores::{Changelog, Claimed, Stores, Task};
pub use task::TaskState;
pub use wasmill_contract::Clock;

/// A store as a plugin declared it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StoreSpec {
    /// Unique among the plugin's.
    pub name: String,
    /// Entries that were not written for this long, by the task's stream time, are gone; milliseconds.
    pub ttl_ms: Option<u64>,
    /// Of the encoding of its values. A module with a lower one than the store's is refused.
    pub version: u32,
    /// Its keys are those of the events, so that a key tells the partition.
    pub keyed_by_event: bool,
}

/// A timer of a task. There is one a clock and key.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Timer {
    /// Its clock.
    pub clock: Clock,
    /// When it is due; milliseconds since the Unix epoch.
    pub at: i64,
    /// Its key.
    pub key: Vec<u8>,
}

/// Which entries of a store: `start` <= key < `end` in byte order.
#[derive(Debug, Clone, Copy)]
pub struct Range<'a> {
    /// The first key.
    pub start: &'a [u8],
    /// The key after the last; empty: no end.
    pub end: &'a [u8],
    /// From the end.
    pub reverse: bool,
    /// At most so many.
    pub limit: usize,
}

/// A change that the changelog must hold before it is committed: the last value of a dirty key.
#[derive(Debug, Clone, Copy)]
pub struct Change<'a> {
    /// Store and key, as the changelog has them.
    pub key: &'a [u8],
    /// None is a tombstone.
    pub value: Option<&'a [u8]>,
    /// The record's timestamp: the event time of the write, milliseconds since the Unix epoch.
    pub timestamp: i64,
}

/// State that can't be read or kept: the worker starts again from the last commit.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct StateError(pub String);

/// Why the state of a task can't be opened.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum OpenStateError {
    /// The disk: trying again may help.
    #[error(transparent)]
    Disk(#[from] StateError),
    /// Somebody has to look at it.
    #[error("{0}")]
    Refused(String),
}

/// Takes an entry that was asked for: key, value, and the event time of its last write.
pub type Entry<'a> = &'a mut dyn FnMut(&[u8], &[u8], i64);

/// What a task remembers. Reads show what was written before, committed or not; a write that is not committed can be
/// taken back as a whole. All of it happens on the worker's thread.
pub trait State: Send {
    /// Moves the time that expiry goes by: entries whose last write is at or before `stream_time` - TTL are not there any
    /// more, for every read that follows. Time never goes back.
    fn advance(&mut self, stream_time: i64) -> Result<(), StateError>;

    /// The value under a key, and the event time of its last write. None: there is none.
    fn get(&mut self, store: usize, key: &[u8]) -> Result<Option<(&[u8], i64)>, StateError>;

    /// Entries of a store in the order of their keys.
    fn scan(&mut self, store: usize, range: Range<'_>, each: Entry<'_>) -> Result<(), StateError>;

    /// Writes, or deletes, at event time `at`. Not committed yet.
    fn put(&mut self, store: usize, key: &[u8], value: Option<&[u8]>, at: i64) -> Result<(), StateError>;

    /// Sets the timer of a key on a clock, in the place of the one that was there; None cancels it. Not committed yet.
    fn set_timer(&mut self, clock: Clock, key: &[u8], at: Option<i64>);

    /// The timers that are due, in the order of their times, at most `most`. They stay until they are cancelled, so that
    /// one that fires is cancelled by the same commit that its outputs belong to.
    fn due(&self, stream_time: i64, wall_clock: i64, most: usize) -> Vec<Timer>;

    /// When the next timer of a clock is due.
    fn next_timer(&self, clock: Clock) -> Option<i64>;

    /// Whether something is not committed.
    fn is_dirty(&self) -> bool;

    /// Bytes of keys and values that are not committed.
    fn dirty_bytes(&self) -> usize;

    /// Has a bounded number of expired entries deleted, as if the task wrote so. To be called before [`State::changes`].
    fn tidy(&mut self) -> Result<(), StateError> {
        Ok(())
    }

    /// The last value of each key that is not committed, timers included. Stops at the first error.
    fn changes(&self, each: &mut dyn FnMut(Change<'_>) -> Result<(), StateError>) -> Result<(), StateError>;

    /// Everything written so far is committed: it becomes visible to queries and goes to disk. `changelog_end` is the
    /// offset after the last of its records in the task's changelog partition; None: nothing was written there.
    fn commit(&mut self, changelog_end: Option<i64>);

    /// Forgets what is not committed.
    fn abort(&mut self);
}

//! What the plugin of a test remembers.

use super::{Harness, TestEntry, TestTimer};
use crate::Plugin;
use serde_json::Value;
use wasmill_contract::is_expired;

impl<P: Plugin> Harness<P> {
    /// What a store has under a key, in whichever task.
    ///
    /// # Panics
    /// If the plugin has no such store, or if it is not JSON: see [`Harness::entries`] for bytes.
    #[track_caller]
    pub fn entry(&self, store: &str, key: impl AsRef<[u8]>) -> Option<Value> {
        let mut entries = self.entries(store).into_iter();
        entries.find(|entry| entry.key == key.as_ref()).map(|entry| entry.json())
    }

    /// What a store has, task by task, in the byte order of the keys.
    ///
    /// # Panics
    /// If the plugin has no such store.
    #[track_caller]
    pub fn entries(&self, store: &str) -> Vec<TestEntry> {
        let specs: Vec<_> = self.wiring.stores.iter().map(|store| store.borrow().spec()).collect();
        let Some(index) = specs.iter().position(|spec| spec.name == store) else {
            let names: Vec<_> = specs.into_iter().map(|spec| spec.name).collect();
            panic!("the plugin has no store `{store}`; it has: {}", names.join(", "));
        };
        let mut entries = vec![];
        self.states.each(|partition, task| {
            let stream_time = self.stream_time(partition);
            let there =
                task.range(index, b"", b"").filter(|(.., at)| !is_expired(*at, stream_time, specs[index].ttl_ms));
            entries.extend(there.map(|(key, value, _)| TestEntry { partition, key: key.into(), value: value.into() }));
        });
        entries
    }

    /// The timers that are set, task by task, in the order of their times.
    pub fn timers(&self) -> Vec<TestTimer> {
        let mut timers = vec![];
        self.states.each(|_, task| timers.extend(task.timers().into_iter().map(TestTimer::from)));
        timers
    }

    /// The names of the plugin's stores.
    pub(super) fn stores(&self) -> Vec<String> {
        self.wiring.stores.iter().map(|store| store.borrow().spec().name).collect()
    }
}

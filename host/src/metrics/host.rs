//! What is counted for the host as a whole, and which plugins there are.

use super::plugin::PluginMetrics;
use std::collections::BTreeMap;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

/// So many pairs of plugin and code are told apart among the refused modules. Both have few values as long as the plugins folder is
/// used by people; a program that writes files with ever new names into it must not grow the host.
const MOST_REFUSALS: usize = 1000;

#[derive(Debug)]
pub(super) struct Host {
    started: Instant,
    plugins: Mutex<BTreeMap<String, Arc<PluginMetrics>>>,
    refused: Mutex<BTreeMap<(String, String), u64>>,
    loaded_plugins: AtomicU64,
    config: Mutex<Option<HostConfig>>,
}

#[derive(Debug, Clone)]
pub(super) struct HostConfig {
    pub(super) application: String,
    pub(super) brokers: String,
}

impl Host {
    pub(super) fn new() -> Self {
        Host {
            started: Instant::now(),
            plugins: Mutex::default(),
            refused: Mutex::default(),
            loaded_plugins: AtomicU64::new(0),
            config: Mutex::default(),
        }
    }

    pub(super) fn plugin(&self, name: &str) -> Arc<PluginMetrics> {
        let mut plugins = lock(&self.plugins);
        if let Some(known) = plugins.get(name) {
            return Arc::clone(known);
        }
        let new = Arc::new(PluginMetrics::new(name));
        plugins.insert(name.to_owned(), Arc::clone(&new));
        new
    }

    pub(super) fn forget(&self, name: &str) {
        lock(&self.plugins).remove(name);
        lock(&self.refused).retain(|(plugin, _), _| plugin != name);
    }

    pub(super) fn module_refused(&self, plugin: &str, code: &str) {
        let mut refused = lock(&self.refused);
        let mut key = (plugin.to_owned(), code.to_owned());
        if refused.len() >= MOST_REFUSALS && !refused.contains_key(&key) {
            key = ("other".to_owned(), "other".to_owned());
        }
        *refused.entry(key).or_default() += 1;
    }

    pub(super) fn set_loaded_plugins(&self, count: usize) {
        self.loaded_plugins.store(count as u64, Relaxed);
    }

    pub(super) fn set_config(&self, application: &str, brokers: &str) {
        *lock(&self.config) = Some(HostConfig { application: application.to_owned(), brokers: brokers.to_owned() });
    }

    pub(super) fn plugins(&self) -> Vec<Arc<PluginMetrics>> {
        lock(&self.plugins).values().cloned().collect()
    }

    pub(super) fn refused(&self) -> BTreeMap<(String, String), u64> {
        lock(&self.refused).clone()
    }

    pub(super) fn loaded_plugins(&self) -> u64 {
        self.loaded_plugins.load(Relaxed)
    }

    pub(super) fn config(&self) -> Option<HostConfig> {
        lock(&self.config).clone()
    }

    pub(super) fn uptime(&self) -> Duration {
        self.started.elapsed()
    }
}

/// Nothing here is left half-changed by a panic.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn refusals_beyond_the_bound_count_as_other() {
        let host = Host::new();
        for number in 0..MOST_REFUSALS + 5 {
            host.module_refused(&format!("copy-{number}"), "not-a-component");
        }
        host.module_refused("copy-0", "not-a-component");
        let refused = host.refused();
        assert_eq!(refused.len(), MOST_REFUSALS + 1);
        assert_eq!(refused[&("other".into(), "other".into())], 5);
        assert_eq!(refused[&("copy-0".into(), "not-a-component".into())], 2);
    }
}

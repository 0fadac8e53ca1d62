//! What is counted, and how it is named for Prometheus. `docs/metrics.md` lists every name; a test holds it to the code.
//!
//! Whoever counts holds an `Arc<PluginMetrics>` that it looked up once. Counting is an addition to an atomic: nothing
//! is formatted, and no lock is taken, until somebody asks for [`Metrics::encode`].

mod exposition;
mod failures;
mod histogram;
mod host;
mod plugin;
mod process;
#[cfg(test)]
mod tests;

pub use failures::{KINDS, MOST_CODES};
pub use plugin::{OUTCOMES, PluginMetrics, Restoring, Snapshot, WorkerGauges};

use host::Host;
use prometheus_client::encoding::text;
use prometheus_client::registry::Registry;
use std::sync::Arc;

/// Everything that this process counts.
#[derive(Debug)]
pub struct Metrics {
    registry: Registry,
    host: Arc<Host>,
}

impl Metrics {
    /// Nothing counted yet; the uptime begins here.
    pub fn new() -> Self {
        let host = Arc::new(Host::new());
        let mut registry = Registry::with_prefix("wasmill");
        registry.register_collector(Box::new(Arc::clone(&host)));
        Metrics { registry, host }
    }

    /// What is counted for a plugin: the same for the same name, until it is forgotten.
    pub fn plugin(&self, name: &str) -> Arc<PluginMetrics> {
        self.host.plugin(name)
    }

    /// The plugin was removed: its metrics are no longer shown. Whoever still holds them counts unseen, and a plugin
    /// that comes back under the name begins at zero.
    pub fn forget(&self, name: &str) {
        self.host.forget(name);
    }

    /// A module was not taken. `code` says why, short and stable; the plugin may have never run.
    pub fn module_refused(&self, plugin: &str, code: &str) {
        self.host.module_refused(plugin, code);
    }

    /// How many plugins have a module that was taken and not removed since.
    pub fn set_loaded_plugins(&self, count: usize) {
        self.host.set_loaded_plugins(count);
    }

    /// Which application this host works for, and through which brokers (`embedded`, or `host:port,…`).
    pub fn set_config(&self, application: &str, brokers: &str) {
        self.host.set_config(application, brokers);
    }

    /// Everything as OpenMetrics text; its media type is [`Metrics::MEDIA_TYPE`].
    pub fn encode(&self) -> String {
        let mut out = String::with_capacity(16 << 10);
        // Only the writer can fail here, and a String never does.
        text::encode(&mut out, &self.registry).expect("writing to a String");
        out
    }

    /// What [`Metrics::encode`] returns, as HTTP calls it.
    pub const MEDIA_TYPE: &'static str = "application/openmetrics-text; version=1.0.0; charset=utf-8";
}

impl Default for Metrics {
    fn default() -> Self {
        Metrics::new()
    }
}

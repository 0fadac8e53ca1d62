//! What every plugin's actor and keepers use.

use super::restoring::Restores;
use crate::config::Config;
use crate::kafka::client::ClientSettings;
use crate::kafka::topics::Topics;
use crate::metrics::Metrics;
use crate::plugin::Loader;
use crate::state::{StoreSpec, Stores};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicIsize, Ordering};

/// Made once, at the start of the host.
pub struct Parts {
    /// The host's configuration.
    pub config: Config,
    /// How Kafka is reached.
    pub kafka: ClientSettings,
    /// Creates and describes topics.
    pub topics: Topics,
    /// Makes modules of files.
    pub loader: Arc<Loader>,
    /// What plugins remember, on disk.
    pub stores: Arc<Stores>,
    /// How far restores are.
    pub restores: Arc<Restores>,
    /// All that is counted.
    pub metrics: Arc<Metrics>,
    /// Names this host among those of the application.
    pub host_id: String,
    looked_at_folder: AtomicBool,
    loaded: AtomicIsize,
}

impl Parts {
    /// All of them.
    pub fn new(
        config: Config,
        kafka: ClientSettings,
        loader: Loader,
        stores: Arc<Stores>,
        metrics: Arc<Metrics>,
        host_id: String,
    ) -> Arc<Self> {
        let topics = Topics::new(kafka.clone());
        let loader = Arc::new(loader);
        Arc::new(Parts {
            config,
            kafka,
            topics,
            loader,
            stores,
            restores: Arc::default(),
            metrics,
            host_id,
            looked_at_folder: AtomicBool::new(false),
            loaded: AtomicIsize::new(0),
        })
    }

    /// The first look at the plugins folder is over: what it held has been handed out.
    pub fn folder_seen(&self) {
        self.looked_at_folder.store(true, Ordering::Relaxed);
    }

    pub(super) fn looked_at_folder(&self) -> bool {
        self.looked_at_folder.load(Ordering::Relaxed)
    }

    /// A plugin has got a module at work, or lost it.
    pub(super) fn count_loaded(&self, change: isize) {
        let loaded = self.loaded.fetch_add(change, Ordering::Relaxed) + change;
        self.metrics.set_loaded_plugins(loaded.max(0) as usize);
    }

    /// The consumer group of a plugin, and the beginning of its internal topics' names.
    pub fn group(&self, plugin: &str) -> String {
        self.config.group(plugin)
    }

    /// What brokers know a worker by: its own id, and where this host is reached if the configuration says so. Other hosts
    /// read it in the group's description.
    pub fn client_id(&self, id: &str) -> String {
        match &self.config.admin.advertise {
            Some(address) => format!("{id}@{address}"),
            None => id.to_owned(),
        }
    }

    /// Where a plugin's failed events go.
    pub fn dead_letter_topic(&self, plugin: &str) -> String {
        self.config.dead_letter_topic(plugin)
    }

    /// Where a plugin's stores and timers are kept: one partition a task.
    pub fn changelog_topic(&self, plugin: &str) -> String {
        self.config.changelog_topic(plugin)
    }

    /// Whether a plugin with these stores has a changelog: the embedded broker's lasts no longer than what is on disk.
    pub fn keeps_changelog(&self, stores: &[StoreSpec]) -> bool {
        !stores.is_empty() && self.kafka.has_transactions()
    }

    /// Where signals to a plugin are sent: one partition a task.
    pub fn signals_topic(&self, plugin: &str) -> String {
        format!("{}-signals", self.group(plugin))
    }
}

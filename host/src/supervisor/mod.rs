//! Starts, restarts (with back-off) and stops workers. One actor a plugin ([`plugin`]) takes what happens to it one
//! after the other, so that a slow plugin never holds another back; one keeper a worker ([`keeper`]) keeps it running.

mod deploy;
mod file;
mod keeper;
mod parts;
mod plugin;
mod readiness;
mod refusal;
mod states;
mod view;

pub use parts::Parts;

use crate::admin::{Action, BoxFuture, Control, ControlError, PluginStatus, Readiness};
use crate::reload::folder::Difference;
use plugin::{Handle, Request};
use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use tokio::sync::{mpsc, oneshot};

/// Every plugin of this host.
pub struct Supervisor {
    parts: Arc<Parts>,
    plugins: Mutex<BTreeMap<String, Handle>>,
    /// Plugins that were removed, by name, until they have ended.
    leaving: Mutex<BTreeMap<String, Handle>>,
}

impl Supervisor {
    /// No plugins yet.
    pub fn new(parts: Arc<Parts>) -> Arc<Self> {
        Arc::new(Supervisor { parts, plugins: Mutex::default(), leaving: Mutex::default() })
    }

    /// Does what the folder says, until there is no more to hear.
    pub async fn follow(&self, mut changes: mpsc::Receiver<Difference>) {
        while let Some(change) = changes.recv().await {
            match change {
                Difference::Changed(name, files) => {
                    let start = || Handle::start(&name, &self.parts, self.leaving().get(&name).cloned());
                    let handle = self.lock().entry(name.clone()).or_insert_with(start).clone();
                    handle.send(Request::Changed(files)).await;
                }
                Difference::FirstLookOver => self.parts.folder_seen(),
                Difference::Removed(name) => {
                    let Some(handle) = self.lock().remove(&name) else { continue };
                    // Now, and not when it has stopped: by then the same name may count anew.
                    self.parts.metrics.forget(&name);
                    self.leaving().retain(|_, handle| !handle.has_ended());
                    self.leaving().insert(name, handle.clone());
                    handle.send(Request::Removed).await;
                    handle.send(Request::Stop).await;
                }
            }
        }
    }

    /// Stops every plugin at a commit, all at once, and waits for them.
    pub async fn shut_down(&self) {
        let handles: Vec<Handle> = self.lock().values().cloned().collect();
        for handle in &handles {
            handle.send(Request::Stop).await;
        }
        let leaving: Vec<Handle> = self.leaving().values().cloned().collect();
        for handle in handles.into_iter().chain(leaving) {
            handle.ended().await;
        }
    }

    fn leaving(&self) -> MutexGuard<'_, BTreeMap<String, Handle>> {
        self.leaving.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn lock(&self) -> MutexGuard<'_, BTreeMap<String, Handle>> {
        self.plugins.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Control for Supervisor {
    fn plugins(&self) -> Vec<PluginStatus> {
        self.lock().values().map(Handle::status).collect()
    }

    fn plugin(&self, name: &str) -> Option<PluginStatus> {
        self.lock().get(name).map(Handle::status)
    }

    fn ready(&self) -> Readiness {
        let kafka = &self.parts.kafka;
        let mut reasons = readiness::reasons(&self.plugins(), kafka.outage(), kafka.bootstrap_servers());
        if !self.parts.looked_at_folder() {
            reasons.push("the plugins folder has not been looked at yet".into());
        }
        Readiness { reasons }
    }

    fn act<'a>(&'a self, plugin: &'a str, action: Action) -> BoxFuture<'a, Result<String, ControlError>> {
        Box::pin(async move {
            let handle = self.lock().get(plugin).cloned().ok_or(ControlError::UnknownPlugin)?;
            let (answer, answered) = oneshot::channel();
            handle.send(Request::Act(action, answer)).await;
            answered.await.unwrap_or_else(|_| Err(ControlError::Conflict("the plugin is being stopped".into())))
        })
    }
}

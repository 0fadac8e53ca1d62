//! Starts, restarts (with back-off) and stops workers. One actor a plugin ([`plugin`]) takes what happens to it one
//! after the other, so that a slow plugin never holds another back; one keeper a worker ([`keeper`]) keeps it running.

mod deploy;
mod file;
mod keeper;
mod parts;
mod plugin;
mod readiness;
mod refusal;
mod restoring;
mod states;
mod view;

pub use parts::Parts;

use crate::admin::{
    Action, BoxFuture, Control, ControlError, FirstOutputs, NewEvent, PluginStatus, PutError, QueryError, Readiness,
    Signal, Spread, Written,
};
use crate::kafka::broadcast::broadcast;
use crate::kafka::inlet::{Inlet, InletError};
use crate::kafka::owners::{owner_of, owners_of};
use crate::reload::folder::Difference;
use crate::state::{Found, Keys, Query};
use plugin::{Handle, Request};
use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use tokio::sync::{Semaphore, mpsc, oneshot};

/// So many queries read the stores at once; others wait. Each holds a thread, and one answer in memory.
const QUERIES_AT_ONCE: usize = 8;

/// Every plugin of this host.
pub struct Supervisor {
    parts: Arc<Parts>,
    plugins: Mutex<BTreeMap<String, Handle>>,
    /// Plugins that were removed, by name, until they have ended.
    leaving: Mutex<BTreeMap<String, Handle>>,
    queries: Arc<Semaphore>,
    /// Signals are sent one after the other: a second producer of the same transactional id would fence the first.
    signals: Arc<tokio::sync::Mutex<()>>,
    /// The topics that the configuration opens to HTTP; each takes one event at a time.
    inlets: BTreeMap<String, Arc<tokio::sync::Mutex<Inlet>>>,
}

impl Supervisor {
    /// No plugins yet.
    pub fn new(parts: Arc<Parts>) -> Arc<Self> {
        let queries = Arc::new(Semaphore::new(QUERIES_AT_ONCE));
        let inlet = |topic: &String| {
            let client_id = format!("{}-{}-{topic}", parts.config.application, parts.host_id);
            let inlet = Inlet::new(parts.kafka.clone(), client_id, topic.clone());
            (topic.clone(), Arc::new(tokio::sync::Mutex::new(inlet)))
        };
        let inlets = parts.config.admin.topics.iter().map(inlet).collect();
        Arc::new(Supervisor {
            parts,
            plugins: Mutex::default(),
            leaving: Mutex::default(),
            queries,
            signals: Arc::default(),
            inlets,
        })
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

    /// Whether all that the plugins folder had at the start is known by now.
    pub fn looked_at_folder(&self) -> bool {
        self.parts.looked_at_folder()
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

    fn first_outputs(&self, name: &str) -> Option<FirstOutputs> {
        self.lock().get(name).map(Handle::first_outputs)
    }

    fn ready(&self) -> Readiness {
        let kafka = &self.parts.kafka;
        let mut reasons = readiness::reasons(&self.plugins(), kafka.outage(), kafka.bootstrap_servers());
        if !self.looked_at_folder() {
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

    fn query<'a>(&'a self, plugin: &'a str, query: Query) -> BoxFuture<'a, Result<Found, QueryError>> {
        Box::pin(async move {
            let handle = self.lock().get(plugin).cloned().ok_or(QueryError::UnknownPlugin)?;
            if let Some(stores) = handle.stores()
                && !stores.contains(&query.store)
            {
                return Err(QueryError::UnknownStore(stores));
            }
            let failed = |error: &dyn std::fmt::Display| QueryError::Failed(error.to_string());
            let permit = self.queries.clone().acquire_owned().await.map_err(|error| failed(&error))?;
            let (parts, plugin) = (self.parts.clone(), plugin.to_owned());
            let keyed_by = handle.keyed_by(&query.store);
            let read = move || {
                // Held until it is read, even if nobody waits for the answer any more.
                let _permit = permit;
                let found =
                    parts.stores.query(&plugin, &query).map_err(|error| QueryError::Failed(error.to_string()))?;
                match (&query.keys, keyed_by) {
                    (Keys::One(key), Some(topic)) if found.as_ref().is_none_or(|found| found.entries.is_empty()) => {
                        elsewhere(&parts, &plugin, &topic, key, found)
                    }
                    _ => found.ok_or(QueryError::NotOpen),
                }
            };
            tokio::task::spawn_blocking(read).await.map_err(|error| failed(&error))?
        })
    }

    fn spread<'a>(&'a self, plugin: &'a str, query: &'a Query) -> BoxFuture<'a, Result<Option<Spread>, String>> {
        Box::pin(async move {
            let Some(handle) = self.lock().get(plugin).cloned() else { return Ok(None) };
            let is_one_tasks = matches!(query.keys, Keys::One(_)) && handle.keyed_by(&query.store).is_some();
            if is_one_tasks || !self.parts.kafka.has_transactions() {
                return Ok(None);
            }
            let (parts, group) = (self.parts.clone(), self.parts.group(plugin));
            let own = format!("{group}-{}-", parts.host_id);
            let owners = tokio::task::spawn_blocking(move || owners_of(&parts.kafka, &group)).await;
            let Some(owners) = owners.map_err(|error| error.to_string())?? else { return Ok(None) };
            let others = owners.client_ids.iter().filter(|id| !id.starts_with(&own)).map(|id| address_of(id));
            Ok(Some(Spread { tasks: owners.tasks, others: others.collect() }))
        })
    }

    fn put<'a>(&'a self, event: NewEvent) -> BoxFuture<'a, Result<Written, PutError>> {
        Box::pin(async move {
            let Some(inlet) = self.inlets.get(&event.topic).cloned() else {
                return Err(PutError::Closed(self.inlets.keys().cloned().collect()));
            };
            let mut inlet = inlet.lock_owned().await;
            let put = move || inlet.put(event.key.as_deref(), event.value.as_deref());
            let written = tokio::task::spawn_blocking(put).await;
            match written.map_err(|error| PutError::Unanswered(error.to_string()))? {
                Ok((partition, offset)) => Ok(Written { partition, offset }),
                Err(InletError::Refused(why)) => Err(PutError::Refused(why)),
                Err(InletError::Unanswered(why)) => Err(PutError::Unanswered(why)),
            }
        })
    }

    fn signal<'a>(&'a self, plugin: &'a str, signal: Signal) -> BoxFuture<'a, Result<usize, ControlError>> {
        Box::pin(async move {
            let handle = self.lock().get(plugin).cloned().ok_or(ControlError::UnknownPlugin)?;
            let conflict = |why: String| Err(ControlError::Conflict(why));
            match handle.takes_signals() {
                Some(true) => {}
                Some(false) => {
                    return conflict(format!(
                        "{plugin:?} has no input of signals: connect one of the module to the topic \"$signals\""
                    ));
                }
                None => return conflict("no module of it is at work; repair its file, or reload it".to_owned()),
            }
            let turn = self.signals.clone().lock_owned().await;
            let (parts, plugin) = (self.parts.clone(), plugin.to_owned());
            let send = move || {
                // Held until it is sent, even if nobody waits for the answer any more.
                let _turn = turn;
                let id = format!("{}-{}-signals", parts.group(&plugin), parts.host_id);
                let topic = parts.signals_topic(&plugin);
                broadcast(&parts.kafka, &id, &topic, signal.name.as_bytes(), signal.payload.as_deref())
            };
            let sent =
                tokio::task::spawn_blocking(send).await.map_err(|error| ControlError::Failed(error.to_string()))?;
            sent.map_err(|error| ControlError::Failed(format!("the signal was not sent: {error}")))
        })
    }
}

/// What an answer without an entry means: is the key's task another host's?
fn elsewhere(parts: &Parts, plugin: &str, topic: &str, key: &[u8], found: Option<Found>) -> Result<Found, QueryError> {
    if !parts.kafka.has_transactions() {
        // The embedded broker has one host.
        return found.ok_or(QueryError::NotOpen);
    }
    let group = parts.group(plugin);
    match owner_of(&parts.kafka, &group, topic, key) {
        Ok(owned) if owned.client_id.starts_with(&format!("{group}-{}-", parts.host_id)) => {
            // A task whose state is not open yet has not been asked.
            found.filter(|found| found.partitions.contains(&owned.partition)).ok_or(QueryError::NotOpen)
        }
        Ok(owned) => Err(QueryError::Elsewhere { partition: owned.partition, address: address_of(&owned.client_id) }),
        // Not knowing is no reason to say that it is not there.
        Err(why) => {
            tracing::debug!(plugin, "whose key it is can't be told: {why}");
            Err(QueryError::NotOpen)
        }
    }
}

/// Where the host of a client is reached, if it says so.
fn address_of(client_id: &str) -> Option<String> {
    client_id.rsplit_once('@').map(|(_, address)| address.to_owned())
}

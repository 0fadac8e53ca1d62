//! One plugin's actor: takes what happens to the plugin, one thing after the other.

use super::file::Unfinished;
use super::keeper::Deployed;
use super::parts::Parts;
use super::view::View;
use crate::admin::{Action, ControlError, FirstOutputs, PluginStatus};
use crate::event::Reason;
use crate::reload::folder::Files;
use crate::reload::history::History;
use crate::worker::Command;
use std::sync::{Arc, PoisonError};
use std::time::{Duration, Instant};
use tokio::sync::{mpsc, oneshot};

/// How long a worker that is told to stop waits for a silent broker before it leaves without its last commit.
const GIVE_UP: Duration = Duration::from_secs(15);

/// What happens to a plugin.
pub enum Request {
    /// Its module or its configuration is new or has changed.
    Changed(Files),
    /// Its module is gone.
    Removed,
    /// Somebody asks for something over HTTP.
    Act(Action, oneshot::Sender<Result<String, ControlError>>),
    /// The host goes down, or the plugin was removed.
    Stop,
}

/// To reach a plugin's actor.
#[derive(Clone)]
pub struct Handle {
    requests: mpsc::Sender<Request>,
    view: Arc<View>,
}

impl Handle {
    /// Starts the actor of a plugin that has nothing to do yet. One of the same name that was removed just `before` ends
    /// first: both have the same group, the same clients and the same history.
    pub fn start(name: &str, parts: &Arc<Parts>, before: Option<Handle>) -> Self {
        let (requests, inbox) = mpsc::channel(16);
        let view = View::new(name, parts);
        let (failed, failures) = mpsc::unbounded_channel();
        let actor = Actor {
            name: name.into(),
            history: History::of(&parts.config.state_dir, name),
            parts: parts.clone(),
            view: view.clone(),
            requests: inbox,
            postponed: None,
            failed,
            failures,
            files: None,
            unfinished: None,
            deployed: None,
        };
        tokio::spawn(async move {
            if let Some(before) = before {
                before.ended().await;
            }
            actor.run().await;
        });
        Handle { requests, view }
    }

    /// Tells the actor. One that has ended hears nothing.
    pub async fn send(&self, request: Request) {
        let _ = self.requests.send(request).await;
    }

    /// Waits until the actor has ended.
    pub async fn ended(&self) {
        self.requests.closed().await;
    }

    /// Whether it has.
    pub fn has_ended(&self) -> bool {
        self.requests.is_closed()
    }

    /// The plugin as others see it.
    pub fn status(&self) -> PluginStatus {
        self.view.status()
    }

    /// The first outputs of its module, as others see them.
    pub fn first_outputs(&self) -> FirstOutputs {
        self.view.first_outputs()
    }

    /// Whether it has an input of signals; None as long as no module of it is at work.
    pub fn takes_signals(&self) -> Option<bool> {
        self.view.takes_signals()
    }

    /// The topic whose keys are those of a store, if the plugin says so of the store.
    pub fn keyed_by(&self, store: &str) -> Option<String> {
        self.view.keyed_by(store)
    }

    /// The names of its stores; None as long as no module of it is at work.
    pub fn stores(&self) -> Option<Vec<String>> {
        self.view.stores()
    }
}

pub(super) struct Actor {
    pub name: Arc<str>,
    pub history: History,
    pub parts: Arc<Parts>,
    pub view: Arc<View>,
    pub requests: mpsc::Receiver<Request>,
    /// A request that came while a deployment waited for the brokers, and put an end to it.
    pub postponed: Option<Request>,
    pub failed: mpsc::UnboundedSender<Reason>,
    failures: mpsc::UnboundedReceiver<Reason>,
    pub files: Option<Files>,
    /// The file's content, if it is waited for.
    pub unfinished: Option<Unfinished>,
    pub deployed: Option<Deployed>,
}

impl Actor {
    async fn run(mut self) {
        loop {
            let request = match self.postponed.take() {
                Some(request) => Some(request),
                None => tokio::select! {
                    request = self.requests.recv() => request,
                    Some(reason) = self.failures.recv() => {
                        self.worker_failed(reason).await;
                        continue;
                    }
                    () = Actor::written(&self.unfinished) => {
                        self.file_written().await;
                        continue;
                    }
                },
            };
            match request {
                Some(Request::Changed(files)) => {
                    self.files = Some(files);
                    self.file_changed().await;
                }
                Some(Request::Removed) => {
                    self.stop_workers().await;
                    if let Err(error) = self.history.forget() {
                        tracing::warn!(plugin = &*self.name, "its old modules are left behind: {error}");
                    }
                    tracing::info!(plugin = &*self.name, "stopped: its file was removed");
                }
                Some(Request::Act(action, answer)) => {
                    let result = self.act(action).await;
                    // Whoever asked may have gone.
                    let _ = answer.send(result);
                }
                Some(Request::Stop) | None => break,
            }
        }
        self.view.lock().stopped = true;
        self.stop_workers().await;
    }

    async fn act(&mut self, action: Action) -> Result<String, ControlError> {
        match action {
            Action::Pause => self.set_paused(true),
            Action::Resume => self.set_paused(false),
            Action::Reload => self.reload().await,
            Action::Rollback => self.roll_back().await,
        }
    }

    fn set_paused(&mut self, paused: bool) -> Result<String, ControlError> {
        let conflict = |why: &str| Err(ControlError::Conflict(why.to_owned()));
        let Some(deployed) = &self.deployed else {
            return conflict("no module of it is at work; repair its file, or reload it");
        };
        let was = std::mem::replace(&mut *deployed.kept.paused.lock().unwrap_or_else(PoisonError::into_inner), paused);
        if was == paused {
            return conflict(if paused { "it is paused already" } else { "it is not paused" });
        }
        for keeper in &deployed.keepers {
            keeper.tell(if paused { Command::Pause } else { Command::Resume });
        }
        tracing::info!(plugin = &*self.name, "{}", if paused { "paused" } else { "resumed" });
        Ok(if paused { "it pauses at once; its partitions are kept" } else { "it goes on" }.to_owned())
    }

    /// A worker ended in a way that a restart does not help: the others stop at a commit as well.
    async fn worker_failed(&mut self, reason: Reason) {
        tracing::error!(
            plugin = &*self.name,
            code = reason.code,
            "stopped: {}; it starts again when its file changes or it is reloaded",
            reason.message
        );
        self.view.problem(&reason.to_string());
        self.view.lock().failed = true;
        self.stop_workers().await;
    }

    pub(super) async fn stop_workers(&mut self) {
        let Some(deployed) = self.deployed.take() else { return };
        self.parts.count_loaded(-1);
        let give_up = Instant::now() + GIVE_UP;
        // Told all at once: a group that loses its members one by one rebalances for each.
        let stops: Vec<_> = deployed.keepers.into_iter().map(|keeper| tokio::spawn(keeper.stop(give_up))).collect();
        for stop in stops {
            if let Err(error) = stop.await {
                tracing::error!(plugin = &*self.name, "a worker could not be stopped: {error}");
            }
        }
        self.view.lock().workers.clear();
        // All have ended. What several of them said must not stop those that are started next.
        while self.failures.try_recv().is_ok() {}
    }
}

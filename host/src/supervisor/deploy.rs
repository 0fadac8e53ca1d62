//! A plugin's file becomes the module at work: read, loaded aside, and swapped in at a commit; or why not.

use super::keeper::{self, Deployed, Keeper, Kept};
use super::plugin::{Actor, Request};
use super::view::WorkerSeen;
use crate::admin::{ControlError, RefusedModule, Timestamp};
use crate::config::{OnFailure, PluginConfig};
use crate::kafka::topics::{TopicError, TopicKind, TopicSpec};
use crate::plugin::Module;
use crate::reload::change::{Change, Footing, change};
use crate::worker::{Command, MAX_PARTITIONS, MAX_TOPICS};
use sha2::{Digest, Sha256};
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;
use tokio::sync::mpsc;

/// Between two tries to reach the brokers.
const TRY_BROKERS_EVERY: Duration = Duration::from_secs(1);

/// A worker that is asked to swap does it at its next commit. One whose commit takes longer than this is waiting for a
/// broker; it swaps when it is back, and nobody waits for it here.
const SWAP_WITHIN: Duration = Duration::from_secs(60);

/// Why a file was not taken.
struct Refusal {
    code: &'static str,
    message: String,
    /// It is probably being written still.
    incomplete: bool,
}

/// A module, and the file's bytes that it was made of.
struct Loaded {
    module: Arc<Module>,
    config: PluginConfig,
    bytes: Vec<u8>,
}

impl Actor {
    /// The file or its configuration has changed.
    pub(super) async fn file_changed(&mut self) {
        let Some(files) = self.files.clone() else { return };
        let sha256 = sha256_of(&files.module).await;
        let pinned = self.history.pinned();
        if pinned.is_some() && pinned == sha256 {
            self.view.lock().pinned = true;
            tracing::info!(plugin = &*self.name, "a rollback holds: the module before is used until the file changes");
            if let Err(refusal) = self.take(self.history.current(), "started").await {
                self.refuse(refusal, sha256);
            }
            return;
        }
        self.unpin();
        let Err(refusal) = self.take(files.module, "started").await else { return };
        let incomplete = refusal.incomplete;
        self.refuse(refusal, sha256);
        if self.deployed.is_none() && !incomplete && self.history.current().exists() && !self.view.lock().failed {
            tracing::warn!(plugin = &*self.name, "the last module that worked is used until the file is repaired");
            let refused = self.view.lock().refused.clone();
            if let Err(refusal) = self.take(self.history.current(), "started").await {
                tracing::warn!(plugin = &*self.name, "the last module that worked is refused too: {}", refusal.message);
            }
            self.view.lock().refused = refused;
        }
    }

    /// Reads the file again, whether it has changed or not.
    pub(super) async fn reload(&mut self) -> Result<String, ControlError> {
        let Some(files) = self.files.clone() else {
            return Err(ControlError::Conflict("its file has not been read yet".into()));
        };
        self.unpin();
        let sha256 = sha256_of(&files.module).await;
        match self.take(files.module, "started").await {
            Ok(what) => Ok(what),
            Err(refusal) => {
                let message = refusal.message.clone();
                self.refuse(refusal, sha256);
                Err(ControlError::Failed(message))
            }
        }
    }

    /// Goes back to the module before, and holds it until the file changes.
    pub(super) async fn roll_back(&mut self) -> Result<String, ControlError> {
        if self.history.pinned().is_some() {
            return Err(ControlError::Conflict(
                "it is rolled back already, until its file changes or it is reloaded".into(),
            ));
        }
        if !self.history.previous().exists() {
            return Err(ControlError::Conflict("no module ran before this one".into()));
        }
        let left_aside = match &self.files {
            Some(files) => sha256_of(&files.module).await.unwrap_or_default(),
            None => String::new(),
        };
        let failed = |message| Err(ControlError::Failed(message));
        let loaded = match self.load(self.history.previous()).await {
            Ok(loaded) => loaded,
            Err(refusal) => return failed(format!("the module before is refused: {}", refusal.message)),
        };
        match self.deploy(&loaded, "rolled-back").await {
            Ok(what) => {
                if let Err(error) = self.history.pin(&left_aside) {
                    return failed(format!("it is rolled back, but a restart would not know of it: {error}"));
                }
                self.view.lock().pinned = true;
                Ok(format!("{what}; it is held until the file changes"))
            }
            Err(refusal) => failed(refusal.message),
        }
    }

    fn unpin(&mut self) {
        self.view.lock().pinned = false;
        if let Err(error) = self.history.unpin() {
            tracing::warn!(plugin = &*self.name, "the rollback could not be lifted: {error}");
        }
    }

    /// Loads a file and puts it to work; says what was done.
    async fn take(&mut self, file: PathBuf, started: &'static str) -> Result<String, Refusal> {
        let loaded = self.load(file).await?;
        let done = self.deploy(&loaded, started).await?;
        if let Err(error) = self.history.keep(&loaded.bytes) {
            tracing::warn!(plugin = &*self.name, "there will be no rollback to this module: it can't be kept: {error}");
        }
        Ok(done)
    }

    async fn load(&self, file: PathBuf) -> Result<Loaded, Refusal> {
        let config_file = self.files.as_ref().map(|files| files.config.clone()).unwrap_or_default();
        let (name, loader) = (self.name.clone(), self.parts.loader.clone());
        let load = move || {
            let config = PluginConfig::load(&config_file).map_err(|errors| Refusal {
                code: "configuration",
                message: errors.to_string(),
                incomplete: false,
            })?;
            let bytes = std::fs::read(&file).map_err(|error| Refusal {
                code: "unreadable",
                message: format!("{} cannot be read: {error}", file.display()),
                incomplete: true,
            })?;
            let module = loader.load(&name, &file, &config).map_err(|error| Refusal {
                code: error.code(),
                message: error.to_string(),
                incomplete: error.is_incomplete(),
            })?;
            Ok(Loaded { module, config, bytes })
        };
        tokio::task::spawn_blocking(load).await.unwrap_or_else(|error| Err(internal(&error)))
    }

    /// Puts a module to work: between two commits if it can take over, by a restart of the workers otherwise.
    async fn deploy(&mut self, loaded: &Loaded, outcome: &'static str) -> Result<String, Refusal> {
        let module = &loaded.module;
        let footing = Footing {
            inputs: self.inputs(module),
            sinks: module.resolved.sinks.clone(),
            stores: module.wiring.stores.clone(),
            config: loaded.config.clone(),
        };
        let topics = footing.inputs.iter().map(|(_, topics)| topics.len()).sum::<usize>();
        if topics > MAX_TOPICS {
            let message = format!("it has {topics} input topics, and {MAX_TOPICS} is the most");
            return Err(Refusal { code: "wiring", message, incomplete: false });
        }
        let metrics = self.view.metrics.clone();
        module.count_dropped_lines(move |lines| metrics.log_lines_dropped(lines));
        let version = module.version().to_owned();
        let (outcome, done) = match &self.deployed {
            Some(deployed) => match change(&deployed.kept.footing, &footing) {
                Change::Swap => {
                    self.swap(module).await?;
                    let outcome = if outcome == "started" { "swapped" } else { outcome };
                    (outcome, format!("version {version} took over between two commits"))
                }
                Change::Restart(why) => {
                    // Whoever paused it did not mean until the next configuration.
                    let paused = deployed.kept.is_paused();
                    self.prepare_topics(&footing).await?;
                    self.stop_workers().await;
                    self.start_workers(module, footing, paused);
                    let outcome = if outcome == "started" { "restarted" } else { outcome };
                    (outcome, format!("version {version} was started anew, because {why}"))
                }
            },
            None => {
                self.prepare_topics(&footing).await?;
                self.start_workers(module, footing, false);
                (outcome, format!("version {version} was started"))
            }
        };
        {
            let mut seen = self.view.lock();
            seen.module = Some((module.clone(), Timestamp::now()));
            seen.dead_letters = loaded.config.on_failure == OnFailure::DeadLetter;
            (seen.refused, seen.error, seen.failed) = (None, None, false);
        }
        self.view.metrics.reload(outcome);
        tracing::info!(plugin = &*self.name, "{done}");
        Ok(done)
    }

    /// Makes the instances aside, one a worker, and hands them over.
    async fn swap(&mut self, module: &Arc<Module>) -> Result<(), Refusal> {
        let Some(deployed) = &mut self.deployed else { return Ok(()) };
        let (count, source) = (deployed.keepers.len(), module.clone());
        let make = move || (0..count).map(|_| keeper::running(&source)).collect::<Result<Vec<_>, _>>();
        let instances = tokio::task::spawn_blocking(make).await.map_err(|error| internal(&error))?;
        let instances = instances.map_err(|reason| Refusal {
            code: "start",
            message: format!("no instance of it could be made: {reason}"),
            incomplete: false,
        })?;
        // First, so that a worker that starts right now starts with it.
        *deployed.kept.module.lock().unwrap_or_else(PoisonError::into_inner) = module.clone();
        deployed.module = module.clone();
        let (told, mut swapped) = mpsc::unbounded_channel();
        for (keeper, running) in deployed.keepers.iter().zip(instances) {
            let told = told.clone();
            // The receiver may have given up waiting.
            let swapped = Box::new(move |pause| {
                let _ = told.send(pause);
            });
            keeper.tell(Command::Swap { running, swapped });
        }
        drop(told);
        let metrics = &self.view.metrics;
        let all = async {
            while let Some(pause) = swapped.recv().await {
                metrics.reload_pause(pause);
            }
        };
        if tokio::time::timeout(SWAP_WITHIN, all).await.is_err() {
            tracing::warn!(plugin = &*self.name, "a worker still waits for its commit, and swaps after it");
        }
        Ok(())
    }

    fn start_workers(&mut self, module: &Arc<Module>, footing: Footing, paused: bool) {
        let workers = footing.config.workers;
        let kept = Arc::new(Kept {
            plugin: self.name.clone(),
            footing,
            module: Mutex::new(module.clone()),
            paused: Mutex::new(paused),
            failures: self.failed.clone(),
        });
        self.view.lock().workers = (0..workers).map(|_| WorkerSeen::default()).collect();
        let keepers = (0..workers)
            .map(|index| Keeper::start(index, kept.clone(), self.parts.clone(), self.view.clone()))
            .collect();
        self.deployed = Some(Deployed { kept, keepers, module: module.clone() });
        self.parts.count_loaded(1);
    }

    /// The inputs, signals by the name of their topic.
    fn inputs(&self, module: &Module) -> Vec<(String, Vec<String>)> {
        let mut inputs = module.resolved.inputs.clone();
        for (port, (_, topics)) in module.wiring.inputs.iter().zip(&mut inputs) {
            if port.is_signals() {
                *topics = vec![self.parts.signals_topic(&self.name)];
            }
        }
        inputs
    }

    /// Makes sure that every topic is there and that partitions of the same number can be handled together. A lost
    /// broker is waited for, until something else happens to the plugin.
    async fn prepare_topics(&mut self, footing: &Footing) -> Result<(), Refusal> {
        let inputs: Vec<String> = footing.inputs.iter().flat_map(|(_, topics)| topics.clone()).collect();
        let sinks = footing.sinks.iter().map(|(_, topic)| topic.clone());
        let dead_letters =
            (footing.config.on_failure == OnFailure::DeadLetter).then(|| self.parts.dead_letter_topic(&self.name));
        let signals = self.parts.signals_topic(&self.name);
        let mut names: Vec<String> = inputs.iter().cloned().chain(sinks).chain(dead_letters).collect();
        names.retain(|name| *name != signals);
        names.sort();
        names.dedup();
        let spec = |name| TopicSpec { name, partitions: None, kind: TopicKind::Events };
        let specs: Vec<TopicSpec> = names.into_iter().map(spec).collect();
        let keeps_changelog = !footing.stores.is_empty() && self.parts.kafka.has_transactions();
        // One partition a task.
        let changelog = keeps_changelog.then(|| (self.parts.changelog_topic(&self.name), TopicKind::Changelog));
        let signals = inputs.contains(&signals).then_some((signals, TopicKind::Events));
        let of_tasks: Vec<(String, TopicKind)> = changelog.into_iter().chain(signals).collect();
        loop {
            let (parts, specs, of_tasks) = (self.parts.clone(), specs.clone(), of_tasks.clone());
            let first = inputs.iter().find(|input| of_tasks.iter().all(|(name, _)| name != *input)).cloned();
            let ensure = move || {
                let settings = &parts.config.topics;
                let ensure = |specs: &[TopicSpec]| {
                    parts.topics.ensure(specs, settings.create, settings.partitions, settings.replication)
                };
                let mut counts = ensure(&specs)?;
                let partitions = first.and_then(|first| counts.get(&first).copied());
                let of_tasks = of_tasks.into_iter().map(|(name, kind)| TopicSpec { name, partitions, kind });
                counts.append(&mut ensure(&of_tasks.collect::<Vec<_>>())?);
                Ok(counts)
            };
            let ensured = tokio::task::spawn_blocking(ensure).await.map_err(|error| internal(&error))?;
            match ensured {
                Ok(counts) => {
                    co_partitioned(inputs.iter().map(|topic| (topic.as_str(), counts.get(topic).copied())))?;
                    let tasks = inputs.iter().find_map(|topic| counts.get(topic).copied());
                    return match keeps_changelog {
                        true => of_as_many_tasks(&self.parts.changelog_topic(&self.name), &counts, tasks),
                        false => Ok(()),
                    };
                }
                Err(TopicError::Unreachable(why)) => {
                    let message =
                        format!("the brokers can't be reached: {why}; they are tried again until they answer");
                    if self.view.problem(&message) {
                        tracing::warn!(plugin = &*self.name, "{message}");
                    }
                }
                Err(error) => return Err(Refusal { code: "topics", message: error.to_string(), incomplete: false }),
            }
            tokio::select! {
                () = tokio::time::sleep(TRY_BROKERS_EVERY) => {}
                request = self.requests.recv() => match request {
                    Some(Request::Act(_, answer)) => {
                        let _ = answer.send(Err(ControlError::Conflict("it waits for the brokers".into())));
                    }
                    request => {
                        self.postponed = Some(request.unwrap_or(Request::Stop));
                        let message = "something else happened while it waited for the brokers".to_owned();
                        return Err(Refusal { code: "topics", message, incomplete: true });
                    }
                },
            }
        }
    }

    /// The old module, if there is one, goes on; the reason is in the log, in the status and in a metric.
    fn refuse(&mut self, refusal: Refusal, sha256: Option<String>) {
        let Refusal { code, message, incomplete } = refusal;
        let goes_on = match &self.deployed {
            Some(deployed) => format!("; version {} goes on", deployed.module.version()),
            None => String::new(),
        };
        if incomplete {
            tracing::info!(plugin = &*self.name, code, "not taken yet: {message}{goes_on}");
        } else {
            tracing::error!(plugin = &*self.name, code, "refused: {message}{goes_on}");
        }
        self.view.metrics.reload("refused");
        self.parts.metrics.module_refused(&self.name, code);
        self.view.lock().refused = Some(RefusedModule {
            at: Timestamp::now(),
            sha256: sha256.unwrap_or_default(),
            code: code.to_owned(),
            message,
        });
    }
}

/// State belongs to partition numbers: with another number of partitions keys are in other tasks than their state.
fn of_as_many_tasks(changelog: &str, counts: &BTreeMap<String, i32>, tasks: Option<i32>) -> Result<(), Refusal> {
    match (counts.get(changelog), tasks) {
        (Some(had), Some(tasks)) if *had != tasks => Err(Refusal {
            code: "topics",
            message: format!(
                "its inputs have {tasks} partitions, and its state in {changelog} was written when they had {had}: keys have                  moved to other partitions than their state. Give it inputs with {had} partitions again, or begin anew with                  `wasmill reset`"
            ),
            incomplete: false,
        }),
        _ => Ok(()),
    }
}

/// Tasks are partition numbers: every input must have the same number of partitions.
fn co_partitioned<'a>(inputs: impl Iterator<Item = (&'a str, Option<i32>)> + Clone) -> Result<(), Refusal> {
    let refusal = |message| Err(Refusal { code: "topics", message, incomplete: false });
    let mut counts = inputs.clone().filter_map(|(topic, count)| Some((topic, count?)));
    let Some((first, expected)) = counts.next() else { return Ok(()) };
    if expected > MAX_PARTITIONS {
        return refusal(format!("topic {first} has {expected} partitions, and {MAX_PARTITIONS} is the most"));
    }
    match counts.find(|(_, count)| *count != expected) {
        Some((topic, count)) => refusal(format!(
            "its inputs must have the same number of partitions, so that keys meet: {first} has {expected} and {topic} \
             has {count}; repartition one of them"
        )),
        None => Ok(()),
    }
}

async fn sha256_of(file: &Path) -> Option<String> {
    let file = file.to_owned();
    let digest = move || {
        let bytes = std::fs::read(file).ok()?;
        Some(Sha256::digest(bytes).iter().map(|byte| format!("{byte:02x}")).collect())
    };
    tokio::task::spawn_blocking(digest).await.ok()?
}

fn internal(error: &tokio::task::JoinError) -> Refusal {
    Refusal { code: "host", message: format!("the host could not try it out: {error}"), incomplete: false }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn inputs_with_unequal_partition_counts_are_refused() {
        assert!(co_partitioned([("a", Some(4)), ("b", Some(4))].into_iter()).is_ok());
        let refusal = co_partitioned([("a", Some(4)), ("b", Some(3))].into_iter()).unwrap_err();
        assert!(refusal.message.contains("a has 4 and b has 3"), "{}", refusal.message);
    }
}

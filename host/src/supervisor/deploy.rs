//! A file becomes the module at work: loaded aside, its topics made sure of, and swapped in at a commit; or why not.

use super::keeper::{self, Deployed, Keeper, Kept};
use super::plugin::{Actor, Request};
use super::refusal::{Certainty, Refusal};
use super::view::WorkerSeen;
use crate::admin::{ControlError, Timestamp};
use crate::config::{OnFailure, PluginConfig};
use crate::kafka::topics::{TopicError, TopicKind, TopicSpec};
use crate::plugin::Module;
use crate::reload::change::{Change, Footing, change};
use crate::worker::{Command, MAX_PARTITIONS, MAX_TOPICS};
use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;
use tokio::sync::mpsc;

/// Between two tries to reach the brokers.
const TRY_BROKERS_EVERY: Duration = Duration::from_secs(1);

/// A worker that is asked to swap does it at its next commit. One whose commit takes longer than this is waiting for a
/// broker; it swaps when it is back, and nobody waits for it here.
const SWAP_WITHIN: Duration = Duration::from_secs(60);

/// A module, and the file's bytes that it was made of.
pub(super) struct Loaded {
    module: Arc<Module>,
    config: PluginConfig,
    pub(super) bytes: Vec<u8>,
}

impl Actor {
    /// Makes a module of a file.
    pub(super) async fn load(&self, file: PathBuf) -> Result<Loaded, Refusal> {
        let config_file = self.files.as_ref().map(|files| files.config.clone()).unwrap_or_default();
        let (name, loader) = (self.name.clone(), self.parts.loader.clone());
        let load = move || {
            let config =
                PluginConfig::load(&config_file).map_err(|errors| Refusal::new("configuration", errors.to_string()))?;
            let bytes = std::fs::read(&file).map_err(|error| Refusal {
                code: "unreadable",
                message: format!("{} cannot be read: {error}", file.display()),
                certainty: Certainty::Unfinished,
            })?;
            let module = loader.load(&name, &file, &config)?;
            Ok(Loaded { module, config, bytes })
        };
        self.view.lock().loading = true;
        let loaded = tokio::task::spawn_blocking(load).await;
        self.view.lock().loading = false;
        loaded.unwrap_or_else(|error| Err(Refusal::internal(&error)))
    }

    /// Puts a module to work: between two commits if it can take over, by a restart of the workers otherwise.
    pub(super) async fn deploy(&mut self, loaded: &Loaded, outcome: &'static str) -> Result<String, Refusal> {
        let module = &loaded.module;
        let footing = Footing {
            inputs: self.inputs(module),
            sinks: module.resolved.sinks.clone(),
            last_of_commit: module.wiring.sinks.iter().map(|sink| sink.last_of_commit).collect(),
            stores: module.wiring.stores.clone(),
            config: loaded.config.clone(),
        };
        let topics = footing.inputs.iter().map(|(_, topics)| topics.len()).sum::<usize>();
        if topics > MAX_TOPICS {
            let message = format!("it has {topics} input topics, and {MAX_TOPICS} is the most");
            return Err(Refusal::new("wiring", message));
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
        let instances = tokio::task::spawn_blocking(make).await.map_err(|error| Refusal::internal(&error))?;
        let instances =
            instances.map_err(|reason| Refusal::new("start", format!("no instance of it could be made: {reason}")))?;
        // First, so that a worker that starts right now starts with it.
        *deployed.kept.module.lock().unwrap_or_else(PoisonError::into_inner) = module.clone();
        deployed.module = module.clone();
        let (told, mut swapped) = mpsc::unbounded_channel();
        for (keeper, running) in deployed.keepers.iter().zip(instances) {
            let told = told.clone();
            // The receiver may have given up waiting.
            let swapped = Box::new(move |pause, old| {
                let _ = told.send((pause, old));
            });
            keeper.tell(Command::Swap { running, swapped });
        }
        drop(told);
        let metrics = &self.view.metrics;
        let all = async {
            while let Some((pause, old)) = swapped.recv().await {
                metrics.reload_pause(pause);
                // Code and memory of a whole module: it takes its time.
                tokio::task::spawn_blocking(move || drop(old));
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
        let keeps_changelog = self.parts.keeps_changelog(&footing.stores);
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
            let ensured = tokio::task::spawn_blocking(ensure).await.map_err(|error| Refusal::internal(&error))?;
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
                Err(error) => return Err(Refusal::new("topics", error.to_string())),
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
                        return Err(Refusal { code: "topics", message, certainty: Certainty::Overtaken });
                    }
                },
            }
        }
    }
}

/// State belongs to partition numbers: with another number of partitions keys are in other tasks than their state.
fn of_as_many_tasks(changelog: &str, counts: &BTreeMap<String, i32>, tasks: Option<i32>) -> Result<(), Refusal> {
    match (counts.get(changelog), tasks) {
        (Some(had), Some(tasks)) if *had != tasks => Err(Refusal::new(
            "topics",
            format!(
                "its inputs have {tasks} partitions, and its state in {changelog} was written when they had {had}: keys \
                 have moved to other partitions than their state. Give it inputs with {had} partitions again, or begin \
                 anew with `wasmill reset`"
            ),
        )),
        _ => Ok(()),
    }
}

/// Tasks are partition numbers: every input must have the same number of partitions.
fn co_partitioned<'a>(inputs: impl Iterator<Item = (&'a str, Option<i32>)> + Clone) -> Result<(), Refusal> {
    let mut counts = inputs.clone().filter_map(|(topic, count)| Some((topic, count?)));
    let Some((first, expected)) = counts.next() else { return Ok(()) };
    if expected > MAX_PARTITIONS {
        let message = format!("topic {first} has {expected} partitions, and {MAX_PARTITIONS} is the most");
        return Err(Refusal::new("topics", message));
    }
    match counts.find(|(_, count)| *count != expected) {
        Some((topic, count)) => {
            let message = format!(
                "its inputs must have the same number of partitions, so that keys meet: {first} has {expected} and \
                 {topic} has {count}; repartition one of them"
            );
            Err(Refusal::new("topics", message))
        }
        None => Ok(()),
    }
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

    #[test]
    fn state_that_was_written_for_another_number_of_partitions_is_refused() {
        let counts = BTreeMap::from([("p-changelog".to_owned(), 4)]);
        assert!(of_as_many_tasks("p-changelog", &counts, Some(4)).is_ok());
        let refusal = of_as_many_tasks("p-changelog", &counts, Some(6)).unwrap_err();
        for said in ["6 partitions", "p-changelog", "when they had 4", "wasmill reset"] {
            assert!(refusal.message.contains(said), "{}", refusal.message);
        }
    }
}

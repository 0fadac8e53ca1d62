//! Keeps one worker running: makes its consumer and producer, starts its thread, and starts it again after an error, a
//! little later each time.

use super::parts::Parts;
use super::states::PluginStates;
use super::view::{View, WorkerSeen};
use crate::config::Delivery;
use crate::event::Reason;
use crate::kafka::consumer::{Consumer, ConsumerSpec};
use crate::kafka::edge::{SendError, SourceError};
use crate::kafka::producer::{Producer, ProducerSpec};
use crate::plugin::Module;
use crate::reload::change::Footing;
use crate::worker::{Command, End, InputTopic, Lane, LaneSpec, Running, Status, Worker};
use std::sync::mpsc::{Sender, channel};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};
use tokio::sync::{mpsc, oneshot};

/// The first wait after an error; each next one is twice as long.
const FIRST_WAIT: Duration = Duration::from_millis(200);

/// The longest wait.
const LONGEST_WAIT: Duration = Duration::from_secs(30);

/// A worker that ran for so long begins anew with the first wait.
const STEADY: Duration = Duration::from_secs(60);

/// After it has given up on its last commit, a worker gets so long to leave its group.
const LEAVES_WITHIN: Duration = Duration::from_secs(10);

/// What wasm code may use of it is bounded by the engine; the rest is the host's own.
const STACK: usize = 8 << 20;

/// What the keepers of one plugin share.
pub struct Kept {
    /// The plugin's name.
    pub plugin: Arc<str>,
    /// What the workers are made for.
    pub footing: Footing,
    /// The module that a worker starts with; a swap changes it for those that start later.
    pub module: Mutex<Arc<Module>>,
    /// Whether workers start paused.
    pub paused: Mutex<bool>,
    /// Told when a worker ended in a way that a restart does not help.
    pub failures: mpsc::UnboundedSender<Reason>,
}

impl Kept {
    /// Whether the plugin is paused.
    pub fn is_paused(&self) -> bool {
        *self.paused.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// What is at work of a plugin.
pub struct Deployed {
    /// What its keepers share.
    pub kept: Arc<Kept>,
    /// One a worker.
    pub keepers: Vec<Keeper>,
    /// The module that the instances are of.
    pub module: Arc<Module>,
}

/// A running keeper.
pub struct Keeper {
    commands: Arc<Mutex<Option<Sender<Command>>>>,
    stop: Option<oneshot::Sender<()>>,
    task: tokio::task::JoinHandle<()>,
}

impl Keeper {
    /// Starts the worker number `index`. The view has a place for it.
    pub fn start(index: usize, kept: Arc<Kept>, parts: Arc<Parts>, view: Arc<View>) -> Self {
        let commands = Arc::new(Mutex::new(None));
        let (stop, stopped) = oneshot::channel();
        let task = tokio::spawn(keep(index, kept, parts, view, commands.clone(), stopped));
        Keeper { commands, stop: Some(stop), task }
    }

    /// Tells the worker, if it is running now.
    pub fn tell(&self, command: Command) -> bool {
        let commands = self.commands.lock().unwrap_or_else(PoisonError::into_inner);
        commands.as_ref().is_some_and(|commands| commands.send(command).is_ok())
    }

    /// Stops the worker at a commit and waits for it; a silent broker is waited for until `give_up`.
    pub async fn stop(mut self, give_up: Instant) {
        if let Some(stop) = self.stop.take() {
            // The keeper may have ended by itself.
            let _ = stop.send(());
        }
        self.tell(Command::Stop { give_up });
        let patience = give_up.saturating_duration_since(Instant::now()) + LEAVES_WITHIN;
        match tokio::time::timeout(patience, self.task).await {
            Ok(Ok(())) => {}
            Ok(Err(error)) => tracing::error!("a worker's keeper broke: {error}"),
            Err(_) => tracing::error!(
                "a worker hangs in a call of the Kafka client; it is left behind, and what it has not committed comes again"
            ),
        }
    }
}

async fn keep(
    index: usize,
    kept: Arc<Kept>,
    parts: Arc<Parts>,
    view: Arc<View>,
    commands: Arc<Mutex<Option<Sender<Command>>>>,
    mut stopped: oneshot::Receiver<()>,
) {
    let mut wait = FIRST_WAIT;
    loop {
        let started = Instant::now();
        let status = Arc::new(Status::default());
        if let Some(seen) = view.lock().workers.get_mut(index) {
            *seen = WorkerSeen { status: status.clone(), backing_off: false, restarts: seen.restarts };
        }
        let (sender, inbox) = channel();
        if kept.is_paused() {
            let _ = sender.send(Command::Pause);
        }
        *commands.lock().unwrap_or_else(PoisonError::into_inner) = Some(sender);
        // A stop that came before there was a worker to tell.
        if stopped.try_recv() != Err(oneshot::error::TryRecvError::Empty) {
            return;
        }
        let (told, ended) = oneshot::channel();
        let spawned = std::thread::Builder::new().name(format!("{}-{index}", kept.plugin)).stack_size(STACK).spawn({
            let (kept, parts, view) = (kept.clone(), parts.clone(), view.clone());
            move || {
                let mut worker = match lane(index, &kept, &parts, &view) {
                    Ok(lane) => Worker::new(lane, inbox, status),
                    Err(end) => return drop(told.send(end)),
                };
                let end = worker.run();
                if let End::Broken(_) = end {
                    // Clients that cannot reach the brokers may not let go before these are back.
                    let _ = told.send(end);
                    drop(worker);
                } else {
                    // Whoever waits for the end finds that the group has been left.
                    drop(worker);
                    let _ = told.send(end);
                }
            }
        });
        let end = match spawned {
            Ok(_) => ended.await.unwrap_or_else(|_| End::Broken("the worker's thread panicked".into())),
            Err(error) => End::Broken(format!("no thread: {error}")),
        };
        *commands.lock().unwrap_or_else(PoisonError::into_inner) = None;
        let why = match end {
            End::Stopped => return,
            End::Failed(reason) => {
                // The actor may be gone already: then the plugin is stopped anyway.
                let _ = kept.failures.send(reason);
                return;
            }
            End::Broken(why) => why,
        };
        if stopped.try_recv() != Err(oneshot::error::TryRecvError::Empty) {
            tracing::warn!(plugin = &*kept.plugin, "worker {index} stopped without its last commit: {why}");
            return;
        }
        if started.elapsed() >= STEADY {
            wait = FIRST_WAIT;
        }
        if view.problem(&why) {
            tracing::error!(plugin = &*kept.plugin, "worker {index} is started again: {why}");
        }
        view.metrics.worker_restart();
        if let Some(seen) = view.lock().workers.get_mut(index) {
            seen.backing_off = true;
            seen.restarts += 1;
        }
        tokio::select! {
            () = tokio::time::sleep(wait) => {}
            _ = &mut stopped => return,
        }
        wait = (wait * 2).min(LONGEST_WAIT);
    }
}

/// All that a worker works with.
fn lane(index: usize, kept: &Kept, parts: &Arc<Parts>, view: &View) -> Result<Lane<Consumer, Producer>, End> {
    let footing = &kept.footing;
    let module = kept.module.lock().unwrap_or_else(PoisonError::into_inner).clone();
    let running = running(&module).map_err(End::Failed)?;
    let group = parts.group(&kept.plugin);
    let id = format!("{group}-{}-{index}", parts.host_id);
    let client_id = parts.client_id(&id);
    let inputs: Vec<InputTopic> = (0..)
        .zip(&footing.inputs)
        .flat_map(|(input, (_, topics))| topics.iter().map(move |topic| InputTopic { input, topic: topic.clone() }))
        .collect();
    let spec = ConsumerSpec {
        group,
        client_id: client_id.clone(),
        topics: inputs.iter().map(|input| input.topic.clone()).collect(),
        start: footing.config.start,
    };
    let mut topics: Vec<String> = footing.sinks.iter().map(|(_, topic)| topic.clone()).collect();
    topics.push(parts.dead_letter_topic(&kept.plugin));
    let has_state = !footing.stores.is_empty();
    let keeps_changelog = parts.keeps_changelog(&footing.stores);
    let changelog = topics.len();
    if keeps_changelog {
        topics.push(parts.changelog_topic(&kept.plugin));
    }
    // The producer first: a member of the group that cannot write would only hold partitions.
    let exactly_once = footing.config.delivery == Delivery::ExactlyOnce && parts.kafka.has_transactions();
    let outlet = ProducerSpec {
        transactional_id: exactly_once.then_some(id),
        longest_call: footing.config.limits.deadline.unwrap_or_default(),
        client_id: client_id.clone(),
        topics,
        watched: keeps_changelog.then_some(changelog),
    };
    let outlet = Producer::new(&parts.kafka, outlet).map_err(|error| match error {
        SendError::Broken(why) | SendError::Abort(why) | SendError::Refused { message: why, .. } => End::Broken(why),
    })?;
    let source = Consumer::new(&parts.kafka, spec).map_err(|error| match error {
        SourceError::Broken(why) | SourceError::Stale(why) | SourceError::OffsetOutOfRange(why) => End::Broken(why),
    })?;
    let spec = LaneSpec {
        plugin: kept.plugin.clone(),
        inputs,
        sinks: footing.last_of_commit.clone(),
        stores: footing.stores.clone(),
        config: Arc::new(footing.config.clone()),
        exactly_once,
        keeps_changelog,
    };
    let states = has_state.then(|| PluginStates {
        parts: parts.clone(),
        plugin: kept.plugin.clone(),
        stores: footing.stores.clone(),
    });
    let lane = Lane::new(spec, source, outlet, running, view.metrics.clone(), view.metrics.worker(index));
    Ok(match states {
        Some(states) => lane.with_states(Arc::new(states)),
        None => lane,
    })
}

/// A fresh instance of a module.
pub fn running(module: &Arc<Module>) -> Result<Running, Reason> {
    let guest = crate::plugin::guest::Spawn::spawn(&**module)?;
    Ok(Running { version: module.version().into(), spawn: module.clone(), guest })
}

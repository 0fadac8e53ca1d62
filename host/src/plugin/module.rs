//! A module that was checked, and how it makes instances.

use super::engine::Engine;
use super::guest::{Guest, Spawn};
use super::inspect::Ready;
use super::instance::{BatchGuest, EventGuest, Terms};
use super::output::{Gate, Label};
use super::trial::{Fresh, Plugin};
use super::wiring::{Resolved, Wiring};
use crate::config::{LimitsConfig, PluginConfig};
use crate::event::Reason;
use std::fmt;
use std::sync::Arc;
use std::time::Duration;
use wasmill_contract::Scope;

/// Loading takes so long at most, whatever the plugin's own deadline: once for the start, for `describe` and for
/// `configure`. Runtimes of scripting languages take a good part of a second here, on a busy machine.
pub(super) const START_DEADLINE: Duration = Duration::from_secs(10);

/// Of a module: which handler it exports.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum World {
    /// `event-plugin`: one event a call.
    Event,
    /// `batch-plugin`: a run of events a call, in flat columns.
    Batch,
}

impl fmt::Display for World {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            World::Event => "event-plugin",
            World::Batch => "batch-plugin",
        })
    }
}

/// What a plugin says of itself.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct About {
    /// Its own name; the host knows it by its file's.
    pub name: String,
    /// Its own version.
    pub version: String,
    /// What it does.
    pub description: String,
    /// JSON Schema of its settings.
    pub settings_schema: Option<String>,
}

/// One compiled version of a plugin, checked and tried out with its configuration.
pub struct Module {
    /// The plugin's name: the file's stem.
    pub name: String,
    /// Of the file, in hexadecimal.
    pub sha256: String,
    /// Of the file, in bytes.
    pub size: u64,
    /// What it says of itself.
    pub about: About,
    /// Which handler it exports.
    pub world: World,
    /// What it imports.
    pub imports: Vec<String>,
    /// What it exports.
    pub exports: Vec<String>,
    /// What it declared.
    pub wiring: Wiring,
    /// What it declared, with the configuration's topics.
    pub resolved: Resolved,
    /// Whether the machine code came from the cache.
    pub from_cache: bool,
    pub(super) factory: Factory,
}

/// All that a new instance takes.
pub(super) struct Factory {
    pub(super) engine: Arc<Engine>,
    pub(super) ready: Ready,
    pub(super) deadline_checks: bool,
    pub(super) settings: String,
    pub(super) terms: Terms,
    pub(super) label: Arc<Label>,
}

impl Module {
    /// The plugin's own version and the first digits of the file's checksum: what tells two modules of a plugin apart.
    pub fn version(&self) -> &str {
        &self.factory.label.version
    }

    /// What the indexes of an answer may name.
    pub fn scope(&self) -> Scope {
        let stores = self.wiring.stores.len();
        Scope { sinks: self.wiring.sinks.len(), stores, timers: stores > 0 }
    }

    /// Calls `count` with the number of lines that the plugin printed or logged and that were dropped by
    /// `limits.log-lines`, each time some are. To be called once, before instances are made.
    pub fn count_dropped_lines(&self, count: impl Fn(u64) + Send + Sync + 'static) {
        self.factory.label.gate.count_dropped(Box::new(count));
    }

    /// As [`Spawn::spawn`], for runs that must come out the same each time: the clocks that WASI gives stand still, and
    /// its randomness is always the same.
    pub fn spawn_replayable(&self) -> Result<Box<dyn Guest>, Reason> {
        self.make(Terms { replayable: true, ..self.factory.terms.clone() })
    }

    fn make(&self, terms: Terms) -> Result<Box<dyn Guest>, Reason> {
        let Factory { engine, ready, deadline_checks, settings, label, .. } = &self.factory;
        let deadline = terms.deadline;
        let starting = Terms { deadline: Some(START_DEADLINE), ..terms };
        let mut fresh = Fresh::start(engine, *deadline_checks, ready, starting, label)?;
        let wiring = fresh
            .configure(settings)?
            .map_err(|refusal| Reason::new("configure", format!("a new instance refuses its settings: {refusal}")))?;
        if wiring != self.wiring {
            let message = "a new instance declares another wiring than the first one did: configure must always give the \
                           same answer to the same settings";
            return Err(Reason::new("configure", message));
        }
        let Fresh { mut core, plugin } = fresh;
        core.terms.deadline = deadline;
        core.has_stores(wiring.stores);
        Ok(match plugin {
            Plugin::Event(plugin) => Box::new(EventGuest::new(core, plugin, self.wiring.clone())),
            Plugin::Batch(plugin) => Box::new(BatchGuest { core, plugin }),
        })
    }
}

impl Spawn for Module {
    fn spawn(&self) -> Result<Box<dyn Guest>, Reason> {
        self.make(self.factory.terms.clone())
    }
}

impl fmt::Debug for Module {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Module({} {}, {})", self.name, self.version(), self.world)
    }
}

impl Terms {
    pub(super) fn of(config: &PluginConfig) -> Terms {
        let LimitsConfig { memory, deadline, output_bytes, .. } = config.limits;
        Terms {
            memory,
            deadline,
            // What is in an answer lies in the plugin's memory first, and its records are up to twice as large on the
            // host's side. A plugin that names the same bytes again and again ends here.
            transfer: memory.saturating_mul(2).saturating_add(output_bytes),
            writes: output_bytes,
            replayable: false,
        }
    }
}

/// What its lines are logged under.
pub(super) fn label(plugin: &str, version: String, gate: &Arc<Gate>) -> Arc<Label> {
    Arc::new(Label { plugin: plugin.to_owned(), version, gate: gate.clone() })
}

//! Opens the state of a plugin's tasks: claims what is on disk, and reads from the changelog what is missing.

use super::parts::Parts;
use crate::event::Reason;
use crate::kafka::changelog::{ChangelogError, Reader};
use crate::state::{Changelog, State, StateError, StoreSpec, Task};
use crate::worker::{OpenError, Opened, States};
use std::sync::Arc;
use std::time::{Duration, Instant};

/// A long restore tells how far it is this often.
const TELL_EVERY: Duration = Duration::from_secs(2);

/// Metrics follow a restore so many records behind at most.
const SHOWN_EVERY: u64 = 1_000;

/// Of one plugin.
pub struct PluginStates {
    /// Where everything is.
    pub parts: Arc<Parts>,
    /// The plugin's name.
    pub plugin: Arc<str>,
    /// The wiring's stores.
    pub stores: Vec<StoreSpec>,
}

impl From<ChangelogError> for OpenError {
    fn from(error: ChangelogError) -> Self {
        OpenError::Broken(error.to_string())
    }
}

impl From<StateError> for OpenError {
    fn from(error: StateError) -> Self {
        OpenError::Failed(Reason::new("state", error.0))
    }
}

impl States for PluginStates {
    fn open(&self, task: i32, stream_time: i64, opened: Opened) {
        let (parts, plugin, stores) = (self.parts.clone(), self.plugin.clone(), self.stores.clone());
        let thread = std::thread::Builder::new().name("restore".into());
        let started = thread.spawn(move || {
            let state = open(&parts, &plugin, &stores, task, stream_time, &opened);
            opened.done(state);
        });
        if let Err(error) = started {
            // The lane notices that nobody answers.
            tracing::error!(plugin = &*self.plugin, task, "no thread to open the task's state: {error}");
        }
    }
}

fn open(
    parts: &Parts,
    plugin: &str,
    stores: &[StoreSpec],
    number: i32,
    stream_time: i64,
    opened: &Opened,
) -> Result<Box<dyn State>, OpenError> {
    let task = Task { plugin: plugin.to_owned(), number };
    if !parts.kafka.has_transactions() {
        let claimed = parts.stores.claim(task, None)?;
        return Ok(Box::new(claimed.open(stores, 0, stream_time)?));
    }
    let reader = Reader::new(&parts.kafka, &parts.changelog_topic(plugin), number)?;
    let found = reader.look(&parts.kafka)?;
    let changelog =
        Changelog { identity: found.identity, first: found.first, end: found.end, keeps_deletes: found.keeps_deletes };
    let mut claimed = parts.stores.claim(task, Some(&changelog))?;
    if let Some(why) = claimed.rebuilt {
        tracing::warn!(plugin, task = number, "the state on disk is not used, because {why}: it is restored");
    }
    let (from, end) = (claimed.position(), found.end);
    let (started, mut told, mut records, mut shown) = (Instant::now(), Instant::now(), 0u64, 0u64);
    let mut restoring = parts.metrics.plugin(plugin).restoring();
    restoring.read(0, (end - from).max(0));
    let read = reader.read(
        from,
        end,
        |record| {
            records += 1;
            if records - shown == SHOWN_EVERY {
                restoring.read(SHOWN_EVERY, (end - record.offset).max(0));
                shown = records;
            }
            if told.elapsed() >= TELL_EVERY {
                told = Instant::now();
                tell(plugin, number, records, record.offset - from, end - from, started.elapsed());
            }
            claimed.restore(record.offset, record.key, record.value, record.timestamp)
        },
        || opened.is_wanted(),
    )?;
    restoring.read(records - shown, 0);
    let end = read?;
    if !opened.is_wanted() {
        return Err(OpenError::Broken("the task was given up".into()));
    }
    let state = claimed.open(stores, end, stream_time)?;
    tracing::info!(
        plugin,
        task = number,
        records,
        "state opened in {:.1} s: {records} records were read from the changelog",
        started.elapsed().as_secs_f64()
    );
    Ok(Box::new(state))
}

fn tell(plugin: &str, task: i32, records: u64, done: i64, all: i64, took: Duration) {
    let seconds = took.as_secs_f64();
    let left = seconds * (all - done).max(0) as f64 / done.max(1) as f64;
    tracing::info!(
        plugin,
        task,
        "restoring: {records} records, {:.0} a second, {:.0} %, {left:.0} s left",
        records as f64 / seconds,
        100.0 * done as f64 / all.max(1) as f64
    );
}

//! Opens the state of a plugin's tasks: claims what is on disk, and reads from the changelog what is missing.

use super::parts::Parts;
use crate::event::Reason;
use crate::kafka::changelog::{ChangelogError, Reader};
use crate::state::{Changelog, OpenStateError, State, StateError, StoreSpec, Task};
use crate::worker::{OpenError, Opened, States};
use std::sync::Arc;

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
        OpenError::Broken(error.0)
    }
}

impl From<OpenStateError> for OpenError {
    fn from(error: OpenStateError) -> Self {
        match error {
            OpenStateError::Disk(error) => error.into(),
            OpenStateError::Refused(why) => OpenError::Failed(Reason::new("state", why)),
        }
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
    plugin: &Arc<str>,
    stores: &[StoreSpec],
    number: i32,
    stream_time: i64,
    opened: &Opened,
) -> Result<Box<dyn State>, OpenError> {
    let task = Task { plugin: plugin.to_string(), number };
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
        tracing::warn!(
            plugin = &**plugin,
            task = number,
            "the state on disk is not used, because {why}: it is restored"
        );
    }
    let from = claimed.position();
    let mut restore = parts.restores.begin(&parts.metrics, plugin, number, from, found.end);
    let read = reader.read(
        from,
        found.end,
        |record| {
            restore.read(record.offset);
            claimed.restore(record.offset, record.key, record.value, record.timestamp)
        },
        || opened.is_wanted(),
    )?;
    let end = read?;
    if !opened.is_wanted() {
        return Err(OpenError::Broken("the task was given up".into()));
    }
    let state = claimed.open(stores, end, stream_time)?;
    restore.done();
    Ok(Box::new(state))
}

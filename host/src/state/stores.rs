//! The stores of a host: who owns the state of which task, and what it takes to open one.

use super::budget::{Budget, Share};
use super::disk::{Disk, Meta, Part};
use super::layer::{Committed, Named};
use super::record::{TIMERS, VERSIONS};
use super::sorted::Sorted;
use super::task::TaskState;
use super::writer::Writer;
use super::{OpenStateError, StateError, StoreSpec};
use crate::event::wall_clock;
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Condvar, Mutex, PoisonError};
use std::time::Duration;

/// The task before may have to commit first, so it is waited for as long as that may take.
const OWNER_PATIENCE: Duration = Duration::from_secs(60);

/// All of it. One a host.
pub struct Stores {
    folder: PathBuf,
    shelf: Mutex<Shelf>,
    owned: Arc<Owned>,
    caches: Arc<Budget>,
}

/// Where tasks are on disk. A new one takes its place when it takes no more.
#[derive(Clone)]
struct Shelf {
    disk: Arc<Disk>,
    writer: Arc<Writer>,
}

impl Shelf {
    fn new(disk: Disk) -> Result<Self, StateError> {
        let disk = Arc::new(disk);
        let writer = Writer::start(disk.clone()).map_err(|error| StateError(format!("no thread: {error}")))?;
        Ok(Shelf { disk, writer: Arc::new(writer) })
    }
}

/// The tasks whose state is somebody's, and what is committed of those that are open.
#[derive(Default)]
struct Owned {
    tasks: Mutex<BTreeMap<Task, Option<Arc<Committed>>>>,
    released: Condvar,
}

/// A plugin on one partition number.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Task {
    /// The plugin.
    pub plugin: String,
    /// The partition number.
    pub number: i32,
}

impl Task {
    fn folder(&self) -> String {
        format!("{}#{}", self.plugin, self.number)
    }
}

/// A task's changelog partition, as it is when the task is opened.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Changelog {
    /// What tells it from another topic of the same name.
    pub identity: String,
    /// Its first offset.
    pub first: i64,
    /// The offset after its last record.
    pub end: i64,
    /// How long it keeps tombstones, in milliseconds.
    pub keeps_deletes: i64,
}

/// Holds a task; gives it back when dropped, after everything that it committed is on disk.
pub struct Owner {
    task: Task,
    /// What is on disk, if there is a changelog to restore it from.
    restorable: Option<Part>,
    owned: Arc<Owned>,
    writer: Arc<Writer>,
}

/// A task that was claimed, and is to be brought in step with its changelog.
pub struct Claimed {
    owner: Owner,
    part: Part,
    records: Sorted,
    changelog: String,
    position: i64,
    caches: Arc<Budget>,
    /// Why nothing of what was on disk is used, if so.
    pub rebuilt: Option<&'static str>,
}

impl Stores {
    /// Opens the folder. Entries that were used lately are kept in memory, about `cache` bytes of all tasks together.
    ///
    /// # Errors
    /// Another process has it open, or it can be neither read nor moved away.
    pub fn open(folder: &Path, cache: usize) -> Result<Arc<Stores>, StateError> {
        let shelf = Mutex::new(Shelf::new(Disk::open(folder)?)?);
        Ok(Arc::new(Stores { folder: folder.to_owned(), shelf, owned: Arc::default(), caches: Budget::new(cache) }))
    }

    /// Claims a task's state; waits until whoever has it has let go. `changelog` is None where there is none: what is on
    /// disk is then all there is.
    pub fn claim(&self, task: Task, changelog: Option<&Changelog>) -> Result<Claimed, StateError> {
        let (mut owner, disk) = self.own(task, changelog.is_some())?;
        let part = disk.part(&owner.task.folder())?;
        owner.restorable = changelog.map(|_| part.clone());
        let meta = match part.meta() {
            Err(_) if changelog.is_some() => None,
            meta => meta?,
        };
        let rebuilt = changelog.and_then(|changelog| distrust(meta.as_ref(), changelog, wall_clock()));
        if rebuilt.is_some() || meta.is_none() {
            part.clear()?;
        }
        let position = meta.filter(|_| rebuilt.is_none()).map_or(0, |meta| meta.position);
        let position = position.max(changelog.map_or(0, |changelog| changelog.first));
        let identity = changelog.map_or(String::new(), |changelog| changelog.identity.clone());
        Ok(Claimed {
            caches: self.caches.clone(),
            owner,
            records: Sorted::default(),
            part,
            changelog: identity,
            position,
            rebuilt,
        })
    }

    fn own(&self, task: Task, restorable: bool) -> Result<(Owner, Arc<Disk>), StateError> {
        let tasks = self.owned.tasks.lock().unwrap_or_else(PoisonError::into_inner);
        let taken = |tasks: &mut BTreeMap<Task, _>| tasks.contains_key(&task);
        let (mut tasks, waited) = self
            .owned
            .released
            .wait_timeout_while(tasks, OWNER_PATIENCE, taken)
            .unwrap_or_else(PoisonError::into_inner);
        if waited.timed_out() {
            return Err(StateError(format!("task {} of {} is still somebody else's", task.number, task.plugin)));
        }
        let Shelf { disk, writer } = self.shelf(restorable)?;
        tasks.insert(task.clone(), None);
        Ok((Owner { task, restorable: None, owned: self.owned.clone(), writer }, disk))
    }

    /// One that can be written to, as long as there is something to restore it from.
    fn shelf(&self, restorable: bool) -> Result<Shelf, StateError> {
        let mut shelf = self.shelf.lock().unwrap_or_else(PoisonError::into_inner);
        if restorable && shelf.disk.is_broken() {
            *shelf = Shelf::new(Disk::succeed(&self.folder)?)?;
        }
        Ok(shelf.clone())
    }

    /// As a disk that is full does.
    #[cfg(test)]
    pub(super) fn break_disk(&self) {
        self.shelf.lock().unwrap_or_else(PoisonError::into_inner).disk.break_off();
    }

    /// What is committed of a plugin's open tasks, by partition number.
    pub fn committed(&self, plugin: &str) -> Vec<(i32, Arc<Committed>)> {
        let tasks = self.owned.tasks.lock().unwrap_or_else(PoisonError::into_inner);
        let of_plugin = tasks.iter().filter(|(task, _)| task.plugin == plugin);
        of_plugin.filter_map(|(task, committed)| Some((task.number, committed.clone()?))).collect()
    }

    /// Forgets everything of a plugin that nobody has open; says of how many tasks.
    pub fn forget(&self, plugin: &str) -> Result<usize, StateError> {
        let begins = format!("{plugin}#");
        let Shelf { disk, .. } = self.shelf(false)?;
        let tasks: Vec<String> = disk.tasks().into_iter().filter(|task| task.starts_with(&begins)).collect();
        tasks.iter().try_for_each(|task| disk.forget(task))?;
        Ok(tasks.len())
    }
}

/// Why entries on disk must not be used.
fn distrust(meta: Option<&Meta>, changelog: &Changelog, now: i64) -> Option<&'static str> {
    let meta = meta?;
    match () {
        () if meta.changelog != changelog.identity => Some("its changelog is another topic now"),
        () if meta.position > changelog.end => Some("it is ahead of its changelog"),
        () if meta.position < changelog.first => Some("the changelog no longer reaches back to it"),
        () if now - meta.in_step > changelog.keeps_deletes / 2 => {
            Some("it is so old that deletions may be missing from the changelog")
        }
        () => None,
    }
}

impl Claimed {
    /// The offset to read the changelog from.
    pub fn position(&self) -> i64 {
        self.position
    }

    /// Takes in a record of the changelog, in the order of their offsets. One that nobody of ours wrote is left out.
    pub fn restore(&mut self, offset: i64, key: &[u8], value: Option<&[u8]>, timestamp: i64) -> Result<(), StateError> {
        if super::record::split(key).is_some() {
            self.records.push(key, value.map(|value| (timestamp, value)));
        }
        self.position = offset + 1;
        if self.records.is_full() { self.flush() } else { Ok(()) }
    }

    fn flush(&mut self) -> Result<(), StateError> {
        let mut batch = self.part.batch(self.records.len());
        self.records.put_into(&mut batch);
        batch.write(Some(&Meta::new(&self.changelog, self.position, wall_clock())))
    }

    /// Everything committed is on disk, up to `end`: opens the state. `stream_time` is the task's at its last commit.
    ///
    /// # Errors
    /// A store holds values of a version that the module does not know; or entries can't be read or written.
    pub fn open(mut self, specs: &[StoreSpec], end: i64, stream_time: i64) -> Result<TaskState, OpenStateError> {
        self.position = self.position.max(end);
        self.flush()?;
        let named = specs.iter().map(|spec| Named::new(&spec.name, spec.ttl_ms));
        let named = named.chain([Named::new(TIMERS, None), Named::new(VERSIONS, None)]).collect();
        let shares = specs.iter().map(|_| self.caches.share()).chain([Share::least(), Share::least()]);
        let committed = Arc::new(Committed::new(named, shares, self.part, stream_time));
        let meta = Meta::new(&self.changelog, self.position, wall_clock());
        let owner = self.owner;
        let state = TaskState::new(specs, committed.clone(), owner, meta)?;
        state.show(committed);
        Ok(state)
    }
}

impl Owner {
    /// Whether nothing of the task reaches the disk any more, and all of it can be restored elsewhere.
    pub(super) fn is_lost(&self) -> bool {
        self.restorable.as_ref().is_some_and(Part::is_broken)
    }

    /// Where commits go.
    pub(super) fn writer(&self) -> &Writer {
        &self.writer
    }

    /// Makes what is committed visible to queries.
    pub(super) fn show(&self, committed: Arc<Committed>) {
        let mut tasks = self.owned.tasks.lock().unwrap_or_else(PoisonError::into_inner);
        tasks.insert(self.task.clone(), Some(committed));
    }
}

impl Drop for Owner {
    fn drop(&mut self) {
        self.writer.settle();
        if let Some(part) = self.restorable.as_ref().filter(|part| part.is_damaged()) {
            let Task { plugin, number } = &self.task;
            match part.distrust() {
                Ok(()) => {
                    tracing::warn!("{plugin} [{number}] is restored from its changelog: what is on disk is damaged")
                }
                Err(error) => tracing::error!("{plugin} [{number}] is damaged on disk: {error}"),
            }
        }
        self.owned.tasks.lock().unwrap_or_else(PoisonError::into_inner).remove(&self.task);
        self.owned.released.notify_all();
    }
}

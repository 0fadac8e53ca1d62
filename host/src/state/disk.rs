//! Entries on disk. Nothing but this file knows which storage engine it is.

use super::{StateError, record};
use crate::failpoint;
use fjall::{Database, Keyspace, KeyspaceCreateOptions, OwnedWriteBatch, PersistMode, Readable};
use serde::{Deserialize, Serialize};
use std::io;
use std::panic::catch_unwind;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

/// Of all tasks together: blocks that were read lately.
const CACHE_BYTES: u64 = 32 << 20;

/// Of one task: what is written is kept in memory up to here, and then becomes a file.
const MEMTABLE_BYTES: u64 = 8 << 20;

/// The layout of what is below. Another one is rebuilt from the changelog.
const FORMAT: u32 = 1;

/// What stands for the stores of a host in the place of a folder that took no more is beside it, under its name and a number from
/// here on.
const FIRST_SUCCESSOR: u32 = 2;

/// The stores of a host.
pub struct Disk {
    database: Database,
    /// See [`Part::distrust`].
    mark: Arc<Path>,
    /// See [`Disk::is_broken`].
    broken: Arc<AtomicBool>,
}

/// What is noted of a task with each batch of its entries.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Meta {
    /// The layout.
    format: u32,
    /// The changelog that it is a copy of.
    pub changelog: String,
    /// Everything before this offset of the task's changelog partition is in it; perhaps more.
    pub position: i64,
    /// When it was last known to be so, in milliseconds since the Unix epoch.
    pub in_step: i64,
}

impl Meta {
    /// For entries as this version writes them.
    pub fn new(changelog: &str, position: i64, in_step: i64) -> Self {
        Meta { format: FORMAT, changelog: changelog.to_owned(), position, in_step }
    }
}

/// One task's entries.
#[derive(Clone)]
pub struct Part {
    database: Database,
    keyspace: Keyspace,
    damaged: Damaged,
    mark: Arc<Path>,
}

/// What failed so far. Shared by all that look at a task's entries.
#[derive(Clone)]
struct Damaged(Arc<Failed>);

struct Failed {
    read: AtomicBool,
    write: AtomicBool,
    /// Of all tasks.
    broken: Arc<AtomicBool>,
}

impl Damaged {
    fn seen<T>(&self, read: Result<T, fjall::Error>) -> Result<T, StateError> {
        if read.is_err() {
            self.0.read.store(true, Ordering::Relaxed);
        }
        read.map_err(failed)
    }

    fn written<T>(&self, written: Result<T, fjall::Error>) -> Result<T, StateError> {
        if written.is_err() {
            self.0.write.store(true, Ordering::Relaxed);
            self.0.broken.store(true, Ordering::Relaxed);
        }
        written.map_err(failed)
    }
}

/// Changes that reach the disk together or not at all.
pub struct Batch {
    batch: OwnedWriteBatch,
    /// Reused: the storage engine copies both.
    key: Vec<u8>,
    value: Vec<u8>,
    keyspace: Keyspace,
    damaged: Damaged,
}

/// Entries as they were at one moment.
pub struct View {
    snapshot: fjall::Snapshot,
    keyspace: Keyspace,
    damaged: Damaged,
}

impl Disk {
    /// Opens the folder, and makes it if it is missing. One that can't be read is set aside and made anew: all that was in
    /// it is in the changelogs.
    pub fn open(folder: &Path) -> Result<Disk, StateError> {
        let mark = folder.with_extension("unreadable");
        if let Some(newest) = successors(folder).pop() {
            // A host that works on it must not lose it.
            if let Err(fjall::Error::Locked) = open(&newest) {
                return Err(in_use(&newest));
            }
            set_aside(folder, &mark, "a write to them had failed")?;
            move_to(&newest, folder)?;
            remove_successors(folder);
        }
        let damaged = match open(folder) {
            Ok(database) if !mark.exists() => return Ok(Disk::new(database, mark)),
            Ok(_) => "some entries could not be read".to_owned(),
            Err(fjall::Error::Locked) => return Err(in_use(folder)),
            Err(error) => error.to_string(),
        };
        set_aside(folder, &mark, &damaged)?;
        Ok(Disk::new(open(folder).map_err(failed)?, mark))
    }

    /// Makes new stores beside a folder that is [broken](Self::is_broken), since those who still have it open may go on reading and
    /// even writing there; the next [`open`](Self::open) brings them to its place. Of several only the newest is kept.
    pub fn succeed(folder: &Path) -> Result<Disk, StateError> {
        let numbers = successors(folder).iter().filter_map(|path| number_of(path)).max();
        let number = numbers.map_or(FIRST_SUCCESSOR, |last| last + 1);
        remove_successors(folder);
        let fresh = folder.with_extension(number.to_string());
        let database = open(&fresh).map_err(|error| {
            // What is left of it would be taken for stores at the next start.
            let _ = std::fs::remove_dir_all(&fresh);
            failed(error)
        })?;
        tracing::warn!(
            "the stores in {} take nothing any more: new stores are made in {} and restored from their changelogs",
            folder.display(),
            fresh.display()
        );
        Ok(Disk::new(database, folder.with_extension("unreadable")))
    }

    fn new(database: Database, mark: PathBuf) -> Self {
        Disk { database, mark: mark.into(), broken: Arc::default() }
    }

    /// Whether a write has failed. The storage engine takes nothing more then, and what is on disk falls behind for good.
    pub fn is_broken(&self) -> bool {
        self.broken.load(Ordering::Relaxed)
    }

    /// As a write that fails does.
    #[cfg(test)]
    pub fn break_off(&self) {
        self.broken.store(true, Ordering::Relaxed);
    }

    /// A task's entries, none if it is new.
    pub fn part(&self, task: &str) -> Result<Part, StateError> {
        let options = || KeyspaceCreateOptions::default().max_memtable_size(MEMTABLE_BYTES);
        let failures = Failed { read: false.into(), write: false.into(), broken: self.broken.clone() };
        let damaged = Damaged(Arc::new(failures));
        let keyspace = damaged.written(self.database.keyspace(task, options))?;
        Ok(Part { database: self.database.clone(), keyspace, damaged, mark: self.mark.clone() })
    }

    /// The tasks that have entries.
    pub fn tasks(&self) -> Vec<String> {
        self.database.list_keyspace_names().iter().map(|name| name.to_string()).collect()
    }

    /// Forgets a task. Nobody may be using it.
    pub fn forget(&self, task: &str) -> Result<(), StateError> {
        if !self.database.keyspace_exists(task) {
            return Ok(());
        }
        let keyspace = self.database.keyspace(task, KeyspaceCreateOptions::default).map_err(failed)?;
        self.database.delete_keyspace(keyspace).map_err(failed)
    }

    /// Makes sure that what was written survives a power failure.
    pub fn sync(&self) -> Result<(), StateError> {
        self.database.persist(PersistMode::SyncAll).map_err(failed)
    }
}

impl Part {
    /// What was noted with the last batch. None: nothing was, or not by a version that writes entries as this one.
    pub fn meta(&self) -> Result<Option<Meta>, StateError> {
        let Some(noted) = self.damaged.seen(self.keyspace.get(record::META))? else { return Ok(None) };
        Ok(serde_json::from_slice(&noted).ok().filter(|meta: &Meta| meta.format == FORMAT))
    }

    /// A value as it was [`stored`](record::store).
    pub fn get(&self, key: &[u8]) -> Result<Option<impl AsRef<[u8]> + use<>>, StateError> {
        self.damaged.seen(self.keyspace.get(key))
    }

    /// Whether an entry could not be read. After a write that failed all are looked at: the storage engine takes nothing
    /// more once it has come upon damage by itself, but also when the disk is full.
    pub fn is_damaged(&self) -> bool {
        const AFTER_ALL: [u8; 2] = [0xff, 0xff];
        let Failed { read, write, .. } = &*self.damaged.0;
        read.load(Ordering::Relaxed)
            || (write.load(Ordering::Relaxed) && self.view().range(&[], &AFTER_ALL, false).any(|pair| pair.is_err()))
    }

    /// See [`Disk::is_broken`].
    pub fn is_broken(&self) -> bool {
        self.damaged.0.broken.load(Ordering::Relaxed)
    }

    /// Forgets what was noted, so that whoever opens the task next uses no entry. Nothing can be written any more once the
    /// storage engine itself has come upon the damage: whoever opens a task next makes new stores, and should the host end
    /// before, a file beside the folder tells its next start to set it aside.
    pub fn distrust(&self) -> Result<(), StateError> {
        self.damaged.written(self.keyspace.remove(record::META)).or_else(|error| {
            let marked = std::fs::write(&self.mark, "");
            marked.map_err(|why| StateError(format!("{error}; and {} can't be written: {why}", self.mark.display())))
        })
    }

    /// Forgets all entries.
    pub fn clear(&self) -> Result<(), StateError> {
        self.damaged.written(self.keyspace.clear())
    }

    /// Entries as they are now, whatever is written meanwhile.
    pub fn view(&self) -> View {
        View { snapshot: self.database.snapshot(), keyspace: self.keyspace.clone(), damaged: self.damaged.clone() }
    }

    /// An empty batch.
    pub fn batch(&self, entries: usize) -> Batch {
        Batch {
            batch: OwnedWriteBatch::with_capacity(self.database.clone(), entries + 1),
            key: Vec::new(),
            value: Vec::new(),
            keyspace: self.keyspace.clone(),
            damaged: self.damaged.clone(),
        }
    }

    /// About how many entries there are.
    pub fn entries(&self) -> usize {
        self.keyspace.approximate_len()
    }

    /// Bytes on disk.
    pub fn bytes(&self) -> u64 {
        self.keyspace.disk_space()
    }
}

/// A key, and a value as it was stored.
pub type Pair = Result<(Vec<u8>, Vec<u8>), StateError>;

impl View {
    /// Entries with `start` <= key < `end`, in order or from the end. `end` must not be empty.
    pub fn range(&self, start: &[u8], end: &[u8], reverse: bool) -> Box<dyn Iterator<Item = Pair>> {
        let range = self.snapshot.range(&self.keyspace, start.to_vec()..end.to_vec());
        let damaged = self.damaged.clone();
        let pair = move |guard: fjall::Guard| {
            let (key, value) = damaged.seen(guard.into_inner())?;
            Ok((key.to_vec(), value.to_vec()))
        };
        if reverse { Box::new(range.rev().map(pair)) } else { Box::new(range.map(pair)) }
    }
}

impl Batch {
    /// Writes an entry, or deletes it; its key begins with what is common to those of its store.
    pub fn put(&mut self, prefix: &[u8], key: &[u8], value: Option<(i64, &[u8])>) {
        let (full, stored) = (&mut self.key, &mut self.value);
        full.clear();
        full.extend_from_slice(prefix);
        full.extend_from_slice(key);
        match value {
            Some((written, value)) => {
                record::store(written, value, stored);
                self.batch.insert(&self.keyspace, full.as_slice(), stored.as_slice());
            }
            None => self.batch.remove(&self.keyspace, full.as_slice()),
        }
    }

    /// Notes where the task stands with these changes, if anything new, and writes all of it.
    pub fn write(mut self, meta: Option<&Meta>) -> Result<(), StateError> {
        if let Some(meta) = meta {
            let meta = serde_json::to_vec(meta).map_err(|error| StateError(error.to_string()))?;
            self.batch.insert(&self.keyspace, record::META, meta);
        }
        match failpoint::fails("disk-error") {
            true => self.damaged.written(Err(fjall::Error::Poisoned)),
            false => self.damaged.written(self.batch.commit()),
        }
    }
}

fn failed(error: fjall::Error) -> StateError {
    StateError(format!("the stores on disk: {error}"))
}

/// Bytes that are not what was written may also make the storage engine panic, before it has compared a checksum: an error like
/// any other.
fn open(folder: &Path) -> Result<Database, fjall::Error> {
    let opened = catch_unwind(|| Database::builder(folder).cache_size(CACHE_BYTES).worker_threads(1).open());
    opened.unwrap_or_else(|_| Err(io::Error::other("the storage engine broke off while it read them").into()))
}

fn in_use(folder: &Path) -> StateError {
    StateError(format!("the stores in {} are in use by another process", folder.display()))
}

/// Moves a folder away for somebody to look at, with the mark that asked for it.
fn set_aside(folder: &Path, mark: &Path, why: &str) -> Result<(), StateError> {
    let aside = (0..).map(|number| folder.with_extension(format!("damaged-{number}"))).find(|path| !path.exists());
    let aside = aside.unwrap_or_else(|| folder.with_extension("damaged"));
    if folder.exists() {
        tracing::warn!(
            "the stores in {} are not used ({why}); they are moved to {} and restored from their changelogs",
            folder.display(),
            aside.display()
        );
        move_to(folder, &aside)?;
    }
    if mark.exists() {
        let removed = std::fs::remove_file(mark);
        removed.map_err(|error| StateError(format!("{} can't be removed: {error}", mark.display())))?;
    }
    Ok(())
}

fn move_to(from: &Path, to: &Path) -> Result<(), StateError> {
    let moved = std::fs::rename(from, to);
    moved.map_err(|error| StateError(format!("{} can't be moved to {}: {error}", from.display(), to.display())))
}

/// What stands for a folder that took no more, the newest last.
fn successors(folder: &Path) -> Vec<PathBuf> {
    let siblings = folder.parent().and_then(|parent| std::fs::read_dir(parent).ok());
    let siblings = siblings.into_iter().flatten().flatten().map(|entry| entry.path());
    let mut found: Vec<PathBuf> =
        siblings.filter(|path| path.with_extension("") == folder && number_of(path).is_some()).collect();
    found.sort_by_key(|path| number_of(path));
    found
}

fn number_of(successor: &Path) -> Option<u32> {
    successor.extension()?.to_str()?.parse().ok()
}

/// All that is in them is in the changelogs.
fn remove_successors(folder: &Path) {
    for path in successors(folder) {
        if let Err(error) = std::fs::remove_dir_all(&path) {
            tracing::warn!("{} is of no use any more, and can't be removed: {error}", path.display());
        }
    }
}

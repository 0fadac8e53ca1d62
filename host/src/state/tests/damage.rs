//! Files of a store that were damaged.

use super::*;
use std::path::PathBuf;
use std::time::{Duration, Instant};

/// Together more than the storage engine keeps in its journals: most entries are in tables alone.
const ENTRIES: usize = 1_500;
const ENTRY_BYTES: usize = 100_000;

fn key(number: usize) -> Vec<u8> {
    format!("{number:05}").into_bytes()
}

fn value(number: usize) -> Vec<u8> {
    let mut random = Random(number as u64 + 1);
    (0..ENTRY_BYTES / 8).flat_map(|_| random.below(u64::MAX).to_le_bytes()).collect()
}

/// The first part of every table is other bytes now. Its index and its footer stay, so that it can be opened.
fn damage(folder: &Path) {
    let mut tables: Vec<PathBuf> = Vec::new();
    for keyspace in std::fs::read_dir(folder.join("keyspaces")).unwrap() {
        let files = std::fs::read_dir(keyspace.unwrap().path().join("tables")).into_iter().flatten();
        tables.extend(files.map(|file| file.unwrap().path()));
    }
    for table in tables {
        let mut bytes = std::fs::read(&table).unwrap();
        let half = bytes.len() / 2;
        if half > ENTRY_BYTES {
            bytes[..half].iter_mut().step_by(100).for_each(|byte| *byte ^= 0x55);
            std::fs::write(&table, bytes).unwrap();
        }
    }
}

/// Then what was in it is in tables alone.
fn wait_until_the_first_journal_is_gone(folder: &Path) {
    let deadline = Instant::now() + Duration::from_secs(60);
    while folder.join("0.jnl").exists() {
        assert!(Instant::now() < deadline, "the storage engine keeps its first journal");
        std::thread::sleep(Duration::from_millis(20));
    }
}

#[test]
fn a_task_whose_entries_are_damaged_on_disk_is_restored_from_its_changelog() {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path().join("stores");
    let mut log = Log::default();
    let stores = Stores::open(&folder, CACHE).unwrap();
    let (mut state, _) = log.open(&stores, 0);
    for number in 0..ENTRIES {
        state.put(0, &key(number), Some(&value(number)), 0).unwrap();
        if number % 50 == 49 {
            log.commit(&mut state);
        }
    }
    wait_until_the_first_journal_is_gone(&folder);
    drop((state, stores));
    damage(&folder);

    let stores = Stores::open(&folder, CACHE).unwrap();
    let mut restored = None;
    // Once to see it, and once to be restored; the storage engine may come upon the damage as well, and break that off.
    for _ in 0..3 {
        let Ok((mut state, read)) = log.try_open(&stores, 0) else { continue };
        if (0..ENTRIES).all(|number| is_there(&mut state, number)) {
            restored = restored.or(Some(read));
        }
    }
    assert_eq!(restored, Some(log.0.len()));
}

/// None that can be read is another one.
fn is_there(state: &mut TaskState, number: usize) -> bool {
    let found = state.get(0, &key(number));
    found.is_ok_and(|found| {
        assert!(found.is_some_and(|(found, _)| found == value(number)), "entry {number}");
        true
    })
}

#[test]
fn stores_that_take_no_more_are_made_anew_without_a_restart_and_the_new_ones_stay() {
    let parent = tempfile::tempdir().unwrap();
    let folder = parent.path().join("stores");
    let beside = || {
        let mut names: Vec<_> =
            std::fs::read_dir(parent.path()).unwrap().map(|entry| entry.unwrap().file_name()).collect();
        names.sort();
        names.into_iter().map(|name| name.into_string().unwrap()).collect::<Vec<_>>()
    };
    let mut log = Log::default();
    let stores = Stores::open(&folder, CACHE).unwrap();
    for round in 1..=3 {
        let (mut state, read) = log.open(&stores, 0);
        assert_eq!(read, log.0.len(), "round {round}");
        state.put(0, &key(round), Some(b"v"), 0).unwrap();
        log.commit(&mut state);
        stores.break_disk();
        let error = state.changes(&mut |_| Ok(())).unwrap_err();
        assert!(error.0.contains("opened anew"), "{error}");
    }
    assert_eq!(beside(), ["stores", "stores.3"], "what took the place of others is removed with them");
    let (state, read) = log.open(&stores, 0);
    let error = Stores::open(&folder, CACHE).err().unwrap();
    assert!(error.0.contains("stores.4 are in use"), "{error}");
    assert_eq!(read, log.0.len());
    drop((state, stores));

    for _ in 0..2 {
        let stores = Stores::open(&folder, CACHE).unwrap();
        let (mut state, read) = log.open(&stores, 0);
        assert_eq!(read, 0, "a clean restart restores nothing");
        assert!((1..=3).all(|round| state.get(0, &key(round)).unwrap().is_some()));
        assert_eq!(beside(), ["stores", "stores.damaged-0"]);
    }
}

#[test]
fn without_a_changelog_state_goes_on_in_memory_when_the_disk_takes_no_more() {
    let folder = tempfile::tempdir().unwrap();
    let stores = Stores::open(&folder.path().join("stores"), CACHE).unwrap();
    let mut state = stores.claim(task(), None).unwrap().open(&specs(), 0, 0).unwrap();
    stores.break_disk();
    state.put(0, b"k", Some(b"v"), 5).unwrap();
    state.changes(&mut |_| Ok(())).unwrap();
    state.commit(None);
    assert_eq!(state.get(0, b"k").unwrap(), Some((&b"v"[..], 5)));
}

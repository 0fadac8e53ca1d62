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

    // The storage engine may come upon the damage first, and takes nothing any more until the next start.
    let mut restored = None;
    for _ in 0..2 {
        let stores = Stores::open(&folder, CACHE).unwrap();
        // Once to see it, and once to be restored.
        for _ in 0..2 {
            let Ok((mut state, read)) = log.try_open(&stores, 0) else { break };
            if (0..ENTRIES).all(|number| is_there(&mut state, number)) {
                restored = restored.or(Some(read));
            }
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

//! The whole of it against an oracle: random reads, writes, commits, aborts, clean closes and kills.

mod damage;

use super::*;
use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;
use wasmill_contract::is_expired;

const TTL: u64 = 50;

/// Little, so that most is read from the layers below.
const CACHE: usize = 128 << 10;

fn specs() -> Vec<StoreSpec> {
    let spec = |name: &str, ttl_ms| StoreSpec { name: name.into(), ttl_ms, version: 1, keyed_by_event: false };
    vec![spec("plain", None), spec("mortal", Some(TTL))]
}

fn task() -> Task {
    Task { plugin: "counter".into(), number: 3 }
}

/// A changelog partition as a broker would hold it.
#[derive(Default)]
struct Log(Vec<(Vec<u8>, Option<Vec<u8>>, i64)>);

impl Log {
    fn changelog(&self) -> Changelog {
        Changelog { identity: "id-1".into(), first: 0, end: self.0.len() as i64, keeps_deletes: 86_400_000 }
    }

    /// Commits what is not, as a worker does.
    fn commit(&mut self, state: &mut TaskState) {
        state.tidy().unwrap();
        let before = self.0.len();
        let mut take = |change: Change<'_>| {
            self.0.push((change.key.to_vec(), change.value.map(<[u8]>::to_vec), change.timestamp));
            Ok(())
        };
        state.changes(&mut take).unwrap();
        state.commit((self.0.len() > before).then_some(self.0.len() as i64));
    }

    /// Opens the task in the way that a worker gets it; answers how many records had to be read.
    fn open(&self, stores: &Stores, stream_time: i64) -> (TaskState, usize) {
        self.try_open(stores, stream_time).unwrap()
    }

    fn try_open(&self, stores: &Stores, stream_time: i64) -> Result<(TaskState, usize), OpenStateError> {
        let mut claimed = stores.claim(task(), Some(&self.changelog()))?;
        let from = claimed.position();
        for (offset, (key, value, timestamp)) in self.0.iter().enumerate().skip(from as usize) {
            claimed.restore(offset as i64, key, value.as_deref(), *timestamp)?;
        }
        let state = claimed.open(&specs(), self.0.len() as i64, stream_time)?;
        Ok((state, self.0.len() - from as usize))
    }
}

/// A value, and the event time of its write.
type Written = (Vec<u8>, i64);

/// What the state should be.
#[derive(Clone, Default, PartialEq, Debug)]
struct Oracle {
    stores: [BTreeMap<Vec<u8>, Written>; 2],
    timers: BTreeMap<(Clock, Vec<u8>), i64>,
    stream_time: i64,
}

impl Oracle {
    fn entries(&self, store: usize) -> impl DoubleEndedIterator<Item = (&Vec<u8>, &(Vec<u8>, i64))> {
        let ttl = specs()[store].ttl_ms;
        self.stores[store].iter().filter(move |(_, (_, written))| !is_expired(*written, self.stream_time, ttl))
    }
}

struct Random(u64);

impl Random {
    fn below(&mut self, bound: u64) -> u64 {
        // xorshift64
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0 % bound
    }

    fn key(&mut self) -> Vec<u8> {
        format!("{:02}", self.below(40)).into_bytes()
    }
}

fn scanned(state: &mut TaskState, store: usize, range: Range<'_>) -> Vec<(Vec<u8>, Vec<u8>, i64)> {
    let mut found = Vec::new();
    state.scan(store, range, &mut |key, value, at| found.push((key.to_vec(), value.to_vec(), at))).unwrap();
    found
}

#[track_caller]
fn compare(state: &mut TaskState, oracle: &Oracle, random: &mut Random) {
    for store in 0..2 {
        let key = random.key();
        let expected = oracle.entries(store).find(|(other, _)| **other == key).map(|(_, value)| value.clone());
        let found = state.get(store, &key).unwrap().map(|(value, at)| (value.to_vec(), at));
        assert_eq!(found, expected, "store {store}, key {}", String::from_utf8_lossy(&key));

        let (start, end) = (random.key(), random.key());
        let end = if random.below(3) == 0 { Vec::new() } else { end };
        let limit = random.below(30) as usize;
        let inside = |key: &&Vec<u8>| **key >= start && (end.is_empty() || **key < end);
        let all = oracle.entries(store).filter(|(key, _)| inside(key));
        let all: Vec<_> = all.map(|(key, (value, at))| (key.clone(), value.clone(), *at)).collect();
        let range = Range { start: &start, end: &end, reverse: false, limit };
        assert_eq!(scanned(state, store, range), all.iter().take(limit).cloned().collect::<Vec<_>>());
        let range = Range { reverse: true, ..range };
        assert_eq!(scanned(state, store, range), all.iter().rev().take(limit).cloned().collect::<Vec<_>>());
    }
    let mut timers: Vec<_> = oracle.timers.iter().map(|((clock, key), at)| (*at, *clock, key.clone())).collect();
    timers.sort();
    let due: Vec<_> =
        state.due(i64::MAX, i64::MAX, 1000).into_iter().map(|timer| (timer.at, timer.clock, timer.key)).collect();
    assert_eq!(due, timers);
}

fn run(seed: u64) {
    let folder = tempfile::tempdir().unwrap();
    let mut random = Random(seed);
    let mut log = Log::default();
    let mut stores = Some(Stores::open(&folder.path().join("stores"), CACHE).unwrap());
    let (state, _) = log.open(stores.as_ref().unwrap(), 0);
    let mut state = Some(state);
    let (mut now, mut committed) = (Oracle::default(), Oracle::default());
    for step in 0..3_000 {
        let open = state.as_mut().unwrap();
        match random.below(100) {
            0..50 => {
                let (store, key) = (random.below(2) as usize, random.key());
                let value = format!("{step}").into_bytes();
                open.put(store, &key, Some(&value), now.stream_time).unwrap();
                now.stores[store].insert(key, (value, now.stream_time));
            }
            50..60 => {
                let (store, key) = (random.below(2) as usize, random.key());
                open.put(store, &key, None, now.stream_time).unwrap();
                now.stores[store].remove(&key);
            }
            60..70 => {
                let clock = if random.below(2) == 0 { Clock::EventTime } else { Clock::WallClock };
                let (key, at) = (random.key(), random.below(1000) as i64);
                let at = (at > 300).then_some(at);
                open.set_timer(clock, &key, at);
                match at {
                    Some(at) => drop(now.timers.insert((clock, key), at)),
                    None => drop(now.timers.remove(&(clock, key))),
                }
            }
            70..80 => {
                now.stream_time += random.below(10) as i64;
                open.advance(now.stream_time).unwrap();
            }
            80..90 => {
                log.commit(open);
                committed = now.clone();
            }
            90..95 => {
                open.abort();
                now = committed.clone();
            }
            95..98 => {
                // The task goes to another worker of the host.
                drop(state.take());
                now = committed.clone();
                let (opened, read) = log.open(stores.as_ref().unwrap(), now.stream_time);
                assert_eq!(read, 0, "what was committed is on disk");
                state = Some(opened);
            }
            98 => {
                // The host stops, and starts again.
                drop((state.take(), stores.take()));
                now = committed.clone();
                stores = Some(Stores::open(&folder.path().join("stores"), CACHE).unwrap());
                let (opened, read) = log.open(stores.as_ref().unwrap(), now.stream_time);
                assert_eq!(read, 0, "a clean restart restores nothing");
                state = Some(opened);
            }
            _ => {
                // The disk is lost.
                drop((state.take(), stores.take()));
                now = committed.clone();
                std::fs::remove_dir_all(folder.path().join("stores")).unwrap();
                stores = Some(Stores::open(&folder.path().join("stores"), CACHE).unwrap());
                let (opened, read) = log.open(stores.as_ref().unwrap(), now.stream_time);
                assert_eq!(read, log.0.len());
                state = Some(opened);
            }
        }
        compare(state.as_mut().unwrap(), &now, &mut random);
    }
}

#[test]
fn it_holds_what_an_oracle_holds() {
    for seed in [1, 0xdead_beef, 42_424_242] {
        run(seed);
    }
}

fn stores(folder: &Path) -> Arc<Stores> {
    Stores::open(&folder.join("stores"), CACHE).unwrap()
}

/// A log with one entry, committed and on disk.
fn one_entry(folder: &Path) -> Log {
    let mut log = Log::default();
    let stores = stores(folder);
    let (mut state, _) = log.open(&stores, 0);
    state.put(0, b"k", Some(b"v"), 5).unwrap();
    log.commit(&mut state);
    log
}

#[test]
fn what_cannot_be_trusted_is_rebuilt() {
    type Spoil = fn(&mut Changelog);
    let cases: [(&str, Spoil); 4] = [
        ("another topic", |changelog| changelog.identity = "id-2".into()),
        ("ahead of its changelog", |changelog| changelog.end = 1),
        ("no longer reaches back", |changelog| changelog.first = 100),
        ("deletions may be missing", |changelog| changelog.keeps_deletes = -1_000),
    ];
    for (reason, spoil) in cases {
        let folder = tempfile::tempdir().unwrap();
        let log = one_entry(folder.path());
        let stores = stores(folder.path());
        let mut changelog = log.changelog();
        spoil(&mut changelog);
        let claimed = stores.claim(task(), Some(&changelog)).unwrap();
        assert!(claimed.rebuilt.is_some_and(|why| why.contains(reason)), "{reason}: {:?}", claimed.rebuilt);
        assert_eq!(claimed.position(), changelog.first);
        let mut state = claimed.open(&specs(), changelog.end, 0).unwrap();
        assert_eq!(state.get(0, b"k").unwrap(), None, "{reason}");
    }
}

#[test]
fn a_damaged_folder_is_set_aside_and_rebuilt() {
    let folder = tempfile::tempdir().unwrap();
    let log = one_entry(folder.path());
    for file in std::fs::read_dir(folder.path().join("stores")).unwrap().filter_map(Result::ok) {
        if file.path().is_file() {
            std::fs::write(file.path(), b"torn").unwrap();
        }
    }
    let stores = stores(folder.path());
    let (mut state, read) = log.open(&stores, 0);
    assert_eq!(read, log.0.len());
    assert_eq!(state.get(0, b"k").unwrap(), Some((&b"v"[..], 5)));
    assert!(folder.path().join("stores.damaged-0").exists());
}

#[test]
fn a_second_host_is_told_that_the_stores_are_in_use() {
    let folder = tempfile::tempdir().unwrap();
    let _first = stores(folder.path());
    let error = Stores::open(&folder.path().join("stores"), CACHE).err().unwrap();
    assert!(error.0.contains("in use"), "{error}");
}

#[test]
fn a_module_with_a_lower_version_of_a_store_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    let log = one_entry(folder.path());
    let stores = stores(folder.path());
    let mut older = specs();
    older[0].version = 0;
    let claimed = stores.claim(task(), Some(&log.changelog())).unwrap();
    let error = claimed.open(&older, log.0.len() as i64, 0).err().unwrap();
    let OpenStateError::Refused(why) = error else { panic!("{error}") };
    assert!(why.contains("\"plain\"") && why.contains("version 1"), "{why}");
    let mut newer = specs();
    newer[0].version = 2;
    let claimed = stores.claim(task(), Some(&log.changelog())).unwrap();
    assert!(claimed.open(&newer, log.0.len() as i64, 0).unwrap().is_dirty());
}

#[test]
fn queries_see_what_is_committed_and_nothing_else() {
    let folder = tempfile::tempdir().unwrap();
    let stores = stores(folder.path());
    let mut log = Log::default();
    let (mut state, _) = log.open(&stores, 0);
    state.put(0, b"k", Some(b"committed"), 5).unwrap();
    log.commit(&mut state);
    state.put(0, b"k", Some(b"open"), 6).unwrap();
    let [(3, committed)] = &stores.committed("counter")[..] else { panic!("one task") };
    let seen = |key: &[u8]| committed.get(0, key).unwrap().map(|value| value.bytes.to_vec());
    assert_eq!((seen(b"k"), seen(b"other")), (Some(b"committed".to_vec()), None));
    log.commit(&mut state);
    assert_eq!(seen(b"k"), Some(b"open".to_vec()));
    drop(state);
    assert!(stores.committed("counter").is_empty());
    assert_eq!(stores.forget("counter").unwrap(), 1);
    assert_eq!(log.open(&stores, 0).1, log.0.len());
}

#[test]
fn expired_entries_are_deleted_from_the_changelog_in_time() {
    let folder = tempfile::tempdir().unwrap();
    let stores = stores(folder.path());
    let mut log = Log::default();
    let (mut state, _) = log.open(&stores, 0);
    for number in 0..1_200 {
        state.put(1, format!("{number:04}").as_bytes(), Some(b"v"), 0).unwrap();
    }
    log.commit(&mut state);
    state.advance(TTL as i64).unwrap();
    for _ in 0..3 {
        log.commit(&mut state);
    }
    let deleted = log.0.iter().filter(|(_, value, _)| value.is_none()).count();
    assert_eq!(deleted, 1_200);
}

fn opened(stores: &Stores, number: i32) -> TaskState {
    stores.claim(Task { number, ..task() }, None).unwrap().open(&specs(), 0, 0).unwrap()
}

fn keys_of(found: &Found) -> Vec<(i32, &str)> {
    found.entries.iter().map(|entry| (entry.partition, std::str::from_utf8(&entry.key).unwrap())).collect()
}

fn page(from: &[u8], limit: usize) -> Query {
    Query { store: "plain".into(), keys: Keys::Page { from: from.to_vec(), to: Vec::new(), limit } }
}

#[test]
fn a_query_merges_the_tasks_and_never_tears_a_key_apart() {
    let folder = tempfile::tempdir().unwrap();
    let stores = stores(folder.path());
    let mut tasks = [opened(&stores, 0), opened(&stores, 1)];
    for (task, keys) in tasks.iter_mut().zip([["a", "b", "d"], ["b", "c", "e"]]) {
        keys.iter().for_each(|key| task.put(0, key.as_bytes(), Some(b"1"), 5).unwrap());
        task.commit(None);
    }

    let first = stores.query("counter", &page(b"", 2)).unwrap().unwrap();
    assert_eq!((keys_of(&first), &*first.partitions), (vec![(0, "a"), (0, "b"), (1, "b")], &[0, 1][..]));
    assert_eq!(first.next.as_deref(), Some(&b"c"[..]));
    let second = stores.query("counter", &page(b"c", 2)).unwrap().unwrap();
    assert_eq!((keys_of(&second), second.next.as_deref()), (vec![(1, "c"), (0, "d")], Some(&b"e"[..])));
    let last = stores.query("counter", &page(b"e", 2)).unwrap().unwrap();
    assert_eq!((keys_of(&last), last.next.as_deref()), (vec![(1, "e")], None));
    let both = Query { store: "plain".into(), keys: Keys::One(b"b".to_vec()) };
    assert_eq!(keys_of(&stores.query("counter", &both).unwrap().unwrap()), [(0, "b"), (1, "b")]);
}

#[test]
fn a_query_shows_neither_what_is_open_nor_what_has_expired() {
    let folder = tempfile::tempdir().unwrap();
    let stores = stores(folder.path());
    let query = |key: &[u8]| Query { store: "mortal".into(), keys: Keys::One(key.to_vec()) };
    assert_eq!(stores.query("counter", &query(b"k")).unwrap(), None, "no task is open");
    let mut state = opened(&stores, 0);
    let seen = |key| stores.query("counter", &query(key)).unwrap().unwrap().entries.len();

    state.put(1, b"k", Some(b"v"), 10).unwrap();
    assert_eq!(seen(b"k"), 0);
    state.commit(None);
    assert_eq!(seen(b"k"), 1);
    state.advance(10 + TTL as i64).unwrap();
    state.commit(None);
    assert_eq!(seen(b"k"), 0);
    let everything = Keys::Page { from: vec![], to: vec![], limit: 10 };
    let found = stores.query("counter", &Query { store: "mortal".into(), keys: everything }).unwrap().unwrap();
    assert_eq!((found.entries, found.next), (vec![], None));
}

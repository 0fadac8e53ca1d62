//! A steady load, and the account of what became of it.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};
use wasmill_tests::{Kafka, Record};

const EVENTS_A_SECOND: u64 = 20_000;
const WRITE_EVERY: Duration = Duration::from_millis(20);

/// So many keys take turns.
const KEYS: u64 = 97;

/// Writes numbered events until stopped.
pub struct Load {
    stop: Arc<AtomicBool>,
    thread: JoinHandle<u64>,
}

impl Load {
    /// 20 000 events a second into a topic: the value is the event's number, the key depends on it.
    pub fn start(topic: &str) -> Self {
        let stop = Arc::new(AtomicBool::new(false));
        let thread = std::thread::spawn({
            let (topic, stop) = (topic.to_owned(), stop.clone());
            move || write(&topic, &stop)
        });
        Load { stop, thread }
    }

    /// Ends it, and says how many events there are.
    pub fn stop(self) -> u64 {
        self.stop.store(true, Ordering::Relaxed);
        self.thread.join().expect("a writer that could write")
    }
}

fn write(topic: &str, stop: &AtomicBool) -> u64 {
    let kafka = Kafka::connect();
    let began = Instant::now();
    let mut written = 0;
    while !stop.load(Ordering::Relaxed) {
        // What a slow moment has left behind is made up for.
        let due = began.elapsed().as_millis() as u64 * EVENTS_A_SECOND / 1000;
        let events: Vec<Record> = (written..due).map(event).collect();
        kafka.produce(topic, &events);
        written = due;
        std::thread::sleep(WRITE_EVERY);
    }
    println!("{written} events in {:?}", began.elapsed());
    written
}

/// The event number `number`.
pub fn event(number: u64) -> Record {
    Record::new(number.to_string()).key(format!("k{}", number % KEYS))
}

/// What became of numbered events.
#[derive(Debug, Default)]
pub struct Account {
    /// Outputs and dead letters above one an event.
    pub duplicates: usize,
    /// By what stands before the number: how many outputs.
    pub tags: BTreeMap<String, usize>,
}

/// Holds the outputs against the events `0..written`: each is there at least once, and for each key, in each partition,
/// the first occurrences are in order. Dead letters count as outputs.
pub fn account(written: u64, outputs: &[Record], dead_letters: &[Record]) -> Account {
    let mut account = Account::default();
    let mut seen = vec![0u32; written as usize];
    let mut last: BTreeMap<u64, u64> = BTreeMap::new();
    for record in outputs {
        let (tag, number) = record.text().split_once(':').unwrap_or(("", record.text()));
        let number: u64 = number.parse().expect("a number");
        assert_eq!(record.key, event(number).key, "an output has its event's key");
        *account.tags.entry(tag.to_owned()).or_default() += 1;
        let times = &mut seen[number as usize];
        *times += 1;
        if *times == 1 {
            let before = last.insert(number % KEYS, number);
            assert!(before.is_none_or(|before| before < number), "{number} comes after {before:?} of the same key");
        }
    }
    for record in dead_letters {
        seen[record.text().parse::<usize>().expect("a number")] += 1;
    }
    let lost: Vec<usize> = (0..seen.len()).filter(|number| seen[*number] == 0).collect();
    assert!(lost.is_empty(), "{} of {written} events are lost, such as {:?}", lost.len(), &lost[..lost.len().min(10)]);
    account.duplicates = seen.iter().map(|times| *times as usize - 1).sum();
    println!("{account:?} of {written} events");
    account
}

//! Numbered events for the fixture `ledger`, written while something happens.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::JoinHandle;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};
use wasmill_tests::invariants::Input;
use wasmill_tests::{Kafka, Record};

const EVENTS_A_SECOND: u64 = 1_000;
const WRITE_EVERY: Duration = Duration::from_millis(20);
const ACCOUNTS: u64 = 40;

/// An event's timer is due so long after it: a millisecond is one event.
const TIMER_MS: i64 = 700;

/// How far event time moves after each load, so that every timer is due.
const GAP_MS: i64 = 10 * TIMER_MS;

/// What the next events are.
#[derive(Debug, Clone, Copy)]
pub struct Next {
    number: u64,
    /// Milliseconds since the Unix epoch.
    time: i64,
    poison: bool,
}

impl Next {
    /// From a time on that is long past, so that no event of a test is ahead of the clock.
    pub fn from(time: i64) -> Self {
        Next { number: 0, time, poison: false }
    }

    /// The same, with many events that fail.
    pub fn poisoned(self, poison: bool) -> Self {
        Next { poison, ..self }
    }

    /// How many events there were.
    pub fn number(self) -> u64 {
        self.number
    }

    fn event(&mut self) -> Record {
        let number = self.number;
        let amount = (number * 7919 % 101) as i64 - 50;
        let more = match number {
            _ if self.poison && number % 97 == 5 => " panic".into(),
            _ if self.poison && number % 997 == 11 => " loop".into(),
            _ if self.poison && number % 499 == 17 => " refused".into(),
            _ if number % 25 == 3 => format!(" timer {TIMER_MS}"),
            _ => String::new(),
        };
        self.plain(number % ACCOUNTS, &format!("{number} {amount}{more}"))
    }

    fn plain(&mut self, account: u64, text: &str) -> Record {
        let record = Record::new(text).key(format!("a{account}")).timestamp(self.time);
        self.number += 1;
        self.time += 1;
        record
    }

    /// So many at once.
    pub fn burst(&mut self, count: u64) -> Vec<Record> {
        (0..count).map(|_| self.event()).collect()
    }

    /// Events that set a timer on the wall clock each: one due at `first`, the next one a `step` later, and so on.
    pub fn alarms(&mut self, count: u64, first: SystemTime, step: Duration) -> Vec<Record> {
        let first = first.duration_since(UNIX_EPOCH).expect("a clock after 1970");
        let at = |number: u64| (first + step * number as u32).as_millis();
        (0..count)
            .map(|number| self.plain(self.number % ACCOUNTS, &format!("{} 1 alarm {}", self.number, at(number))))
            .collect()
    }

    /// Moves every account by nothing, at a time that makes all timers due.
    pub fn close(&mut self) -> Vec<Record> {
        self.time += GAP_MS;
        let number = self.number;
        (0..ACCOUNTS).map(|account| self.plain(account, &format!("{} 0", number + account))).collect()
    }
}

/// Reads an event as it was written.
pub fn input(record: &Record) -> Input {
    let words: Vec<&str> = record.text().split(' ').collect();
    let sets_timer = words.get(2).is_some_and(|word| ["timer", "alarm"].contains(word));
    Input {
        partition: record.partition.expect("a partition"),
        offset: record.offset.expect("an offset"),
        number: words[0].parse().expect("a number"),
        account: String::from_utf8(record.key.clone().expect("a key")).expect("a text"),
        amount: words[1].parse().expect("an amount"),
        timer: sets_timer,
        fails: words.len() > 2 && !sets_timer,
    }
}

/// Writes until stopped.
pub struct Load {
    stop: Arc<AtomicBool>,
    thread: JoinHandle<Next>,
}

impl Load {
    pub fn start(brokers: &str, topic: &str, next: Next) -> Self {
        let stop = Arc::new(AtomicBool::new(false));
        let thread = std::thread::spawn({
            let (brokers, topic, stop) = (brokers.to_owned(), topic.to_owned(), stop.clone());
            move || write(&brokers, &topic, next, &stop)
        });
        Load { stop, thread }
    }

    /// Ends it, and says where to go on.
    pub fn stop(self) -> Next {
        self.stop.store(true, Ordering::Relaxed);
        self.thread.join().expect("a writer that could write")
    }
}

fn write(brokers: &str, topic: &str, mut next: Next, stop: &AtomicBool) -> Next {
    let kafka = Kafka::idempotent(brokers);
    let (began, first) = (Instant::now(), next.number);
    while !stop.load(Ordering::Relaxed) {
        let due = first + began.elapsed().as_millis() as u64 * EVENTS_A_SECOND / 1000;
        // What a broker that was away has left behind is not made up for: it would only make the run longer.
        let count = due.saturating_sub(next.number).min(EVENTS_A_SECOND);
        kafka.produce(topic, &next.burst(count));
        std::thread::sleep(WRITE_EVERY);
    }
    next
}

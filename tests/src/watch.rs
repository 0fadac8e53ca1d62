//! Looking at a run while it goes on: what a reader of committed outputs sees, how far the group has come, and where
//! partitions end. Brokers may go away meanwhile; then nothing is noted.

use crate::Kafka;
use crate::invariants::{Ends, Offset};
use crate::kafka::{end_once, record_of};
use crate::record::Record;
use rdkafka::consumer::{BaseConsumer, Consumer};
use rdkafka::{Offset as Position, TopicPartitionList};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

/// Between two looks at offsets.
const LOOK_EVERY: Duration = Duration::from_millis(100);

/// A question that takes longer is asked anew.
const ANSWER_WITHIN: Duration = Duration::from_secs(2);

/// Notes what it sees until it is dropped.
pub struct Watch {
    notes: Arc<Notes>,
    threads: Vec<JoinHandle<()>>,
}

struct Notes {
    began: Instant,
    stop: AtomicBool,
    seen: Mutex<Vec<Record>>,
    offsets: Mutex<Vec<Offset>>,
    ends: Mutex<Vec<Ends>>,
}

impl Watch {
    /// Watches the records of `output`, what `group` has committed of `input`, and the ends of `written`. All topics have so
    /// many partitions.
    pub fn start(kafka: &Kafka, partitions: i32, group: &str, input: &str, output: &str, written: &[String]) -> Self {
        let notes = Arc::new(Notes {
            began: Instant::now(),
            stop: AtomicBool::new(false),
            seen: Mutex::default(),
            offsets: Mutex::default(),
            ends: Mutex::default(),
        });
        let reader = kafka.consumer("read_committed");
        reader.assign(&all(output, partitions, Position::Beginning)).expect("an assignment");
        // Of the group without being a member. What is committed is asked for as it is, open transactions or not.
        let member = kafka.consumer_of("read_uncommitted", group);
        let asked = all(input, partitions, Position::Invalid);
        let (stable, high) = (kafka.consumer("read_committed"), kafka.consumer("read_uncommitted"));
        let written = written.to_vec();
        let of = || notes.clone();
        let threads = vec![
            repeat(of(), Duration::ZERO, move |notes| read(&reader, notes)),
            repeat(of(), LOOK_EVERY, move |notes| look_at_offsets(&member, &asked, notes)),
            repeat(of(), LOOK_EVERY, move |notes| {
                for (topic, partition) in written.iter().flat_map(|topic| (0..partitions).map(move |n| (topic, n))) {
                    look_at_ends(&stable, &high, topic, partition, notes);
                }
            }),
        ];
        Watch { notes, threads }
    }

    /// How long it has been watching: the time of what is noted now.
    pub fn time(&self) -> Duration {
        self.notes.began.elapsed()
    }

    /// What was committed, in the order of arrival.
    pub fn seen(&self) -> Vec<Record> {
        locked(&self.notes.seen).clone()
    }

    /// What the group had committed, in the order of asking.
    pub fn offsets(&self) -> Vec<Offset> {
        locked(&self.notes.offsets).clone()
    }

    /// The ends of partitions, in the order of asking.
    pub fn ends(&self) -> Vec<Ends> {
        locked(&self.notes.ends).clone()
    }
}

impl Drop for Watch {
    fn drop(&mut self) {
        self.notes.stop.store(true, Ordering::Relaxed);
        for thread in self.threads.drain(..) {
            // It has told of its panic itself, and the test may be panicking already.
            let _ = thread.join();
        }
    }
}

fn repeat(notes: Arc<Notes>, pause: Duration, look: impl Fn(&Notes) + Send + 'static) -> JoinHandle<()> {
    std::thread::spawn(move || {
        while !notes.stop.load(Ordering::Relaxed) {
            look(&notes);
            std::thread::sleep(pause);
        }
    })
}

fn read(reader: &BaseConsumer, notes: &Notes) {
    // Errors are a broker that is away and the ends of partitions; whatever else kept records back is missed at the end.
    if let Some(Ok(message)) = reader.poll(LOOK_EVERY) {
        locked(&notes.seen).push(record_of(&message));
    }
}

fn look_at_offsets(member: &BaseConsumer, asked: &TopicPartitionList, notes: &Notes) {
    let Ok(answer) = member.committed_offsets(asked.clone(), ANSWER_WITHIN) else { return };
    let at = notes.began.elapsed();
    let elements = answer.elements();
    let known = elements.iter().filter(|element| element.error().is_ok());
    let offsets = known.filter_map(|element| {
        let offset = element.offset().to_raw().filter(|offset| *offset >= 0)?;
        Some(Offset { at, partition: element.partition(), offset })
    });
    locked(&notes.offsets).extend(offsets);
}

fn look_at_ends(stable: &BaseConsumer, high: &BaseConsumer, topic: &str, partition: i32, notes: &Notes) {
    let end = |consumer: &BaseConsumer| end_once(consumer, topic, partition, ANSWER_WITHIN);
    // In this order: a stable offset that was asked for later could be ahead.
    if let (Ok(stable), Ok(high)) = (end(stable), end(high)) {
        let at = notes.began.elapsed();
        locked(&notes.ends).push(Ends { at, topic: topic.to_owned(), partition, stable, high });
    }
}

fn all(topic: &str, partitions: i32, from: Position) -> TopicPartitionList {
    let mut list = TopicPartitionList::new();
    for partition in 0..partitions {
        list.add_partition_offset(topic, partition, from).expect("an offset");
    }
    list
}

fn locked<T>(noted: &Mutex<T>) -> MutexGuard<'_, T> {
    noted.lock().unwrap_or_else(PoisonError::into_inner)
}

//! Puts what was committed on disk, behind the workers' back.

use super::disk::{Disk, Meta};
use super::layer::{Committed, Entry, Key, bytes_of};
use crate::failpoint;
use std::sync::mpsc::{Receiver, Sender, channel};
use std::sync::{Arc, Condvar, Mutex, PoisonError};
use std::thread::JoinHandle;

/// So much may wait for the disk; then commits wait as well.
const MOST_WAITING: usize = 64 << 20;

/// What one commit of a task has committed.
pub struct Job {
    /// Whose.
    pub task: Arc<Committed>,
    /// Which of its commits.
    pub number: u64,
    /// The last value of each key that was dirty: store, key, entry.
    pub entries: Vec<(usize, Key, Entry)>,
    /// What is noted with them.
    pub meta: Meta,
}

enum Order {
    Write(Job),
    /// Everything before it is done: tells so.
    Settle(Sender<()>),
}

/// The writer's thread, from outside.
pub struct Writer {
    orders: Option<Sender<(Order, usize)>>,
    waiting: Arc<Waiting>,
    thread: Option<JoinHandle<()>>,
}

#[derive(Default)]
struct Waiting {
    bytes: Mutex<usize>,
    less: Condvar,
}

impl Writer {
    /// Starts the thread.
    pub fn start(disk: Arc<Disk>) -> std::io::Result<Self> {
        let (orders, inbox) = channel();
        let waiting = Arc::<Waiting>::default();
        let shared = waiting.clone();
        let thread = std::thread::Builder::new().name("stores".into()).spawn(move || write(&inbox, &shared, &disk))?;
        Ok(Writer { orders: Some(orders), waiting, thread: Some(thread) })
    }

    /// Queues a job; waits while too much waits already.
    pub fn write(&self, job: Job) {
        let bytes = job.entries.iter().map(|(_, key, entry)| bytes_of(key, entry)).sum();
        {
            let waiting = self.waiting.bytes.lock().unwrap_or_else(PoisonError::into_inner);
            let enough = |waiting: &mut usize| *waiting > 0 && *waiting + bytes > MOST_WAITING;
            *self.waiting.less.wait_while(waiting, enough).unwrap_or_else(PoisonError::into_inner) += bytes;
        }
        if let Some(orders) = &self.orders {
            // The thread ends only after the sender is gone.
            let _ = orders.send((Order::Write(job), bytes));
        }
    }

    /// Waits until everything that was queued so far is on disk.
    pub fn settle(&self) {
        let (told, settled) = channel();
        if let Some(orders) = &self.orders
            && orders.send((Order::Settle(told), 0)).is_ok()
        {
            let _ = settled.recv();
        }
    }
}

impl Drop for Writer {
    fn drop(&mut self) {
        self.orders = None;
        if let Some(thread) = self.thread.take() {
            // Its panic, if any, was told by itself.
            let _ = thread.join();
        }
    }
}

fn write(orders: &Receiver<(Order, usize)>, waiting: &Waiting, disk: &Disk) {
    let mut failed = false;
    while let Ok((order, bytes)) = orders.recv() {
        match order {
            Order::Write(job) => put(&job, &mut failed),
            Order::Settle(told) => drop(told.send(())),
        }
        *waiting.bytes.lock().unwrap_or_else(PoisonError::into_inner) -= bytes;
        waiting.less.notify_all();
    }
    if let Err(error) = disk.sync() {
        tracing::warn!("{error}; what is missing is restored from the changelogs");
    }
}

fn put(job: &Job, failed: &mut bool) {
    // After one failure nothing more is written: a later batch without this one would leave a hole.
    if *failed {
        return;
    }
    let mut batch = job.task.part.batch(job.entries.len());
    for (store, key, entry) in &job.entries {
        let key = job.task.stores[*store].full(key);
        batch.put(&key, entry.as_ref().map(|value| (value.written, &*value.bytes)));
    }
    match batch.write(&job.meta) {
        Ok(()) => {
            failpoint::reached("after-disk");
            job.task.release(job.number, &job.entries);
        }
        Err(error) => {
            tracing::error!("{error}. State goes on in memory, and is restored from the changelogs at the next start");
            *failed = true;
        }
    }
}

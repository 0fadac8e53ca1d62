//! Puts what was committed on disk, behind the workers' back.

use super::StateError;
use super::disk::{Disk, Meta};
use super::layer::{Committed, Leaving};
use crate::failpoint;
use std::sync::mpsc::{Receiver, RecvTimeoutError, Sender, channel};
use std::sync::{Arc, Condvar, Mutex, PoisonError};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

/// So much may wait for the disk; then commits wait as well.
const MOST_WAITING: isize = 64 << 20;

/// When so much waits it is written.
const ENOUGH: isize = 32 << 20;

/// So many entries reach the disk at once.
const BATCH: usize = 2_000;

/// Until then what is committed waits for this long: a key that is written by several commits meanwhile goes to disk once. What
/// a crash takes with it is read from the changelog again.
const PATIENCE: Duration = Duration::from_secs(5);

enum Order {
    /// Something of this task waits.
    Later(Arc<Committed>),
    /// Enough does.
    Now,
    /// Everything before it is to be done: tells so.
    Settle(Sender<()>),
}

/// The writer's thread, from outside.
pub struct Writer {
    orders: Option<Sender<Order>>,
    waiting: Arc<Waiting>,
    thread: Option<JoinHandle<()>>,
}

#[derive(Default)]
struct Waiting {
    bytes: Mutex<isize>,
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

    /// Has what a task has [taken in](Committed::take) written, so many bytes more, with what is to be noted of it; waits while
    /// too much waits already.
    pub fn write(&self, task: &Arc<Committed>, bytes: isize, meta: Meta) {
        let Some(orders) = &self.orders else { return };
        // The thread ends only after the sender is gone.
        if task.note(meta) {
            let _ = orders.send(Order::Later(task.clone()));
        }
        let mut waiting = self.waiting.bytes.lock().unwrap_or_else(PoisonError::into_inner);
        *waiting += bytes;
        if *waiting > ENOUGH && *waiting - bytes <= ENOUGH {
            let _ = orders.send(Order::Now);
        }
        let too_much = |waiting: &mut isize| *waiting > MOST_WAITING;
        drop(self.waiting.less.wait_while(waiting, too_much).unwrap_or_else(PoisonError::into_inner));
    }

    /// Waits until everything that was queued so far is on disk.
    pub fn settle(&self) {
        let (told, settled) = channel();
        if let Some(orders) = &self.orders
            && orders.send(Order::Settle(told)).is_ok()
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

fn write(orders: &Receiver<Order>, waiting: &Waiting, disk: &Disk) {
    let (mut tasks, mut due, mut failed) = (Vec::new(), None, false);
    loop {
        let order = match due {
            None => orders.recv().map_err(|_| RecvTimeoutError::Disconnected),
            Some(due) => orders.recv_timeout(Instant::saturating_duration_since(&due, Instant::now())),
        };
        if let Ok(Order::Later(task)) = order {
            tasks.push(task);
            let enough = *waiting.bytes.lock().unwrap_or_else(PoisonError::into_inner) > ENOUGH;
            due.get_or_insert_with(|| Instant::now() + if enough { Duration::ZERO } else { PATIENCE });
            continue;
        }
        due = None;
        for task in tasks.drain(..) {
            let written = put(&task, &mut failed);
            *waiting.bytes.lock().unwrap_or_else(PoisonError::into_inner) -= written;
            waiting.less.notify_all();
        }
        match order {
            Ok(Order::Settle(told)) => drop(told.send(())),
            Err(RecvTimeoutError::Disconnected) => break,
            _ => {}
        }
    }
    if let Err(error) = disk.sync() {
        tracing::warn!("{error}; what is missing is restored from the changelogs");
    }
}

/// Answers how many bytes do not wait any more.
fn put(task: &Committed, failed: &mut bool) -> isize {
    let Some(leaving) = task.leave() else { return 0 };
    // After one failure nothing more is written: a later batch without this one would leave a hole.
    if *failed {
        return task.stay(&leaving);
    }
    let (written, bytes) = put_all(task, &leaving);
    match written {
        Ok(()) => {
            failpoint::reached("after-disk");
            task.release(&leaving);
        }
        Err(error) => {
            tracing::error!("{error}. State stays in memory until it is restored from the changelogs");
            *failed = true;
        }
    }
    bytes
}

/// A few at a time, so that no second copy of all stands in memory. Until the last of them, what is noted is what was: also of
/// entries that are ahead of it the changelog has the last values.
fn put_all(task: &Committed, leaving: &Leaving) -> (Result<(), StateError>, isize) {
    let mut waited = 0;
    let mut result = Ok(());
    for (index, store) in task.stores.iter().enumerate() {
        let (entries, bytes) = task.gather(index, leaving);
        waited += bytes;
        for some in entries.chunks(BATCH) {
            let mut batch = task.part.batch(some.len());
            for (key, entry) in some {
                batch.put(&store.prefix, key, entry.as_ref().map(|value| (value.written, &*value.bytes)));
            }
            result = result.and_then(|()| batch.write(None));
        }
    }
    (result.and_then(|()| task.part.batch(0).write(Some(&leaving.meta))), waited)
}

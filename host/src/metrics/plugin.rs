//! What is counted for one plugin.

use super::failures::Failures;
use super::histogram::Histogram;
use std::collections::BTreeMap;
use std::sync::atomic::{AtomicBool, AtomicI64, AtomicU64, Ordering::Relaxed};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

/// What a change of a plugin's module can come to.
pub const OUTCOMES: [&str; 5] = ["started", "swapped", "restarted", "refused", "rolled-back"];

/// One plugin's counters, shared by its workers. Every method may be called from any thread, and none but
/// [`PluginMetrics::worker`] and [`PluginMetrics::snapshot`] takes a lock.
#[derive(Debug)]
pub struct PluginMetrics {
    pub(super) name: String,
    pub(super) events: AtomicU64,
    pub(super) event_bytes: AtomicU64,
    pub(super) outputs: AtomicU64,
    pub(super) output_bytes: AtomicU64,
    pub(super) timers: AtomicU64,
    pub(super) changelog_records: AtomicU64,
    pub(super) changelog_bytes: AtomicU64,
    pub(super) restored_records: AtomicU64,
    pub(super) restoring_tasks: AtomicI64,
    pub(super) restoring_records: AtomicI64,
    pub(super) failures: Failures,
    pub(super) dead_letters: AtomicU64,
    pub(super) skipped: AtomicU64,
    pub(super) wasm_nanoseconds: AtomicU64,
    pub(super) commits: Histogram,
    pub(super) reloads: [AtomicU64; OUTCOMES.len()],
    pub(super) reload_pauses: Histogram,
    pub(super) instance_replacements: Histogram,
    pub(super) worker_restarts: AtomicU64,
    pub(super) log_lines_dropped: AtomicU64,
    workers: Mutex<BTreeMap<usize, Arc<WorkerValues>>>,
}

/// Where a plugin stands, in one look.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub struct Snapshot {
    /// Events that were consumed and dealt with, one way or another.
    pub events: u64,
    /// Outputs handed to the producer.
    pub outputs: u64,
    /// Failures of all kinds.
    pub failures: u64,
    /// Events written to the dead-letter topic.
    pub dead_letters: u64,
    /// Time spent in the module.
    pub wasm_seconds: f64,
    /// Events that wait in the plugin's partitions, over all workers.
    pub lag: i64,
    /// Memory of the plugin's instances, over all workers.
    pub memory_bytes: u64,
}

/// A task whose state is being restored.
#[derive(Debug)]
pub struct Restoring {
    plugin: Arc<PluginMetrics>,
    left: i64,
}

impl Restoring {
    /// So many records were read since the last call, and so many offsets are left.
    pub fn read(&mut self, records: u64, left: i64) {
        self.plugin.restored_records.fetch_add(records, Relaxed);
        self.plugin.restoring_records.fetch_add(left - self.left, Relaxed);
        self.left = left;
    }
}

impl Drop for Restoring {
    fn drop(&mut self) {
        self.plugin.restoring_records.fetch_sub(self.left, Relaxed);
        self.plugin.restoring_tasks.fetch_sub(1, Relaxed);
    }
}

impl PluginMetrics {
    pub(super) fn new(name: &str) -> Self {
        PluginMetrics {
            name: name.to_owned(),
            events: AtomicU64::new(0),
            event_bytes: AtomicU64::new(0),
            outputs: AtomicU64::new(0),
            output_bytes: AtomicU64::new(0),
            timers: AtomicU64::new(0),
            changelog_records: AtomicU64::new(0),
            changelog_bytes: AtomicU64::new(0),
            restored_records: AtomicU64::new(0),
            restoring_tasks: AtomicI64::new(0),
            restoring_records: AtomicI64::new(0),
            failures: Failures::new(),
            dead_letters: AtomicU64::new(0),
            skipped: AtomicU64::new(0),
            wasm_nanoseconds: AtomicU64::new(0),
            commits: Histogram::default(),
            reloads: Default::default(),
            reload_pauses: Histogram::default(),
            instance_replacements: Histogram::default(),
            worker_restarts: AtomicU64::new(0),
            log_lines_dropped: AtomicU64::new(0),
            workers: Mutex::default(),
        }
    }

    /// Events were dealt with; `bytes` are those of their keys and values.
    pub fn events(&self, count: u64, bytes: u64) {
        self.events.fetch_add(count, Relaxed);
        self.event_bytes.fetch_add(bytes, Relaxed);
    }

    /// Timers fired.
    pub fn timers(&self, count: u64) {
        self.timers.fetch_add(count, Relaxed);
    }

    /// Records were sent to the changelog; `bytes` are those of their keys and values.
    pub fn changelog(&self, records: u64, bytes: u64) {
        self.changelog_records.fetch_add(records, Relaxed);
        self.changelog_bytes.fetch_add(bytes, Relaxed);
    }

    /// A task's state is being restored, until the answer is dropped.
    pub fn restoring(self: &Arc<Self>) -> Restoring {
        self.restoring_tasks.fetch_add(1, Relaxed);
        Restoring { plugin: self.clone(), left: 0 }
    }

    /// Outputs were handed to the producer; `bytes` are those of their keys and values.
    pub fn outputs(&self, count: u64, bytes: u64) {
        self.outputs.fetch_add(count, Relaxed);
        self.output_bytes.fetch_add(bytes, Relaxed);
    }

    /// An event failed. `kind` is one of [`super::KINDS`]; `code` is the plugin's word for why, or the host's. Beyond
    /// [`super::MOST_CODES`] of them a new code counts as `other`.
    pub fn failure(&self, kind: &'static str, code: &str) {
        self.failures.add(kind, code);
    }

    /// Events were written to the dead-letter topic.
    pub fn dead_letters(&self, count: u64) {
        self.dead_letters.fetch_add(count, Relaxed);
    }

    /// Failed events were left out, as the policy `skip` asks.
    pub fn skipped(&self, count: u64) {
        self.skipped.fetch_add(count, Relaxed);
    }

    /// A call into the module took so long.
    pub fn wasm_time(&self, took: Duration) {
        self.wasm_nanoseconds.fetch_add(took.as_nanos() as u64, Relaxed);
    }

    /// A commit took so long, from the last event before it to the broker's answer.
    pub fn commit(&self, took: Duration) {
        self.commits.observe(took);
    }

    /// A module was changed; `outcome` is one of [`OUTCOMES`].
    pub fn reload(&self, outcome: &'static str) {
        let index = OUTCOMES.iter().position(|known| *known == outcome);
        debug_assert!(index.is_some(), "{outcome} is no outcome of a reload");
        if let Some(index) = index {
            self.reloads[index].fetch_add(1, Relaxed);
        }
    }

    /// An instance whose memory had grown was replaced between two commits; the worker did nothing else for so long.
    pub fn instance_replaced(&self, took: Duration) {
        self.instance_replacements.observe(took);
    }

    /// A worker processed nothing for so long because of a swap.
    pub fn reload_pause(&self, took: Duration) {
        self.reload_pauses.observe(took);
    }

    /// A worker ended with an error and was started again.
    pub fn worker_restart(&self) {
        self.worker_restarts.fetch_add(1, Relaxed);
    }

    /// Lines of the plugin's log were over its limit.
    pub fn log_lines_dropped(&self, count: u64) {
        self.log_lines_dropped.fetch_add(count, Relaxed);
    }

    /// The gauges of one of the plugin's workers: look them up once, when it starts.
    pub fn worker(&self, index: usize) -> WorkerGauges {
        let mut workers = self.workers.lock().unwrap_or_else(PoisonError::into_inner);
        WorkerGauges { values: Arc::clone(workers.entry(index).or_default()) }
    }

    /// Where the plugin stands.
    pub fn snapshot(&self) -> Snapshot {
        let workers = self.shown_workers();
        Snapshot {
            events: self.events.load(Relaxed),
            outputs: self.outputs.load(Relaxed),
            failures: self.failures.total(),
            dead_letters: self.dead_letters.load(Relaxed),
            wasm_seconds: self.wasm_seconds(),
            lag: workers.iter().map(|(_, values)| values.lag.load(Relaxed)).sum(),
            memory_bytes: workers.iter().map(|(_, values)| values.memory.load(Relaxed)).sum(),
        }
    }

    pub(super) fn wasm_seconds(&self) -> f64 {
        Duration::from_nanos(self.wasm_nanoseconds.load(Relaxed)).as_secs_f64()
    }

    /// The workers that run, by index.
    pub(super) fn shown_workers(&self) -> Vec<(usize, Arc<WorkerValues>)> {
        let workers = self.workers.lock().unwrap_or_else(PoisonError::into_inner);
        let shown = workers.iter().filter(|(_, values)| values.shown.load(Relaxed));
        shown.map(|(index, values)| (*index, Arc::clone(values))).collect()
    }
}

/// What one worker of a plugin has at the moment.
#[derive(Debug, Clone)]
pub struct WorkerGauges {
    values: Arc<WorkerValues>,
}

#[derive(Debug, Default)]
pub(super) struct WorkerValues {
    shown: AtomicBool,
    pub(super) lag: AtomicI64,
    pub(super) memory: AtomicU64,
    pub(super) tasks: AtomicU64,
}

impl WorkerGauges {
    /// Events that wait in the worker's partitions.
    pub fn set_lag(&self, events: i64) {
        self.values.lag.store(events, Relaxed);
        self.values.shown.store(true, Relaxed);
    }

    /// Bytes of the memories and tables of the worker's instance.
    pub fn set_memory(&self, bytes: usize) {
        self.values.memory.store(bytes as u64, Relaxed);
        self.values.shown.store(true, Relaxed);
    }

    /// Tasks that the worker has.
    pub fn set_tasks(&self, count: usize) {
        self.values.tasks.store(count as u64, Relaxed);
        self.values.shown.store(true, Relaxed);
    }

    /// The worker has ended: it is no longer shown until a gauge is set again.
    pub fn clear(&self) {
        self.values.shown.store(false, Relaxed);
        self.values.lag.store(0, Relaxed);
        self.values.memory.store(0, Relaxed);
        self.values.tasks.store(0, Relaxed);
    }
}

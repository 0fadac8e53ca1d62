//! Against Kafka Streams (`benches/streams`), as users would write it: one thread as a plugin has, exactly once, the same commit
//! interval, the same work and the same output. What keeps every update from going out there is its record cache.

use crate::contest::{self, Arguments, By, Job, MILL, Way};
use crate::cpu;
use crate::topics::{self, Topic};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};
use tempfile::TempDir;
use wasmill_tests::Kafka;

const FRAUD: &[Way] = &[
    ("Kafka Streams", By::Streams { store: Store::Memory, cache: false }),
    ("fraud", MILL),
    ("fraud, without deadline checks", By::Mill { exactly_once: true, checks: false }),
];

const REVENUE: &[Way] = &[
    ("Kafka Streams in memory", By::Streams { store: Store::Memory, cache: false }),
    ("Kafka Streams on RocksDB", By::Streams { store: Store::Disk, cache: false }),
    ("revenue", MILL),
    ("revenue, without deadline checks", By::Mill { exactly_once: true, checks: false }),
];

const REVENUE_AT_COMMIT: &[Way] = &[
    ("Kafka Streams in memory, with cache", By::Streams { store: Store::Memory, cache: true }),
    ("Kafka Streams on RocksDB, with cache", By::Streams { store: Store::Disk, cache: true }),
    ("revenue", MILL),
    ("revenue, without deadline checks", By::Mill { exactly_once: true, checks: false }),
];

/// Measures, and prints a table.
pub fn run(arguments: &Arguments) {
    contest::run(
        arguments,
        &[(Job::Fraud, FRAUD), (Job::Revenue, REVENUE), (Job::RevenueAtCommits, REVENUE_AT_COMMIT)],
    );
}

/// Where it keeps its totals.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Store {
    /// On disk, by way of RocksDB: its default.
    Disk,
    /// In memory.
    Memory,
}

/// What a run is made of.
pub struct Settings<'a> {
    /// The job, as the program calls it.
    pub job: &'static str,
    /// The consumer group, a new one.
    pub application: &'a str,
    /// Where its events come from.
    pub input: &'a Topic<'a>,
    /// Where its outputs go.
    pub output: &'a Topic<'a>,
    /// Where totals are.
    pub store: Store,
    /// With its record cache.
    pub cache: bool,
}

/// Kafka Streams at work, in a process of its own.
pub struct Streams<'a> {
    kafka: &'a Kafka,
    application: &'a str,
    process: Child,
    _folder: TempDir,
}

/// It ends when its input does, which takes it a second or two; should we end without asking, it does so as well.
const ENDS_WITHIN: Duration = Duration::from_secs(30);

impl<'a> Streams<'a> {
    /// Starts it.
    pub fn start(kafka: &'a Kafka, settings: &Settings<'a>) -> Self {
        let Settings { job, application, input, output, store, cache } = settings;
        let folder = TempDir::with_prefix("wasmill-streams-").expect("a folder");
        let store = if *store == Store::Memory { "memory" } else { "rocksdb" };
        let mut java = Command::new(told("WASMILL_BENCH_JAVA"));
        java.args(["-Xmx2g", "-Dorg.slf4j.simpleLogger.defaultLogLevel=error", "-cp", &told("WASMILL_BENCH_STREAMS")]);
        java.args(["wasmill.bench.Main", &format!("job={job}"), &format!("brokers={}", kafka.brokers())]);
        java.args([format!("application={application}"), format!("input={}", input.name)]);
        java.args([format!("output={}", output.name), format!("state={}", folder.path().display())]);
        java.args([format!("store={store}"), format!("cache={cache}")]);
        let process = java.stdin(Stdio::piped()).spawn().expect("a Java that starts");
        Streams { kafka, application, process, _folder: folder }
    }

    /// Of its process, so far. Panics if that has ended.
    pub fn cpu(&self) -> Duration {
        cpu::of_process(self.process.id())
    }
}

impl Drop for Streams<'_> {
    fn drop(&mut self) {
        drop(self.process.stdin.take());
        let deadline = Instant::now() + ENDS_WITHIN;
        while matches!(self.process.try_wait(), Ok(None)) && Instant::now() < deadline {
            std::thread::sleep(Duration::from_millis(20));
        }
        // Both fail only if it has ended already.
        let _ = self.process.kill();
        let _ = self.process.wait();
        topics::remove(self.kafka, &[format!("{}-totals-changelog", self.application)]);
    }
}

/// What `cargo xtask bench` has put into the environment.
fn told(variable: &str) -> String {
    std::env::var(variable)
        .unwrap_or_else(|_| panic!("{variable} is not set: run this with `cargo xtask bench streams`"))
}

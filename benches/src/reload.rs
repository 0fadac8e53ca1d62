//! How long a worker processes nothing while a module is swapped under load, or while an instance whose memory has grown is
//! replaced: the host's own measure, one by one, from the sum of its histogram before and after. Most of a swap is the commit
//! before it, so that commits stand beside it.

use crate::figures::quantile;
use crate::mill::{PATIENCE, Plugin, handled};
use crate::topics::Topic;
use crate::{load, metrics, table};
use bench_rule::Job;
use std::time::Instant;
use wasmill_tests::{Host, Kafka, Setup, unique, wait_until};

/// What can be asked of it.
#[derive(clap::Args)]
pub struct Arguments {
    /// So many swaps.
    #[arg(long, default_value_t = 200)]
    swaps: u32,
    /// So many replacements of an instance.
    #[arg(long, default_value_t = 200)]
    replacements: u32,
    /// Events a second meanwhile.
    #[arg(long, default_value_t = 25_000)]
    rate: u64,
}

/// Measures, and prints a table.
pub fn run(arguments: &Arguments) {
    let kafka = Kafka::connect();
    let columns =
        ["job", "what", "times", "events/s", "p50 ms", "p99 ms", "max ms", "within 10 ms", "commits within 10 ms"];
    let mut rows = vec![table::row(columns)];
    for (job, kind, times) in [
        (Job::PassThrough, Kind::Swap, arguments.swaps),
        (Job::Fraud, Kind::Swap, arguments.swaps),
        (Job::Fraud, Kind::Replacement, arguments.replacements),
    ] {
        if times == 0 {
            continue;
        }
        eprintln!("{}: {times} times a {} at {} events/s …", job.name(), kind.name(), arguments.rate);
        let Measured { pauses, rate, commits } = measure(&kafka, job, kind, times, arguments.rate);
        let milliseconds = |part| format!("{:.2}", quantile(&pauses, part) * 1000.0);
        rows.push(vec![
            job.name().into(),
            kind.name().into(),
            pauses.len().to_string(),
            format!("{rate:.0}"),
            milliseconds(0.5),
            milliseconds(0.99),
            milliseconds(1.0),
            format!("{:.1} %", 100.0 * short(&pauses)),
            format!("{:.1} %", 100.0 * commits),
        ]);
    }
    table::print(&rows);
}

/// What a worker stands for.
#[derive(Clone, Copy)]
enum Kind {
    /// A module takes the place of another one.
    Swap,
    /// A fresh instance takes the place of one whose memory has grown: by 2 KiB with each event, far more than any runtime
    /// leaks.
    Replacement,
}

impl Kind {
    fn name(self) -> &'static str {
        match self {
            Kind::Swap => "swap",
            Kind::Replacement => "replacement",
        }
    }

    /// The host's histogram of it.
    fn metric(self) -> &'static str {
        match self {
            Kind::Swap => "wasmill_reload_pause_seconds",
            Kind::Replacement => "wasmill_instance_replacement_seconds",
        }
    }
}

struct Measured {
    /// Each one's, in seconds.
    pauses: Vec<f64>,
    /// Events a second that went through meanwhile.
    rate: f64,
    /// The share of all commits meanwhile that took no longer than a swap should.
    commits: f64,
}

/// A swap should take no longer, in seconds.
const SHORT: f64 = 0.01;

fn short(pauses: &[f64]) -> f64 {
    pauses.iter().filter(|pause| **pause <= SHORT).count() as f64 / pauses.len() as f64
}

fn measure(kafka: &Kafka, job: Job, kind: Kind, times: u32, rate: u64) -> Measured {
    let (input, output) = (Topic::new(kafka, "bench-orders"), Topic::new(kafka, "bench-out"));
    let host = Setup::new(kafka, &unique("bench")).start();
    let mut plugin = Plugin::new("columns", job, &input, &output);
    if let Kind::Replacement = kind {
        plugin.settings.push_str("\nleak = 2048");
    }
    plugin.start(&host);
    let commits = || {
        let bucket = format!("wasmill_commit_seconds_bucket{{le=\"{SHORT}\",plugin={:?}}}", plugin.name);
        let all = format!("wasmill_commit_seconds_count{{plugin={:?}}}", plugin.name);
        (metrics::read(&host, &bucket), metrics::read(&host, &all))
    };
    let ((pauses, rate, commits), written) = load::during(&input, rate, || {
        wait_until("the first outputs", PATIENCE, || output.events() > 0);
        let before = commits();
        let (events, began) = (handled(&host, &plugin), Instant::now());
        let pauses: Vec<f64> = (0..times).map(|number| pause(&host, &plugin, kind, number)).collect();
        let rate = (handled(&host, &plugin) - events) / began.elapsed().as_secs_f64();
        let after = commits();
        (pauses, rate, (after.0 - before.0) / (after.1 - before.1))
    });
    wait_until("every event to be handled", PATIENCE, || handled(&host, &plugin) as u64 >= written);
    Measured { pauses, rate, commits }
}

/// How long the worker stood the next time. For a swap the same module is dropped in with other bytes.
fn pause(host: &Host, plugin: &Plugin<'_>, kind: Kind, number: u32) -> f64 {
    let series = |what| format!("{}_{what}{{plugin={:?}}}", kind.metric(), plugin.name);
    let (count, sum) = (series("count"), series("sum"));
    let before = (metrics::read(host, &count), metrics::read(host, &sum));
    if let Kind::Swap = kind {
        host.drop_file(&format!("{}.wasm", plugin.name), &variant(plugin.module, number));
    }
    wait_until(kind.name(), PATIENCE, || metrics::read(host, &count) > before.0);
    let times = metrics::read(host, &count) - before.0;
    assert!(times == 1.0 || matches!(kind, Kind::Replacement), "one swap at a time");
    (metrics::read(host, &sum) - before.1) / times
}

/// The module with a custom section at its end, which means nothing and makes it another file.
fn variant(module: &str, number: u32) -> Vec<u8> {
    let path = wasmill_tests::module(module);
    let mut bytes = std::fs::read(&path).unwrap_or_else(|error| panic!("cannot read {}: {error}", path.display()));
    let (name, content) = (b"variant", number.to_le_bytes());
    // Section 0: its size, and its name with a length before it; all are shorter than 128 bytes.
    bytes.extend([0, (1 + name.len() + content.len()) as u8, name.len() as u8]);
    bytes.extend(name);
    bytes.extend(content);
    bytes
}

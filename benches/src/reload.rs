//! How long a worker processes nothing while a module is swapped under load: the host's own measure, swap by swap, from
//! the sum of its histogram before and after. Most of a swap is the commit before it, so that commits stand beside it.

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
    /// Events a second meanwhile.
    #[arg(long, default_value_t = 25_000)]
    rate: u64,
}

/// Measures, and prints a table.
pub fn run(arguments: &Arguments) {
    let kafka = Kafka::connect();
    let mut rows = vec![table::row([
        "job",
        "swaps",
        "events/s",
        "p50 ms",
        "p99 ms",
        "max ms",
        "swaps in 10 ms",
        "commits in 10 ms",
    ])];
    for job in [Job::PassThrough, Job::Fraud] {
        eprintln!("{}: {} swaps at {} events/s …", job.name(), arguments.swaps, arguments.rate);
        let Measured { pauses, rate, commits } = measure(&kafka, job, arguments);
        let milliseconds = |part| format!("{:.1}", quantile(&pauses, part) * 1000.0);
        rows.push(vec![
            job.name().into(),
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

struct Measured {
    /// Each swap's, in seconds.
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

fn measure(kafka: &Kafka, job: Job, arguments: &Arguments) -> Measured {
    let (input, output) = (Topic::new(kafka, "bench-orders"), Topic::new(kafka, "bench-out"));
    let host = Setup::new(kafka, &unique("bench")).start();
    let plugin = Plugin::new("columns", job, &input, &output);
    plugin.start(&host);
    let commits = || {
        let bucket = format!("wasmill_commit_seconds_bucket{{le=\"{SHORT}\",plugin={:?}}}", plugin.name);
        let all = format!("wasmill_commit_seconds_count{{plugin={:?}}}", plugin.name);
        (metrics::read(&host, &bucket), metrics::read(&host, &all))
    };
    let ((pauses, rate, commits), written) = load::during(&input, arguments.rate, || {
        wait_until("the first outputs", PATIENCE, || output.events() > 0);
        let before = commits();
        let (events, began) = (handled(&host, &plugin), Instant::now());
        let pauses: Vec<f64> = (0..arguments.swaps).map(|number| swap(&host, &plugin, number)).collect();
        let rate = (handled(&host, &plugin) - events) / began.elapsed().as_secs_f64();
        let after = commits();
        (pauses, rate, (after.0 - before.0) / (after.1 - before.1))
    });
    wait_until("every event to be handled", PATIENCE, || handled(&host, &plugin) as u64 >= written);
    Measured { pauses, rate, commits }
}

/// Drops the same module in with other bytes, and tells how long the worker stood.
fn swap(host: &Host, plugin: &Plugin<'_>, number: u32) -> f64 {
    let series = |what| format!("wasmill_reload_pause_seconds_{what}{{plugin={:?}}}", plugin.name);
    let (count, sum) = (series("count"), series("sum"));
    let before = (metrics::read(host, &count), metrics::read(host, &sum));
    host.drop_file(&format!("{}.wasm", plugin.name), &variant(plugin.module, number));
    wait_until("a swap", PATIENCE, || metrics::read(host, &count) > before.0);
    assert_eq!(metrics::read(host, &count), before.0 + 1.0, "one swap at a time");
    metrics::read(host, &sum) - before.1
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

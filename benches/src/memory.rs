//! What the host holds in memory with four plugins: while all of them catch up with a long topic as fast as they can, and
//! then at a steady load.

use crate::mill::{PATIENCE, Plugin, handled};
use crate::topics::{Topic, Writer};
use crate::{load, table};
use bench_rule::Job;
use std::time::{Duration, Instant};
use wasmill_tests::{Host, Kafka, Setup, unique};

/// What can be asked of it.
#[derive(clap::Args)]
pub struct Arguments {
    /// Orders that are in the topic before the plugins start: each of them handles all.
    #[arg(long, default_value_t = 2_000_000)]
    events: u64,
    /// Events a second afterwards.
    #[arg(long, default_value_t = 25_000)]
    rate: u64,
    /// So long.
    #[arg(long, default_value_t = 20)]
    seconds: u64,
}

/// Between two looks.
const LOOK_EVERY: Duration = Duration::from_millis(50);

/// Both jobs in both worlds.
const PLUGINS: [(&str, Job); 4] =
    [("columns", Job::PassThrough), ("columns", Job::Fraud), ("events", Job::PassThrough), ("events", Job::Fraud)];

/// Measures, and prints a table.
pub fn run(arguments: &Arguments) {
    let kafka = Kafka::connect();
    let input = Topic::new(&kafka, "bench-orders");
    let output = Topic::new(&kafka, "bench-out");
    let mut writer = Writer::new(&input);
    eprintln!("writing {} orders …", arguments.events);
    writer.write(arguments.events);
    writer.finish();
    let host = Setup::new(&kafka, &unique("bench")).start();
    let mut rows = vec![table::row(["the host", "largest resident MiB"])];
    let mut row = |what: &str, mebibytes: f64| rows.push(vec![what.into(), format!("{mebibytes:.0}")]);
    row("without plugins", resident(&host));

    eprintln!("four plugins catch up …");
    let plugins = PLUGINS.map(|(module, job)| Plugin::new(module, job, &input, &output));
    plugins.iter().for_each(|plugin| plugin.start(&host));
    let caught_up = |events| plugins.iter().all(|plugin| handled(&host, plugin) as u64 >= events);
    row("four plugins, catching up", largest(&host, || caught_up(arguments.events)));

    eprintln!("four plugins at {} events/s for {} s …", arguments.rate, arguments.seconds);
    let ends = Instant::now() + Duration::from_secs(arguments.seconds);
    let (at_load, written) = load::during(&input, arguments.rate, || largest(&host, || Instant::now() >= ends));
    row(&format!("four plugins, {} events/s each", arguments.rate), at_load);
    largest(&host, || caught_up(arguments.events + written));
    table::print(&rows);
}

/// The most that the host held until `done`, in MiB.
pub fn largest(host: &Host, mut done: impl FnMut() -> bool) -> f64 {
    let patience = Instant::now() + PATIENCE;
    let mut largest = resident(host);
    while !done() {
        assert!(Instant::now() < patience, "the plugins do not catch up");
        std::thread::sleep(LOOK_EVERY);
        largest = largest.max(resident(host));
    }
    largest
}

/// What the system has given the host, in MiB.
pub fn resident(host: &Host) -> f64 {
    let status = std::fs::read_to_string(format!("/proc/{}/status", host.process_id())).expect("a Linux, and a host");
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).expect("a line VmRSS");
    let kibibytes: f64 = line.trim().trim_end_matches(" kB").parse().expect("a number of kB");
    kibibytes / 1024.0
}

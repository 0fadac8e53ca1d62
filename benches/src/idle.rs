//! What plugins cost that have nothing to do: memory, threads and processor time of a host with many of them.

use crate::memory::resident;
use crate::mill::PATIENCE;
use crate::topics::{self, PARTITIONS, Topic};
use crate::{cpu, metrics, table};
use std::time::Duration;
use wasmill_tests::{Host, Kafka, Setup, unique, wait_until};

/// What can be asked of it.
#[derive(clap::Args)]
pub struct Arguments {
    /// Plugins; every other one has a store.
    #[arg(long, default_value_t = 50)]
    plugins: usize,
    /// So long they are looked at, after as long in which they have come to rest.
    #[arg(long, default_value_t = 20)]
    seconds: u64,
}

/// Measures, and prints a table.
pub fn run(arguments: &Arguments) {
    let kafka = Kafka::connect();
    let (input, output) = (Topic::new(&kafka, "bench-orders"), Topic::new(&kafka, "bench-out"));
    let mut rows = vec![table::row(["the host", "resident MiB", "threads", "CPU % of a core"])];
    for plugins in [0, arguments.plugins] {
        eprintln!("{plugins} plugins …");
        let mut host = start(&kafka, &input, &output, plugins);
        std::thread::sleep(Duration::from_secs(arguments.seconds));
        let before = cpu::of_process(host.process_id());
        std::thread::sleep(Duration::from_secs(arguments.seconds));
        let used = cpu::of_process(host.process_id()) - before;
        rows.push(vec![
            format!("{plugins} idle plugins"),
            format!("{:.0}", resident(&host)),
            threads(&host).to_string(),
            format!("{:.1}", 100.0 * used.as_secs_f64() / arguments.seconds as f64),
        ]);
        host.sigterm();
        let group = |plugin| format!("{}-{}", host.application(), name(plugin));
        let topics =
            (0..plugins).flat_map(|plugin| ["changelog", "dlq"].map(|kind| format!("{}-{kind}", group(plugin))));
        if plugins > 0 {
            topics::remove(&kafka, &topics.collect::<Vec<_>>());
        }
    }
    table::print(&rows);
}

/// Its module, and what that calls its output.
fn module(plugin: usize) -> (&'static str, &'static str) {
    [("fraud", "fraud-alerts"), ("revenue", "aggregated_revenue")][plugin % 2]
}

fn name(plugin: usize) -> String {
    format!("{}-{plugin}", module(plugin).0)
}

/// A host whose plugins all have their tasks.
fn start(kafka: &Kafka, input: &Topic<'_>, output: &Topic<'_>, plugins: usize) -> Host {
    let mut setup = Setup::new(kafka, &unique("bench"));
    for plugin in 0..plugins {
        let (module, sink) = module(plugin);
        let config = format!("[inputs]\norders = {:?}\n[sinks]\n{sink} = {:?}\n", input.name, output.name);
        setup = setup.plugin_config(&name(plugin), &config).module(&name(plugin), module);
    }
    let host = setup.start();
    let tasks = |plugin| metrics::read(&host, &format!("wasmill_tasks{{plugin={:?},worker=\"0\"}}", name(plugin)));
    wait_until("all tasks", PATIENCE, || (0..plugins).all(|plugin| tasks(plugin) == f64::from(PARTITIONS)));
    host
}

fn threads(host: &Host) -> usize {
    let threads = std::fs::read_dir(format!("/proc/{}/task", host.process_id()));
    threads.expect("a Linux, and a host").count()
}

//! The whole host on a real Kafka, against a bare loop that does the same: as many orders as are in a topic, from the first
//! one to the last. The rate is taken from the times at which the broker took the first and the last output, so that no
//! start counts; processor time is that of the whole process meanwhile, librdkafka's threads included.

use crate::bare::{Bare, Forward};
use crate::figures::{median, ratio};
use crate::mill::{PATIENCE, Plugin};
use crate::orders::Orders;
use crate::topics::{Topic, Writer};
use crate::{cpu, table};
use bench_rule::{Job, Order};
use std::time::Duration;
use wasmill_tests::{Host, Kafka, Setup, unique, wait_until};

/// What can be asked of it.
#[derive(clap::Args)]
pub struct Arguments {
    /// So often each job is measured on each way, in turn.
    #[arg(long, default_value_t = 5)]
    rounds: usize,
    /// Orders in the topic.
    #[arg(long, default_value_t = 3_000_000)]
    events: u64,
    /// Only the ways whose name contains this, beside the bare loop.
    #[arg(long, default_value = "")]
    way: String,
}

/// A way that a job is done.
struct Way {
    name: &'static str,
    /// Without a module it is the bare loop.
    module: Option<(&'static str, bool)>,
    runs: Vec<Run>,
}

/// What a run came to.
struct Run {
    /// Events a second.
    rate: f64,
    /// Microseconds of processor time an event.
    cpu: f64,
}

/// Measures, and prints a table.
pub fn run(arguments: &Arguments) {
    let kafka = Kafka::connect();
    let input = Topic::new(&kafka, "bench-orders");
    let mut writer = Writer::new(&input);
    eprintln!("writing {} orders …", arguments.events);
    writer.write(arguments.events);
    writer.finish();
    let host = Setup::new(&kafka, &unique("bench")).start();
    let mut rows = vec![table::row(["job", "way", "events/s", "x bare", "CPU µs an event", "x bare"])];
    for job in [Job::PassThrough, Job::Fraud] {
        let outputs = outputs(job, arguments.events);
        let mut ways = ways(&arguments.way);
        for round in 0..arguments.rounds {
            for way in &mut ways {
                let run = way.run(&kafka, &host, &input, job, outputs);
                eprintln!("{}, round {round}: {}: {:.0} events/s, {:.2} µs", job.name(), way.name, run.rate, run.cpu);
                way.runs.push(run);
            }
        }
        rows.extend(ways.iter().map(|way| way.row(job, &ways[0])));
    }
    table::print(&rows);
}

fn ways(filter: &str) -> Vec<Way> {
    let way = |name, module| Way { name, module, runs: Vec::new() };
    let mut ways = vec![
        way("bare loop", None),
        way("columns", Some(("columns", false))),
        way("columns, deadline checks", Some(("columns", true))),
        way("events, deadline checks", Some(("events", true))),
    ];
    ways.retain(|way| way.module.is_none() || way.name.contains(filter));
    ways
}

impl Way {
    fn run(&self, kafka: &Kafka, host: &Host, input: &Topic<'_>, job: Job, outputs: u64) -> Run {
        let output = Topic::new(kafka, "bench-out");
        let events = input.events() as f64;
        let cpu = match self.module {
            None => bare(kafka, input, &output, job),
            Some((module, checks)) => {
                let plugin = Plugin { checks, exactly_once: false, ..Plugin::new(module, job, input, &output) };
                mill(kafka, host, &plugin, outputs)
            }
        };
        // Neither crashed, so at least once was exactly once.
        assert_eq!(output.events(), outputs, "{}", self.name);
        Run { rate: events / output.time_to_fill().as_secs_f64(), cpu: cpu.as_secs_f64() * 1e6 / events }
    }

    fn row(&self, job: Job, bare: &Way) -> Vec<String> {
        let (rates, base_rates) = (self.all(|run| run.rate), bare.all(|run| run.rate));
        let (cpu, base_cpu) = (self.all(|run| run.cpu), bare.all(|run| run.cpu));
        vec![
            job.name().into(),
            self.name.into(),
            format!("{:.0}", median(&rates)),
            format!("{:.2}", ratio(&rates, &base_rates)),
            format!("{:.2}", median(&cpu)),
            format!("{:.2}", ratio(&cpu, &base_cpu)),
        ]
    }

    fn all(&self, figure: impl Fn(&Run) -> f64) -> Vec<f64> {
        self.runs.iter().map(figure).collect()
    }
}

fn bare(kafka: &Kafka, input: &Topic<'_>, output: &Topic<'_>, job: Job) -> Duration {
    let ends = input.ends();
    let before = cpu::of_this_process();
    let group = unique("bench-bare");
    let bare = Bare { brokers: kafka.brokers(), group: &group, input: &input.name, exactly_once: false };
    bare.run(&mut Forward { job, output: &output.name }, &ends);
    cpu::of_this_process() - before
}

/// Waits until all outputs are there and the host has committed the end of its input.
fn mill(kafka: &Kafka, host: &Host, plugin: &Plugin<'_>, outputs: u64) -> Duration {
    let before = cpu::of_process(host.process_id());
    plugin.start(host);
    wait_until("all outputs", PATIENCE, || plugin.output.events() >= outputs);
    let ends: Vec<Option<i64>> = plugin.input.ends().into_iter().map(Some).collect();
    wait_until("the last commit", PATIENCE, || kafka.committed(&plugin.group(host), &plugin.input.name) == ends);
    let took = cpu::of_process(host.process_id()) - before;
    plugin.stop(host);
    took
}

/// How many of the first so many orders a job passes on.
fn outputs(job: Job, events: u64) -> u64 {
    let mut orders = Orders::new();
    let forwards =
        |value: &[u8]| job == Job::PassThrough || Order::parse(value).is_ok_and(|order| order.is_suspicious());
    (0..events).filter(|_| forwards(orders.next().1)).count() as u64
}

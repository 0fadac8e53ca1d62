//! Millions of keys: what the host holds in memory while they come in and while they change, and how fast a new host reads
//! them back from the changelog, against a bare consumer that does nothing with what it reads.

use crate::figures::{median, ratio};
use crate::memory::{largest, resident};
use crate::mill::{Plugin, handled};
use crate::orders::Orders;
use crate::outputs::reader;
use crate::topics::{self, PARTITIONS, Topic, Writer};
use crate::{metrics, table};
use rdkafka::error::KafkaError;
use std::time::{Duration, Instant};
use wasmill_tests::{Host, Kafka, Setup, unique};

/// What can be asked of it.
#[derive(clap::Args)]
pub struct Arguments {
    /// Keys in the store.
    #[arg(long, default_value_t = 5_000_000)]
    keys: u64,
    /// Events afterwards that each change another one of them: none that has been used lately.
    #[arg(long, default_value_t = 1_000_000)]
    changes: u64,
    /// What the host may keep of entries in memory, in MiB.
    #[arg(long, default_value_t = 256)]
    cache: u64,
    /// So often they are read back in each way, in turn.
    #[arg(long, default_value_t = 3)]
    rounds: usize,
}

/// Measures, and prints two tables.
pub fn run(arguments: &Arguments) {
    let kafka = Kafka::connect();
    let (input, output) = (Topic::new(&kafka, "bench-orders"), Topic::new(&kafka, "bench-out"));
    let (module, sink, settings) = ("revenue", "aggregated_revenue", "group-by = \"customer_id\"".to_owned());
    let plugin = Plugin {
        name: unique(module),
        module,
        settings,
        sink,
        checks: true,
        exactly_once: true,
        input: &input,
        output: &output,
    };
    let setup = Setup::new(&kafka, &unique("bench"))
        .top(&format!("state-cache = \"{} MiB\"", arguments.cache))
        .plugin_config(&plugin.name, &plugin.config())
        .module(&plugin.name, module);

    let mut host = setup.clone().start();
    table::print(&fill(&host, &plugin, arguments));
    host.sigterm();

    let changelog = format!("{}-changelog", plugin.group(&host));
    table::print(&restore(&kafka, &setup, &plugin, &changelog, arguments.rounds));
    topics::remove(&kafka, &[changelog, format!("{}-dlq", plugin.group(&host))]);
}

fn fill(host: &Host, plugin: &Plugin<'_>, arguments: &Arguments) -> Vec<Vec<String>> {
    let Arguments { keys, changes, .. } = *arguments;
    let mut writer = Writer::of(plugin.input, Orders::each_of(keys));
    let mut rows = vec![table::row(["the host", "events/s", "largest resident MiB"])];
    rows.push(vec!["before".into(), String::new(), format!("{:.0}", resident(host))]);
    let mut all = 0;
    for (what, events) in [("every key once", keys), ("changes of keys", changes)] {
        eprintln!("{what}: {events} events …");
        let began = Instant::now();
        writer.write(events);
        writer.finish();
        all += events;
        let largest = largest(host, || handled(host, plugin) as u64 >= all);
        let rate = events as f64 / began.elapsed().as_secs_f64();
        rows.push(vec![format!("{what} ({events})"), format!("{rate:.0}"), format!("{largest:.0}")]);
    }
    rows
}

/// How fast something was read.
#[derive(Default)]
struct Rates {
    /// Records a second, of each round.
    rates: Vec<f64>,
    /// The most that was resident, in MiB.
    resident: Vec<f64>,
}

fn restore(kafka: &Kafka, setup: &Setup, plugin: &Plugin<'_>, changelog: &str, rounds: usize) -> Vec<Vec<String>> {
    let (mut bare, mut mill) = (Rates::default(), Rates::default());
    for round in 0..rounds {
        let (records, rate) = read(kafka, changelog);
        bare.rates.push(rate);
        eprintln!("round {round}: bare consumer: {records} records, {rate:.0} records/s");
        // In a new folder: it has nothing but the changelog.
        let mut host = setup.clone().prepare();
        host.start();
        host.wait_until_it_answers();
        let (rate, resident) = read_back(&host, plugin, records);
        host.sigterm();
        eprintln!("round {round}: restore: {rate:.0} records/s, {resident:.0} MiB");
        mill.rates.push(rate);
        mill.resident.push(resident);
    }
    vec![
        table::row(["", "records/s", "x bare", "largest resident MiB"]),
        vec!["bare consumer".into(), format!("{:.0}", median(&bare.rates)), "1.00".into(), String::new()],
        vec![
            "restore by one worker".into(),
            format!("{:.0}", median(&mill.rates)),
            format!("{:.2}", ratio(&mill.rates, &bare.rates)),
            format!("{:.0}", median(&mill.resident)),
        ],
    ]
}

/// The whole topic, by a consumer that only counts: its records, and how many a second.
fn read(kafka: &Kafka, topic: &str) -> (u64, f64) {
    let consumer = reader(kafka, topic);
    let (mut records, mut ended, mut began) = (0, 0, None);
    while ended < PARTITIONS {
        match consumer.poll(Duration::from_millis(100)) {
            None => (),
            Some(Err(KafkaError::PartitionEOF(_))) => ended += 1,
            Some(Err(error)) => panic!("cannot read {topic}: {error}"),
            Some(Ok(_)) => {
                began.get_or_insert_with(Instant::now);
                records += 1;
            }
        }
    }
    let took = began.expect("a changelog with records").elapsed();
    (records, records as f64 / took.as_secs_f64())
}

/// Records a second from the first ones that the host has read back until all tasks have all of theirs; and the most that
/// was resident meanwhile, in MiB.
fn read_back(host: &Host, plugin: &Plugin<'_>, records: u64) -> (f64, f64) {
    let of_plugin = |name: &str| metrics::read(host, &format!("{name}{{plugin={:?}}}", plugin.name));
    let mut first = None;
    let resident = largest(host, || {
        let restored = of_plugin("wasmill_restored_records_total");
        if restored > 0.0 {
            first.get_or_insert_with(|| (Instant::now(), restored));
        }
        restored as u64 >= records && of_plugin("wasmill_restoring_tasks") == 0.0
    });
    let (began, restored) = first.expect("records");
    ((records as f64 - restored) / began.elapsed().as_secs_f64(), resident)
}

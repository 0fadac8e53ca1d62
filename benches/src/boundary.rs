//! What WebAssembly costs an event: a job through both worlds, with and without deadline checks, against the same code
//! native. Thread time, so that other work on the machine disturbs little.

use crate::entries::{Entries, keep};
use crate::figures::{median, ratio};
use crate::orders::Orders;
use crate::{cpu, native, table};
use bench_rule::Job;
use fraud::Fraud;
use serde_json::{Map, Value, json};
use std::collections::HashMap;
use std::hint::black_box;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;
use wasmill::config::PluginConfig;
use wasmill::event::Failure;
use wasmill::plugin::guest::{Answer, Guest, Spawn};
use wasmill::plugin::{Engine, Loader};
use wasmill::state::State;
use wasmill_contract::{Batch, Limits, Scope};
use wasmill_plugin::testing::Direct;

/// What can be asked of it.
#[derive(clap::Args)]
pub struct Arguments {
    /// So often each job is measured on each way, in turn.
    #[arg(long, default_value_t = 21)]
    rounds: usize,
    /// Events a measurement, in columns of 500.
    #[arg(long, default_value_t = 50_000)]
    events: usize,
}

/// Events a call: the host's own default.
const COLUMNS: usize = 500;

/// More than a core's caches of the first level hold, as in a host that has just copied its events.
const BATCHES: usize = 20;

/// A way that a job is done. Columns of 500 go in, an answer comes out.
struct Way {
    name: &'static str,
    process: Box<dyn FnMut(&mut Batch) -> Answer>,
    /// Nanoseconds an event, one a round.
    times: Vec<f64>,
}

/// Measures, and prints a table.
pub fn run(arguments: &Arguments) {
    let engine = Engine::new().unwrap_or_else(|error| panic!("{error}"));
    let mut orders = Orders::new();
    let mut batches: Vec<Batch> = (0..BATCHES).map(|_| orders.batch(COLUMNS)).collect();
    let mut rows = vec![table::row(["job", "way", "ns an event", "x native"])];
    let jobs = [Job::Nothing, Job::PassThrough, Job::Fraud, Job::Totals].map(|job| (job.name(), ways(&engine, job)));
    for (job, mut ways) in jobs.into_iter().chain([("shipped fraud plugin", shipped(&engine))]) {
        eprintln!("{job} …");
        must_agree(&mut ways, &mut batches);
        for _ in 0..arguments.rounds {
            for way in &mut ways {
                let time = measure(arguments.events.div_ceil(COLUMNS), &mut way.process, &mut batches);
                way.times.push(time);
            }
        }
        let native = ways[0].times.clone();
        for way in &ways {
            let (time, ratio) = (median(&way.times), ratio(&way.times, &native));
            rows.push(vec![job.into(), way.name.into(), format!("{time:.1}"), format!("{ratio:.2}")]);
        }
    }
    table::print(&rows);
}

/// A job of the benchmarks' own modules.
fn ways(engine: &Arc<Engine>, job: Job) -> Vec<Way> {
    let mut settings = Map::new();
    settings.insert("job".into(), job.name().into());
    let module = |file: &str, checks: bool| guest(engine, file, &settings, checks);
    let mut answered = module("columns", false);
    let mut totals = HashMap::new();
    let stores = if job == Job::Totals { 1 } else { 0 };
    vec![
        Way::new("native", move |batch| native::process(job, &mut totals, batch)),
        Way::new("columns", module("columns", false)),
        Way::new("columns, deadline checks", module("columns", true)),
        Way::new("columns, and the host's check of the answer", move |batch| {
            let answer = answered(batch);
            check(batch, &answer, stores);
            answer
        }),
        Way::new("events", module("events", false)),
        Way::new("events, deadline checks", module("events", true)),
    ]
}

/// The shipped plugin, which compares amounts digit by digit.
fn shipped(engine: &Arc<Engine>) -> Vec<Way> {
    let native: Direct<Fraud> = Direct::new(json!({})).unwrap_or_else(|error| panic!("{error}"));
    let module = |checks| guest(engine, "fraud", &Map::new(), checks);
    vec![
        Way::new("native", move |batch| {
            let (done, sources) = native.process(batch);
            Answer { done, sources, ..Answer::default() }
        }),
        Way::new("columns", module(false)),
        Way::new("columns, deadline checks", module(true)),
    ]
}

impl Way {
    fn new(name: &'static str, process: impl FnMut(&mut Batch) -> Answer + 'static) -> Self {
        Way { name, process: Box::new(process), times: Vec::new() }
    }
}

/// An instance of a compiled module.
fn guest(
    engine: &Arc<Engine>,
    file: &str,
    settings: &Map<String, Value>,
    checks: bool,
) -> impl FnMut(&mut Batch) -> Answer + use<> {
    let mut config = PluginConfig { settings: settings.clone(), ..PluginConfig::default() };
    config.limits.deadline = checks.then_some(Duration::from_secs(1));
    let path = wasmill_tests::module(file);
    let mut guest = load(engine, &path, &config).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
    let mut state: Option<Box<dyn State>> = Some(Box::new(Entries::default()));
    move |batch| {
        let outcome = guest.process(batch, &mut state);
        assert!(outcome.broke.is_none(), "{:?}", outcome.broke);
        keep(&mut state, &outcome.answer);
        outcome.answer
    }
}

fn load(engine: &Arc<Engine>, path: &Path, config: &PluginConfig) -> Result<Box<dyn Guest>, String> {
    let module = Loader::new(engine.clone(), None).load("bench", path, config).map_err(|error| error.to_string())?;
    module.spawn().map_err(|reason| reason.to_string())
}

/// What the worker does with an answer before it sends anything.
fn check(batch: &Batch, answer: &Answer, stores: usize) {
    let effects = answer.effects();
    let scope = Scope { sinks: 1, stores, timers: false };
    let over = effects.check(batch, &scope, &Limits::default(), Failure::kind);
    assert_eq!(over, Ok(vec![]));
    for output in effects.outputs() {
        black_box(&output);
    }
}

/// All ways of a job pass on the same events; and none is measured cold.
fn must_agree(ways: &mut [Way], batches: &mut [Batch]) {
    for batch in batches {
        let expected = (ways[0].process)(batch);
        for way in &mut ways[1..] {
            let answer = (way.process)(batch);
            let (events, sources) = (answer.done, answer.sources);
            assert_eq!((events, sources), (expected.done, expected.sources.clone()), "{}", way.name);
        }
    }
}

/// Nanoseconds an event.
fn measure(calls: usize, process: &mut dyn FnMut(&mut Batch) -> Answer, batches: &mut [Batch]) -> f64 {
    let before = cpu::of_this_thread();
    for call in 0..calls {
        let batch = &mut batches[call % BATCHES];
        black_box(process(black_box(batch)));
    }
    let took = cpu::of_this_thread() - before;
    took.as_nanos() as f64 / (calls * COLUMNS) as f64
}

//! The fraud rule in every language, beside the same rule native: what an event costs, what memory it takes, how long it takes
//! to load. The same orders for all, in turn.

use crate::figures::{median, ratio};
use crate::orders::Orders;
use crate::{cpu, table};
use fraud::Fraud;
use serde_json::json;
use std::hint::black_box;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, Instant};
use wasmill::config::PluginConfig;
use wasmill::plugin::guest::{Guest, Spawn};
use wasmill::plugin::{AotCache, Engine, Loader};
use wasmill_contract::Batch;
use wasmill_plugin::testing::Direct;

/// What can be asked of it.
#[derive(clap::Args)]
pub struct Arguments {
    /// What to measure: the language, the file, and how long its build took, as LANGUAGE=FILE=SECONDS.
    #[arg(required = true)]
    plugins: Vec<Entry>,
    /// So often each is measured, in turn.
    #[arg(long, default_value_t = 9)]
    rounds: usize,
    /// Events a measurement, in columns of 500.
    #[arg(long, default_value_t = 20_000)]
    events: usize,
    /// So many events come in all, for the memory at the end.
    #[arg(long, default_value_t = 1_000_000)]
    total: usize,
}

/// A plugin to measure.
#[derive(Clone)]
struct Entry {
    language: String,
    file: PathBuf,
    build: String,
}

impl std::str::FromStr for Entry {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let mut parts = text.split('=').map(str::to_owned);
        match (parts.next(), parts.next(), parts.next(), parts.next()) {
            (Some(language), Some(file), Some(build), None) => Ok(Entry { language, file: file.into(), build }),
            _ => Err("it is LANGUAGE=FILE=SECONDS".into()),
        }
    }
}

const COLUMNS: usize = 500;
const BATCHES: usize = 20;

/// A plugin at work.
struct Plugin<'a> {
    entry: &'a Entry,
    first_load: Duration,
    cached_load: Duration,
    instance: Duration,
    guest: Box<dyn Guest>,
    memory: usize,
    handled: usize,
    times: Vec<f64>,
}

/// Measures, and prints a table.
pub fn run(arguments: &Arguments) {
    let engine = Engine::new().unwrap_or_else(|error| panic!("{error}"));
    let native: Direct<Fraud> = Direct::new(json!({})).unwrap_or_else(|error| panic!("{error}"));
    let mut orders = Orders::new();
    let mut batches: Vec<Batch> = (0..BATCHES).map(|_| orders.batch(COLUMNS)).collect();
    let mut plugins: Vec<Plugin<'_>> = arguments.plugins.iter().map(|entry| Plugin::new(&engine, entry)).collect();
    for plugin in &mut plugins {
        plugin.must_agree(&native, &mut batches);
    }
    let calls = arguments.events.div_ceil(COLUMNS);
    let mut native_times = Vec::new();
    for _ in 0..arguments.rounds {
        native_times.push(measure(calls, &mut batches, |batch| drop(black_box(native.process(batch)))));
        for plugin in &mut plugins {
            let guest = &mut plugin.guest;
            plugin.times.push(measure(calls, &mut batches, |batch| {
                assert!(guest.process(batch, &mut None).broke.is_none());
            }));
            plugin.handled += calls * COLUMNS;
        }
    }
    let head = ["language", "build, s", "file, kB", "first load, ms", "cached, ms", "instance, us"];
    let head = [&head[..], &["ns an event", "x native", "events/s a core", "memory, kB", "after all events"]].concat();
    let mut rows = vec![head.iter().map(|cell| (*cell).to_owned()).collect()];
    let time = median(&native_times);
    let mut native_row = vec!["native Rust".to_owned()];
    native_row.extend(std::iter::repeat_n("-".to_owned(), 5));
    native_row.extend([format!("{time:.0}"), "1.00".into(), format!("{:.0}", 1e9 / time), "-".into(), "-".into()]);
    rows.push(native_row);
    for plugin in &mut plugins {
        eprintln!("{}: up to {} events …", plugin.entry.language, arguments.total);
        plugin.go_on(arguments.total, &mut batches);
        rows.push(plugin.row(&native_times));
    }
    table::print(&rows);
}

impl<'a> Plugin<'a> {
    fn new(engine: &Arc<Engine>, entry: &'a Entry) -> Self {
        let folder = tempfile::tempdir().unwrap_or_else(|error| panic!("{error}"));
        let cache = AotCache::open(&folder.path().join("cache"), &folder.path().join("plugins"));
        let loader = Loader::new(engine.clone(), Some(cache.unwrap_or_else(|error| panic!("{error}"))));
        let load = || {
            let began = Instant::now();
            let module = loader.load(&entry.language, &entry.file, &config());
            (began.elapsed(), module.unwrap_or_else(|error| panic!("{}: {error}", entry.file.display())))
        };
        let (first_load, _) = load();
        let (cached_load, module) = load();
        let began = Instant::now();
        let guest = module.spawn().unwrap_or_else(|reason| panic!("{reason}"));
        let instance = began.elapsed();
        let memory = guest.memory_bytes();
        Plugin { entry, first_load, cached_load, instance, guest, memory, handled: 0, times: Vec::new() }
    }

    /// The same orders are suspicious in every language.
    fn must_agree(&mut self, native: &Direct<Fraud>, batches: &mut [Batch]) {
        for batch in batches {
            let (done, sources) = native.process(batch);
            let outcome = self.guest.process(batch, &mut None);
            assert!(outcome.broke.is_none(), "{}: {:?}", self.entry.language, outcome.broke);
            assert_eq!((outcome.answer.done, outcome.answer.sources), (done, sources), "{}", self.entry.language);
            self.handled += batch.len();
        }
    }

    fn go_on(&mut self, total: usize, batches: &mut [Batch]) {
        for call in 0..total.saturating_sub(self.handled).div_ceil(COLUMNS) {
            assert!(self.guest.process(&mut batches[call % BATCHES], &mut None).broke.is_none());
            self.handled += COLUMNS;
        }
    }

    fn row(&self, native: &[f64]) -> Vec<String> {
        let time = median(&self.times);
        let millis = |duration: Duration| format!("{:.1}", duration.as_secs_f64() * 1e3);
        vec![
            self.entry.language.clone(),
            self.entry.build.clone(),
            kilobytes(size(&self.entry.file)),
            millis(self.first_load),
            millis(self.cached_load),
            format!("{:.0}", self.instance.as_secs_f64() * 1e6),
            format!("{time:.0}"),
            format!("{:.2}", ratio(&self.times, native)),
            format!("{:.0}", 1e9 / time),
            kilobytes(self.memory),
            kilobytes(self.guest.memory_bytes()),
        ]
    }
}

/// A million events of a leaking runtime must not end at the default limit: what they take is what is asked.
fn config() -> PluginConfig {
    let mut config = PluginConfig::default();
    config.limits.memory = 4 << 30;
    config
}

fn size(file: &Path) -> usize {
    std::fs::metadata(file).map_or(0, |file| file.len() as usize)
}

fn kilobytes(bytes: usize) -> String {
    bytes.div_ceil(1000).to_string()
}

/// Nanoseconds an event.
fn measure(calls: usize, batches: &mut [Batch], mut process: impl FnMut(&mut Batch)) -> f64 {
    let before = cpu::of_this_thread();
    for call in 0..calls {
        process(black_box(&mut batches[call % BATCHES]));
    }
    (cpu::of_this_thread() - before).as_nanos() as f64 / (calls * COLUMNS) as f64
}

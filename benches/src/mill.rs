//! The real host with the benchmarks' modules in its plugins folder.

use crate::metrics;
use crate::topics::Topic;
use bench_rule::Job;
use std::time::Duration;
use wasmill_tests::{Host, unique, wait_until};

/// A plugin to be dropped in.
pub struct Plugin<'a> {
    /// Its name.
    pub name: String,
    /// Which module it is, of the benchmarks' or of those that are shipped.
    pub module: &'static str,
    /// Its settings, as TOML.
    pub settings: String,
    /// What it calls its output.
    pub sink: &'static str,
    /// Whether its machine code has deadline checks.
    pub checks: bool,
    /// Whether it writes in transactions.
    pub exactly_once: bool,
    /// Where its events come from.
    pub input: &'a Topic<'a>,
    /// Where its outputs go.
    pub output: &'a Topic<'a>,
}

impl<'a> Plugin<'a> {
    /// One of the benchmarks' modules, exactly once and with deadline checks.
    pub fn new(module: &'static str, job: Job, input: &'a Topic<'a>, output: &'a Topic<'a>) -> Self {
        let settings = format!("job = {:?}", job.name());
        Plugin {
            name: unique(job.name()),
            module,
            settings,
            sink: "out",
            checks: true,
            exactly_once: true,
            input,
            output,
        }
    }

    /// The file beside the module.
    pub fn config(&self) -> String {
        format!(
            "delivery = {:?}\n[inputs]\norders = {:?}\n[sinks]\n{} = {:?}\n[settings]\n{}\n[limits]\ndeadline = {:?}\n",
            if self.exactly_once { "exactly-once" } else { "at-least-once" },
            self.input.name,
            self.sink,
            self.output.name,
            self.settings,
            if self.checks { "1 s" } else { "none" },
        )
    }

    /// Its consumer group.
    pub fn group(&self, host: &Host) -> String {
        format!("{}-{}", host.application(), self.name)
    }

    /// Drops it into a running host.
    pub fn start(&self, host: &Host) {
        host.drop_file(&format!("{}.toml", self.name), self.config().as_bytes());
        host.drop_module(&self.name, self.module);
    }

    /// Removes it, and waits until it has stopped.
    pub fn stop(&self, host: &Host) {
        host.remove(&format!("{}.wasm", self.name));
        wait_until(&format!("{} to stop", self.name), PATIENCE, || host.plugin(&self.name).is_none());
        host.remove(&format!("{}.toml", self.name));
    }
}

/// Events that it has dealt with.
pub fn handled(host: &Host, plugin: &Plugin<'_>) -> f64 {
    metrics::read(host, &format!("wasmill_events_total{{plugin={:?}}}", plugin.name))
}

/// Longer than any run takes, on a machine that is busy with something else.
pub const PATIENCE: Duration = Duration::from_secs(300);

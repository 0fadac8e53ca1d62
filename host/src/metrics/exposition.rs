//! The metrics under the names that Prometheus sees. The encoder adds the prefix, the unit and `_total` by itself.

use super::histogram::Histogram;
use super::host::Host;
use super::plugin::{OUTCOMES, PluginMetrics, WorkerValues};
use super::process;
use prometheus_client::collector::Collector;
use prometheus_client::encoding::{DescriptorEncoder, EncodeCounterValue, EncodeGaugeValue, MetricEncoder, NoLabelSet};
use prometheus_client::metrics::MetricType;
use prometheus_client::registry::Unit;
use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};

const BYTES: Option<&Unit> = Some(&Unit::Bytes);
const SECONDS: Option<&Unit> = Some(&Unit::Seconds);

impl Collector for Host {
    fn encode(&self, encoder: DescriptorEncoder) -> fmt::Result {
        let mut page = Page { encoder, plugins: self.plugins() };
        page.host(self)?;
        page.events()?;
        page.state()?;
        page.failures()?;
        page.times()?;
        page.modules(self)?;
        page.workers()
    }
}

struct Page<'a> {
    encoder: DescriptorEncoder<'a>,
    /// Taken once, so that a plugin that goes meanwhile is on the page as a whole or not at all.
    plugins: Vec<Arc<PluginMetrics>>,
}

impl Page<'_> {
    fn host(&mut self, host: &Host) -> fmt::Result {
        self.info("build", "The version of this host", [("version", env!("CARGO_PKG_VERSION"))])?;
        if let Some(config) = host.config() {
            let labels = [("application", &*config.application), ("brokers", &*config.brokers)];
            self.info("config", "What this host works for", labels)?;
        }
        self.gauge("uptime", "Time since the host was started", SECONDS, host.uptime().as_secs_f64())?;
        if let Some(bytes) = process::resident_memory() {
            self.gauge("resident_memory", "Resident memory of the host's process", BYTES, bytes)?;
        }
        self.gauge("plugins_loaded", "Plugins that have a module", None, host.loaded_plugins())
    }

    fn events(&mut self) -> fmt::Result {
        self.counter("events", "Events that were dealt with", None, |plugin| load(&plugin.events))?;
        let help = "Keys and values of events that were dealt with";
        self.counter("event", help, BYTES, |plugin| load(&plugin.event_bytes))?;
        self.counter("outputs", "Outputs handed to the producer", None, |plugin| load(&plugin.outputs))?;
        let help = "Keys and values of outputs handed to the producer";
        self.counter("output", help, BYTES, |plugin| load(&plugin.output_bytes))?;
        self.counter("timers", "Timers that fired", None, |plugin| load(&plugin.timers))
    }

    fn state(&mut self) -> fmt::Result {
        let help = "Records sent to the changelog";
        self.counter("changelog_records", help, None, |plugin| load(&plugin.changelog_records))?;
        let help = "Keys and values of records sent to the changelog";
        self.counter("changelog", help, BYTES, |plugin| load(&plugin.changelog_bytes))?;
        let help = "Records read from the changelog to restore state";
        self.counter("restored_records", help, None, |plugin| load(&plugin.restored_records))?;
        let help = "Tasks that wait for their state to be restored";
        self.plugin_gauge("restoring_tasks", help, |plugin| plugin.restoring_tasks.load(Relaxed))?;
        let help = "Records of the changelog that these tasks still wait for";
        self.plugin_gauge("restoring_records", help, |plugin| plugin.restoring_records.load(Relaxed))
    }

    fn failures(&mut self) -> fmt::Result {
        self.each_plugin("failures", "Failures of events", None, MetricType::Counter, |plugin, metric| {
            plugin.failures.counts().try_for_each(|(kind, code, count)| {
                let labels = [("plugin", &*plugin.name), ("kind", kind), ("code", code)];
                encode_count(metric.encode_family(&labels)?, count)
            })
        })?;
        let help = "Events written to the dead-letter topic";
        self.counter("dead_letters", help, None, |plugin| load(&plugin.dead_letters))?;
        let help = "Failed events that were left out, as the policy asks";
        self.counter("skipped_events", help, None, |plugin| load(&plugin.skipped))?;
        let help = "Lines of the plugin's log that were over its limit";
        self.counter("log_lines_dropped", help, None, |plugin| load(&plugin.log_lines_dropped))
    }

    fn times(&mut self) -> fmt::Result {
        self.counter("wasm", "Time spent in the module", SECONDS, PluginMetrics::wasm_seconds)?;
        self.histogram("commit", "Time that a commit took", |plugin| &plugin.commits)?;
        let help = "Time that a worker processed nothing because of a swap";
        self.histogram("reload_pause", help, |plugin| &plugin.reload_pauses)?;
        let help = "Time that a worker processed nothing because an instance that had grown was replaced";
        self.histogram("instance_replacement", help, |plugin| &plugin.instance_replacements)
    }

    fn modules(&mut self, host: &Host) -> fmt::Result {
        self.each_plugin("reloads", "Changes of a module", None, MetricType::Counter, |plugin, metric| {
            OUTCOMES.iter().zip(&plugin.reloads).try_for_each(|(outcome, count)| {
                let labels = [("plugin", &*plugin.name), ("outcome", outcome)];
                encode_count(metric.encode_family(&labels)?, load(count))
            })
        })?;
        let help = "Modules that were not taken";
        let mut metric = self.encoder.encode_descriptor("modules_refused", help, None, MetricType::Counter)?;
        host.refused().into_iter().try_for_each(|((plugin, code), count)| {
            encode_count(metric.encode_family(&[("plugin", plugin), ("code", code)])?, count)
        })
    }

    fn workers(&mut self) -> fmt::Result {
        let help = "Workers that ended with an error and were started again";
        self.counter("worker_restarts", help, None, |plugin| load(&plugin.worker_restarts))?;
        let help = "Events that wait in the worker's partitions";
        self.worker_gauge("lag_events", help, None, |worker| worker.lag.load(Relaxed))?;
        let help = "Memories and tables of the worker's instance";
        self.worker_gauge("plugin_memory", help, BYTES, |worker| load(&worker.memory))?;
        self.worker_gauge("tasks", "Tasks that the worker has", None, |worker| load(&worker.tasks))
    }

    fn info<const N: usize>(&mut self, name: &str, help: &str, labels: [(&str, &str); N]) -> fmt::Result {
        self.encoder.encode_descriptor(name, help, None, MetricType::Info)?.encode_info(&labels)
    }

    fn gauge(&mut self, name: &str, help: &str, unit: Option<&Unit>, value: impl EncodeGaugeValue) -> fmt::Result {
        self.encoder.encode_descriptor(name, help, unit, MetricType::Gauge)?.encode_gauge(&value)
    }

    fn counter<V: EncodeCounterValue>(
        &mut self,
        name: &str,
        help: &str,
        unit: Option<&Unit>,
        value: impl Fn(&PluginMetrics) -> V,
    ) -> fmt::Result {
        self.each_plugin(name, help, unit, MetricType::Counter, |plugin, metric| {
            encode_count(metric.encode_family(&[("plugin", &*plugin.name)])?, value(plugin))
        })
    }

    fn plugin_gauge(&mut self, name: &str, help: &str, value: impl Fn(&PluginMetrics) -> i64) -> fmt::Result {
        self.each_plugin(name, help, None, MetricType::Gauge, |plugin, metric| {
            metric.encode_family(&[("plugin", &*plugin.name)])?.encode_gauge(&value(plugin))
        })
    }

    fn histogram(&mut self, name: &str, help: &str, of: impl Fn(&PluginMetrics) -> &Histogram) -> fmt::Result {
        self.each_plugin(name, help, SECONDS, MetricType::Histogram, |plugin, metric| {
            let (sum, buckets) = (of(plugin).sum(), of(plugin).buckets());
            let count = buckets.iter().map(|(_, count)| count).sum();
            metric
                .encode_family(&[("plugin", &*plugin.name)])?
                .encode_histogram::<NoLabelSet>(sum, count, &buckets, None)
        })
    }

    fn worker_gauge<V: EncodeGaugeValue>(
        &mut self,
        name: &str,
        help: &str,
        unit: Option<&Unit>,
        value: impl Fn(&WorkerValues) -> V,
    ) -> fmt::Result {
        self.each_plugin(name, help, unit, MetricType::Gauge, |plugin, metric| {
            plugin.shown_workers().into_iter().try_for_each(|(index, worker)| {
                let labels = [("plugin", &*plugin.name), ("worker", &*index.to_string())];
                metric.encode_family(&labels)?.encode_gauge(&value(&worker))
            })
        })
    }

    fn each_plugin(
        &mut self,
        name: &str,
        help: &str,
        unit: Option<&Unit>,
        kind: MetricType,
        encode: impl Fn(&PluginMetrics, &mut MetricEncoder) -> fmt::Result,
    ) -> fmt::Result {
        let mut metric = self.encoder.encode_descriptor(name, help, unit, kind)?;
        self.plugins.iter().try_for_each(|plugin| encode(plugin, &mut metric))
    }
}

fn encode_count(mut metric: MetricEncoder, value: impl EncodeCounterValue) -> fmt::Result {
    metric.encode_counter::<NoLabelSet, _, u64>(&value, None)
}

fn load(value: &AtomicU64) -> u64 {
    value.load(Relaxed)
}

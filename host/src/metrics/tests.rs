//! The names as Prometheus sees them, and the page that documents them.

use super::*;
use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

const DOCUMENT: &str = include_str!("../../../docs/metrics.md");

/// Metrics of which every single one has been touched.
fn touched() -> Metrics {
    let metrics = Metrics::new();
    metrics.set_config("shop", "embedded");
    metrics.set_loaded_plugins(1);
    metrics.module_refused("draft", "not-a-component");
    let fraud = metrics.plugin("fraud");
    fraud.events(500, 68_500);
    fraud.outputs(3, 411);
    fraud.timers(2);
    fraud.changelog(40, 1_000);
    fraud.restoring().read(5, 10);
    let mut restoring = fraud.restoring();
    restoring.read(7, 100);
    restoring.read(1, 90);
    // It goes on.
    std::mem::forget(restoring);
    fraud.failure("reject", "bad-json");
    fraud.failure("trap", "trap");
    fraud.dead_letters(2);
    fraud.skipped(1);
    fraud.wasm_time(Duration::from_micros(1500));
    fraud.commit(Duration::from_millis(2));
    fraud.reload("swapped");
    fraud.reload_pause(Duration::from_micros(700));
    fraud.instance_replaced(Duration::from_micros(90));
    fraud.worker_restart();
    fraud.log_lines_dropped(7);
    let worker = fraud.worker(1);
    worker.set_lag(12);
    worker.set_memory(1 << 20);
    worker.set_tasks(4);
    metrics
}

/// Samples without those whose value no test can know.
fn samples(text: &str) -> Vec<&str> {
    let unknown = ["wasmill_uptime_seconds", "wasmill_resident_memory_bytes", "wasmill_build_info"];
    text.lines().filter(|line| !line.starts_with('#') && !unknown.iter().any(|name| line.starts_with(name))).collect()
}

#[test]
fn every_sample_has_its_exact_name() {
    let text = touched().encode();
    let (buckets, others): (Vec<&str>, Vec<&str>) =
        samples(&text).into_iter().partition(|line| line.contains("_bucket{"));
    assert_eq!(
        others,
        [
            r#"wasmill_config_info{application="shop",brokers="embedded"} 1"#,
            r#"wasmill_plugins_loaded 1"#,
            r#"wasmill_events_total{plugin="fraud"} 500"#,
            r#"wasmill_event_bytes_total{plugin="fraud"} 68500"#,
            r#"wasmill_outputs_total{plugin="fraud"} 3"#,
            r#"wasmill_output_bytes_total{plugin="fraud"} 411"#,
            r#"wasmill_timers_total{plugin="fraud"} 2"#,
            r#"wasmill_changelog_records_total{plugin="fraud"} 40"#,
            r#"wasmill_changelog_bytes_total{plugin="fraud"} 1000"#,
            r#"wasmill_restored_records_total{plugin="fraud"} 13"#,
            r#"wasmill_restoring_tasks{plugin="fraud"} 1"#,
            r#"wasmill_restoring_records{plugin="fraud"} 90"#,
            r#"wasmill_failures_total{plugin="fraud",kind="reject",code="bad-json"} 1"#,
            r#"wasmill_failures_total{plugin="fraud",kind="trap",code="trap"} 1"#,
            r#"wasmill_dead_letters_total{plugin="fraud"} 2"#,
            r#"wasmill_skipped_events_total{plugin="fraud"} 1"#,
            r#"wasmill_log_lines_dropped_total{plugin="fraud"} 7"#,
            r#"wasmill_wasm_seconds_total{plugin="fraud"} 0.0015"#,
            r#"wasmill_commit_seconds_sum{plugin="fraud"} 0.002"#,
            r#"wasmill_commit_seconds_count{plugin="fraud"} 1"#,
            r#"wasmill_reload_pause_seconds_sum{plugin="fraud"} 0.0007"#,
            r#"wasmill_reload_pause_seconds_count{plugin="fraud"} 1"#,
            r#"wasmill_instance_replacement_seconds_sum{plugin="fraud"} 0.00009"#,
            r#"wasmill_instance_replacement_seconds_count{plugin="fraud"} 1"#,
            r#"wasmill_reloads_total{plugin="fraud",outcome="started"} 0"#,
            r#"wasmill_reloads_total{plugin="fraud",outcome="swapped"} 1"#,
            r#"wasmill_reloads_total{plugin="fraud",outcome="restarted"} 0"#,
            r#"wasmill_reloads_total{plugin="fraud",outcome="refused"} 0"#,
            r#"wasmill_reloads_total{plugin="fraud",outcome="rolled-back"} 0"#,
            r#"wasmill_modules_refused_total{plugin="draft",code="not-a-component"} 1"#,
            r#"wasmill_worker_restarts_total{plugin="fraud"} 1"#,
            r#"wasmill_lag_events{plugin="fraud",worker="1"} 12"#,
            r#"wasmill_plugin_memory_bytes{plugin="fraud",worker="1"} 1048576"#,
            r#"wasmill_tasks{plugin="fraud",worker="1"} 4"#,
        ]
    );
    for bucket in [
        r#"wasmill_commit_seconds_bucket{le="0.001",plugin="fraud"} 0"#,
        r#"wasmill_commit_seconds_bucket{le="0.002",plugin="fraud"} 1"#,
        r#"wasmill_commit_seconds_bucket{le="+Inf",plugin="fraud"} 1"#,
        r#"wasmill_reload_pause_seconds_bucket{le="0.001",plugin="fraud"} 1"#,
    ] {
        assert!(buckets.contains(&bucket), "{bucket} is not in {buckets:#?}");
    }
    assert!(text.contains(&format!("wasmill_build_info{{version=\"{}\"}} 1\n", env!("CARGO_PKG_VERSION"))));
    assert!(text.ends_with("# EOF\n"));
}

#[test]
fn no_series_is_there_twice() {
    let text = touched().encode();
    let series: Vec<&str> = samples(&text).into_iter().filter_map(|line| Some(line.rsplit_once(' ')?.0)).collect();
    assert_eq!(series.iter().collect::<BTreeSet<_>>().len(), series.len(), "{series:#?}");
}

#[test]
fn the_same_name_is_the_same_plugin_until_it_is_forgotten() {
    let metrics = Metrics::new();
    let first = metrics.plugin("fraud");
    first.events(5, 0);
    assert!(Arc::ptr_eq(&first, &metrics.plugin("fraud")));

    metrics.module_refused("fraud", "imports");
    metrics.forget("fraud");
    assert!(!metrics.encode().contains("fraud"));
    first.events(5, 0);
    assert_eq!(metrics.plugin("fraud").snapshot(), Snapshot::default());
}

#[test]
fn a_worker_that_ended_is_not_shown_and_one_that_comes_back_is() {
    let metrics = Metrics::new();
    let fraud = metrics.plugin("fraud");
    let (first, second) = (fraud.worker(0), fraud.worker(1));
    assert!(!metrics.encode().contains("worker="), "a worker that has set nothing is not shown");
    first.set_lag(3);
    first.set_memory(100);
    second.set_lag(4);
    assert_eq!((fraud.snapshot().lag, fraud.snapshot().memory_bytes), (7, 100));

    first.clear();
    assert_eq!((fraud.snapshot().lag, fraud.snapshot().memory_bytes), (4, 0));
    assert!(!metrics.encode().contains("worker=\"0\""));
    fraud.worker(0).set_tasks(2);
    assert!(metrics.encode().contains("wasmill_tasks{plugin=\"fraud\",worker=\"0\"} 2\n"));
}

#[test]
fn a_snapshot_sums_up_what_a_plugin_did() {
    let snapshot = touched().plugin("fraud").snapshot();
    let expected = Snapshot {
        events: 500,
        outputs: 3,
        failures: 2,
        dead_letters: 2,
        wasm_seconds: 0.0015,
        lag: 12,
        memory_bytes: 1 << 20,
    };
    assert_eq!(snapshot, expected);
}

#[test]
fn what_a_plugin_puts_into_a_code_cannot_forge_a_line() {
    let metrics = Metrics::new();
    metrics.plugin("fraud").failure("reject", "x\"} 1\nwasmill_events_total 9");
    let text = metrics.encode();
    assert!(text.contains(r#"code="x\"} 1\nwasmill_events_total 9"} 1"#), "{text}");
    assert!(!text.contains("\nwasmill_events_total 9"));
}

#[test]
fn the_document_lists_exactly_the_metrics_that_are_there() {
    let documented: BTreeSet<Listed> = DOCUMENT.lines().filter_map(documented).collect();
    let encoded = encoded(&touched().encode());
    let missing: Vec<_> = encoded.difference(&documented).collect();
    let surplus: Vec<_> = documented.difference(&encoded).collect();
    assert!(
        missing.is_empty() && surplus.is_empty(),
        "docs/metrics.md lacks {missing:#?} and has, wrongly, {surplus:#?}"
    );
}

#[test]
fn the_document_names_every_kind_and_outcome() {
    for word in KINDS.iter().chain(&OUTCOMES) {
        assert!(DOCUMENT.contains(&format!("`{word}`")), "docs/metrics.md does not say what {word} is");
    }
}

/// Name, type, labels and unit of a metric.
type Listed = (String, String, BTreeSet<String>, String);

/// A row of the document's tables: `` | `name` | type | `label`, … | unit | … ``.
fn documented(line: &str) -> Option<Listed> {
    let cells: Vec<&str> = line.strip_prefix("| `wasmill_").map(|_| line.split('|').map(str::trim).collect())?;
    let [_, name, kind, labels, unit, tells, worry, _] = cells[..] else { panic!("six cells are wanted: {line}") };
    assert!(!tells.is_empty() && !worry.is_empty(), "{line}");
    let labels = labels.split(", ").filter(|label| *label != "-").map(|label| label.trim_matches('`').to_owned());
    Some((name.trim_matches('`').to_owned(), kind.to_owned(), labels.collect(), unit.to_owned()))
}

fn encoded(text: &str) -> BTreeSet<Listed> {
    let comment = |word: &'static str| {
        let words = text.lines().filter_map(move |line| line.strip_prefix(word)?.trim().split_once(' '));
        words.map(|(name, value)| (name.to_owned(), value.to_owned())).collect::<BTreeMap<_, _>>()
    };
    let units = comment("# UNIT");
    let metric = |(name, kind): (String, String)| {
        let suffix = match &*kind {
            "counter" => "_total",
            "info" => "_info",
            _ => "",
        };
        let unit = units.get(&name).cloned().unwrap_or_else(|| "-".to_owned());
        let sample = if kind == "histogram" { format!("{name}_sum") } else { format!("{name}{suffix}") };
        (format!("{name}{suffix}"), kind, labels(text, &sample), unit)
    };
    comment("# TYPE").into_iter().map(metric).collect()
}

fn labels(text: &str, sample: &str) -> BTreeSet<String> {
    let mut rests =
        text.lines().filter_map(|line| line.strip_prefix(sample)).filter(|rest| rest.starts_with(['{', ' ']));
    let rest = rests.next().unwrap_or_else(|| panic!("{sample} has not been touched"));
    let labels = rest.strip_prefix('{').and_then(|rest| rest.split_once('}')).map_or("", |(labels, _)| labels);
    labels.split(',').filter_map(|label| Some(label.split_once('=')?.0.to_owned())).collect()
}

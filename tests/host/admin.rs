//! The host over HTTP: pause and resume, who may ask, and the metrics that the documentation promises.

use crate::load::{Load, account};
use crate::stage::{Stage, texts};
use std::collections::BTreeSet;
use wasmill_tests::{LONG, Record, get, post, turn, wait_until};

#[test]
fn a_paused_plugin_handles_nothing_keeps_its_partitions_and_goes_on_where_it_was() {
    let _turn = turn();
    let stage = Stage::new("pause", 4);
    let host = stage.plugin("p", "chaos", "", "").start();
    host.wait_for_tasks("p", 4);
    let load = Load::start(&stage.input);
    let handled = || host.metric("wasmill_events_total{plugin=\"p\"}").unwrap_or(0.0);
    let lag = || host.metric("wasmill_lag_events{plugin=\"p\",worker=\"0\"}").unwrap_or(0.0);
    wait_until("events", LONG, || handled() > 0.0);
    assert_eq!(host.post("/plugins/p/resume").status, 409, "it is not paused");

    assert_eq!(host.post("/plugins/p/pause").status, 200);
    host.wait_for_plugin("p", "to be paused", |plugin| plugin["state"] == "paused");
    assert_eq!(host.post("/plugins/p/pause").status, 409, "it is paused already");
    let paused_at = handled();
    let ends = || stage.kafka.ends(&stage.input).iter().sum::<i64>();
    let end = ends();
    wait_until("more events to wait", LONG, || ends() > end + 10_000);
    assert_eq!(handled(), paused_at);
    wait_until("the lag to grow while nothing is fetched", LONG, || lag() > 10_000.0);
    host.wait_for_tasks("p", 4);
    assert_eq!(host.get("/ready").status, 200, "it does what it was told");
    // A new configuration takes a restart of the workers, and does not resume what somebody paused.
    host.drop_file("p.toml", stage.toml("max-batch = 100", "").as_bytes());
    host.wait_for_line(&["its configuration changed"]);
    host.wait_for_plugin("p", "to be paused again", |plugin| plugin["state"] == "paused");
    host.wait_for_tasks("p", 4);
    assert_eq!(handled(), paused_at);

    assert_eq!(host.post("/plugins/p/resume").status, 200);
    host.wait_for_plugin("p", "to run", |plugin| plugin["state"] == "running");
    let written = load.stop();
    stage.wait_until_done("p");
    let account = account(written, &stage.kafka.read_all(&stage.output), &stage.dead_letters("p"));
    assert_eq!(account.duplicates, 0);
    wait_until("the lag to be gone", LONG, || lag() == 0.0);
}

#[test]
fn with_a_token_only_ping_and_ready_are_for_everybody() {
    let stage = Stage::new("token", 1);
    let host = stage.plugin("p", "chaos", "", "").admin("token = 's3cret'").start();
    let admin = host.admin();
    for path in ["/ping", "/ready"] {
        assert_eq!(host.get(path).status, 200, "{path}");
    }
    for headers in [&[][..], &["Authorization: Bearer wrong"], &["Authorization: s3cret"]] {
        for path in ["/", "/metrics", "/plugins", "/plugins/p", "/nothing"] {
            assert_eq!(get(admin, path, headers).unwrap().status, 401, "{path}");
        }
        assert_eq!(post(admin, "/plugins/p/pause", headers, "").unwrap().status, 401);
    }
    let right = ["Authorization: Bearer s3cret"];
    assert_eq!(get(admin, "/plugins/p", &right).unwrap().json()["state"], "running");
    assert_eq!(post(admin, "/plugins/p/pause", &right, "").unwrap().status, 200);
    assert!(!host.log().contains("s3cret"));
}

#[test]
fn the_metrics_are_those_of_the_documentation() {
    let stage = Stage::new("metrics", 1);
    let host = stage.plugin("p", "chaos", "", "").start();
    host.wait_for_tasks("p", 1);
    stage.kafka.produce(&stage.input, &["1", "!reject odd", "2"].map(|value| Record::new(value).key("k")));
    stage.wait_until_done("p");
    host.drop_module("refused", "alien");
    host.wait_for_plugin("refused", "to be refused", |plugin| plugin["state"] == "refused");
    assert_eq!(texts(&stage.kafka.read_all(&stage.output)), ["1", "2"]);

    let metrics = host.get("/metrics").body;
    let documentation = include_str!("../../docs/metrics.md");
    let documented: BTreeSet<&str> = documentation
        .lines()
        .filter_map(|line| line.strip_prefix("| `wasmill_").and_then(|rest| rest.split('`').next()))
        .collect();
    let samples = metrics.lines().filter_map(|line| line.strip_prefix("wasmill_"));
    let name = |sample: &str| sample.split(['{', ' ']).next().expect("a name").to_owned();
    let present: BTreeSet<String> = samples.map(|sample| without_suffix(&name(sample))).collect();
    assert_eq!(present.iter().map(String::as_str).collect::<BTreeSet<_>>(), documented);
    assert!(metrics.ends_with("# EOF\n"));

    for (sample, value) in [
        ("wasmill_events_total{plugin=\"p\"}", 3.0),
        ("wasmill_event_bytes_total{plugin=\"p\"}", 16.0),
        ("wasmill_outputs_total{plugin=\"p\"}", 2.0),
        ("wasmill_output_bytes_total{plugin=\"p\"}", 4.0),
        ("wasmill_dead_letters_total{plugin=\"p\"}", 1.0),
        ("wasmill_failures_total{plugin=\"p\",kind=\"reject\",code=\"odd\"}", 1.0),
        ("wasmill_lag_events{plugin=\"p\",worker=\"0\"}", 0.0),
        ("wasmill_tasks{plugin=\"p\",worker=\"0\"}", 1.0),
        ("wasmill_plugins_loaded", 1.0),
        ("wasmill_modules_refused_total{plugin=\"refused\",code=\"wrong-world\"}", 1.0),
        ("wasmill_reloads_total{plugin=\"p\",outcome=\"started\"}", 1.0),
        ("wasmill_worker_restarts_total{plugin=\"p\"}", 0.0),
    ] {
        assert_eq!(host.metric(sample), Some(value), "{sample}");
    }
    for sample in ["wasmill_wasm_seconds_total{plugin=\"p\"}", "wasmill_plugin_memory_bytes{plugin=\"p\",worker=\"0\"}"]
    {
        assert!(host.metric(sample).expect(sample) > 0.0, "{sample}");
    }
}

/// A histogram's samples are several.
fn without_suffix(sample: &str) -> String {
    let histograms = ["commit_seconds", "instance_replacement_seconds", "reload_pause_seconds"];
    let histogram = histograms.into_iter().find(|name| sample.starts_with(name));
    histogram.unwrap_or(sample).to_owned()
}

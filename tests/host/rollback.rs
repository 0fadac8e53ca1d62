//! Going back to the module before, and staying there.

use crate::stage::{Stage, texts};
use serde_json::Value;
use wasmill_tests::{Host, LONG, Record, another_build, module_bytes, wait_until};

fn sha256(host: &Host) -> Value {
    host.plugin("p").expect("the plugin")["sha256"].clone()
}

fn wait_for_module(host: &Host, what: &str, sha256: &Value) {
    host.wait_for_plugin("p", what, |plugin| plugin["sha256"] == *sha256 && plugin["state"] == "running");
}

#[test]
fn a_rollback_holds_over_a_restart_until_the_file_changes() {
    let stage = Stage::new("rollback", 1);
    let chaos = module_bytes("chaos");
    let mut host = stage.plugin("p", "chaos", "", "").start();
    let first = sha256(&host);
    assert_eq!(host.post("/plugins/p/rollback").status, 409, "there is nothing to go back to");

    host.drop_file("p.wasm", &another_build(&chaos, "second"));
    let second =
        host.wait_for_plugin("p", "to have its second module", |plugin| plugin["sha256"] != first)["sha256"].clone();
    let answer = host.post("/plugins/p/rollback");
    assert_eq!(answer.status, 200, "{}", answer.body);
    assert_eq!((sha256(&host), host.plugin("p").unwrap()["pinned"].clone()), (first.clone(), Value::from(true)));
    assert_eq!(host.metric("wasmill_reloads_total{plugin=\"p\",outcome=\"rolled-back\"}"), Some(1.0));
    assert_eq!(host.post("/plugins/p/rollback").status, 409, "it is rolled back already");

    assert!(host.sigterm().success());
    host.start();
    host.wait_until_ready();
    wait_for_module(&host, "to be pinned still", &first);
    assert_eq!(host.plugin("p").unwrap()["pinned"], true);
    stage.kafka.produce(&stage.input, &[Record::new("after")]);
    stage.wait_until_done("p");
    assert_eq!(texts(&stage.kafka.read_all(&stage.output)), ["after"]);

    host.drop_file("p.wasm", &another_build(&chaos, "third"));
    let third =
        host.wait_for_plugin("p", "not to be pinned", |plugin| plugin["pinned"] == false && plugin["sha256"] != first);
    assert!(third["sha256"] != second, "{third}");
    host.post("/plugins/p/rollback");
    wait_for_module(&host, "to be back again", &first);
    assert_eq!(host.post("/plugins/p/reload").status, 200);
    wait_for_module(&host, "to have the file's module", &third["sha256"]);
    assert_eq!(host.plugin("p").unwrap()["pinned"], false);
}

#[test]
fn a_host_that_starts_with_a_broken_file_uses_the_last_module_that_worked() {
    let stage = Stage::new("broken-at-start", 1);
    let mut host = stage.plugin("p", "chaos", "", "").start();
    let good = sha256(&host);
    assert!(host.sigterm().success());

    host.drop_module("p", "alien");
    host.start();
    host.wait_until_ready();
    wait_for_module(&host, "to run its last good module", &good);
    assert_eq!(host.plugin("p").unwrap()["refused"]["code"], "wrong-world");
    host.wait_for_line(&["the last module that worked is used until the file is repaired"]);

    stage.kafka.produce(&stage.input, &[Record::new("1")]);
    stage.wait_until_done("p");
    host.drop_file("p.wasm", &another_build(&module_bytes("chaos"), "repaired"));
    host.wait_for_plugin("p", "to be repaired", |plugin| plugin["refused"].is_null() && plugin["sha256"] != good);
}

#[test]
fn a_plugin_that_is_removed_and_put_back_at_once_runs_on() {
    let stage = Stage::new("put-back", 1);
    let host = stage.plugin("p", "chaos", "", "").start();
    let removals = 5;
    for round in 1..=removals {
        host.remove("p.wasm");
        // As soon as the host has noticed, which is before the plugin has stopped.
        wait_until("the removal to be noticed", LONG, || host.plugin("p").is_none());
        host.drop_module("p", "chaos");
        host.wait_for_tasks("p", 1);
        // Only now: an event that comes while the removed plugin still stops may be counted by that one.
        stage.kafka.produce(&stage.input, &[Record::new(round.to_string())]);
        stage.wait_until_done("p");
        assert_eq!(host.metric("wasmill_plugins_loaded"), Some(1.0));
    }
    // The one that was removed last may have handled the last event while it stopped; this one it cannot have.
    stage.kafka.produce(&stage.input, &[Record::new("last")]);
    wait_until("the plugin that was put back to count", LONG, || {
        host.metric("wasmill_events_total{plugin=\"p\"}").is_some_and(|events| events >= 1.0)
    });
    stage.wait_until_done("p");
    let mut expected: Vec<String> = (1..=removals).map(|round| round.to_string()).collect();
    expected.push("last".into());
    assert_eq!(texts(&stage.kafka.read_all(&stage.output)), expected);
    host.drop_file("p.wasm", &another_build(&module_bytes("chaos"), "second"));
    host.wait_for_line(&["took over between two commits"]);
    assert_eq!(host.post("/plugins/p/rollback").status, 200, "the module before is known");
}

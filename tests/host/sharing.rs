//! Several workers and several hosts share a plugin's partitions.

use crate::load::{Load, account};
use crate::stage::Stage;
use wasmill_tests::{Host, LONG, turn, wait};

fn tasks(host: &Host) -> Vec<u64> {
    let plugin = host.plugin("p").expect("the plugin");
    let workers = plugin["workers"].as_array().expect("workers").clone();
    let tasks = workers.iter().flat_map(|worker| worker["tasks"].as_array().expect("tasks"));
    let mut tasks: Vec<u64> = tasks.map(|task| task.as_u64().expect("a number")).collect();
    tasks.sort_unstable();
    tasks
}

/// Waits until the hosts have all four tasks, each one as many as the others.
fn wait_until_shared(hosts: &[&Host]) {
    wait("the tasks to be shared out", LONG, || {
        let each: Vec<Vec<u64>> = hosts.iter().map(|host| tasks(host)).collect();
        let mut all: Vec<u64> = each.concat();
        all.sort_unstable();
        (all == [0, 1, 2, 3] && each.iter().all(|tasks| tasks.len() == 4 / hosts.len())).then_some(())
    });
}

#[test]
fn hosts_of_one_application_share_its_work_come_and_go_and_lose_nothing() {
    let _turn = turn();
    let stage = Stage::new("hosts", 4);
    let setup = stage.plugin("p", "chaos", "", "");
    let load = Load::start(&stage.input);
    let mut one = setup.clone().start();
    wait_until_shared(&[&one]);
    let two = setup.start();
    wait_until_shared(&[&one, &two]);

    assert!(one.sigterm().success());
    wait_until_shared(&[&two]);
    one.start();
    one.wait_until_ready();
    wait_until_shared(&[&one, &two]);

    let written = load.stop();
    stage.wait_until_done("p");
    let account = account(written, &stage.kafka.read_all(&stage.output), &stage.dead_letters("p"));
    assert_eq!(account.duplicates, 0, "a partition that is handed over is committed first");
    assert_eq!(one.plugin("p").unwrap()["workers"][0]["restarts"], 0);
    assert_eq!(two.plugin("p").unwrap()["workers"][0]["restarts"], 0);
}

#[test]
fn workers_of_a_plugin_share_its_partitions() {
    let _turn = turn();
    let stage = Stage::new("workers", 4);
    let load = Load::start(&stage.input);
    let host = stage.plugin("p", "chaos", "workers = 2", "").start();
    host.wait_for_plugin("p", "to have two workers with two tasks each", |plugin| {
        let workers = plugin["workers"].as_array().expect("workers");
        workers.len() == 2 && workers.iter().all(|worker| worker["tasks"].as_array().expect("tasks").len() == 2)
    });

    let written = load.stop();
    stage.wait_until_done("p");
    let account = account(written, &stage.kafka.read_all(&stage.output), &stage.dead_letters("p"));
    assert_eq!(account.duplicates, 0);
    assert_eq!(host.metric("wasmill_events_total{plugin=\"p\"}"), Some(written as f64));
}

#[test]
fn a_host_with_more_workers_than_partitions_is_ready() {
    let stage = Stage::new("spare", 1);
    // Becoming ready is what is tested.
    let host = stage.plugin("p", "chaos", "workers = 3", "").start();
    host.wait_for_tasks("p", 1);
    assert_eq!(host.plugin("p").expect("the plugin")["state"], "running");
}

//! A host that is killed, and one that is asked to end.

use crate::load::{Load, account};
use crate::stage::Stage;
use std::time::{Duration, Instant};
use wasmill_tests::{Host, LONG, turn, wait_until};

/// As short as brokers allow: a killed member's partitions are given to others after it.
const SHORT_SESSION: &str = "[kafka.consumer]\n'session.timeout.ms' = 6000\n'heartbeat.interval.ms' = 1000";

fn wait_for_outputs(stage: &Stage, more: i64) {
    let count = || stage.kafka.ends(&stage.output).iter().sum::<i64>();
    let before = count();
    wait_until("more outputs", LONG, || count() >= before + more);
}

fn start(host: &mut Host, tasks: usize) {
    host.start();
    host.wait_until_ready();
    host.wait_for_tasks("p", tasks);
}

#[test]
fn a_host_that_is_killed_loses_nothing() {
    let _turn = turn();
    let stage = Stage::new("killed", 4);
    let load = Load::start(&stage.input);
    let mut host = stage.plugin("p", "chaos", "", "").config(SHORT_SESSION).start();
    for _ in 0..2 {
        wait_for_outputs(&stage, 20_000);
        host.kill9();
        start(&mut host, 4);
    }
    wait_for_outputs(&stage, 20_000);

    let written = load.stop();
    stage.wait_until_done("p");
    let account = account(written, &stage.kafka.read_all(&stage.output), &stage.dead_letters("p"));
    // What was sent since the last commit: those intervals are 100 ms.
    assert!(account.duplicates < 200_000, "{} duplicates", account.duplicates);
    assert_eq!(host.sigterm().code(), Some(0));
}

#[test]
fn a_host_that_is_asked_to_end_commits_all_that_it_has_done_and_leaves_at_once() {
    let _turn = turn();
    let stage = Stage::new("asked", 4);
    let load = Load::start(&stage.input);
    let mut host = stage.plugin("p", "chaos", "workers = 2", "").start();
    for _ in 0..3 {
        wait_for_outputs(&stage, 10_000);
        let began = Instant::now();
        assert_eq!(host.sigterm().code(), Some(0));
        assert!(began.elapsed() < Duration::from_secs(10), "it took {:?}", began.elapsed());
        assert_eq!(stage.kafka.members(&stage.group("p")), 0, "it has left its group");
        start(&mut host, 4);
    }

    let written = load.stop();
    stage.wait_until_done("p");
    let account = account(written, &stage.kafka.read_all(&stage.output), &stage.dead_letters("p"));
    assert_eq!(account.duplicates, 0);
}

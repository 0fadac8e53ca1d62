//! A host that is killed, one that is asked to end, and a broker that is killed.

use crate::load::{Load, account, event};
use crate::stage::Stage;
use std::time::{Duration, Instant};
use wasmill_tests::{Broker, Host, Kafka, LONG, Record, turn, wait_until};

/// As short as brokers allow: a killed member's partitions are given to others after it.
const SHORT_SESSION: &str = "[kafka.consumer]\n'session.timeout.ms' = 6000\n'heartbeat.interval.ms' = 1000";

fn wait_for_outputs(stage: &Stage, more: i64) {
    let count = || stage.kafka.ends(&stage.output).iter().sum::<i64>();
    let before = count();
    wait_until("more outputs", LONG, || count() >= before + more);
}

/// What a broker is killed in the middle of.
const EVENTS: u64 = 300_000;

/// A host that has these events to deal with, on a broker of the test's own, and has begun.
fn busy(broker: &Broker, top: &str) -> (Stage, Host) {
    let stage = Stage::on(Kafka::at(broker.address()), "broker", 4);
    let events: Vec<Record> = (0..EVENTS).map(event).collect();
    stage.kafka.produce(&stage.input, &events);
    let host = stage.plugin("p", "chaos", top, "").start();
    wait_for_outputs(&stage, 1);
    (stage, host)
}

/// How often more than once an event of [`busy`] came out, when all have. Panics if one is missing.
fn duplicates(stage: &Stage, host: &mut Host) -> usize {
    host.wait_until_ready();
    stage.wait_until_done("p");
    account(EVENTS, &stage.kafka.read_all(&stage.output), &stage.dead_letters("p")).duplicates
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
fn when_one_of_two_hosts_is_killed_the_other_takes_over_and_nothing_is_lost() {
    let _turn = turn();
    let stage = Stage::new("takes-over", 4);
    let setup = stage.plugin("p", "chaos", "", "").config(SHORT_SESSION);
    let load = Load::start(&stage.input);
    let mut one = setup.clone().start();
    one.wait_for_tasks("p", 4);
    let two = setup.start();
    one.wait_for_tasks("p", 2);
    two.wait_for_tasks("p", 2);
    wait_for_outputs(&stage, 20_000);

    one.kill9();
    two.wait_for_tasks("p", 4);
    wait_for_outputs(&stage, 20_000);

    let written = load.stop();
    stage.wait_until_done("p");
    let account = account(written, &stage.kafka.read_all(&stage.output), &stage.dead_letters("p"));
    // What the killed one had sent since its last commit.
    assert!(account.duplicates < 100_000, "{} duplicates", account.duplicates);
    assert_eq!(two.plugin("p").expect("the plugin")["workers"][0]["restarts"], 0);
}

#[test]
fn a_broker_that_is_killed_and_comes_back_costs_no_event_and_is_told_of_once() {
    let _turn = turn();
    let mut broker = Broker::start();
    // A transaction would not outlive the broker: its worker would be started again, and say so. The next test has them.
    let (stage, mut host) = busy(&broker, "delivery = 'at-least-once'");

    broker.kill9();
    host.wait_for_line(&["WARN", "the brokers are not reachable", "waiting"]);
    wait_until("the host not to be ready", LONG, || host.get("/ready").status == 503);
    assert_eq!(host.plugin("p").expect("the plugin")["state"], "running");
    broker.start_again();

    let duplicates = duplicates(&stage, &mut host);
    assert!(duplicates < 100_000, "{duplicates} duplicates");
    let log = host.log();
    for line in ["the brokers are not reachable", "the brokers are reachable again"] {
        assert_eq!(log.matches(line).count(), 1, "{line}: {log}");
    }
    assert!(!log.contains("ERROR"), "{log}");
    assert_eq!(host.plugin("p").expect("the plugin")["workers"][0]["restarts"], 0);
}

#[test]
fn a_broker_that_is_killed_in_the_middle_of_transactions_doubles_nothing() {
    let _turn = turn();
    let mut broker = Broker::replicated();
    let (stage, mut host) = busy(&broker, "");

    broker.kill9();
    // Half of the topics' partitions were there, and go on elsewhere before it is back.
    wait_for_outputs(&stage, 1);
    broker.start_again();
    assert_eq!(duplicates(&stage, &mut host), 0);
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

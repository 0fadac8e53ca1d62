//! State: each event counts once, whatever happens to the host.

use crate::stage::{Stage, texts};
use std::collections::BTreeMap;
use std::time::Duration;
use wasmill_tests::{Host, LONG, Record, turn, wait_until};

/// Keys that count.
const KEYS: u64 = 50;

/// Events of each key in one go.
const EACH: u64 = 2_000;

/// As short as brokers allow: a killed member's partitions are given to others after it.
const SHORT_SESSION: &str = "[kafka.consumer]\n'session.timeout.ms' = 6000\n'heartbeat.interval.ms' = 1000";

/// Adds one to each key, `EACH` times, in turn.
fn count(stage: &Stage) {
    for number in 0..EACH {
        let events: Vec<Record> = (0..KEYS)
            .map(|key| Record::new(format!("k{key}+1")).key(format!("k{key}")).timestamp(number as i64))
            .collect();
        stage.kafka.produce(&stage.input, &events);
    }
}

/// Every key must have counted from 1 to `times` × `EACH`, each number once.
#[track_caller]
fn assert_counted(stage: &Stage, times: u64) {
    let mut seen: BTreeMap<u64, u64> = BTreeMap::new();
    for output in texts(&stage.kafka.read_all(&stage.output)) {
        *seen.entry(output.parse().expect("a sum")).or_default() += 1;
    }
    let wrong: Vec<_> =
        (1..=times * EACH).map(|sum| (sum, seen.remove(&sum).unwrap_or(0))).filter(|(_, seen)| *seen != KEYS).collect();
    assert!(wrong.is_empty() && seen.is_empty(), "sums and how often they were seen: {wrong:?}; and beyond: {seen:?}");
}

fn outputs(stage: &Stage) -> i64 {
    stage.kafka.ends(&stage.output).iter().sum()
}

fn start_again(host: &mut Host) {
    host.start();
    host.wait_until_ready();
}

#[test]
fn every_event_counts_once_over_kills_restarts_and_a_lost_disk() {
    let _turn = turn();
    let stage = Stage::new("counted", 4);
    let mut host = stage.plugin("p", "memo", "workers = 2", "").config(SHORT_SESSION).start();
    host.wait_for_tasks("p", 4);

    // Killed in the middle of the events.
    let before = outputs(&stage);
    count(&stage);
    wait_until("some outputs", LONG, || outputs(&stage) > before + 1_000);
    host.kill9();
    start_again(&mut host);
    stage.wait_until_done("p");
    assert_counted(&stage, 1);

    // A clean restart has nothing to read.
    assert_eq!(host.sigterm().code(), Some(0));
    start_again(&mut host);
    host.wait_for_tasks("p", 4);
    count(&stage);
    stage.wait_until_done("p");
    assert_counted(&stage, 2);

    // Without its disk it reads all of it.
    assert_eq!(host.sigterm().code(), Some(0));
    std::fs::remove_dir_all(host.folder().join("state/stores")).expect("there are stores");
    start_again(&mut host);
    host.wait_for_tasks("p", 4);
    let restored = || host.metric("wasmill_restored_records_total{plugin=\"p\"}").unwrap_or_default();
    wait_until("the restore of every key", LONG, || restored() >= KEYS as f64);
    count(&stage);
    stage.wait_until_done("p");
    assert_counted(&stage, 3);
    assert_eq!(host.sigterm().code(), Some(0));
    assert_eq!(stage.dead_letters("p").len(), 0);
}

#[test]
fn a_failed_event_leaves_no_write() {
    let _turn = turn();
    let stage = Stage::new("failed", 1);
    let events = ["a+1", "a+1, fail", "a+1, panic", "a+1", "a?"];
    stage.kafka.produce(&stage.input, &events.map(Record::new));
    let mut host = stage.plugin("p", "memo", "", "").start();
    stage.wait_until_done("p");
    assert_eq!(texts(&stage.kafka.read_all(&stage.output)), ["1", "2", "2"]);
    assert_eq!(texts(&stage.dead_letters("p")), ["a+1, fail", "a+1, panic"]);
    assert_eq!(host.sigterm().code(), Some(0));
}

#[test]
fn a_timer_fires_once_also_over_a_restart_and_a_kill() {
    let _turn = turn();
    let stage = Stage::new("timers", 1);
    let send = |value: &str, at: i64| stage.kafka.produce(&stage.input, &[Record::new(value).timestamp(at)]);
    let mut host = stage.plugin("p", "memo", "", "").config(SHORT_SESSION).start();
    send("@one=5000, @two=9000", 1_000);
    stage.wait_until_done("p");
    assert_eq!(host.sigterm().code(), Some(0));
    start_again(&mut host);
    send("time", 6_000);
    stage.wait_until_done("p");
    host.kill9();
    start_again(&mut host);
    send("time", 9_000);
    stage.wait_until_done("p");
    let expected = ["6000", "one at 5000 in 6000, the 1.", "9000", "two at 9000 in 9000, the 2."];
    wait_until("both timers", Duration::from_secs(20), || outputs(&stage) >= 4);
    wait_until("both timers", Duration::from_secs(20), || texts(&stage.kafka.read_all(&stage.output)) == expected);

    // One on the wall clock needs no event.
    let now = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).expect("a clock").as_millis() as i64;
    send(&format!("#soon={}", now + 1_500), 9_000);
    wait_until("the third", LONG, || {
        let outputs = stage.kafka.read_all(&stage.output);
        outputs.last().is_some_and(|last| last.text().starts_with("soon at"))
    });
    assert_eq!(host.sigterm().code(), Some(0));
}

#[test]
fn the_same_events_in_batches_of_any_size_leave_the_same() {
    let _turn = turn();
    let events: Vec<Record> = (0..400)
        .map(|number| {
            // A timestamp of 0 would be the time of sending.
            let at = 1 + number * 700;
            let value = match number % 5 {
                0 => format!("k{}+1, ~k{}+1", number % 7, number % 3),
                1 => format!("@t{}={}", number % 4, at + 900),
                2 => format!("~k{}?, k1+1, time", number % 3),
                3 => "*k..l, *~k..l".into(),
                _ => "k2+1, fail".to_owned(),
            };
            Record::new(value).timestamp(at)
        })
        .collect();
    let seen = [1, 7, 500].map(|max_batch| {
        let stage = Stage::new("batches", 1);
        stage.kafka.produce(&stage.input, &events);
        let mut host = stage.plugin("p", "memo", &format!("max-batch = {max_batch}"), "").start();
        stage.wait_until_done("p");
        let outputs = stage.kafka.read_all(&stage.output);
        assert_eq!(host.sigterm().code(), Some(0));
        texts(&outputs).join("\n")
    });
    assert!(seen[0].lines().count() > 200 && seen[0].contains("at "), "{}", seen[0]);
    assert_eq!(seen[0], seen[1]);
    assert_eq!(seen[0], seen[2]);
}

#[test]
fn a_plugin_that_is_reset_counts_from_the_beginning() {
    let _turn = turn();
    let stage = Stage::new("reset", 2);
    stage.kafka.produce(&stage.input, &["a+1", "a+1", "b+5"].map(|value| Record::new(value).key("k")));
    let mut host = stage.plugin("p", "memo", "", "").start();
    stage.wait_until_done("p");
    let config = host.folder().join("wasmill.toml");
    let reset = |options: &[&str]| {
        let mut command = wasmill_tests::wasmill();
        let output = command.args(["reset", "p"]).args(options).arg("--config").arg(&config).output().expect("it runs");
        let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
        (output.status.code(), text(&output.stdout), text(&output.stderr))
    };
    let (code, _, said) = reset(&["--yes"]);
    assert!(code == Some(1) && said.contains("stop the host first"), "{code:?}: {said}");

    assert_eq!(host.sigterm().code(), Some(0));
    let changelog = format!("{}-changelog", stage.group("p"));
    let (code, plan, _) = reset(&["--dry-run"]);
    assert!(code == Some(0) && plan.contains(&changelog) && plan.contains("Nothing was changed"), "{code:?}: {plan}");
    assert_eq!(stage.kafka.partitions(&changelog), Some(2));
    let (code, _, said) = reset(&[]);
    assert!(code == Some(1) && said.contains("--yes"), "{code:?}: {said}");
    let (code, plan, said) = reset(&["--to", "earliest", "--yes"]);
    assert!(code == Some(0) && plan.contains("Done."), "{code:?}: {plan}{said}");
    assert_eq!(stage.kafka.partitions(&changelog), None);

    host.start();
    stage.wait_until_done("p");
    wait_until("all of it again", LONG, || {
        texts(&stage.kafka.read_all(&stage.output)).iter().filter(|sum| **sum == "5").count() == 2
    });
    let mut sums: Vec<String> = texts(&stage.kafka.read_all(&stage.output)).into_iter().map(str::to_owned).collect();
    sums.sort();
    assert_eq!(sums, ["1", "1", "2", "2", "5", "5"]);
    assert_eq!(host.sigterm().code(), Some(0));
}

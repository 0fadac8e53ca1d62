//! The first outputs of a module, as others are told of them.

use super::{Bench, Command, Running, ZERO, lock, running};
use crate::worker::MOST_FIRST_OUTPUTS;
use std::sync::mpsc::channel;
use std::time::{Duration, Instant};

fn told(bench: &Bench, version: &str) -> Vec<String> {
    bench.status.first_outputs(version).into_iter().filter_map(|output| output.value).collect()
}

#[track_caller]
fn until_told(bench: &Bench, version: &str, expected: &[&str]) {
    let started = Instant::now();
    while told(bench, version) != expected {
        assert!(started.elapsed() < Duration::from_secs(10), "{:?} is not {expected:?}", told(bench, version));
        std::thread::sleep(Duration::from_millis(1));
    }
}

#[test]
fn a_handful_is_told_once_it_is_committed() {
    let bench = Bench::start(&["a", "reject", "b"], |world, _| world.held_back = true);
    bench.until("sent", |world| world.sent.len() == 3);
    std::thread::sleep(Duration::from_millis(20));
    assert_eq!(told(&bench, "1"), [""; 0], "it may yet be taken back");
    lock(&bench.world).held_back = false;
    until_told(&bench, "1", &["a", "b"]);
    lock(&bench.world).log.get_mut(&ZERO).unwrap().extend(["c"; 10]);
    bench.until_committed(ZERO, 13);
    until_told(&bench, "1", &["a", "b", "c", "c", "c"]);
    assert_eq!(told(&bench, "1").len(), MOST_FIRST_OUTPUTS);
    bench.stop();
}

#[test]
fn what_was_taken_back_and_came_again_is_told_once() {
    let bench = Bench::start(&["a", "b", "bad time", "c"], |world, _| world.poisonous = vec!["bad time"]);
    bench.until_committed(ZERO, 4);
    until_told(&bench, "1", &["a", "b", "c"]);
    bench.stop();
}

#[test]
fn a_module_that_takes_over_begins_anew() {
    let bench = Bench::start(&["a"], |_, _| {});
    bench.until_committed(ZERO, 1);
    until_told(&bench, "1", &["a"]);
    let next = Running { version: "2".into(), ..running(&bench.world, "new ") };
    let (done, swapped) = channel();
    let swap = Command::Swap { running: next, swapped: Box::new(move |_, _| done.send(()).unwrap()) };
    bench.commands.send(swap).unwrap();
    swapped.recv().unwrap();
    lock(&bench.world).log.get_mut(&ZERO).unwrap().push("b");
    until_told(&bench, "2", &["new b"]);
    assert_eq!(told(&bench, "1"), [""; 0]);
    bench.stop();
}

#[test]
fn of_a_sink_that_waits_for_the_commit_the_last_output_is_told() {
    let bench = Bench::with_sink(true, &["a", "b", "c"], |_, _| {});
    bench.until_committed(ZERO, 3);
    until_told(&bench, "1", &["c"]);
    bench.stop();
}

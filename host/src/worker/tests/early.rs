//! What happens while a commit is waited for.

use super::*;

/// A worker that has sent its first event, whose commit waits for the acknowledgement, and to which more come meanwhile.
fn waiting(more: impl IntoIterator<Item = &'static str>) -> Bench {
    let bench = Bench::start(&["a"], |world, _| world.held_back = true);
    bench.until("waiting", |world| world.hurried);
    lock(&bench.world).log.get_mut(&ZERO).unwrap().extend(more);
    bench
}

#[test]
fn events_are_taken_in_while_a_commit_waits_and_handled_only_after_it() {
    let bench = waiting(["b", "c"]);
    bench.until("taken in", |world| world.next[&ZERO] == 3);
    {
        let mut world = lock(&bench.world);
        assert_eq!((world.calls.len(), world.committed.get(&ZERO)), (1, None));
        world.held_back = false;
    }
    bench.until_committed(ZERO, 3);
    assert_eq!(values(&lock(&bench.stop()), 0), ["a", "b", "c"]);
}

#[test]
fn they_are_taken_in_while_the_group_is_waited_for() {
    let bench = Bench::start(&["a"], |world, config| {
        (world.silent, config.delivery) = (true, Delivery::AtLeastOnce);
    });
    bench.until("waiting", |world| world.group_asked.is_some());
    lock(&bench.world).log.get_mut(&ZERO).unwrap().extend(["b", "c"]);
    bench.until("taken in", |world| world.next[&ZERO] == 3);
    lock(&bench.world).silent = false;
    bench.until_committed(ZERO, 3);
    assert_eq!(values(&lock(&bench.stop()), 0), ["a", "b", "c"]);
}

#[test]
fn so_many_are_taken_in_and_no_more() {
    let bench = waiting(std::iter::repeat_n("b", 50_000));
    bench.until("taken in", |world| world.next[&ZERO] > 8_000);
    std::thread::sleep(Duration::from_millis(20));
    {
        let mut world = lock(&bench.world);
        assert!(world.next[&ZERO] <= 8_501, "{}", world.next[&ZERO]);
        world.held_back = false;
    }
    bench.until_committed(ZERO, 50_001);
    assert_eq!(lock(&bench.stop()).sent.len(), 50_001);
}

#[test]
fn a_revocation_waits_until_the_commit_is_over() {
    let bench = waiting(["b"]);
    bench.until("taken in", |world| world.next[&ZERO] == 2);
    lock(&bench.world).rebalances.push_back(Rebalance::Revoked(vec![ZERO]));
    bench.until("told", |world| world.rebalances.is_empty());
    std::thread::sleep(Duration::from_millis(20));
    assert!(lock(&bench.world).next.contains_key(&ZERO), "it was given up before what it did was committed");
    lock(&bench.world).held_back = false;
    bench.until("given up", |world| !world.next.contains_key(&ZERO));
    let world = bench.stop();
    let world = lock(&world);
    // What was taken in and not handled is its next owner's.
    assert_eq!((values(&world, 0), world.committed[&ZERO]), (vec!["a"], 1));
}

#[test]
fn slow_events_that_wait_hold_up_neither_a_rebalance_nor_a_stop() {
    // Fifty seconds of work.
    let bench = Bench::start(&["a"; 10_000], |world, _| world.slow = Duration::from_millis(5));
    bench.until("several commits", |world| world.committed.get(&ZERO).is_some_and(|offset| *offset > 20));
    lock(&bench.world).rebalances.push_back(Rebalance::Revoked(vec![ZERO]));
    bench.until("given up", |world| !world.next.contains_key(&ZERO));
    lock(&bench.world).rebalances.push_back(Rebalance::Assigned(vec![ZERO]));
    bench.until("back", |world| world.next.get(&ZERO).is_some_and(|next| *next as i64 > world.committed[&ZERO]));
    let began = Instant::now();
    let world = bench.stop();
    assert!(began.elapsed() < Duration::from_secs(2), "{:?}", began.elapsed());
    assert!(lock(&world).sent.len() < 5_000);
}

#[test]
fn a_refusal_while_brokers_are_silent_does_not_ask_for_more() {
    let mut bench = Bench::uncommitted("poison", |world| {
        (world.silent, world.held_back, world.poisonous) = (true, true, vec!["poison"]);
    });
    // The fake refuses to abort while it has not told what became of the offsets.
    bench.tell_to_stop(Duration::from_millis(200));
    bench.until("waiting", |world| world.hurried);
    lock(&bench.world).held_back = false;
    let why = bench.broken();
    assert!(why.contains("have still not answered a commit"), "{why}");
}

#[test]
fn a_rebalance_that_nobody_acts_on_any_more_is_answered() {
    for rebalance in [Rebalance::Lost(vec![ZERO]), Rebalance::Assigned(vec![ONE])] {
        let mut bench = waiting([]);
        lock(&bench.world).rebalances.push_back(rebalance);
        bench.until("told", |world| world.rebalances.is_empty());
        lock(&bench.world).broken = Some("fenced".into());
        // The fake refuses to be closed as long as the group waits.
        bench.broken();
        assert!(lock(&bench.world).closed);
    }
}

#[test]
fn a_revocation_whose_commit_breaks_is_answered() {
    let mut bench = Bench::uncommitted("a", |world| world.held_back = true);
    lock(&bench.world).rebalances.push_back(Rebalance::Revoked(vec![ZERO]));
    bench.until("waiting", |world| world.hurried);
    lock(&bench.world).broken = Some("fenced".into());
    bench.broken();
    assert!(lock(&bench.world).closed);
}

#[test]
fn what_came_in_during_a_commit_that_is_refused_comes_again_once_and_in_order() {
    let bench = waiting(["b", "c"]);
    bench.until("taken in", |world| world.next[&ZERO] == 3);
    {
        let mut world = lock(&bench.world);
        (world.held_back, world.commit_error) = (false, Some("illegal generation"));
    }
    bench.until("taken back", |world| world.aborts > 2);
    lock(&bench.world).commit_error = None;
    bench.until_committed(ZERO, 3);
    assert_eq!(values(&lock(&bench.stop()), 0), ["a", "b", "c"]);
}

#[test]
fn a_worker_that_must_stop_while_a_commit_is_not_answered_gives_up() {
    for delivery in [Delivery::ExactlyOnce, Delivery::AtLeastOnce] {
        let mut bench = Bench::start(&["a"], |world, config| {
            (world.silent, config.commit_interval, config.delivery) = (true, Duration::from_secs(60), delivery);
        });
        bench.until("sent", |world| world.sent.len() == 1);
        bench.tell_to_stop(Duration::from_millis(20));
        let why = bench.broken();
        assert!(why.contains("have still not answered a commit"), "{why}");
    }
}

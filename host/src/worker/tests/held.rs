//! A sink of which only the last output of each key goes out. All events have the same key.

use super::{Bench, ONE, ZERO, lock, values};
use crate::config::Delivery;
use crate::kafka::edge::Rebalance;
use std::time::Duration;

const LONG: Duration = Duration::from_secs(60);

#[test]
fn the_last_output_goes_out_with_the_commit() {
    for delivery in [Delivery::ExactlyOnce, Delivery::AtLeastOnce] {
        let bench = Bench::with_sink(true, &["a", "b", "reject", "c"], |_, config| {
            (config.commit_interval, config.delivery) = (LONG, delivery);
        });
        bench.until("handled", |world| world.calls.iter().flatten().count() == 4);
        assert_eq!(values(&lock(&bench.world), 0), [""; 0]);
        let world = bench.stop();
        let world = lock(&world);
        assert_eq!((values(&world, 0), values(&world, 1)), (vec!["c"], vec!["reject"]));
        assert_eq!(world.committed[&ZERO], 4);
    }
}

#[test]
fn each_commit_has_a_last_one() {
    let bench = Bench::with_sink(true, &["a"], |_, _| {});
    bench.until_committed(ZERO, 1);
    lock(&bench.world).log.get_mut(&ZERO).unwrap().push("b");
    bench.until_committed(ZERO, 2);
    assert_eq!(values(&lock(&bench.stop()), 0), ["a", "b"]);
}

#[test]
fn one_that_the_broker_refuses_is_the_failure_of_its_event_alone() {
    for delivery in [Delivery::ExactlyOnce, Delivery::AtLeastOnce] {
        for bad in ["bad time", "too large"] {
            let bench = Bench::with_sink(true, &["a", "b", bad], |world, config| {
                config.delivery = delivery;
                world.poisonous = vec!["bad time"];
            });
            bench.until_committed(ZERO, 3);
            let world = bench.stop();
            let world = lock(&world);
            assert_eq!(values(&world, 0).last(), Some(&"b"), "{delivery:?} {bad}");
            assert_eq!(values(&world, 1).len(), 1, "{delivery:?} {bad}");
        }
    }
}

#[test]
fn what_a_lost_partition_caused_does_not_go_out() {
    let bench = Bench::with_sink(true, &["a"], |world, config| {
        config.commit_interval = LONG;
        world.log.insert(ONE, vec!["b"]);
        world.rebalances.push_back(Rebalance::Assigned(vec![ONE]));
    });
    bench.until("handled", |world| world.calls.iter().flatten().count() == 2);
    lock(&bench.world).rebalances.push_back(Rebalance::Lost(vec![ZERO]));
    bench.until("given up", |world| world.next.len() == 1);
    assert_eq!(values(&lock(&bench.stop()), 0), ["b"]);
}

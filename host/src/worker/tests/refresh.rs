use super::*;

/// Handles one event a call, and lets the next one come when the world says so.
fn config(config: &mut PluginConfig) {
    config.limits.memory = 1000;
    config.limits.refresh_percent = 50;
}

#[test]
fn an_instance_that_has_grown_is_replaced_between_two_commits() {
    let bench = Bench::start(&["a"; 60], |world, plugin| {
        config(plugin);
        world.memory = (0, 10);
    });
    bench.until_committed(ZERO, 60);
    bench.until("replaced", |world| world.instances == 2);
    // The fresh one has seen no event, and is left alone.
    lock(&bench.world).log.get_mut(&ZERO).unwrap().extend(["b"; 3]);
    bench.until_committed(ZERO, 63);
    let world = bench.stop();
    let world = lock(&world);
    assert_eq!(world.instances, 2);
    assert_eq!(values(&world, 0).len(), 63, "nothing is lost, and nothing comes twice");
}

#[test]
fn an_instance_that_is_large_from_its_start_on_is_not_replaced_again_and_again() {
    let bench = Bench::start(&["a"; 5], |world, plugin| {
        config(plugin);
        world.memory = (600, 1);
    });
    bench.until_committed(ZERO, 5);
    bench.until("tried", |world| world.instances == 2);
    std::thread::sleep(Duration::from_millis(700));
    assert_eq!(lock(&bench.stop()).instances, 2);
}

#[test]
fn below_its_bound_an_instance_is_left_alone() {
    let bench = Bench::start(&["a"; 40], |world, plugin| {
        config(plugin);
        world.memory = (100, 10);
    });
    bench.until_committed(ZERO, 40);
    std::thread::sleep(Duration::from_millis(50));
    assert_eq!(lock(&bench.stop()).instances, 1);
}

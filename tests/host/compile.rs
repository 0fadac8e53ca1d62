//! A large module comes for the first time, and is compiled for seconds: the log says so, and the events of others go on.

use crate::load::{Load, account};
use crate::stage::{Stage, plugin_toml};
use std::time::{Duration, Instant};
use wasmill_tests::{LONG, module_bytes, turn, wait_until};

/// Functions of a module that takes seconds to compile, on one thread of a fast machine.
const FUNCTIONS: u32 = 1_500;

/// Steps of each.
const STEPS: u32 = 400;

/// No longer may the other plugin stand still. It commits ten times a second, and a machine that runs tests has more to do.
const STANDSTILL: Duration = Duration::from_secs(1);

#[test]
fn the_events_of_others_go_on_while_a_large_module_is_compiled_for_the_first_time() {
    let _turn = turn();
    let stage = Stage::new("compile", 2);
    let idle = [stage.kafka.topic("compile-idle-in", 2), stage.kafka.topic("compile-idle-out", 2)];
    let host = stage.plugin("p", "chaos", "", "").start();
    let load = Load::start(&stage.input);
    host.wait_for_tasks("p", 2);
    let events = || host.plugin("p").expect("the plugin")["events"].as_u64().expect("a count");
    wait_until("the first events", LONG, || events() > 0);

    host.drop_file("large.toml", plugin_toml("", &idle[0], &idle[1], "").as_bytes());
    host.drop_file("large.wasm", &large(&module_bytes("chaos")));
    host.wait_for_line(&["large compiling", "MB"]);
    let began = Instant::now();
    let (first, mut seen, mut moved, mut longest) = (events(), events(), Instant::now(), Duration::ZERO);
    while !host.log().contains("large compiled in") {
        assert!(began.elapsed() < LONG, "{}", host.log());
        std::thread::sleep(Duration::from_millis(20));
        let now = events();
        if now > seen {
            (seen, moved) = (now, Instant::now());
        }
        longest = longest.max(moved.elapsed());
    }
    let took = began.elapsed();
    println!("{} events in {took:?}, and never more than {longest:?} without one", seen - first);
    assert!(took > Duration::from_secs(2), "{took:?} say nothing: make it larger");
    assert!(longest < STANDSTILL, "nothing went on for {longest:?} of {took:?}");

    host.wait_for_tasks("large", 2);
    let written = load.stop();
    stage.wait_until_done("p");
    let outputs = stage.kafka.read_all(&stage.output);
    assert_eq!(account(written, &outputs, &stage.dead_letters("p")).duplicates, 0);
}

/// A component with one more core module in it, which nobody instantiates and which is compiled all the same.
fn large(component: &[u8]) -> Vec<u8> {
    let section = |id: u8, content: &[u8]| [&[id][..], &leb(content.len() as u32), content].concat();
    // One type: (i64) -> i64.
    let types = section(1, &[1, 0x60, 1, 0x7e, 1, 0x7e]);
    let functions = [leb(FUNCTIONS), vec![0; FUNCTIONS as usize]].concat();
    let bodies: Vec<u8> = (0..FUNCTIONS).flat_map(|number| sized(body(number))).collect();
    let code = [leb(FUNCTIONS), bodies].concat();
    let module = [b"\0asm\x01\0\0\0".to_vec(), types, section(3, &functions), section(10, &code)].concat();
    [component, &section(1, &module)].concat()
}

/// Multiplies and rotates its argument with other numbers than the next one does, so that there is nothing to fold.
fn body(number: u32) -> Vec<u8> {
    const GET: [u8; 2] = [0x20, 0];
    const CONST: u8 = 0x42;
    const STEP: [u8; 5] = [0x7e, 0x20, 0, 0x85, 0x89];
    let mut code = vec![0];
    code.extend(GET);
    for step in 0..STEPS {
        code.extend(GET);
        code.push(CONST);
        // Numbers below 64 are their own encoding.
        code.push(((number + step) % 63) as u8 + 1);
        code.extend(STEP);
    }
    code.push(0x0b);
    code
}

fn sized(body: Vec<u8>) -> Vec<u8> {
    [leb(body.len() as u32), body].concat()
}

fn leb(mut number: u32) -> Vec<u8> {
    let mut bytes = Vec::new();
    while number >= 0x80 {
        bytes.push(number as u8 | 0x80);
        number >>= 7;
    }
    bytes.push(number as u8);
    bytes
}

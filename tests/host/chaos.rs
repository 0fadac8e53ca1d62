//! Faults under load, and after each of them the proof that everything counted once: `wasmill_tests::invariants`.

mod evidence;
mod fault;
mod load;
mod random;
mod run;

use fault::{FAILPOINTS, Fault};
use run::Chaos;
use std::time::{Duration, SystemTime, UNIX_EPOCH};
use wasmill_tests::turn;

/// What `cargo xtask chaos` puts into the environment.
const SEED: &str = "WASMILL_CHAOS_SEED";
const SECONDS: &str = "WASMILL_CHAOS_SECONDS";

/// Long enough for a few faults; `cargo xtask chaos` takes its time.
const SHORT: Duration = Duration::from_secs(60);

fn told(variable: &str) -> Option<u64> {
    let text = std::env::var(variable).ok()?;
    Some(text.parse().unwrap_or_else(|_| panic!("{variable}={text} is no number")))
}

#[test]
fn whatever_happens_every_event_counts_once() {
    let _turn = turn();
    let now = SystemTime::now().duration_since(UNIX_EPOCH).expect("a clock after 1970");
    let seed = told(SEED).unwrap_or(now.as_millis() as u64);
    let time = told(SECONDS).map_or(SHORT, Duration::from_secs);
    let mut chaos = Chaos::start(seed, 2);
    while chaos.time() < time {
        chaos.next();
    }
    chaos.end();
}

#[test]
fn a_host_may_die_at_any_step_of_a_commit() {
    let _turn = turn();
    let mut chaos = Chaos::start(1, 1);
    for (number, failpoint) in FAILPOINTS.into_iter().enumerate() {
        chaos.suffer(&Fault::KillAt { host: 0, failpoint, times: 2 + number as u64 });
    }
    chaos.end();
}

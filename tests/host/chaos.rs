//! Faults under load, and after each of them the proof that everything counted once: `wasmill_tests::invariants`.

mod evidence;
mod fault;
mod load;
mod random;
mod rig;
mod run;
mod stores;

use fault::{FAILPOINTS, Fault};
use random::Random;
use rig::Rig;
use run::Chaos;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};
use wasmill_tests::turn;

/// What `cargo xtask chaos` puts into the environment.
const SEED: &str = "WASMILL_CHAOS_SEED";
const SECONDS: &str = "WASMILL_CHAOS_SECONDS";

fn told(variable: &str) -> Option<u64> {
    let text = std::env::var(variable).ok()?;
    Some(text.parse().unwrap_or_else(|_| panic!("{variable}={text} is no number")))
}

/// Every kind of fault once, in random order; `cargo xtask chaos` takes its time, and goes on with other hosts.
#[test]
fn whatever_happens_every_event_counts_once() {
    let _turn = turn();
    let now = SystemTime::now().duration_since(UNIX_EPOCH).expect("a clock after 1970");
    let seed = told(SEED).unwrap_or(now.as_millis() as u64);
    println!("chaos: seed {seed}; again with `cargo xtask chaos --seed {seed}`");
    let mut random = Random(seed);
    let Some(seconds) = told(SECONDS) else { return Chaos::start(Rig::TWO_HOSTS, random.next()).run(None) };
    let until = Instant::now() + Duration::from_secs(seconds);
    for rig in Rig::all(&mut random) {
        Chaos::start(rig, random.next()).run(Some(until));
        if Instant::now() >= until {
            break;
        }
    }
}

#[test]
fn a_host_may_die_at_any_step_of_a_commit() {
    let _turn = turn();
    let mut chaos = Chaos::start(Rig::ONE_HOST, 1);
    for (number, failpoint) in FAILPOINTS.into_iter().enumerate() {
        chaos.suffer(&Fault::KillAt { host: 0, failpoint, times: 2 + number as u64 });
    }
    chaos.end();
}

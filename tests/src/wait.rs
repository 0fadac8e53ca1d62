//! Waiting for what cannot be awaited, with a bound.

use std::time::{Duration, Instant};

/// Longer than anything takes that works, on a machine that is busy with something else: a member of a group may have to wait
/// for the session of another that is gone (45 s), and for a broker that has come back.
pub const LONG: Duration = Duration::from_secs(180);

const LOOK_EVERY: Duration = Duration::from_millis(20);

/// Looks until there is something, and gives it. Panics after `within`, naming what was waited for.
pub fn wait<T>(what: &str, within: Duration, mut look: impl FnMut() -> Option<T>) -> T {
    let deadline = Instant::now() + within;
    loop {
        if let Some(found) = look() {
            return found;
        }
        assert!(Instant::now() < deadline, "waited {within:?} in vain for {what}");
        std::thread::sleep(LOOK_EVERY);
    }
}

/// The same, for something that becomes true.
pub fn wait_until(what: &str, within: Duration, mut look: impl FnMut() -> bool) {
    wait(what, within, || look().then_some(()));
}

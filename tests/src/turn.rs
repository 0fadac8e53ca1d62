//! Heavy tests take turns: two loads at once on a small machine measure each other.

use std::sync::{Condvar, Mutex, PoisonError};

/// A host, its broker and a producer keep two cores busy.
const CORES_OF_A_TURN: usize = 2;

static TAKEN: Mutex<usize> = Mutex::new(0);
static GIVEN_BACK: Condvar = Condvar::new();

/// Given back when dropped.
pub struct Turn(());

/// Waits for its turn. Take it once, at the beginning of a test: two in one test may wait for each other.
pub fn turn() -> Turn {
    let at_once = std::thread::available_parallelism().map_or(1, |cores| (cores.get() / CORES_OF_A_TURN).max(1));
    let taken = TAKEN.lock().unwrap_or_else(PoisonError::into_inner);
    let mut taken = GIVEN_BACK.wait_while(taken, |taken| *taken >= at_once).unwrap_or_else(PoisonError::into_inner);
    *taken += 1;
    Turn(())
}

impl Drop for Turn {
    fn drop(&mut self) {
        *TAKEN.lock().unwrap_or_else(PoisonError::into_inner) -= 1;
        GIVEN_BACK.notify_one();
    }
}

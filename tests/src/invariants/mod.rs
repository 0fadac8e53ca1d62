//! What must be true of any run of the fixture `ledger`, whatever happened to hosts and brokers: the invariants of "exactly
//! once", checked against what was written, read, asked for and sampled. Data in, what is broken out; nothing here talks to a
//! broker. Each invariant has a test with a planted fault that it must find.

mod aborted;
mod effects;
mod evidence;
mod history;
mod offsets;
mod oracle;
mod order;
mod owners;
mod stable;
mod stores;
#[cfg(test)]
mod testing;
mod timers;

pub use evidence::Broken;
pub use history::{Ends, Entry, History, Input, Offset, Output, What};

use std::time::Duration;

/// All that is broken. `patience` is how long a transaction may keep readers waiting.
pub fn broken(history: &History, patience: Duration) -> Vec<Broken> {
    let found = [
        effects::once(history),
        order::per_key(history),
        stores::told(history),
        stores::agree(history),
        offsets::never_go_back(history),
        aborted::never_read(history),
        stores::money_is_conserved(history),
        timers::once(history),
        owners::one_a_task(history),
        stable::moves(history, patience),
        stores::rebuilt(history),
    ];
    found.into_iter().flatten().collect()
}

#[cfg(test)]
mod tests {
    use super::testing::{broken_names, clean};

    #[test]
    fn nothing_is_broken_in_a_clean_history() {
        let history = clean();
        assert!(history.outputs.len() > 50 && history.inputs.iter().any(|input| input.timer));
        assert!(history.inputs.iter().any(|input| input.fails));
        assert_eq!(broken_names(&history), [""; 0]);
    }
}

//! Named points at which a test may have the process killed, or something fail. Only with the feature `failpoints`, which
//! whole-host tests are built with and nothing else: without it [`reached`] is empty.

/// What a test kills at, in the order of a commit: outputs are sent, the changelog is sent, nothing is in flight any more,
/// the offsets are in the transaction (which is asked for first, and answered at any time), the transaction is committed, the
/// state is, and that is on disk.
pub const ALL: [&str; 7] =
    ["after-outputs", "after-changelog", "after-drain", "after-offsets", "after-commit", "after-state", "after-disk"];

/// What a test has fail: a batch of entries is not written, as if the disk were full.
pub const FAULTS: [&str; 1] = ["disk-error"];

#[cfg(all(feature = "failpoints", not(debug_assertions)))]
compile_error!("failpoints kill the host: a release build must not have them");

/// Whether what is about to be done has to fail: once, at the N-th time that it is asked for, with `WASMILL_FAILPOINT=NAME:N` in
/// the environment.
#[cfg(not(feature = "failpoints"))]
#[inline(always)]
pub fn fails(_: &str) -> bool {
    false
}

/// A point of this name is reached. With `WASMILL_FAILPOINT=NAME:N` in the environment the process dies (SIGKILL) at the
/// N-th time.
#[cfg(not(feature = "failpoints"))]
#[inline(always)]
pub fn reached(_: &str) {}

#[cfg(feature = "failpoints")]
pub use armed::{fails, reached};

#[cfg(feature = "failpoints")]
mod armed {
    use std::sync::LazyLock;
    use std::sync::atomic::{AtomicU64, Ordering};

    static ARMED: LazyLock<Option<Failpoint>> = LazyLock::new(|| {
        let text = std::env::var("WASMILL_FAILPOINT").ok()?;
        Some(Failpoint::parse(&text).unwrap_or_else(|| panic!("WASMILL_FAILPOINT={text} is not NAME:N")))
    });

    struct Failpoint {
        name: String,
        left: AtomicU64,
    }

    impl Failpoint {
        fn parse(text: &str) -> Option<Self> {
            let (name, times) = text.split_once(':')?;
            let times: u64 = times.parse().ok().filter(|times| *times > 0)?;
            let is_known = super::ALL.contains(&name) || super::FAULTS.contains(&name);
            is_known.then(|| Failpoint { name: name.to_owned(), left: AtomicU64::new(times) })
        }

        fn is_due(&self, name: &str) -> bool {
            self.name == name && self.left.fetch_sub(1, Ordering::Relaxed) == 1
        }
    }

    /// See the one without the feature.
    pub fn reached(name: &str) {
        debug_assert!(super::ALL.contains(&name), "{name} is not among the failpoints");
        if ARMED.as_ref().is_some_and(|failpoint| failpoint.is_due(name)) {
            kill();
        }
    }

    /// See the one without the feature.
    pub fn fails(name: &str) -> bool {
        debug_assert!(super::FAULTS.contains(&name), "{name} is not among the faults");
        ARMED.as_ref().is_some_and(|failpoint| failpoint.is_due(name))
    }

    #[allow(unsafe_code)]
    fn kill() -> ! {
        // SAFETY: no memory is involved. Nothing is flushed or dropped, as when the machine loses power.
        unsafe { libc::kill(libc::getpid(), libc::SIGKILL) };
        loop {
            std::thread::park();
        }
    }

    #[cfg(test)]
    mod tests {
        use super::*;

        #[test]
        fn a_failpoint_is_due_once_at_the_time_that_was_asked_for() {
            let failpoint = Failpoint::parse("after-drain:2").unwrap();
            let due: Vec<bool> =
                ["after-drain", "after-commit", "after-drain", "after-drain"].map(|name| failpoint.is_due(name)).into();
            assert_eq!(due, [false, false, true, false]);
        }

        #[test]
        fn an_unknown_name_and_a_count_that_never_comes_are_refused() {
            for text in ["after-all:1", "after-drain", "after-drain:0", "after-drain:soon"] {
                assert!(Failpoint::parse(text).is_none(), "{text}");
            }
        }
    }
}

//! What may happen.

use super::random::Random;

/// As in the host's `failpoint.rs`.
pub const FAILPOINTS: [&str; 7] =
    ["after-outputs", "after-changelog", "after-drain", "after-offsets", "after-commit", "after-state", "after-disk"];

#[derive(Debug, Clone)]
pub enum Fault {
    /// Killed in the middle of a commit.
    KillAt { host: usize, failpoint: &'static str, times: u64 },
    /// Killed at any moment.
    Kill { host: usize },
    /// It stands still until others have taken over and its transaction has timed out, and then goes on.
    Zombie { host: usize },
    /// Ends cleanly, and comes back.
    RestartBroker,
    /// No broker answers until every time-out is over.
    FreezeBroker,
    /// All hosts, one after the other.
    RollingRestart,
    /// From two hosts to three, to one, to two.
    Scale,
    /// Another build of the module, on all hosts.
    Reload,
    /// Events that panic, that never end, and whose outputs are refused.
    Poison,
    /// Killed, and its disk is lost.
    DeleteStores { host: usize },
    /// Killed, and some bytes of a file of its stores are others.
    TearStores { host: usize },
}

impl Fault {
    /// Every fault once, in random order.
    pub fn all(random: &mut Random, hosts: usize) -> Vec<Fault> {
        let mut host = || random.below(hosts);
        let mut all = vec![
            Fault::Kill { host: host() },
            Fault::Zombie { host: host() },
            Fault::RestartBroker,
            Fault::FreezeBroker,
            Fault::RollingRestart,
            Fault::Scale,
            Fault::Reload,
            Fault::Poison,
            Fault::DeleteStores { host: host() },
            Fault::TearStores { host: host() },
        ];
        for failpoint in FAILPOINTS {
            let (host, times) = (random.below(hosts), 1 + random.next() % 20);
            all.push(Fault::KillAt { host, failpoint, times });
        }
        random.shuffle(&mut all);
        all
    }
}

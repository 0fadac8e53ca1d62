//! What may happen.

use super::random::Random;

/// Where a host may be killed: as in its `failpoint.rs`.
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
    /// The same while timers on the wall clock fire and nothing else happens: no offset of a transaction moves.
    ZombieOnTimers { host: usize },
    /// One of two ends cleanly, and comes back.
    RestartBroker,
    /// One of two is killed, and comes back.
    KillBroker,
    /// One of two stands still until every time-out is over.
    FreezeBroker,
    /// No host reaches the brokers until every time-out is over; they go on, end their transactions and forget them.
    CutOff,
    /// Three hosts, one after the other.
    RollingRestart,
    /// From one host to three, and to one again.
    Scale,
    /// Another build of the module, on all hosts.
    Reload,
    /// Events that panic, that never end, and whose outputs are refused.
    Poison,
    /// The disk takes no more while the host works.
    DiskError { host: usize, times: u64 },
    /// Killed, and its disk is lost.
    DeleteStores { host: usize },
    /// Killed, and some bytes of a file of its stores are others.
    TearStores { host: usize },
}

/// Which faults a run has.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Deck {
    /// Every fault.
    All,
    /// Without the kills at each step of a commit, which have a test of their own.
    Short,
}

impl Deck {
    /// Each fault once, in random order.
    pub fn shuffled(self, random: &mut Random, hosts: usize) -> Vec<Fault> {
        let mut all = self.faults(random, hosts);
        random.shuffle(&mut all);
        all
    }

    fn faults(self, random: &mut Random, hosts: usize) -> Vec<Fault> {
        // The first batch is that of a task that is opened; then there are some a second.
        let times = 1 + random.next() % 4;
        let mut host = || random.below(hosts);
        let mut all = vec![
            Fault::Kill { host: host() },
            Fault::Zombie { host: host() },
            Fault::ZombieOnTimers { host: host() },
            Fault::RestartBroker,
            Fault::KillBroker,
            Fault::FreezeBroker,
            Fault::CutOff,
            Fault::RollingRestart,
            Fault::Scale,
            Fault::Reload,
            Fault::Poison,
            Fault::DiskError { host: host(), times },
            Fault::DeleteStores { host: host() },
            Fault::TearStores { host: host() },
        ];
        if self == Deck::All {
            for failpoint in FAILPOINTS {
                let (host, times) = (random.below(hosts), 1 + random.next() % 20);
                all.push(Fault::KillAt { host, failpoint, times });
            }
        }
        all
    }
}

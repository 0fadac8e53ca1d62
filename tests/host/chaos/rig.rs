//! What a run is set up with.

use super::fault::Deck;
use super::random::Random;
use std::time::Duration;

/// Short, so that a run has many faults: memberships end soon after their owner has.
const SHORT_SESSION: Duration = Duration::from_secs(3);

/// The host's own.
const SHORT_TRANSACTION: Duration = Duration::from_secs(10);

/// The broker's round, and a busy machine.
const MORE_PATIENCE: Duration = Duration::from_secs(10);

/// So many hosts of so many workers, one more that joins at times, and the faults that happen to them.
#[derive(Debug, Clone, Copy)]
pub struct Rig {
    pub hosts: usize,
    pub workers: usize,
    /// Of the topics: at least one for each worker.
    pub partitions: i32,
    pub deck: Deck,
    /// How long a member may be silent.
    pub session: Duration,
    /// The time-out of a transaction.
    pub transaction: Duration,
}

impl Rig {
    pub const ONE_HOST: Rig = Rig { hosts: 1, ..Rig::TWO_HOSTS };

    pub const TWO_HOSTS: Rig = Rig {
        hosts: 2,
        workers: 1,
        partitions: 4,
        deck: Deck::Short,
        session: SHORT_SESSION,
        transaction: SHORT_TRANSACTION,
    };

    pub const TWO_WORKERS_EACH: Rig = Rig { workers: 2, partitions: 8, ..Rig::TWO_HOSTS };

    /// What a long run goes through, again and again, from any of them on.
    pub fn all(random: &mut Random) -> impl Iterator<Item = Rig> + use<> {
        let every = |rig: Rig| Rig { deck: Deck::All, ..rig };
        let all = [every(Rig::TWO_HOSTS), every(Rig::TWO_WORKERS_EACH)];
        let first = random.below(all.len());
        all.into_iter().cycle().skip(first)
    }

    /// Tables of `wasmill.toml`.
    pub fn config(self) -> String {
        format!(
            "[kafka.consumer]\n'session.timeout.ms' = {}\n'heartbeat.interval.ms' = 500\n\
             [kafka.producer]\n'transaction.timeout.ms' = {}",
            self.session.as_millis(),
            self.transaction.as_millis()
        )
    }

    /// A transaction may keep readers waiting for so long.
    pub fn patience(self) -> Duration {
        self.transaction + MORE_PATIENCE
    }
}

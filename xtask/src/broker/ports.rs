//! Free ports for a broker.

use anyhow::{Context, Result};
use std::hash::{BuildHasher, RandomState};
use std::net::{Ipv4Addr, TcpListener};

/// Below the range that systems take outgoing connections' ports from: a port that is free stays so until the broker
/// has bound it, whatever is being connected meanwhile.
const RANGE: std::ops::Range<u16> = 15_000..30_000;

/// More ports than anything occupies.
const TRIES: usize = 1_000;

/// Two different ones that nothing listens on.
pub fn free_pair() -> Result<(u16, u16)> {
    let first = free()?;
    // Held on to while the second is looked for, or it may be found twice.
    let _held = TcpListener::bind((Ipv4Addr::LOCALHOST, first));
    Ok((first, free()?))
}

/// Good enough to keep two tasks of one machine apart.
pub fn random() -> u64 {
    RandomState::new().hash_one(std::process::id())
}

fn free() -> Result<u16> {
    let width = u64::from(RANGE.end - RANGE.start);
    (0..TRIES)
        .filter_map(|_| u16::try_from(random() % width).ok())
        .map(|above| RANGE.start + above)
        .find(|port| TcpListener::bind((Ipv4Addr::LOCALHOST, *port)).is_ok())
        .context("no free port on 127.0.0.1")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_pair_is_two_ports_that_can_be_bound() {
        let (one, other) = free_pair().unwrap();

        assert_ne!(one, other);
        let _one = TcpListener::bind((Ipv4Addr::LOCALHOST, one)).unwrap();
        let _other = TcpListener::bind((Ipv4Addr::LOCALHOST, other)).unwrap();
    }
}

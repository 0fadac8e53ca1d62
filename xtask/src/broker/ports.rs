//! Free ports for a broker.

use anyhow::{Context, Result};
use std::hash::{BuildHasher, RandomState};
use std::net::{Ipv4Addr, TcpListener};

/// Below the range that systems take outgoing connections' ports from: a port that is free stays so until the broker
/// has bound it, whatever is being connected meanwhile.
const RANGE: std::ops::Range<u16> = 15_000..30_000;

/// More ports than anything occupies.
const TRIES: usize = 1_000;

/// Different ones that nothing listens on.
pub fn free<const N: usize>() -> Result<[u16; N]> {
    let mut ports = [0; N];
    // Held on to while the others are looked for, or one may be found twice.
    let mut held = Vec::with_capacity(N);
    for port in &mut ports {
        *port = free_one()?;
        held.push(TcpListener::bind((Ipv4Addr::LOCALHOST, *port)));
    }
    Ok(ports)
}

/// Good enough to keep two tasks of one machine apart.
pub fn random() -> u64 {
    RandomState::new().hash_one(std::process::id())
}

fn free_one() -> Result<u16> {
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
    fn ports_are_different_and_can_be_bound() {
        let ports = free::<3>().unwrap();

        let bound = ports.map(|port| TcpListener::bind((Ipv4Addr::LOCALHOST, port)));

        assert!(bound.iter().all(Result::is_ok), "{ports:?}");
    }
}

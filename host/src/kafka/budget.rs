//! Memory that all clients of the host share, so that it depends on the host's budget and not on how many plugins there are.

use std::sync::{Arc, Mutex, PoisonError};

/// No client gets less: below it the network is waited for all the time.
const LEAST: u64 = 1 << 20;

/// Bytes that clients divide among themselves.
#[derive(Debug)]
pub struct Budget {
    left: Mutex<u64>,
}

/// What one client may use; given back when it is dropped.
#[derive(Debug)]
pub struct Share {
    budget: Arc<Budget>,
    reserved: u64,
    bytes: u64,
}

impl Budget {
    /// A budget that nobody has a share of yet.
    pub fn new(bytes: u64) -> Arc<Self> {
        Arc::new(Budget { left: Mutex::new(bytes) })
    }

    /// A quarter of what is left, since more clients may come and librdkafka can't be told later to use less; at least
    /// [`LEAST`], even if that is more than there is.
    pub fn share(self: &Arc<Self>) -> Share {
        let mut left = self.left.lock().unwrap_or_else(PoisonError::into_inner);
        let bytes = (*left / 4).max(LEAST);
        let reserved = bytes.min(*left);
        *left -= reserved;
        Share { budget: self.clone(), reserved, bytes }
    }
}

impl Share {
    /// How many bytes it is.
    pub fn bytes(&self) -> u64 {
        self.bytes
    }
}

impl Drop for Share {
    fn drop(&mut self) {
        *self.budget.left.lock().unwrap_or_else(PoisonError::into_inner) += self.reserved;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn shares_together_stay_within_the_budget_and_come_back() {
        let budget = Budget::new(64 << 20);
        let shares: Vec<Share> = (0..8).map(|_| budget.share()).collect();
        assert_eq!(shares[0].bytes(), 16 << 20);
        assert!(shares.windows(2).all(|pair| pair[0].bytes() >= pair[1].bytes()));
        assert!(shares.iter().map(Share::bytes).sum::<u64>() <= 64 << 20);
        drop(shares);
        assert_eq!(budget.share().bytes(), 16 << 20);
    }

    #[test]
    fn however_many_there_are_each_has_enough_to_work_with() {
        let budget = Budget::new(2 << 20);
        let shares: Vec<Share> = (0..5).map(|_| budget.share()).collect();
        assert!(shares.iter().all(|share| share.bytes() == LEAST));
        drop(shares);
        assert_eq!(*budget.left.lock().unwrap(), 2 << 20);
    }
}

//! Memory that the caches of all stores of the host share, so that it depends on the budget and not on how many tasks there are.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};

/// No cache gets less: below it hardly anything would be found in it.
const LEAST: usize = 64 << 10;

/// Bytes that caches divide evenly among themselves.
#[derive(Debug)]
pub struct Budget {
    bytes: usize,
    caches: AtomicUsize,
}

/// One cache's part: less, the more there are.
#[derive(Debug)]
pub struct Share(Option<Arc<Budget>>);

impl Budget {
    /// A budget that no cache shares yet.
    pub fn new(bytes: usize) -> Arc<Self> {
        Arc::new(Budget { bytes, caches: AtomicUsize::new(0) })
    }

    /// One more cache.
    pub fn share(self: &Arc<Self>) -> Share {
        self.caches.fetch_add(1, Relaxed);
        Share(Some(self.clone()))
    }
}

impl Share {
    /// Of a store of the host's own, which is hardly read.
    pub fn least() -> Self {
        Share(None)
    }

    /// How many bytes it is now.
    pub fn bytes(&self) -> usize {
        let part = self.0.as_ref().map_or(0, |budget| budget.bytes / budget.caches.load(Relaxed).max(1));
        part.max(LEAST)
    }
}

impl Drop for Share {
    fn drop(&mut self) {
        if let Some(budget) = &self.0 {
            budget.caches.fetch_sub(1, Relaxed);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_more_caches_there_are_the_less_each_has() {
        let budget = Budget::new(1 << 20);
        let first = budget.share();
        assert_eq!(first.bytes(), 1 << 20);
        let second = budget.share();
        assert_eq!((first.bytes(), second.bytes()), (1 << 19, 1 << 19));
        drop(first);
        assert_eq!(second.bytes(), 1 << 20);
        let many: Vec<Share> = (0..100).map(|_| budget.share()).collect();
        assert_eq!((many[0].bytes(), Share::least().bytes()), (LEAST, LEAST));
    }
}

//! The same events, applied by a few lines that know nothing of partitions that move, transactions and disks.

use super::history::{Entry, History, Input};
use std::collections::BTreeMap;

/// What must have come of the events.
pub(super) struct Oracle {
    /// By event: the account's balance and count after it.
    pub(super) after: BTreeMap<u64, (i64, u64)>,
    /// All accounts at the end, sorted.
    pub(super) entries: Vec<Entry>,
}

impl Oracle {
    pub(super) fn of(history: &History) -> Self {
        let mut accounts: BTreeMap<(i32, &str), (i64, u64)> = BTreeMap::new();
        let mut after = BTreeMap::new();
        for input in in_order(history).into_iter().filter(|input| !input.fails) {
            for (account, amount) in [(input.account.as_str(), input.amount), ("bank", -input.amount)] {
                let (balance, count) = accounts.entry((input.partition, account)).or_default();
                *balance += amount;
                *count += 1;
            }
            after.insert(input.number, accounts[&(input.partition, input.account.as_str())]);
        }
        let entry = |((partition, account), (balance, count)): ((i32, &str), (i64, u64))| Entry {
            partition,
            account: account.to_owned(),
            balance,
            count,
        };
        Oracle { after, entries: accounts.into_iter().map(entry).collect() }
    }
}

/// The events as they stand in their partitions.
pub(super) fn in_order(history: &History) -> Vec<&Input> {
    let mut inputs: Vec<&Input> = history.inputs.iter().collect();
    inputs.sort_by_key(|input| (input.partition, input.offset));
    inputs
}

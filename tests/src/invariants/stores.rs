//! What outputs tell, the changelog, queries and a rebuilt store are what a simple program would have come to.

use super::evidence::{Broken, Evidence};
use super::history::{Entry, History, What};
use super::oracle::Oracle;
use std::collections::{BTreeMap, BTreeSet};

pub(super) const TOLD: &str = "an output tells what its account came to with its event";
pub(super) const AGREE: &str = "the store is what the events say, and so are the changelog and queries";
pub(super) const MONEY: &str = "money is conserved: the accounts of a partition are worth 0 together";
pub(super) const REBUILT: &str = "a rebuilt store has the entries of the one before";

pub(super) fn told(history: &History) -> Option<Broken> {
    let mut evidence = Evidence::against(TOLD);
    let oracle = Oracle::of(history);
    for output in &history.outputs {
        let What::Event(number) = output.what else { continue };
        let expected = oracle.after.get(&number);
        if expected.is_some_and(|expected| *expected != (output.balance, output.count)) {
            evidence.case(format!("{output:?} should tell {expected:?}"));
        }
    }
    evidence.broken()
}

pub(super) fn agree(history: &History) -> Option<Broken> {
    let mut evidence = Evidence::against(AGREE);
    let oracle = Oracle::of(history).entries;
    compare("the changelog", &history.changelog, &oracle, &mut evidence);
    compare("a query", &history.queried, &oracle, &mut evidence);
    evidence.broken()
}

pub(super) fn rebuilt(history: &History) -> Option<Broken> {
    let mut evidence = Evidence::against(REBUILT);
    if let Some(rebuilt) = &history.rebuilt {
        compare("the rebuilt store", rebuilt, &history.queried, &mut evidence);
    }
    evidence.broken()
}

fn compare(what: &str, found: &[Entry], expected: &[Entry], evidence: &mut Evidence) {
    let (all, wanted): (BTreeSet<&Entry>, BTreeSet<&Entry>) = (found.iter().collect(), expected.iter().collect());
    all.difference(&wanted).for_each(|entry| evidence.case(format!("{what} has {entry:?}, wrongly")));
    wanted.difference(&all).for_each(|entry| evidence.case(format!("{what} has no {entry:?}")));
    if all.len() != found.len() {
        evidence.case(format!("{what} has {} entries twice", found.len() - all.len()));
    }
}

pub(super) fn money_is_conserved(history: &History) -> Option<Broken> {
    let mut evidence = Evidence::against(MONEY);
    for (what, entries) in [("changelog", &history.changelog), ("query", &history.queried)] {
        let mut worth: BTreeMap<i32, i64> = BTreeMap::new();
        entries.iter().for_each(|entry| *worth.entry(entry.partition).or_default() += entry.balance);
        for (partition, worth) in worth.into_iter().filter(|(_, worth)| *worth != 0) {
            evidence.case(format!("{what}: the accounts of partition {partition} are worth {worth}"));
        }
    }
    evidence.broken()
}

#[cfg(test)]
mod tests {
    use super::super::testing::{broken_names, clean, first_event};
    use super::*;

    #[test]
    fn an_output_that_tells_an_old_balance_is_found() {
        let mut history = clean();
        let one = first_event(&history.outputs);
        history.outputs[one].balance -= 1;
        assert_eq!(broken_names(&history)[0], TOLD);
    }

    #[test]
    fn a_write_that_the_changelog_or_the_disk_misses_is_found() {
        let mut history = clean();
        history.changelog[0].count -= 1;
        assert_eq!(broken_names(&history), [AGREE]);
        history = clean();
        history.queried[0].count -= 1;
        assert_eq!(broken_names(&history), [AGREE, REBUILT]);
    }

    #[test]
    fn an_entry_that_two_hosts_have_is_found() {
        let mut history = clean();
        history.queried.push(Entry { balance: 0, ..history.queried[0].clone() });
        assert_eq!(broken_names(&history)[0], AGREE);
        history = clean();
        let twice = history.changelog.iter().find(|entry| entry.balance == 0).unwrap().clone();
        history.changelog.push(twice);
        assert_eq!(broken_names(&history), [AGREE]);
    }

    #[test]
    fn half_of_a_transfer_is_found() {
        let mut history = clean();
        history.queried[0].balance += 7;
        assert!(broken_names(&history).contains(&MONEY));
    }

    #[test]
    fn a_rebuilt_store_that_misses_an_entry_is_found() {
        let mut history = clean();
        history.rebuilt.as_mut().unwrap().pop();
        assert_eq!(broken_names(&history), [REBUILT]);
    }
}

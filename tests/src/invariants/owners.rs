//! One owner a task. An instance that gave up a task is dropped, so that in a partition of the outputs the ones of each
//! instance stand together: two that come in turns own the task at once.

use super::evidence::{Broken, Evidence};
use super::history::History;
use std::collections::{BTreeMap, BTreeSet};

pub(super) const OWNERS: &str = "a task has one owner: no instance writes again after another one has taken over";

pub(super) fn one_a_task(history: &History) -> Option<Broken> {
    let mut evidence = Evidence::against(OWNERS);
    let mut last: BTreeMap<i32, &str> = BTreeMap::new();
    let mut were: BTreeSet<(i32, &str)> = BTreeSet::new();
    for output in &history.outputs {
        let before = last.insert(output.partition, &output.writer);
        let is_new = were.insert((output.partition, &output.writer));
        if let Some(before) = before.filter(|before| *before != output.writer)
            && !is_new
        {
            evidence.case(format!("{output:?} came after an output of {before}"));
        }
    }
    evidence.broken()
}

#[cfg(test)]
mod tests {
    use super::super::testing::{broken_names, clean};
    use super::*;

    #[test]
    fn two_instances_in_turns_are_found() {
        let mut history = clean();
        for index in [2, 4] {
            let output = history.outputs[index].clone();
            let seen = history.seen.iter_mut().find(|seen| **seen == output).unwrap();
            seen.writer = "b@9".into();
            history.outputs[index].writer = "b@9".into();
        }
        assert_eq!(broken_names(&history), [OWNERS]);
    }
}

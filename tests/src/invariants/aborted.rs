//! What was aborted is never read.

use super::evidence::{Broken, Evidence};
use super::history::{History, Output};
use std::collections::{BTreeMap, BTreeSet};

pub(super) const ABORTED: &str = "no aborted output is ever read, and what was read stays as it was";

pub(super) fn never_read(history: &History) -> Option<Broken> {
    let mut evidence = Evidence::against(ABORTED);
    let committed: BTreeMap<(i32, i64), &Output> =
        history.outputs.iter().map(|output| (place(output), output)).collect();
    let written: BTreeSet<(i32, i64)> = history.written.iter().copied().collect();
    for output in &history.seen {
        match committed.get(&place(output)) {
            Some(stays) if *stays == output => {}
            Some(stays) => evidence.case(format!("{output:?} was read where {stays:?} stands now")),
            None if written.contains(&place(output)) => evidence.case(format!("{output:?} was read, and aborted")),
            None => evidence.case(format!("{output:?} was read, and is gone")),
        }
    }
    for output in history.outputs.iter().filter(|output| !written.contains(&place(output))) {
        evidence.case(format!("{output:?} is committed, but was never written"));
    }
    evidence.broken()
}

fn place(output: &Output) -> (i32, i64) {
    (output.partition, output.offset)
}

#[cfg(test)]
mod tests {
    use super::super::testing::{broken_names, clean, first_event, last_offset};
    use super::*;

    #[test]
    fn an_aborted_output_that_was_read_is_found() {
        let mut history = clean();
        let mut aborted = history.seen[first_event(&history.seen)].clone();
        aborted.offset = last_offset(&history, aborted.partition) + 1;
        history.written.push(place(&aborted));
        history.seen.push(aborted);
        assert!(broken_names(&history).contains(&ABORTED));
    }

    #[test]
    fn an_output_that_was_read_and_is_another_one_now_is_found() {
        let mut history = clean();
        let one = first_event(&history.seen);
        history.seen[one].writer = "c@1".into();
        assert_eq!(broken_names(&history), [ABORTED]);
    }
}

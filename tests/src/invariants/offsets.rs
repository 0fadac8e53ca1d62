//! Committed offsets never go back.

use super::evidence::{Broken, Evidence};
use super::history::{History, Offset};
use std::collections::BTreeMap;

pub(super) const OFFSETS: &str = "committed offsets never go back, and end where the events do";

pub(super) fn never_go_back(history: &History) -> Option<Broken> {
    let mut evidence = Evidence::against(OFFSETS);
    let mut last: BTreeMap<i32, Offset> = BTreeMap::new();
    for now in &history.offsets {
        if let Some(before) = last.insert(now.partition, *now)
            && before.offset > now.offset
        {
            evidence.case(format!("{now:?} came after {before:?}"));
        }
    }
    let mut ends: BTreeMap<i32, i64> = BTreeMap::new();
    for input in &history.inputs {
        let end = ends.entry(input.partition).or_default();
        *end = (*end).max(input.offset + 1);
    }
    for (partition, end) in ends {
        let committed = last.get(&partition).map(|last| last.offset);
        if committed != Some(end) {
            evidence.case(format!("partition {partition} ends at {end}, but {committed:?} is committed"));
        }
    }
    evidence.broken()
}

#[cfg(test)]
mod tests {
    use super::super::testing::{broken_names, clean};
    use super::*;

    #[test]
    fn an_offset_that_went_back_for_a_moment_is_found() {
        let mut history = clean();
        let last = *history.offsets.last().unwrap();
        history.offsets.push(Offset { offset: last.offset - 1, ..last });
        history.offsets.push(last);
        assert_eq!(broken_names(&history), [OFFSETS]);
    }

    #[test]
    fn an_offset_that_is_behind_or_beyond_the_end_is_found() {
        for change in [-1, 1] {
            let mut history = clean();
            history.offsets.last_mut().unwrap().offset += change;
            assert_eq!(broken_names(&history), [OFFSETS]);
        }
    }
}

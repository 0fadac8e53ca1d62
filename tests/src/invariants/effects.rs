//! Each event's effect appears once, or it is in the dead-letter topic once.

use super::evidence::{Broken, Evidence};
use super::history::{History, Output, What};
use std::collections::BTreeMap;

pub(super) const ONCE: &str = "each event has its effect once, for a reader at the end and for one during the run";

pub(super) fn once(history: &History) -> Option<Broken> {
    let mut evidence = Evidence::against(ONCE);
    let mut dead: BTreeMap<u64, usize> = BTreeMap::new();
    history.dead_letters.iter().for_each(|number| *dead.entry(*number).or_default() += 1);
    for (reader, outputs) in [("at the end", &history.outputs), ("during the run", &history.seen)] {
        let mut outputs = by_event(outputs);
        for input in &history.inputs {
            let number = input.number;
            let (found, letters) =
                (outputs.remove(&number).unwrap_or_default(), dead.get(&number).copied().unwrap_or(0));
            let expected = if input.fails { (0, 1) } else { (1, 0) };
            if (found.len(), letters) != expected {
                let offset = input.offset;
                evidence.case(format!(
                    "{reader}: event {number} (partition {}, offset {offset}, fails: {}) has {} outputs and {letters} dead \
                     letters: {found:?}",
                    input.partition,
                    input.fails,
                    found.len()
                ));
            }
        }
        for (number, found) in outputs {
            evidence.case(format!("{reader}: there was no event {number}, but outputs of it: {found:?}"));
        }
    }
    evidence.broken()
}

fn by_event(outputs: &[Output]) -> BTreeMap<u64, Vec<&Output>> {
    let mut found: BTreeMap<u64, Vec<&Output>> = BTreeMap::new();
    for output in outputs {
        if let What::Event(number) = output.what {
            found.entry(number).or_default().push(output);
        }
    }
    found
}

#[cfg(test)]
mod tests {
    use super::super::testing::{broken_names, clean, first_event, last_offset};
    use super::*;

    #[test]
    fn a_lost_output_is_found_in_either_reading() {
        let mut history = clean();
        let lost = history.seen.remove(first_event(&history.seen));
        assert_eq!(broken_names(&history), [ONCE]);
        history = clean();
        history.outputs.retain(|output| output.what != lost.what);
        assert!(broken_names(&history).contains(&ONCE));
    }

    #[test]
    fn a_doubled_output_is_found() {
        let mut history = clean();
        let mut twice = history.outputs[first_event(&history.outputs)].clone();
        twice.offset = last_offset(&history, twice.partition) + 1;
        history.written.push((twice.partition, twice.offset));
        history.outputs.push(twice);
        assert!(broken_names(&history).contains(&ONCE));
    }

    #[test]
    fn a_missing_a_second_and_a_wrong_dead_letter_are_found() {
        for change in [
            |letters: &mut Vec<u64>| letters.truncate(2),
            |letters: &mut Vec<u64>| letters.push(letters[0]),
            |letters: &mut Vec<u64>| letters.push(1),
        ] {
            let mut history = clean();
            change(&mut history.dead_letters);
            assert_eq!(broken_names(&history), [ONCE]);
        }
    }

    #[test]
    fn an_output_of_no_event_is_found() {
        let mut history = clean();
        let mut invented = history.seen[first_event(&history.seen)].clone();
        invented.what = What::Event(1_000_000);
        history.seen.push(invented);
        assert!(broken_names(&history).contains(&ONCE));
    }
}

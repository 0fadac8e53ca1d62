//! The outputs of a key are in the order of its events.

use super::evidence::{Broken, Evidence};
use super::history::{History, What};
use std::collections::BTreeMap;

pub(super) const ORDER: &str = "the outputs of a key are in the order of its events";

pub(super) fn per_key(history: &History) -> Option<Broken> {
    let mut evidence = Evidence::against(ORDER);
    let place: BTreeMap<u64, (i32, i64)> =
        history.inputs.iter().map(|input| (input.number, (input.partition, input.offset))).collect();
    for (reader, outputs) in [("at the end", &history.outputs), ("during the run", &history.seen)] {
        let mut last: BTreeMap<&str, ((i32, i64), u64)> = BTreeMap::new();
        for output in outputs {
            let What::Event(number) = output.what else { continue };
            let Some(place) = place.get(&number) else { continue };
            if output.partition != place.0 {
                evidence.case(format!("{reader}: {output:?} came of an event of partition {}", place.0));
            }
            if let Some((before, earlier)) = last.insert(&output.account, (*place, number))
                && before >= *place
            {
                evidence.case(format!("{reader}: {output:?} came after that of event {earlier}"));
            }
        }
    }
    evidence.broken()
}

#[cfg(test)]
mod tests {
    use super::super::testing::{broken_names, clean, first_event};
    use super::*;

    #[test]
    fn two_outputs_of_a_key_that_changed_places_are_found() {
        let mut history = clean();
        let one = first_event(&history.seen);
        let same_key = |(_, output): &(usize, &super::super::Output)| {
            output.account == history.seen[one].account && matches!(output.what, What::Event(_))
        };
        let other = history.seen.iter().enumerate().skip(one + 1).find(same_key).unwrap().0;
        history.seen.swap(one, other);
        assert_eq!(broken_names(&history), [ORDER]);
    }

    #[test]
    fn an_output_in_another_partition_is_found() {
        let mut history = clean();
        let one = first_event(&history.outputs);
        history.outputs[one].partition += 1;
        assert!(broken_names(&history).contains(&ORDER));
    }
}

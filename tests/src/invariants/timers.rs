//! Each timer fires once.

use super::evidence::{Broken, Evidence};
use super::history::{History, What};
use std::collections::BTreeMap;

pub(super) const TIMERS: &str = "a timer fires once, and none is left";

pub(super) fn once(history: &History) -> Option<Broken> {
    let mut evidence = Evidence::against(TIMERS);
    for (reader, outputs) in [("at the end", &history.outputs), ("during the run", &history.seen)] {
        let mut fired: BTreeMap<u64, Vec<_>> = BTreeMap::new();
        for output in outputs {
            if let What::Timer(number) = output.what {
                fired.entry(number).or_default().push(output);
            }
        }
        for input in history.inputs.iter().filter(|input| input.timer && !input.fails) {
            let found = fired.remove(&input.number).unwrap_or_default();
            if found.len() != 1 {
                evidence
                    .case(format!("{reader}: {input:?} has set a timer that fired {} times: {found:?}", found.len()));
            }
        }
        for (number, found) in fired {
            evidence.case(format!("{reader}: event {number} has set no timer, but one fired: {found:?}"));
        }
    }
    if history.timers_left > 0 {
        evidence.case(format!("{} timers are left in the changelog", history.timers_left));
    }
    evidence.broken()
}

#[cfg(test)]
mod tests {
    use super::super::testing::{broken_names, clean};
    use super::*;

    fn first_timer(history: &History) -> usize {
        history.seen.iter().position(|output| matches!(output.what, What::Timer(_))).unwrap()
    }

    #[test]
    fn a_timer_that_fired_never_twice_or_for_nothing_is_found() {
        let mut history = clean();
        history.seen.remove(first_timer(&history));
        assert_eq!(broken_names(&history), [TIMERS]);
        history = clean();
        history.seen.push(history.seen[first_timer(&history)].clone());
        assert_eq!(broken_names(&history), [TIMERS]);
        history = clean();
        let one = first_timer(&history);
        history.outputs.iter_mut().chain(&mut history.seen[one..=one]).for_each(|output| {
            if matches!(output.what, What::Timer(_)) {
                output.what = What::Timer(1);
            }
        });
        assert!(broken_names(&history).contains(&TIMERS));
    }

    #[test]
    fn a_timer_that_is_left_is_found() {
        let mut history = clean();
        history.timers_left = 1;
        assert_eq!(broken_names(&history), [TIMERS]);
    }
}

//! A history in which everything is right.

use super::history::{Ends, History, Input, Offset, Output, What};
use super::oracle::Oracle;
use std::time::Duration;

pub(super) const PATIENCE: Duration = Duration::from_secs(10);
const PARTITIONS: u64 = 2;

/// The names of what is broken.
pub(super) fn broken_names(history: &History) -> Vec<&'static str> {
    super::broken(history, PATIENCE).iter().map(|broken| broken.invariant).collect()
}

/// Where the first output of an event is.
pub(super) fn first_event(outputs: &[Output]) -> usize {
    outputs.iter().position(|output| matches!(output.what, What::Event(_))).expect("an output")
}

/// The highest offset written to a partition.
pub(super) fn last_offset(history: &History, partition: i32) -> i64 {
    history.written.iter().filter(|(of, _)| *of == partition).map(|(_, offset)| *offset).max().expect("an output")
}

/// 60 events of two partitions and six accounts; some set timers, some fail; the host changes once, and one transaction
/// was aborted.
pub(super) fn clean() -> History {
    let mut history = History::default();
    for number in 0..60u64 {
        let account = number % 6;
        history.inputs.push(Input {
            partition: (account % PARTITIONS) as i32,
            offset: (number / PARTITIONS) as i64,
            number,
            account: format!("a{account}"),
            amount: if account == 0 { 0 } else { number as i64 % 13 - 4 },
            timer: number % 10 == 3,
            fails: number % 20 == 5,
        });
    }
    let oracle = Oracle::of(&history);
    for input in &history.inputs {
        if input.fails {
            history.dead_letters.push(input.number);
            continue;
        }
        let (balance, count) = oracle.after[&input.number];
        let timer = input.timer.then_some(What::Timer(input.number));
        for what in [Some(What::Event(input.number)), timer].into_iter().flatten() {
            let offset = history.outputs.iter().filter(|output| output.partition == input.partition).count() as i64;
            // An aborted one and the marker after it lie between the two hosts.
            let (writer, offset) = if input.number < 30 { ("a@1", offset) } else { ("b@2", offset + 2) };
            history.written.push((input.partition, offset));
            history.outputs.push(Output {
                partition: input.partition,
                offset,
                writer: writer.into(),
                account: input.account.clone(),
                what,
                balance,
                count,
            });
        }
        let at = Duration::from_millis(input.number);
        history.offsets.push(Offset { at, partition: input.partition, offset: input.offset + 1 });
    }
    history.seen = history.outputs.clone();
    history.outputs.sort_by_key(|output| (output.partition, output.offset));
    history.changelog = oracle.entries.clone();
    history.queried = oracle.entries.clone();
    history.rebuilt = Some(oracle.entries);
    for (at, stable, high) in [(0, 0, 4), (9, 4, 6), (11, 6, 6), (40, 6, 8)] {
        history.ends.push(Ends { at: Duration::from_secs(at), topic: "out".into(), partition: 0, stable, high });
    }
    history
}

//! What is known of a run.

use std::ops::Range;
use std::time::Duration;

/// Everything that the invariants look at. Times are from the beginning of the run.
#[derive(Debug, Clone, Default)]
pub struct History {
    /// What was written, by partition and offset.
    pub inputs: Vec<Input>,
    /// What a reader of what is committed found at the end, by partition and offset.
    pub outputs: Vec<Output>,
    /// What another one saw during the run, in the order of arrival.
    pub seen: Vec<Output>,
    /// Partition and offset of every output that was ever written, aborted ones included.
    pub written: Vec<(i32, i64)>,
    /// The numbers of the events in the dead-letter topic.
    pub dead_letters: Vec<u64>,
    /// The accounts that the changelog ends with, sorted.
    pub changelog: Vec<Entry>,
    /// Timers that the changelog ends with.
    pub timers_left: usize,
    /// The accounts that hosts answered with, sorted.
    pub queried: Vec<Entry>,
    /// The same after all hosts had lost their stores; None: that was not tried.
    pub rebuilt: Option<Vec<Entry>>,
    /// Committed offsets of the inputs, in the order in which they were asked for.
    pub offsets: Vec<Offset>,
    /// Ends of partitions, in the order in which they were asked for.
    pub ends: Vec<Ends>,
    /// When no broker could have moved anything.
    pub outages: Vec<Range<Duration>>,
}

/// An event.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Input {
    /// Of the input topic.
    pub partition: i32,
    /// Where it is in its partition.
    pub offset: i64,
    /// No other event has it.
    pub number: u64,
    /// Its key.
    pub account: String,
    /// What the account gets.
    pub amount: i64,
    /// It sets a timer that is due by the end.
    pub timer: bool,
    /// It must end in the dead-letter topic, without effects.
    pub fails: bool,
}

/// What an output tells of.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum What {
    /// The event of this number.
    Event(u64),
    /// The timer that the event of this number has set.
    Timer(u64),
}

/// An output.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Output {
    /// Of the output topic: the input's, as both have the same keys.
    pub partition: i32,
    /// Where it is in its partition.
    pub offset: i64,
    /// The instance that has sent it.
    pub writer: String,
    /// Its key.
    pub account: String,
    /// What it tells of.
    pub what: What,
    /// Of the account, then.
    pub balance: i64,
    /// Of the account, then.
    pub count: u64,
}

impl Output {
    /// Reads what the fixture sends: `WRITER NUMBER BALANCE COUNT`.
    pub fn parse(partition: i32, offset: i64, account: &str, text: &str) -> Option<Self> {
        let [writer, number, balance, count] = text.split(' ').collect::<Vec<_>>().try_into().ok()?;
        let what = match number.strip_prefix("timer-") {
            Some(number) => What::Timer(number.parse().ok()?),
            None => What::Event(number.parse().ok()?),
        };
        let (balance, count) = (balance.parse().ok()?, count.parse().ok()?);
        Some(Output { partition, offset, writer: writer.to_owned(), account: account.to_owned(), what, balance, count })
    }
}

/// An account in a store.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Entry {
    /// The task's.
    pub partition: i32,
    /// Its key.
    pub account: String,
    /// What it is worth.
    pub balance: i64,
    /// How many events have changed it.
    pub count: u64,
}

/// A committed offset.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Offset {
    /// When.
    pub at: Duration,
    /// Of the input topic.
    pub partition: i32,
    /// The next event's.
    pub offset: i64,
}

/// Where a partition ends.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Ends {
    /// When.
    pub at: Duration,
    /// Any topic that hosts write to.
    pub topic: String,
    /// Of it.
    pub partition: i32,
    /// The last stable offset: where what is committed ends.
    pub stable: i64,
    /// The high watermark: where everything ends.
    pub high: i64,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_output_is_read_as_the_fixture_writes_it() {
        let output = |what| Output {
            partition: 1,
            offset: 2,
            writer: "a@7".into(),
            account: "ann".into(),
            what,
            balance: -5,
            count: 3,
        };
        assert_eq!(Output::parse(1, 2, "ann", "a@7 12 -5 3"), Some(output(What::Event(12))));
        assert_eq!(Output::parse(1, 2, "ann", "a@7 timer-12 -5 3"), Some(output(What::Timer(12))));
        assert_eq!(Output::parse(1, 2, "ann", "a@7 12 -5"), None);
    }
}

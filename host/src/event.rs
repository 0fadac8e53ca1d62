//! Words that all share: where an event stands, and how it can fail.

use std::fmt;
use std::time::{SystemTime, UNIX_EPOCH};

/// A partition of one of a plugin's input topics.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Partition {
    /// Index into the plugin's list of input topics, which is fixed as long as its consumer lives.
    pub topic: usize,
    /// Partition number.
    pub number: i32,
}

/// Where a consumer of a partition stands: the offset of the next event that it wants.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Position {
    /// The partition.
    pub at: Partition,
    /// The next offset.
    pub offset: i64,
    /// The greatest event timestamp that the task had seen there, in milliseconds since the Unix epoch; [`NO_TIME`] if
    /// nobody knows.
    pub stream_time: i64,
}

/// Milliseconds since the Unix epoch, now.
pub fn wall_clock() -> i64 {
    SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |since| since.as_millis() as i64)
}

/// Before every timestamp.
pub const NO_TIME: i64 = i64::MIN;

/// Why an event was not processed, for metrics (`code`) and for a person.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Reason {
    /// Short and stable: `bad-json`, `trap`, `deadline`.
    pub code: String,
    /// For a person.
    pub message: String,
    /// A stack, for example.
    pub detail: Option<String>,
}

impl Reason {
    /// A reason without detail.
    pub fn new(code: impl Into<String>, message: impl Into<String>) -> Self {
        Reason { code: code.into(), message: message.into(), detail: None }
    }
}

impl fmt::Display for Reason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.code, self.message)
    }
}

/// What a plugin says of an event that it did not process.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Failure {
    /// It can never be processed: the plugin's failure policy applies.
    Reject(Reason),
    /// It may work later: the same event is offered again after a back-off.
    Retry(Reason),
    /// The plugin cannot go on, whatever the event.
    Stop(Reason),
}

impl Failure {
    /// How the contract calls it.
    pub fn kind(&self) -> wasmill_contract::FailureKind {
        match self {
            Failure::Reject(_) => wasmill_contract::FailureKind::Reject,
            Failure::Retry(_) => wasmill_contract::FailureKind::Retry,
            Failure::Stop(_) => wasmill_contract::FailureKind::Stop,
        }
    }

    /// Why.
    pub fn reason(&self) -> &Reason {
        match self {
            Failure::Reject(reason) | Failure::Retry(reason) | Failure::Stop(reason) => reason,
        }
    }
}

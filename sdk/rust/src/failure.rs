//! Why an event was not processed.

use std::fmt;
use wasmill_contract::FailureKind;

/// What [`Plugin::process`](crate::Plugin::process) answers.
pub type Outcome = Result<(), Failure>;

/// Why an event was not processed. The outputs that it has caused so far are dropped.
///
/// ```
/// use wasmill_plugin::Failure;
///
/// let failure = Failure::reject("unknown-currency", "no rate for XTS").detail("rates of 2024-05-01");
/// assert_eq!(failure.to_string(), "unknown-currency: no rate for XTS");
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Failure {
    pub(crate) kind: FailureKind,
    pub(crate) code: String,
    pub(crate) message: String,
    pub(crate) detail: Option<String>,
}

impl Failure {
    /// The event can never be processed: the plugin's failure policy applies (by default the dead-letter topic).
    /// `code` is short and stable, for metrics: `unknown-currency`. `message` is for a person.
    pub fn reject(code: impl Into<String>, message: impl Into<String>) -> Self {
        Failure { kind: FailureKind::Reject, code: code.into(), message: message.into(), detail: None }
    }

    /// It may work later: the host commits what is done, waits and offers the same event again.
    pub fn retry(code: impl Into<String>, message: impl Into<String>) -> Self {
        Failure { kind: FailureKind::Retry, ..Failure::reject(code, message) }
    }

    /// The plugin cannot go on, whatever the event: the host stops it at this event and dead-letters nothing.
    pub fn stop(code: impl Into<String>, message: impl Into<String>) -> Self {
        Failure { kind: FailureKind::Stop, ..Failure::reject(code, message) }
    }

    /// Adds what helps to find the cause: a stack, or the part of the event that is wrong.
    pub fn detail(self, detail: impl Into<String>) -> Self {
        Failure { detail: Some(detail.into()), ..self }
    }

    /// Whether it is a reject, a retry or a stop.
    pub fn kind(&self) -> FailureKind {
        self.kind
    }

    /// The short, stable code.
    pub fn code(&self) -> &str {
        &self.code
    }

    /// What it says to a person.
    pub fn message(&self) -> &str {
        &self.message
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.code, self.message)
    }
}

impl std::error::Error for Failure {}

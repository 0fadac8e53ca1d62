//! Why a plugin's file does not go to work.

use crate::plugin::LoadError;

/// Why a file was not taken.
pub(super) struct Refusal {
    /// Short and stable, for metrics.
    pub code: &'static str,
    /// What is wrong, and what to do.
    pub message: String,
    /// What to think of it.
    pub certainty: Certainty,
}

/// What to think of a refusal.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Certainty {
    /// It stays so until something changes.
    Final,
    /// The file is probably being written.
    Unfinished,
    /// Another request came in between, and is the next.
    Overtaken,
}

impl Refusal {
    /// One that is final.
    pub(super) fn new(code: &'static str, message: impl Into<String>) -> Self {
        Refusal { code, message: message.into(), certainty: Certainty::Final }
    }

    /// Of the host's own making.
    pub(super) fn internal(error: &tokio::task::JoinError) -> Self {
        Refusal::new("host", format!("the host could not try it out: {error}"))
    }
}

impl From<LoadError> for Refusal {
    fn from(error: LoadError) -> Self {
        let certainty = if error.is_incomplete() { Certainty::Unfinished } else { Certainty::Final };
        Refusal { code: error.code(), message: error.to_string(), certainty }
    }
}

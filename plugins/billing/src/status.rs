//! What may become of a transaction.

use std::fmt;
use wasmill_plugin::Failure;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Status {
    Approved,
    Declined,
    Billed,
    Refunded,
}

impl Status {
    pub(crate) fn of(name: &str) -> Option<Status> {
        [Status::Approved, Status::Declined, Status::Billed, Status::Refunded]
            .into_iter()
            .find(|status| status.name() == name)
    }

    fn name(self) -> &'static str {
        match self {
            Status::Approved => "APPROVED",
            Status::Declined => "DECLINED",
            Status::Billed => "BILLED",
            Status::Refunded => "REFUNDED",
        }
    }

    /// Whether the event that tells this status changes the transaction, which was `from` (None: it is new). An event that
    /// only repeats what is known does not.
    pub(crate) fn changes(self, from: Option<Status>, id: &str) -> Result<bool, Failure> {
        use Status::{Approved, Billed, Declined, Refunded};
        match (from, self) {
            (None, Approved | Declined) | (Some(Approved), Billed | Refunded) | (Some(Billed), Refunded) => Ok(true),
            (Some(from), to) if from == to => Ok(false),
            // The approval of one that was billed since: to whoever sends it again nothing has changed.
            (Some(Billed), Approved) => Ok(false),
            (from, to) => {
                let from = from.map_or("nothing", Status::name);
                let message = format!("transaction {id} cannot go from {from} to {to}");
                Err(Failure::reject("illegal-status-change", message))
            }
        }
    }
}

impl fmt::Display for Status {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_change_is_legal_a_repetition_or_illegal() {
        use Status::{Approved, Billed, Declined, Refunded};
        const LEGAL: Option<bool> = Some(true);
        const REPEATED: Option<bool> = Some(false);
        let to = [Approved, Declined, Billed, Refunded];
        for (from, expected) in [
            (None, [LEGAL, LEGAL, None, None]),
            (Some(Approved), [REPEATED, None, LEGAL, LEGAL]),
            (Some(Declined), [None, REPEATED, None, None]),
            (Some(Billed), [REPEATED, None, REPEATED, LEGAL]),
            (Some(Refunded), [None, None, None, REPEATED]),
        ] {
            assert_eq!(to.map(|to| to.changes(from, "t").ok()), expected, "{from:?}");
        }
    }

    #[test]
    fn an_illegal_change_says_from_what_to_what() {
        let declined = Status::Billed.changes(Some(Status::Declined), "t-1").unwrap_err();
        assert_eq!(declined.code(), "illegal-status-change");
        assert_eq!(declined.message(), "transaction t-1 cannot go from DECLINED to BILLED");
        let new = Status::Refunded.changes(None, "t-1").unwrap_err();
        assert_eq!(new.message(), "transaction t-1 cannot go from nothing to REFUNDED");
    }
}

//! What may become of a delivery.

use serde::{Deserialize, Serialize};
use wasmill_plugin::Failure;

/// Where a delivery is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum Status {
    /// It was ordered.
    Scheduled,
    /// It has left.
    Dispatched,
    /// It is with the carrier who will ring.
    OutForDelivery,
    /// It should have arrived.
    Delayed,
    /// It has arrived.
    Delivered,
    /// It comes back.
    Returned,
    /// It never left.
    Cancelled,
}

impl Status {
    pub(crate) fn name(self) -> &'static str {
        match self {
            Status::Scheduled => "SCHEDULED",
            Status::Dispatched => "DISPATCHED",
            Status::OutForDelivery => "OUT_FOR_DELIVERY",
            Status::Delayed => "DELAYED",
            Status::Delivered => "DELIVERED",
            Status::Returned => "RETURNED",
            Status::Cancelled => "CANCELLED",
        }
    }

    /// What the customer is told.
    pub(crate) fn notice(self) -> &'static str {
        match self {
            Status::Scheduled => "Your order is being prepared.",
            Status::Dispatched => "Your order is on its way.",
            Status::OutForDelivery => "Your order arrives today.",
            Status::Delayed => "Your order is late. We are looking into it.",
            Status::Delivered => "Your order has arrived.",
            Status::Returned => "Your order could not be delivered and comes back to us.",
            Status::Cancelled => "Your order is cancelled.",
        }
    }

    /// No clock changes it any more.
    pub(crate) fn is_over(self) -> bool {
        matches!(self, Status::Delivered | Status::Returned | Status::Cancelled)
    }

    /// Whether an update to this status changes a delivery that was `from`. One that only repeats what is known does not.
    pub(crate) fn changes(self, from: Status, id: &str) -> Result<bool, Failure> {
        use Status::{Cancelled, Delayed, Delivered, Dispatched, OutForDelivery, Returned, Scheduled};
        match (from, self) {
            (from, to) if from == to => Ok(false),
            (Scheduled, Dispatched | Cancelled)
            | (Dispatched, OutForDelivery | Delayed | Delivered | Returned)
            | (OutForDelivery, Delayed | Delivered | Returned)
            | (Delayed, OutForDelivery | Delivered | Returned)
            | (Delivered, Returned) => Ok(true),
            (from, to) => {
                let message = format!("delivery {id} cannot go from {} to {}", from.name(), to.name());
                Err(Failure::reject("illegal-status-change", message))
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_change_is_legal_a_repetition_or_illegal() {
        use Status::{Cancelled, Delayed, Delivered, Dispatched, OutForDelivery, Returned, Scheduled};
        let all = [Scheduled, Dispatched, OutForDelivery, Delayed, Delivered, Returned, Cancelled];
        for (from, legal) in [
            (Scheduled, &[Dispatched, Cancelled][..]),
            (Dispatched, &[OutForDelivery, Delayed, Delivered, Returned]),
            (OutForDelivery, &[Delayed, Delivered, Returned]),
            (Delayed, &[OutForDelivery, Delivered, Returned]),
            (Delivered, &[Returned]),
            (Returned, &[]),
            (Cancelled, &[]),
        ] {
            for to in all {
                let expected = if from == to { Some(false) } else { legal.contains(&to).then_some(true) };
                assert_eq!(to.changes(from, "o").ok(), expected, "{from:?} {to:?}");
                assert_eq!(serde_json::to_string(&to).unwrap(), format!("{:?}", to.name()));
            }
        }
    }
}

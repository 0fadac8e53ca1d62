//! What is added up.

use serde::{Deserialize, Serialize};
use wasmill_decimal::Decimal;

/// So many events, and what they come to.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct Sum {
    /// How many.
    pub count: u64,
    /// A decimal as a text: no reader turns it into a binary fraction by accident. Empty: it would have more than 38 digits.
    pub total: String,
}

impl Sum {
    pub(crate) fn add(&mut self, amount: Decimal) {
        let before = if self.count == 0 { Some(Decimal::ZERO) } else { self.total.parse().ok() };
        self.count += 1;
        self.total = before.and_then(|before| before.plus(amount)).map(|sum| sum.to_string()).unwrap_or_default();
    }

    /// Adds another one, when two sessions become one.
    pub(crate) fn merge(&mut self, other: Sum) {
        if other.count == 0 {
            return;
        }
        if self.count == 0 {
            *self = other;
            return;
        }
        let sum = self.total.parse::<Decimal>().ok().zip(other.total.parse().ok());
        let sum = sum.and_then(|(one, two)| one.plus(two));
        self.count += other.count;
        self.total = sum.map(|sum| sum.to_string()).unwrap_or_default();
    }

    /// Such a sum is not kept.
    pub(crate) fn is_too_large(&self) -> bool {
        self.total.is_empty()
    }
}

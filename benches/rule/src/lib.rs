//! The jobs that are measured. Inside a module and outside of it they are this same code.

use serde::{Deserialize, Serialize};
use std::borrow::Cow;

/// What is done with each event.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Job {
    /// It is looked at, and nothing comes of it.
    Nothing,
    /// It is passed on as it is.
    PassThrough,
    /// It is parsed as JSON, and passed on if the order is suspicious.
    Fraud,
    /// The same, and it is added to its customer's total.
    Totals,
}

impl Job {
    /// As the settings and the tables call it.
    pub fn name(self) -> &'static str {
        match self {
            Job::Nothing => "nothing",
            Job::PassThrough => "pass-through",
            Job::Fraud => "fraud",
            Job::Totals => "totals",
        }
    }
}

/// The settings of the benchmarks' modules.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Settings {
    /// What the module does.
    pub job: Job,
    /// So many bytes it never lets go of, with each event.
    #[serde(default)]
    pub leak: usize,
}

/// What the fraud rule looks at in an order.
#[derive(Debug, Deserialize)]
pub struct Order<'a> {
    amount: f64,
    #[serde(borrow)]
    country: Cow<'a, str>,
}

impl<'a> Order<'a> {
    /// Reads an order.
    ///
    /// # Errors
    /// What is no JSON, or no order.
    pub fn parse(value: &'a [u8]) -> Result<Self, serde_json::Error> {
        serde_json::from_slice(value)
    }

    /// A large amount, from a country that is not trusted.
    pub fn is_suspicious(&self) -> bool {
        self.amount > 300.0 && !matches!(&*self.country, "US" | "CA")
    }
}

/// What a customer has ordered.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
pub struct Total {
    orders: u64,
    amount: f64,
}

impl Total {
    /// Adds an order.
    pub fn add(&mut self, order: &Order<'_>) {
        self.orders += 1;
        self.amount += order.amount;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn suspicious(order: &str) -> bool {
        Order::parse(order.as_bytes()).unwrap().is_suspicious()
    }

    #[test]
    fn a_large_order_from_elsewhere_is_suspicious() {
        assert!(suspicious(r#"{"amount": 300.01, "country": "FR"}"#));
        assert!(!suspicious(r#"{"amount": 300.00, "country": "FR"}"#));
        assert!(!suspicious(r#"{"amount": 300.01, "country": "CA"}"#));
    }
}

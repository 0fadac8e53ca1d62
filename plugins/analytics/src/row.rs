//! What a dashboard shows: rows, each of which says what it is of.

use crate::order::Order;
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;
use std::collections::BTreeMap;
use wasmill_decimal::Decimal;
use wasmill_plugin::Failure;

/// How many orders there were, and what they came to.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct Sales {
    /// How many.
    pub orders: u64,
    /// By currency: an exact decimal as a text.
    pub sales: BTreeMap<String, String>,
}

/// One of the latest orders.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Latest {
    /// Of the partition's orders, counted from 1: the highest is the latest.
    pub number: u64,
    /// Of the event, milliseconds since the Unix epoch.
    pub timestamp: i64,
    /// As it was written.
    pub order: Box<RawValue>,
}

/// A row as it is sent: of several partitions each has its own.
#[derive(Serialize)]
pub(crate) struct Sent<'a, T> {
    pub(crate) partition: u32,
    #[serde(flatten)]
    pub(crate) row: &'a T,
}

impl Sales {
    /// Counts an order in.
    pub(crate) fn add(&mut self, order: &Order<'_>) -> Result<(), Failure> {
        let before = match self.sales.get(&*order.currency) {
            Some(total) => total.parse().map_err(|_| too_large(order))?,
            None => Decimal::ZERO,
        };
        let total = before.plus(order.amount).ok_or_else(|| too_large(order))?;
        self.orders += 1;
        self.sales.insert(order.currency.to_string(), total.to_string());
        Ok(())
    }
}

fn too_large(order: &Order<'_>) -> Failure {
    Failure::reject("too-large", format!("the sales in {} would have more than 38 digits", order.currency))
}

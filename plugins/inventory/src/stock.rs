//! What is there of a sku.

use serde::{Deserialize, Serialize};
use wasmill_plugin::Failure;

/// The stock of a sku, as it is kept and sent.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Stock {
    /// Of what.
    pub sku: String,
    /// Pieces that can be sold; below zero: that were sold and are not there.
    pub stock: i64,
}

impl Stock {
    /// The same with so many more, or fewer.
    pub(crate) fn changed(&self, by: i64) -> Result<Stock, Failure> {
        let stock = self.stock.checked_add(by).ok_or_else(|| {
            Failure::reject("too-large", format!("the stock of {} would be beyond what can be counted", self.sku))
        })?;
        Ok(Stock { sku: self.sku.clone(), stock })
    }
}

/// An order that wants more than there is.
#[derive(Serialize)]
pub(crate) struct Shortage<'a> {
    pub(crate) sku: &'a str,
    pub(crate) order_id: &'a str,
    pub(crate) wanted: i64,
    /// Before the order.
    pub(crate) stock: i64,
    pub(crate) missing: i64,
}

/// A stock that has fallen below the limit.
#[derive(Serialize)]
pub(crate) struct Low<'a> {
    pub(crate) sku: &'a str,
    pub(crate) stock: i64,
    pub(crate) low: i64,
}

//! A delivery, as it is kept and sent, and what it is told.

use crate::status::Status;
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;
use std::borrow::Cow;
use wasmill_plugin::{Event, Failure};

/// Bytes of an order's id, which is a key.
const LONGEST_ID: usize = 1024;

/// A delivery. Times are milliseconds since the Unix epoch.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Delivery {
    /// Of what.
    pub order_id: String,
    /// For whom.
    pub customer_id: String,
    /// Where to, as the order has it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub address: Option<Box<RawValue>>,
    /// Where it is.
    pub status: Status,
    /// When it is or was to be dispatched.
    pub dispatch_at: i64,
    /// When it came to its status.
    pub changed_at: i64,
}

/// What is read of an order; it may have more.
#[derive(Deserialize)]
pub(crate) struct Order<'e> {
    #[serde(borrow)]
    pub(crate) order_id: Cow<'e, str>,
    #[serde(borrow)]
    pub(crate) customer_id: Cow<'e, str>,
    #[serde(borrow, default)]
    pub(crate) address: Option<&'e RawValue>,
}

/// News of a delivery, of the carrier or of the shop.
#[derive(Deserialize)]
pub(crate) struct Update<'e> {
    #[serde(borrow)]
    pub(crate) order_id: Cow<'e, str>,
    pub(crate) status: Status,
}

/// What the customer is told.
#[derive(Serialize)]
pub(crate) struct Notice<'a> {
    pub(crate) customer_id: &'a str,
    pub(crate) order_id: &'a str,
    pub(crate) status: Status,
    pub(crate) message: &'a str,
}

impl<'e> Order<'e> {
    pub(crate) fn of(event: &Event<'e>) -> Result<Self, Failure> {
        let order: Self = event.json()?;
        check_id(&order.order_id, event)?;
        if order.customer_id.is_empty() {
            return Err(Failure::reject("no-customer", "field `customer_id` is empty: nobody could be told"));
        }
        Ok(order)
    }
}

impl<'e> Update<'e> {
    pub(crate) fn of(event: &Event<'e>) -> Result<Self, Failure> {
        let update: Self = event.json()?;
        check_id(&update.order_id, event)?;
        Ok(update)
    }
}

/// One task must see all that concerns an order.
fn check_id(id: &str, event: &Event<'_>) -> Result<(), Failure> {
    if !(1..=LONGEST_ID).contains(&id.len()) {
        return Err(Failure::reject("bad-order-id", format!("`order_id` has 1 to {LONGEST_ID} bytes")));
    }
    if event.key() == Some(id.as_bytes()) {
        return Ok(());
    }
    let key = event.key().map_or("null".into(), |key| key.escape_ascii().to_string());
    let message = format!("what concerns order {id} has the key {key}: the topic must be keyed by `order_id`");
    Err(Failure::reject("wrong-key", message))
}

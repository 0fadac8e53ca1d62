//! What changes a stock: orders and movements, as they were written.

use serde::Deserialize;
use std::borrow::Cow;
use wasmill_plugin::{Event, Failure};

/// Bytes of a sku or an order's id: they are keys.
const LONGEST: usize = 1024;

/// Pieces that an event may speak of: far from where sums of them would overflow.
const MOST: i64 = 1_000_000_000_000;

/// A customer wants some; it may have more fields.
#[derive(Deserialize)]
pub(crate) struct Order<'e> {
    #[serde(borrow)]
    pub(crate) order_id: Cow<'e, str>,
    #[serde(borrow)]
    pub(crate) sku: Cow<'e, str>,
    #[serde(default = "one")]
    pub(crate) quantity: i64,
    #[serde(borrow, default)]
    status: Cow<'e, str>,
}

fn one() -> i64 {
    1
}

/// Something came into the warehouse, or was counted there.
#[derive(Deserialize)]
pub(crate) struct Movement<'e> {
    #[serde(borrow)]
    pub(crate) sku: Cow<'e, str>,
    pub(crate) kind: Kind,
    pub(crate) quantity: i64,
}

/// What a movement does.
#[derive(Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub(crate) enum Kind {
    /// So many more are there.
    Received,
    /// So many are broken or lost.
    WrittenOff,
    /// So many are there, whatever was thought.
    Counted,
}

impl<'e> Order<'e> {
    pub(crate) fn of(event: &Event<'e>) -> Result<Self, Failure> {
        let order: Self = event.json()?;
        if !(1..=LONGEST).contains(&order.order_id.len()) {
            return Err(Failure::reject("bad-order-id", format!("`order_id` has 1 to {LONGEST} bytes")));
        }
        check_sku(&order.sku, event)?;
        check_quantity(order.quantity, 1)?;
        Ok(order)
    }

    pub(crate) fn is_cancelled(&self) -> bool {
        self.status == "CANCELLED"
    }
}

impl<'e> Movement<'e> {
    pub(crate) fn of(event: &Event<'e>) -> Result<Self, Failure> {
        let movement: Self = event.json()?;
        check_sku(&movement.sku, event)?;
        check_quantity(movement.quantity, if movement.kind == Kind::Counted { 0 } else { 1 })?;
        Ok(movement)
    }
}

/// One task must see all that concerns a sku.
fn check_sku(sku: &str, event: &Event<'_>) -> Result<(), Failure> {
    if !(1..=LONGEST).contains(&sku.len()) {
        return Err(Failure::reject("bad-sku", format!("`sku` has 1 to {LONGEST} bytes")));
    }
    if event.key() == Some(sku.as_bytes()) {
        return Ok(());
    }
    let key = event.key().map_or("null".into(), |key| key.escape_ascii().to_string());
    let message = format!("what concerns {sku} has the key {key}: the topic must be keyed by `sku`");
    Err(Failure::reject("wrong-key", message))
}

fn check_quantity(quantity: i64, least: i64) -> Result<(), Failure> {
    if (least..=MOST).contains(&quantity) {
        return Ok(());
    }
    Err(Failure::reject("bad-quantity", format!("`quantity` is {quantity}, and must be from {least} to {MOST}")))
}

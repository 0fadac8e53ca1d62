//! A payment, as far as it is looked at.

use serde::Deserialize;
use serde_json::value::RawValue;
use std::borrow::Cow;
use wasmill_decimal::Decimal;
use wasmill_plugin::Failure;

/// What is read of a payment; it may have more.
#[derive(Deserialize)]
pub struct Payment<'e> {
    #[serde(borrow)]
    user_id: Option<Cow<'e, str>>,
    #[serde(borrow)]
    amount: Option<&'e RawValue>,
    /// What became of it.
    #[serde(borrow)]
    pub status: Cow<'e, str>,
}

impl Payment<'_> {
    /// Exactly as it is written, as a number or as a text.
    pub fn amount(&self) -> Result<Decimal, Failure> {
        let bad = |what: String| Failure::reject("bad-amount", format!("field `amount` {what}"));
        let amount = self.amount.ok_or_else(|| bad("is missing".into()))?;
        serde_json::from_str(amount.get()).map_err(|error| bad(format!("is no decimal: {error}")))
    }

    /// Whose it is.
    pub fn user(&self) -> Result<&str, Failure> {
        let user = self.user_id.as_deref().filter(|user| !user.is_empty());
        user.ok_or_else(|| Failure::reject("no-user", "field `user_id` is missing or empty"))
    }
}

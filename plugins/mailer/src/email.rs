//! What comes in and what goes out.

use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;
use wasmill_plugin::Failure;

/// What is kept of a client: no more than an email needs.
#[derive(Clone, Serialize, Deserialize)]
pub(crate) struct Client {
    pub(crate) name: String,
    pub(crate) email: String,
}

/// What an email says of a transaction, as it was written.
#[derive(Deserialize)]
#[serde(bound(deserialize = "'de: 'a"))]
pub(crate) struct Bill<'a> {
    id: &'a RawValue,
    amount: &'a RawValue,
    currency: &'a RawValue,
}

#[derive(Serialize)]
pub(crate) struct Email<'a> {
    to: &'a str,
    name: &'a str,
    subject: &'a str,
    transaction_id: &'a RawValue,
    amount: &'a RawValue,
    currency: &'a RawValue,
}

/// A transaction that no email was made of.
#[derive(Serialize)]
pub(crate) struct Undeliverable<'a> {
    reason: &'static str,
    transaction: &'a RawValue,
}

impl<'a> Bill<'a> {
    /// Of a transaction that waited.
    pub(crate) fn kept(transaction: &'a RawValue) -> Result<Self, Failure> {
        serde_json::from_str(transaction.get())
            .map_err(|error| Failure::stop("unreadable-state", format!("a transaction that waited: {error}")))
    }
}

impl<'a> Email<'a> {
    pub(crate) fn new(client: &'a Client, subject: &'a str, bill: &Bill<'a>) -> Self {
        let Bill { id, amount, currency } = bill;
        Email { to: &client.email, name: &client.name, subject, transaction_id: id, amount, currency }
    }
}

impl<'a> Undeliverable<'a> {
    pub(crate) fn unknown_client(transaction: &'a RawValue) -> Self {
        Undeliverable { reason: "unknown-client", transaction }
    }
}

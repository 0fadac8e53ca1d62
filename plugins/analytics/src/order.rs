//! An order, as far as it is looked at.

use serde::Deserialize;
use serde_json::value::RawValue;
use std::borrow::Cow;
use wasmill_decimal::Decimal;
use wasmill_plugin::{Event, Failure};

/// Bytes of a country's name, which is part of a key.
const LONGEST_COUNTRY: usize = 64;

/// Characters of a currency: each has an entry in every row.
const LONGEST_CURRENCY: usize = 8;

/// What is counted of an order.
pub(crate) struct Order<'e> {
    pub(crate) country: Cow<'e, str>,
    pub(crate) currency: Cow<'e, str>,
    pub(crate) amount: Decimal,
    pub(crate) text: &'e RawValue,
}

/// It may have more.
#[derive(Deserialize)]
struct Fields<'e> {
    #[serde(borrow)]
    country: Option<Text<'e>>,
    #[serde(borrow)]
    currency: Option<Text<'e>>,
    #[serde(borrow)]
    amount: Option<&'e RawValue>,
}

/// Copied only if something in it is escaped.
#[derive(Deserialize)]
struct Text<'e>(#[serde(borrow)] Cow<'e, str>);

impl<'e> Order<'e> {
    pub(crate) fn of(event: &Event<'e>) -> Result<Self, Failure> {
        let fields: Fields<'e> = event.json()?;
        Ok(Order {
            country: country(fields.country)?,
            currency: currency(fields.currency)?,
            amount: amount(fields.amount)?,
            text: event.json()?,
        })
    }
}

fn country(field: Option<Text<'_>>) -> Result<Cow<'_, str>, Failure> {
    match field {
        Some(Text(country)) if (1..=LONGEST_COUNTRY).contains(&country.len()) => Ok(country),
        Some(_) => Err(Failure::reject("bad-country", format!("field `country` has 1 to {LONGEST_COUNTRY} bytes"))),
        None => Err(Failure::reject("bad-country", "field `country` is missing")),
    }
}

fn currency(field: Option<Text<'_>>) -> Result<Cow<'_, str>, Failure> {
    let bad = |what: &str| Failure::reject("bad-currency", format!("field `currency` {what}"));
    let Text(currency) = field.ok_or_else(|| bad("is missing: amounts of different currencies are not added up"))?;
    let is_code = (1..=LONGEST_CURRENCY).contains(&currency.len())
        && currency.bytes().all(|byte| byte.is_ascii_uppercase() || byte.is_ascii_digit());
    if is_code { Ok(currency) } else { Err(bad("is no code such as USD")) }
}

fn amount(field: Option<&RawValue>) -> Result<Decimal, Failure> {
    let bad = |what: String| Failure::reject("bad-amount", format!("field `amount` {what}"));
    let amount = field.ok_or_else(|| bad("is missing".into()))?;
    serde_json::from_str(amount.get()).map_err(|error| bad(format!("is no decimal: {error}")))
}

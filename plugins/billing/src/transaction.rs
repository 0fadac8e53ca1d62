//! A transaction, as it was written.

use crate::status::Status;
use serde::de::Error as _;
use serde::{Deserialize, Deserializer};
use serde_json::value::RawValue;
use std::borrow::Cow;
use wasmill_decimal::Decimal;
use wasmill_plugin::{Event, Failure};

/// Bytes of an id: it is part of several keys, which have a bound together.
const LONGEST_ID: usize = 1024;

/// Characters of an interval.
const LONGEST_INTERVAL: usize = 64;

/// A transaction: what this plugin goes by, and the text that it was read from, which goes on as it is.
pub(crate) struct Transaction<'a> {
    pub(crate) id: Cow<'a, str>,
    pub(crate) client_id: Cow<'a, str>,
    pub(crate) status: Status,
    /// Empty: it has none.
    pub(crate) interval: Cow<'a, str>,
    pub(crate) text: &'a RawValue,
    written_status: &'a RawValue,
}

#[derive(Deserialize)]
#[serde(bound(deserialize = "'de: 'a"))]
struct Fields<'a> {
    id: Name<'a>,
    client_id: Name<'a>,
    amount: &'a RawValue,
    /// Money without it is none. What it says is nothing to this plugin.
    #[serde(rename = "currency")]
    _currency: Name<'a>,
    status: &'a RawValue,
    #[serde(default)]
    interval: Option<Text<'a>>,
}

impl<'a> Transaction<'a> {
    /// That of an event, which must be keyed by its id.
    pub(crate) fn of(event: &Event<'a>) -> Result<Self, Failure> {
        let transaction = Transaction::read(event.json()?, event.json()?)?;
        let (id, key) = (&transaction.id, event.key());
        if key != Some(id.as_bytes()) {
            let key = key.map_or("null".into(), |key| key.escape_ascii().to_string());
            let message = format!("transaction {id} has the key {key}: the topic must be keyed by `id`");
            return Err(Failure::reject("wrong-key", message));
        }
        Ok(transaction)
    }

    /// One that was kept.
    pub(crate) fn kept(text: &'a RawValue) -> Result<Self, Failure> {
        let unreadable = |what: &str| Failure::stop("unreadable-state", format!("a transaction that was kept: {what}"));
        let fields = serde_json::from_str(text.get()).map_err(|error| unreadable(&error.to_string()))?;
        Transaction::read(text, fields).map_err(|failure| unreadable(failure.message()))
    }

    fn read(text: &'a RawValue, fields: Fields<'a>) -> Result<Self, Failure> {
        let Name(id) = fields.id;
        if id.len() > LONGEST_ID {
            let message = format!("`id` has {} bytes, and {LONGEST_ID} are the most", id.len());
            return Err(Failure::reject("long-id", message));
        }
        // Whatever adds them up later must not be the first to find out. As a number it would be rounded here.
        if let Err(error) = Decimal::from_raw(fields.amount) {
            return Err(Failure::reject("bad-amount", format!("`amount`: {} is {error}", fields.amount)));
        }
        let interval = fields.interval.map_or(Cow::Borrowed(""), |Text(interval)| interval);
        if !interval.is_empty() {
            check_interval(&interval)?;
        }
        Ok(Transaction {
            id,
            client_id: fields.client_id.0,
            status: status(fields.status)?,
            interval,
            text,
            written_status: fields.status,
        })
    }

    /// Its text with the status BILLED; all the rest is byte for byte as it was.
    pub(crate) fn billed(&self) -> Box<RawValue> {
        let (text, status) = (self.text.get(), self.written_status.get());
        // The status is a part of the text.
        let start = status.as_ptr().addr() - text.as_ptr().addr();
        let billed = format!("{}\"{}\"{}", &text[..start], Status::Billed, &text[start + status.len()..]);
        RawValue::from_string(billed).expect("JSON, with a text where another one was, is JSON")
    }
}

/// That an interval is a word: in keys a slash stands behind it.
pub(crate) fn check_interval(interval: &str) -> Result<(), Failure> {
    let is_of_words = |c: char| c.is_ascii_alphanumeric() || c == '-' || c == '_';
    if (1..=LONGEST_INTERVAL).contains(&interval.len()) && interval.chars().all(is_of_words) {
        return Ok(());
    }
    let message =
        format!("`interval` is {interval:?}; it is a word of up to {LONGEST_INTERVAL} letters, digits, - and _");
    Err(Failure::reject("bad-interval", message))
}

fn status(written: &RawValue) -> Result<Status, Failure> {
    let name = serde_json::from_str::<Text>(written.get()).ok();
    name.and_then(|Text(name)| Status::of(&name)).ok_or_else(|| {
        let message = format!("`status` is {written}; there are APPROVED, DECLINED, REFUNDED and BILLED");
        Failure::reject("unknown-status", message)
    })
}

/// A JSON text, copied only if something in it is escaped.
#[derive(Deserialize)]
struct Text<'a>(#[serde(borrow)] Cow<'a, str>);

/// What names something: a text, or a number as it is written. `17` and `"17"` are the same.
struct Name<'a>(Cow<'a, str>);

impl<'de: 'a, 'a> Deserialize<'de> for Name<'a> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let written = <&'de RawValue>::deserialize(deserializer)?.get();
        match written.as_bytes()[0] {
            b'-' | b'0'..=b'9' => Ok(Name(written.into())),
            b'"' if written != r#""""# => {
                let Text(text) = serde_json::from_str(written).map_err(D::Error::custom)?;
                Ok(Name(text))
            }
            _ => Err(D::Error::custom(format_args!("{written} names nothing: it takes a text or a number"))),
        }
    }
}

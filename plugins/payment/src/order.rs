//! An order as a list of fields, so that all of them stay as they were.

use serde::de::{MapAccess, Visitor};
use serde::ser::SerializeMap;
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use serde_json::value::RawValue;
use std::borrow::Cow;
use std::fmt;
use wasmill_plugin::Failure;

const STATUS: &str = "status";
const PAYMENT_ID: &str = "payment_id";

/// The fields in their order, the values as they were written: `10.10` stays `10.10`.
pub(crate) struct Order<'a>(Vec<(Name<'a>, &'a RawValue)>);

/// An order with another status and a payment id.
pub(crate) struct Paid<'a> {
    order: &'a Order<'a>,
    payment_id: &'a str,
}

#[derive(Deserialize)]
struct Name<'a>(#[serde(borrow)] Cow<'a, str>);

impl<'a> Order<'a> {
    /// The text of `order_id`, which may be a text or a number. Where the field repeats, the last one counts.
    pub(crate) fn id(&self) -> Result<Cow<'a, str>, Failure> {
        let id = self.0.iter().rfind(|(name, _)| name.0 == "order_id").map(|(_, value)| value.get());
        match id.map(|id| (id, id.as_bytes()[0])) {
            Some((number, b'-' | b'0'..=b'9')) => Ok(number.into()),
            Some((text, b'"')) if text != r#""""# => {
                let Name(text) = serde_json::from_str(text).map_err(|_| no_order_id(Some(text)))?;
                Ok(text)
            }
            other => Err(no_order_id(other.map(|(id, _)| id))),
        }
    }

    pub(crate) fn paid(&'a self, payment_id: &'a str) -> Paid<'a> {
        Paid { order: self, payment_id }
    }
}

#[cold]
fn no_order_id(found: Option<&str>) -> Failure {
    let found = found.map_or_else(|| "is missing".into(), |id| format!("is {id}"));
    Failure::reject("no-order-id", format!("`order_id` {found}; a payment needs a text or a number there"))
}

impl<'de: 'a, 'a> Deserialize<'de> for Order<'a> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Fields;

        impl<'de> Visitor<'de> for Fields {
            type Value = Order<'de>;

            fn expecting(&self, f: &mut fmt::Formatter) -> fmt::Result {
                f.write_str("an order, as an object")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Order<'de>, A::Error> {
                let mut fields = Vec::with_capacity(16);
                while let Some(field) = map.next_entry()? {
                    fields.push(field);
                }
                Ok(Order(fields))
            }
        }

        deserializer.deserialize_map(Fields)
    }
}

impl Serialize for Paid<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(None)?;
        let mut missing = [Some((STATUS, "PAID")), Some((PAYMENT_ID, self.payment_id))];
        for (Name(name), value) in &self.order.0 {
            let own = match name.as_ref() {
                STATUS => &mut missing[0],
                PAYMENT_ID => &mut missing[1],
                name => {
                    map.serialize_entry(name, value)?;
                    continue;
                }
            };
            if let Some((name, value)) = own.take() {
                map.serialize_entry(name, value)?;
            }
        }
        for (name, value) in missing.into_iter().flatten() {
            map.serialize_entry(name, value)?;
        }
        map.end()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn paid(order: &str) -> String {
        let order: Order = serde_json::from_str(order).unwrap();
        serde_json::to_string(&order.paid("P")).unwrap()
    }

    #[test]
    fn fields_stay_as_they_were() {
        assert_eq!(
            paid(r#"{ "b" : 10.10, "status": "NEW", "n\"": {"x" : 1E+2}, "a": [ ] }"#),
            r#"{"b":10.10,"status":"PAID","n\"":{"x" : 1E+2},"a":[ ],"payment_id":"P"}"#
        );
    }

    #[test]
    fn both_fields_are_written_once_where_they_stood_or_at_the_end() {
        assert_eq!(paid("{}"), r#"{"status":"PAID","payment_id":"P"}"#);
        assert_eq!(paid(r#"{"payment_id":7,"status":null}"#), r#"{"payment_id":"P","status":"PAID"}"#);
        assert_eq!(paid(r#"{"status":1,"status":2}"#), r#"{"status":"PAID","payment_id":"P"}"#);
    }

    #[test]
    fn an_id_is_a_text_or_a_number() {
        let id = |order: &str| serde_json::from_str::<Order>(order).unwrap().id().map(|id| id.into_owned());
        assert_eq!(id(r#"{"order_id":"a\u0041"}"#).unwrap(), "aA");
        assert_eq!(id(r#"{"order_id":1,"order_id":-2}"#).unwrap(), "-2");
        for order in [r#"{}"#, r#"{"order_id":null}"#, r#"{"order_id":""}"#, r#"{"order_id":[1]}"#] {
            assert_eq!(id(order).unwrap_err().code(), "no-order-id", "{order}");
        }
    }
}

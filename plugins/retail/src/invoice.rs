//! What comes in.

use serde::de::value::MapAccessDeserializer;
use serde::de::{Error as _, MapAccess, SeqAccess, Visitor};
use serde::{Deserialize, Deserializer, Serialize};
use serde_json::value::RawValue;
use std::borrow::Cow;
use std::fmt;
use wasmill_decimal::Decimal;
use wasmill_plugin::Failure;

/// An invoice of a till. What is only passed on is kept as it was written.
#[derive(Deserialize)]
#[serde(bound(deserialize = "'de: 'a"))]
pub(crate) struct Invoice<'a> {
    #[serde(rename = "InvoiceNumber")]
    pub(crate) number: Name<'a>,
    #[serde(rename = "CreatedTime")]
    pub(crate) created_time: Option<&'a RawValue>,
    #[serde(rename = "StoreID")]
    pub(crate) store: Option<&'a RawValue>,
    #[serde(rename = "PosID")]
    pub(crate) till: Option<&'a RawValue>,
    #[serde(rename = "CashierID")]
    pub(crate) cashier: Option<&'a RawValue>,
    #[serde(rename = "CustomerType", borrow)]
    pub(crate) customer_type: Cow<'a, str>,
    #[serde(rename = "CustomerCardNo")]
    pub(crate) card: Option<Name<'a>>,
    #[serde(rename = "DeliveryType", borrow)]
    pub(crate) delivery_type: Cow<'a, str>,
    #[serde(rename = "DeliveryAddress")]
    pub(crate) address: Option<Address<'a>>,
    #[serde(rename = "InvoiceLineItem")]
    pub(crate) items: Items<'a>,
}

#[derive(Deserialize)]
#[serde(bound(deserialize = "'de: 'a"), rename_all = "PascalCase")]
pub(crate) struct Address<'a> {
    pub(crate) address_line: Option<&'a RawValue>,
    pub(crate) city: Option<&'a RawValue>,
    pub(crate) state: Option<&'a RawValue>,
    pub(crate) pin_code: Option<&'a RawValue>,
    pub(crate) contact_number: Option<&'a RawValue>,
}

#[derive(Deserialize)]
#[serde(bound(deserialize = "'de: 'a"))]
pub(crate) struct Item<'a> {
    #[serde(rename = "ItemCode")]
    pub(crate) code: Name<'a>,
    #[serde(rename = "ItemDescription")]
    pub(crate) description: Option<&'a RawValue>,
    #[serde(rename = "ItemPrice")]
    pub(crate) price: Decimal,
    #[serde(rename = "ItemQty")]
    pub(crate) quantity: Decimal,
}

pub(crate) enum CustomerType {
    Prime,
    Nonprime,
}

impl Invoice<'_> {
    pub(crate) fn customer_type(&self) -> Result<CustomerType, Failure> {
        match self.customer_type.as_ref() {
            "PRIME" => Ok(CustomerType::Prime),
            "NONPRIME" => Ok(CustomerType::Nonprime),
            // To take it for NONPRIME would cost a customer his points, and nobody would notice.
            other => {
                let message = format!("`CustomerType` is {other:?}; there are PRIME and NONPRIME");
                Err(Failure::reject("unknown-customer-type", message))
            }
        }
    }

    pub(crate) fn total(&self) -> Result<Decimal, Failure> {
        let mut total = Decimal::ZERO;
        for item in &self.items.0 {
            total = total.plus(item.total()?).ok_or_else(too_large)?;
        }
        Ok(total)
    }
}

impl Item<'_> {
    pub(crate) fn total(&self) -> Result<Decimal, Failure> {
        self.price.times(self.quantity).ok_or_else(too_large)
    }
}

#[cold]
pub(crate) fn too_large() -> Failure {
    Failure::reject(
        "too-large",
        "prices and quantities have more digits than can be multiplied and summed exactly (38)",
    )
}

/// What names something: a text or a number, kept as it was written.
#[derive(Serialize)]
#[serde(transparent)]
pub(crate) struct Name<'a>(&'a RawValue);

impl Name<'_> {
    /// Without quotes and escapes.
    pub(crate) fn text(&self) -> Cow<'_, str> {
        #[derive(Deserialize)]
        struct Text<'a>(#[serde(borrow)] Cow<'a, str>);

        let written = self.0.get();
        serde_json::from_str(written).map_or(Cow::Borrowed(written), |Text(text)| text)
    }
}

impl<'de: 'a, 'a> Deserialize<'de> for Name<'a> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let written = <&RawValue>::deserialize(deserializer)?;
        match written.get().as_bytes()[0] {
            b'"' if written.get() != r#""""# => Ok(Name(written)),
            b'-' | b'0'..=b'9' => Ok(Name(written)),
            _ => Err(D::Error::custom(format_args!("{} is neither a text nor a number", written.get()))),
        }
    }
}

/// Line items: one alone is not always written as a list.
pub(crate) struct Items<'a>(pub(crate) Vec<Item<'a>>);

impl<'de: 'a, 'a> Deserialize<'de> for Items<'a> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct OneOrMany;

        impl<'de> Visitor<'de> for OneOrMany {
            type Value = Items<'de>;

            fn expecting(&self, f: &mut fmt::Formatter) -> fmt::Result {
                f.write_str("a line item or a list of them")
            }

            fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<Items<'de>, A::Error> {
                Ok(Items(vec![Item::deserialize(MapAccessDeserializer::new(map))?]))
            }

            fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<Items<'de>, A::Error> {
                let mut items = vec![];
                while let Some(item) = list.next_element()? {
                    items.push(item);
                }
                Ok(Items(items))
            }
        }

        deserializer.deserialize_any(OneOrMany)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn items(json: &str) -> Result<Vec<String>, String> {
        let items: Items = serde_json::from_str(json).map_err(|error| error.to_string())?;
        Ok(items.0.iter().map(|item| format!("{} {}", item.code.text(), item.total().unwrap())).collect())
    }

    #[test]
    fn line_items_are_one_or_many() {
        let item = r#"{"ItemCode":1,"ItemPrice":1.10,"ItemQty":2,"Extra":{}}"#;
        assert_eq!(items(item).unwrap(), ["1 2.20"]);
        assert_eq!(items(&format!("[{item},{item}]")).unwrap(), ["1 2.20", "1 2.20"]);
        assert_eq!(items("[]").unwrap(), [""; 0]);
        assert!(items("7").unwrap_err().contains("a line item or a list of them"));
        assert!(items("[{}]").unwrap_err().contains("ItemCode"));
    }

    #[test]
    fn a_name_is_a_text_or_a_number() {
        let name = |json| serde_json::from_str::<Name>(json).map(|name| name.text().into_owned());
        assert_eq!(name("007.50e1").ok(), None);
        assert_eq!(name("17").unwrap(), "17");
        assert_eq!(name(r#""\u00e9\"""#).unwrap(), "é\"");
        for json in ["null", "true", "{}", "[1]", r#""""#] {
            assert!(name(json).unwrap_err().to_string().contains("neither a text nor a number"), "{json}");
        }
    }
}

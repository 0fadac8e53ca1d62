//! What is added up.

use serde::{Deserialize, Serialize};
use wasmill_decimal::Decimal;

/// So many events, and what they come to.
#[derive(Debug, Clone, Copy, Default, PartialEq, Serialize, Deserialize)]
pub struct Sum {
    /// How many.
    pub count: u64,
    /// None: nothing was added, or it would have more than 38 digits.
    #[serde(with = "text")]
    pub total: Option<Decimal>,
}

impl Sum {
    pub(crate) fn add(&mut self, amount: Decimal) {
        let before = if self.count == 0 { Some(Decimal::ZERO) } else { self.total };
        self.count += 1;
        self.total = before.and_then(|before| before.plus(amount));
    }

    /// Adds another one, when two sessions become one.
    pub(crate) fn merge(&mut self, other: Sum) {
        if other.count == 0 {
            return;
        }
        if self.count == 0 {
            *self = other;
            return;
        }
        self.count += other.count;
        self.total = self.total.zip(other.total).and_then(|(one, two)| one.plus(two));
    }

    /// Such a sum is not kept.
    pub(crate) fn is_too_large(&self) -> bool {
        self.total.is_none()
    }
}

/// A decimal as a text: no reader turns it into a binary fraction by accident. None is empty.
pub(crate) mod text {
    use serde::de::{Error, Visitor};
    use serde::{Deserializer, Serializer};
    use std::fmt;
    use wasmill_decimal::Decimal;

    pub fn serialize<S: Serializer>(total: &Option<Decimal>, serializer: S) -> Result<S::Ok, S::Error> {
        match total {
            Some(total) => serializer.serialize_str(&total.text()),
            None => serializer.serialize_str(""),
        }
    }

    pub fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<Decimal>, D::Error> {
        struct Text;
        impl Visitor<'_> for Text {
            type Value = Option<Decimal>;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a decimal as a text")
            }

            fn visit_str<E: Error>(self, text: &str) -> Result<Self::Value, E> {
                if text.is_empty() { Ok(None) } else { text.parse().map(Some).map_err(E::custom) }
            }
        }
        deserializer.deserialize_str(Text)
    }
}

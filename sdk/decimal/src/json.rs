//! From and to JSON.

use crate::{Decimal, NotDecimal};
use serde::de::Error as _;
use serde::ser::Error as _;
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use serde_json::value::RawValue;

/// Of a number, or of a text that holds one, exactly as it stands in the JSON text of an event. From a
/// [`serde_json::Value`], as of settings, use [`from_value`]: it does not hold that text any more.
impl<'de> Deserialize<'de> for Decimal {
    #[inline]
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = <&RawValue>::deserialize(deserializer)?;
        Decimal::from_raw(text).map_err(|error| D::Error::custom(format_args!("{text} is {error}")))
    }
}

impl Decimal {
    /// Of a number, or of a text that holds one, exactly as it stands in the JSON text of an event.
    ///
    /// # Errors
    /// It is something else.
    #[inline]
    pub fn from_raw(json: &RawValue) -> Result<Self, NotDecimal> {
        let text = json.get();
        text.strip_prefix('"').and_then(|text| text.strip_suffix('"')).unwrap_or(text).parse()
    }
}

/// For settings: `#[serde(deserialize_with = "wasmill_decimal::from_value")]`.
///
/// # Errors
/// That of the deserializer, for what is neither a number nor a text that holds one.
pub fn from_value<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Decimal, D::Error> {
    let value = serde_json::Value::deserialize(deserializer)?;
    let text = match &value {
        serde_json::Value::String(text) => text.clone(),
        other => other.to_string(),
    };
    text.parse().map_err(|error| D::Error::custom(format_args!("{value} is {error}")))
}

/// As a JSON number of the same digits.
impl Serialize for Decimal {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        RawValue::from_string((*self.text()).to_owned()).map_err(S::Error::custom)?.serialize(serializer)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(Debug, Deserialize, Serialize, PartialEq)]
    struct Price {
        price: Decimal,
    }

    #[derive(Deserialize)]
    struct Settings {
        #[serde(deserialize_with = "from_value")]
        threshold: Decimal,
    }

    #[test]
    fn digits_survive() {
        for number in ["10.10", "0.00", "12345678901234567890123.45"] {
            let text = format!(r#"{{"price":{number}}}"#);
            let price: Price = serde_json::from_str(&text).unwrap();
            assert_eq!(serde_json::to_string(&price).unwrap(), text);
        }
        let quoted: Price = serde_json::from_str(r#"{"price":"10.10"}"#).unwrap();
        assert_eq!(serde_json::to_string(&quoted).unwrap(), r#"{"price":10.10}"#);
    }

    #[test]
    fn what_is_no_number_is_named() {
        for value in ["null", r#""a lot""#, "{}", "true"] {
            let error = serde_json::from_str::<Price>(&format!(r#"{{"price":{value}}}"#)).unwrap_err().to_string();
            assert!(error.starts_with(&format!("{value} is not a decimal number")), "{error}");
        }
    }

    #[test]
    fn settings_are_read_from_values() {
        for (value, wanted) in [(serde_json::json!(300.10), "300.1"), (serde_json::json!("0.020"), "0.020")] {
            let settings: Settings = serde_json::from_value(serde_json::json!({ "threshold": value })).unwrap();
            assert_eq!(settings.threshold.to_string(), wanted);
        }
    }
}

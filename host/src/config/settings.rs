//! From TOML to the JSON that `configure` gets.

use super::table::Field;
use serde_json::{Map, Number, Value};
use toml::de::DeValue;

/// The field's value as JSON, strings with their variables replaced; None where it can't be said in JSON, which is reported.
pub(super) fn to_json(field: &Field<'_, '_>) -> Option<Value> {
    match field.value()? {
        DeValue::String(_) => field.text("a string").map(Value::String),
        DeValue::Integer(_) => field.integer(i64::MIN..=i64::MAX).map(Value::from),
        DeValue::Float(float) => match float.as_str().parse().ok().and_then(Number::from_f64) {
            Some(number) => Some(Value::Number(number)),
            None => {
                field.report("JSON, in which settings are handed over, has no such number");
                None
            }
        },
        DeValue::Boolean(boolean) => Some(Value::Bool(*boolean)),
        // JSON has no time; RFC 3339 is what every language reads.
        DeValue::Datetime(datetime) => Some(Value::String(datetime.to_string())),
        DeValue::Array(_) => Some(Value::Array(field.items()?.iter().filter_map(to_json).collect())),
        DeValue::Table(_) => Some(Value::Object(table_to_json(field.entries()?))),
    }
}

/// In the order of the file: a plugin may show its settings to a person.
pub(super) fn table_to_json(entries: Vec<(String, Field<'_, '_>)>) -> Map<String, Value> {
    entries.into_iter().filter_map(|(name, field)| Some((name, to_json(&field)?))).collect()
}

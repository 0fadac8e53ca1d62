//! The two fields of an order that count.

use serde::de::{DeserializeSeed, Deserializer, Error, IgnoredAny, MapAccess, Visitor};
use serde_json::value::RawValue;
use std::fmt;

/// Finds them by their names, and passes over all others without a copy.
#[derive(Clone, Copy)]
pub struct Wanted<'n> {
    /// The field whose value names the group.
    pub group: &'n str,
    /// The field that is added up.
    pub amount: &'n str,
}

/// As they are written. Of a field that stands there twice, the last one counts.
#[derive(Default)]
pub struct Fields<'e> {
    pub group: Option<&'e RawValue>,
    pub amount: Option<&'e RawValue>,
}

impl<'e> DeserializeSeed<'e> for Wanted<'_> {
    type Value = Fields<'e>;

    #[inline]
    fn deserialize<D: Deserializer<'e>>(self, deserializer: D) -> Result<Fields<'e>, D::Error> {
        deserializer.deserialize_map(self)
    }
}

impl<'e> Visitor<'e> for Wanted<'_> {
    type Value = Fields<'e>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a map")
    }

    #[inline]
    fn visit_map<A: MapAccess<'e>>(self, mut map: A) -> Result<Fields<'e>, A::Error> {
        let mut fields = Fields::default();
        while let Some(field) = map.next_key_seed(Named(self))? {
            match field {
                Field::Group => fields.group = Some(map.next_value()?),
                Field::Amount => fields.amount = Some(map.next_value()?),
                Field::Other => drop(map.next_value::<IgnoredAny>()?),
            }
        }
        Ok(fields)
    }
}

enum Field {
    Group,
    Amount,
    Other,
}

struct Named<'n>(Wanted<'n>);

impl<'e> DeserializeSeed<'e> for Named<'_> {
    type Value = Field;

    #[inline]
    fn deserialize<D: Deserializer<'e>>(self, deserializer: D) -> Result<Field, D::Error> {
        deserializer.deserialize_str(self)
    }
}

impl Visitor<'_> for Named<'_> {
    type Value = Field;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a field's name")
    }

    #[inline]
    fn visit_str<E: Error>(self, name: &str) -> Result<Field, E> {
        Ok(match name {
            name if name == self.0.group => Field::Group,
            name if name == self.0.amount => Field::Amount,
            _ => Field::Other,
        })
    }
}

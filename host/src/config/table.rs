//! A cursor over a table: fields are taken out, each says what it expects, and what is left in the end is unknown.

use super::document::{Document, Kind, join, nearest};
use super::errors::Place;
use super::values;
use std::borrow::Cow;
use std::fmt::Display;
use std::ops::RangeInclusive;
use std::time::Duration;
use toml::Spanned;
use toml::de::{DeString, DeTable, DeValue};

/// A table of which keys are still to be taken.
pub(super) struct Table<'d, 't> {
    document: &'d Document<'t>,
    path: String,
    /// In the order of the file.
    entries: Vec<(Spanned<DeString<'t>>, Spanned<DeValue<'t>>)>,
}

/// A key, and its value if it has one. What reads it answers None if there is none, or if it is wrong: that has been
/// reported then, and any value will do to go on to the next error.
pub(super) struct Field<'d, 't> {
    document: &'d Document<'t>,
    path: String,
    value: Option<DeValue<'t>>,
    place: Place,
}

impl<'d, 't> Table<'d, 't> {
    pub(super) fn new(document: &'d Document<'t>, path: String, table: DeTable<'t>) -> Self {
        let mut entries = table.into_iter().collect::<Vec<_>>();
        entries.sort_by_key(|(key, _)| key.span().start);
        Table { document, path, entries }
    }

    /// The key's field.
    pub(super) fn take(&mut self, key: &str) -> Field<'d, 't> {
        self.document.learn(&self.path, key, Kind::Value);
        self.remove(key)
    }

    /// The table of that name; an empty one if it is missing.
    pub(super) fn table(&mut self, key: &str) -> Table<'d, 't> {
        self.document.learn(&self.path, key, Kind::Table);
        let field = self.remove(key);
        let table = match field.value {
            Some(DeValue::Table(table)) => table,
            None => DeTable::new(),
            Some(_) => {
                field.wrong_type::<()>(&format!("a table, [{}]", field.path));
                DeTable::new()
            }
        };
        Table::new(self.document, field.path, table)
    }

    /// All fields that are left, of a table whose keys are the user's own.
    pub(super) fn rest(self) -> Vec<(String, Field<'d, 't>)> {
        self.document.learn(&self.path, "*", Kind::Value);
        self.fields()
    }

    /// Reports what is left as unknown.
    pub(super) fn finish(self) {
        for (key, _) in self.entries {
            self.document.report_unknown(&self.path, key.get_ref(), self.document.place(key.span()));
        }
    }

    fn remove(&mut self, key: &str) -> Field<'d, 't> {
        match self.entries.iter().position(|(name, _)| name.get_ref() == key) {
            Some(index) => {
                let (key, value) = self.entries.remove(index);
                field(self.document, &self.path, key, value).1
            }
            None => Field { document: self.document, path: join(&self.path, key), value: None, place: Place::Nowhere },
        }
    }

    fn fields(self) -> Vec<(String, Field<'d, 't>)> {
        let Table { document, path, entries } = self;
        entries.into_iter().map(|(key, value)| field(document, &path, key, value)).collect()
    }
}

fn field<'d, 't>(
    document: &'d Document<'t>,
    table: &str,
    key: Spanned<DeString<'t>>,
    value: Spanned<DeValue<'t>>,
) -> (String, Field<'d, 't>) {
    let place = match value.get_ref() {
        // A table's own span may begin anywhere in it.
        DeValue::Table(_) => document.place(key.span()),
        _ => document.place(value.span()),
    };
    let key = key.into_inner().into_owned();
    let path = join(table, &key);
    (key, Field { document, path, value: Some(value.into_inner()), place })
}

impl<'d, 't> Field<'d, 't> {
    /// The same field with the value that an option gave, if it did; what the file says is not looked at then.
    pub(super) fn or_option(self, option: &'static str, value: Option<&str>) -> Self {
        match value {
            // An option is taken as it is: what the shell left of `${` was meant.
            Some(text) => Field {
                value: Some(DeValue::String(Cow::Owned(text.replace("${", "$${")))),
                place: Place::Option(option),
                ..self
            },
            None => self,
        }
    }

    /// Whether it has a value, be it a wrong one.
    pub(super) fn is_set(&self) -> bool {
        self.value.is_some()
    }

    pub(super) fn value(&self) -> Option<&DeValue<'t>> {
        self.value.as_ref()
    }

    /// Where the value stands.
    pub(super) fn place(&self) -> &Place {
        &self.place
    }

    /// Says that something is wrong with the value.
    pub(super) fn report(&self, message: impl Display) {
        self.document.report(self.place.clone(), format!("`{}`: {message}", self.path));
    }

    /// A string, with its variables replaced.
    pub(super) fn text(&self, expected: &str) -> Option<String> {
        match self.value.as_ref()? {
            DeValue::String(text) => self.expanded(text),
            _ => self.wrong_type(expected),
        }
    }

    /// A string that `read` understands.
    pub(super) fn read<T>(&self, expected: &str, read: impl FnOnce(&str) -> Result<T, String>) -> Option<T> {
        self.ok(read(&self.text(expected)?))
    }

    /// One of a few words.
    pub(super) fn choice<T: Copy>(&self, choices: &[(&str, T)]) -> Option<T> {
        let words = choices.iter().map(|(word, _)| format!("`{word}`")).collect::<Vec<_>>().join(", ");
        self.read(&format!("one of {words}"), |text| match choices.iter().find(|(word, _)| *word == text) {
            Some((_, choice)) => Ok(*choice),
            None => Err(match nearest(text, choices.iter().map(|(word, _)| *word)) {
                Some(word) => format!("expected one of {words}, found \"{text}\"; did you mean `{word}`?"),
                None => format!("expected one of {words}, found \"{text}\""),
            }),
        })
    }

    /// A whole number; also from a string with variables, since the environment has only strings.
    pub(super) fn integer(&self, range: RangeInclusive<i64>) -> Option<i64> {
        let number = match self.value.as_ref()? {
            DeValue::Integer(integer) => i64::from_str_radix(integer.as_str(), integer.radix()).ok(),
            DeValue::String(text) if text.contains("${") => {
                let text = self.expanded(text)?;
                match text.trim().parse() {
                    Ok(number) => Some(number),
                    Err(_) => return self.ok(Err(format!("expected a whole number, found \"{text}\""))),
                }
            }
            _ => return self.wrong_type("a whole number"),
        };
        match number.filter(|number| range.contains(number)) {
            Some(number) => Some(number),
            None => self.ok(Err(format!("must be between {} and {}", range.start(), range.end()))),
        }
    }

    /// true or false; also from a string with variables.
    pub(super) fn boolean(&self) -> Option<bool> {
        match self.value.as_ref()? {
            DeValue::Boolean(boolean) => Some(*boolean),
            DeValue::String(text) if text.contains("${") => {
                let text = self.expanded(text)?;
                self.ok(text.trim().parse().map_err(|_| format!("expected true or false, found \"{text}\"")))
            }
            _ => self.wrong_type("true or false"),
        }
    }

    /// A time with its unit.
    pub(super) fn duration(&self, range: RangeInclusive<Duration>) -> Option<Duration> {
        let text = self.with_unit("a time with its unit", "ms")?;
        let duration = self.ok(values::duration(&text))?;
        self.within(duration, range, values::show_duration)
    }

    /// A time with its unit, or `"none"`, which is `Some(None)`.
    pub(super) fn duration_or_none(&self, range: RangeInclusive<Duration>) -> Option<Option<Duration>> {
        match &self.value {
            Some(DeValue::String(text)) if self.document.expand(text).is_ok_and(|text| text.trim() == "none") => {
                Some(None)
            }
            _ => self.duration(range).map(Some),
        }
    }

    /// A number of bytes with its unit.
    pub(super) fn size(&self, range: RangeInclusive<u64>) -> Option<usize> {
        let text = self.with_unit("a size with its unit", "MiB")?;
        let size = self.ok(values::size(&text))?;
        let size = self.within(size, range, values::show_size)?;
        self.ok(usize::try_from(size).map_err(|_| "is more than this machine can address".to_owned()))
    }

    /// The fields of a list.
    pub(super) fn items(&self) -> Option<Vec<Field<'d, 't>>> {
        let DeValue::Array(items) = self.value.as_ref()? else { return None };
        let item = |(index, item): (usize, &Spanned<DeValue<'t>>)| Field {
            document: self.document,
            path: format!("{}[{index}]", self.path),
            value: Some(item.get_ref().clone()),
            place: self.document.place(item.span()),
        };
        Some(items.iter().enumerate().map(item).collect())
    }

    /// The fields of a table whose keys are the user's own.
    pub(super) fn entries(&self) -> Option<Vec<(String, Field<'d, 't>)>> {
        let DeValue::Table(table) = self.value.as_ref()? else { return None };
        Some(Table::new(self.document, self.path.clone(), table.clone()).fields())
    }

    /// Reports that the value is of another type than `expected`.
    pub(super) fn wrong_type<T>(&self, expected: &str) -> Option<T> {
        let found = match self.value.as_ref()? {
            DeValue::String(_) => "a string",
            DeValue::Integer(_) => "an integer",
            DeValue::Float(_) => "a float",
            DeValue::Boolean(_) => "a boolean",
            DeValue::Datetime(_) => "a datetime",
            DeValue::Array(_) => "an array",
            DeValue::Table(_) => "a table",
        };
        self.ok(Err(format!("expected {expected}, found {found}")))
    }

    /// The value of a result whose error is reported.
    pub(super) fn ok<T>(&self, result: Result<T, String>) -> Option<T> {
        result.map_err(|message| self.report(message)).ok()
    }

    fn expanded(&self, text: &str) -> Option<String> {
        self.document.expand(text).map_err(|errors| errors.iter().for_each(|error| self.report(error))).ok()
    }

    fn with_unit(&self, expected: &str, unit: &str) -> Option<String> {
        match self.value.as_ref()? {
            DeValue::Integer(number) => self
                .ok(Err(format!("{number} has no unit: write it as a string with one, such as \"{number} {unit}\""))),
            _ => self.text(&format!("{expected}, such as \"100 {unit}\"")),
        }
    }

    fn within<T: PartialOrd + Copy>(&self, value: T, range: RangeInclusive<T>, show: fn(T) -> String) -> Option<T> {
        if range.contains(&value) {
            return Some(value);
        }
        self.ok(Err(format!("must be between {} and {}", show(*range.start()), show(*range.end()))))
    }
}

//! What a rule asks of a field.

use serde::Deserialize;
use serde_json::value::RawValue;
use std::borrow::Cow;
use std::cmp::Ordering;
use wasmill_decimal::Decimal;

/// A rule's question. None but [`Test::Missing`] holds for a field that is not there.
#[derive(Debug)]
pub(crate) enum Test {
    In(Vec<Scalar>),
    NotIn(Vec<Scalar>),
    Greater(Scalar),
    AtLeast(Scalar),
    Less(Scalar),
    AtMost(Scalar),
    Contains(Scalar),
    StartsWith(String),
    EndsWith(String),
    Exists,
    Missing,
}

/// A value of a rule.
#[derive(Debug, PartialEq)]
pub(crate) enum Scalar {
    Text(String),
    Number(Decimal),
    Truth(bool),
}

/// The value of a field that is there.
#[derive(Debug)]
enum Field<'a> {
    Text(Cow<'a, str>),
    Number(Decimal),
    Truth(bool),
    List(&'a RawValue),
    /// An object, or a number of more digits than any rule has.
    Other,
}

impl Test {
    /// Whether it holds for a field, which may not be there.
    pub(crate) fn holds(&self, field: Option<&RawValue>) -> bool {
        // What is null is not there.
        let field = field.filter(|field| field.get() != "null");
        let Some(field) = field.map(Field::read) else { return matches!(self, Test::Missing) };
        match self {
            Test::In(values) => values.iter().any(|value| field.equals(value)),
            Test::NotIn(values) => !values.iter().any(|value| field.equals(value)),
            Test::Greater(value) => field.order(value).is_some_and(Ordering::is_gt),
            Test::AtLeast(value) => field.order(value).is_some_and(Ordering::is_ge),
            Test::Less(value) => field.order(value).is_some_and(Ordering::is_lt),
            Test::AtMost(value) => field.order(value).is_some_and(Ordering::is_le),
            Test::Contains(value) => field.contains(value),
            Test::StartsWith(start) => matches!(field, Field::Text(text) if text.starts_with(start)),
            Test::EndsWith(end) => matches!(field, Field::Text(text) if text.ends_with(end)),
            Test::Exists => true,
            Test::Missing => false,
        }
    }
}

impl<'a> Field<'a> {
    fn read(json: &'a RawValue) -> Self {
        #[derive(Deserialize)]
        struct Text<'a>(#[serde(borrow)] Cow<'a, str>);

        let text = json.get();
        match text.as_bytes()[0] {
            b'"' => serde_json::from_str(text).map_or(Field::Other, |Text(text)| Field::Text(text)),
            b't' | b'f' => Field::Truth(text == "true"),
            b'[' => Field::List(json),
            b'{' => Field::Other,
            _ => text.parse().map_or(Field::Other, Field::Number),
        }
    }

    fn equals(&self, value: &Scalar) -> bool {
        match (self, value) {
            (Field::Text(text), Scalar::Text(value)) => text == value,
            (Field::Number(number), Scalar::Number(value)) => number == value,
            (Field::Truth(truth), Scalar::Truth(value)) => truth == value,
            _ => false,
        }
    }

    /// None: there is no order between the two.
    fn order(&self, value: &Scalar) -> Option<Ordering> {
        match (self, value) {
            (Field::Number(number), Scalar::Number(value)) => Some(number.cmp(value)),
            (Field::Text(text), Scalar::Text(value)) => Some(text.as_ref().cmp(value)),
            // Amounts are often written as texts, so that no tool on the way rounds them.
            (Field::Text(text), Scalar::Number(value)) => Some(text.parse::<Decimal>().ok()?.cmp(value)),
            _ => None,
        }
    }

    fn contains(&self, value: &Scalar) -> bool {
        match (self, value) {
            (Field::Text(text), Scalar::Text(value)) => text.contains(value),
            (Field::List(list), _) => serde_json::from_str::<Vec<&RawValue>>(list.get())
                .is_ok_and(|items| items.into_iter().any(|item| Field::read(item).equals(value))),
            _ => false,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn text(text: &str) -> Scalar {
        Scalar::Text(text.into())
    }

    fn number(number: &str) -> Scalar {
        Scalar::Number(number.parse().unwrap())
    }

    #[track_caller]
    fn check(test: Test, holds_for: &[&str], not_for: &[&str]) {
        let holds = |json: &str| test.holds(Some(serde_json::from_str(json).unwrap()));
        for json in holds_for {
            assert!(holds(json), "{test:?} does not hold for {json}");
        }
        for json in not_for {
            assert!(!holds(json), "{test:?} holds for {json}");
        }
    }

    #[test]
    fn equality_is_of_the_same_kind() {
        check(Test::In(vec![number("300")]), &["300", "300.00", "3e2"], &["300.01", r#""300""#, "null", "[300]"]);
        check(Test::In(vec![text("é")]), &[r#""é""#, r#""\u00e9""#], &[r#""É""#, r#""""#, "{}"]);
        check(Test::In(vec![Scalar::Truth(true)]), &["true"], &["false", r#""true""#, "1"]);
        check(Test::In(vec![text("a"), number("1")]), &["1", r#""a""#], &["2", r#""b""#]);
        check(Test::NotIn(vec![text("a"), number("1")]), &["2", r#""b""#, "{}", "[]"], &["1", r#""a""#, "null"]);
    }

    #[test]
    fn order_is_of_numbers_and_of_texts() {
        let others = ["null", "true", "[301]", "{}", r#""many""#];
        check(Test::Greater(number("300")), &["300.01", "1e300", r#""300.5""#], &["300.00", "-301"]);
        check(Test::AtLeast(number("300")), &["300.00", "301"], &["299.99"]);
        check(Test::Less(number("300")), &["299.99", "-1e300"], &["300", "1e300"]);
        check(Test::AtMost(number("300")), &["300.00", r#""12""#], &["300.01"]);
        check(Test::Greater(number("300")), &[], &others);
        check(Test::Less(number("300")), &[], &others);
        check(Test::AtLeast(text("2024-05-01")), &[r#""2024-05-01""#, r#""2024-11-30""#], &[r#""2024-04-30""#, "2025"]);
    }

    #[test]
    fn contains_is_of_texts_and_of_lists() {
        check(
            Test::Contains(text("an")),
            &[r#""banana""#, r#"["x","an"]"#],
            &[r#""bun""#, r#"["ant"]"#, r#"{"an":1}"#, "1"],
        );
        check(Test::Contains(number("1")), &["[2,1.0]"], &["1", r#""1""#, r#"["1"]"#, "[]"]);
    }

    #[test]
    fn starts_and_ends_are_of_texts() {
        check(Test::StartsWith("EU-".into()), &[r#""EU-17""#, r#""EU-""#], &[r#""US-EU-""#, "1", r#"["EU-"]"#]);
        check(Test::EndsWith("ß".into()), &[r#""Gruß""#], &[r#""ßx""#]);
    }

    #[test]
    fn what_is_null_is_missing() {
        check(Test::Exists, &["0", "false", r#""""#, "[]"], &["null"]);
        check(Test::Missing, &["null"], &["0", "[]"]);
        assert!(Test::Missing.holds(None));
        for test in [Test::Exists, Test::NotIn(vec![text("a")]), Test::Less(number("1"))] {
            assert!(!test.holds(None), "{test:?}");
        }
    }
}

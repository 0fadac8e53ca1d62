//! Rules: from what the configuration says to what is asked of each event.

use crate::field::Path;
use crate::test::{Scalar, Test};
use serde::Deserialize;
use serde_json::Value;
use wasmill_decimal::Decimal;
use wasmill_plugin::Sink;

/// All operators, as the configuration has them.
pub(crate) const OPERATORS: [&str; 13] = [
    "equals",
    "not-equals",
    "greater",
    "at-least",
    "less",
    "at-most",
    "in",
    "not-in",
    "contains",
    "starts-with",
    "ends-with",
    "exists",
    "missing",
];

/// A rule, ready for events.
pub(crate) struct Rule {
    /// Index into the paths of all rules.
    pub(crate) path: usize,
    pub(crate) test: Test,
    pub(crate) sink: Sink,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Written {
    field: String,
    operator: String,
    value: Option<Value>,
    sink: String,
}

/// Gathers the paths; `sink` gives the handle of a name.
pub(crate) fn compile(
    rules: Vec<Value>,
    paths: &mut Vec<Path>,
    sink: &mut dyn FnMut(&str) -> Sink,
) -> Result<Vec<Rule>, String> {
    if rules.is_empty() {
        return Err("setting `rules`: there is none; leave the setting out for the default rules".into());
    }
    let numbered = (1..).zip(rules);
    numbered.map(|(number, rule)| one(rule, paths, sink).map_err(|error| format!("rule {number}: {error}"))).collect()
}

fn one(rule: Value, paths: &mut Vec<Path>, sink: &mut dyn FnMut(&str) -> Sink) -> Result<Rule, String> {
    let rule: Written = serde_json::from_value(rule).map_err(|error| error.to_string())?;
    if rule.sink.is_empty() {
        return Err("the sink has no name".into());
    }
    let path = Path::parse(&rule.field)?;
    let test = test(&rule.operator, rule.value).map_err(|error| format!("`{}`: {error}", rule.operator))?;
    let path = paths.iter().position(|known| *known == path).unwrap_or_else(|| {
        paths.push(path);
        paths.len() - 1
    });
    Ok(Rule { path, test, sink: sink(&rule.sink) })
}

fn test(operator: &str, value: Option<Value>) -> Result<Test, String> {
    Ok(match operator {
        "equals" => Test::In(vec![scalar(value)?]),
        "not-equals" => Test::NotIn(vec![scalar(value)?]),
        "greater" => Test::Greater(bound(value)?),
        "at-least" => Test::AtLeast(bound(value)?),
        "less" => Test::Less(bound(value)?),
        "at-most" => Test::AtMost(bound(value)?),
        "in" => Test::In(scalars(value)?),
        "not-in" => Test::NotIn(scalars(value)?),
        "contains" => Test::Contains(scalar(value)?),
        "starts-with" => Test::StartsWith(text(value)?),
        "ends-with" => Test::EndsWith(text(value)?),
        "exists" => none(value, Test::Exists)?,
        "missing" => none(value, Test::Missing)?,
        _ => return Err(format!("no such operator; there are {}", OPERATORS.join(", "))),
    })
}

fn scalar(value: Option<Value>) -> Result<Scalar, String> {
    match value {
        Some(Value::String(text)) => Ok(Scalar::Text(text)),
        Some(Value::Bool(truth)) => Ok(Scalar::Truth(truth)),
        Some(Value::Number(number)) => {
            let text = number.to_string();
            text.parse::<Decimal>().map(Scalar::Number).map_err(|error| format!("`value`: {text} is {error}"))
        }
        other => Err(wrong(other, "a text, a number, true or false")),
    }
}

/// What there is an order of.
fn bound(value: Option<Value>) -> Result<Scalar, String> {
    match value {
        Some(Value::Number(_) | Value::String(_)) => scalar(value),
        other => Err(wrong(other, "a number or a text")),
    }
}

fn scalars(value: Option<Value>) -> Result<Vec<Scalar>, String> {
    match value {
        Some(Value::Array(values)) if !values.is_empty() => {
            values.into_iter().map(|value| scalar(Some(value))).collect()
        }
        other => Err(wrong(other, "a list of texts, numbers, true or false, with at least one in it")),
    }
}

fn text(value: Option<Value>) -> Result<String, String> {
    match value {
        Some(Value::String(text)) => Ok(text),
        other => Err(wrong(other, "a text")),
    }
}

fn none(value: Option<Value>, test: Test) -> Result<Test, String> {
    match value {
        None => Ok(test),
        Some(value) => Err(format!("it needs no `value`, and has {value}")),
    }
}

fn wrong(found: Option<Value>, needed: &str) -> String {
    match found {
        Some(found) => format!("`value` must be {needed}, and is {found}"),
        None => format!("`value` is missing; it must be {needed}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn an_error_names_the_rule() {
        let good = json!({ "field": "a", "operator": "exists", "sink": "s" });
        for (rule, expected) in [
            (json!({ "field": "a", "operator": "exists" }), "rule 2: missing field `sink`"),
            (json!({ "field": "a", "operator": "exists", "sink": "" }), "rule 2: the sink has no name"),
            (json!({ "field": "a.", "operator": "exists", "sink": "s" }), "rule 2: `a.` is no field"),
            (json!({ "feld": "a", "operator": "exists", "sink": "s" }), "rule 2: unknown field `feld`"),
            (
                json!({ "field": "a", "operator": "like", "sink": "s" }),
                "rule 2: `like`: no such operator; there are equals,",
            ),
            (json!({ "field": "a", "operator": "equals", "sink": "s" }), "rule 2: `equals`: `value` is missing"),
            (
                json!({ "field": "a", "operator": "equals", "value": {}, "sink": "s" }),
                "rule 2: `equals`: `value` must be",
            ),
            (
                json!({ "field": "a", "operator": "less", "value": true, "sink": "s" }),
                "rule 2: `less`: `value` must be",
            ),
            (
                json!({ "field": "a", "operator": "in", "value": [], "sink": "s" }),
                "rule 2: `in`: `value` must be a list",
            ),
            (
                json!({ "field": "a", "operator": "exists", "value": 1, "sink": "s" }),
                "rule 2: `exists`: it needs no `value`",
            ),
        ] {
            let error = compile(vec![good.clone(), rule], &mut vec![], &mut |_| no_sink()).err().unwrap();
            assert!(error.starts_with(expected), "{error}");
        }
    }

    #[test]
    fn every_operator_is_known() {
        for operator in OPERATORS {
            let works =
                [None, Some(json!("x")), Some(json!(["x"]))].into_iter().any(|value| test(operator, value).is_ok());
            assert!(works, "{operator}");
        }
    }

    fn no_sink() -> Sink {
        wasmill_plugin::Wiring::default().sink("s")
    }
}

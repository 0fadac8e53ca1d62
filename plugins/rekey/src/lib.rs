//! Sends each event on under another key. What it reads, writes and is set by: the `README.md` beside this crate.

mod path;

use path::Path;
use serde::Deserialize;
use wasmill_plugin::{Context, Event, Failure, Outcome, Plugin, Sink, Wiring};

/// The plugin.
pub struct Rekey {
    paths: Vec<Path>,
    separator: String,
    missing: Missing,
    rekeyed: Sink,
}

/// The plugin's settings.
#[derive(Deserialize)]
#[serde(default, deny_unknown_fields, rename_all = "kebab-case")]
pub struct Settings {
    /// The field, or the fields, that the key is made of.
    pub key: Fields,
    /// What stands between several.
    pub separator: String,
    /// What becomes of an event that lacks one.
    pub missing: Missing,
}

/// One field or several; each is a path such as `customer.country`.
#[derive(Debug, Deserialize)]
#[serde(untagged)]
pub enum Fields {
    /// One.
    One(String),
    /// In this order.
    Several(Vec<String>),
}

/// What becomes of an event that lacks a field of its key.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Missing {
    /// It fails.
    #[default]
    Reject,
    /// It goes nowhere.
    Drop,
    /// It goes on under the key that it has.
    Keep,
}

impl Default for Settings {
    fn default() -> Self {
        Settings { key: Fields::Several(vec![]), separator: "|".into(), missing: Missing::default() }
    }
}

impl Plugin for Rekey {
    type Settings = Settings;

    const SETTINGS_SCHEMA: Option<&'static str> = Some(include_str!("../settings.schema.json"));

    fn new(settings: Settings, wiring: &mut Wiring) -> Result<Self, String> {
        let fields = match settings.key {
            Fields::One(field) => vec![field],
            Fields::Several(fields) => fields,
        };
        if fields.is_empty() {
            return Err(
                "setting `key` names the field that events are to be keyed by, such as \"customer.country\"".into()
            );
        }
        let paths = fields.iter().map(|field| Path::parse(field)).collect::<Result<_, _>>()?;
        wiring.input("events");
        let rekeyed = wiring.sink("rekeyed");
        Ok(Rekey { paths, separator: settings.separator, missing: settings.missing, rekeyed })
    }

    fn process(&self, event: &Event, ctx: &mut Context) -> Outcome {
        // What it said before it was deleted, and so what its key was, nobody knows here.
        let Some(value) = event.value() else {
            return self.missing(ctx, || Failure::reject("no-key", "a tombstone has no field to be keyed by"));
        };
        let mut key = String::new();
        for (number, path) in self.paths.iter().enumerate() {
            if number > 0 {
                key.push_str(&self.separator);
            }
            match path.find(value)? {
                Some(part) => key.push_str(&part),
                None => {
                    let why = || format!("field `{path}` is missing, null, empty, or neither a text nor a number");
                    return self.missing(ctx, || Failure::reject("no-key", why()));
                }
            }
        }
        ctx.emit(self.rekeyed).key(key).keep_headers().send();
        Ok(())
    }
}

impl Rekey {
    fn missing(&self, ctx: &mut Context, why: impl FnOnce() -> Failure) -> Outcome {
        match self.missing {
            Missing::Reject => Err(why()),
            Missing::Drop => Ok(()),
            Missing::Keep => {
                ctx.forward(self.rekeyed);
                Ok(())
            }
        }
    }
}

wasmill_plugin::export!(Rekey);

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::{Value, json};
    use wasmill_plugin::testing::{Harness, TestEvent, golden};

    #[test]
    fn golden_cases() {
        golden::check::<Rekey>(concat!(env!("CARGO_MANIFEST_DIR"), "/golden"));
    }

    #[test]
    fn an_event_without_its_key_goes_where_the_settings_say() {
        for (missing, outputs, failures) in [("reject", 0, 2), ("drop", 0, 0), ("keep", 2, 0)] {
            let mut harness = Harness::<Rekey>::new(json!({ "key": "a.b", "missing": missing })).unwrap();
            let without = TestEvent::new("events").key("k").json(&json!({ "a": {} }));
            let run = harness.run(vec![without, TestEvent::new("events").key("k")]);
            assert_eq!((run.outputs.len(), run.failures.len()), (outputs, failures), "{missing}");
            assert!(run.outputs.iter().all(|output| output.key_str() == Some("k")));
        }
    }

    #[test]
    fn value_headers_and_timestamp_stay_as_they_are() {
        let mut harness = Harness::<Rekey>::new(json!({ "key": ["c", "n"], "separator": "/" })).unwrap();
        let value = r#" {"n" : 1.50, "c":"F\u0052"} "#;
        let run = harness.event("events").key("old").header("trace", "7").timestamp(5).value(value).send();
        let output = &run.outputs[0];
        assert_eq!((output.key_str(), output.value_str(), output.timestamp), (Some("FR/1.50"), Some(value), 5));
        assert_eq!(output.header("trace"), Some(Some(&b"7"[..])));
    }

    #[test]
    fn a_key_must_be_named() {
        for settings in [json!({}), json!({ "key": [] }), json!({ "key": "a..b" }), json!({ "key": "" })] {
            assert!(Harness::<Rekey>::new(settings).err().unwrap().contains("`key`"));
        }
    }

    #[test]
    fn the_schema_has_the_defaults() {
        let schema: Value = serde_json::from_str(Rekey::SETTINGS_SCHEMA.unwrap()).unwrap();
        let default = |name: &str| schema["properties"][name]["default"].clone();
        assert_eq!((default("separator"), default("missing")), (json!("|"), json!("reject")));
    }
}

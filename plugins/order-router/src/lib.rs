//! Sends each event to the sink of the rule that it meets. What it reads, writes and is set by: the `README.md` beside
//! this crate.

mod field;
mod rule;
mod settings;
mod test;

pub use settings::{Match, Otherwise, Settings};

use field::Path;
use rule::Rule;
use serde_json::value::RawValue;
use wasmill_plugin::{Context, Event, Failure, Outcome, Plugin, Sink, Wiring};

/// The plugin.
pub struct OrderRouter {
    /// Of all rules, each once.
    paths: Vec<Path>,
    rules: Vec<Rule>,
    matches: Match,
    otherwise: Unmatched,
}

enum Unmatched {
    Drop,
    Reject,
    Send(Sink),
}

impl Plugin for OrderRouter {
    type Settings = Settings;

    const SETTINGS_SCHEMA: Option<&'static str> = Some(include_str!("../settings.schema.json"));

    fn new(settings: Settings, wiring: &mut Wiring) -> Result<Self, String> {
        wiring.input("orders");
        let (mut paths, mut sinks) = (vec![], Sinks { wiring, known: vec![] });
        let rules = rule::compile(settings.rules, &mut paths, &mut |name| sinks.named(name))?;
        let otherwise = match settings.otherwise {
            Otherwise::Drop => Unmatched::Drop,
            Otherwise::Reject => Unmatched::Reject,
            Otherwise::Sink(name) if name.is_empty() => return Err("setting `otherwise`: the sink has no name".into()),
            Otherwise::Sink(name) => Unmatched::Send(sinks.named(&name)),
        };
        Ok(OrderRouter { paths, rules, matches: settings.matches, otherwise })
    }

    fn process(&self, event: &Event, ctx: &mut Context) -> Outcome {
        // A tombstone has no field that a rule could look at.
        if event.value().is_none() {
            return self.unmatched(ctx);
        }
        let document: &RawValue = event.json()?;
        // A path is looked up when the first rule asks for it: most events need one.
        let mut found = vec![None; self.paths.len()];
        let mut sent: Vec<Sink> = vec![];
        for rule in &self.rules {
            let field = *found[rule.path].get_or_insert_with(|| self.paths[rule.path].find(document));
            if sent.contains(&rule.sink) || !rule.test.holds(field) {
                continue;
            }
            ctx.forward(rule.sink);
            if self.matches == Match::First {
                return Ok(());
            }
            sent.push(rule.sink);
        }
        if sent.is_empty() { self.unmatched(ctx) } else { Ok(()) }
    }
}

impl OrderRouter {
    fn unmatched(&self, ctx: &mut Context) -> Outcome {
        match self.otherwise {
            Unmatched::Drop => Ok(()),
            Unmatched::Reject => Err(no_match()),
            Unmatched::Send(sink) => {
                ctx.forward(sink);
                Ok(())
            }
        }
    }
}

#[cold]
fn no_match() -> Failure {
    Failure::reject("no-match", "the event meets none of the rules, and `otherwise` is \"reject\"")
}

/// A sink may stand in several rules, and is declared once.
struct Sinks<'a> {
    wiring: &'a mut Wiring,
    known: Vec<(String, Sink)>,
}

impl Sinks<'_> {
    fn named(&mut self, name: &str) -> Sink {
        if let Some((_, sink)) = self.known.iter().find(|(known, _)| known == name) {
            return *sink;
        }
        let sink = self.wiring.sink(name);
        self.known.push((name.into(), sink));
        sink
    }
}

wasmill_plugin::export!(OrderRouter);

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::{Value, json};
    use wasmill_plugin::testing::{Harness, golden};

    #[test]
    fn golden_cases() {
        golden::check::<OrderRouter>(concat!(env!("CARGO_MANIFEST_DIR"), "/golden"));
    }

    #[track_caller]
    fn sinks(settings: Value, event: Value) -> Vec<String> {
        let run = Harness::<OrderRouter>::new(settings).unwrap().event("orders").json(&event).send();
        assert_eq!(run.failures, []);
        run.outputs.into_iter().map(|output| output.sink).collect()
    }

    #[test]
    fn the_first_rule_wins_or_all_do_with_each_sink_once() {
        let rules = json!([
            { "field": "a", "operator": "exists", "sink": "x" },
            { "field": "b", "operator": "exists", "sink": "x" },
            { "field": "a", "operator": "equals", "value": 1, "sink": "y" },
        ]);
        let event = json!({ "a": 1, "b": 2 });
        assert_eq!(sinks(json!({ "rules": rules }), event.clone()), ["x"]);
        assert_eq!(sinks(json!({ "rules": rules, "match": "all" }), event), ["x", "y"]);
        assert_eq!(sinks(json!({ "rules": rules, "match": "all" }), json!({ "c": 1 })), [""; 0]);
    }

    #[test]
    fn otherwise_may_name_a_sink_of_a_rule() {
        let settings = json!({ "otherwise": { "sink": "delivery_orders" } });
        assert_eq!(sinks(settings, json!({ "type": "other" })), ["delivery_orders"]);
    }

    #[test]
    fn settings_that_do_not_fit_are_refused_by_name() {
        for (settings, expected) in [
            (json!({ "rule": [] }), "unknown field `rule`"),
            (json!({ "match": "some" }), "setting `match`: "),
            (json!({ "otherwise": "keep" }), "setting `otherwise`: "),
            (json!({ "otherwise": { "sink": "" } }), "setting `otherwise`: the sink has no name"),
            (json!({ "rules": [] }), "setting `rules`: there is none"),
        ] {
            let error = Harness::<OrderRouter>::new(settings).err().unwrap();
            assert!(error.contains(expected), "{error}");
        }
    }

    #[test]
    fn the_schema_has_the_defaults() {
        let schema: Value = serde_json::from_str(OrderRouter::SETTINGS_SCHEMA.unwrap()).unwrap();
        let defaults = Settings::default();
        assert_eq!(schema["properties"]["rules"]["default"], json!(defaults.rules));
        assert_eq!(
            serde_json::from_value::<Match>(schema["properties"]["match"]["default"].clone()).unwrap(),
            defaults.matches
        );
        let otherwise = schema["properties"]["otherwise"]["default"].clone();
        assert_eq!(serde_json::from_value::<Otherwise>(otherwise).unwrap(), defaults.otherwise);
        let operators = &schema["properties"]["rules"]["items"]["properties"]["operator"]["enum"];
        assert_eq!(*operators, json!(rule::OPERATORS));
    }
}

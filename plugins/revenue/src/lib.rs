//! Totals by a field, running or in windows. What it reads, writes and is set by: the `README.md` beside this crate.

mod fields;
mod settings;
mod sum;

pub use settings::{Emit, Results, Settings};
pub use sum::Sum;

use fields::{Fields, Wanted};
use serde::{Deserialize, Serialize};
use std::borrow::Cow;
use std::rc::Rc;
use wasmill_decimal::Decimal;
use wasmill_plugin::{Context, Event, Failure, Outcome, Plugin, Sink, Store, Timer, Window, Windows, Wiring};

/// The plugin.
pub struct Revenue {
    settings: Settings,
    totals: Totals,
    revenue: Sink,
}

/// What is remembered of the groups, in the store `totals`.
enum Totals {
    Running(Store<Total>),
    Windows(Windows<Sum>),
}

/// What is known of a group without windows, as it is sent and as it is kept.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct Total {
    /// The group. Shared: an update copies a total twice, to keep it and to send it.
    pub key: Rc<str>,
    /// How many events were added.
    pub count: u64,
    /// Their sum; see [`Sum::total`].
    #[serde(with = "sum::text")]
    pub total: Option<Decimal>,
}

/// What is sent of a group's window.
#[derive(Serialize)]
struct OfWindow<'a> {
    key: &'a str,
    count: u64,
    #[serde(with = "sum::text")]
    total: Option<Decimal>,
    /// Where the window begins, in milliseconds since the Unix epoch.
    start: i64,
    /// Where it ends; this is not in it.
    end: i64,
}

impl Total {
    fn add(&mut self, amount: Decimal) {
        let mut sum = Sum { count: self.count, total: self.total };
        sum.add(amount);
        (self.count, self.total) = (sum.count, sum.total);
    }
}

impl Plugin for Revenue {
    type Settings = Settings;

    const SETTINGS_SCHEMA: Option<&'static str> = Some(include_str!("../settings.schema.json"));

    fn new(settings: Settings, wiring: &mut Wiring) -> Result<Self, String> {
        if let Some(problem) = settings.problem() {
            return Err(problem);
        }
        wiring.input("orders");
        let revenue = wiring.sink("aggregated_revenue");
        if settings.emit == Emit::Commit {
            wiring.last_of_commit(revenue);
        }
        let windows = match (settings.window, settings.gap) {
            (Some(size), _) => Some(wiring.hopping("totals", size, settings.advance.unwrap_or(size))),
            (None, Some(gap)) => Some(wiring.sessions("totals", gap, Sum::merge)),
            (None, None) => None,
        };
        let windows = windows.map(|windows| windows.grace(settings.grace.unwrap_or_default()));
        let totals = match windows {
            Some(windows) if settings.results == Results::Running => Totals::Windows(windows.running()),
            Some(windows) => Totals::Windows(windows),
            None => Totals::Running(wiring.store("totals")),
        };
        Ok(Revenue { settings, totals, revenue })
    }

    fn process(&self, event: &Event, ctx: &mut Context) -> Outcome {
        // A tombstone says that an order is gone from its topic. What it brought in stays counted.
        if event.value().is_none() {
            return Ok(());
        }
        let fields = event.json_seed(Wanted { group: &self.settings.group_by, amount: &self.settings.amount })?;
        let group = self.group(&fields)?;
        let amount = self.amount(&fields)?;
        match &self.totals {
            Totals::Running(store) => {
                let total = ctx.update(store, group.as_bytes(), |total: &mut Total| {
                    if total.count == 0 {
                        total.key = (*group).into();
                    }
                    total.add(amount);
                })?;
                if total.total.is_none() {
                    return Err(too_large(&group));
                }
                ctx.emit(self.revenue).key(group.as_bytes()).json(&total)
            }
            Totals::Windows(windows) => {
                let mut is_too_large = false;
                let update = windows.update(ctx, group.as_bytes(), |sum| {
                    sum.add(amount);
                    is_too_large |= sum.is_too_large();
                })?;
                if is_too_large {
                    return Err(too_large(&group));
                }
                if update.late {
                    let message = format!("the windows of {group} that it would be in are closed");
                    return Err(Failure::reject("late", message));
                }
                self.send(update.results, ctx)
            }
        }
    }

    fn on_timer(&self, timer: &Timer, ctx: &mut Context) -> Outcome {
        match &self.totals {
            Totals::Windows(windows) => {
                let closed = windows.on_timer(ctx, timer)?;
                self.send(closed, ctx)
            }
            Totals::Running(_) => Ok(()),
        }
    }
}

fn too_large(group: &str) -> Failure {
    Failure::reject("too-large", format!("the total of {group} would have more than 38 digits"))
}

impl Revenue {
    fn send(&self, results: Vec<Window<Sum>>, ctx: &mut Context) -> Outcome {
        for Window { key, start, end, value: sum } in results {
            let key = str::from_utf8(&key).map_err(|error| Failure::stop("bad-store", error.to_string()))?;
            if sum.is_too_large() {
                return Err(too_large(key));
            }
            let total = OfWindow { key, count: sum.count, total: sum.total, start, end };
            let output = ctx.emit(self.revenue).key(key.as_bytes());
            match self.settings.results {
                // It is of the window, and not of the event that happened to close it.
                Results::Final => output.timestamp(end).json(&total)?,
                Results::Running => output.json(&total)?,
            }
        }
        Ok(())
    }
}

impl Revenue {
    /// A text as it is, a number or a boolean as it is written.
    fn group<'e>(&self, fields: &Fields<'e>) -> Result<Cow<'e, str>, Failure> {
        let name = &self.settings.group_by;
        let none =
            |what: &str| Failure::reject("no-group", format!("field `{name}` {what}, so that there is no group"));
        let field = fields.group.ok_or_else(|| none("is missing"))?.get();
        let group = match field.as_bytes() {
            // In which nothing is escaped.
            [b'"', text @ .., b'"'] if !text.contains(&b'\\') => Cow::Borrowed(&field[1..field.len() - 1]),
            [b'"', ..] => {
                let text: Text<'e> = serde_json::from_str(field).map_err(|_| none("is no text"))?;
                text.0
            }
            [b'{' | b'[', ..] | [] => return Err(none("is neither a text nor a number")),
            _ if field == "null" => return Err(none("is null")),
            _ => Cow::Borrowed(field),
        };
        if group.is_empty() { Err(none("is empty")) } else { Ok(group) }
    }

    fn amount(&self, fields: &Fields<'_>) -> Result<Decimal, Failure> {
        let name = &self.settings.amount;
        let bad = |what: String| Failure::reject("bad-amount", format!("field `{name}` {what}"));
        let field = fields.amount.ok_or_else(|| bad("is missing".into()))?;
        Decimal::from_raw(field).map_err(|error| bad(format!("is no decimal: {field} is {error}")))
    }
}

/// A JSON text, copied only if something in it is escaped.
#[derive(Deserialize)]
struct Text<'e>(#[serde(borrow)] Cow<'e, str>);

wasmill_plugin::export!(Revenue);

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::{Value, json};
    use wasmill_plugin::testing::{Harness, TestEvent, golden};

    #[test]
    fn golden_cases() {
        golden::check::<Revenue>(concat!(env!("CARGO_MANIFEST_DIR"), "/golden"));
    }

    fn orders() -> Vec<TestEvent> {
        let order = |number: u64| {
            let country = ["US", "FR", "DE"][number as usize % 3];
            match number % 11 {
                10 => TestEvent::new("orders").value("no order"),
                _ => TestEvent::new("orders").json(&json!({ "country": country, "amount": format!("{number}.10") })),
            }
        };
        (0..700).map(order).collect()
    }

    #[test]
    fn the_same_orders_in_batches_of_any_size_have_the_same_totals() {
        let run = |batch: usize| -> Vec<Value> {
            let mut harness = Harness::<Revenue>::new(json!({})).unwrap();
            let orders = orders();
            let runs = orders.chunks(batch).map(|orders| harness.run(orders.to_vec()));
            runs.flat_map(|run| run.outputs.into_iter().map(|output| output.json())).collect()
        };
        let one = run(1);
        assert_eq!(one.len(), 700 - 700 / 11);
        assert_eq!(one, run(7));
        assert_eq!(one, run(500));
    }

    #[test]
    fn tenths_add_up_to_ones() {
        let mut harness = Harness::<Revenue>::new(json!({})).unwrap();
        let tenth = || TestEvent::new("orders").value(r#"{"country":"US","amount":0.10}"#);
        let run = harness.run((0..10).map(|_| tenth()).collect());
        assert_eq!(run.outputs[9].json(), json!({ "key": "US", "count": 10, "total": "1.00" }));
    }

    #[test]
    fn with_the_commit_only_the_last_total_of_each_group_goes_out() {
        let mut harness = Harness::<Revenue>::new(json!({ "emit": "commit" })).unwrap();
        let run = harness.run(orders());
        let keys: Vec<_> = run.outputs.iter().map(|output| output.key_str().unwrap().to_owned()).collect();
        assert_eq!(keys.len(), 3, "{keys:?}");
        let all: u64 = run.outputs.iter().map(|output| output.json()["count"].as_u64().unwrap()).sum();
        assert_eq!(all, 700 - 700 / 11);
    }

    /// Orders over half an hour, most of them in order.
    fn spread() -> Vec<TestEvent> {
        let time = |number: i64| number * 2_500 - if number % 13 == 0 { 40_000 } else { 0 };
        (16..).zip(orders()).map(|(number, order)| order.timestamp(time(number))).collect()
    }

    fn in_windows(settings: &Value, batch: usize) -> (Vec<Value>, usize) {
        let mut harness = Harness::<Revenue>::new(settings.clone()).unwrap();
        let runs: Vec<_> = spread().chunks(batch).map(|orders| harness.run(orders.to_vec())).collect();
        let late = runs.iter().flat_map(|run| &run.failures).filter(|failure| failure.failure.code() == "late").count();
        let outputs = runs.into_iter().flat_map(|run| run.outputs);
        (outputs.map(|output| json!([output.json(), output.timestamp])).collect(), late)
    }

    #[test]
    fn windows_of_any_kind_are_the_same_in_batches_of_any_size() {
        for settings in [
            json!({ "window": "1 min" }),
            json!({ "window": "1 min", "results": "final", "grace": "10 s" }),
            json!({ "window": "5 min", "advance": "1 min", "results": "final", "grace": "1 min" }),
            json!({ "gap": "5 s", "results": "final", "grace": "1 s" }),
            json!({ "gap": "30 s", "grace": "1 min" }),
        ] {
            let one = in_windows(&settings, 1);
            assert!(one.0.len() > 20, "{settings}: {}", one.0.len());
            assert_eq!(one, in_windows(&settings, 7), "{settings}");
            assert_eq!(one, in_windows(&settings, 500), "{settings}");
        }
    }

    #[test]
    fn final_results_and_late_orders_make_up_all_orders() {
        let settings = json!({ "window": "1 min", "results": "final", "grace": "5 s" });
        let (results, late) = in_windows(&settings, 500);
        let (patient, none) = in_windows(&json!({ "window": "1 min", "results": "final", "grace": "1 h" }), 500);
        assert!(late > 0 && none == 0 && patient.is_empty(), "{late} {none} {}", patient.len());
        let counted: u64 = results.iter().map(|result| result[0]["count"].as_u64().unwrap()).sum();
        // What is still open is neither.
        assert!(counted + late as u64 <= 700 - 700 / 11 && counted > 500, "{counted} {late}");
        let one = &results[0];
        assert_eq!(one[0]["end"].as_i64().unwrap() - one[0]["start"].as_i64().unwrap(), 60_000);
        assert_eq!(one[0]["end"], one[1]);
    }

    #[test]
    fn settings_that_make_no_sense_together_are_refused() {
        for (settings, why) in [
            (json!({ "window": "1 min", "gap": "1 min" }), "`window` or `gap`"),
            (json!({ "advance": "1 min" }), "`advance` is for"),
            (json!({ "grace": "1 min" }), "`grace` is for"),
            (json!({ "results": "final" }), "`results = \"final\"` is for"),
            (json!({ "window": "1 min", "emit": "commit" }), "`emit = \"commit\"` is for"),
            (json!({ "window": "1 min", "advance": "2 min" }), "leave out events"),
        ] {
            let error = Harness::<Revenue>::new(settings).err().unwrap();
            assert!(error.contains(why), "{error}");
        }
    }

    #[test]
    fn a_field_cannot_be_both_group_and_amount() {
        let error = Harness::<Revenue>::new(json!({ "group-by": "amount" })).err().unwrap();
        assert!(error.contains("both name `amount`"), "{error}");
    }

    #[test]
    fn the_schema_has_the_defaults() {
        let schema: Value = serde_json::from_str(Revenue::SETTINGS_SCHEMA.unwrap()).unwrap();
        let default = |name: &str| schema["properties"][name]["default"].clone();
        let defaults = Settings::default();
        assert_eq!((default("group-by"), default("amount")), (defaults.group_by.into(), defaults.amount.into()));
        assert_eq!((default("results"), default("emit")), (json!("running"), json!("event")));
    }
}

//! Running totals by a field. What it reads, writes and is set by: the `README.md` beside this crate.

use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;
use std::borrow::Cow;
use std::collections::BTreeMap;
use wasmill_decimal::Decimal;
use wasmill_plugin::{Context, Event, Failure, Outcome, Plugin, Sink, Store, Wiring};

/// The plugin.
pub struct Revenue {
    settings: Settings,
    totals: Store<Total>,
    revenue: Sink,
}

/// The plugin's settings.
#[derive(Deserialize)]
#[serde(default, deny_unknown_fields, rename_all = "kebab-case")]
pub struct Settings {
    /// The field whose value names the group.
    pub group_by: String,
    /// The field that is added up.
    pub amount: String,
}

impl Default for Settings {
    fn default() -> Self {
        Settings { group_by: "country".into(), amount: "amount".into() }
    }
}

/// What is known of a group, as it is kept and as it is sent.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct Total {
    /// The group.
    pub key: String,
    /// How many events were added.
    pub count: u64,
    /// Their sum, a decimal as a text: no reader turns it into a binary fraction by accident.
    pub total: String,
}

impl Total {
    /// Adds an amount; None if the sum would have more than 38 digits.
    fn plus(&self, group: &str, amount: Decimal) -> Option<Total> {
        let before = if self.count == 0 { Decimal::ZERO } else { self.total.parse().ok()? };
        Some(Total { key: group.to_owned(), count: self.count + 1, total: before.plus(amount)?.to_string() })
    }
}

impl Plugin for Revenue {
    type Settings = Settings;

    const SETTINGS_SCHEMA: Option<&'static str> = Some(include_str!("../settings.schema.json"));

    fn new(settings: Settings, wiring: &mut Wiring) -> Result<Self, String> {
        if settings.group_by == settings.amount {
            return Err(format!("settings `group-by` and `amount` both name `{}`", settings.amount));
        }
        wiring.input("orders");
        let totals = wiring.store("totals");
        Ok(Revenue { settings, totals, revenue: wiring.sink("aggregated_revenue") })
    }

    fn process(&self, event: &Event, ctx: &mut Context) -> Outcome {
        // A tombstone says that an order is gone from its topic. What it brought in stays counted.
        if event.value().is_none() {
            return Ok(());
        }
        let fields: Fields = event.json()?;
        let group = self.group(&fields)?;
        let amount = self.amount(&fields)?;
        let before = ctx.get(&self.totals, group.as_bytes())?.unwrap_or_default();
        let total = before.plus(&group, amount).ok_or_else(|| {
            Failure::reject("too-large", format!("the total of {group} would have more than 38 digits"))
        })?;
        ctx.put(&self.totals, group.as_bytes(), total.clone())?;
        ctx.emit(self.revenue).key(group.as_bytes()).json(&total)
    }
}

type Fields<'e> = BTreeMap<Cow<'e, str>, &'e RawValue>;

impl Revenue {
    /// A text as it is, a number or a boolean as it is written.
    fn group<'e>(&self, fields: &Fields<'e>) -> Result<Cow<'e, str>, Failure> {
        let name = &self.settings.group_by;
        let none =
            |what: &str| Failure::reject("no-group", format!("field `{name}` {what}, so that there is no group"));
        let field = fields.get(name.as_str()).ok_or_else(|| none("is missing"))?.get();
        let group = match field.as_bytes().first() {
            Some(b'"') => {
                let text: Text<'e> = serde_json::from_str(field).map_err(|_| none("is no text"))?;
                text.0
            }
            Some(b'{' | b'[') | None => return Err(none("is neither a text nor a number")),
            _ if field == "null" => return Err(none("is null")),
            _ => Cow::Borrowed(field),
        };
        if group.is_empty() { Err(none("is empty")) } else { Ok(group) }
    }

    fn amount(&self, fields: &Fields<'_>) -> Result<Decimal, Failure> {
        let name = &self.settings.amount;
        let bad = |what: String| Failure::reject("bad-amount", format!("field `{name}` {what}"));
        let field = fields.get(name.as_str()).ok_or_else(|| bad("is missing".into()))?.get();
        serde_json::from_str(field).map_err(|error| bad(format!("is no decimal: {error}")))
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
    }
}

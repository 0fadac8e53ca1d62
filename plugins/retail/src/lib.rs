//! Splits invoices of the tills into shipments, loyalty points and line items. What it reads, writes and is set by: the
//! `README.md` beside this crate.

mod invoice;
mod mask;
mod output;
mod settings;

pub use settings::{AddressField, Settings};

use invoice::{CustomerType, Invoice};
use output::{InvoiceItem, Loyalty};
use wasmill_decimal::Decimal;
use wasmill_plugin::{Context, Event, Failure, Outcome, Plugin, Sink, Wiring};

/// The plugin.
pub struct Retail {
    settings: Settings,
    shipments: Sink,
    loyalty: Sink,
    invoice_items: Sink,
}

impl Plugin for Retail {
    type Settings = Settings;

    const SETTINGS_SCHEMA: Option<&'static str> = Some(include_str!("../settings.schema.json"));

    fn new(settings: Settings, wiring: &mut Wiring) -> Result<Self, String> {
        if settings.points_per_amount < Decimal::ZERO {
            return Err(format!("setting `points-per-amount`: {} is below zero", settings.points_per_amount));
        }
        wiring.input("invoices");
        Ok(Retail {
            settings,
            shipments: wiring.sink("shipments"),
            loyalty: wiring.sink("loyalty"),
            invoice_items: wiring.sink("invoice-items"),
        })
    }

    fn process(&self, event: &Event, ctx: &mut Context) -> Outcome {
        let invoice: Invoice = event.json()?;
        if invoice.items.0.is_empty() {
            return Err(Failure::reject("no-items", "the list `InvoiceLineItem` is empty"));
        }
        if invoice.delivery_type == "HOME-DELIVERY" {
            self.ship(&invoice, ctx)?;
        }
        match invoice.customer_type()? {
            CustomerType::Prime => self.reward(&invoice, ctx)?,
            CustomerType::Nonprime => {}
        }
        self.itemize(&invoice, ctx)
    }
}

impl Retail {
    fn ship(&self, invoice: &Invoice, ctx: &mut Context) -> Outcome {
        if invoice.address.is_none() {
            return Err(Failure::reject("no-address", "a HOME-DELIVERY without `DeliveryAddress` cannot be shipped"));
        }
        ctx.forward(self.shipments);
        Ok(())
    }

    fn reward(&self, invoice: &Invoice, ctx: &mut Context) -> Outcome {
        let Some(card) = &invoice.card else {
            return Err(Failure::reject("no-card", "a PRIME customer without `CustomerCardNo` cannot be given points"));
        };
        let total = invoice.total()?;
        let points = total.times(self.settings.points_per_amount).and_then(Decimal::whole);
        let points = points.ok_or_else(invoice::too_large)?;
        ctx.emit(self.loyalty).key(card.text().as_bytes()).json(&Loyalty::new(invoice, card, total, points))
    }

    fn itemize(&self, invoice: &Invoice, ctx: &mut Context) -> Outcome {
        let card = invoice.card.as_ref().map(|card| mask::card(&card.text()));
        for item in &invoice.items.0 {
            let item = InvoiceItem::new(invoice, card.as_deref(), item, &self.settings)?;
            ctx.emit(self.invoice_items).json(&item)?;
        }
        Ok(())
    }
}

wasmill_plugin::export!(Retail);

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::{Value, json};
    use wasmill_plugin::testing::{Harness, Run, golden};

    #[test]
    fn golden_cases() {
        golden::check::<Retail>(concat!(env!("CARGO_MANIFEST_DIR"), "/golden"));
    }

    fn invoice(price: Value, quantity: Value) -> Value {
        json!({
            "InvoiceNumber": 1, "CustomerType": "PRIME", "CustomerCardNo": 4012888888881881u64, "DeliveryType": "TAKEAWAY",
            "InvoiceLineItem": { "ItemCode": "a", "ItemPrice": price, "ItemQty": quantity },
        })
    }

    fn run(settings: Value, invoice: &Value) -> Run {
        Harness::<Retail>::new(settings).unwrap().event("invoices").json(invoice).send()
    }

    #[test]
    fn points_are_the_whole_part_of_an_exact_product() {
        for (rate, price, quantity, points) in [
            (json!(0.02), json!("49.99"), json!(1), 0),
            (json!(0.02), json!(50), json!(1), 1),
            // With binary fractions this is 28.999…, and a point is lost.
            (json!(0.29), json!(100), json!(1), 29),
            (json!(1), json!(-2.5), json!(1), -2),
            (json!(0), json!(99), json!(1), 0),
        ] {
            let run = run(json!({ "points-per-amount": rate }), &invoice(price.clone(), quantity));
            assert_eq!(run.outputs[0].json()["EarnedLoyaltyPoints"], points, "{rate} of {price}");
        }
    }

    #[test]
    fn an_amount_that_is_not_exact_any_more_is_refused() {
        let run = run(json!({}), &invoice(json!("1e30"), json!("1.23456789012345678901234567")));
        assert_eq!(run.failures[0].failure.code(), "too-large");
        assert_eq!(run.outputs, []);
    }

    #[test]
    fn settings_that_do_not_fit_are_refused_by_name() {
        for (settings, expected) in [
            (json!({ "points": 1 }), "points"),
            (json!({ "points-per-amount": "-0.01" }), "setting `points-per-amount`: -0.01 is below zero"),
            (json!({ "readable-address": ["Street"] }), "readable-address"),
        ] {
            let error = Harness::<Retail>::new(settings).err().unwrap();
            assert!(error.contains(expected), "{error}");
        }
    }

    #[test]
    fn the_schema_has_the_defaults() {
        let schema: Value = serde_json::from_str(Retail::SETTINGS_SCHEMA.unwrap()).unwrap();
        let defaults: serde_json::Map<String, Value> = schema["properties"]
            .as_object()
            .unwrap()
            .iter()
            .map(|(name, property)| (name.clone(), property["default"].clone()))
            .collect();
        let settings: Settings = serde_json::from_value(defaults.into()).unwrap();
        assert_eq!(settings, Settings::default());
    }
}

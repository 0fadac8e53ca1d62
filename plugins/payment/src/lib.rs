//! Marks orders as paid. What it reads, writes and is set by: the `README.md` beside this crate.

mod order;

use order::Order;
use serde::Deserialize;
use uuid::Uuid;
use wasmill_plugin::{Context, Event, Outcome, Plugin, Sink, Wiring};

/// The plugin.
pub struct Payment {
    namespace: Uuid,
    payments: Sink,
}

/// The plugin's settings.
#[derive(Deserialize)]
#[serde(default, deny_unknown_fields, rename_all = "kebab-case")]
pub struct Settings {
    /// The UUID within which order ids are unique.
    pub namespace: String,
}

impl Default for Settings {
    fn default() -> Self {
        Settings { namespace: "a6a1c1f2-5d0e-4b53-9c1d-3f0b7e6d2a94".into() }
    }
}

impl Plugin for Payment {
    type Settings = Settings;

    const SETTINGS_SCHEMA: Option<&'static str> = Some(include_str!("../settings.schema.json"));

    fn new(settings: Settings, wiring: &mut Wiring) -> Result<Self, String> {
        let namespace = Uuid::try_parse(&settings.namespace)
            .map_err(|error| format!("setting `namespace`: `{}` is no UUID: {error}", settings.namespace))?;
        wiring.input("orders");
        Ok(Payment { namespace, payments: wiring.sink("payments") })
    }

    fn process(&self, event: &Event, ctx: &mut Context) -> Outcome {
        // A tombstone says that an order is gone. What was paid stays paid.
        if event.value().is_none() {
            return Ok(());
        }
        let order: Order = event.json()?;
        let id = Uuid::new_v5(&self.namespace, order.id()?.as_bytes());
        let mut text = Uuid::encode_buffer();
        let paid = order.paid(id.hyphenated().encode_lower(&mut text));
        ctx.emit(self.payments).keep_headers().json(&paid)
    }
}

wasmill_plugin::export!(Payment);

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::{Value, json};
    use wasmill_plugin::testing::{Harness, golden};

    fn payment_id(settings: Value, order: &str) -> String {
        let run = Harness::<Payment>::new(settings).unwrap().event("orders").value(order).send();
        run.outputs[0].json()["payment_id"].as_str().unwrap().into()
    }

    #[test]
    fn golden_cases() {
        golden::check::<Payment>(concat!(env!("CARGO_MANIFEST_DIR"), "/golden"));
    }

    #[test]
    fn the_id_is_the_order_s_name_based_uuid() {
        // The namespace is that of DNS names, and the id the one that RFC 9562 gives for this name.
        let settings = json!({ "namespace": "6ba7b810-9dad-11d1-80b4-00c04fd430c8" });
        let id = payment_id(settings, r#"{"order_id":"www.example.com"}"#);
        assert_eq!(id, "2ed6657d-e927-568b-95e1-2665a8aea6a2");
    }

    #[test]
    fn two_events_of_an_order_have_one_payment() {
        let id = |order| payment_id(json!({}), order);
        assert_eq!(id(r#"{"order_id":17}"#), id(r#"{"amount":1,"order_id":"17"}"#));
        assert_ne!(id(r#"{"order_id":17}"#), id(r#"{"order_id":18}"#));
    }

    #[test]
    fn a_namespace_that_is_no_uuid_is_refused() {
        let error = Harness::<Payment>::new(json!({ "namespace": "shop" })).err().unwrap();
        assert!(error.starts_with("setting `namespace`: `shop` is no UUID"), "{error}");
    }

    #[test]
    fn the_schema_has_the_default() {
        let schema: Value = serde_json::from_str(Payment::SETTINGS_SCHEMA.unwrap()).unwrap();
        assert_eq!(schema["properties"]["namespace"]["default"], Settings::default().namespace);
    }
}

//! Does one of the benchmarks' jobs without an SDK: it is called once an event.
#![cfg(target_family = "wasm")]

mod bindings {
    #![allow(missing_docs, unsafe_code, reason = "generated")]
    wit_bindgen::generate!({ path: "../../../wit", world: "event-plugin" });
    export!(Events with_types_in self);

    use super::Events;
}

use bench_rule::{Job, Order, Settings, Total};
use bindings::exports::wasmill::plugin::lifecycle::{self, About, Emission, Port, Sink, Store, Wiring};
use bindings::exports::wasmill::plugin::processor::{self, Event, Failure, Output, Timer};
use bindings::wasmill::plugin::{state, types::Reason};
use std::cell::Cell;

struct Events;

thread_local! {
    static JOB: Cell<Job> = const { Cell::new(Job::Nothing) };
}

impl lifecycle::Guest for Events {
    fn describe() -> About {
        About {
            name: env!("CARGO_PKG_NAME").into(),
            version: env!("CARGO_PKG_VERSION").into(),
            description: env!("CARGO_PKG_DESCRIPTION").into(),
            settings_schema: None,
        }
    }

    fn configure(settings: String) -> Result<Wiring, String> {
        let settings: Settings = serde_json::from_str(&settings).map_err(|error| error.to_string())?;
        JOB.set(settings.job);
        let port = |name: &str| Port { name: name.into(), topic: name.into() };
        let sink = |name: &str| Sink { name: name.into(), topic: name.into(), emission: Emission::Every };
        let totals = Store { name: "totals".into(), ttl_ms: None, version: 0, keyed_by_event: true };
        let stores = if matches!(settings.job, Job::Totals) { vec![totals] } else { vec![] };
        Ok(Wiring { inputs: vec![port("orders")], sinks: vec![sink("out")], stores })
    }
}

impl processor::Guest for Events {
    fn process(event: Event) -> Result<Vec<Output>, Failure> {
        let forward = match JOB.get() {
            Job::Nothing => false,
            Job::PassThrough => true,
            Job::Fraud => Order::parse(event.value.as_deref().unwrap_or_default()).map_err(bad_json)?.is_suspicious(),
            Job::Totals => {
                let order = Order::parse(event.value.as_deref().unwrap_or_default()).map_err(bad_json)?;
                add(event.key.as_deref().unwrap_or_default(), &order).map_err(bad_json)?;
                order.is_suspicious()
            }
        };
        Ok(if forward { vec![output(event)] } else { vec![] })
    }

    fn on_timer(_: Timer) -> Result<Vec<Output>, Failure> {
        Ok(vec![])
    }
}

fn add(customer: &[u8], order: &Order) -> Result<(), serde_json::Error> {
    let kept = state::get("totals", customer).expect("the store is declared");
    let mut total: Total = kept.map_or(Ok(Total::default()), |kept| serde_json::from_slice(&kept))?;
    total.add(order);
    state::set("totals", customer, &serde_json::to_vec(&total)?).expect("the store is declared");
    Ok(())
}

fn output(event: Event) -> Output {
    Output {
        sink: "out".into(),
        partition: None,
        timestamp: None,
        key: event.key,
        value: event.value,
        headers: event.headers,
    }
}

fn bad_json(error: serde_json::Error) -> Failure {
    Failure::Reject(Reason { code: "bad-json".into(), message: error.to_string(), detail: None })
}

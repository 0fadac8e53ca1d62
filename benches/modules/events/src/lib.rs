//! Does one of the benchmarks' jobs without an SDK: it is called once an event.
#![cfg(target_family = "wasm")]

mod bindings {
    #![allow(missing_docs, unsafe_code, reason = "generated")]
    wit_bindgen::generate!({ path: "../../../wit", world: "event-plugin" });
    export!(Events with_types_in self);

    use super::Events;
}

use bench_rule::{Job, Order, Settings};
use bindings::exports::wasmill::plugin::lifecycle::{self, About, Port, Wiring};
use bindings::exports::wasmill::plugin::processor::{self, Event, Failure, Output, Timer};
use bindings::wasmill::plugin::types::Reason;
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
        Ok(Wiring { inputs: vec![port("orders")], sinks: vec![port("out")], stores: vec![] })
    }
}

impl processor::Guest for Events {
    fn process(event: Event) -> Result<Vec<Output>, Failure> {
        let forward = match JOB.get() {
            Job::Nothing => false,
            Job::PassThrough => true,
            Job::Fraud => Order::parse(event.value.as_deref().unwrap_or_default()).map_err(bad_json)?.is_suspicious(),
        };
        Ok(if forward { vec![output(event)] } else { vec![] })
    }

    fn on_timer(_: Timer) -> Result<Vec<Output>, Failure> {
        Ok(vec![])
    }
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

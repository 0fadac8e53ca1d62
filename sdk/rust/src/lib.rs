//! Write Wasmill plugins in Rust.
//!
//! A plugin is a type that implements [`Plugin`]: it names its inputs, sinks and stores once, in [`Plugin::new`], and then
//! answers each event with outputs, in [`Plugin::process`]. [`export!`] makes it a WebAssembly component that Wasmill
//! runs when the `.wasm` is dropped into the plugins folder.
//!
//! ```
//! use serde::Deserialize;
//! use wasmill_plugin::{Context, Event, Outcome, Plugin, Sink, Wiring};
//!
//! struct Fraud {
//!     settings: Settings,
//!     alerts: Sink,
//! }
//!
//! #[derive(Deserialize)]
//! #[serde(default, deny_unknown_fields)]
//! struct Settings {
//!     threshold: f64,
//!     trusted_countries: Vec<String>,
//! }
//!
//! impl Default for Settings {
//!     fn default() -> Self {
//!         Settings { threshold: 300.0, trusted_countries: vec!["US".into(), "CA".into()] }
//!     }
//! }
//!
//! #[derive(Deserialize)]
//! struct Order {
//!     amount: f64,
//!     country: String,
//! }
//!
//! impl Settings {
//!     fn suspicious(&self, order: &Order) -> bool {
//!         order.amount > self.threshold && !self.trusted_countries.contains(&order.country)
//!     }
//! }
//!
//! impl Plugin for Fraud {
//!     type Settings = Settings;
//!
//!     fn new(settings: Settings, wiring: &mut Wiring) -> Result<Self, String> {
//!         wiring.input("orders");
//!         Ok(Self { alerts: wiring.sink("fraud-alerts"), settings })
//!     }
//!
//!     fn process(&self, event: &Event, ctx: &mut Context) -> Outcome {
//!         let order: Order = event.json()?;
//!         if self.settings.suspicious(&order) {
//!             ctx.forward(self.alerts);
//!         }
//!         Ok(())
//!     }
//! }
//!
//! wasmill_plugin::export!(Fraud);
//!
//! // And its test, in plain `cargo test`:
//! use serde_json::json;
//! use wasmill_plugin::testing::Harness;
//!
//! let mut harness = Harness::<Fraud>::new(json!({ "threshold": 100 }))?;
//! let run = harness.event("orders").key("o-1").json(&json!({ "amount": 250, "country": "FR" })).send();
//! assert_eq!(run.outputs[0].sink, "fraud-alerts");
//! let run = harness.event("orders").value("not JSON").send();
//! assert_eq!(run.failures[0].failure.code(), "bad-json");
//! # Ok::<(), String>(())
//! ```
//!
//! - [`Event`]: what came in, borrowed from the batch that the host handed over: nothing is copied.
//! - [`Context`]: what goes out: [`Context::forward`] passes an event on as it is, [`Context::emit`] builds another.
//! - [`Store`]: what is remembered from one event to the next: [`Context::update`] changes an entry in one line.
//! - [`Timer`]: [`Context::set_timer`] has [`Plugin::on_timer`] called later, by the events' time or by the clock.
//! - [`Windows`]: what belongs together by time: a result for each key and minute, or for each session.
//! - [`Failure`]: what to answer when an event cannot be processed. It then has no effects at all.
//! - [`settings`]: a setting that is a duration, as a person writes it.
//! - [`log`]: lines in the host's log. What a plugin prints is logged as well, and so is a panic's message.
//! - `testing`: the harness for `cargo test`.

mod answer;
mod context;
mod emit;
mod event;
mod export;
mod failure;
mod input;
mod instance;
pub mod log;
mod plugin;
pub mod settings;
mod store;
mod timer;
mod window;
mod wiring;

#[cfg(target_family = "wasm")]
#[doc(hidden)]
pub mod bindings;
#[cfg(target_family = "wasm")]
#[doc(hidden)]
pub mod guest;
#[cfg(not(target_family = "wasm"))]
pub mod testing;

pub use context::Context;
pub use emit::Emit;
pub use event::Event;
pub use failure::{Failure, Outcome};
pub use plugin::{NoSettings, Plugin};
pub use store::{Keys, Scan, Store};
pub use timer::{Clock, Timer};
pub use wasmill_contract::{FailureKind, HeaderRef, HeadersIter};
pub use window::{Window, WindowUpdate, Windows};
pub use wiring::{Input, Sink, Wiring};

//! Runs a plugin natively, in plain `cargo test`: through the same columns as in the host, and with the same checks of
//! what it answers.
//!
//! ```
//! use serde_json::json;
//! use wasmill_plugin::testing::{Harness, TestEvent};
//! # use wasmill_plugin::{Context, Event, Failure, NoSettings, Outcome, Plugin, Sink, Wiring};
//! # struct Paid { payments: Sink }
//! # impl Plugin for Paid {
//! #     type Settings = NoSettings;
//! #     fn new(_: NoSettings, wiring: &mut Wiring) -> Result<Self, String> {
//! #         wiring.input("orders");
//! #         Ok(Paid { payments: wiring.sink("payments") })
//! #     }
//! #     fn process(&self, event: &Event, ctx: &mut Context) -> Outcome {
//! #         let mut order: serde_json::Value = event.json()?;
//! #         order["status"] = "PAID".into();
//! #         ctx.emit(self.payments).json(&order)
//! #     }
//! # }
//!
//! let mut harness = Harness::<Paid>::new(json!({}))?;
//!
//! // One event:
//! let run = harness.event("orders").key("o-1").json(&json!({ "status": "NEW" })).send();
//! assert_eq!(run.outputs[0].sink, "payments");
//! assert_eq!(run.outputs[0].key_str(), Some("o-1"));
//! assert_eq!(run.outputs[0].json(), json!({ "status": "PAID" }));
//!
//! // Several in one call, as the host would hand them over:
//! let run = harness.run(vec![
//!     TestEvent::new("orders").key("o-2").json(&json!({ "status": "NEW" })),
//!     TestEvent::new("orders").key("o-3").value("{"),
//! ]);
//! assert_eq!(run.outputs.len(), 1);
//! assert_eq!((run.failures[0].event, run.failures[0].failure.code()), (1, "bad-json"));
//! # Ok::<(), String>(())
//! ```

mod direct;
mod event;
pub mod golden;
mod harness;
mod outcome;
mod remembered;
mod states;

#[doc(hidden)]
pub use direct::Direct;
pub use event::TestEvent;
pub use harness::Harness;
#[cfg(test)]
pub(crate) use harness::columns;
pub use outcome::{Run, TestEntry, TestFailure, TestOutput, TestTimer};

//! What Wasmill's host and its SDKs must agree on.
//!
//! - [`WIT`]: the contract itself, as text.
//! - [`Batch`]: a run of events of one input partition, packed into flat columns.
//! - [`Effects`]: what a call did, borrowed from whoever generated the columns, and [`Effects::check`], the one check
//!   that both the host and the test harness of the Rust SDK run over a plugin's answer.
//! - [`StreamTime`] and [`is_expired`]: what time it is for a task, and what is gone by it.
//! - [`Memory`]: a task's stores and timers in memory, for tests and tools.
//! - [`Chunks`]: what each of them keeps entries in.
//! - [`duration`]: how long something is, as a person writes it in a configuration: `"5 min"`.
//!
//! Nothing here knows wasmtime or Kafka: the same code runs inside a plugin, in a plain `cargo test`, and in the host.

mod batch;
mod chunks;
mod effects;
mod headers;
mod limits;
mod memory;
mod quantity;
mod time;
mod timers;
mod writes;

pub use batch::{Batch, EventRef};
pub use chunks::Chunks;
pub use effects::{Effects, FailureKind, Field, Output, Scope, Violation};
pub use headers::{HeaderColumns, HeaderRef, Headers, HeadersIter};
pub use limits::{Excess, Limits, MAX_KEY, MAX_VALUE, OverLimit};
pub use memory::{DueTimer, Memory};
pub use quantity::{DURATION_UNITS, duration, quantity};
pub use time::{StreamTime, is_expired};
pub use timers::{Clock, OwnedTimerWrites, TimerWrite, TimerWrites};
pub use writes::{OwnedWrites, Write, Writes};

/// The contract's text: `wit/plugin.wit`.
pub const WIT: &str = include_str!("../../../wit/plugin.wit");

/// A length that means null.
pub const NULL: i32 = -1;

/// A length that means "the same as the source event's"; it takes no data. As a header count: "all of the source's".
pub const SAME: i32 = -2;

//! HTTP: health, metrics, and what plugins do. It sees the rest of the host only through [`Control`].
//! `docs/http.md` lists every route; a test runs its examples.

pub mod control;
pub mod percent;
pub mod remote;
pub mod server;

mod answer;
mod connections;
mod gather;
mod guard;
mod nearest;
mod routes;
mod signals;
mod stores;
#[cfg(test)]
mod tests;
mod timestamp;
mod topics;

pub use control::{
    Action, BoxFuture, Control, ControlError, Counters, FirstOutputs, InputStatus, NewEvent, OutputSeen, PluginStatus,
    Problem, PutError, QueryError, Readiness, RefusedModule, Signal, SinkStatus, Spread, State, WorkerStatus, Written,
};
pub use server::{Admin, BindError, bind, serve};
pub use timestamp::Timestamp;

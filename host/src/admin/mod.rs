//! HTTP: health, metrics, and what plugins do. It sees the rest of the host only through [`Control`].
//! `docs/http.md` lists every route; a test runs its examples.

pub mod control;
pub mod percent;
pub mod server;

mod answer;
mod connections;
mod guard;
mod nearest;
mod routes;
mod signals;
mod stores;
#[cfg(test)]
mod tests;
mod timestamp;

pub use control::{
    Action, BoxFuture, Control, ControlError, Counters, InputStatus, PluginStatus, Problem, QueryError, Readiness,
    RefusedModule, Signal, SinkStatus, State, WorkerStatus,
};
pub use server::{Admin, BindError, bind, serve};
pub use timestamp::Timestamp;

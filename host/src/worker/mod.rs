//! A worker: one thread that polls, calls, sends and commits, top to bottom. Nothing else touches an event, and no lock
//! is taken while one is processed.

mod careful;
mod cause;
mod command;
mod commit;
mod dead_letter;
mod early;
mod fire;
mod first;
mod handle;
mod held;
mod lane;
mod opening;
mod pace;
mod rebalance;
mod refresh;
mod send;
mod tally;
mod task;
mod tasks;
#[cfg(test)]
mod tests;
mod turn;
mod writes;

pub use cause::{MAX_PARTITIONS, MAX_TOPICS};
pub use command::{Command, End, State, Status};
pub use dead_letter::PREFIX as DEAD_LETTER_PREFIX;
pub use first::{FirstOutput, MOST as MOST_FIRST_OUTPUTS};
pub use lane::{Lane, LaneSpec, Running};
pub use opening::{OpenError, Opened, States};
pub use tasks::InputTopic;
pub use turn::Worker;

//! All of Kafka that the host knows: nothing outside this folder names rdkafka. The worker sees it through the two
//! small traits of [`edge`], so that its tests can hold back a delivery or stop a commit in the middle.

pub mod broadcast;
pub mod changelog;
pub mod client;
pub mod consumer;
pub mod edge;
pub mod embedded;
pub mod feed;
pub mod groups;
pub mod inlet;
pub mod owners;
pub mod producer;
pub mod redrive;
pub mod tail;
pub mod topics;

mod budget;
mod ends;
mod errors;
#[allow(unsafe_code)] // The audited place: each block says why it is sound.
mod native;
mod properties;
mod reachability;
mod starts;
mod transaction;

#[cfg(test)]
mod testing;

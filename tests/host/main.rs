//! Whole-host tests: a real host process on a real Apache Kafka. One module a subject.

mod admin;
mod billing;
mod chaos;
mod crash;
mod demo;
mod dlq;
mod examples;
mod forwarding;
mod golden;
mod harness;
mod inlet;
mod last_of_commit;
mod lines;
mod load;
mod poison;
mod policy;
mod refused;
mod reload;
mod rollback;
mod sharing;
mod stage;
mod start;
mod startup;
mod state;
mod state_queries;
mod topics;

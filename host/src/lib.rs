//! Wasmill's host: consumes Kafka topics, gives each event to WebAssembly components from a folder, and writes what they
//! return to sink topics. `ARCHITECTURE.md` has the map; arrows between these modules point downward only.

pub mod cli;

pub mod author;
pub mod demo;
pub mod generate;

pub mod app;
pub mod supervisor;

pub mod admin;
pub mod reload;

pub mod worker;

pub mod kafka;
pub mod plugin;

pub mod state;

pub mod config;
pub mod event;
pub mod failpoint;
pub mod lines;
pub mod logging;
pub mod metrics;

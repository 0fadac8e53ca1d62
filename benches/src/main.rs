//! Wasmill's benchmarks. `cargo xtask bench` builds what they need, finds a broker and runs them; `docs/benchmarks.md` has
//! what came out. One file a benchmark; figures are ratios of what was measured in turn, in one run.

mod bare;
mod boundary;
mod contest;
mod cpu;
mod delivery;
mod entries;
mod figures;
mod host;
mod idle;
mod languages;
mod load;
mod memory;
mod metrics;
mod mill;
mod native;
mod orders;
mod outputs;
mod progress;
mod reload;
mod restore;
mod state;
mod streams;
mod table;
mod topics;
mod totals;

use clap::Parser;

/// How fast Wasmill is, and against what.
#[derive(Parser)]
enum Benchmark {
    /// What WebAssembly costs an event.
    Boundary(boundary::Arguments),
    /// The whole host on a real Kafka, against a bare loop that does the same.
    Host(host::Arguments),
    /// How long events wait while a module is swapped under load.
    Reload(reload::Arguments),
    /// What the host holds in memory with four plugins under load.
    Memory(memory::Arguments),
    /// What exactly once costs: against at least once.
    Delivery(contest::Arguments),
    /// What state costs: the plugin revenue against a bare loop that does the same.
    State(contest::Arguments),
    /// The plugins fraud and revenue against Kafka Streams.
    Streams(contest::Arguments),
    /// Millions of keys: what they take in memory, and how fast they are restored.
    Restore(restore::Arguments),
    /// What plugins cost that have nothing to do.
    Idle(idle::Arguments),
    /// The fraud rule in every language.
    Languages(languages::Arguments),
}

fn main() {
    match Benchmark::parse() {
        Benchmark::Boundary(arguments) => boundary::run(&arguments),
        Benchmark::Host(arguments) => host::run(&arguments),
        Benchmark::Reload(arguments) => reload::run(&arguments),
        Benchmark::Memory(arguments) => memory::run(&arguments),
        Benchmark::Delivery(arguments) => delivery::run(&arguments),
        Benchmark::State(arguments) => state::run(&arguments),
        Benchmark::Streams(arguments) => streams::run(&arguments),
        Benchmark::Restore(arguments) => restore::run(&arguments),
        Benchmark::Idle(arguments) => idle::run(&arguments),
        Benchmark::Languages(arguments) => languages::run(&arguments),
    }
}

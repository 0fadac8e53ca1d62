//! What whole-host tests are made of: a real Apache Kafka ([`Kafka`]; [`Broker`] is one that may be killed, [`Proxy`] a line to it
//! that may be cut), a real host process ([`Host`]), and waiting with a bound ([`wait`]). `cargo xtask test` says where the broker, the host's binary and the modules are; without that a
//! test fails and says so, and is never skipped.

mod broker;
mod failed;
mod host;
mod http;
pub mod invariants;
mod kafka;
mod proxy;
mod raw;
mod record;
mod setup;
mod turn;
mod wait;
mod watch;

pub use broker::Broker;
pub use failed::must_panic;
pub use host::{Host, free_port, wasmill};
pub use http::{Response, get, post, request};
pub use kafka::{Kafka, unique};
pub use proxy::Proxy;
pub use record::Record;
pub use setup::Setup;
pub use turn::{Turn, turn};
pub use wait::{LONG, wait, wait_until};
pub use watch::Watch;

use std::path::PathBuf;

/// The compiled plugin or fixture `name`.
pub fn module(name: &str) -> PathBuf {
    let module = PathBuf::from(told("WASMILL_TEST_MODULES")).join(format!("{name}.wasm"));
    assert!(
        module.exists(),
        "there is no {}: `cargo xtask plugins` builds plugins/* and tests/fixtures/*",
        module.display()
    );
    module
}

/// Its bytes.
pub fn module_bytes(name: &str) -> Vec<u8> {
    let path = module(name);
    std::fs::read(&path).unwrap_or_else(|error| panic!("cannot read {}: {error}", path.display()))
}

/// The same module as a file with other bytes: with one more custom section, of this name.
pub fn another_build(module: &[u8], section: &str) -> Vec<u8> {
    let length = u8::try_from(section.len()).ok().filter(|length| *length < 0x7f).expect("a short name");
    [module, &[0, length + 1, length], section.as_bytes()].concat()
}

/// What `cargo xtask test` has put into the environment.
fn told(variable: &str) -> String {
    failed::are_noted();
    std::env::var(variable).unwrap_or_else(|_| {
        panic!("{variable} is not set: run whole-host tests with `cargo xtask test --only tests -- -p wasmill-tests`")
    })
}

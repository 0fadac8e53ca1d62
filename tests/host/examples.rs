//! The stories under `examples/`, as their READMEs tell them: every command of theirs, and the results that they promise.

use std::process::{Command, Stdio};
use wasmill_tests::{Kafka, turn, unique};

/// On a real Kafka, in topics of its own.
fn holds(story: &str) {
    let _turn = turn();
    let kafka = Kafka::connect();
    let xtask = std::env::var_os("WASMILL_XTASK").expect("WASMILL_XTASK: run `cargo xtask test`");
    let mut command = Command::new(xtask);
    command.args(["example", story, "--brokers", kafka.brokers(), "--prefix", &unique(story), "--check"]);
    let output = command.stdin(Stdio::null()).output().expect("xtask can be started");
    let (out, err) = (String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    assert!(output.status.success(), "{story}: {}\n{out}\n{err}", output.status);
}

#[test]
fn retail_pos() {
    holds("retail-pos");
}

#[test]
fn ecommerce_orders() {
    holds("ecommerce-orders");
}

#[test]
fn billing() {
    holds("billing");
}

#[test]
fn payments_revenue() {
    holds("payments-revenue");
}

#[test]
fn orders_platform() {
    holds("orders-platform");
}

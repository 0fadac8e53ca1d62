//! What a host says before it starts, and the shortest ways to start one.

use crate::stage::{Stage, plugin_toml, texts};
use std::fs;
use std::net::TcpListener;
use std::process::{Command, Output, Stdio};
use tempfile::TempDir;
use wasmill_tests::{Kafka, LONG, Record, Setup, free_port, get, module, unique, wait, wait_until, wasmill};

/// Runs it to its end, and gives what it has said.
fn said(command: &mut Command) -> (Option<i32>, String) {
    let mut child = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().expect("the host can be started");
    let ended = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| {
        wait_until("the host to refuse to start", LONG, || child.try_wait().expect("a status").is_some());
    }));
    if ended.is_err() {
        let _ = child.kill();
    }
    let Output { status, stdout, stderr } = child.wait_with_output().expect("an output");
    assert!(ended.is_ok(), "it started: {}", String::from_utf8_lossy(&stderr));
    (status.code(), String::from_utf8_lossy(&stdout).into_owned() + &String::from_utf8_lossy(&stderr))
}

/// `wasmill run` in a folder with this `wasmill.toml` ends with an error that has all of these words.
fn refused(toml: &str, words: &[&str]) {
    let folder = TempDir::new().expect("a folder");
    fs::write(folder.path().join("wasmill.toml"), toml).expect("wasmill.toml");
    let (code, said) = said(wasmill().arg("run").current_dir(folder.path()));
    assert_eq!(code, Some(1), "{said}");
    for word in words {
        assert!(said.contains(word), "{word:?} is not in: {said}");
    }
    assert!(!folder.path().join("plugins").exists(), "nothing starts half-way");
}

#[test]
fn configuration_errors_come_all_at_once_with_their_places() {
    refused(
        "aplication = 'x'\n[kafka]\nbrokrs = 'a:1'\n[topics]\npartitions = 0\n[kafka.properties]\n'enable.idempotence' = false\n",
        &[
            "5 errors",
            "no Kafka brokers are given; name them with `--brokers HOST:PORT`",
            "wasmill.toml:1:1: unknown key `aplication`; did you mean `application`?",
            "wasmill.toml:3:1: unknown key `kafka.brokrs`; did you mean `brokers`?",
            "wasmill.toml:5:14: `topics.partitions`",
            "wasmill.toml:7:",
            "enable.idempotence",
        ],
    );
    refused("[kafka]\n", &["brokers", "--brokers"]);
}

#[test]
fn an_address_that_others_reach_needs_a_token() {
    let toml = "[kafka]\nbrokers = 'a:1'\n[admin]\nlisten = '0.0.0.0:0'\n";
    refused(toml, &["wasmill.toml:4:", "token"]);
}

#[test]
fn a_port_and_a_state_folder_that_are_in_use_are_named() {
    let taken = TcpListener::bind("127.0.0.1:0").expect("a port");
    let address = taken.local_addr().expect("an address");
    refused(&format!("[kafka]\nbrokers = 'a:1'\n[admin]\nlisten = '{address}'\n"), &[&address.to_string(), "in use"]);

    let kafka = Kafka::connect();
    let host = Setup::new(&kafka, &unique("in-use")).start();
    let state = host.folder().join("state").display().to_string();
    refused(
        &format!("state-dir = {state:?}\n[kafka]\nbrokers = 'a:1'\n[admin]\nlisten = '127.0.0.1:0'\n"),
        &[&state, "in use by another host"],
    );
}

#[test]
fn brokers_and_a_folder_are_enough() {
    let stage = Stage::new("plain", 1);
    let folder = TempDir::new().expect("a folder");
    let plugins = folder.path().join("modules");
    fs::create_dir(&plugins).expect("a folder");
    fs::copy(module("chaos"), plugins.join("p.wasm")).expect("a module");
    fs::write(plugins.join("p.toml"), plugin_toml("", &stage.input, &stage.output, "")).expect("a configuration");
    stage.kafka.produce(&stage.input, &[Record::new("1")]);
    // Two things that a test cannot leave at their defaults: its port, and an application that nobody else uses.
    let listen = format!("127.0.0.1:{}", free_port());
    let mut command = wasmill();
    command.args(["run", "--brokers", stage.kafka.brokers(), "--plugins", "modules", "--listen", &listen]);
    command.env("WASMILL_APPLICATION", &stage.application).current_dir(folder.path());
    let mut host = Running(command.stdout(Stdio::null()).stderr(Stdio::null()).spawn().expect("a host"));

    stage.wait_until_done("p");

    assert_eq!(texts(&stage.kafka.read_all(&stage.output)), ["1"]);
    assert_eq!(host.0.try_wait().expect("a status"), None);
    assert_eq!(get(listen.parse().unwrap(), "/ping", &[]).unwrap().body.trim(), "pong");
}

/// Killed when dropped.
struct Running(std::process::Child);

impl Drop for Running {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

#[test]
fn any_client_can_talk_to_the_embedded_broker() {
    let anything = Kafka::connect();
    let toml = plugin_toml("", "in", "out", "");
    let mut host =
        Setup::new(&anything, "embedded").brokers("embedded").module("p", "chaos").plugin_config("p", &toml).start();
    host.wait_for_tasks("p", 4);
    let line = host.wait_for_line(&["Kafka at 127.0.0.1:", "embedded"]);
    let (_, rest) = line.split_once("Kafka at ").expect("an address");
    let kafka = Kafka::at(rest.split_whitespace().next().expect("an address"));

    kafka.produce("in", &[Record::new("1").key("k"), Record::new("!reject odd").key("k"), Record::new("2").key("k")]);

    let outputs = kafka.read_until("out", LONG, |records| records.len() == 2);
    assert_eq!(texts(&outputs), ["1", "2"]);
    assert_eq!(texts(&kafka.read_until("embedded-p-dlq", LONG, |records| records.len() == 1)), ["!reject odd"]);
    assert_eq!(host.sigterm().code(), Some(0));
}

#[test]
fn lost_brokers_are_waited_for_and_told_of_once() {
    let anything = Kafka::connect();
    let toml = plugin_toml("on-failure = 'skip'", "in", "out", "");
    // Its topics are the other one's, too.
    let mut brokers =
        Setup::new(&anything, "brokers").brokers("embedded").module("p", "chaos").plugin_config("p", &toml).start();
    let line = brokers.wait_for_line(&["Kafka at 127.0.0.1:", "embedded"]);
    let (_, rest) = line.split_once("Kafka at ").expect("an address");
    let address = rest.split_whitespace().next().expect("an address");
    let mut host =
        Setup::new(&anything, "lost").brokers(address).module("p", "chaos").plugin_config("p", &toml).start();
    host.wait_for_tasks("p", 4);

    brokers.kill9();

    host.wait_for_line(&["WARN", "the brokers are not reachable", "waiting"]);
    let uptime = || host.metric("wasmill_uptime_seconds").expect("an uptime");
    let lost_at = uptime();
    let ready = || host.get("/ready");
    assert_eq!(ready().status, 200, "a restart of a broker is nothing to go out of service for");
    let reason = wait("the host not to be ready", LONG, || {
        let ready = ready();
        (ready.status == 503).then(|| ready.json()["reasons"][0].clone())
    });
    let expected = format!("no broker has answered at {address} for ");
    assert!(reason.as_str().is_some_and(|reason| reason.starts_with(&expected)), "{reason}");
    // A module that comes meanwhile is tried again and again, too.
    host.drop_file("q.toml", toml.as_bytes());
    host.drop_module("q", "chaos");
    host.wait_for_line(&["q the brokers can't be reached"]);
    wait_until("some more tries", LONG, || uptime() > lost_at + 8.0);
    let log = host.log();
    assert_eq!(log.matches("the brokers are not reachable").count(), 1, "{log}");
    assert_eq!(log.matches("the brokers can't be reached").count(), 1, "{log}");
    assert!(log.lines().count() < 12, "{log}");
    assert_eq!(host.plugin("p").expect("the plugin")["state"], "running");
    assert_eq!(get(host.admin(), "/ready", &[]).unwrap().status, 503);
    assert_eq!(host.sigterm().code(), Some(0));
}

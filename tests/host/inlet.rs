//! Events that come in over HTTP: they are in their topic when the answer comes, and plugins get them.

use crate::stage::{Stage, texts};
use serde_json::Value;
use std::net::SocketAddr;
use wasmill_tests::{LONG, Response, request, turn, wait_until};

fn ask(admin: SocketAddr, method: &str, path: &str, body: &str) -> Response {
    request(admin, method, path, &[], body).expect("an answer")
}

#[test]
fn an_event_from_outside_is_in_its_topic_and_comes_out_of_the_plugin() {
    let _turn = turn();
    let stage = Stage::new("inlet", 3);
    let setup = stage.plugin("p", "chaos", "", "").admin(&format!("topics = [{:?}, \"nowhere-1\"]", stage.input));
    let mut host = setup.start();
    let path = format!("/topics/{}", stage.input);
    for (method, path, body) in [
        ("POST", format!("{path}?key=c-1"), "one"),
        ("PUT", format!("{path}/c-1"), "two"),
        ("DELETE", format!("{path}/c-1"), ""),
        ("PUT", format!("{path}/c-1"), "three"),
    ] {
        let answer = ask(host.admin(), method, &path, body);
        assert_eq!(answer.status, 200, "{answer:?}");
        let place: Value = answer.json();
        let all = stage.kafka.read_all(&stage.input);
        let last = all.last().expect("it is there");
        assert_eq!(
            (place["partition"].as_i64(), place["offset"].as_i64()),
            (last.partition.map(i64::from), last.offset)
        );
        assert_eq!(last.key.as_deref(), Some(&b"c-1"[..]));
    }
    wait_until("the outputs", LONG, || stage.kafka.read_all(&stage.output).len() == 4);
    let outputs = stage.kafka.read_all(&stage.output);
    assert!(outputs[2].value.is_none(), "a tombstone");
    let values = [&outputs[..2], &outputs[3..]].concat();
    assert_eq!(texts(&values), ["one", "two", "three"]);

    assert_eq!(ask(host.admin(), "POST", "/topics/orders", "1").status, 403);
    let missing = ask(host.admin(), "POST", "/topics/nowhere-1", "1");
    assert!(matches!(missing.status, 422 | 503), "{missing:?}");
    assert_eq!(host.sigterm().code(), Some(0));
}

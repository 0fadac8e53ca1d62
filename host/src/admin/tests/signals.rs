//! `/plugins/{name}/signals/{signal}`.

use super::client::{Reply, Server};
use crate::admin::control::Signal;
use serde_json::json;

async fn send(server: &Server, path: &str, payload: &str) -> Reply {
    server.request("POST", path, &[], payload).await
}

fn signal(name: &str, payload: Option<&str>) -> Signal {
    Signal { name: name.to_owned(), payload: payload.map(|payload| payload.as_bytes().to_vec()) }
}

#[tokio::test]
async fn a_signal_reaches_its_plugin_as_it_was_sent() {
    let server = Server::start(None).await;
    let reply = send(&server, "/plugins/fraud/signals/flush", "").await;
    assert_eq!((reply.status, reply.json()), (202, json!({ "plugin": "fraud", "signal": "flush", "tasks": 3 })));
    let reply = send(&server, "/plugins/fraud/signals/set%20limit", "{\"limit\": 1.50}").await;
    assert_eq!(reply.status, 202, "{}", reply.body);
    assert_eq!(server.control.signals(), [signal("flush", None), signal("set limit", Some("{\"limit\": 1.50}"))]);
}

#[tokio::test]
async fn a_payload_that_is_no_json_or_too_large_is_sent_to_nobody() {
    let server = Server::start(None).await;
    let reply = send(&server, "/plugins/fraud/signals/flush", "limit=1").await;
    let hint = "a payload is JSON of at most 262144 bytes, or nothing";
    assert_eq!((reply.status, &reply.json()["hint"]), (400, &json!(hint)));
    let large = format!("\"{}\"", "x".repeat(256 << 10));
    assert_eq!(send(&server, "/plugins/fraud/signals/flush", &large).await.status, 413);
    assert_eq!(server.control.signals(), []);
}

#[tokio::test]
async fn a_plugin_that_takes_no_signals_says_what_to_do() {
    let server = Server::start(None).await;
    let reply = send(&server, "/plugins/payment/signals/flush", "").await;
    assert_eq!((reply.status, &reply.json()["error"]), (409, &json!("\"payment\" has no input of signals")));
    assert_eq!(send(&server, "/plugins/fruad/signals/flush", "").await.status, 404);
    let reply = server.get("/plugins/fraud/signals/flush").await;
    assert_eq!((reply.status, &reply.json()["hint"]), (405, &json!("use POST")));
}

//! HTTP over real sockets, with a fake of what is behind it.

mod client;
mod documentation;
mod fake;
mod signals;
mod stores;
mod topics;

use super::connections::{BOUNDS, Bounds};
use super::server::LONGEST_DRAIN;
use super::*;
use client::{Reply, Server};
use serde_json::{Value, json};
use std::time::Duration;

#[tokio::test]
async fn ping_answers_pong() {
    let server = Server::start(None).await;
    let reply = server.get("/ping").await;
    assert_eq!((reply.status, &*reply.body), (200, "pong\n"));
}

#[tokio::test]
async fn the_index_and_a_404_list_the_routes() {
    let server = Server::start(None).await;
    let index = server.get("/").await;
    assert_eq!((index.status, index.header("content-type")), (200, Some("text/plain; charset=utf-8")));
    let missing = server.get("/plugin").await;
    assert_eq!(missing.status, 404);
    assert_eq!(missing.json()["error"], "there is nothing at \"/plugin\"");
    for route in
        ["/ping", "/ready", "/metrics", "/plugins", "/plugins/{name}", "/plugins/{name}/{pause|resume|reload|rollback}"]
    {
        assert!(index.body.contains(&format!(" {route} ")), "{route}: {}", index.body);
        assert!(missing.json()["hint"].as_str().is_some_and(|hint| hint.contains(route)), "{}", missing.body);
    }
}

#[tokio::test]
async fn ready_is_200_or_503_with_the_reasons() {
    let server = Server::start(None).await;
    let reply = server.get("/ready").await;
    assert_eq!((reply.status, reply.json()), (200, json!({ "ready": true, "reasons": [] })));

    server.control.set_reasons(&["no broker answers at localhost:9092"]);
    let reply = server.get("/ready").await;
    let expected = json!({ "ready": false, "reasons": ["no broker answers at localhost:9092"] });
    assert_eq!((reply.status, reply.json()), (503, expected));
}

#[tokio::test]
async fn metrics_come_as_openmetrics() {
    let server = Server::start(None).await;
    let reply = server.get("/metrics").await;
    assert_eq!(reply.status, 200);
    let media_type = "application/openmetrics-text; version=1.0.0; charset=utf-8";
    assert_eq!(reply.header("content-type"), Some(media_type));
    assert!(reply.body.contains("\nwasmill_events_total{plugin=\"fraud\"} 1250000\n"), "{}", reply.body);
    assert!(reply.body.ends_with("# EOF\n"));
}

#[tokio::test]
async fn a_plugin_has_every_field_that_is_documented() {
    let server = Server::start(None).await;
    let all = server.get("/plugins").await.json();
    let names: Vec<&Value> = all["plugins"].as_array().unwrap().iter().map(|plugin| &plugin["name"]).collect();
    assert_eq!(names, ["fraud", "payment"]);

    let one = server.get("/plugins/fraud").await;
    assert_eq!((one.status, one.header("content-type")), (200, Some("application/json")));
    assert_eq!(one.json(), all["plugins"][0]);
    let fields: Vec<String> = one.json().as_object().unwrap().keys().cloned().collect();
    let expected = "name state version description sha256 world loaded_at inputs sinks dead_letter_topic workers loading \
                    pinned refused error events outputs failures dead_letters lag memory_bytes wasm_nanoseconds_per_event";
    assert_eq!(fields.join(" "), expected);
    assert_eq!(one.json()["wasm_nanoseconds_per_event"], 320);
    assert_eq!(one.json()["workers"][0], json!({ "index": 0, "state": "running", "tasks": [0, 1, 2], "restarts": 0 }));
}

#[tokio::test]
async fn an_unknown_plugin_is_404_and_names_the_nearest() {
    let server = Server::start(None).await;
    for reply in [server.get("/plugins/fruad").await, server.post("/plugins/fruad/pause").await] {
        assert_eq!(reply.status, 404);
        let expected = json!({
            "error": "there is no plugin \"fruad\"",
            "hint": "did you mean \"fraud\"? GET /plugins lists them",
        });
        assert_eq!(reply.json(), expected);
    }
    assert_eq!(server.get("/plugins/warehouse").await.json()["hint"], "GET /plugins lists them");
}

#[tokio::test]
async fn each_action_reaches_its_plugin() {
    let server = Server::start(None).await;
    for action in Action::ALL {
        let reply = server.post(&format!("/plugins/fraud/{}", action.name())).await;
        assert_eq!((reply.status, &reply.json()["plugin"]), (200, &json!("fraud")), "{}", reply.body);
        assert_eq!(reply.json()["action"], action.name());
    }
    assert_eq!(server.control.actions(), Action::ALL.map(|action| ("fraud".to_owned(), action)));
}

#[tokio::test]
async fn an_unknown_action_is_404_and_does_nothing() {
    let server = Server::start(None).await;
    let reply = server.post("/plugins/fraud/puase").await;
    assert_eq!(reply.status, 404);
    let hint = "did you mean \"pause\"? the actions are pause, resume, reload, rollback";
    assert_eq!(reply.json(), json!({ "error": "there is no action \"puase\"", "hint": hint }));
    assert_eq!(server.control.actions(), []);
}

#[tokio::test]
async fn a_conflict_is_409_and_a_failure_500() {
    let server = Server::start(None).await;
    let conflict = server.post("/plugins/fraud/resume").await;
    assert_eq!((conflict.status, &conflict.json()["error"]), (409, &json!("\"fraud\" is not paused")));
    let failure = server.post("/plugins/payment/reload").await;
    assert_eq!(failure.status, 500);
    assert_eq!(failure.json()["hint"], "the host's log has more");
}

#[tokio::test]
async fn a_wrong_method_is_405_and_says_which_is_right() {
    let server = Server::start(None).await;
    let reply = server.get("/plugins/fraud/pause").await;
    assert_eq!((reply.status, reply.header("allow"), &reply.json()["hint"]), (405, Some("POST"), &json!("use POST")));
    let reply = server.post("/metrics").await;
    assert_eq!(
        (reply.status, reply.header("allow"), &reply.json()["hint"]),
        (405, Some("GET,HEAD"), &json!("use GET"))
    );
    let reply = server.request("DELETE", "/plugins/fraud", &[], "").await;
    assert_eq!((reply.status, &reply.json()["hint"]), (405, &json!("use GET")));
    assert_eq!(server.control.actions(), []);
}

#[tokio::test]
async fn a_path_that_is_no_text_is_400_in_json() {
    let server = Server::start(None).await;
    let reply = server.get("/plugins/%ff").await;
    assert_eq!(reply.status, 400);
    assert!(reply.json()["error"].is_string());
}

#[tokio::test]
async fn with_a_token_a_request_needs_it() {
    let server = Server::start(Some("s3cret")).await;
    assert_eq!(server.get("/ping").await.status, 200);
    assert_eq!(server.get("/ready").await.status, 200);
    for path in ["/", "/metrics", "/plugins", "/nothing"] {
        let reply = server.get(path).await;
        assert_eq!((reply.status, reply.header("www-authenticate")), (401, Some("Bearer realm=\"wasmill\"")), "{path}");
    }
    assert_eq!(server.post("/plugins/fraud/pause").await.status, 401);
    assert_eq!(server.control.actions(), []);

    let token = ("Authorization", "Bearer s3cret");
    assert_eq!(server.request("POST", "/plugins/fraud/pause", &[token], "").await.status, 200);
    assert_eq!(server.request("GET", "/nothing", &[token], "").await.status, 404);
}

#[tokio::test]
async fn a_page_of_another_site_cannot_pause_a_plugin() {
    let server = Server::start(None).await;
    let page = ("Origin", "http://evil.example");
    let reply = server.request("POST", "/plugins/fraud/pause", &[page], "").await;
    assert_eq!((reply.status, reply.json()["error"].is_string()), (403, true));
    assert_eq!(server.control.actions(), []);

    let own = format!("http://{}", server.address);
    assert_eq!(server.request("POST", "/plugins/fraud/pause", &[("Origin", &own)], "").await.status, 200);
}

#[tokio::test]
async fn a_body_is_bounded() {
    let server = Server::start(None).await;
    let reply = server.request("POST", "/plugins/fraud/pause", &[], &"x".repeat(17 << 10)).await;
    assert_eq!((reply.status, &reply.json()["hint"]), (413, &json!("send none: an action reads no body")));
    assert_eq!(server.control.actions(), []);
    assert_eq!(server.request("POST", "/plugins/fraud/pause", &[], "{}").await.status, 200);
}

#[tokio::test]
async fn an_action_goes_on_after_the_client_has_hung_up() {
    let mut server = Server::start(None).await;
    let gate = server.control.hold_actions().await;
    server.hang_up_after("POST /plugins/fraud/reload HTTP/1.1\r\nHost: localhost\r\n\r\n", &server.control.begun).await;
    // The server ends when the connection, and all that was done on its behalf, is gone.
    server.stop().await.unwrap();
    assert_eq!(server.control.actions(), []);
    drop(gate);
    let done = tokio::time::timeout(Duration::from_secs(10), server.control.done.notified());
    assert!(done.await.is_ok(), "the action was cut short");
    assert_eq!(server.control.actions(), [("fraud".to_owned(), Action::Reload)]);
}

#[tokio::test]
async fn a_port_in_use_names_the_key_to_change() {
    let server = Server::start(None).await;
    let error = bind(server.address).await.unwrap_err().to_string();
    assert!(error.starts_with(&format!("admin.listen: cannot listen on {}: ", server.address)), "{error}");
    assert!(error.contains("another process has this port"), "{error}");
}

#[tokio::test]
async fn a_page_that_reaches_this_host_by_a_name_of_its_own_learns_nothing() {
    let server = Server::start(None).await;
    let rebound = [("Host", "evil.example:8080"), ("Origin", "http://evil.example:8080")];
    for (method, path) in [("GET", "/plugins"), ("GET", "/metrics"), ("POST", "/plugins/fraud/pause")] {
        let reply = server.request(method, path, &rebound, "").await;
        assert_eq!(reply.status, 403, "{path}");
        assert_eq!(reply.json()["error"], "this host does not answer to the name \"evil.example:8080\"");
    }
    assert_eq!(server.control.actions(), []);
}

#[tokio::test]
async fn a_client_that_does_not_finish_its_request_is_cut_off() {
    let head = Duration::from_millis(100);
    let server = Server::start_with(None, Bounds { head, ..BOUNDS }, LONGEST_DRAIN).await;
    for begun in ["", "GET /ping HTTP/1.1\r\nHost: localh", "GET /ping HTTP/1.1\r\nHost: localhost\r\n\r\n"] {
        // The last one gets its answer, and is idle then.
        let reply = server.send_and_wait_for_the_end(begun).await;
        assert_eq!(reply.contains("pong"), begun.ends_with("\r\n\r\n"), "{begun:?}: {reply:?}");
    }
}

#[tokio::test]
async fn connections_beyond_the_bound_wait_for_their_turn() {
    let bounds = Bounds { connections: 2, head: Duration::from_secs(60) };
    let server = Server::start_with(None, bounds, LONGEST_DRAIN).await;
    let mut idle = Vec::new();
    for _ in 0..bounds.connections {
        idle.push(server.connect_and_ask("/ping").await);
    }
    let waiting = server.begin("GET", "/ping", &[], "");
    // It is connected, since the kernel does that; but nobody reads its request.
    tokio::time::sleep(Duration::from_millis(200)).await;
    assert!(!waiting.is_finished());
    drop(idle.pop());
    assert_eq!(waiting.await.unwrap().status, 200);
}

#[tokio::test]
async fn a_shutdown_closes_idle_connections_at_once() {
    let bounds = Bounds { head: Duration::from_secs(60), ..BOUNDS };
    let mut server = Server::start_with(None, bounds, Duration::from_secs(60)).await;
    let _idle = server.connect_and_ask("/ping").await;
    let ended = tokio::time::timeout(Duration::from_secs(10), server.stop());
    assert!(ended.await.is_ok(), "it waits for a client that says nothing");
}

#[tokio::test]
async fn a_shutdown_lets_a_running_request_end_and_frees_the_port() {
    let mut server = Server::start(None).await;
    let gate = server.control.hold_actions().await;
    let request = server.begin("POST", "/plugins/fraud/pause", &[], "");
    server.control.begun.notified().await;
    let ended = server.stop();
    drop(gate);
    let reply: Reply = request.await.unwrap();
    assert_eq!(reply.status, 200);
    ended.await.unwrap();
    assert!(bind(server.address).await.is_ok());
}

#[tokio::test]
async fn a_shutdown_does_not_wait_for_ever() {
    let mut server = Server::start_with(None, BOUNDS, Duration::from_millis(20)).await;
    let gate = server.control.hold_actions().await;
    let request = server.begin("POST", "/plugins/fraud/pause", &[], "");
    server.control.begun.notified().await;
    server.stop().await.unwrap();
    drop(gate);
    assert!(request.await.is_err(), "its connection was closed before there was an answer");
}

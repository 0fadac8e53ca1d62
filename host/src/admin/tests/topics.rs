//! `/topics/{topic}[/{key}]`.

use super::client::Server;
use crate::admin::control::NewEvent;
use serde_json::json;

fn event(key: Option<&[u8]>, value: Option<&str>) -> NewEvent {
    let bytes = |text: &str| text.as_bytes().to_vec();
    NewEvent { topic: "clients".to_owned(), key: key.map(<[u8]>::to_vec), value: value.map(bytes) }
}

#[tokio::test]
async fn an_event_is_written_as_it_was_sent() {
    let server = Server::start(None).await;
    let reply = server.request("POST", "/topics/clients", &[], "no json").await;
    assert_eq!((reply.status, reply.json()), (200, json!({ "topic": "clients", "partition": 2, "offset": 41 })));
    for (method, path, body) in [
        ("POST", "/topics/clients?key=a+b%2Fc", "1"),
        ("PUT", "/topics/clients/a%2F%FF", "{}"),
        ("DELETE", "/topics/clients/c-17", ""),
    ] {
        let reply = server.request(method, path, &[], body).await;
        assert_eq!(reply.status, 200, "{}", reply.body);
    }
    let expected = [
        event(None, Some("no json")),
        event(Some(b"a b/c"), Some("1")),
        event(Some(b"a/\xff"), Some("{}")),
        event(Some(b"c-17"), None),
    ];
    assert_eq!(server.control.events(), expected);
}

#[tokio::test]
async fn what_cannot_be_written_says_why() {
    let server = Server::start(None).await;
    let large = "x".repeat((1 << 20) + 1);
    for (method, path, body, status, why) in [
        ("POST", "/topics/orders", "1", 403, "not open to HTTP"),
        ("POST", "/topics/clients", "", 400, "the body is empty"),
        ("PUT", "/topics/clients/a", "", 400, "the body is empty"),
        ("POST", "/topics/clients?kye=a", "1", 400, "there is no parameter"),
        ("POST", "/topics/clients", &large, 413, "longer than"),
        ("PUT", "/topics/clients/too-large", "1", 422, "message size too large"),
        ("PUT", "/topics/clients/lost", "1", 503, "the brokers are away"),
        ("GET", "/topics/clients", "", 405, "does nothing"),
    ] {
        let reply = server.request(method, path, &[], body).await;
        assert_eq!(reply.status, status, "{method} {path}: {}", reply.body);
        assert!(reply.body.contains(why), "{method} {path}: {}", reply.body);
    }
    assert_eq!(server.control.events(), []);
}

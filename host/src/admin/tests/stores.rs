//! `/plugins/{name}/stores/…`.

use super::client::{Reply, Server};
use crate::admin::Spread;
use serde_json::{Value, json};

fn keys(reply: &Reply) -> Vec<Value> {
    reply.json()["entries"].as_array().unwrap().iter().map(|entry| entry["key"].clone()).collect()
}

#[tokio::test]
async fn a_key_is_answered_with_all_that_is_known_of_it() {
    let server = Server::start(None).await;
    let reply = server.get("/plugins/fraud/stores/totals/FR").await;
    let entry = json!({
        "partition": 2,
        "key": "FR",
        "value": { "orders": 2, "amount": 99.9 },
        "timestamp": 1_767_225_600_000_i64,
    });
    let expected = json!({ "plugin": "fraud", "store": "totals", "partitions": [0, 1, 2], "entries": [entry] });
    assert_eq!((reply.status, reply.json()), (200, expected));
}

#[tokio::test]
async fn a_key_may_be_any_bytes() {
    let server = Server::start(None).await;
    let slash = server.get("/plugins/fraud/stores/totals/FR%2FParis").await;
    assert_eq!(slash.json()["entries"][0]["value"], json!({ "base64": "b25l" }), "{}", slash.body);
    let no_text = server.get("/plugins/fraud/stores/totals/%ff").await;
    assert_eq!(no_text.json()["entries"][0]["key"], json!({ "base64": "/w==" }), "{}", no_text.body);
    assert_eq!(server.get("/plugins/%ff/stores/totals/FR").await.status, 400);
}

#[tokio::test]
async fn a_key_that_is_not_there_is_404_and_says_where_it_was_looked_for() {
    let server = Server::start(None).await;
    let reply = server.get("/plugins/fraud/stores/totals/IT").await;
    let expected = json!({
        "error": "there is nothing under \"IT\" in \"totals\"",
        "hint": "partitions that were asked: 0, 1, 2",
    });
    assert_eq!((reply.status, reply.json()), (404, expected));
}

#[tokio::test]
async fn pages_follow_one_another_to_the_end() {
    let server = Server::start(None).await;
    let (mut path, mut seen) = ("/plugins/fraud/stores/totals?limit=1".to_owned(), Vec::new());
    loop {
        let reply = server.get(&path).await;
        assert_eq!((reply.status, keys(&reply).len()), (200, 1), "{}", reply.body);
        seen.extend(keys(&reply));
        match reply.json()["next"].as_str() {
            Some(next) => path = format!("/plugins/fraud/stores/totals?limit=1&from={next}"),
            None => break,
        }
    }
    assert_eq!(seen, [json!("DE"), json!("FR"), json!("FR/Paris"), json!({ "base64": "/w==" })]);
}

#[tokio::test]
async fn a_page_has_what_was_asked_for() {
    let server = Server::start(None).await;
    let get = async |parameters: &str| server.get(&format!("/plugins/fraud/stores/totals?{parameters}")).await;
    assert_eq!(keys(&get("prefix=FR").await), ["FR", "FR/Paris"]);
    assert_eq!(keys(&get("to=FR").await), ["DE"]);
    assert_eq!(keys(&get("prefix=IT").await), [] as [Value; 0]);
    let reply = get("limits=3").await;
    let hint = "did you mean \"limit\"? the parameters are prefix, from, to, limit, local";
    assert_eq!((reply.status, &reply.json()["hint"]), (400, &json!(hint)));
}

#[tokio::test]
async fn unknown_names_are_404_with_those_there_are() {
    let server = Server::start(None).await;
    let hint = async |path: &str| {
        let reply = server.get(path).await;
        assert_eq!(reply.status, 404, "{}", reply.body);
        reply.json()["hint"].as_str().unwrap().to_owned()
    };
    assert_eq!(hint("/plugins/fraud/stores/total/FR").await, "did you mean \"totals\"? its stores are totals, recent");
    assert_eq!(hint("/plugins/fraud/stores/$timers").await, "its stores are totals, recent");
    assert_eq!(hint("/plugins/payment/stores/totals").await, "\"payment\" has no stores");
    assert_eq!(hint("/plugins/fruad/stores/totals").await, "did you mean \"fraud\"? GET /plugins lists them");
}

#[tokio::test]
async fn what_is_being_restored_is_503_and_can_be_asked_again() {
    let server = Server::start(None).await;
    let reply = server.get("/plugins/fraud/stores/opening/FR").await;
    assert_eq!((reply.status, reply.header("retry-after")), (503, Some("1")));
    assert_eq!(server.get("/plugins/fraud/stores/broken").await.status, 500);
}

#[tokio::test]
async fn a_store_is_only_read() {
    let server = Server::start(None).await;
    let reply = server.post("/plugins/fraud/stores/totals/FR").await;
    assert_eq!((reply.status, &reply.json()["hint"]), (405, &json!("use GET")));
}

#[tokio::test]
async fn a_key_of_another_host_says_where_it_is_or_is_fetched_from_there() {
    let server = Server::start(Some("secret")).await;
    let token = ("Authorization", "Bearer secret");
    let path = "/plugins/fraud/stores/recent/there";
    server.control.set_other(None);
    let nowhere = server.request("GET", path, &[token], "").await;
    assert_eq!(nowhere.status, 421, "{}", nowhere.body);
    assert!(nowhere.body.contains("set admin.advertise"), "{}", nowhere.body);

    let other = Server::start(Some("secret")).await;
    server.control.set_other(Some(&other.address.to_string()));
    let told = server.request("GET", path, &[token], "").await;
    assert_eq!(told.status, 421, "{}", told.body);
    assert!(told.body.contains(&format!("http://{}{path}", other.address)), "{}", told.body);
    other.control.set_other(Some("10.0.0.9:80"));
    let fetched = server.request("GET", &format!("{path}?proxy=true"), &[token], "").await;
    assert_eq!(fetched.status, 421, "the other one's answer, as it is: {}", fetched.body);
    assert!(fetched.body.contains("10.0.0.9:80"), "{}", fetched.body);

    server.control.set_other(Some("127.0.0.1:1"));
    let away = server.request("GET", &format!("{path}?proxy=true"), &[token], "").await;
    assert_eq!((away.status, away.header("retry-after")), (503, Some("1")), "{}", away.body);
    assert_eq!(server.request("GET", &format!("{path}?porxy=1"), &[token], "").await.status, 400);
}

#[tokio::test]
async fn all_hosts_are_asked_and_a_task_that_is_nowhere_is_no_answer() {
    let (server, other) = (Server::start(Some("secret")).await, Server::start(Some("secret")).await);
    let get = async |parameters: &str| {
        let path = format!("/plugins/fraud/stores/totals{parameters}");
        server.request("GET", &path, &[("Authorization", "Bearer secret")], "").await
    };
    let others = |address: Option<String>| [address].into_iter().collect();
    let spread = |tasks, address| Ok(Some(Spread { tasks, others: others(address) }));
    // Both have all of it, as while a task moves: it is one answer all the same.
    server.control.set_spread(spread(3, Some(other.address.to_string())));
    assert_eq!(get("/FR").await.json()["entries"].as_array().unwrap().len(), 1);
    assert_eq!(keys(&get("?prefix=FR").await), ["FR", "FR/Paris"]);
    let page = get("?limit=2").await;
    assert_eq!((keys(&page), &page.json()["next"]), (vec![json!("DE"), json!("FR")], &json!("FR%2FParis")));
    assert_eq!(get("/IT").await.status, 404);

    server.control.set_spread(spread(5, Some(other.address.to_string())));
    let missing = get("/FR").await;
    assert_eq!((missing.status, missing.header("retry-after")), (503, Some("1")));
    assert!(missing.body.contains("partitions 3, 4") && missing.body.contains("?local=true"), "{}", missing.body);
    assert_eq!((get("/FR?local=true").await.status, get("?local=true").await.status), (200, 200));

    server.control.set_spread(spread(3, Some("127.0.0.1:1".into())));
    assert_eq!(get("").await.status, 503, "what another host has is missing");
    server.control.set_spread(spread(3, None));
    let unreached = get("").await;
    assert!(unreached.status == 502 && unreached.body.contains("admin.advertise"), "{}", unreached.body);
    server.control.set_spread(Err("the brokers are away".into()));
    assert_eq!(get("").await.status, 503);
}

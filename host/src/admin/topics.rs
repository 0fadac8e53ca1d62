//! Events from outside of Kafka: `/topics/{topic}[/{key}]`, for the topics that the configuration opens.

use super::answer::{Refusal, json};
use super::control::{NewEvent, PutError};
use super::percent;
use super::routes::{Shared, meant, read_body};
use axum::extract::{Request, State};
use axum::http::{StatusCode, Uri};
use axum::response::Response;
use serde_json::json as object;

/// The largest record that producers send unless configured otherwise.
const MOST_VALUE_BYTES: usize = 1 << 20;

/// Puts the body into a topic, under the key that `?key=` names, or none.
pub(super) async fn post(State(shared): State<Shared>, request: Request) -> Result<Response, Refusal> {
    let uri = request.uri().clone();
    let (topic, _) = parts(&uri)?;
    let mut key = None;
    for parameter in uri.query().unwrap_or_default().split('&').filter(|parameter| !parameter.is_empty()) {
        match parameter.split_once('=') {
            Some(("key", text)) => key = Some(percent::decode(&text.replace('+', " "))),
            _ => {
                let error = format!("there is no parameter {parameter:?}");
                return Err(Refusal::new(StatusCode::BAD_REQUEST, error, "the one parameter is key"));
            }
        }
    }
    let value = value(request, "a key alone deletes: DELETE /topics/{topic}/{key}").await?;
    put(&shared, NewEvent { topic, key, value: Some(value) }).await
}

/// Puts the body into a topic, under the path's key.
pub(super) async fn put_key(State(shared): State<Shared>, request: Request) -> Result<Response, Refusal> {
    let (topic, key) = parts(request.uri())?;
    let value = value(request, "to delete what is under a key, use DELETE").await?;
    put(&shared, NewEvent { topic, key: Some(key), value: Some(value) }).await
}

/// Puts a tombstone into a topic.
pub(super) async fn delete(State(shared): State<Shared>, uri: Uri) -> Result<Response, Refusal> {
    let (topic, key) = parts(&uri)?;
    put(&shared, NewEvent { topic, key: Some(key), value: None }).await
}

/// Topic and key of `/topics/{topic}/{key}`. By hand, since a key need not be a text.
fn parts(uri: &Uri) -> Result<(String, Vec<u8>), Refusal> {
    let mut parts = uri.path().split('/').skip(2).map(percent::decode);
    let (topic, key) = (parts.next().unwrap_or_default(), parts.next().unwrap_or_default());
    match String::from_utf8(topic) {
        Ok(topic) => Ok((topic, key)),
        Err(_) => Err(Refusal::new(StatusCode::BAD_REQUEST, "the path names a topic that is no text", "use its name")),
    }
}

async fn value(request: Request, instead: &str) -> Result<Vec<u8>, Refusal> {
    let hint = format!("the body is the event's value, of at most {MOST_VALUE_BYTES} bytes");
    let value = read_body(request.into_body(), MOST_VALUE_BYTES, &hint).await?;
    if value.is_empty() {
        return Err(Refusal::new(StatusCode::BAD_REQUEST, "the body is empty", format!("{hint}; {instead}")));
    }
    Ok(value.to_vec())
}

async fn put(shared: &Shared, event: NewEvent) -> Result<Response, Refusal> {
    let (topic, control) = (event.topic.clone(), shared.control.clone());
    match control.put(event).await {
        Ok(written) => {
            let (partition, offset) = (written.partition, written.offset);
            Ok(json(StatusCode::OK, &object!({ "topic": topic, "partition": partition, "offset": offset })))
        }
        Err(PutError::Closed(open)) => {
            let open: Vec<&str> = open.iter().map(String::as_str).collect();
            let hint = meant(&topic, open.iter().copied())
                + &match open.as_slice() {
                    [] => "admin.topics names those that are; there is none".to_owned(),
                    open => format!("admin.topics names those that are: {}", open.join(", ")),
                };
            let error = format!("the topic {topic:?} is not open to HTTP");
            Err(Refusal::new(StatusCode::FORBIDDEN, error, hint))
        }
        Err(PutError::Refused(why)) => {
            Err(Refusal::new(StatusCode::UNPROCESSABLE_ENTITY, why, "nothing was written; send another one"))
        }
        Err(PutError::Unanswered(why)) => Err(Refusal::not_yet(
            why,
            "whether it was written is not known: send it again, if twice is no harm, as with PUT and DELETE",
        )),
    }
}

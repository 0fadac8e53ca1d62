//! What can be asked.

use super::answer::{Refusal, json, typed};
use super::control::{Action, Control, ControlError};
use super::guard::{Guard, guard};
use super::nearest::nearest;
use super::server::Admin;
use super::signals;
use super::stores;
use super::topics;
use crate::metrics::Metrics;
use axum::Router;
use axum::body::{Body, Bytes, to_bytes};
use axum::extract::rejection::PathRejection;
use axum::extract::{Path, Request, State};
use axum::http::{Method, StatusCode, Uri};
use axum::middleware::from_fn_with_state;
use axum::response::Response;
use axum::routing::{get, post, put};
use serde_json::json as object;
use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;

/// An action reads no body. A client that sends a small one all the same is not turned away.
const MOST_BODY_BYTES: usize = 16 << 10;

/// A client that takes longer to send that little has gone.
const LONGEST_BODY_WAIT: Duration = Duration::from_secs(5);

/// Method, path and purpose of every route, for those who look for one.
const ROUTES: [(&str, &str, &str); 14] = [
    ("GET", "/", "this list"),
    ("GET", "/ping", "200 as long as the process lives"),
    ("GET", "/ready", "200 when the host does its work, otherwise 503 with the reasons"),
    ("GET", "/metrics", "everything that is counted, for Prometheus"),
    ("GET", "/plugins", "every plugin: state, module, topics, workers, counters"),
    ("GET", "/plugins/{name}", "one of them"),
    ("GET", "/plugins/{name}/outputs", "the first outputs of its module"),
    ("POST", "/plugins/{name}/{pause|resume|reload|rollback}", "does that to it"),
    ("POST", "/plugins/{name}/signals/{signal}", "sends it to each task; the body is its payload, as JSON"),
    ("GET", "/plugins/{name}/stores/{store}", "what is committed in a store: ?prefix=, from=, to=, limit=, local="),
    ("GET", "/plugins/{name}/stores/{store}/{key}", "what is committed under a key: ?proxy=true"),
    ("POST", "/topics/{topic}", "puts the body into a topic of admin.topics: ?key="),
    ("PUT", "/topics/{topic}/{key}", "the same under a key"),
    ("DELETE", "/topics/{topic}/{key}", "puts a tombstone under a key"),
];

/// The whole of the host's HTTP, on this address of the machine.
pub(super) fn router(admin: Admin, listens_on: Option<IpAddr>) -> Router {
    let access = Arc::new(Guard::new(admin.token.as_deref(), listens_on, admin.advertise.as_deref()));
    Router::new()
        .route("/", get(index))
        .route("/ping", get(|| async { "pong\n" }))
        .route("/ready", get(ready))
        .route("/metrics", get(metrics))
        .route("/plugins", get(plugins))
        .route("/plugins/{name}", get(plugin))
        .route("/plugins/{name}/outputs", get(outputs))
        .route("/plugins/{name}/{action}", post(act))
        .route("/plugins/{name}/signals/{signal}", post(signals::send))
        .route("/plugins/{name}/stores/{store}", get(stores::scan))
        .route("/plugins/{name}/stores/{store}/{key}", get(stores::get))
        .route("/topics/{topic}", post(topics::post))
        .route("/topics/{topic}/{key}", put(topics::put_key).delete(topics::delete))
        .fallback(unknown_path)
        .method_not_allowed_fallback(wrong_method)
        .layer(from_fn_with_state(access, guard))
        .with_state(Shared { control: admin.control, token: admin.token.map(Into::into), metrics: admin.metrics })
}

#[derive(Clone)]
pub(super) struct Shared {
    pub(super) control: Arc<dyn Control>,
    /// Of this host, and so of the others of its application.
    pub(super) token: Option<Arc<str>>,
    metrics: Arc<Metrics>,
}

async fn index() -> String {
    let mut text = format!("Wasmill {}\n\n", env!("CARGO_PKG_VERSION"));
    for (method, path, purpose) in ROUTES {
        text += &format!("{method:<5}{path:<52}{purpose}\n");
    }
    text
}

async fn ready(State(shared): State<Shared>) -> Response {
    let reasons = shared.control.ready().reasons;
    let ready = reasons.is_empty();
    let status = if ready { StatusCode::OK } else { StatusCode::SERVICE_UNAVAILABLE };
    json(status, &object!({ "ready": ready, "reasons": reasons }))
}

async fn metrics(State(shared): State<Shared>) -> Response {
    typed(StatusCode::OK, Metrics::MEDIA_TYPE, shared.metrics.encode())
}

async fn plugins(State(shared): State<Shared>) -> Response {
    json(StatusCode::OK, &object!({ "plugins": shared.control.plugins() }))
}

async fn plugin(State(shared): State<Shared>, name: Result<Path<String>, PathRejection>) -> Result<Response, Refusal> {
    let Path(name) = name.map_err(unreadable_path)?;
    match shared.control.plugin(&name) {
        Some(status) => Ok(json(StatusCode::OK, &status)),
        None => Err(unknown_plugin(&*shared.control, &name)),
    }
}

async fn outputs(State(shared): State<Shared>, name: Result<Path<String>, PathRejection>) -> Result<Response, Refusal> {
    let Path(name) = name.map_err(unreadable_path)?;
    match shared.control.first_outputs(&name) {
        Some(outputs) => Ok(json(StatusCode::OK, &outputs)),
        None => Err(unknown_plugin(&*shared.control, &name)),
    }
}

async fn act(
    State(shared): State<Shared>,
    path: Result<Path<(String, String)>, PathRejection>,
    request: Request,
) -> Result<Response, Refusal> {
    let Path((name, action)) = path.map_err(unreadable_path)?;
    let action = parse_action(&action)?;
    read_body(request.into_body(), MOST_BODY_BYTES, "send none: an action reads no body").await?;
    let control = Arc::clone(&shared.control);
    let plugin = name.clone();
    // In a task of its own: a client that hangs up ends this function, and must not end a reload half-way.
    let done = tokio::spawn(async move { control.act(&plugin, action).await }).await;
    match done {
        Ok(Ok(message)) => {
            Ok(json(StatusCode::OK, &object!({ "plugin": name, "action": action.name(), "message": message })))
        }
        Ok(Err(error)) => Err(not_done(&*shared.control, &name, error)),
        Err(error) => Err(failed(format!("{} of {name:?} broke off: {error}", action.name()))),
    }
}

fn parse_action(text: &str) -> Result<Action, Refusal> {
    let names = Action::ALL.map(Action::name);
    Action::ALL.into_iter().find(|action| action.name() == text).ok_or_else(|| {
        let error = format!("there is no action {text:?}");
        Refusal::new(
            StatusCode::NOT_FOUND,
            error,
            meant(text, names) + &format!("the actions are {}", names.join(", ")),
        )
    })
}

/// A body of at most so many bytes; `hint` says what to send instead of another one.
pub(super) async fn read_body(body: Body, most: usize, hint: &str) -> Result<Bytes, Refusal> {
    match tokio::time::timeout(LONGEST_BODY_WAIT, to_bytes(body, most)).await {
        Ok(Ok(bytes)) => Ok(bytes),
        Ok(Err(_)) => {
            let error = format!("the request's body is broken, or longer than {most} bytes");
            Err(Refusal::new(StatusCode::PAYLOAD_TOO_LARGE, error, hint))
        }
        Err(_) => {
            let error = format!("the request's body did not come within {} s", LONGEST_BODY_WAIT.as_secs());
            Err(Refusal::new(StatusCode::REQUEST_TIMEOUT, error, hint))
        }
    }
}

pub(super) fn not_done(control: &dyn Control, name: &str, error: ControlError) -> Refusal {
    match error {
        ControlError::UnknownPlugin => unknown_plugin(control, name),
        ControlError::Conflict(message) => {
            Refusal::new(StatusCode::CONFLICT, message, format!("GET /plugins/{name} says what it does"))
        }
        ControlError::Failed(message) => failed(message),
    }
}

pub(super) fn failed(message: String) -> Refusal {
    Refusal::new(StatusCode::INTERNAL_SERVER_ERROR, message, "the host's log has more")
}

pub(super) fn unknown_plugin(control: &dyn Control, name: &str) -> Refusal {
    let plugins = control.plugins();
    let guess = meant(name, plugins.iter().map(|plugin| &*plugin.name));
    Refusal::new(StatusCode::NOT_FOUND, format!("there is no plugin {name:?}"), guess + "GET /plugins lists them")
}

async fn unknown_path(uri: Uri) -> Refusal {
    let routes: Vec<String> = ROUTES.iter().map(|(method, path, _)| format!("{method} {path}")).collect();
    let error = format!("there is nothing at {:?}", uri.path());
    Refusal::new(StatusCode::NOT_FOUND, error, format!("the routes are {}", routes.join(", ")))
}

async fn wrong_method(method: Method, uri: Uri) -> Refusal {
    // Of the paths that exist and are longer than a plugin's, only those of stores are read.
    let parts: Vec<&str> = uri.path().split('/').collect();
    let right = match (parts.get(1), parts.get(3)) {
        (Some(&"topics"), None) => "POST",
        (Some(&"topics"), Some(_)) => "PUT or DELETE",
        (_, None | Some(&"stores" | &"outputs")) => "GET",
        _ => "POST",
    };
    let error = format!("{method} does nothing at {:?}", uri.path());
    Refusal::new(StatusCode::METHOD_NOT_ALLOWED, error, format!("use {right}"))
}

pub(super) fn unreadable_path(rejection: PathRejection) -> Refusal {
    Refusal::new(rejection.status(), rejection.body_text(), "names in a path are UTF-8, percent-encoded")
}

/// A guess, as the beginning of a hint; empty if there is none.
pub(super) fn meant<'a>(word: &str, candidates: impl IntoIterator<Item = &'a str>) -> String {
    nearest(word, candidates).map_or_else(String::new, |guess| format!("did you mean {guess:?}? "))
}

//! Signals: `/plugins/{name}/signals/{signal}`.

use super::answer::{Refusal, json};
use super::control::Signal;
use super::routes::{Shared, not_done, read_body, unreadable_path};
use axum::extract::rejection::PathRejection;
use axum::extract::{Path, Request, State};
use axum::http::StatusCode;
use axum::response::Response;
use serde::de::IgnoredAny;
use serde_json::json as object;

/// A payload is read by each task of the plugin; what is larger belongs into a topic of its own.
const MOST_PAYLOAD_BYTES: usize = 256 << 10;

/// Sends a signal to each task.
pub(super) async fn send(
    State(shared): State<Shared>,
    path: Result<Path<(String, String)>, PathRejection>,
    request: Request,
) -> Result<Response, Refusal> {
    let Path((plugin, name)) = path.map_err(unreadable_path)?;
    let hint = format!("a payload is JSON of at most {MOST_PAYLOAD_BYTES} bytes, or nothing");
    let payload = read_body(request.into_body(), MOST_PAYLOAD_BYTES, &hint).await?;
    if !payload.is_empty()
        && let Err(error) = serde_json::from_slice::<IgnoredAny>(&payload)
    {
        return Err(Refusal::new(StatusCode::BAD_REQUEST, format!("the payload is no JSON: {error}"), hint));
    }
    let payload = (!payload.is_empty()).then(|| payload.to_vec());
    match shared.control.signal(&plugin, Signal { name: name.clone(), payload }).await {
        Ok(tasks) => Ok(json(StatusCode::ACCEPTED, &object!({ "plugin": plugin, "signal": name, "tasks": tasks }))),
        Err(error) => Err(not_done(&*shared.control, &plugin, error)),
    }
}

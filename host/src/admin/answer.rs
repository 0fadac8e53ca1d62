//! Answers: JSON that a person can read, and errors that say what to do next.

use axum::http::header::{CONTENT_TYPE, RETRY_AFTER, WWW_AUTHENTICATE};
use axum::http::{HeaderName, HeaderValue, StatusCode};
use axum::response::{IntoResponse, Response};
use serde::Serialize;

/// An answer that is no success.
#[derive(Debug)]
pub(super) struct Refusal {
    status: StatusCode,
    body: RefusalBody,
    header: Option<(HeaderName, &'static str)>,
}

#[derive(Debug, Serialize)]
struct RefusalBody {
    error: String,
    hint: String,
}

impl Refusal {
    /// `error` says what was wrong, `hint` what to do.
    pub(super) fn new(status: StatusCode, error: impl Into<String>, hint: impl Into<String>) -> Self {
        Refusal { status, body: RefusalBody { error: error.into(), hint: hint.into() }, header: None }
    }

    /// A 401; `challenge` says in HTTP's words what is asked for.
    pub(super) fn unauthorized(error: &str, hint: &str, challenge: &'static str) -> Self {
        Refusal { header: Some((WWW_AUTHENTICATE, challenge)), ..Refusal::new(StatusCode::UNAUTHORIZED, error, hint) }
    }

    /// A 503 that a second later may be something else.
    pub(super) fn not_yet(error: impl Into<String>, hint: impl Into<String>) -> Self {
        Refusal { header: Some((RETRY_AFTER, "1")), ..Refusal::new(StatusCode::SERVICE_UNAVAILABLE, error, hint) }
    }

    #[cfg(test)]
    pub(super) fn status(&self) -> StatusCode {
        self.status
    }
}

impl IntoResponse for Refusal {
    fn into_response(self) -> Response {
        let mut response = json(self.status, &self.body);
        if let Some((name, value)) = self.header {
            response.headers_mut().insert(name, HeaderValue::from_static(value));
        }
        response
    }
}

/// Indented and with a line end: most of these answers are read in a terminal.
pub(super) fn json(status: StatusCode, body: &impl Serialize) -> Response {
    match serde_json::to_string_pretty(body) {
        Ok(text) => typed(status, "application/json", text + "\n"),
        Err(error) => typed(StatusCode::INTERNAL_SERVER_ERROR, "text/plain; charset=utf-8", format!("{error}\n")),
    }
}

/// Text of a media type.
pub(super) fn typed(status: StatusCode, media_type: &'static str, text: String) -> Response {
    (status, [(CONTENT_TYPE, HeaderValue::from_static(media_type))], text).into_response()
}

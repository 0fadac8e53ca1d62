//! Answers: JSON that a person can read, and errors that say what to do next.

use axum::http::header::{CONTENT_TYPE, WWW_AUTHENTICATE};
use axum::http::{HeaderValue, StatusCode};
use axum::response::{IntoResponse, Response};
use serde::Serialize;

/// An answer that is no success.
#[derive(Debug)]
pub(super) struct Refusal {
    status: StatusCode,
    body: RefusalBody,
    challenge: Option<&'static str>,
}

#[derive(Debug, Serialize)]
struct RefusalBody {
    error: String,
    hint: String,
}

impl Refusal {
    /// `error` says what was wrong, `hint` what to do.
    pub(super) fn new(status: StatusCode, error: impl Into<String>, hint: impl Into<String>) -> Self {
        Refusal { status, body: RefusalBody { error: error.into(), hint: hint.into() }, challenge: None }
    }

    /// A 401; `challenge` says in HTTP's words what is asked for.
    pub(super) fn unauthorized(error: &str, hint: &str, challenge: &'static str) -> Self {
        Refusal { challenge: Some(challenge), ..Refusal::new(StatusCode::UNAUTHORIZED, error, hint) }
    }

    #[cfg(test)]
    pub(super) fn status(&self) -> StatusCode {
        self.status
    }
}

impl IntoResponse for Refusal {
    fn into_response(self) -> Response {
        let mut response = json(self.status, &self.body);
        if let Some(challenge) = self.challenge {
            response.headers_mut().insert(WWW_AUTHENTICATE, HeaderValue::from_static(challenge));
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

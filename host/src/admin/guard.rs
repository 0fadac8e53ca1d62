//! Who may ask. With a token: whoever has it. Without one the host listens on this machine only, so that what is left
//! to fear is a web page in a browser here.

use super::answer::Refusal;
use axum::extract::{Request, State};
use axum::http::header::{AUTHORIZATION, HOST, ORIGIN};
use axum::http::uri::Authority;
use axum::http::{HeaderMap, HeaderValue, StatusCode};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use sha2::{Digest, Sha256};
use std::net::IpAddr;
use std::sync::Arc;

/// What a load balancer or an orchestrator asks, which has no token and learns nothing from the answer.
const OPEN: [&str; 2] = ["/ping", "/ready"];

#[derive(Debug)]
pub(super) struct Guard {
    token: Option<TokenDigest>,
    /// Names of this host, beside those that every machine has for itself.
    names: Vec<String>,
}

type TokenDigest = [u8; 32];

impl Guard {
    /// `listens_on`: an address of this machine; `advertise`: `host:port` under which others reach it.
    pub(super) fn new(token: Option<&str>, listens_on: Option<IpAddr>, advertise: Option<&str>) -> Self {
        let advertise = advertise.and_then(authority).map(|advertise| bare(&advertise).to_owned());
        let names = listens_on.map(|address| address.to_string()).into_iter().chain(advertise).collect();
        Guard { token: token.map(digest), names }
    }

    fn check(&self, request: &Request) -> Result<(), Refusal> {
        if OPEN.contains(&request.uri().path()) {
            return Ok(());
        }
        match &self.token {
            Some(expected) => check_token(expected, request.headers()),
            None => {
                self.check_host(request.headers())?;
                if request.method().is_safe() { Ok(()) } else { check_origin(request.headers()) }
            }
        }
    }

    /// A page from `evil.example` whose name points to 127.0.0.1 by now may, in its browser's eyes, read what comes from
    /// here. But the browser says which name it has used, and that is none that this host answers to.
    fn check_host(&self, headers: &HeaderMap) -> Result<(), Refusal> {
        // Every browser sends one.
        let Some(host) = headers.get(HOST) else { return Ok(()) };
        let authority = host.to_str().ok().and_then(authority);
        if authority.as_ref().is_some_and(|authority| self.answers_to(bare(authority))) {
            return Ok(());
        }
        let error = format!("this host does not answer to the name {:?}", String::from_utf8_lossy(host.as_bytes()));
        let hint = "use localhost or the address in admin.listen, name it in admin.advertise, or set admin.token";
        Err(Refusal::new(StatusCode::FORBIDDEN, error, hint))
    }

    fn answers_to(&self, name: &str) -> bool {
        let every_machine = ["localhost", "127.0.0.1", "::1"];
        every_machine.into_iter().chain(self.names.iter().map(String::as_str)).any(|own| own.eq_ignore_ascii_case(name))
    }
}

/// Lets a request through, or says why not.
pub(super) async fn guard(State(guard): State<Arc<Guard>>, request: Request, next: Next) -> Response {
    match guard.check(&request) {
        Ok(()) => next.run(request).await,
        Err(refusal) => refusal.into_response(),
    }
}

fn check_token(expected: &TokenDigest, headers: &HeaderMap) -> Result<(), Refusal> {
    let Some(token) = headers.get(AUTHORIZATION).and_then(bearer) else {
        let hint = "send the value of admin.token: curl -H 'Authorization: Bearer TOKEN' URL";
        return Err(Refusal::unauthorized("this host asks for a token", hint, "Bearer realm=\"wasmill\""));
    };
    if !same(expected, &digest(token)) {
        let hint = "it is the value of admin.token in the host's configuration";
        let challenge = "Bearer realm=\"wasmill\", error=\"invalid_token\"";
        return Err(Refusal::unauthorized("this is not the token that the host was configured with", hint, challenge));
    }
    Ok(())
}

fn bearer(value: &HeaderValue) -> Option<&str> {
    let (scheme, token) = value.to_str().ok()?.split_once(' ')?;
    scheme.eq_ignore_ascii_case("bearer").then_some(token.trim())
}

/// Digests are compared instead of tokens: they have one length, and how far two agree says nothing about the token.
fn digest(token: &str) -> TokenDigest {
    Sha256::digest(token.as_bytes()).into()
}

/// Takes the same time wherever they differ.
fn same(left: &TokenDigest, right: &TokenDigest) -> bool {
    std::hint::black_box(left.iter().zip(right).fold(0, |difference, (l, r)| difference | (l ^ r))) == 0
}

/// Browsers name the page that makes them change something in `Origin`; other clients send none. A page may do so only
/// if it came from this host, under the name that was asked for and found good.
fn check_origin(headers: &HeaderMap) -> Result<(), Refusal> {
    let Some(origin) = headers.get(ORIGIN) else { return Ok(()) };
    let own = headers.get(HOST).and_then(|host| authority(host.to_str().ok()?));
    let page = origin.to_str().ok().and_then(|origin| authority(origin.split_once("://")?.1));
    if own.is_some() && own == page {
        return Ok(());
    }
    let error = format!("a web page from {} may not change anything here", String::from_utf8_lossy(origin.as_bytes()));
    let hint = "use a client that is no browser, or set admin.token and send it with each request";
    Err(Refusal::new(StatusCode::FORBIDDEN, error, hint))
}

fn authority(text: &str) -> Option<Authority> {
    text.parse().ok()
}

/// Its name or address, without a port and brackets.
fn bare(authority: &Authority) -> &str {
    authority.host().trim_start_matches('[').trim_end_matches(']')
}

#[cfg(test)]
mod tests {
    use super::*;
    use axum::body::Body;

    fn status(token: Option<&str>, method: &str, path: &str, headers: &[(&str, &str)]) -> u16 {
        let mut request = Request::builder().method(method).uri(path);
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        let request = request.body(Body::empty()).unwrap();
        let guard = Guard::new(token, "127.0.0.2".parse().ok(), Some("mill-1.example:8080"));
        guard.check(&request).map_or_else(|refusal| refusal.status().as_u16(), |()| 200)
    }

    #[test]
    fn with_a_token_only_ping_and_ready_are_open() {
        let asks = |path| status(Some("s3cret"), "GET", path, &[]);
        assert_eq!(
            ["/ping", "/ready", "/", "/metrics", "/plugins", "/nothing"].map(asks),
            [200, 200, 401, 401, 401, 401]
        );
    }

    #[test]
    fn the_token_must_be_the_configured_one() {
        let asks = |value| status(Some("s3cret"), "POST", "/plugins/fraud/pause", &[("authorization", value)]);
        assert_eq!(asks("Bearer s3cret"), 200);
        assert_eq!(asks("bearer s3cret"), 200);
        for wrong in ["Bearer s3cre", "Bearer s3crets", "Bearer S3CRET", "Bearer ", "Basic s3cret", "s3cret", ""] {
            assert_eq!(asks(wrong), 401, "{wrong}");
        }
    }

    #[test]
    fn a_page_may_change_something_only_if_it_came_from_this_machine() {
        let posts = |origin, host| status(None, "POST", "/plugins/fraud/pause", &[("origin", origin), ("host", host)]);
        assert_eq!(posts("http://localhost:8080", "localhost:8080"), 200);
        assert_eq!(posts("http://127.0.0.1:8080", "127.0.0.1:8080"), 200);
        assert_eq!(posts("http://[::1]:8080", "[::1]:8080"), 200);
        assert_eq!(posts("http://evil.example", "127.0.0.1:8080"), 403);
        assert_eq!(posts("http://localhost:3000", "localhost:8080"), 403);
        assert_eq!(posts("null", "127.0.0.1:8080"), 403);
        assert_eq!(posts("", ""), 403);
        assert_eq!(posts("http://evil.example:8080", "evil.example:8080"), 403, "a name that now points here");
    }

    #[test]
    fn a_client_that_is_no_browser_needs_no_origin_and_no_host() {
        assert_eq!(status(None, "POST", "/plugins/fraud/pause", &[("host", "localhost:8080")]), 200);
        assert_eq!(status(None, "POST", "/plugins/fraud/pause", &[]), 200);
    }

    #[test]
    fn without_a_token_the_host_answers_to_its_own_names_only() {
        let asks = |host| status(None, "GET", "/plugins", &[("host", host)]);
        let own =
            "localhost localhost:8080 LOCALHOST:1 127.0.0.1:8080 [::1]:8080 [::1] 127.0.0.2:8080 mill-1.example:80";
        for host in own.split(' ') {
            assert_eq!(asks(host), 200, "{host}");
        }
        for host in ["evil.example", "evil.example:8080", "localhost.evil.example", "10.0.0.1:8080", "", "a b"] {
            assert_eq!(asks(host), 403, "{host:?}");
        }
        let ping = status(None, "GET", "/ping", &[("host", "evil.example")]);
        let token = ("authorization", "Bearer s3cret");
        let with_token = status(Some("s3cret"), "GET", "/plugins", &[("host", "mill.example"), token]);
        assert_eq!((ping, with_token), (200, 200));
    }

    #[test]
    fn a_page_without_the_token_gets_nowhere_and_one_with_it_does() {
        let page = ("origin", "https://console.example");
        assert_eq!(status(Some("s3cret"), "POST", "/plugins/fraud/pause", &[page]), 401);
        let token = ("authorization", "Bearer s3cret");
        assert_eq!(status(Some("s3cret"), "POST", "/plugins/fraud/pause", &[page, token]), 200);
    }
}

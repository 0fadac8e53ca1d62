//! How a command asks a running host.

use crate::admin::remote::Remote;
use anyhow::{Context, Result, anyhow};
use serde_json::Value;
use std::time::Duration;

/// A host that says nothing for longer is stuck.
const ANSWER_WITHIN: Duration = Duration::from_secs(60);

/// Where a running host is asked, and with what right.
#[derive(Debug, Clone, clap::Args)]
pub struct HostArgs {
    /// Where the host's HTTP listens: `listen` in [admin] of its configuration
    #[arg(long, value_name = "HOST:PORT", env = "WASMILL_HOST", default_value = "127.0.0.1:8080")]
    host: String,

    /// The host's token, if it asks for one: `token` in [admin] of its configuration
    #[arg(long, value_name = "TOKEN", env = "WASMILL_TOKEN", hide_env_values = true)]
    token: Option<String>,
}

impl HostArgs {
    /// `GET` of a path that is encoded already.
    ///
    /// # Errors
    /// No host answers there, or it says no: then with its own words.
    pub fn get(&self, path: &str) -> Result<String> {
        self.request("GET", path, "")
    }

    /// `POST` of a body, to a path that is encoded already; errors as of [`HostArgs::get`].
    pub fn post(&self, path: &str, body: &str) -> Result<String> {
        self.request("POST", path, body)
    }

    fn request(&self, method: &str, path: &str, body: &str) -> Result<String> {
        let remote = Remote { address: &self.host, token: self.token.as_deref(), patience: ANSWER_WITHIN };
        let answer = remote
            .request(method, path, body)
            .with_context(|| format!("no wasmill answers at {}; --host says where one listens", self.host))?;
        match answer.status {
            200..300 => Ok(answer.body),
            status => Err(refusal(status, &answer.body)),
        }
    }
}

/// What a host says when it does not do what it was asked.
fn refusal(status: u16, body: &str) -> anyhow::Error {
    let said: Value = serde_json::from_str(body).unwrap_or_default();
    match (said["error"].as_str(), said["hint"].as_str()) {
        (Some(error), Some(hint)) => anyhow!("{error}; {hint}"),
        _ => anyhow!("the host answers {status}: {}", body.trim()),
    }
}

#[cfg(test)]
impl HostArgs {
    /// A host there, without a token.
    pub(super) fn at(host: &str) -> Self {
        HostArgs { host: host.to_owned(), token: None }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::{Read, Write};
    use std::net::TcpListener;

    /// Answers one request, and gives it back.
    fn ask(host: HostArgs, listener: TcpListener, answer: &'static str) -> (Result<String>, String) {
        let server = std::thread::spawn(move || {
            let (mut stream, _) = listener.accept().unwrap();
            let mut request = vec![0; 1000];
            let length = stream.read(&mut request).unwrap();
            stream.write_all(answer.as_bytes()).unwrap();
            String::from_utf8(request[..length].to_vec()).unwrap()
        });
        (host.get("/plugins/p"), server.join().unwrap())
    }

    fn asked(answer: &'static str) -> (Result<String>, String) {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let host = listener.local_addr().unwrap().to_string();
        ask(HostArgs { host, token: Some("s3cret".into()) }, listener, answer)
    }

    #[test]
    fn a_request_carries_the_token_and_its_answer_is_the_body() {
        let (answer, request) = asked("HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\n{}\n");
        assert_eq!(answer.unwrap(), "{}\n");
        assert!(request.starts_with("GET /plugins/p HTTP/1.1\r\n"), "{request}");
        assert!(request.contains("\r\nAuthorization: Bearer s3cret\r\n"), "{request}");
    }

    #[test]
    fn a_refusal_is_told_in_the_hosts_words() {
        let (answer, _) = asked("HTTP/1.1 404 Not Found\r\n\r\n{\"error\": \"there is none\", \"hint\": \"take one\"}");
        assert_eq!(answer.unwrap_err().to_string(), "there is none; take one");
        let (answer, _) = asked("HTTP/1.1 502 Bad Gateway\r\n\r\nno\n");
        assert_eq!(answer.unwrap_err().to_string(), "the host answers 502: no");
    }

    #[test]
    fn half_an_answer_and_something_else_are_errors() {
        let (answer, _) = asked("HTTP/1.1 200 OK\r\nContent-Length: 30\r\n\r\n{}\n");
        assert!(format!("{:#}", answer.unwrap_err()).ends_with("its answer was cut short"));
        let (answer, _) = asked("220 mail.example ESMTP\r\n\r\n");
        assert!(format!("{:#}", answer.unwrap_err()).ends_with("it is no HTTP"));
    }

    #[test]
    fn where_nobody_listens_the_option_is_named() {
        let free = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
        let error = HostArgs::at(&free.to_string()).get("/").unwrap_err();
        assert!(error.to_string().contains("--host says where one listens"), "{error}");
    }
}

//! The few words of HTTP that tests need: one request a connection.

use crate::wait::LONG;
use serde_json::Value;
use std::io::{self, Error, Read, Write};
use std::net::{SocketAddr, TcpStream};

/// What came back.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Response {
    /// Such as 200.
    pub status: u16,
    /// The text.
    pub body: String,
}

impl Response {
    /// The body as JSON. Panics if it is none.
    pub fn json(&self) -> Value {
        serde_json::from_str(&self.body).unwrap_or_else(|error| panic!("no JSON ({error}): {self:?}"))
    }
}

/// `GET`; `headers` are lines such as `Authorization: Bearer secret`.
pub fn get(server: SocketAddr, path: &str, headers: &[&str]) -> io::Result<Response> {
    request(server, "GET", path, headers, "")
}

/// `POST` of a text.
pub fn post(server: SocketAddr, path: &str, headers: &[&str], body: &str) -> io::Result<Response> {
    request(server, "POST", path, headers, body)
}

/// Any method.
pub fn request(server: SocketAddr, method: &str, path: &str, headers: &[&str], body: &str) -> io::Result<Response> {
    let mut stream = TcpStream::connect_timeout(&server, LONG)?;
    stream.set_read_timeout(Some(LONG))?;
    let mut request = format!("{method} {path} HTTP/1.1\r\nHost: {server}\r\nConnection: close\r\n");
    for header in headers {
        request += &format!("{header}\r\n");
    }
    request += &format!("Content-Length: {}\r\n\r\n{body}", body.len());
    stream.write_all(request.as_bytes())?;
    let mut answer = Vec::new();
    stream.read_to_end(&mut answer)?;
    parse(&answer).ok_or_else(|| Error::other(format!("no HTTP: {}", String::from_utf8_lossy(&answer))))
}

/// An answer that ends with its connection.
fn parse(answer: &[u8]) -> Option<Response> {
    let answer = std::str::from_utf8(answer).ok()?;
    let (head, body) = answer.split_once("\r\n\r\n")?;
    let status = head.split(' ').nth(1)?.parse().ok()?;
    let mut headers = head.lines().skip(1).filter_map(|line| line.split_once(':'));
    let chunked =
        headers.any(|(name, value)| name.eq_ignore_ascii_case("transfer-encoding") && value.contains("chunked"));
    let body = if chunked { unchunk(body)? } else { body.to_owned() };
    Some(Response { status, body })
}

fn unchunk(mut body: &str) -> Option<String> {
    let mut whole = String::new();
    loop {
        let (length, rest) = body.split_once("\r\n")?;
        let length = usize::from_str_radix(length.trim(), 16).ok()?;
        if length == 0 {
            return Some(whole);
        }
        whole += rest.get(..length)?;
        body = rest.get(length..)?.strip_prefix("\r\n")?;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn answers_are_read_whole_or_in_chunks() {
        let expected = Response { status: 404, body: "no such plugin".into() };

        let plain = b"HTTP/1.1 404 Not Found\r\nContent-Length: 14\r\n\r\nno such plugin";
        assert_eq!(parse(plain), Some(expected.clone()));
        let chunked =
            b"HTTP/1.1 404 Not Found\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nno \r\nb\r\nsuch plugin\r\n0\r\n\r\n";
        assert_eq!(parse(chunked), Some(expected));
        assert_eq!(parse(b"SSH-2.0"), None);
    }
}

//! Asking another host: as much of HTTP as it takes, one request a connection.

use std::io::{self, Error, Read, Write};
use std::net::{TcpStream, ToSocketAddrs};
use std::time::Duration;

/// A host that takes longer to connect to is not there.
const CONNECT_WITHIN: Duration = Duration::from_secs(5);

/// Far more than the largest answer of a host.
const MOST_BYTES: u64 = 256 << 20;

/// What a host has answered.
#[derive(Debug, PartialEq, Eq)]
pub struct Answer {
    /// Such as 200.
    pub status: u16,
    /// The text.
    pub body: String,
}

/// Where a host is asked, and with what right.
#[derive(Debug, Clone, Copy)]
pub struct Remote<'a> {
    /// `host:port`.
    pub address: &'a str,
    /// The host's token, if it asks for one.
    pub token: Option<&'a str>,
    /// A host that says nothing for longer is stuck.
    pub patience: Duration,
}

impl Remote<'_> {
    /// Asks for a path that is encoded already. Blocks; for a plain thread.
    ///
    /// # Errors
    /// Nobody answers there, or what answers is no host.
    pub fn request(&self, method: &str, path: &str, body: &str) -> io::Result<Answer> {
        let token = self.token.map(|token| format!("Authorization: Bearer {token}\r\n")).unwrap_or_default();
        if token.trim_end().contains(['\r', '\n']) {
            return Err(Error::other("the token has a line end in it"));
        }
        let mut stream = self.connect()?;
        let request = format!(
            "{method} {path} HTTP/1.1\r\nHost: {}\r\nConnection: close\r\n{token}Content-Length: {}\r\n\r\n{body}",
            self.address,
            body.len()
        );
        stream.write_all(request.as_bytes())?;
        let mut answer = Vec::new();
        stream.take(MOST_BYTES).read_to_end(&mut answer)?;
        parse(&answer).map_err(|why| Error::other(format!("what answers there is no wasmill: {why}")))
    }

    fn connect(&self) -> io::Result<TcpStream> {
        let mut last = Error::other("the name stands for no address");
        for address in self.address.to_socket_addrs()? {
            match TcpStream::connect_timeout(&address, CONNECT_WITHIN) {
                Ok(stream) => {
                    stream.set_read_timeout(Some(self.patience))?;
                    stream.set_write_timeout(Some(self.patience))?;
                    return Ok(stream);
                }
                Err(error) => last = error,
            }
        }
        Err(last)
    }
}

/// An answer that ends with its connection, or says how long it is.
fn parse(answer: &[u8]) -> Result<Answer, &'static str> {
    let text = std::str::from_utf8(answer).map_err(|_| "it answers with what is no text")?;
    let (head, body) = text.split_once("\r\n\r\n").ok_or("it is no HTTP")?;
    let mut lines = head.lines();
    let status = lines.next().and_then(|line| line.strip_prefix("HTTP/1.")?.split(' ').nth(1)?.parse().ok());
    let mut length = None;
    for (name, value) in lines.filter_map(|line| line.split_once(':')) {
        if name.eq_ignore_ascii_case("content-length") {
            length = value.trim().parse::<usize>().ok();
        }
        if name.eq_ignore_ascii_case("transfer-encoding") {
            return Err("it answers in pieces, as a host never does");
        }
    }
    if length.is_some_and(|length| length != body.len()) {
        return Err("its answer was cut short");
    }
    Ok(Answer { status: status.ok_or("it is no HTTP")?, body: body.to_owned() })
}

//! Whether a broker serves clients. An open port proves nothing: a broker that is still joining its cluster has one. So
//! it is asked, in Kafka's protocol, which brokers there are, and must name all that are to be there.

use anyhow::{Context, Result, bail};
use std::io::{Read, Write};
use std::net::{TcpStream, ToSocketAddrs};
use std::time::Duration;

const METADATA: u16 = 3;

/// Understood by all brokers since 1.0, and the last that doesn't compress its integers is much newer.
const METADATA_VERSION: u16 = 4;

const CORRELATION: u32 = 1;

/// Of one try; the caller tries again.
const ANSWERS_WITHIN: Duration = Duration::from_secs(3);

/// An answer without topics is a few hundred bytes; what claims to be longer is no Kafka.
const LONGEST_ANSWER: usize = 1 << 20;

/// Fails unless the broker at `host:port` serves clients, together with as many others as make `nodes`.
pub fn ask(address: &str, nodes: usize) -> Result<()> {
    let resolved = address.to_socket_addrs().with_context(|| format!("{address} is not host:port"))?;
    let resolved = resolved.into_iter().next().with_context(|| format!("{address} has no address"))?;
    let mut broker = TcpStream::connect_timeout(&resolved, ANSWERS_WITHIN)?;
    broker.set_read_timeout(Some(ANSWERS_WITHIN))?;
    broker.set_write_timeout(Some(ANSWERS_WITHIN))?;
    broker.write_all(&request())?;

    let mut length = [0; 4];
    broker.read_exact(&mut length)?;
    let length = usize::try_from(u32::from_be_bytes(length))?;
    if length > LONGEST_ANSWER {
        bail!("{address} does not speak Kafka's protocol");
    }
    let mut answer = vec![0; length];
    broker.read_exact(&mut answer)?;
    match brokers(&answer) {
        Some(0) => bail!("the broker has not joined its cluster yet"),
        Some(there) if (there as usize) < nodes => bail!("only {there} of {nodes} brokers have joined their cluster"),
        Some(_) => Ok(()),
        None => bail!("{address} does not speak Kafka's protocol"),
    }
}

/// Asks for the metadata of no topic.
fn request() -> Vec<u8> {
    const NO_CLIENT_ID: i16 = -1;
    const NO_TOPICS: i32 = 0;
    const CREATE_TOPICS: u8 = 0;
    let mut body = Vec::new();
    body.extend(METADATA.to_be_bytes());
    body.extend(METADATA_VERSION.to_be_bytes());
    body.extend(CORRELATION.to_be_bytes());
    body.extend(NO_CLIENT_ID.to_be_bytes());
    body.extend(NO_TOPICS.to_be_bytes());
    body.push(CREATE_TOPICS);
    let mut request = (body.len() as u32).to_be_bytes().to_vec();
    request.extend(body);
    request
}

/// How many brokers an answer names: it begins with the correlation id, the throttle time and their count.
fn brokers(answer: &[u8]) -> Option<u32> {
    let number = |at: usize| answer.get(at..at + 4)?.try_into().ok().map(u32::from_be_bytes);
    if number(0)? != CORRELATION {
        return None;
    }
    number(8)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::net::TcpListener;

    /// A server that sends one answer, whatever it is asked.
    fn server(answer: &[u8]) -> String {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap().to_string();
        let mut framed = (answer.len() as u32).to_be_bytes().to_vec();
        framed.extend(answer);
        std::thread::spawn(move || {
            let (mut client, _) = listener.accept().unwrap();
            let mut asked = vec![0; request().len()];
            client.read_exact(&mut asked).unwrap();
            client.write_all(&framed).unwrap();
        });
        address
    }

    #[test]
    fn a_broker_is_ready_when_it_names_all() {
        let answer = |brokers: u8| [0, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0, brokers, 0, 0];

        ask(&server(&answer(1)), 1).unwrap();
        let error = ask(&server(&answer(0)), 1).unwrap_err();
        assert_eq!(error.to_string(), "the broker has not joined its cluster yet");
        let error = ask(&server(&answer(1)), 2).unwrap_err();
        assert_eq!(error.to_string(), "only 1 of 2 brokers have joined their cluster");
    }

    #[test]
    fn what_is_no_broker_is_said_so() {
        let error = ask(&server(b"HTTP/1.1 400 Bad Request"), 1).unwrap_err();

        assert!(error.to_string().ends_with("does not speak Kafka's protocol"), "{error}");
    }

    #[test]
    fn the_length_of_the_request_is_right() {
        let request = request();

        assert_eq!(u32::from_be_bytes(request[..4].try_into().unwrap()) as usize, request.len() - 4);
    }
}

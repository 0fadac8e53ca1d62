//! A server on a free port, and a client so plain that nothing but the server's own HTTP is tested.

use super::fake::{Fake, metrics};
use crate::admin::connections::{BOUNDS, Bounds};
use crate::admin::server::{Admin, LONGEST_DRAIN, bind, serve_with};
use serde_json::Value;
use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::{Notify, oneshot};
use tokio::task::{JoinHandle, spawn_blocking};

pub(super) struct Server {
    pub(super) address: SocketAddr,
    pub(super) control: Arc<Fake>,
    running: Option<(oneshot::Sender<()>, JoinHandle<()>)>,
}

impl Server {
    pub(super) async fn start(token: Option<&str>) -> Self {
        Server::start_with(token, BOUNDS, LONGEST_DRAIN).await
    }

    pub(super) async fn start_with(token: Option<&str>, bounds: Bounds, drain: Duration) -> Self {
        let metrics = Arc::new(metrics());
        let control = Arc::new(Fake::new(Arc::clone(&metrics)));
        let listener = bind("127.0.0.1:0".parse().unwrap()).await.unwrap();
        let address = listener.local_addr().unwrap();
        let (stop, stopped) = oneshot::channel();
        let admin = Admin { control: control.clone(), metrics, token: token.map(str::to_owned), advertise: None };
        let task = tokio::spawn(serve_with(listener, admin, bounds, drain, async move {
            // Without a sender nobody waits for the server any more.
            let _ = stopped.await;
        }));
        Server { address, control, running: Some((stop, task)) }
    }

    pub(super) async fn get(&self, path: &str) -> Reply {
        self.request("GET", path, &[], "").await
    }

    pub(super) async fn post(&self, path: &str) -> Reply {
        self.request("POST", path, &[], "").await
    }

    pub(super) async fn request(&self, method: &str, path: &str, headers: &[(&str, &str)], body: &str) -> Reply {
        self.begin(method, path, headers, body).await.unwrap()
    }

    pub(super) fn begin(&self, method: &str, path: &str, headers: &[(&str, &str)], body: &str) -> JoinHandle<Reply> {
        let host = if headers.iter().any(|(name, _)| *name == "Host") {
            String::new()
        } else {
            format!("Host: {}\r\n", self.address)
        };
        let headers: String = headers.iter().map(|(name, value)| format!("{name}: {value}\r\n")).collect();
        let address = self.address;
        let request = format!(
            "{method} {path} HTTP/1.1\r\n{host}Connection: close\r\nContent-Length: {}\r\n{headers}\r\n{body}",
            body.len()
        );
        spawn_blocking(move || {
            let mut stream = TcpStream::connect(address).unwrap();
            stream.write_all(request.as_bytes()).unwrap();
            let mut reply = String::new();
            stream.read_to_string(&mut reply).unwrap();
            Reply::parse(&reply)
        })
    }

    /// Sends a request, and closes the connection without waiting for the answer once `seen` tells that it has begun.
    pub(super) async fn hang_up_after(&self, request: &'static str, seen: &Notify) {
        let address = self.address;
        let stream = spawn_blocking(move || {
            let mut stream = TcpStream::connect(address).unwrap();
            stream.write_all(request.as_bytes()).unwrap();
            stream
        });
        let stream = stream.await.unwrap();
        seen.notified().await;
        drop(stream);
    }

    /// Sends the beginning of a request, and gives all that comes until the server closes the connection.
    pub(super) async fn send_and_wait_for_the_end(&self, begun: &'static str) -> String {
        let address = self.address;
        let end = spawn_blocking(move || {
            let mut stream = TcpStream::connect(address).unwrap();
            stream.set_read_timeout(Some(Duration::from_secs(10))).unwrap();
            stream.write_all(begun.as_bytes()).unwrap();
            let mut reply = Vec::new();
            stream.read_to_end(&mut reply).expect("the end of the connection");
            String::from_utf8(reply).unwrap()
        });
        end.await.unwrap()
    }

    /// A connection that has had an answer, and stays open.
    pub(super) async fn connect_and_ask(&self, path: &'static str) -> TcpStream {
        let address = self.address;
        let connected = spawn_blocking(move || {
            let mut stream = TcpStream::connect(address).unwrap();
            stream.write_all(format!("GET {path} HTTP/1.1\r\nHost: localhost\r\n\r\n").as_bytes()).unwrap();
            let mut some = [0; 12];
            stream.read_exact(&mut some).unwrap();
            assert_eq!(&some, b"HTTP/1.1 200");
            stream
        });
        connected.await.unwrap()
    }

    /// Begins the shutdown; the handle ends when the server has.
    pub(super) fn stop(&mut self) -> JoinHandle<()> {
        let (stop, task) = self.running.take().unwrap();
        stop.send(()).unwrap();
        task
    }
}

pub(super) struct Reply {
    pub(super) status: u16,
    headers: Vec<(String, String)>,
    pub(super) body: String,
}

impl Reply {
    fn parse(text: &str) -> Self {
        let (head, body) = text.split_once("\r\n\r\n").unwrap();
        let mut lines = head.lines();
        let status = lines.next().unwrap().split(' ').nth(1).unwrap().parse().unwrap();
        let headers = lines.map(|line| line.split_once(": ").unwrap()).map(|(n, v)| (n.to_lowercase(), v.to_owned()));
        Reply { status, headers: headers.collect(), body: body.to_owned() }
    }

    pub(super) fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(known, _)| known == name).map(|(_, value)| &**value)
    }

    pub(super) fn json(&self) -> Value {
        serde_json::from_str(&self.body).unwrap_or_else(|error| panic!("{error}: {}", self.body))
    }
}

//! A server on a free port, and a client so plain that nothing but the server's own HTTP is tested.

use super::fake::{Fake, metrics};
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
        Server::start_with(token, LONGEST_DRAIN).await
    }

    pub(super) async fn start_with(token: Option<&str>, drain: Duration) -> Self {
        let metrics = Arc::new(metrics());
        let control = Arc::new(Fake::new(Arc::clone(&metrics)));
        let listener = bind("127.0.0.1:0".parse().unwrap()).await.unwrap();
        let address = listener.local_addr().unwrap();
        let (stop, stopped) = oneshot::channel();
        let admin = Admin { control: control.clone(), metrics, token: token.map(str::to_owned) };
        let task = tokio::spawn(serve_with(listener, admin, drain, async move {
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
        let headers: String = headers.iter().map(|(name, value)| format!("{name}: {value}\r\n")).collect();
        let address = self.address;
        let request = format!(
            "{method} {path} HTTP/1.1\r\nHost: {address}\r\nConnection: close\r\nContent-Length: {}\r\n{headers}\r\n{body}",
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

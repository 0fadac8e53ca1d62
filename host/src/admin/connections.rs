//! Connections: how many there may be, and how long a client may take to say what it wants. axum's own server bounds
//! neither, so that a few clients that never finish a request could keep everybody else out.

use axum::Router;
use hyper::server::conn::http1;
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::service::TowerToHyperService;
use std::io::ErrorKind;
use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{OwnedSemaphorePermit, Semaphore, watch};
use tokio::task::JoinSet;

/// How patient the server is.
#[derive(Debug, Clone, Copy)]
pub(super) struct Bounds {
    /// Connections at a time. Further ones wait for one of them to end.
    pub(super) connections: usize,
    /// How long the head of a request may take, and how long a connection may be idle before its next one.
    pub(super) head: Duration,
}

/// More than people, scripts and scrapers ever have open. Prometheus asks more often than an idle connection is closed, or
/// makes a new one.
pub(super) const BOUNDS: Bounds = Bounds { connections: 128, head: Duration::from_secs(20) };

/// Of a request's line and headers.
const LARGEST_HEAD: usize = 32 << 10;

/// After an error that is not the client's, such as too many open files.
const BACK_OFF: Duration = Duration::from_secs(1);

/// Serves until `shutdown` completes, and then until no connection is left: those that are idle are closed at once.
pub(super) async fn serve(
    listener: TcpListener,
    router: Router,
    bounds: Bounds,
    shutdown: impl Future<Output = ()> + Send + 'static,
) {
    let places = Arc::new(Semaphore::new(bounds.connections));
    let (stop, stopped) = watch::channel(());
    let mut connections = JoinSet::new();
    let mut shutdown = pin!(shutdown);
    loop {
        tokio::select! {
            () = &mut shutdown => break,
            (stream, place) = accept(&listener, &places) => {
                let (router, stopped) = (router.clone(), stopped.clone());
                connections.spawn(async move {
                    converse(stream, router, bounds.head, stopped).await;
                    drop(place);
                });
            }
            Some(_) = connections.join_next() => {}
        }
    }
    drop((listener, stop));
    while connections.join_next().await.is_some() {}
}

async fn accept(listener: &TcpListener, places: &Arc<Semaphore>) -> (TcpStream, Option<OwnedSemaphorePermit>) {
    // It is closed by nobody; without a permit the connection would only not be counted.
    let place = places.clone().acquire_owned().await.ok();
    loop {
        match listener.accept().await {
            Ok((stream, _)) => return (stream, place),
            // The client has gone before its turn came.
            Err(error) if matches!(error.kind(), ErrorKind::ConnectionAborted | ErrorKind::ConnectionReset) => {}
            Err(error) => {
                tracing::warn!("HTTP cannot take connections: {error}; trying again");
                tokio::time::sleep(BACK_OFF).await;
            }
        }
    }
}

/// One connection, from its first request to its end.
async fn converse(stream: TcpStream, router: Router, head: Duration, mut stopped: watch::Receiver<()>) {
    let connection = http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(head)
        .max_buf_size(LARGEST_HEAD)
        .serve_connection(TokioIo::new(stream), TowerToHyperService::new(router));
    let mut connection = pin!(connection);
    let ended = tokio::select! {
        ended = connection.as_mut() => ended,
        _ = stopped.changed() => {
            connection.as_mut().graceful_shutdown();
            connection.await
        }
    };
    if let Err(error) = ended {
        tracing::debug!("HTTP: {error}");
    }
}

//! The listener and its life.

use super::connections::{self, BOUNDS, Bounds};
use super::control::Control;
use super::routes::router;
use crate::metrics::Metrics;
use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;
use tokio::net::TcpListener;
use tokio::sync::oneshot;

/// So long, after the shutdown has begun, may requests take to end. A client that does not read its answer must not
/// keep the host from going.
pub(super) const LONGEST_DRAIN: Duration = Duration::from_secs(2);

/// What the HTTP routes stand on.
pub struct Admin {
    /// What they see of the host.
    pub control: Arc<dyn Control>,
    /// What they count.
    pub metrics: Arc<Metrics>,
    /// What every request but `/ping` and `/ready` must carry as a bearer token.
    pub token: Option<String>,
    /// `host:port` under which others reach it, if that is not where it listens.
    pub advertise: Option<String>,
}

/// Why nothing can listen there.
#[derive(Debug, thiserror::Error)]
#[error("admin.listen: cannot listen on {listen}: {cause}; {hint}")]
pub struct BindError {
    listen: SocketAddr,
    cause: io::Error,
    hint: &'static str,
}

/// Takes the port. To be called before anything starts, so that a port in use stops the host at once.
pub async fn bind(listen: SocketAddr) -> Result<TcpListener, BindError> {
    TcpListener::bind(listen).await.map_err(|cause| BindError { listen, hint: hint(&cause), cause })
}

/// Serves until `shutdown` completes, then lets running requests end.
pub async fn serve(listener: TcpListener, admin: Admin, shutdown: impl Future<Output = ()> + Send + 'static) {
    serve_with(listener, admin, BOUNDS, LONGEST_DRAIN, shutdown).await;
}

pub(super) async fn serve_with(
    listener: TcpListener,
    admin: Admin,
    bounds: Bounds,
    longest_drain: Duration,
    shutdown: impl Future<Output = ()> + Send + 'static,
) {
    let (stopping, stopped) = oneshot::channel();
    let listens_on = listener.local_addr().ok().map(|address| address.ip());
    let server = connections::serve(listener, router(admin, listens_on), bounds, async move {
        shutdown.await;
        // The receiver is gone only if the server is, too.
        let _ = stopping.send(());
    });
    let drained = async {
        match stopped.await {
            Ok(()) => tokio::time::sleep(longest_drain).await,
            Err(_) => std::future::pending().await,
        }
    };
    tokio::select! {
        () = server => {}
        () = drained => tracing::warn!("HTTP requests were still running {longest_drain:?} after the shutdown began"),
    }
}

fn hint(cause: &io::Error) -> &'static str {
    match cause.kind() {
        io::ErrorKind::AddrInUse => {
            "another process has this port, maybe another wasmill: stop it or set another port, such as 127.0.0.1:8081"
        }
        io::ErrorKind::PermissionDenied => "ports below 1024 belong to the administrator: set a higher one",
        io::ErrorKind::AddrNotAvailable => "this machine has no such address: use one of its own, such as 127.0.0.1",
        _ => "set an address of this machine and a free port, such as 127.0.0.1:8081",
    }
}

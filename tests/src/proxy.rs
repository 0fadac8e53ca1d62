//! A line between hosts and their broker that can be cut while the broker goes on.

use crate::host::free_port;
use std::io::{ErrorKind, Read, Write};
use std::net::{Ipv4Addr, Shutdown, SocketAddr, TcpListener, TcpStream};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::JoinHandle;
use std::time::Duration;

/// Between two looks for whoever connects.
const LOOK_EVERY: Duration = Duration::from_millis(10);

/// Of what passes at once, in one direction.
const PIECE: usize = 64 << 10;

/// Passes connections on, until it is cut or dropped.
pub struct Proxy {
    address: SocketAddr,
    listener: Option<TcpListener>,
    shared: Arc<Shared>,
    accepting: Option<JoinHandle<()>>,
}

#[derive(Default)]
struct Shared {
    cut: AtomicBool,
    ended: AtomicBool,
    /// Both ends of each connection.
    streams: Mutex<Vec<TcpStream>>,
}

impl Proxy {
    /// Listens, so that its address is known before there is anything to connect to.
    pub fn bind() -> Self {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, free_port())).expect("a port");
        let address = listener.local_addr().expect("an address");
        Proxy { address, listener: Some(listener), shared: Arc::default(), accepting: None }
    }

    /// Passes on what connects to `server` from now on.
    pub fn serve(&mut self, server: SocketAddr) {
        let listener = self.listener.take().expect("it serves already");
        let shared = self.shared.clone();
        self.accepting = Some(std::thread::spawn(move || accept(&listener, server, &shared)));
    }

    /// Where it listens.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Ends all connections, and every new one at once, until it is mended.
    pub fn cut(&self) {
        self.shared.cut.store(true, Ordering::SeqCst);
        self.shared.end_all();
    }

    /// Connections pass again.
    pub fn mend(&self) {
        self.shared.cut.store(false, Ordering::SeqCst);
    }
}

impl Drop for Proxy {
    fn drop(&mut self) {
        self.shared.ended.store(true, Ordering::SeqCst);
        self.cut();
        if let Some(accepting) = self.accepting.take() {
            // Its panic, if any, was told by itself.
            let _ = accepting.join();
        }
    }
}

impl Shared {
    fn end_all(&self) {
        for stream in self.streams.lock().unwrap_or_else(PoisonError::into_inner).drain(..) {
            // One that has ended already is as good.
            let _ = stream.shutdown(Shutdown::Both);
        }
    }

    /// Under the lock that a cut takes: no connection slips through while it happens.
    fn keep(&self, ends: [TcpStream; 2]) {
        let mut streams = self.streams.lock().unwrap_or_else(PoisonError::into_inner);
        if self.cut.load(Ordering::SeqCst) {
            ends.iter().for_each(|end| drop(end.shutdown(Shutdown::Both)));
        } else {
            streams.extend(ends);
        }
    }
}

fn accept(listener: &TcpListener, server: SocketAddr, shared: &Arc<Shared>) {
    listener.set_nonblocking(true).expect("a listener that does not wait");
    while !shared.ended.load(Ordering::SeqCst) {
        match listener.accept() {
            // A server that is away is told by the end of the connection.
            Ok((client, _)) if !shared.cut.load(Ordering::SeqCst) => drop(pass(client, server, shared)),
            Ok(_) => {}
            Err(error) if error.kind() == ErrorKind::WouldBlock => std::thread::sleep(LOOK_EVERY),
            Err(error) => panic!("nobody can connect any more: {error}"),
        }
    }
}

fn pass(client: TcpStream, server: SocketAddr, shared: &Shared) -> std::io::Result<()> {
    client.set_nonblocking(false)?;
    let server = TcpStream::connect(server)?;
    for stream in [&client, &server] {
        stream.set_nodelay(true)?;
    }
    for (from, to) in [(&client, &server), (&server, &client)] {
        let (from, to) = (from.try_clone()?, to.try_clone()?);
        std::thread::spawn(move || copy(from, to));
    }
    shared.keep([client, server]);
    Ok(())
}

/// Until either end has gone.
fn copy(mut from: TcpStream, mut to: TcpStream) {
    let mut piece = vec![0; PIECE];
    while let Ok(length) = from.read(&mut piece) {
        if length == 0 || to.write_all(&piece[..length]).is_err() {
            break;
        }
    }
    for stream in [from, to] {
        let _ = stream.shutdown(Shutdown::Both);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_said_passes_until_the_line_is_cut_and_again_when_it_is_mended() {
        let server = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
        let mut proxy = Proxy::bind();
        proxy.serve(server.local_addr().unwrap());
        std::thread::spawn(move || {
            for client in server.incoming() {
                let client = client.unwrap();
                copy(client.try_clone().unwrap(), client);
            }
        });
        let said = || -> std::io::Result<[u8; 3]> {
            let mut stream = TcpStream::connect(proxy.address())?;
            stream.write_all(b"abc")?;
            let mut answer = [0; 3];
            stream.read_exact(&mut answer)?;
            Ok(answer)
        };
        assert_eq!(said().unwrap(), *b"abc");
        let mut open = TcpStream::connect(proxy.address()).unwrap();
        proxy.cut();
        assert!(said().is_err());
        // One that was open has ended as well.
        assert!(open.read(&mut [0]).map_or(true, |length| length == 0));
        proxy.mend();
        assert_eq!(said().unwrap(), *b"abc");
    }
}

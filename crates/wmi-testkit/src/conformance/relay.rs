//! A forwarder that stops reading what the client sends.

use std::io::{self, Read, Write};
use std::net::{Ipv4Addr, Shutdown, SocketAddr, TcpListener, TcpStream};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::thread::{self, JoinHandle};

use socket2::SockRef;

/// A bound port in front of a host that is not running yet.
#[derive(Debug)]
pub(super) struct Relay(TcpListener);

impl Relay {
    pub(super) fn bind() -> Self {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).expect("a loopback listener");
        // Accepted sockets inherit it: what is not read soon fills the window.
        SockRef::from(&listener).set_recv_buffer_size(4096).expect("a small receive buffer");
        Self(listener)
    }

    pub(super) fn port(&self) -> u16 {
        self.0.local_addr().expect("its address").port()
    }

    /// Forwards one connection to `host`: everything towards the client, `limit` octets towards the host, after which
    /// nothing is read any more.
    pub(super) fn forward(self, host: SocketAddr, limit: u64) -> Forwarding {
        let address = self.0.local_addr().expect("its address");
        let (stalled, sockets) = (Arc::new(AtomicBool::new(false)), Arc::new(Mutex::new(Sockets::Waiting)));
        let (flag, shared) = (Arc::clone(&stalled), Arc::clone(&sockets));
        let thread = thread::spawn(move || {
            let (client, _) = self.0.accept()?;
            let host = TcpStream::connect(host)?;
            {
                let mut sockets = shared.lock().expect("nobody panics with the sockets");
                if matches!(*sockets, Sockets::Unwanted) {
                    return Ok(());
                }
                *sockets = Sockets::Forwarding(client.try_clone()?, host.try_clone()?);
            }
            let (mut from_host, mut to_client) = (host.try_clone()?, client.try_clone()?);
            let down = thread::spawn(move || io::copy(&mut from_host, &mut to_client));
            forward_up_to(limit, &client, &host)?;
            flag.store(true, Ordering::Release);
            down.join().expect("copying does not panic").map(drop)
        });
        Forwarding { address, stalled, sockets, thread: Some(thread) }
    }
}

fn forward_up_to(limit: u64, mut from: &TcpStream, mut to: &TcpStream) -> io::Result<()> {
    let (mut buffer, mut total) = ([0; 1024], 0);
    while total < limit {
        let n = from.read(&mut buffer)?;
        if n == 0 {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
        to.write_all(&buffer[..n])?;
        total += n as u64;
    }
    Ok(())
}

/// A connection that is being forwarded, or waited for.
#[derive(Debug)]
pub(super) struct Forwarding {
    address: SocketAddr,
    stalled: Arc<AtomicBool>,
    sockets: Arc<Mutex<Sockets>>,
    thread: Option<JoinHandle<io::Result<()>>>,
}

#[derive(Debug)]
enum Sockets {
    Waiting,
    Forwarding(TcpStream, TcpStream),
    Unwanted,
}

impl Forwarding {
    /// Whether the limit was reached.
    pub(super) fn is_stalled(&self) -> bool {
        self.stalled.load(Ordering::Acquire)
    }
}

impl Drop for Forwarding {
    fn drop(&mut self) {
        let mut sockets = self.sockets.lock().expect("nobody panics with the sockets");
        match std::mem::replace(&mut *sockets, Sockets::Unwanted) {
            Sockets::Forwarding(client, host) => {
                let _ = (client.shutdown(Shutdown::Both), host.shutdown(Shutdown::Both));
            }
            // `accept` waits for a connection and for nothing else.
            Sockets::Waiting | Sockets::Unwanted => drop(TcpStream::connect(self.address)),
        }
        drop(sockets);
        if let Some(thread) = self.thread.take() {
            // How forwarding ended is the business of the case, which sees it from the client.
            let _ = thread.join();
        }
    }
}

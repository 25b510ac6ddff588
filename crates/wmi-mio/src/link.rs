//! One transport: a socket on its way from a list of addresses to its end.

use std::collections::VecDeque;
use std::io::{self, ErrorKind, IoSlice, Read, Write};
use std::net::{Shutdown, SocketAddr};
use std::sync::{Arc, Weak};
use std::time::Duration;
use std::vec;

use bytes::{Buf, Bytes};
use mio::net::TcpStream;
use mio::{Interest, Registry, Token};
use smallvec::SmallVec;
use wmi_proto::{TransportFailure, TransportId};

use crate::os;

/// How a link ended, in the words of `Input::Closed`.
pub(crate) type End = Option<TransportFailure>;

/// A transport between `Output::Open` and `Input::Closed`.
#[derive(Debug)]
pub(crate) struct Link {
    id: TransportId,
    token: Token,
    socket: Socket,
    keep_alive: Option<Duration>,
    /// Where it stood in the line of those that wait for leave to connect, if it ever did. Places are not used again.
    place: Option<u64>,
    unsent: VecDeque<Bytes>,
    closing: bool,
    /// Readiness is told once, at its edge: it is kept until a read would block.
    readable: bool,
    /// Writing failed. What the host had sent before is still read, since it may say why.
    broken: End,
}

#[derive(Debug)]
enum Socket {
    /// The resolver sees by it that an answer is still wanted.
    Resolving(Arc<()>),
    /// Until an attempt is permitted.
    Waiting(vec::IntoIter<SocketAddr>),
    Connecting {
        stream: TcpStream,
        others: vec::IntoIter<SocketAddr>,
        permit: Permit,
    },
    Open(TcpStream),
}

/// Leave to attempt a connection, given back when dropped.
pub(crate) type Permit = Arc<()>;

impl Link {
    /// A link whose name is to be looked up; its readiness will be told with `token`.
    pub(crate) fn new(id: TransportId, token: Token) -> Self {
        let (socket, unsent) = (Socket::Resolving(Arc::default()), VecDeque::new());
        Self { id, token, socket, keep_alive: None, place: None, unsent, closing: false, readable: false, broken: None }
    }

    /// The same, probed by TCP after so long without traffic.
    pub(crate) fn keep_alive(self, keep_alive: Option<Duration>) -> Self {
        Self { keep_alive, ..self }
    }

    /// Alive as long as addresses are waited for.
    pub(crate) fn wants_addresses(&self) -> Weak<()> {
        if let Socket::Resolving(wanted) = &self.socket { Arc::downgrade(wanted) } else { Weak::new() }
    }

    pub(crate) const fn id(&self) -> TransportId {
        self.id
    }

    pub(crate) const fn token(&self) -> Token {
        self.token
    }

    /// Our end and the host's, while connected.
    pub(crate) fn ends(&self) -> Option<(SocketAddr, SocketAddr)> {
        let Socket::Open(stream) = &self.socket else { return None };
        Some((stream.local_addr().ok()?, stream.peer_addr().ok()?))
    }

    /// Whether a read may find something.
    pub(crate) const fn is_readable(&self) -> bool {
        self.readable && matches!(self.socket, Socket::Open(_))
    }

    pub(crate) const fn set_readable(&mut self) {
        self.readable = true;
    }

    pub(crate) const fn place(&self) -> Option<u64> {
        self.place
    }

    /// It got in line.
    pub(crate) const fn wait_at(&mut self, place: u64) {
        self.place = Some(place);
    }

    /// The look-up is over.
    pub(crate) fn resolved(&mut self, addresses: Vec<SocketAddr>) {
        if let Socket::Resolving(_) = self.socket {
            self.socket = Socket::Waiting(addresses.into_iter());
        }
    }

    /// Connects to the first address that can be tried.
    pub(crate) fn start(&mut self, permit: Permit, registry: &Registry) -> Result<(), End> {
        let Socket::Waiting(addresses) = &mut self.socket else { return Ok(()) };
        let addresses = std::mem::take(addresses);
        self.connect(addresses, TransportFailure::NameResolution, permit, registry)
    }

    /// Tries addresses until an attempt is under way; `failure` is what to report when there is none left.
    fn connect(
        &mut self,
        mut addresses: vec::IntoIter<SocketAddr>,
        mut failure: TransportFailure,
        permit: Permit,
        registry: &Registry,
    ) -> Result<(), End> {
        while let Some(address) = addresses.next() {
            let attempt = TcpStream::connect(address).and_then(|mut stream| {
                registry.register(&mut stream, self.token, Interest::READABLE | Interest::WRITABLE)?;
                Ok(stream)
            });
            match attempt {
                Ok(stream) => {
                    self.socket = Socket::Connecting { stream, others: addresses, permit };
                    return Ok(());
                }
                Err(error) => failure = TransportFailure::from(&error),
            }
        }
        Err(Some(failure))
    }

    /// The system reports a change: tells whether the link has just been connected.
    pub(crate) fn connected(&mut self, registry: &Registry) -> Result<bool, End> {
        match std::mem::replace(&mut self.socket, Socket::Waiting(vec::IntoIter::default())) {
            Socket::Connecting { stream, others, permit } => match established(&stream) {
                Ok(true) => {
                    // Requests are small and waited for: batching them would only add delay. Best effort.
                    let _ = stream.set_nodelay(true);
                    if let Some(idle) = self.keep_alive {
                        os::keep_alive(&stream, idle);
                    }
                    self.socket = Socket::Open(stream);
                    Ok(true)
                }
                Ok(false) => {
                    self.socket = Socket::Connecting { stream, others, permit };
                    Ok(false)
                }
                Err(error) => {
                    // Its socket goes before the next one is asked for.
                    drop(stream);
                    self.connect(others, TransportFailure::from(&error), permit, registry).map(|()| false)
                }
            },
            socket => {
                self.socket = socket;
                Ok(false)
            }
        }
    }

    pub(crate) fn transmit(&mut self, data: Bytes) {
        if self.broken.is_none() {
            self.unsent.push_back(data);
        }
    }

    pub(crate) const fn close(&mut self) {
        self.closing = true;
    }

    /// Writes what the socket takes; ends the link when it is closing and everything was taken.
    pub(crate) fn flush(&mut self) -> Result<(), End> {
        if let Socket::Open(stream) = &mut self.socket {
            while !self.unsent.is_empty() {
                match write_some(stream, &self.unsent) {
                    Ok(n) => taken(&mut self.unsent, n),
                    Err(error) if error.kind() == ErrorKind::WouldBlock => return Ok(()),
                    Err(error) if error.kind() == ErrorKind::Interrupted => continue,
                    Err(error) => {
                        self.broken = Some(TransportFailure::from(&error));
                        self.unsent.clear();
                        self.readable = true;
                        return Ok(());
                    }
                }
            }
        }
        if !self.closing || !self.unsent.is_empty() {
            return Ok(());
        }
        if let Socket::Open(stream) = &mut self.socket {
            finish(stream);
        }
        Err(self.broken)
    }

    /// Reads into `buffer`: `Ok(0)` when nothing is there now.
    pub(crate) fn read(&mut self, buffer: &mut [u8]) -> Result<usize, End> {
        let Socket::Open(stream) = &mut self.socket else { return Ok(0) };
        loop {
            match stream.read(buffer) {
                Ok(0) => return Err(self.broken),
                Ok(n) => return Ok(n),
                Err(error) if error.kind() == ErrorKind::Interrupted => {}
                Err(error) if error.kind() == ErrorKind::WouldBlock => {
                    self.readable = false;
                    return if self.broken.is_some() { Err(self.broken) } else { Ok(0) };
                }
                Err(error) => return Err(Some(TransportFailure::from(&error))),
            }
        }
    }
}

/// Gives the socket many messages with one call of the system.
fn write_some(stream: &mut TcpStream, unsent: &VecDeque<Bytes>) -> io::Result<usize> {
    let slices: SmallVec<[IoSlice<'_>; AT_ONCE]> = unsent.iter().take(AT_ONCE).map(|data| IoSlice::new(data)).collect();
    stream.write_vectored(&slices)
}

/// The socket took `n` octets of what is unsent.
fn taken(unsent: &mut VecDeque<Bytes>, mut n: usize) {
    while let Some(front) = unsent.front_mut() {
        let part = n.min(front.len());
        front.advance(part);
        n -= part;
        if !front.is_empty() {
            break;
        }
        unsent.pop_front();
    }
}

/// Whether the attempt succeeded; a wake-up can also be spurious.
fn established(stream: &TcpStream) -> io::Result<bool> {
    if let Some(error) = stream.take_error()? {
        return Err(error);
    }
    match stream.peer_addr() {
        Ok(_) => Ok(true),
        Err(error) if error.kind() == ErrorKind::NotConnected => Ok(false),
        Err(error) => Err(error),
    }
}

/// Says goodbye. Octets left unread would turn the close into a reset, which can destroy what was just written.
fn finish(stream: &mut TcpStream) {
    let _ = stream.shutdown(Shutdown::Write);
    let mut rest = [0; 4096];
    for _ in 0..64 {
        if !matches!(stream.read(&mut rest), Ok(1..)) {
            break;
        }
    }
}

/// Messages that one call of the system takes at most. A round of questions is told to a socket in few of them.
const AT_ONCE: usize = 32;

#[cfg(test)]
pub(crate) mod tests;

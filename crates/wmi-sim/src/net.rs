//! The host on real sockets: two TCP listeners and a thread per direction of each connection, around one [`Host`].

use std::collections::BTreeMap;
use std::fmt;
use std::io::{self, Read, Write};
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, Shutdown, SocketAddr, TcpListener, TcpStream};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{Receiver, RecvTimeoutError, Sender, SyncSender, channel, sync_channel};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread::{self, JoinHandle, Scope};
use std::time::{Duration, Instant as StdInstant, SystemTime};

use bytes::{Bytes, BytesMut};
use socket2::SockRef;
use wmi_proto::{Draw, Entropy, FileTime, Instant, Role};

use crate::repository::Repository;
use crate::{ConnId, Host, HostConfig, HostInput, HostOutput, HostStats};

/// A simulated host that listens at two TCP ports until it is dropped.
pub struct Server {
    host: Arc<Mutex<Host>>,
    activator: SocketAddr,
    object: SocketAddr,
    notices: SyncSender<Notice>,
    thread: Option<JoinHandle<()>>,
}

impl Server {
    /// Listens at `activator` and `object`; port 0 is any free port. A [`HostConfig::object_port`] of 0 becomes the port
    /// that was bound; another one is told to clients as it is, as by a host behind a forwarder.
    ///
    /// # Errors
    /// A listener cannot be had.
    pub fn start(mut config: HostConfig, activator: SocketAddr, object: SocketAddr) -> io::Result<Self> {
        let (activators, objects) = (TcpListener::bind(activator)?, TcpListener::bind(object)?);
        let (activator, object) = (activators.local_addr()?, objects.local_addr()?);
        let listeners = [(Role::Activator, activators), (Role::ObjectServer, objects)];
        if config.object_port == 0 {
            config.object_port = object.port();
        }
        let epoch = StdInstant::now();
        let wall = FileTime::from(SystemTime::now());
        let host = Arc::new(Mutex::new(Host::new(config, Box::new(OsEntropy), Instant::default(), wall)));
        // Bounded, so that a peer that sends faster than the host thinks is slowed by its own socket.
        let (notices, inbox) = sync_channel(64);
        let (shared, sender) = (Arc::clone(&host), notices.clone());
        let body = move || serve(&shared, epoch, listeners, &sender, inbox);
        let thread = thread::Builder::new().name("wmi-sim".to_owned()).spawn(body)?;
        Ok(Self { host, activator, object, notices, thread: Some(thread) })
    }

    /// Where the activator listens.
    #[must_use]
    pub const fn activator_addr(&self) -> SocketAddr {
        self.activator
    }

    /// Where the object server listens.
    #[must_use]
    pub const fn object_addr(&self) -> SocketAddr {
        self.object
    }

    /// Objects that a client still holds a reference to.
    #[must_use]
    pub fn alive_objects(&self) -> usize {
        lock(&self.host).alive_objects()
    }

    /// The machine that is simulated, to look at without the protocol.
    #[must_use]
    pub fn repository(&self) -> Repository {
        lock(&self.host).repository().clone()
    }

    /// What the host has seen so far.
    #[must_use]
    pub fn stats(&self) -> HostStats {
        lock(&self.host).stats().clone()
    }
}

impl fmt::Debug for Server {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Server")
            .field("activator", &self.activator)
            .field("object", &self.object)
            .finish_non_exhaustive()
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.notices.send(Notice::Stop);
        if let Some(thread) = self.thread.take() {
            // A panic of the host was printed where it happened.
            let _ = thread.join();
        }
    }
}

/// What the threads tell the one that turns the host.
#[derive(Debug)]
enum Notice {
    Accepted(Role, TcpStream),
    Received(ConnId, BytesMut),
    Ended(ConnId),
    Stop,
}

/// What the writer of a connection is told.
#[derive(Debug)]
enum Order {
    Write(Bytes),
    Close,
    Reset,
}

/// An accepted connection. Dropping it ends both of its threads.
#[derive(Debug)]
struct Connection {
    stream: Arc<TcpStream>,
    orders: Sender<Order>,
    reset: bool,
}

impl Drop for Connection {
    fn drop(&mut self) {
        // An orderly goodbye ahead of a reset would be taken for the end of the stream.
        if !self.reset {
            let _ = self.stream.shutdown(Shutdown::Both);
        }
    }
}

/// Ends the accepting threads when dropped, also when the host panics.
#[derive(Debug)]
struct Acceptors {
    stopping: Arc<AtomicBool>,
    addresses: Vec<SocketAddr>,
}

impl Drop for Acceptors {
    fn drop(&mut self) {
        self.stopping.store(true, Ordering::Release);
        for address in &self.addresses {
            // `accept` waits for a connection and for nothing else.
            let ip = match address.ip() {
                IpAddr::V4(Ipv4Addr::UNSPECIFIED) => Ipv4Addr::LOCALHOST.into(),
                IpAddr::V6(Ipv6Addr::UNSPECIFIED) => Ipv6Addr::LOCALHOST.into(),
                ip => ip,
            };
            let _ = TcpStream::connect_timeout(&SocketAddr::new(ip, address.port()), Duration::from_secs(1));
        }
    }
}

/// Turns the host until it is told to stop; leaves no thread behind.
fn serve<const N: usize>(
    host: &Mutex<Host>,
    epoch: StdInstant,
    listeners: [(Role, TcpListener); N],
    notices: &SyncSender<Notice>,
    inbox: Receiver<Notice>,
) {
    thread::scope(|scope| {
        // Moved in, so that it is gone, and senders fail, before the threads are waited for.
        let inbox = inbox;
        let stopping = Arc::new(AtomicBool::new(false));
        let addresses = listeners.iter().filter_map(|(_, listener)| listener.local_addr().ok()).collect();
        let _acceptors = Acceptors { stopping: Arc::clone(&stopping), addresses };
        for (role, listener) in listeners {
            let (notices, stopping) = (notices.clone(), Arc::clone(&stopping));
            scope.spawn(move || accept_all(role, &listener, &notices, &stopping));
        }
        let mut connections = BTreeMap::new();
        let mut next = 0;
        let now = || Instant::default().saturating_add(epoch.elapsed());
        loop {
            let deadline = lock(host).poll_timeout();
            let notice = match deadline.map(|at| at.saturating_since(now())) {
                Some(patience) => inbox.recv_timeout(patience),
                None => inbox.recv().map_err(|_| RecvTimeoutError::Disconnected),
            };
            let input = match notice {
                Ok(Notice::Accepted(role, stream)) => {
                    let conn = ConnId::new(next);
                    next += 1;
                    connections.insert(conn, connect(scope, conn, stream, notices.clone()));
                    Some(HostInput::Accepted { conn, role })
                }
                Ok(Notice::Received(conn, data)) => Some(HostInput::Received { conn, data }),
                Ok(Notice::Ended(conn)) => connections.remove(&conn).map(|_| HostInput::Closed { conn }),
                Err(RecvTimeoutError::Timeout) => None,
                Ok(Notice::Stop) | Err(RecvTimeoutError::Disconnected) => return,
            };
            let mut host = lock(host);
            if let Some(input) = input {
                host.handle_input(input, now());
                carry_out(&mut host, &mut connections);
            }
            host.handle_timeout(now());
            carry_out(&mut host, &mut connections);
        }
    });
}

fn carry_out(host: &mut Host, connections: &mut BTreeMap<ConnId, Connection>) {
    while let Some(output) = host.poll_output() {
        let (conn, order) = match output {
            HostOutput::Transmit { conn, data } => (conn, Order::Write(data)),
            HostOutput::Close { conn } => (conn, Order::Close),
            HostOutput::Reset { conn } => (conn, Order::Reset),
        };
        if let Some(connection) = connections.get_mut(&conn) {
            connection.reset |= matches!(order, Order::Reset);
            // A writer that is gone has found the connection broken; the reader will say so.
            let _ = connection.orders.send(order);
        }
    }
}

fn accept_all(role: Role, listener: &TcpListener, notices: &SyncSender<Notice>, stopping: &AtomicBool) {
    loop {
        let accepted = listener.accept();
        if stopping.load(Ordering::Acquire) {
            return;
        }
        match accepted {
            Ok((stream, _)) => {
                if notices.send(Notice::Accepted(role, stream)).is_err() {
                    return;
                }
            }
            // The peer was gone already, or descriptors are short: in both cases others may still come.
            Err(_) => thread::sleep(Duration::from_millis(10)),
        }
    }
}

fn connect<'scope>(
    scope: &'scope Scope<'scope, '_>,
    conn: ConnId,
    stream: TcpStream,
    notices: SyncSender<Notice>,
) -> Connection {
    // Every `Transmit` is to be a segment of its own. Best effort.
    let _ = stream.set_nodelay(true);
    let stream = Arc::new(stream);
    let (orders, queue) = channel();
    let (reading, writing) = (Arc::clone(&stream), Arc::clone(&stream));
    scope.spawn(move || read_all(conn, reading, &notices));
    scope.spawn(move || write_all(writing, &queue));
    Connection { stream, orders, reset: false }
}

fn read_all(conn: ConnId, stream: Arc<TcpStream>, notices: &SyncSender<Notice>) {
    let mut buffer = vec![0; 64 * 1024];
    loop {
        match (&*stream).read(&mut buffer) {
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Ok(0) | Err(_) => break,
            Ok(n) => {
                if notices.send(Notice::Received(conn, BytesMut::from(&buffer[..n]))).is_err() {
                    break;
                }
            }
        }
    }
    // Before the notice: the last owner closes the socket, and that should not wait for a busy host.
    drop(stream);
    let _ = notices.send(Notice::Ended(conn));
}

fn write_all(stream: Arc<TcpStream>, orders: &Receiver<Order>) {
    while let Ok(order) = orders.recv() {
        match order {
            Order::Write(data) => {
                if (&*stream).write_all(&data).is_err() {
                    return;
                }
            }
            Order::Close => {
                // The reader goes on until the peer has closed too.
                let _ = stream.shutdown(Shutdown::Write);
                return;
            }
            Order::Reset => {
                // Closing with a linger of zero sends a reset. Without the reader the last owner is near.
                let _ = SockRef::from(&*stream).set_linger(Some(Duration::ZERO));
                let _ = stream.shutdown(Shutdown::Read);
                return;
            }
        }
    }
}

fn lock(host: &Mutex<Host>) -> MutexGuard<'_, Host> {
    // A panic of the host ends the server; its counters may still be read.
    host.lock().unwrap_or_else(PoisonError::into_inner)
}

/// The operating system's random number generator.
#[derive(Debug)]
struct OsEntropy;

impl Entropy for OsEntropy {
    fn fill(&mut self, _draw: Draw, dst: &mut [u8]) {
        // A simulation guards nothing: without random octets it goes on with zeros.
        let _ = getrandom::fill(dst);
    }
}

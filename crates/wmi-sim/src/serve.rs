//! The loop that turns hosts on real sockets: who connects, what arrives, what is due, and what they answer.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::io::{self, ErrorKind, Read, Write};
use std::net::Shutdown;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant as StdInstant};

use bytes::{Buf, Bytes, BytesMut};
use mio::net::TcpStream;
use mio::{Events, Interest, Poll, Token};
use slab::Slab;
use socket2::SockRef;
use wmi_proto::{Instant, Role};

use crate::net::{Door, lock};
use crate::{ConnId, Host, HostInput, HostOutput};

/// Hosts, their sockets, and one wait for all of them.
#[derive(Debug)]
pub(crate) struct Loop {
    poll: Poll,
    epoch: StdInstant,
    stopping: Arc<AtomicBool>,
    seats: Vec<Seat>,
    sockets: Slab<Socket>,
    /// When a host is next due.
    timers: BTreeSet<(Instant, usize)>,
    /// Sockets that may have something to accept or to read.
    run: BTreeSet<usize>,
    /// Listeners that failed, to be tried again a moment later.
    failed: Vec<usize>,
    buffer: Box<[u8]>,
}

/// A host and which connections it knows.
#[derive(Debug)]
struct Seat {
    host: Arc<Mutex<Host>>,
    due: Option<Instant>,
    next_conn: u32,
    /// To the number of the socket.
    connections: BTreeMap<ConnId, usize>,
}

#[derive(Debug)]
enum Socket {
    Listener { seat: usize, door: Door },
    Connection(Connection),
}

#[derive(Debug)]
struct Connection {
    seat: usize,
    conn: ConnId,
    stream: TcpStream,
    unsent: VecDeque<Bytes>,
    /// What follows what is unsent.
    ending: Option<Ending>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Ending {
    Close,
    Reset,
}

impl Loop {
    pub(crate) fn new(
        poll: Poll,
        epoch: StdInstant,
        stopping: Arc<AtomicBool>,
        hosts: Vec<Arc<Mutex<Host>>>,
        listeners: Vec<Vec<Door>>,
    ) -> io::Result<Self> {
        let mut sockets = Slab::new();
        for (seat, doors) in listeners.into_iter().enumerate() {
            for mut door in doors {
                let entry = sockets.vacant_entry();
                poll.registry().register(&mut door.listener, Token(entry.key()), Interest::READABLE)?;
                entry.insert(Socket::Listener { seat, door });
            }
        }
        let seat = |host| Seat { host, due: None, next_conn: 0, connections: BTreeMap::new() };
        Ok(Self {
            poll,
            epoch,
            stopping,
            seats: hosts.into_iter().map(seat).collect(),
            sockets,
            timers: BTreeSet::new(),
            run: BTreeSet::new(),
            failed: Vec::new(),
            buffer: vec![0; 64 * 1024].into_boxed_slice(),
        })
    }

    /// Turns the hosts until told to stop.
    pub(crate) fn run(&mut self) -> io::Result<()> {
        let mut ready = Events::with_capacity(1024);
        loop {
            match self.poll.poll(&mut ready, self.patience()) {
                Err(error) if error.kind() != ErrorKind::Interrupted => return Err(error),
                _ => {}
            }
            if self.stopping.load(Ordering::Acquire) {
                return Ok(());
            }
            self.run.extend(self.failed.drain(..));
            for readiness in &ready {
                let token = readiness.token().0;
                if readiness.is_writable() {
                    self.flush(token);
                }
                self.run.insert(token);
            }
            for token in std::mem::take(&mut self.run) {
                self.advance(token);
            }
            let now = self.now();
            while let Some(&(at, seat)) = self.timers.first()
                && at <= now
            {
                self.turn(seat, None);
            }
        }
    }

    fn now(&self) -> Instant {
        Instant::default().saturating_add(self.epoch.elapsed())
    }

    fn patience(&self) -> Option<Duration> {
        if !self.run.is_empty() {
            return Some(Duration::ZERO);
        }
        let due = self.timers.first().map(|(at, _)| at.saturating_since(self.now()));
        let again = (!self.failed.is_empty()).then_some(RETRY);
        due.into_iter().chain(again).min()
    }

    /// Accepts or reads once; what may have more has its next turn behind the others.
    fn advance(&mut self, token: usize) {
        match self.sockets.get_mut(token) {
            Some(Socket::Listener { seat, door: Door { role, port, listener } }) => {
                let (seat, role, port) = (*seat, *role, *port);
                match listener.accept() {
                    Ok((stream, _)) => {
                        self.run.insert(token);
                        self.accepted(seat, role, port, stream);
                    }
                    Err(error) if error.kind() == ErrorKind::WouldBlock => {}
                    // The peer was gone already, or descriptors are short: in both cases others may still come.
                    Err(_) => self.failed.push(token),
                }
            }
            Some(Socket::Connection(connection)) => {
                let (seat, conn) = (connection.seat, connection.conn);
                match connection.stream.read(&mut self.buffer) {
                    Ok(n @ 1..) => {
                        self.run.insert(token);
                        let data = BytesMut::from(&self.buffer[..n]);
                        self.turn(seat, Some(HostInput::Received { conn, data }));
                    }
                    Err(error) if error.kind() == ErrorKind::WouldBlock => {}
                    Err(error) if error.kind() == ErrorKind::Interrupted => {
                        self.run.insert(token);
                    }
                    Ok(0) | Err(_) => {
                        self.sockets.remove(token);
                        self.seats[seat].connections.remove(&conn);
                        self.turn(seat, Some(HostInput::Closed { conn }));
                    }
                }
            }
            None => {}
        }
    }

    fn accepted(&mut self, seat: usize, role: Role, port: u16, mut stream: TcpStream) {
        // Every `Transmit` is to be a segment of its own. Best effort.
        let _ = stream.set_nodelay(true);
        let entry = self.sockets.vacant_entry();
        let token = entry.key();
        if self.poll.registry().register(&mut stream, Token(token), Interest::READABLE | Interest::WRITABLE).is_err() {
            return;
        }
        let place = &mut self.seats[seat];
        let conn = ConnId::new(place.next_conn);
        place.next_conn += 1;
        place.connections.insert(conn, token);
        entry.insert(Socket::Connection(Connection { seat, conn, stream, unsent: VecDeque::new(), ending: None }));
        self.turn(seat, Some(HostInput::Accepted { conn, role, port }));
    }

    /// Tells a host what happened and what time it is, and carries out what it wants.
    fn turn(&mut self, seat: usize, input: Option<HostInput>) {
        let now = self.now();
        let place = &mut self.seats[seat];
        let host = Arc::clone(&place.host);
        let mut host = lock(&host);
        let mut touched = Vec::new();
        if let Some(input) = input {
            host.handle_input(input, now);
        }
        host.handle_timeout(now);
        while let Some(output) = host.poll_output() {
            let (HostOutput::Transmit { conn, .. } | HostOutput::Close { conn } | HostOutput::Reset { conn }) = output;
            let Some(&token) = place.connections.get(&conn) else { continue };
            let Some(Socket::Connection(connection)) = self.sockets.get_mut(token) else { continue };
            match output {
                HostOutput::Transmit { data, .. } => connection.unsent.push_back(data),
                HostOutput::Close { .. } => connection.ending = Some(Ending::Close),
                HostOutput::Reset { .. } => connection.ending = Some(Ending::Reset),
            }
            if touched.last() != Some(&token) {
                touched.push(token);
            }
        }
        let due = host.poll_timeout();
        if due != place.due {
            if let Some(at) = place.due {
                self.timers.remove(&(at, seat));
            }
            self.timers.extend(due.map(|at| (at, seat)));
            place.due = due;
        }
        drop(host);
        for token in touched {
            self.flush(token);
        }
    }

    /// Writes what the socket takes, and ends the connection behind it if that is wanted.
    fn flush(&mut self, token: usize) {
        let Some(Socket::Connection(connection)) = self.sockets.get_mut(token) else { return };
        while let Some(front) = connection.unsent.front_mut() {
            match connection.stream.write(front) {
                Ok(n) => front.advance(n),
                Err(error) if error.kind() == ErrorKind::WouldBlock => return,
                Err(error) if error.kind() == ErrorKind::Interrupted => {}
                // Reading will say so, too.
                Err(_) => connection.unsent.clear(),
            }
            if connection.unsent.front().is_some_and(Bytes::is_empty) {
                connection.unsent.pop_front();
            }
        }
        match connection.ending {
            None => {}
            Some(Ending::Close) => {
                // It is read until the peer has closed too.
                let _ = connection.stream.shutdown(Shutdown::Write);
            }
            Some(Ending::Reset) => {
                // Closing with a linger of zero sends a reset.
                let _ = SockRef::from(&connection.stream).set_linger(Some(Duration::ZERO));
                let (seat, conn) = (connection.seat, connection.conn);
                self.sockets.remove(token);
                self.seats[seat].connections.remove(&conn);
            }
        }
    }
}

/// The token of the waker; sockets are numbered from zero.
pub(crate) const WAKE: Token = Token(usize::MAX);

/// After which a listener that failed is tried again.
const RETRY: Duration = Duration::from_millis(10);

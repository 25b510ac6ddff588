//! Hosts on real sockets: two TCP listeners each, and one thread for all of them.

use std::collections::{BTreeMap, BTreeSet};
use std::io;
use std::net::{IpAddr, SocketAddr};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread::{self, JoinHandle};
use std::time::{Instant as StdInstant, SystemTime};

use mio::net::TcpListener;
use mio::{Poll, Waker};
use wmi_proto::{Draw, Entropy, FileTime, Instant, Role};

use crate::repository::Repository;
use crate::serve::{Loop, WAKE};
use crate::{Fault, Host, HostConfig, HostStats};

/// A simulated host that listens at two TCP ports until it is dropped.
#[derive(Debug)]
pub struct Server {
    host: Listening,
    _thread: Thread,
}

/// Any number of simulated hosts in one thread, each at two TCP ports of its own until all are dropped.
#[derive(Debug)]
pub struct Fleet {
    hosts: Vec<Listening>,
    _thread: Thread,
}

/// A simulated host and where it listens.
#[derive(Debug)]
pub struct Listening {
    host: Arc<Mutex<Host>>,
    activator: SocketAddr,
    object: SocketAddr,
}

impl Server {
    /// Listens at `activator` and `object`; port 0 is any free port. A [`HostConfig::object_port`] of 0 becomes the port
    /// that was bound; another one is told to clients as it is, as by a host behind a forwarder.
    ///
    /// # Errors
    /// A listener cannot be had.
    pub fn start(config: HostConfig, activator: SocketAddr, object: SocketAddr) -> io::Result<Self> {
        let mut builder = Builder::new()?;
        let host = builder.listen(config, activator, object)?;
        Ok(Self { host, _thread: builder.start()? })
    }

    /// Where the activator listens.
    #[must_use]
    pub const fn activator_addr(&self) -> SocketAddr {
        self.host.activator
    }

    /// Where the object server listens.
    #[must_use]
    pub const fn object_addr(&self) -> SocketAddr {
        self.host.object
    }

    /// Objects that a client still holds a reference to.
    #[must_use]
    pub fn alive_objects(&self) -> usize {
        self.host.alive_objects()
    }

    /// The identifiers of the objects that live.
    #[must_use]
    pub fn objects(&self) -> BTreeSet<u64> {
        self.host.lock().objects()
    }

    /// The ping sets, and the objects that each keeps alive.
    #[must_use]
    pub fn ping_sets(&self) -> BTreeMap<u64, BTreeSet<u64>> {
        self.host.lock().ping_sets()
    }

    /// The machine that is simulated, to look at without the protocol.
    #[must_use]
    pub fn repository(&self) -> Repository {
        self.host.lock().repository().clone()
    }

    /// What the host has seen so far.
    #[must_use]
    pub fn stats(&self) -> HostStats {
        self.host.stats()
    }
}

impl Fleet {
    /// One host for each of `configs`, in that order, at ports of `ip` that the system chooses. Hosts of one kind
    /// share their classes, so that a thousand cost little more than one.
    ///
    /// # Errors
    /// A listener cannot be had.
    pub fn start(configs: impl IntoIterator<Item = HostConfig>, ip: IpAddr) -> io::Result<Self> {
        let mut builder = Builder::new()?;
        let any = SocketAddr::new(ip, 0);
        let hosts = configs.into_iter().map(|config| builder.listen(config, any, any)).collect::<io::Result<_>>()?;
        Ok(Self { hosts, _thread: builder.start()? })
    }

    /// The hosts in the order in which they were given.
    #[must_use]
    pub fn hosts(&self) -> &[Listening] {
        &self.hosts
    }
}

impl Listening {
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
        self.lock().alive_objects()
    }

    /// What the host has seen so far.
    #[must_use]
    pub fn stats(&self) -> HostStats {
        self.lock().stats().clone()
    }

    fn lock(&self) -> MutexGuard<'_, Host> {
        lock(&self.host)
    }
}

/// A listener of a host.
#[derive(Debug)]
pub(crate) struct Door {
    pub(crate) role: Role,
    /// As clients are told it.
    pub(crate) port: u16,
    pub(crate) listener: TcpListener,
}

/// Hosts and their listeners before their thread starts.
struct Builder {
    poll: Poll,
    epoch: StdInstant,
    wall: FileTime,
    hosts: Vec<Arc<Mutex<Host>>>,
    listeners: Vec<Vec<Door>>,
}

impl Builder {
    fn new() -> io::Result<Self> {
        Ok(Self {
            poll: Poll::new()?,
            epoch: StdInstant::now(),
            wall: FileTime::from(SystemTime::now()),
            hosts: Vec::new(),
            listeners: Vec::new(),
        })
    }

    fn listen(&mut self, mut config: HostConfig, activator: SocketAddr, object: SocketAddr) -> io::Result<Listening> {
        let (scm, exporter) = (TcpListener::bind(activator)?, TcpListener::bind(object)?);
        let (activator, object) = (scm.local_addr()?, exporter.local_addr()?);
        if config.object_port == 0 {
            config.object_port = object.port();
        }
        let mut doors = vec![
            Door { role: Role::Activator, port: activator.port(), listener: scm },
            Door { role: Role::ObjectServer, port: config.object_port, listener: exporter },
        ];
        if config.faults.contains(&Fault::SecondExporter) {
            let listener = TcpListener::bind(SocketAddr::new(object.ip(), 0))?;
            config.second_port = listener.local_addr()?.port();
            doors.push(Door { role: Role::ObjectServer, port: config.second_port, listener });
        }
        let host = Host::new(config, Box::new(OsEntropy), Instant::default(), self.wall);
        let host = Arc::new(Mutex::new(host));
        self.hosts.push(Arc::clone(&host));
        self.listeners.push(doors);
        Ok(Listening { host, activator, object })
    }

    fn start(self) -> io::Result<Thread> {
        let waker = Waker::new(self.poll.registry(), WAKE)?;
        let stopping = Arc::new(AtomicBool::new(false));
        let mut serving = Loop::new(self.poll, self.epoch, Arc::clone(&stopping), self.hosts, self.listeners)?;
        let body = move || serving.run().expect("the system's wait works");
        let thread = thread::Builder::new().name("wmi-sim".to_owned()).spawn(body)?;
        Ok(Thread { waker, stopping, thread: Some(thread) })
    }
}

/// The thread that turns the hosts. Dropping it closes their sockets.
#[derive(Debug)]
struct Thread {
    waker: Waker,
    stopping: Arc<AtomicBool>,
    thread: Option<JoinHandle<()>>,
}

impl Drop for Thread {
    fn drop(&mut self) {
        self.stopping.store(true, Ordering::Release);
        let _ = self.waker.wake();
        if let Some(thread) = self.thread.take() {
            // A panic of a host was printed where it happened.
            let _ = thread.join();
        }
    }
}

pub(crate) fn lock(host: &Mutex<Host>) -> MutexGuard<'_, Host> {
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

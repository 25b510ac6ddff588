//! From names to addresses, on a few threads for all sessions, so that a slow name server does not delay those that need none.

use std::io;
use std::net::{IpAddr, SocketAddr, SocketAddrV6, ToSocketAddrs};
use std::sync::mpsc::{Receiver, Sender, channel};
use std::sync::{Arc, Mutex, PoisonError, Weak};
use std::thread;

use wmi_proto::{Target, TransportFailure};

use crate::driver::Route;

/// Looks names up on threads of its own; the reactor is woken when an answer is there.
#[derive(Debug)]
pub(crate) struct Resolver {
    look_up: LookUp,
    jobs: Sender<Job>,
    queue: Arc<Mutex<Receiver<Job>>>,
    answer: Sender<Answer>,
    answers: Receiver<Answer>,
    waker: Arc<mio::Waker>,
    /// Jobs without an answer.
    outstanding: usize,
    /// Threads that live as long as this.
    threads: usize,
}

/// How names are looked up.
type LookUp = fn(&Target) -> Result<Vec<SocketAddr>, TransportFailure>;

#[derive(Debug)]
struct Job {
    route: Route,
    target: Target,
    /// Dead when nobody waits for the answer any more.
    wanted: Weak<()>,
}

/// The addresses of a transport's target in the order in which they are to be tried.
#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) route: Route,
    pub(crate) addresses: Result<Vec<SocketAddr>, TransportFailure>,
}

impl Resolver {
    pub(crate) fn new(waker: Arc<mio::Waker>) -> Self {
        Self::with(system, waker)
    }

    fn with(look_up: LookUp, waker: Arc<mio::Waker>) -> Self {
        let (jobs, queue) = channel();
        let (answer, answers) = channel();
        let queue = Arc::new(Mutex::new(queue));
        Self { look_up, jobs, queue, answer, answers, waker, outstanding: 0, threads: 0 }
    }

    /// The addresses of `target` when it is an address already; otherwise begins a look-up. One that has begun runs to
    /// its end unheard when its `wanted` dies; one that waits is skipped.
    ///
    /// # Errors
    /// There is no thread, and none can be had.
    pub(crate) fn look_up(
        &mut self,
        route: Route,
        target: Target,
        wanted: Weak<()>,
    ) -> io::Result<Option<Vec<SocketAddr>>> {
        if let Ok(ip) = target.host.parse::<IpAddr>() {
            return Ok(Some(vec![SocketAddr::new(ip, target.port)]));
        }
        // With a scope that is a number; interfaces by name are the system's business.
        if let Ok(scoped) = format!("[{}]:{}", target.host, target.port).parse::<SocketAddrV6>() {
            return Ok(Some(vec![scoped.into()]));
        }
        if self.threads <= self.outstanding && self.threads < MAX_THREADS {
            match self.spawn() {
                Ok(()) => self.threads += 1,
                Err(error) if self.threads == 0 => return Err(error),
                // Those that there are do it, one after the other.
                Err(_) => {}
            }
        }
        self.outstanding += 1;
        // The queue lives as long as this.
        let _ = self.jobs.send(Job { route, target, wanted });
        Ok(None)
    }

    pub(crate) fn answer(&mut self) -> Option<Answer> {
        let answer = self.answers.try_recv().ok()?;
        self.outstanding -= 1;
        Some(answer)
    }

    fn spawn(&self) -> io::Result<()> {
        let (look_up, queue) = (self.look_up, Arc::clone(&self.queue));
        let (answer, waker) = (self.answer.clone(), Arc::clone(&self.waker));
        thread::Builder::new().name("wmi-resolve".to_owned()).spawn(move || {
            loop {
                // One of the idle threads waits for a job, the others for that one.
                let job = queue.lock().unwrap_or_else(PoisonError::into_inner).recv();
                let Ok(Job { route, target, wanted }) = job else { return };
                let addresses = if wanted.strong_count() > 0 { look_up(&target) } else { Ok(Vec::new()) };
                if answer.send(Answer { route, addresses }).is_err() {
                    return;
                }
                let _ = waker.wake();
            }
        })?;
        Ok(())
    }
}

/// An interface name behind `%` is the system resolver's business; it needs no name server for it.
fn system(target: &Target) -> Result<Vec<SocketAddr>, TransportFailure> {
    let found = (target.host.as_str(), target.port).to_socket_addrs();
    found.map(Iterator::collect).map_err(|error| failure(&error))
}

/// Whoever has no descriptor left cannot ask a name server either. Not every system's resolver tells it apart.
fn failure(error: &io::Error) -> TransportFailure {
    match TransportFailure::from(error) {
        TransportFailure::Exhausted => TransportFailure::Exhausted,
        _ => TransportFailure::NameResolution,
    }
}

/// Look-ups at the same time. A name server that is silent holds a thread for as long as the system's resolver waits:
/// beyond so many such look-ups, other names wait until one of them is given up. Addresses never wait.
const MAX_THREADS: usize = 16;

#[cfg(test)]
mod tests;

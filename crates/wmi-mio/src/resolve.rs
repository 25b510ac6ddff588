//! From a name to addresses, without making the session wait for the name server.

use std::io;
use std::net::{IpAddr, SocketAddr, ToSocketAddrs};
use std::sync::Arc;
use std::sync::mpsc::{Receiver, Sender, channel};
use std::thread;

use wmi_proto::{Target, TransportId};

/// Looks names up on threads of their own; the reactor is woken when an answer is there.
#[derive(Debug)]
pub(crate) struct Resolver {
    answer: Sender<Answer>,
    answers: Receiver<Answer>,
    waker: Arc<mio::Waker>,
}

/// The addresses of a transport's target in the order in which they are to be tried; none when the look-up failed.
#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) transport: TransportId,
    pub(crate) addresses: Vec<SocketAddr>,
}

impl Resolver {
    pub(crate) fn new(waker: Arc<mio::Waker>) -> Self {
        let (answer, answers) = channel();
        Self { answer, answers, waker }
    }

    /// Begins a look-up. One that is not wanted any more runs to its end unheard: it cannot be cancelled.
    pub(crate) fn look_up(&self, transport: TransportId, target: Target) -> io::Result<()> {
        // An address is no name: it needs neither a thread nor a name server.
        if let Ok(ip) = target.host.parse::<IpAddr>() {
            let addresses = vec![SocketAddr::new(ip, target.port)];
            let _ = self.answer.send(Answer { transport, addresses });
            return self.waker.wake();
        }
        let (answer, waker) = (self.answer.clone(), Arc::clone(&self.waker));
        thread::Builder::new().name("wmi-resolve".to_owned()).spawn(move || {
            let addresses = look_up(&target);
            // The session may be gone; then nobody minds.
            if answer.send(Answer { transport, addresses }).is_ok() {
                let _ = waker.wake();
            }
        })?;
        Ok(())
    }

    pub(crate) fn answer(&self) -> Option<Answer> {
        self.answers.try_recv().ok()
    }
}

/// A scope id behind `%`, by number or by interface name, is the system resolver's business.
fn look_up(target: &Target) -> Vec<SocketAddr> {
    (target.host.as_str(), target.port).to_socket_addrs().map(Iterator::collect).unwrap_or_default()
}

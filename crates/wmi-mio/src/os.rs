//! What the operating system knows and does for a session: random octets, time, and probes of idle connections.

use std::time::{Duration, Instant as StdInstant};

use mio::net::TcpStream;
use socket2::{SockRef, TcpKeepalive};
use wmi_proto::{Draw, Entropy, Instant};

/// The operating system's random number generator.
#[derive(Clone, Copy, Debug, Default)]
pub struct OsEntropy;

impl Entropy for OsEntropy {
    /// # Panics
    /// The operating system has no random octets. A log-on with guessable ones would betray the password, so there is
    /// nothing to go on with.
    fn fill(&mut self, _draw: Draw, dst: &mut [u8]) {
        if let Err(error) = getrandom::fill(dst) {
            panic!("the operating system gives no random octets: {error}");
        }
    }
}

/// A monotonic clock that starts at zero.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Clock(StdInstant);

impl Clock {
    pub(crate) fn start() -> Self {
        Self(StdInstant::now())
    }

    pub(crate) fn now(self) -> Instant {
        Instant::default().saturating_add(self.0.elapsed())
    }
}

/// Has TCP probe a peer that was silent for `idle`, and again until it counts as lost. Best effort.
pub(crate) fn keep_alive(stream: &TcpStream, idle: Duration) {
    let keep_alive = TcpKeepalive::new().with_time(idle).with_interval(PROBES_APART);
    let _ = SockRef::from(stream).set_tcp_keepalive(&keep_alive);
}

const PROBES_APART: Duration = Duration::from_secs(10);

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
    fn fill(&mut self, _: Draw, dst: &mut [u8]) {
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

/// Has TCP probe a peer that was silent for `idle`, and count it as lost when it answers neither a few probes nor, for as
/// long, what was sent: of itself a system sends that again for a quarter of an hour. Best effort.
pub(crate) fn keep_alive(stream: &TcpStream, idle: Duration) {
    let socket = SockRef::from(stream);
    let _ = socket.set_tcp_keepalive(&TcpKeepalive::new().with_time(idle).with_interval(PROBES_APART));
    #[cfg(any(target_os = "linux", target_os = "android"))]
    let _ = socket.set_tcp_user_timeout(Some(idle.saturating_add(PROBES_APART * PROBES)));
}

const PROBES_APART: Duration = Duration::from_secs(10);
#[cfg(any(target_os = "linux", target_os = "android"))]
const PROBES: u32 = 3;

#[cfg(all(test, target_os = "linux"))]
mod tests {
    use super::*;

    #[test]
    fn what_a_peer_does_not_acknowledge_is_not_waited_for_without_end() {
        let listener = std::net::TcpListener::bind((std::net::Ipv4Addr::LOCALHOST, 0)).expect("a port");
        let stream = TcpStream::connect(listener.local_addr().expect("an address")).expect("a connection");
        keep_alive(&stream, Duration::from_secs(60));
        let socket = SockRef::from(&stream);
        assert_eq!(socket.tcp_user_timeout().expect("a setting"), Some(Duration::from_secs(90)));
        assert!(socket.keepalive().expect("a setting"));
    }
}

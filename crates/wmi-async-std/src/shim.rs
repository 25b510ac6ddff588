//! async-std as a runtime: how it connects and how it sleeps.

use std::time::Duration;

use async_std::net::{TcpStream, ToSocketAddrs};
use async_std::task;
use socket2::{SockRef, TcpKeepalive};
use wmi_proto::{Config, Target, TransportFailure};

use crate::driver::{self, BoxFuture, Runtime};

/// The runtime of async-std.
#[derive(Clone, Copy, Debug, Default)]
pub struct AsyncStd;

/// A session with one host on async-std.
pub type Session = driver::Session<AsyncStd>;

impl Session {
    /// Begins a session. Connecting and logging on happen while its futures are polled, and a query's deadline covers
    /// them.
    #[must_use]
    pub fn connect(config: Config) -> Self {
        Self::new(AsyncStd, config)
    }
}

impl Runtime for AsyncStd {
    type Stream = TcpStream;

    fn connect(&self, target: Target) -> BoxFuture<Result<TcpStream, TransportFailure>> {
        Box::pin(async move {
            // The look-up runs on a thread of async-std's, so that a silent name server does not stop the session.
            let resolved = (target.host.as_str(), target.port).to_socket_addrs().await;
            let mut failure = TransportFailure::NameResolution;
            for address in resolved.map_err(|_| failure)? {
                match TcpStream::connect(address).await {
                    Ok(stream) => {
                        // Requests are small and waited for: batching them would only add delay. Best effort.
                        let _ = stream.set_nodelay(true);
                        if let Some(idle) = target.keep_alive {
                            keep_alive(&stream, idle);
                        }
                        return Ok(stream);
                    }
                    Err(error) => failure = TransportFailure::from(&error),
                }
            }
            Err(failure)
        })
    }

    fn sleep(&self, duration: Duration) -> BoxFuture<()> {
        Box::pin(task::sleep(duration))
    }
}

/// Has TCP probe a peer that was silent for `idle`, and count it as lost when it answers neither a few probes nor, for as
/// long, what was sent: of itself a system sends that again for a quarter of an hour. Best effort.
fn keep_alive(stream: &TcpStream, idle: Duration) {
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
        task::block_on(async {
            let listener = async_std::net::TcpListener::bind("127.0.0.1:0").await.expect("a port");
            let stream = TcpStream::connect(listener.local_addr().expect("an address")).await.expect("a connection");
            keep_alive(&stream, Duration::from_secs(60));
            let socket = SockRef::from(&stream);
            assert_eq!(socket.tcp_user_timeout().expect("a setting"), Some(Duration::from_secs(90)));
            assert!(socket.keepalive().expect("a setting"));
        });
    }
}

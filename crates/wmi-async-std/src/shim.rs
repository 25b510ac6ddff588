//! async-std as a runtime: how it connects and how it sleeps.

use std::time::Duration;

use async_std::net::{TcpStream, ToSocketAddrs};
use async_std::task;
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

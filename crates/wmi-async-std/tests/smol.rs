//! A session on smol's reactor, without async-std, against the list that every runtime passes.

use std::net::{TcpStream, ToSocketAddrs};
use std::time::Duration;

use async_io::{Async, Timer};
use wmi_async_std::driver::{self, BoxFuture, Session};
use wmi_proto::{Client, Config, Event, Instant, Target, TransportFailure};
use wmi_testkit::conformance::Runtime;

struct Smol;

impl driver::Runtime for Smol {
    type Stream = Async<TcpStream>;

    fn connect(&self, target: Target) -> BoxFuture<Result<Self::Stream, TransportFailure>> {
        Box::pin(async move {
            let mut failure = TransportFailure::NameResolution;
            let addresses = blocking::unblock(move || (target.host.as_str(), target.port).to_socket_addrs()).await;
            for address in addresses.map_err(|_| failure)? {
                match Async::<TcpStream>::connect(address).await {
                    Ok(stream) => return Ok(stream),
                    Err(error) => failure = error.kind().into(),
                }
            }
            Err(failure)
        })
    }

    fn sleep(&self, duration: Duration) -> BoxFuture<()> {
        Box::pin(async move {
            Timer::after(duration).await;
        })
    }
}

impl Runtime for Smol {
    fn run(config: Config, mut application: impl FnMut(&mut Client, Option<Event>, Instant) + Send + 'static) {
        async_io::block_on(async {
            let mut session = Session::new(Self, config);
            session.command(|client, now| application(client, None, now));
            while let Some(event) = session.next_event().await {
                session.command(|client, now| application(client, Some(event), now));
            }
        });
    }
}

wmi_testkit::conformance_tests!(Smol);

use std::io::Read;
use std::net::{Ipv4Addr, SocketAddr, TcpListener};
use std::thread;
use std::time::{Duration, Instant};

use bytes::Bytes;
use mio::{Events, Poll, Token};
use wmi_proto::{Client, Config, Credentials, Output, Secret, SeededEntropy, TransportFailure, TransportId};

use super::{End, Link, Permit};

#[test]
fn close_writes_everything_first() {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
    let address = listener.local_addr().unwrap();
    let peer = thread::spawn(move || {
        let mut stream = listener.accept().unwrap().0;
        thread::sleep(Duration::from_millis(50)); // until the socket takes no more
        let mut all = Vec::new();
        stream.read_to_end(&mut all).map(|_| all)
    });
    let mut reactor = Reactor::new();
    let mut link = reactor.open(vec![address]).unwrap();
    let sent: Vec<u8> = (0..16 << 20).map(|i: u32| i.to_le_bytes()[1]).collect();
    link.transmit(Bytes::from(sent.clone()));
    link.close();
    assert_eq!(reactor.flush(&mut link), None, "an orderly end");
    assert!(peer.join().unwrap().unwrap() == sent, "not what was sent");
}

#[test]
fn close_on_the_way_waits_for_the_connection_when_there_is_something_to_write() {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
    let mut reactor = Reactor::new();
    // While looking up, while waiting for leave, while connecting: nothing is lost, and nothing is said before its time.
    let mut link = Link::new(transport(), Token(0));
    link.transmit(Bytes::from_static(b"goodbye"));
    link.close();
    assert_eq!(link.flush(), Ok(()), "the name is being looked up");
    link.resolved(vec![listener.local_addr().unwrap()]);
    assert_eq!(link.flush(), Ok(()), "it waits for leave");
    link.start(Permit::default(), reactor.poll.registry()).unwrap();
    assert_eq!(link.flush(), Ok(()), "it is connecting");
    while !link.connected(reactor.poll.registry()).unwrap() {
        reactor.wait();
    }
    assert_eq!(reactor.flush(&mut link), None, "an orderly end");
    let mut heard = Vec::new();
    listener.accept().unwrap().0.read_to_end(&mut heard).unwrap();
    assert_eq!(heard, b"goodbye");
}

#[test]
fn close_on_the_way_with_nothing_to_write_is_the_end() {
    let mut link = Link::new(transport(), Token(0));
    link.close();
    assert_eq!(link.flush(), Err(None));
}

#[test]
fn close_waits_for_a_connection_when_there_is_something_to_write() {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
    let mut reactor = Reactor::new();
    let mut link = Link::new(transport(), Token(0));
    link.resolved(vec![listener.local_addr().unwrap()]);
    link.start(Permit::default(), reactor.poll.registry()).unwrap();
    link.transmit(Bytes::from_static(b"hello"));
    link.close();
    assert_eq!(link.flush(), Ok(()));
    while !link.connected(reactor.poll.registry()).unwrap() {
        reactor.wait();
    }
    assert_eq!(reactor.flush(&mut link), None, "an orderly end");
    drop(link);
    let mut heard = String::new();
    listener.accept().unwrap().0.read_to_string(&mut heard).unwrap();
    assert_eq!(heard, "hello");
}

#[test]
fn addresses_are_tried_in_turn() {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
    let good = listener.local_addr().unwrap();
    let mut reactor = Reactor::new();
    assert!(reactor.open(vec![refusing(), refusing(), good]).is_ok());
    assert_eq!(reactor.open(vec![refusing(), refusing()]).unwrap_err(), Some(TransportFailure::Refused));
    assert_eq!(reactor.open(vec![]).unwrap_err(), Some(TransportFailure::NameResolution));
}

#[test]
fn what_the_peer_said_before_writing_failed_is_still_read() {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
    let mut reactor = Reactor::new();
    let mut link = reactor.open(vec![listener.local_addr().unwrap()]).unwrap();
    let (mut peer, _) = listener.accept().unwrap();
    std::io::Write::write_all(&mut peer, b"no, because").unwrap();
    // Unread octets at the peer make its close a reset: the next write fails.
    link.transmit(Bytes::from_static(b"x"));
    link.flush().unwrap();
    while peer.peek(&mut [0]).unwrap() == 0 {}
    drop(peer);
    let give_up = Instant::now() + Duration::from_secs(10);
    while link.broken.is_none() {
        assert!(Instant::now() < give_up, "writing never fails");
        link.transmit(Bytes::from_static(b"y"));
        link.flush().unwrap();
    }
    assert!(link.is_readable(), "a broken link asks to be read to its end");
    let mut buffer = [0; 64];
    let (mut heard, mut end) = (Vec::new(), None);
    while end.is_none() {
        match link.read(&mut buffer) {
            Ok(n) => heard.extend_from_slice(&buffer[..n]),
            Err(failure) => end = Some(failure),
        }
    }
    assert_eq!(end, Some(Some(TransportFailure::Reset)));
    // Linux keeps what had arrived before the reset; elsewhere it may be gone.
    assert!(heard.is_empty() || heard == b"no, because", "{heard:?}");
}

struct Reactor {
    poll: Poll,
    events: Events,
}

impl Reactor {
    fn new() -> Self {
        Self { poll: Poll::new().unwrap(), events: Events::with_capacity(8) }
    }

    fn open(&mut self, addresses: Vec<SocketAddr>) -> Result<Link, End> {
        let mut link = Link::new(transport(), Token(0));
        link.resolved(addresses);
        link.start(Permit::default(), self.poll.registry())?;
        loop {
            self.wait();
            if link.connected(self.poll.registry())? {
                return Ok(link);
            }
        }
    }

    fn flush(&mut self, link: &mut Link) -> End {
        loop {
            match link.flush() {
                Ok(()) => self.wait(),
                Err(end) => return end,
            }
        }
    }

    fn wait(&mut self) {
        self.poll.poll(&mut self.events, Some(Duration::from_secs(10))).unwrap();
        assert!(!self.events.is_empty(), "nothing happens for ten seconds");
    }
}

/// Only a client hands out identifiers.
pub(crate) fn transport() -> TransportId {
    let config = Config::new("127.0.0.1", Credentials::new("nobody", Secret::from("nothing")));
    let mut client = Client::new(config, Box::new(SeededEntropy::new(1)), Default::default(), Default::default());
    loop {
        if let Output::Open { transport, .. } = client.poll_output().expect("a client connects at once") {
            return transport;
        }
    }
}

fn refusing() -> SocketAddr {
    TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap().local_addr().unwrap()
}

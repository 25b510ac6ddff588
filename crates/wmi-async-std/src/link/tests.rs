use std::future::poll_fn;
use std::io::Read;
use std::net::{Ipv4Addr, TcpListener};
use std::thread;
use std::time::Duration;

use async_std::future::timeout;
use async_std::net::TcpStream;
use bytes::Bytes;
use wmi_proto::{Client, Config, Credentials, Output, Secret, SeededEntropy, TransportFailure, TransportId};

use super::{Happened, Link};

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
    let attempt = async move { TcpStream::connect(address).await.map_err(|error| error.kind().into()) };
    let mut link = Link::new(transport(), Box::pin(attempt));
    let sent: Vec<u8> = (0..16 << 20).map(|i: u32| i.to_le_bytes()[1]).collect();
    async_std::task::block_on(async {
        assert!(matches!(next(&mut link).await, Happened::Opened));
        link.transmit(Bytes::from(sent.clone()));
        link.close();
        assert!(matches!(next(&mut link).await, Happened::Ended(None)));
    });
    drop(link); // as the driver does; only that closes the socket
    assert!(peer.join().unwrap().unwrap() == sent, "not what was sent");
}

#[test]
fn closing_an_attempt_ends_it() {
    let attempt = std::future::pending::<Result<TcpStream, TransportFailure>>();
    let mut link = Link::new(transport(), Box::pin(attempt));
    link.close();
    let at_once = timeout(Duration::from_secs(10), next(&mut link));
    assert!(matches!(async_std::task::block_on(at_once), Ok(Happened::Ended(None))));
}

async fn next(link: &mut Link<TcpStream>) -> Happened {
    let mut buffer = [0; 1024];
    poll_fn(|cx| link.poll(cx, &mut buffer)).await
}

/// Only a client hands out identifiers.
fn transport() -> TransportId {
    let config = Config::new("127.0.0.1", Credentials::new("nobody", Secret::from("nothing")));
    let mut client = Client::new(config, Box::new(SeededEntropy::new(1)), Default::default(), Default::default());
    loop {
        if let Output::Open { transport, .. } = client.poll_output().expect("a client connects at once") {
            return transport;
        }
    }
}

//! The listener around the simulated host: its addresses, its resets, and that nothing of it outlives it.

use std::io::{ErrorKind, Read, Write};
use std::net::{Ipv4Addr, SocketAddr, TcpStream};
use std::sync::mpsc::channel;
use std::thread;
use std::time::Duration;

use wmi_sim::{HostConfig, Server};

#[test]
fn ports_are_the_systems_choice_and_the_host_knows_its_own() {
    let server = start(HostConfig::new(0));
    assert_ne!(server.activator_addr().port(), 0);
    assert_ne!(server.object_addr().port(), 0);
    assert_ne!(server.activator_addr(), server.object_addr());
}

#[test]
fn octets_that_are_no_pdu_end_the_connection_and_not_the_server() {
    let server = start(HostConfig::new(0));
    for _ in 0..3 {
        let mut stream = connect(server.activator_addr());
        stream.write_all(&[0xff; 64]).unwrap();
        // The host may say why before it closes, or reset at once.
        let mut rest = Vec::new();
        let _ = stream.read_to_end(&mut rest);
    }
    assert_eq!(server.stats().connections, 3);
}

#[test]
fn dropping_it_ends_open_connections_and_closes_the_ports() {
    let server = start(HostConfig::new(0));
    let (activator, object) = (server.activator_addr(), server.object_addr());
    let mut clients = [connect(activator), connect(activator), connect(object)];
    let (done, dropped) = channel();
    thread::spawn(move || {
        // Joins every thread: one that hangs is a failure here.
        drop(server);
        done.send(()).unwrap();
    });
    dropped.recv_timeout(Duration::from_secs(10)).expect("the server stops");
    for client in &mut clients {
        match client.read(&mut [0; 16]) {
            Ok(0) => {}
            Err(error) if error.kind() == ErrorKind::ConnectionReset => {}
            other => panic!("{other:?}"),
        }
    }
    for address in [activator, object] {
        assert_eq!(TcpStream::connect(address).unwrap_err().kind(), ErrorKind::ConnectionRefused);
    }
}

#[test]
fn a_port_that_is_taken_is_an_error() {
    let server = start(HostConfig::new(0));
    let any = SocketAddr::from((Ipv4Addr::LOCALHOST, 0));
    let error = Server::start(HostConfig::new(0), server.activator_addr(), any).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::AddrInUse);
}

fn start(config: HostConfig) -> Server {
    let any = SocketAddr::from((Ipv4Addr::LOCALHOST, 0));
    Server::start(config, any, any).unwrap()
}

fn connect(address: SocketAddr) -> TcpStream {
    let stream = TcpStream::connect(address).unwrap();
    stream.set_read_timeout(Some(Duration::from_secs(10))).unwrap();
    stream
}

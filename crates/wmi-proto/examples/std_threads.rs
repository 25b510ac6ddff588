//! The core on `std::net`, without a reactor: two threads per connection, everything else on the caller's.
//!
//! `WMI_PASSWORD=… cargo run -p wmi-proto --example std_threads -- HOST[:PORT] USER WQL`
#![allow(clippy::disallowed_methods, clippy::disallowed_types, reason = "a runtime has the clock and the sockets")]

use std::collections::{BTreeMap, VecDeque};
use std::io::{self, Read, Write};
use std::net::{Shutdown, TcpStream, ToSocketAddrs};
use std::num::NonZeroU32;
use std::sync::mpsc::{Receiver, SyncSender, channel, sync_channel};
use std::sync::{Arc, OnceLock};
use std::{env, thread, time};

use bytes::{Bytes, BytesMut};
use wmi_proto::{Client, Config, Credentials, Draw, Event, Input, Instant, Output, Query};
use wmi_proto::{Secret, Target, TransportFailure, TransportId};

/// Drives a client to its end. `app` is called before anything else and with each event, and may give commands.
pub fn drive(config: Config, mut app: impl FnMut(&mut Client, Option<Event>, Instant)) {
    let epoch = time::Instant::now();
    let now = || Instant::default().saturating_add(epoch.elapsed());
    let entropy = |_: Draw, dst: &mut [u8]| getrandom::fill(dst).expect("the operating system has random octets");
    let mut client = Client::new(config, Box::new(entropy), now(), time::SystemTime::now().into());
    let (happened, inbox) = sync_channel(16); // bounded: a slow core slows the sockets
    let (mut unsent, mut sockets) = (BTreeMap::new(), BTreeMap::new());
    let (mut events, mut aborted) = (VecDeque::from([None]), VecDeque::new());
    loop {
        while let Some(output) = client.poll_output() {
            match output {
                Output::Open { transport, target } => {
                    let (sender, queue) = channel();
                    let (socket, happened) = (Arc::<OnceLock<TcpStream>>::default(), happened.clone());
                    unsent.insert(transport, sender);
                    sockets.insert(transport, Arc::clone(&socket));
                    thread::spawn(move || run(transport, &target, queue, &socket, &happened));
                }
                Output::Transmit { transport, data } => drop(unsent.get(&transport).map(|queue| queue.send(data))),
                Output::Close { transport } => drop(unsent.remove(&transport)), // the writer ends when it has written
                Output::Abort { transport } => aborted.push_back(Input::Closed { transport, failure: None }),
                Output::Event(event) => events.push_back(Some(event)),
            }
        }
        if let Some(event) = events.pop_front() {
            app(&mut client, event, now());
            continue;
        }
        if client.is_closed() {
            return;
        }
        let patience = client.poll_timeout().map_or(time::Duration::MAX, |at| at.saturating_since(now()));
        let input = aborted.pop_front().or_else(|| inbox.recv_timeout(patience).ok());
        let Some(input) = input else {
            client.handle_timeout(now());
            continue;
        };
        let transport = input.transport();
        let Some(_) = sockets.get(&transport) else { continue }; // nothing is reported after `Closed`
        if matches!(input, Input::Closed { .. }) {
            unsent.remove(&transport);
            sockets.remove(&transport).and_then(|socket| socket.get()?.shutdown(Shutdown::Both).ok());
        }
        client.handle_input(input, now());
    }
}

/// A transport from its first to its last word.
fn run(id: TransportId, to: &Target, queue: Receiver<Bytes>, socket: &OnceLock<TcpStream>, tell: &SyncSender<Input>) {
    let failure = |error: io::Error| TransportFailure::from(&error);
    let connect_and_read = || {
        let addresses = (to.host.as_str(), to.port).to_socket_addrs().map_err(|_| TransportFailure::NameResolution)?;
        let mut stream = TcpStream::connect(&*addresses.collect::<Vec<_>>()).map_err(failure)?;
        let _ = (stream.set_nodelay(true), socket.set(stream.try_clone().map_err(failure)?));
        write_all(queue, stream.try_clone().map_err(failure)?);
        let (mut buffer, mut input) = ([0; 16 * 1024], Input::Opened { transport: id });
        while tell.send(input).is_ok() {
            let n = stream.read(&mut buffer).map_err(failure)?;
            if n == 0 {
                break;
            }
            input = Input::Received { transport: id, data: BytesMut::from(&buffer[..n]) };
        }
        Ok(())
    };
    let failure = connect_and_read().err();
    let _ = tell.send(Input::Closed { transport: id, failure });
}

fn write_all(queue: Receiver<Bytes>, mut stream: TcpStream) {
    thread::spawn(move || {
        let _ = queue.iter().try_for_each(|data| stream.write_all(&data));
        stream.shutdown(Shutdown::Both) // closed by the core, or broken: the reader hears of it
    });
}

fn main() {
    let args: Vec<String> = env::args().collect();
    let [_, host, user, wql] = args.as_slice() else { panic!("arguments: HOST[:PORT] USER WQL") };
    let password = env::var("WMI_PASSWORD").expect("WMI_PASSWORD is set");
    let (host, port) = host.rsplit_once(':').unwrap_or((host, "135"));
    let mut config =
        Config::new(host.trim_matches(['[', ']']), Credentials::new(user, Secret::from(password.as_str())));
    config.port = port.parse().expect("a port");
    drive(config, |client, event, now| match event {
        None => {
            let query = client.exec_query(Query::new(wql), now).expect("a query that can be sent");
            let _ = client.fetch(query, NonZeroU32::MAX, now);
        }
        Some(Event::Batch { query, rows }) => {
            rows.iter().for_each(|row| println!("{row:?}"));
            let _ = client.fetch(query, NonZeroU32::MAX, now);
        }
        Some(Event::QueryDone { outcome, .. }) => {
            let _ = outcome.inspect_err(|error| eprintln!("{error}"));
            client.close(now);
        }
        Some(_) => {}
    });
}

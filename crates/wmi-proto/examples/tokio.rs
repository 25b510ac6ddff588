//! The core on tokio: a task per connection, everything else in the caller's future.
//!
//! `WMI_PASSWORD=… cargo run -p wmi-proto --example tokio -- HOST[:PORT] USER WQL`
#![allow(clippy::disallowed_methods, clippy::disallowed_types, reason = "a runtime has the clock and the sockets")]

use std::collections::{BTreeMap, VecDeque};
use std::num::NonZeroU32;
use std::{env, future, io, time};

use bytes::{Bytes, BytesMut};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpStream, lookup_host};
use tokio::sync::mpsc::{Sender, UnboundedReceiver, channel, unbounded_channel};
use wmi_proto::{Client, Config, Credentials, Draw, Event, Input, Instant, Output, Query};
use wmi_proto::{Secret, Target, TransportFailure, TransportId};

/// Drives a client to its end. `app` is called before anything else and with each event, and may give commands.
pub async fn drive(config: Config, mut app: impl FnMut(&mut Client, Option<Event>, Instant)) {
    let epoch = time::Instant::now();
    let now = || Instant::default().saturating_add(epoch.elapsed());
    let entropy = |_: Draw, dst: &mut [u8]| getrandom::fill(dst).expect("the operating system has random octets");
    let mut client = Client::new(config, Box::new(entropy), now(), time::SystemTime::now().into());
    let (happened, mut inbox) = channel(16); // bounded: a slow core slows the sockets
    let (mut unsent, mut tasks) = (BTreeMap::new(), BTreeMap::new());
    let (mut events, mut aborted) = (VecDeque::from([None]), VecDeque::new());
    loop {
        while let Some(output) = client.poll_output() {
            match output {
                Output::Open { transport, target } => {
                    let (sender, queue) = unbounded_channel();
                    unsent.insert(transport, sender);
                    tasks.insert(transport, tokio::spawn(run(transport, target, queue, happened.clone())));
                }
                Output::Transmit { transport, data } => drop(unsent.get(&transport).map(|queue| queue.send(data))),
                Output::Close { transport } => drop(unsent.remove(&transport)), // the task ends when it has written
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
        let arrived = tokio::time::timeout(patience, inbox.recv());
        let input = if aborted.is_empty() { arrived.await.unwrap_or_default() } else { aborted.pop_front() };
        let Some(input) = input else {
            client.handle_timeout(now());
            continue;
        };
        let transport = input.transport();
        let Some(_) = tasks.get(&transport) else { continue }; // nothing is reported after `Closed`
        if matches!(input, Input::Closed { .. }) {
            unsent.remove(&transport);
            tasks.remove(&transport).inspect(|task| task.abort());
        }
        client.handle_input(input, now());
    }
}

/// A transport from its first to its last word.
async fn run(transport: TransportId, to: Target, mut queue: UnboundedReceiver<Bytes>, happened: Sender<Input>) {
    let failure = |error: io::Error| TransportFailure::from(&error);
    let link = async {
        let found = lookup_host((to.host.as_str(), to.port)).await.map_err(|_| TransportFailure::NameResolution)?;
        let stream = TcpStream::connect(&*found.collect::<Vec<_>>()).await.map_err(failure)?;
        let _ = stream.set_nodelay(true);
        let (mut reader, mut writer) = stream.into_split();
        let read = async {
            let mut input = Input::Opened { transport };
            while happened.send(input).await.is_ok() {
                let mut data = BytesMut::with_capacity(16 * 1024);
                if reader.read_buf(&mut data).await.map_err(failure)? == 0 {
                    break;
                }
                input = Input::Received { transport, data };
            }
            Ok(())
        };
        let write = async {
            while let Some(mut data) = queue.recv().await {
                if writer.write_all_buf(&mut data).await.is_err() {
                    future::pending::<()>().await; // broken: the reader says how
                }
            }
        };
        tokio::select! { biased; ended = read => ended, () = write => Ok(()) }
    };
    let failure = link.await.err();
    let _ = happened.send(Input::Closed { transport, failure }).await;
}

#[tokio::main(flavor = "current_thread")]
async fn main() {
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
    })
    .await;
}

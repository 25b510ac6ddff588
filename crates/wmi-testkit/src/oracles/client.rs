//! The client with a peer that sends anything.

use std::collections::BTreeSet;

use bytes::BytesMut;
use wmi_proto::{Input, Instant, Output, Query};

use crate::pair::{client, config};

/// A client whose peer sends anything, in any cuts, says that it is over, once and last.
///
/// # Panics
/// When the client does not come to its end.
pub fn client_octets(data: &[u8]) {
    let mut client = client(config());
    let _ = client.exec_query(Query::new("SELECT * FROM Win32_Service"), Instant::default());
    let mut outputs: Vec<Output> = Vec::new();
    let (mut answered, mut open) = (0, BTreeSet::new());
    let mut rest = data;
    let mut now = 0;
    loop {
        outputs.extend(std::iter::from_fn(|| client.poll_output()));
        now += 1000;
        let at = Instant::from_micros(now);
        match outputs.get(answered).cloned() {
            Some(Output::Open { transport, .. }) => {
                answered += 1;
                open.insert(transport);
                client.handle_input(Input::Opened { transport }, at);
                outputs.extend(std::iter::from_fn(|| client.poll_output()));
                while let Some((&n, tail)) = rest.split_first() {
                    let (piece, tail) = tail.split_at(usize::from(n).min(tail.len()));
                    rest = tail;
                    client.handle_input(Input::Received { transport, data: BytesMut::from(piece) }, at);
                    outputs.extend(std::iter::from_fn(|| client.poll_output()));
                }
            }
            Some(Output::Close { transport } | Output::Abort { transport }) => {
                answered += 1;
                // One end answers them all.
                if open.remove(&transport) {
                    client.handle_input(Input::Closed { transport, failure: None }, at);
                }
            }
            Some(Output::Transmit { .. } | Output::Event(_)) => answered += 1,
            None => match client.poll_timeout() {
                Some(due) => {
                    now = now.max(due.as_micros());
                    client.handle_timeout(due);
                }
                None => break,
            },
        }
    }
    assert!(client.is_closed(), "the client waits for nothing and is not closed");
    let closed = |o: &Output| matches!(o, Output::Event(wmi_proto::Event::Closed { .. }));
    assert_eq!(outputs.iter().filter(|o| closed(o)).count(), 1);
    assert!(outputs.last().is_some_and(closed));
}

//! What agentcore sends to a probe, and the text of local configuration files.

use std::time::Duration;

use wmi_infrasonar::agent::Probe;
use wmi_infrasonar::fernet::{Key, PUBLIC_KEY};
use wmi_infrasonar::frame::Framer;
use wmi_infrasonar::packet::{self, PacketType};
use wmi_infrasonar::{Agent, Kind, LocalConfig, Now, Output, msgpack, printed};
use wmi_proto::Instant;

/// What an agent says when a peer sends `data` after it has accepted it, in pieces of `size` octets.
fn outputs(data: &[u8], size: usize) -> (Vec<Output>, (usize, usize)) {
    let kind = |key: &str| Kind { key: key.to_owned(), unchanged_eol: Duration::ZERO };
    let probe = Probe {
        name: "wmi".to_owned(),
        version: "1".to_owned(),
        kinds: vec![kind("memory"), kind("system")],
        max_package: 500_000,
        max_check_timeout: Duration::from_secs(300),
    };
    let mut now = Now { steady: Instant::from_micros(1), unix: Duration::from_secs(1_700_000_000) };
    let mut agent = Agent::new(probe, now);
    agent.connected(now);
    agent.received(&packet::assets(PacketType::Announced, 1, &[]).encode(), now);
    data.chunks(size).for_each(|piece| agent.received(piece, now));
    let mut outputs = Vec::new();
    for _ in 0..4 {
        agent.advance(now);
        outputs.extend(std::iter::from_fn(|| agent.poll_output()));
        now = Now {
            steady: now.steady.saturating_add(Duration::from_secs(60)),
            unix: now.unix + Duration::from_secs(60),
        };
    }
    (outputs, agent.checks())
}

/// `data` in any cut makes an agent say the same, and every packet in it that is one is written again as it was read.
///
/// # Panics
/// When it does not.
pub fn agentcore_octets(data: &[u8]) {
    let whole = outputs(data, data.len().max(1));
    for size in [1, 7, 16, 17] {
        assert_eq!(outputs(data, size), whole, "in pieces of {size}");
    }
    let (said, (checks, runs)) = whole;
    assert!(runs <= checks);
    // What is given up was begun, and is given up once.
    let links = said.iter().filter(|output| matches!(output, Output::Connect | Output::Disconnect));
    let mut is_begun = false;
    for link in links {
        let begins = matches!(link, Output::Connect);
        assert!(begins || is_begun, "given up twice: {said:?}");
        is_begun = begins;
    }
    let mut framer = Framer::default();
    framer.push(data);
    while let Ok(Some(frame)) = framer.next_frame() {
        assert!(data.windows(frame.encode().len()).any(|window| window == frame.encode()));
        if let Ok(value) = frame.value() {
            let octets = msgpack::encode(&value);
            // NaN is not itself, but its octets are.
            assert_eq!(msgpack::decode(&octets).map(|value| msgpack::encode(&value)).as_ref(), Ok(&octets));
            assert!(printed::json(&value, Some(2)).is_ascii());
            let _ = printed::pprint(&value);
        }
    }
}

/// `data` as a configuration file is one or not. Encrypted, it says the same, and shows no secret that it had.
///
/// # Panics
/// When it does not.
pub fn local_config(data: &[u8]) {
    let text = String::from_utf8_lossy(data);
    let key = Key::parse(PUBLIC_KEY).expect("a key");
    let read = |text: &str| LocalConfig::read(text, &key, Duration::from_secs(1), &mut || [7; 16]);
    let Ok(reading) = read(&text) else { return };
    if let Some(encrypted) = reading.encrypted {
        let again = read(encrypted.expose()).expect("what was encrypted is a configuration");
        assert_eq!(again.config, reading.config);
        assert!(again.encrypted.is_none(), "secrets are left");
    }
    for section in ["wmi", "other"] {
        let _ = reading.config.account(section, 7, Some("other"), &mut Vec::new());
    }
}

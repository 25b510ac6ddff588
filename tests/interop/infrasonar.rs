//! InfraSonar's packets, secrets and printed results against msgpack, cryptography, PyYAML and json of Python.

use std::io::{BufRead, BufReader, Write};
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};
use std::time::Duration;

use serde_json::json;
use wmi_infrasonar::agent::Probe;
use wmi_infrasonar::assets::{CheckConfig, CheckPath, Entry};
use wmi_infrasonar::fernet::{Key, PUBLIC_KEY};
use wmi_infrasonar::frame::{Frame, Framer};
use wmi_infrasonar::packet::{self, FromAgentcore, PacketType};
use wmi_infrasonar::{
    Agent, CheckError, CheckResult, Kind, LocalConfig, Now, Outcome, Output, Severity, Value, printed,
};
use wmi_proto::Instant;

/// The script, which answers line by line.
struct Python {
    child: Child,
    input: ChildStdin,
    output: BufReader<ChildStdout>,
}

/// Compares everything that has an outside form.
pub(crate) fn compare(mut script: Command) -> Result<(), String> {
    let mut child = script.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().map_err(|error| error.to_string())?;
    let (Some(input), Some(output)) = (child.stdin.take(), child.stdout.take()) else {
        return Err("no pipes".to_owned());
    };
    let mut python = Python { child, input, output: BufReader::new(output) };
    let compared = python
        .packets()
        .and_then(|()| python.characters())
        .and_then(|()| python.agentcore())
        .and_then(|()| python.secrets());
    drop(python.input);
    let ended = python.child.wait().map_err(|error| error.to_string())?;
    compared.and_then(|()| if ended.success() { Ok(()) } else { Err(format!("the script ended with {ended}")) })
}

impl Python {
    fn ask(&mut self, command: &str, arguments: &str) -> Result<serde_json::Value, String> {
        writeln!(self.input, "{command} {arguments}").map_err(|error| error.to_string())?;
        let mut line = String::new();
        self.output.read_line(&mut line).map_err(|error| error.to_string())?;
        serde_json::from_str(&line).map_err(|error| format!("{command}: {error}"))
    }

    /// What we send: the octets that Python makes of the same values, and values that print as Python prints them.
    fn packets(&mut self) -> Result<(), String> {
        let mut frames = sent();
        frames.extend([
            packet::request(PacketType::Info, 9),
            packet::assets(PacketType::SetAssets, 0, &[entry()]),
            packet::upsert_asset(700, &[entry()]),
            packet::unset_assets(&[1, 70_000]),
        ]);
        frames.extend(values().iter().map(|value| Frame::new(PacketType::Refused, 1, value)));
        for frame in frames {
            let told = self.ask("unpack", &hex(&frame.encode()))?;
            let header = (&told["part"], &told["id"], &told["type"]);
            let ours = (&json!(frame.part), &json!(frame.id), &json!(frame.kind));
            let value = frame.value().map_err(|error| error.to_string())?;
            if told["is_frame"] != true || told["is_same"] != true || header != ours {
                return Err(format!("Python packs another packet of {value}: {told}"));
            }
            let forms = [
                ("json", printed::json(&value, None)),
                ("indented", printed::json(&value, Some(2))),
                ("pretty", printed::pprint(&value)),
            ];
            for (name, ours) in forms {
                // JSON has no octets, and Python shows them as such elsewhere.
                if told[name] != ours && !matches!(value, Value::Bytes(_)) {
                    return Err(format!("{name}: Python prints {}, and we {ours:?}", told[name]));
                }
            }
        }
        Ok(())
    }

    /// Each character as `pprint` shows it: those of the first two planes, and the tags.
    fn characters(&mut self) -> Result<(), String> {
        const BLOCK: u32 = 0x1000;
        for first in (0..0x2_0000).step_by(BLOCK as usize).chain([0xe_0000]) {
            let told = self.ask("printed", &json!([first, first + BLOCK - 1]).to_string())?;
            let told = told.as_array().filter(|told| told.len() == BLOCK as usize).ok_or("not all characters")?;
            for (code, told) in (first..).zip(told) {
                let (Some(c), Some(told)) = (char::from_u32(code), told.as_str()) else { continue };
                let ours = printed::pprint(&Value::Text(c.to_string()));
                if told != ours {
                    return Err(format!("U+{code:04X}: Python prints {told}, and we {ours}"));
                }
            }
        }
        Ok(())
    }

    /// What agentcore sends, packed by Python.
    fn agentcore(&mut self) -> Result<(), String> {
        let check = json!([[7, 70_000], ["srv", "memory"], {"_interval": 300, "address": "192.0.2.1"}]);
        let cases = [
            (PacketType::Announced, json!([check])),
            (PacketType::SetAssets, json!([check])),
            (PacketType::UpsertAsset, json!([7, [check]])),
            (PacketType::UnsetAssets, json!([7, 70_000])),
            (PacketType::Info, json!(null)),
            (PacketType::Refused, json!("no")),
        ];
        for (kind, value) in cases {
            let packed = self.ask("pack", &json!([u8::from(kind), 1, value]).to_string())?;
            let mut framer = Framer::default();
            framer.push(&unhex(packed.as_str().unwrap_or_default()));
            let frame = framer.next_frame().map_err(|error| error.to_string())?.ok_or("half a frame")?;
            let read = FromAgentcore::read(&frame).map_err(|error| error.to_string())?;
            let is_right = match &read {
                FromAgentcore::Announced(listing) | FromAgentcore::SetAssets(listing) => listing.entries == [entry()],
                FromAgentcore::UpsertAsset(7, listing) => listing.entries == [entry()],
                FromAgentcore::UnsetAssets(assets) => *assets == [7, 70_000],
                FromAgentcore::Info => kind == PacketType::Info,
                FromAgentcore::Refused(reason) => reason == "no",
                _ => false,
            };
            if !is_right {
                return Err(format!("{kind:?} of Python is read as {read:?}"));
            }
        }
        Ok(())
    }

    /// Tokens both ways, and a file whose secrets we have encrypted.
    fn secrets(&mut self) -> Result<(), String> {
        let key = Key::parse(PUBLIC_KEY).map_err(|error| error.to_string())?;
        for secret in ["", "x", "sixteen octets..", "pässwörd with \"quotes\" and more than one block"] {
            let token = key.encrypt(secret.as_bytes(), Duration::from_secs(1_700_000_000), [7; 16]);
            if self.ask("decrypt", &json!([PUBLIC_KEY, token]).to_string())? != secret {
                return Err(format!("Python decrypts another secret than {secret:?}"));
            }
            let token = self.ask("encrypt", &json!([PUBLIC_KEY, secret]).to_string())?;
            let found = key.decrypt(token.as_str().unwrap_or_default()).map_err(|error| error.to_string())?;
            if found.expose() != secret.as_bytes() {
                return Err(format!("we decrypt another secret than {secret:?}"));
            }
        }
        let standard = PUBLIC_KEY.replace('-', "+").replace('_', "/");
        for spelt in
            [standard.clone(), format!("\"{standard}\""), format!("'{PUBLIC_KEY}'"), format!("{PUBLIC_KEY}AAAA")]
        {
            let token = self.ask("encrypt", &json!([spelt, "x"]).to_string())?;
            let ours = Key::parse(&spelt).map_err(|error| format!("{spelt}: {error}"))?;
            ours.decrypt(token.as_str().unwrap_or_default()).map_err(|error| format!("{spelt}: {error}"))?;
        }
        let text = "wmi:\n  config: {username: 'a\\b', password: 'it''s'}   # a comment\n  assets:\n  - id: [1, 2]\n    \
                    config:\n      password: 007\n      secret: \"b\\tc\"\n";
        let reading =
            LocalConfig::read(text, &key, Duration::from_secs(1), &mut || [3; 16]).map_err(|e| e.to_string())?;
        let encrypted = reading.encrypted.ok_or("nothing was encrypted")?;
        let told = self.ask("configuration", &json!([PUBLIC_KEY, encrypted.expose()]).to_string())?;
        let expected = json!({"wmi": {
            "config": {"username": "a\\b", "password": "it's"},
            "assets": [{"id": [1, 2], "config": {"password": "007", "secret": "b\tc"}}],
        }});
        if told != expected {
            return Err(format!("PyYAML and Fernet read {told}"));
        }
        // A mark of the encoding, a key that is nothing, and keys of which the last counts.
        let text = "\u{feff}wmi: {config: {password: first, password: second}}\nother: {~: {secret: third}}\n";
        let reading =
            LocalConfig::read(text, &key, Duration::from_secs(1), &mut || [3; 16]).map_err(|e| e.to_string())?;
        let encrypted = reading.encrypted.ok_or("nothing was encrypted")?;
        let told = self.ask("configuration", &json!([PUBLIC_KEY, encrypted.expose()]).to_string())?;
        let ours = reading.config.account("wmi", 1, None, &mut Vec::new()).password.ok_or("no password")?;
        if told["wmi"]["config"]["password"] != ours.expose().as_str() || told["other"]["null"]["secret"] != "third" {
            return Err(format!("PyYAML and Fernet read {told}"));
        }
        Ok(())
    }
}

/// Every packet that a probe sends: its announcement, a sign of life, and a result of each outcome.
fn sent() -> Vec<Frame> {
    let kind = |key: &str, eol| Kind { key: key.to_owned(), unchanged_eol: Duration::from_secs(eol) };
    let probe = Probe {
        name: "wmi".to_owned(),
        version: "1.2.3".to_owned(),
        kinds: vec![kind("memory", 3600)],
        max_package: 500_000,
        max_check_timeout: Duration::from_secs(300),
    };
    let mut now = Now { steady: Instant::from_micros(0), unix: Duration::from_millis(1_700_000_000_250) };
    let mut agent = Agent::new(probe, now);
    agent.connected(now);
    agent.received(&packet::assets(PacketType::Announced, 1, &[entry()]).encode(), now);
    agent.received(&packet::request(PacketType::Info, 0xffff).encode(), now);
    let mut result = CheckResult::default();
    let metrics = values().into_iter().zip(0..).map(|(value, number)| (format!("m{number}"), value));
    result.add("kind", [("C:\\".to_owned(), metrics.collect()), ("ünï".to_owned(), Vec::new())]);
    let error = || CheckError { text: "a longer text, so that Python breaks it ".repeat(4), severity: Severity::Low };
    let mut outcomes = [
        Outcome::Complete(result.clone()),
        Outcome::Complete(result.clone()),
        Outcome::Failed(CheckError::new("it's")),
        Outcome::Incomplete(result.clone(), error()),
        Outcome::Incomplete(CheckResult::default(), error()),
        Outcome::NotCounted(result.clone(), None),
        Outcome::NotCounted(result, Some(error())),
    ]
    .into_iter();
    let mut framer = Framer::default();
    let mut frames = Vec::new();
    while outcomes.len() > 0 {
        now = Now {
            steady: now.steady.saturating_add(Duration::from_secs(60)),
            unix: now.unix + Duration::from_secs(60),
        };
        agent.advance(now);
        while let Some(output) = agent.poll_output() {
            match output {
                Output::Send(octets) => framer.push(&octets),
                Output::Start(start) => outcomes.by_ref().take(1).for_each(|o| agent.finished(start.run, o, now)),
                _ => {}
            }
        }
        while let Ok(Some(frame)) = framer.next_frame() {
            frames.push(frame);
        }
    }
    frames
}

fn entry() -> Entry {
    let config = CheckConfig { address: Some("192.0.2.1".to_owned()), ..CheckConfig::every(300) };
    let path = CheckPath { asset: 7, check: 70_000 };
    Entry { path, asset_name: "srv".to_owned(), check_key: "memory".to_owned(), config }
}

/// Values on both sides of each change of form.
fn values() -> Vec<Value> {
    let mut values = vec![Value::Nil, true.into(), false.into(), "".into(), "a'b".into(), "a\"b'c\\\n\té€😀".into()];
    for bits in [5, 7, 8, 15, 16, 31, 32, 63] {
        let edge = 1_u64 << bits;
        values.extend([Value::Uint(edge - 1), Value::Uint(edge)]);
        let edge = i64::try_from(edge).unwrap_or(i64::MAX);
        values.extend([Value::Int(-edge), Value::Int((-edge).saturating_sub(1))]);
    }
    let long = "word \u{1c}other\u{1f}\r\nline\u{2028}again\u{85}more\u{a0}words\r".repeat(5);
    values.push(Value::List(vec![long.into()]));
    values.push(u64::MAX.into());
    values.extend([0.0, -0.0, 1.0, 0.1, 1e15, 1e16, 1.5e300, 1e-4, 1e-5, 123_456.789].map(Value::Real));
    values.extend([31, 32, 255, 256, 65_536].map(|length| Value::Text("x".repeat(length))));
    values.extend([15, 16, 65_536].map(|length| Value::List(vec![7_u64.into(); length])));
    values
        .extend([15, 16, 65_536].map(|length| Value::Map((0..length).map(|n| (n.to_string(), Value::Nil)).collect())));
    values
}

fn hex(octets: &[u8]) -> String {
    octets.iter().map(|octet| format!("{octet:02x}")).collect()
}

fn unhex(text: &str) -> Vec<u8> {
    text.as_bytes().chunks(2).filter_map(|pair| u8::from_str_radix(str::from_utf8(pair).ok()?, 16).ok()).collect()
}

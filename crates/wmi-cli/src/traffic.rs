//! `wmi decode`: captured traffic, one line per message.

use std::io::{self, Read, Write};
use std::path::Path;

use serde_json::{Map, Value, json};
use wmi_capture::{Account, Capture, Event, Location, Message, State};
use wmi_proto::cim::CimObject;
use wmi_proto::internals::AcceptError;

use crate::args::ObjectFormat;
use crate::output::{json, object};
use crate::status::{Status, complain, counted};

/// Holes and refused log-ons that are named one by one; the rest is counted.
const MOST_NAMED: u64 = 100;

/// Whether a file is printed as traffic: by its first octets, otherwise by its name.
pub(crate) fn is_traffic(path: &Path, head: &[u8]) -> bool {
    let named = |extension: &std::ffi::OsStr| ["pcap", "pcapng"].iter().any(|e| extension.eq_ignore_ascii_case(e));
    wmi_capture::is_capture(head) || path.extension().is_some_and(named)
}

/// Prints the messages in `source`. Holes and sealed messages are counted on standard error and are no failure; a file
/// that is empty, no capture or cut off is one, after what was readable.
pub(crate) fn print(
    path: &Path,
    source: impl Read + Send,
    account: Option<Account>,
    format: ObjectFormat,
    out: &mut dyn Write,
) -> io::Result<Status> {
    let mut tally = Tally::new(path);
    let mut status = Status::Done;
    for event in Capture::open(source, account) {
        match event {
            Event::Message(message) => {
                tally.message(&message);
                match format {
                    ObjectFormat::Jsonl => writeln!(out, "{}", line(&message, &mut tally.undecodable))?,
                    ObjectFormat::Table => writeln!(out, "{}", row(&message))?,
                }
            }
            Event::Stopped(error) => {
                complain(format_args!("{}: {error}", path.display()));
                status = Status::Failed;
            }
            event => tally.event(&event),
        }
    }
    out.flush()?;
    tally.print();
    Ok(status)
}

/// A message as JSON.
fn line(message: &Message, undecodable: &mut u64) -> Value {
    let status = message.status;
    let mut value = json!({
        "frame": message.at.frame,
        "stream": message.at.stream,
        "source": message.at.from.to_string(),
        "destination": message.at.to.to_string(),
        "kind": message.kind(),
        "call_id": message.call_id,
        "interface": message.interface_name(),
        "operation": message.operation(),
        "opnum": message.opnum,
        "ipid": message.object.map(|ipid| ipid.to_string()),
        "fragments": message.fragments,
        "auth_level": message.auth_level.0,
        "header_signing": message.header_signing,
        "state": state(message.state),
        "verified": message.verified,
        "status": status.map(wmi_capture::Status::code),
        "status_name": status.and_then(wmi_capture::Status::name),
    });
    let objects = message.objects.iter().map(|object| match object {
        Ok(object) => described(object, undecodable),
        Err(error) => {
            *undecodable += 1;
            json::error(error)
        }
    });
    value["objects"] = objects.collect();
    if let Some(error) = &message.error {
        value["error"] = Value::from(error.to_string());
    }
    value
}

/// Class, genus and values of an object.
fn described(object: &CimObject, undecodable: &mut u64) -> Value {
    let mut properties = Map::new();
    for (index, property) in object.class().properties().iter().enumerate() {
        let value = match object.value(index) {
            Ok(value) => json::value(&value, undecodable),
            Err(error) => {
                *undecodable += 1;
                json::error(&error)
            }
        };
        properties.insert(property.name().to_str().into_owned(), value);
    }
    json!({ "class": object.class().name().to_str(), "genus": object::genus(object), "properties": properties })
}

/// A message for people.
fn row(message: &Message) -> String {
    let protected = match (message.state, message.verified) {
        (state, Some(true)) => format!("{}, verified", self::state(state)),
        (state, Some(false)) => format!("{}, wrong signature", self::state(state)),
        (state, None) => self::state(state).to_owned(),
    };
    let method = match (message.interface_name(), message.operation(), message.opnum) {
        (Some(interface), Some(operation), _) => format!("{interface}::{operation}"),
        (Some(interface), None, Some(opnum)) => format!("{interface}::{opnum}"),
        (interface, ..) => interface.unwrap_or_default(),
    };
    let status = match message.status.map(|status| (status.name(), status.code())) {
        Some((Some(name), code)) => format!(" {name} ({code:#x})"),
        Some((None, code)) => format!(" {code:#x}"),
        None => String::new(),
    };
    let objects = match message.objects.len() {
        0 => String::new(),
        count => format!(", {}", counted(count as u64, "object")),
    };
    let Location { frame, stream, .. } = message.at;
    format!("{frame:>6} {stream:>4} {:<18} {method} ({protected}){status}{objects}", message.kind())
}

const fn state(state: State) -> &'static str {
    match state {
        State::Clear => "clear",
        State::Unsealed => "unsealed",
        State::Sealed => "sealed",
    }
}

/// What is counted on standard error.
struct Tally<'p> {
    path: &'p Path,
    named: u64,
    messages: u64,
    holes: u64,
    missing: u64,
    late: u64,
    skipped: u64,
    incomplete: u64,
    sealed: u64,
    tampered: u64,
    malformed: u64,
    undecodable: u64,
}

impl<'p> Tally<'p> {
    const fn new(path: &'p Path) -> Self {
        Self {
            path,
            named: 0,
            messages: 0,
            holes: 0,
            missing: 0,
            late: 0,
            skipped: 0,
            incomplete: 0,
            sealed: 0,
            tampered: 0,
            malformed: 0,
            undecodable: 0,
        }
    }

    fn message(&mut self, message: &Message) {
        self.messages += 1;
        self.sealed += u64::from(message.state == State::Sealed);
        self.tampered += u64::from(message.verified == Some(false));
        self.malformed += u64::from(message.error.is_some());
    }

    fn event(&mut self, event: &Event) {
        match event {
            Event::Missing { at, octets: Some(octets) } => {
                self.holes += 1;
                self.missing = self.missing.saturating_add(*octets);
                self.name(at, &format!("{} missing before this", counted(*octets, "octet")));
            }
            Event::Missing { at, octets: None } => {
                self.late += 1;
                self.name(at, "the start of the stream is missing");
            }
            Event::Skipped { at, octets } => {
                self.skipped = self.skipped.saturating_add(*octets);
                self.name(at, &format!("{} here and after belong to no whole message", counted(*octets, "octet")));
            }
            Event::Incomplete { at, call_id, .. } => {
                self.incomplete += 1;
                self.name(at, &format!("a message of call {call_id} lacks fragments"));
            }
            Event::LogOn { at, account: [domain, user], outcome: Err(why) } => {
                let why = match why {
                    AcceptError::NoSuchAccount => "not the account given with --user".to_owned(),
                    why => why.to_string(),
                };
                self.name(at, &format!(r"no keys of the log-on of {domain}\{user}: {why}"));
            }
            _ => {}
        }
    }

    fn name(&mut self, at: &Location, what: &str) {
        self.named += 1;
        if self.named <= MOST_NAMED {
            let Location { frame, stream, from, to } = at;
            complain(format_args!("{}: frame {frame}, stream {stream}, {from} to {to}: {what}", self.path.display()));
        }
    }

    fn print(&self) {
        let counts = [
            (self.holes, "hole"),
            (self.missing, "missing octet"),
            (self.late, "missing start"),
            (self.skipped, "skipped octet"),
            (self.incomplete, "incomplete message"),
            (self.sealed, "sealed message"),
            (self.tampered, "message with a wrong signature"),
            (self.malformed, "malformed message"),
            (self.undecodable, "undecodable value"),
        ];
        let found: Vec<_> = counts.iter().filter(|(n, _)| *n > 0).map(|(n, what)| plural(*n, what)).collect();
        if !found.is_empty() {
            let messages = counted(self.messages, "message");
            complain(format_args!("{}: {messages}; {}", self.path.display(), found.join(", ")));
        }
    }
}

/// `1 message with …`, `2 messages with …`: the first noun is counted.
fn plural(count: u64, what: &str) -> String {
    match what.split_once(" with") {
        Some((noun, rest)) => format!("{} with{rest}", counted(count, noun)),
        None => counted(count, what),
    }
}

//! Our client against a foreign host, `host_pyspnego.py`, which verifies all that it receives.

use std::fs;
use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::num::NonZeroU32;
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use serde_json::{Value, json};
use wmi_mio::Session;
use wmi_proto::{AuthLevel, Config, Credentials, Enumerator, Event, Mechanism, Query, QueryId, Secret};

use crate::compare::object_agrees;
use crate::drivers::Level;

/// What is asked of our client.
pub(crate) const SCENARIOS: &[Scenario] = &[
    Scenario::new(Level::Privacy, Enumerator::Next, 7),
    Scenario::new(Level::Privacy, Enumerator::Smart, 33).header_signing(HeaderSigning::Late),
    Scenario { smart_refused: true, ..Scenario::new(Level::Privacy, Enumerator::Auto, 999) },
    Scenario::new(Level::Integrity, Enumerator::Next, 1).header_signing(HeaderSigning::Refused),
    // The captured smart replies have the class in front of row 0 only: going over in mid result is not shown by them.
    Scenario { smart_refused: true, ..Scenario::new(Level::Integrity, Enumerator::Auto, 100) },
    Scenario { smart_refused: true, ..Scenario::new(Level::Privacy, Enumerator::PreferSmart, 40) },
    Scenario::new(Level::Integrity, Enumerator::PreferSmart, 40),
    Scenario { walk: true, ..Scenario::new(Level::Privacy, Enumerator::Auto, 7) },
    Scenario { walk: true, ..Scenario::new(Level::Integrity, Enumerator::Smart, 7) },
    Scenario::new(Level::Integrity, Enumerator::Smart, 50).header_signing(HeaderSigning::Late),
    Scenario::new(Level::Privacy, Enumerator::Next, 50).account(r"ÄCME\björn.æøå", r"ÄCME\björn.æøå", "Pässwörd€𝄞"),
    Scenario::new(Level::Integrity, Enumerator::Next, 50).account(
        "Жанна@acme.example",
        r"\Жанна@acme.example",
        "пароль",
    ),
    Scenario::new(Level::Privacy, Enumerator::Next, 50).account(r".\operator", r"{HOST}\operator", " \t\" "),
    Scenario::new(Level::Privacy, Enumerator::Next, 40).negotiated(),
    Scenario::new(Level::Privacy, Enumerator::Next, 40)
        .account(r"ÄCME\björn.æøå", r"ÄCME\björn.æøå", "Pässwörd€𝄞")
        .negotiated(),
    Scenario::new(Level::Integrity, Enumerator::Smart, 40).negotiated().header_signing(HeaderSigning::Late),
];

/// One session with the foreign host.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Scenario {
    level: Level,
    enumerator: Enumerator,
    smart_refused: bool,
    batch: u32,
    header_signing: HeaderSigning,
    mechanism: Mechanism,
    /// Whether the rows are read back and forth, and by a copy.
    walk: bool,
    /// How our client is told the account.
    account: &'static str,
    /// `DOMAIN\name` as the host has to see it; `{HOST}` is its own name.
    user: &'static str,
    password: &'static str,
}

/// What the host says to the offer of header signing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum HeaderSigning {
    Granted,
    /// Yes, in mid connection.
    Late,
    Refused,
}

impl Scenario {
    pub(crate) const fn new(level: Level, enumerator: Enumerator, batch: u32) -> Self {
        Self {
            level,
            enumerator,
            smart_refused: false,
            batch,
            header_signing: HeaderSigning::Granted,
            mechanism: Mechanism::Ntlm,
            walk: false,
            account: USER,
            user: USER,
            password: PASSWORD,
        }
    }

    const fn account(self, account: &'static str, user: &'static str, password: &'static str) -> Self {
        Self { account, user, password, ..self }
    }

    const fn header_signing(self, header_signing: HeaderSigning) -> Self {
        Self { header_signing, ..self }
    }

    const fn negotiated(self) -> Self {
        Self { mechanism: Mechanism::Negotiate, ..self }
    }

    fn is_negotiated(&self) -> bool {
        self.mechanism == Mechanism::Negotiate
    }

    /// The name of the witness.
    pub(crate) fn name(&self) -> String {
        let refused = if self.smart_refused { " (smart refused)" } else { "" };
        let signing = match self.header_signing {
            HeaderSigning::Granted if self.walk => " (back and forth)",
            HeaderSigning::Granted => "",
            HeaderSigning::Late => " (header signing in mid connection)",
            HeaderSigning::Refused => " (no header signing)",
        };
        let account = if self.account == USER { String::new() } else { format!(" (as {})", self.account) };
        let (level, enumerator) = (self.level.name(), self.enumerator);
        let what = format!("{level} {enumerator:?}{refused}{signing}{account}").to_lowercase();
        let spnego = if self.is_negotiated() { " (by SPNEGO)" } else { "" };
        format!("our client against a pyspnego host: {what}{spnego}")
    }

    /// Queries the host with our client; what is wrong is the error.
    pub(crate) fn run(&self, command: Command) -> Result<(), String> {
        let rows = captured("rows.json")?;
        let rows: Vec<Value> = serde_json::from_str(&fs::read_to_string(rows).map_err(text)?).map_err(text)?;
        let seen = self.session(command, |session| self.query(session, &rows))?;
        self.check(&seen)
    }

    /// Lets `work` work with a session with the host, and returns what the host saw.
    pub(crate) fn session(
        &self,
        command: Command,
        work: impl FnOnce(&mut Session) -> Result<(), String>,
    ) -> Result<Vec<Value>, String> {
        let host = Host::start(command, self)?;
        let result = Session::connect(self.config(host.port)).map_err(text).and_then(|mut session| {
            work(&mut session)?;
            session.close().map_err(text)
        });
        let seen = host.leave()?;
        // The host's word comes first: it knows why our client was let down.
        trouble(&seen)?;
        result.map(|()| seen)
    }

    fn config(&self, port: u16) -> Config {
        let mut config = Config::new("127.0.0.1", Credentials::new(self.account, Secret::from(self.password)));
        config.port = port;
        config.mechanism = self.mechanism;
        config.auth_level = match self.level {
            Level::Integrity => AuthLevel::Integrity,
            Level::Privacy => AuthLevel::Privacy,
        };
        config
    }

    /// Fetches the rows and compares them with those of the capture.
    fn query(&self, session: &mut Session, expected: &[Value]) -> Result<(), String> {
        if self.walk {
            return self.walk(session, expected);
        }
        let batch = self.batch.try_into().map_err(text)?;
        let query = Query::new(WQL).enumerator(self.enumerator).batch(batch).timeout(PATIENCE);
        let mut count = 0;
        for row in session.query(query).map_err(text)? {
            let row = row.map_err(text)?.map_err(text)?;
            let Some(Value::Object(wanted)) = expected.get(count) else {
                return Err(format!("more than {count} rows"));
            };
            if !object_agrees(&row, wanted) {
                return Err(format!("row {count} is not the captured one"));
            }
            count += 1;
        }
        if count != expected.len() {
            return Err(format!("{count} rows in place of {}", expected.len()));
        }
        Ok(())
    }

    /// Reset, skip and clone_query, and rows in between. The rows of a smart enumeration come in the order in which their
    /// classes were captured, so that the first one has to come first.
    fn walk(&self, session: &mut Session, expected: &[Value]) -> Result<(), String> {
        let query = Query::new(WQL).enumerator(self.enumerator).forward_only(false).timeout(PATIENCE);
        let id = session.command(|client, now| client.exec_query(query, now)).map_err(text)?;
        let rows = expected.len() as u64;
        read(session, id, 3, &expected[..3])?;
        session.command(|client, now| client.skip(id, count(10), now)).map_err(text)?;
        hear(session, &Event::Skipped { query: id })?;
        read(session, id, 2, &expected[13..15])?;
        session.command(|client, now| client.reset(id, now)).map_err(text)?;
        hear(session, &Event::Reset { query: id })?;
        read(session, id, 5, &expected[..5])?;
        let copy = session.command(|client, now| client.clone_query(id, now)).map_err(text)?;
        session.command(|client, now| client.reset(copy, now)).map_err(text)?;
        hear(session, &Event::Reset { query: copy })?;
        read(session, copy, 7, &expected[..7])?;
        read(session, id, 1, &expected[5..6])?;
        session.command(|client, now| client.skip(id, count(rows), now)).map_err(text)?;
        hear(session, &Event::Skipped { query: id })?;
        hear(session, &Event::AtEnd { query: id })?;
        read(session, copy, 1, &expected[7..8])?;
        for query in [id, copy] {
            session.command(|client, now| client.cancel(query, now)).map_err(text)?;
        }
        Ok(())
    }

    /// What the host has to say about the client.
    fn check(&self, seen: &[Value]) -> Result<(), String> {
        let events = |name: &str| seen.iter().filter(|event| event["event"] == name).cloned().collect::<Vec<_>>();
        let logons = events("authenticated");
        if logons.len() != 2 {
            return Err(format!("{} log-ons in place of one at each port", logons.len()));
        }
        let level = if let Level::Integrity = self.level { 5 } else { 6 };
        for logon in &logons {
            let right = logon["mic"] == true
                && logon["bindings_zero"] == true
                && logon["lm_zero"] == true
                && logon["user"] == self.user
                && logon["level"] == level
                && logon["complete"] == true
                && logon["mech_list_mic"] == self.is_negotiated()
                // An alter_context repeats the offer, an auth3 says what was agreed.
                && logon["header_signing"] == (self.is_negotiated() || self.header_signing == HeaderSigning::Granted)
                && logon["target"].as_str().is_some_and(|spn| spn.ends_with("/127.0.0.1"));
            if !right {
                return Err(format!("the log-on is not as it should be: {logon}"));
            }
        }
        let flags = if self.walk { 0x10 } else { 0x30 };
        let query = json!({ "event": "query", "language": "WQL", "text": WQL, "flags": flags });
        if events("query") != [query] {
            return Err(format!("the host was asked {:?}", events("query")));
        }
        let left = events("left").into_iter().next().unwrap_or_default();
        // Of the two connections the activator's needs no alter_context, but for the log-on by SPNEGO.
        let signing = match self.header_signing {
            HeaderSigning::Granted => 2,
            HeaderSigning::Late if self.is_negotiated() => 2,
            HeaderSigning::Late => 1,
            HeaderSigning::Refused => 0,
        };
        if left["header_signing"] != signing {
            return Err(format!("header signing on another number of connections than {signing}: {left}"));
        }
        if left["references"] != 0 {
            return Err(format!("references that did not come back: {left}"));
        }
        Ok(())
    }
}

/// One batch, which has to be `expected`.
fn read(session: &mut Session, query: QueryId, rows: u64, expected: &[Value]) -> Result<(), String> {
    session.command(|client, now| client.fetch(query, count(rows), now)).map_err(text)?;
    match next(session)? {
        Event::Batch { query: of, rows } if of == query && rows.len() == expected.len() => {
            for (row, wanted) in rows.iter().zip(expected) {
                let row = row.as_ref().map_err(text)?;
                if !wanted.as_object().is_some_and(|wanted| object_agrees(row, wanted)) {
                    return Err(format!("a row is not {wanted}"));
                }
            }
            Ok(())
        }
        event => Err(format!("{event:?} in place of {} rows", expected.len())),
    }
}

fn hear(session: &mut Session, expected: &Event) -> Result<(), String> {
    let event = next(session)?;
    if event == *expected { Ok(()) } else { Err(format!("{event:?} in place of {expected:?}")) }
}

/// The next event of a query.
fn next(session: &mut Session) -> Result<Event, String> {
    loop {
        let event = session.next_event().map_err(text)?.ok_or("the session is over")?;
        if event.query().is_some() {
            return Ok(event);
        }
    }
}

fn count(count: u64) -> NonZeroU32 {
    u32::try_from(count).ok().and_then(NonZeroU32::new).unwrap_or(NonZeroU32::MIN)
}

/// What the host did not like.
fn trouble(seen: &[Value]) -> Result<(), String> {
    match seen.iter().find(|event| event["event"] == "error" || event["event"] == "refused") {
        Some(event) => Err(format!("the host says: {event}")),
        None => Ok(()),
    }
}

/// The foreign host while it runs.
struct Host {
    child: Child,
    output: BufReader<std::process::ChildStdout>,
    port: u16,
}

impl Host {
    /// Starts it, and waits until it listens.
    fn start(mut command: Command, scenario: &Scenario) -> Result<Self, String> {
        let plan = json!({
            "user": scenario.user,
            "password": scenario.password,
            "level": scenario.level.name(),
            "mechanism": if scenario.is_negotiated() { "negotiate" } else { "ntlm" },
            "next": [captured("next_100.0.bin")?, captured("next_100.1.bin")?],
            "smart": [captured("smart_100.0.bin")?, captured("smart_100.1.bin")?],
            "object": reply(OBJECT)?,
            "result": reply(RESULT)?,
            "smart_refused": scenario.smart_refused,
            "header_signing": match scenario.header_signing {
                HeaderSigning::Granted => "granted",
                HeaderSigning::Late => "late",
                HeaderSigning::Refused => "refused",
            },
        });
        let mut child = command.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().map_err(text)?;
        if let Some(input) = &mut child.stdin {
            writeln!(input, "{plan}").map_err(text)?;
        }
        let Some(output) = child.stdout.take() else { return Err("no output".to_owned()) };
        let mut host = Self { child, output: BufReader::new(output), port: 0 };
        let mut line = String::new();
        host.output.read_line(&mut line).map_err(text)?;
        let told: Value = serde_json::from_str(&line).map_err(text)?;
        host.port = told["listening"].as_u64().and_then(|port| port.try_into().ok()).ok_or("it does not listen")?;
        Ok(host)
    }

    /// Lets it end, and returns what it saw.
    fn leave(mut self) -> Result<Vec<Value>, String> {
        drop(self.child.stdin.take());
        let lines = self.output.by_ref().lines();
        lines.map(|line| serde_json::from_str(&line.map_err(text)?).map_err(text)).collect()
    }
}

impl Drop for Host {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// A file of the captured replies.
fn captured(name: &str) -> Result<PathBuf, String> {
    in_captures(&format!("bench_stubs/{name}"))
}

/// A captured reply of Windows.
pub(crate) fn reply(name: &str) -> Result<PathBuf, String> {
    in_captures(&format!("elcab_wmiexec_regout/stubs/{name}"))
}

fn in_captures(name: &str) -> Result<PathBuf, String> {
    let captures = std::env::var_os("WMI_CAPTURES")
        .map_or_else(|| PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../../shared/captures"), PathBuf::from);
    let path = captures.join(name);
    if path.is_file() { Ok(path) } else { Err(format!("{} is not there", path.display())) }
}

/// An error in words.
fn text(error: impl ToString) -> String {
    error.to_string()
}

const USER: &str = "ACME\\monitor";
const PASSWORD: &str = "Tr0ub4dor&3";
const WQL: &str = "SELECT * FROM Win32_SimWide";
/// What the host answers to GetObject, the class StdRegProv, and to ExecMethod, its GetStringValue.
pub(crate) const OBJECT: &str = "00034_s1_c11_IWbemServices_GetObject_resp_L5.bin";
pub(crate) const RESULT: &str = "00044_s1_c12_IWbemServices_ExecMethod_resp_L5.bin";
const PATIENCE: Duration = Duration::from_secs(60);

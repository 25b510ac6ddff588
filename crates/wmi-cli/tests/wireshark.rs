//! Witness: Wireshark reads the captures that the program writes of its own sessions, down to every sealed stub.

#[path = "support/mod.rs"]
mod support;

use std::collections::BTreeMap;
use std::path::Path;
use std::process::{Command, ExitCode};

use support::{host_with, query, run, wmi};
use wmi_sim::DEFAULT_PASSWORD;

/// A witness says what it has seen, or what is wrong.
type Verdict = Result<String, String>;

fn main() -> ExitCode {
    let found = Command::new("tshark").arg("--version").output().is_ok_and(|output| output.status.success());
    let (mut passed, mut failed, mut skipped) = (0, 0, 0);
    for (level, mechanism) in
        [("integrity", "ntlm"), ("privacy", "ntlm"), ("integrity", "negotiate"), ("privacy", "negotiate")]
    {
        let name = format!("Wireshark reads a captured session: {level}, {mechanism}");
        if !found {
            skipped += 1;
            println!("witness {name}: skipped: no tshark");
            continue;
        }
        match session(level, mechanism) {
            Ok(seen) => {
                passed += 1;
                println!("witness {name}: ok\n  {seen}");
            }
            Err(why) => {
                failed += 1;
                println!("witness {name}: FAILED\n  {why}");
            }
        }
    }
    println!("{passed} passed, {failed} failed, {skipped} skipped");
    let skip_fails = std::env::var("CI").is_ok_and(|v| v == "true");
    if failed > 0 || (skip_fails && skipped > 0) { ExitCode::FAILURE } else { ExitCode::SUCCESS }
}

/// Captures a session and has it dissected, with the right password and with a wrong one.
fn session(level: &str, mechanism: &str) -> Verdict {
    let folder = tempfile::tempdir().map_err(|error| error.to_string())?;
    let file = folder.path().join("session.pcap");
    let path = file.to_str().ok_or("no UTF-8")?;
    let host = host_with(200, &[]);
    // Of two sealed PDUs in one frame the dissector opens the first one only, and has lost the keystream from there on:
    // every reply is small enough for a frame of its own.
    let more = ["-o", "jsonl", "--auth-level", level, "--auth-mechanism", mechanism, "--batch", "5", "--capture", path];
    run(query(host.activator_addr(), "SELECT * FROM Sim_Many", &more)).exits(0);
    let ours = run(wmi(["decode", path])).exits(0).lines();
    let count = |kind: &str| ours.iter().filter(|line| line["kind"] == kind).count();
    let expected = [count("request"), count("response")];

    // Loopback hosts listen where they like, and a dissector goes by the port.
    let hosts = ours.iter().filter(|line| line["kind"] == "bind").filter_map(|line| line["destination"].as_str());
    let ports: Vec<&str> = hosts.filter_map(|address| Some(address.rsplit_once(':')?.1)).collect();

    // Inside of SPNEGO the dissector unseals the first PDU of each direction and loses the keystream there: what it makes
    // of the others' stubs is noise. That they are sealed right is told by other implementations, in tests/interop.
    let noise = (level, mechanism) == ("privacy", "negotiate");
    let seen = Dissection::of(&file, &ports, DEFAULT_PASSWORD, &WHOLE)?.structure(expected, noise)?;
    let opened = Dissection::of(&file, &ports, DEFAULT_PASSWORD, &STUBS)?.opened()?;
    let sealed = count("request") + count("response");
    if level == "privacy" {
        if opened < sealed {
            return Err(format!("{opened} sealed stubs of {sealed} messages"));
        }
        match Dissection::of(&file, &ports, "wrong", &STUBS)?.opened() {
            Err(why) if why.contains("not decrypted") => {}
            other => return Err(format!("with a wrong password: {other:?}")),
        }
    }
    Ok(format!("{seen}, {opened} sealed stubs decrypted"))
}

/// Two passes: a segment is told in which frame its PDU ends.
const WHOLE: [&str; 1] = ["-2"];
/// What these dissectors take apart is not shown as a decrypted stub.
const STUBS: [&str; 6] =
    ["--disable-protocol", "isystemactivator", "--disable-protocol", "remunk", "--disable-protocol", "remunk2"];

/// What the dissector says about each frame.
struct Dissection(Vec<BTreeMap<&'static str, String>>);

const FIELDS: [&str; 10] = [
    "frame.number",
    "frame.protocols",
    "_ws.col.Protocol",
    "tcp.len",
    "tcp.reassembled_in",
    "dcerpc.pkt_type",
    "ntlmssp.messagetype",
    "_ws.malformed",
    "dcerpc.encrypted_stub_data",
    "dcerpc.decrypted_stub_data",
];

impl Dissection {
    fn of(file: &Path, ports: &[&str], password: &str, options: &[&str]) -> Result<Self, String> {
        let mut command = Command::new("tshark");
        command.args(options).arg("-r").arg(file).args(["-o", &format!("ntlmssp.nt_password:{password}")]);
        for port in ports {
            command.args(["-d", &format!("tcp.port=={port},dcerpc")]);
        }
        command.args(["-T", "fields", "-E", "separator=|"]);
        for field in FIELDS {
            command.args(["-e", field]);
        }
        let output = command.output().map_err(|error| format!("tshark: {error}"))?;
        if !output.status.success() {
            return Err(format!("tshark: {}", String::from_utf8_lossy(&output.stderr)));
        }
        let text = String::from_utf8_lossy(&output.stdout);
        let rows = text.lines().map(|line| FIELDS.into_iter().zip(line.split('|').map(str::to_owned)).collect());
        Ok(Self(rows.collect()))
    }

    /// All values of a field in all frames.
    fn values(&self, field: &str) -> Vec<&str> {
        let cells = self.0.iter().filter_map(|row| row.get(field));
        cells.flat_map(|cell| cell.split(',')).filter(|value| !value.is_empty()).collect()
    }

    /// Every packet is there, is understood and is DCE/RPC; stubs of IRemUnknown need not be understood when they are
    /// `noise`.
    fn structure(&self, expected: [usize; 2], noise: bool) -> Verdict {
        let of_type = |ptype: &str| self.values("dcerpc.pkt_type").iter().filter(|value| **value == ptype).count();
        // Fragments of one answer are packets of their own.
        let [requests, responses] = [of_type("0"), of_type("2")];
        if requests != expected[0] || responses < expected[1] || requests < 5 || responses < 4 {
            return Err(format!("{requests} requests and {responses} responses where we made {expected:?}"));
        }
        let log_ons = self.values("ntlmssp.messagetype").iter().filter(|value| value.ends_with('3')).count();
        if log_ons < 2 {
            return Err(format!("{log_ons} AUTHENTICATE messages"));
        }
        for row in &self.0 {
            let cell = |field| row.get(field).map_or("", String::as_str);
            let payload = cell("tcp.len") != "0";
            let part = !cell("tcp.reassembled_in").is_empty();
            if payload && !part && !cell("frame.protocols").contains("dcerpc") {
                return Err(format!("octets outside DCE/RPC: {row:?}"));
            }
            let is_noise = noise && cell("_ws.col.Protocol").starts_with("IRemUnknown");
            if !cell("_ws.malformed").is_empty() && !is_noise {
                return Err(format!("malformed: {row:?}"));
            }
        }
        let protocols = self.values("_ws.col.Protocol");
        for interface in ["ISystemActivator", "IRemUnknown"] {
            if !protocols.iter().any(|protocol| protocol.starts_with(interface)) {
                return Err(format!("{interface} is not recognised: {protocols:?}"));
            }
        }
        Ok(format!("{requests} requests, {responses} responses, {log_ons} log-ons"))
    }

    /// How many sealed stubs there are, all of them decrypted.
    fn opened(&self) -> Result<usize, String> {
        let mut count = 0;
        for row in &self.0 {
            let values = |field| row.get(field).map_or(0, |cell| cell.split(',').filter(|v| !v.is_empty()).count());
            let (sealed, opened) = (values("dcerpc.encrypted_stub_data"), values("dcerpc.decrypted_stub_data"));
            if opened < sealed {
                return Err(format!("not decrypted: frame {:?}", row.get("frame.number")));
            }
            count += sealed;
        }
        Ok(count)
    }
}

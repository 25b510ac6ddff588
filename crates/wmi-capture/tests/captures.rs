//! Witness: captured traffic says what foreign analyzers and a foreign host's records say of it.

// The comparison of values is that of the object witnesses.
#[path = "../../wmi-proto/tests/objects/compare.rs"]
mod compare;
#[path = "captures/manifest.rs"]
mod manifest;
#[path = "captures/opened.rs"]
mod opened;
#[path = "../../../tests/witness.rs"]
mod witness;

use std::fs::File;
use std::path::Path;
use std::process::ExitCode;

use witness::Verdict;
use wmi_capture::{Account, Capture, Event, Message};
use wmi_proto::Secret;

type Witness = fn(&Path) -> Verdict;

/// Names and checks.
const WITNESSES: [(&str, Witness); 12] = [
    ("all messages of all captures", manifest::all_messages),
    ("all messages without a key", manifest::without_keys),
    ("manifests", manifest::manifests),
    ("unsealed: ntlm_scapy_svcctl", opened::scapy),
    ("unsealed: foreign_lab", opened::lab),
    ("rows of foreign_lab: smart enumeration", opened::smart_rows),
    ("rows of foreign_lab: Next", opened::next_rows),
    ("rows of foreign_lab: Next, embedded objects", opened::embedded_rows),
    ("an NT hash opens what the password opens", opened::nt_hash),
    ("a wrong password opens nothing", opened::wrong_password),
    ("a lost frame, a changed octet", opened::damaged),
    ("header signing, also switched on in mid connection", opened::header_signing),
];

fn main() -> ExitCode {
    witness::run(WITNESSES)
}

/// Everything that a capture says, with the password of an account when it is known.
pub(crate) fn events(file: &Path, account: Option<(&str, &str)>) -> Result<Vec<Event>, String> {
    let opened = File::open(file).map_err(|error| format!("{}: {error}", file.display()))?;
    let account = account.map(|(user, password)| Account::new(user, Secret::from(password)));
    Ok(Capture::open(opened, account).collect())
}

pub(crate) fn messages(events: &[Event]) -> impl Iterator<Item = &Message> {
    events.iter().filter_map(|event| match event {
        Event::Message(message) => Some(&**message),
        _ => None,
    })
}

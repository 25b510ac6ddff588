//! `wmi replay` on captures that the program made itself, on damaged ones, and on those of others.

use std::fs;
use std::path::{Path, PathBuf};
use std::thread;
use std::time::Duration;

use wmi_sim::{DEFAULT_PASSWORD, Fault};

use crate::support::{ACCOUNT, Finished, finish, host_with, query, run, signal, start, until, wmi};

/// Who logged on in the captures of other clients, and the password.
const LAB: (&str, &str) = (r"ACME\monitor", "Tr0ub4dor&3");

const MANY: &str = "SELECT * FROM Sim_Many";

/// Octets of the header of a pcap file, and of that of a record.
const FILE_HEADER: usize = 24;
const RECORD_HEADER: usize = 16;

fn replay(file: &Path, more: &[&str]) -> Finished {
    replay_as(file, ACCOUNT, DEFAULT_PASSWORD, more)
}

fn replay_as(file: &Path, account: &str, password: &str, more: &[&str]) -> Finished {
    let mut command = wmi(["replay", file.to_str().expect("UTF-8"), "--user", account]);
    command.args(more).env("WMI_PASSWORD", password);
    run(command)
}

/// The records of a capture.
fn frames(octets: &[u8]) -> Vec<&[u8]> {
    let (mut at, mut frames) = (FILE_HEADER, Vec::new());
    while at < octets.len() {
        let length = u32::from_le_bytes(octets[at + 8..at + 12].try_into().expect("four")) as usize;
        frames.push(&octets[at..at + RECORD_HEADER + length]);
        at += RECORD_HEADER + length;
    }
    frames
}

/// A session with a host that has `rows` rows and behaves in the ways of `faults`, captured.
fn captured(name: &str, rows: u32, faults: &[Fault], more: &[&str]) -> (tempfile::TempDir, PathBuf, Finished) {
    let host = host_with(rows, faults);
    let folder = tempfile::tempdir().expect("a folder");
    let file = folder.path().join(name);
    let mut line = vec!["--capture", file.to_str().expect("UTF-8"), "-o", "jsonl"];
    line.extend(more);
    let finished = run(query(host.activator_addr(), MANY, &line));
    (folder, file, finished)
}

#[test]
fn sessions_replay_with_every_enumerator_and_level() {
    for level in ["integrity", "privacy"] {
        for enumerator in ["auto", "smart", "next"] {
            let more = ["--auth-level", level, "--enumerator", enumerator];
            let (_folder, file, live) = captured("session.pcap", 300, &[], &more);
            let live = live.exits(0);
            let replayed = replay(&file, &["-o", "jsonl"]).exits(0);
            assert_eq!(replayed.stderr, "", "{level} {enumerator}");
            assert_eq!((replayed.lines().len(), &replayed.stdout), (300, &live.stdout), "{level} {enumerator}");
        }
    }
}

#[test]
fn ten_thousand_rows_replay() {
    let (_folder, file, live) = captured("large.pcap", 10_000, &[], &[]);
    let live = live.exits(0);
    let replayed = replay(&file, &["-o", "jsonl"]).exits(0);
    assert!(replayed.stdout == live.stdout, "the same rows");
}

#[test]
fn sessions_that_failed_replay_up_to_their_end() {
    for (fault, more) in [
        (Fault::SilenceAtNext, &["--timeout", "3"][..]),
        (Fault::SlowRows, &["--timeout", "1.5"]),
        (Fault::ResetMidReply, &[]),
        (Fault::ErrorInNext, &[]),
        (Fault::FaultPdu, &[]),
        (Fault::BindNak, &[]),
    ] {
        let (_folder, file, live) = captured("failed.pcap", 60, &[fault], more);
        assert!(!live.status.success(), "{fault}: {live:?}");
        let replayed = replay(&file, &["-o", "jsonl"]).exits(0);
        assert_eq!(replayed.stdout, live.stdout, "{fault}");
        replayed.says(&["in the captured session: "]);
    }
}

#[test]
fn an_interrupted_session_replays() {
    let host = host_with(400, &[Fault::SlowRows]);
    let folder = tempfile::tempdir().expect("a folder");
    let file = folder.path().join("interrupted.pcap");
    let line = ["--capture", file.to_str().expect("UTF-8"), "-o", "jsonl"];
    let child = start(&mut query(host.activator_addr(), MANY, &line));
    until(&host, |host| host.alive_objects() > 0);
    thread::sleep(Duration::from_millis(1500));
    signal(&child, "INT");
    let live = finish(child).exits(130);
    let replayed = replay(&file, &["-o", "jsonl"]).exits(0).says(&["in the captured session", "cancelled"]);
    assert_eq!(replayed.stdout, live.stdout);
}

#[test]
fn a_changed_octet_is_named() {
    let (_folder, file, live) = captured("session.pcap", 20, &[], &["--enumerator", "next"]);
    live.exits(0);
    let mut octets = fs::read(&file).expect("a capture");
    let mut at = FILE_HEADER;
    // The last octet of the first bind: of the version that its log-on tells.
    loop {
        let length = u32::from_le_bytes(octets[at + 8..at + 12].try_into().expect("four")) as usize;
        at += RECORD_HEADER + length;
        if length > 100 {
            break;
        }
    }
    octets[at - 1] ^= 1;
    fs::write(&file, octets).expect("written");
    let changed = replay(&file, &[]).exits(1);
    changed.says(&["stream 0, offset 119 (frame 4), PDU 0 (bind), auth.value: NEGOTIATE.Version: "]);
}

#[test]
fn a_session_that_the_capture_leaves_is_told() {
    let (_folder, file, live) = captured("session.pcap", 20, &[], &[]);
    live.exits(0);
    let octets = fs::read(&file).expect("a capture");
    let frames = frames(&octets);
    let half = [&octets[..FILE_HEADER], &frames[..frames.len() / 2].concat()].concat();
    fs::write(&file, half).expect("written");
    replay(&file, &["-o", "jsonl"]).exits(0).says(&["the session was under way at the end"]);
}

#[test]
fn a_difference_is_told_to_whoever_has_closed_the_output() {
    let (_folder, file, live) = captured("session.pcap", 20, &[], &[]);
    live.exits(0);
    let mut octets = fs::read(&file).expect("a capture");
    // The last frame that carries octets; those without end behind the headers of IP and TCP.
    let (mut at, mut last) = (FILE_HEADER, 0);
    for frame in frames(&octets) {
        at += frame.len();
        if frame.len() > RECORD_HEADER + 60 {
            last = at - 1;
        }
    }
    octets[last] ^= 1;
    fs::write(&file, octets).expect("written");
    let mut command = wmi(["replay", file.to_str().expect("UTF-8"), "--user", ACCOUNT, "-o", "jsonl"]);
    let mut child = start(command.env("WMI_PASSWORD", DEFAULT_PASSWORD));
    drop(child.stdout.take());
    finish(child).exits(1).says(&["stream ", "the client had said"]);
}

#[test]
fn what_cannot_be_replayed_says_why() {
    let (folder, file, live) = captured("session.pcap", 20, &[], &[]);
    live.exits(0);
    replay_as(&file, ACCOUNT, "wrong", &[]).exits(1).says(&["wrong password"]).in_one_message();
    replay_as(&file, "somebody", DEFAULT_PASSWORD, &[]).exits(1).says(&["another account"]).in_one_message();
    let octets = fs::read(&file).expect("a capture");
    let damaged = folder.path().join("damaged.pcap");
    let with = |octets: &[u8], words: &[&str]| {
        fs::write(&damaged, octets).expect("written");
        replay(&damaged, &["-o", "jsonl"]).exits(1).says(words).in_one_message()
    };
    with(b"", &["the file is empty"]);
    with(b"no capture at all", &["no pcap or pcapng file"]);
    with(&octets[..FILE_HEADER], &["no session is in it"]);
    with(&octets[..octets.len() - 3], &["cut off after frame"]);
    // Without its first 12 frames the capture starts in mid session.
    let frames = frames(&octets);
    let late = [&[&octets[..FILE_HEADER]], &frames[6..]].concat().concat();
    with(&late, &["in mid session"]);
    let without = frames.len() / 2;
    let hole = [&[&octets[..FILE_HEADER]], &frames[..without], &frames[without + 1..]].concat().concat();
    with(&hole, &["stream 1"]);
    run(wmi(["replay", file.to_str().expect("UTF-8")])).exits(2).says(&["no account"]);
    run(wmi(["replay"])).exits(2).says(&["FILE"]);
    let missing = folder.path().join("missing.pcap");
    replay(&missing, &[]).exits(1).in_one_message();
}

#[test]
fn the_rows_of_several_queries_are_told_apart_as_they_were() {
    let few = "SELECT Id FROM Sim_Many WHERE Id < 2";
    let (_folder, file, live) = captured("several.pcap", 40, &[], &[few, "SELECT * FROM Win32_NoSuchThing"]);
    let live = live.exits(1);
    let replayed = replay(&file, &["-o", "jsonl"]).exits(0);
    let of = |finished: &Finished, number: u64| {
        finished.lines().into_iter().filter(|row| row["__query"] == number).collect::<Vec<_>>()
    };
    for (number, rows) in [(1, 40), (2, 2), (3, 0)] {
        assert_eq!(of(&replayed, number), of(&live, number));
        assert_eq!(of(&replayed, number).len(), rows);
    }
    let replayed = replayed.says(&["query 3: in the captured session: ", "WBEM_E_INVALID_CLASS"]);
    assert_eq!(replayed.lines().len(), 42);
    let table = replay(&file, &[]).exits(0).stdout;
    assert!(table.contains(&format!("query 2: {few}\nId\n--\n 0\n 1\n(2 rows)\n")), "{table}");
}

#[test]
fn sessions_of_other_clients_are_refused() {
    let folder = std::env::var("WMI_CAPTURES")
        .unwrap_or_else(|_| concat!(env!("CARGO_MANIFEST_DIR"), "/../../../shared/captures").to_owned());
    if folder == "none" {
        assert_ne!(std::env::var("CI").as_deref(), Ok("true"), "captures may not be left out in CI");
        println!("skipped: WMI_CAPTURES=none");
        return;
    }
    let lab = Path::new(&folder).join("foreign_lab");
    let mut refused = 0;
    for entry in fs::read_dir(&lab).expect("the captures of the lab") {
        let file = entry.expect("an entry").path();
        if file.extension().is_some_and(|extension| extension == "pcapng") {
            let finished = replay_as(&file, LAB.0, LAB.1, &[]).exits(1).in_one_message();
            let told = &finished.stderr;
            let difference = ["stream ", ", offset ", ", PDU "].iter().all(|word| told.contains(word));
            let other = ["not a session of this client", "the session was established again"];
            assert!(difference || other.iter().any(|words| told.contains(words)), "{finished:#?}");
            assert!(!told.contains("another account"), "{finished:#?}");
            refused += 1;
        }
    }
    assert!(refused > 0, "no captures in {}", lab.display());
}

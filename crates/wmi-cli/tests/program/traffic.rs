//! `wmi decode` on captures that are whole, damaged, sealed or no captures at all.

use std::fs;
use std::path::{Path, PathBuf};

use serde_json::Value;

use wmi_sim::DEFAULT_PASSWORD;

use crate::support::{ACCOUNT, Finished, host_with, query, run, wmi};

const LAB_PASSWORD: &str = "Tr0ub4dor&3";

/// A captured file; `None` when somebody wants to do without.
fn capture(name: &str) -> Option<PathBuf> {
    let folder = std::env::var("WMI_CAPTURES")
        .unwrap_or_else(|_| concat!(env!("CARGO_MANIFEST_DIR"), "/../../../shared/captures").to_owned());
    if folder == "none" {
        assert_ne!(std::env::var("CI").as_deref(), Ok("true"), "captures may not be left out in CI");
        println!("skipped: WMI_CAPTURES=none");
        return None;
    }
    Some(Path::new(&folder).join(name))
}

fn decode(file: &Path, more: &[&str], password: Option<&str>) -> Finished {
    let mut command = wmi(["decode", file.to_str().expect("UTF-8")]);
    command.args(more);
    if let Some(password) = password {
        command.env("WMI_PASSWORD", password);
    }
    run(command)
}

#[test]
fn every_message_is_a_line() {
    let Some(file) = capture("elcab_wmi_query.pcap") else { return };
    let finished = decode(&file, &["-o", "jsonl"], None).exits(0);
    let lines = finished.lines();
    assert_eq!((lines.len(), finished.stderr.as_str()), (48, ""));
    for line in &lines {
        for key in ["frame", "stream", "interface", "operation", "opnum", "kind", "auth_level", "state", "verified"]
            .into_iter()
            .chain(["status", "objects"])
        {
            assert!(line.get(key).is_some(), "{key} is not in {line}");
        }
    }
    let fault = lines.iter().find(|line| line["kind"] == "fault").expect("a fault");
    assert_eq!(
        (&fault["interface"], &fault["operation"]),
        (&"IRemoteSCMActivator".into(), &"RemoteCreateInstance".into())
    );
    assert_eq!((&fault["frame"], &fault["status"], &fault["state"]), (&17.into(), &5.into(), &"clear".into()));
    let class = lines.iter().find(|line| line["kind"] == "response" && line["operation"] == "GetObject");
    let object = &class.expect("a GetObject")["objects"][0];
    assert_eq!((&object["class"], &object["genus"]), (&"Win32_Process".into(), &"class".into()));
    assert!(object["properties"].as_object().is_some_and(|p| p.contains_key("CommandLine")));
    let table = decode(&file, &["-o", "table"], None).exits(0);
    assert_eq!(table.stdout.lines().count(), 48);
    assert!(table.stdout.contains("IWbemServices::GetObject (clear) S_OK (0x0), 1 object"), "{}", table.stdout);
}

#[test]
fn a_password_unseals_and_verifies() {
    let Some(file) = capture("foreign_lab/impacket_privacy_next.pcapng") else { return };
    let calls = |finished: &Finished, state: &str, verified: Value| {
        let calls = finished.lines().into_iter().filter(|line| line["state"] == state && line["verified"] == verified);
        calls.filter(|line| line["kind"] == "request" || line["kind"] == "response").count()
    };
    let open = decode(&file, &["--user", r"ACME\monitor"], Some(LAB_PASSWORD)).exits(0);
    assert_eq!((calls(&open, "unsealed", true.into()), calls(&open, "clear", true.into())), (6, 60));
    assert_eq!(open.stderr, "");
    let rows = |finished: &Finished| -> usize {
        finished.lines().iter().filter_map(|line| line["objects"].as_array()).map(Vec::len).sum()
    };
    assert_eq!(rows(&open), 307);
    for (user, password, why) in
        [(r"ACME\monitor", "wrong", "wrong password"), ("other", LAB_PASSWORD, "not the account given with --user")]
    {
        let closed = decode(&file, &["--user", user], Some(password)).exits(0).says(&[why, "6 sealed messages"]);
        assert_eq!((calls(&closed, "sealed", Value::Null), calls(&closed, "clear", Value::Null)), (6, 60));
        assert_eq!(rows(&closed), 307, "signed stubs are read in clear");
    }
    let mut by_hash = wmi(["decode", file.to_str().expect("UTF-8"), "--user", r"ACME\monitor"]);
    by_hash.env("WMI_NT_HASH", "24d9c99595080b241b3b4eb0cba8d8f4");
    let by_hash = run(by_hash).exits(0);
    assert_eq!(by_hash.stdout, open.stdout, "the NT hash opens what the password opens");
    // Without an account nobody asks for a password, whatever the environment says.
    let unasked = decode(&file, &[], None).exits(0).says(&["120 messages; 6 sealed messages"]);
    assert_eq!(unasked.lines().len(), 120);
    decode(&file, &["--user", "monitor"], None).exits(2).says(&["no password"]);
}

#[test]
fn a_file_that_is_cut_off_is_printed_as_far_as_it_goes() {
    let folder = tempfile::tempdir().expect("a folder");
    let cut = folder.path().join("cut.pcap");
    for name in ["elcab_wmi_query.pcap", "foreign_lab/pyspnego_mic.pcapng"] {
        let Some(file) = capture(name) else { return };
        let data = fs::read(&file).expect("a capture");
        let all = decode(&file, &[], None).exits(0).stdout;
        for length in [1, 20, 30, 100, data.len() / 3, data.len() / 2 + 1, data.len() - 1] {
            fs::write(&cut, &data[..length]).expect("to write");
            let finished = decode(&cut, &[], None).exits(1).says(&["cut.pcap"]);
            assert!(all.starts_with(&finished.stdout), "{length} octets: {finished:#?}");
            assert!(length < 10_000 || !finished.stdout.is_empty(), "{length} octets: {finished:#?}");
        }
    }
}

#[test]
fn what_is_no_capture_is_named() {
    let folder = tempfile::tempdir().expect("a folder");
    for (content, why) in [(&b""[..], "the file is empty"), (b"This is no capture.", "no pcap or pcapng file")] {
        for name in ["bad.pcap", "bad.pcapng"] {
            let file = folder.path().join(name);
            fs::write(&file, content).expect("to write");
            let finished = decode(&file, &[], None).exits(1).in_one_message().says(&[name, why]);
            assert_eq!(finished.stdout, "");
        }
    }
    decode(&folder.path().join("missing.pcap"), &[], None).exits(1).says(&["missing.pcap", "reading"]);
}

/// The frames of a little-endian pcap file.
fn frames(data: &[u8]) -> (&[u8], Vec<&[u8]>) {
    let (header, mut rest) = data.split_at(24);
    let mut frames = Vec::new();
    while let Some(length) = rest.get(8..12) {
        let length = u32::from_le_bytes(length.try_into().expect("four octets")) as usize;
        let (frame, tail) = rest.split_at(16 + length);
        frames.push(frame);
        rest = tail;
    }
    (header, frames)
}

#[test]
fn holes_are_counted_and_no_failure() {
    let Some(file) = capture("elcab_wmi_query.pcap") else { return };
    let data = fs::read(&file).expect("a capture");
    let (header, frames) = frames(&data);
    let folder = tempfile::tempdir().expect("a folder");
    let holed = folder.path().join("holed.pcap");
    // Frame 33 is a request, 64 the first part of a long answer.
    for lost in [33, 64] {
        let rest = frames.iter().enumerate().filter(|(index, _)| index + 1 != lost).map(|(_, frame)| *frame);
        fs::write(&holed, std::iter::once(header).chain(rest).collect::<Vec<_>>().concat()).expect("to write");
        let finished = decode(&holed, &[], None).exits(0).says(&["missing before this", "1 hole"]);
        let lines = finished.lines();
        assert!((45..48).contains(&lines.len()), "{} lines without frame {lost}", lines.len());
        assert!(lines.iter().all(|line| line.get("error").is_none()), "{finished:#?}");
    }
}

/// A sealed session of ours, captured by the program.
fn sealed_session(folder: &Path) -> Vec<u8> {
    let host = host_with(20, &[]);
    let file = folder.join("whole.pcap");
    let more = ["-o", "jsonl", "--auth-level", "privacy", "--capture", file.to_str().expect("UTF-8")];
    run(query(host.activator_addr(), "SELECT * FROM Sim_Many", &more)).exits(0);
    fs::read(file).expect("a capture")
}

/// Whether frames carry octets behind IP and TCP, which have no options in what we write.
fn carries(frame: &[u8]) -> bool {
    frame.len() > 16 + 40
}

#[test]
fn every_segment_may_be_lost() {
    let folder = tempfile::tempdir().expect("a folder");
    let data = sealed_session(folder.path());
    let (header, frames) = frames(&data);
    let whole = decode(&folder.path().join("whole.pcap"), &["--user", ACCOUNT], Some(DEFAULT_PASSWORD)).exits(0);
    let told = |line: &Value| {
        let keys = ["source", "destination", "kind", "call_id", "operation", "objects"];
        keys.map(|key| line[key].to_string()).join(" ")
    };
    let all: Vec<String> = whole.lines().iter().map(told).collect();
    let holed = folder.path().join("holed.pcap");
    for (lost, frame) in frames.iter().enumerate().filter(|(_, frame)| carries(frame)) {
        let rest = frames.iter().enumerate().filter(|(index, _)| *index != lost).map(|(_, frame)| *frame);
        fs::write(&holed, std::iter::once(header).chain(rest).collect::<Vec<_>>().concat()).expect("to write");
        let finished = decode(&holed, &["--user", ACCOUNT], Some(DEFAULT_PASSWORD)).exits(0);
        let missing = format!("{} missing octets", frame.len() - 56);
        let finished = finished.says(&["missing before this", "1 hole", &missing]);
        let lines = finished.lines();
        assert!(lines.len() < all.len() && lines.len() + 4 >= all.len(), "{} lines without frame {lost}", lines.len());
        let sealed = lines.iter().filter(|line| line["state"] == "sealed").count();
        assert!(sealed == 0 || finished.stderr.contains("sealed message"), "{finished:#?}");
        for line in &lines {
            assert_ne!(line["verified"], false, "nothing was changed: {line}");
            // What has no key any more is not read, and what is read is what was sent.
            let readable = line["state"] != "sealed" && !line["operation"].is_null();
            assert!(!readable || all.contains(&told(line)), "without frame {lost}: {line}");
        }
    }
}

#[test]
fn a_capture_may_start_in_mid_session() {
    let folder = tempfile::tempdir().expect("a folder");
    let data = sealed_session(folder.path());
    let (header, frames) = frames(&data);
    let late = folder.path().join("late.pcap");
    let all = decode(&folder.path().join("whole.pcap"), &[], None).exits(0).lines().len();
    let carrying: Vec<usize> = (0..frames.len()).filter(|index| carries(frames[*index])).collect();
    let (mut last, mut counts) = (all, Vec::new());
    for first in carrying.iter().skip(1) {
        let rest = frames[*first..].iter().copied();
        fs::write(&late, std::iter::once(header).chain(rest).collect::<Vec<_>>().concat()).expect("to write");
        let finished = decode(&late, &["--user", ACCOUNT], Some(DEFAULT_PASSWORD)).exits(0);
        let lines = finished.lines();
        assert!((1..=last).contains(&lines.len()), "{} lines from frame {first} on", lines.len());
        assert!(lines.iter().all(|line| line["verified"] != false && line.get("error").is_none()), "{finished:#?}");
        assert!(finished.stderr.contains("the start of the stream is missing"), "{finished:#?}");
        assert!(finished.stderr.contains("missing start"), "{finished:#?}");
        last = lines.len();
        counts.push(lines.iter().filter(|line| line["state"] == "sealed").count());
    }
    // The first connection's keys are lost first, then those of the second, which has most of the calls.
    assert!(counts.iter().max() > counts.first(), "{counts:?}");
}

#[test]
fn a_session_of_ours_is_captured_and_read() {
    let folder = tempfile::tempdir().expect("a folder");
    let host = host_with(200, &[]);
    for (level, mechanism) in
        [("integrity", "ntlm"), ("privacy", "ntlm"), ("integrity", "negotiate"), ("privacy", "negotiate")]
    {
        let file = folder.path().join(format!("{level}_{mechanism}.pcap"));
        let path = file.to_str().expect("UTF-8");
        let more = ["-o", "jsonl", "--auth-level", level, "--auth-mechanism", mechanism, "--capture", path];
        let queried = run(query(host.activator_addr(), "SELECT * FROM Sim_Many", &more)).exits(0);
        let read = decode(&file, &["--user", ACCOUNT], Some(DEFAULT_PASSWORD)).exits(0);
        assert_eq!(read.stderr, "", "{level} {mechanism}");
        let lines = read.lines();
        // Every row is in the capture with the values that were printed.
        let objects = lines.iter().filter_map(|line| line["objects"].as_array()).flatten();
        let rows: Vec<&Value> = objects.filter(|o| o["class"] == "Sim_Many").map(|o| &o["properties"]).collect();
        assert_eq!(rows, queried.lines().iter().collect::<Vec<_>>(), "{level} {mechanism}");
        let calls = |kind: &str| lines.iter().filter(|line| line["kind"] == kind).collect::<Vec<_>>();
        let (requests, responses) = (calls("request"), calls("response"));
        assert!(requests.len() >= 5 && responses.len() == requests.len(), "{} requests", requests.len());
        let state = if level == "privacy" { "unsealed" } else { "clear" };
        let authenticated = |line: &&&Value| line["auth_level"].as_u64() >= Some(5);
        for line in requests.iter().chain(&responses).filter(authenticated) {
            assert_eq!((&line["state"], &line["verified"]), (&state.into(), &true.into()), "{line}");
        }
        for operation in ["RemoteCreateInstance", "NTLMLogin", "ExecQuery", "Next", "RemRelease"] {
            assert!(requests.iter().any(|line| line["operation"] == operation), "no {operation}");
        }
        let wrong = decode(&file, &["--user", ACCOUNT], Some("wrong")).exits(0).says(&["wrong password"]);
        assert!(wrong.lines().iter().all(|line| line["verified"].is_null()));
    }
    let unwritable = folder.path().join("missing/x.pcap");
    let more = ["--capture", unwritable.to_str().expect("UTF-8")];
    run(query(host.activator_addr(), "SELECT * FROM Sim_Many", &more))
        .exits(1)
        .says(&["the capture cannot be written"]);
}

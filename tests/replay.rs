//! Captured sessions of the client, replayed: in one piece, cut at every octet, and with changed octets.

#[path = "replay/sessions.rs"]
mod sessions;

use std::fs;
use std::num::NonZeroUsize;
use std::path::PathBuf;
use std::time::Duration;

use wmi_capture::Account;
use wmi_capture::replay::{Contrast, Cut, Recording, Refusal, Stop};
use wmi_proto::{AuthLevel, Enumerator, Event, Mechanism, Query, QueryId, Row, Secret};
use wmi_sim::{Fault, HostConfig};
use wmi_testkit::{OBJECT_PORT, Pair, config};

use crate::sessions::{KEPT, Recorded};

fn account() -> Account {
    Account::new("ACME\\monitor", Secret::from(wmi_sim::DEFAULT_PASSWORD))
}

/// The capture must replay to its end and bring `rows`, however the octets of the host are cut.
#[track_caller]
fn replays(pcap: &[u8], rows: &[Row], case: &str) {
    let recording = Recording::read(pcap, &account()).unwrap_or_else(|refusal| panic!("{case}: {refusal}"));
    for cut in [Cut::Captured, Cut::Whole, Cut::Every(NonZeroUsize::MIN)] {
        let replay = recording.replay(cut);
        assert_eq!(replay.end, Ok(()), "{case}, {cut:?}");
        let replayed: Vec<Row> = replay.queries.into_iter().flat_map(|query| query.rows).collect();
        assert!(replayed == rows, "{case}, {cut:?}: {} rows instead of {}", replayed.len(), rows.len());
    }
}

/// Every way in which a host can behave, with two queries one after the other: octets as captured, and all rows.
#[test]
fn sessions_with_every_kind_of_host_replay() {
    // A pair's recorder knows one port of objects only, and a second process has its own.
    for fault in Fault::ALL.iter().filter(|fault| **fault != Fault::SecondExporter) {
        for (level, enumerator) in [
            (AuthLevel::Privacy, Enumerator::Auto),
            (AuthLevel::Privacy, Enumerator::Next),
            (AuthLevel::Integrity, Enumerator::Smart),
        ] {
            let mut config = config();
            config.auth_level = level;
            let mut recorded = Recorded::new(config, HostConfig::new(OBJECT_PORT).rows(40).faults([*fault]));
            let query = Query::new("SELECT * FROM Sim_Many").enumerator(enumerator);
            let mut rows = Vec::new();
            for (max, timeout) in [(1000, Duration::from_millis(5300)), (5, Duration::from_secs(30))] {
                if let Ok(id) = recorded.pair.try_exec(query.clone().timeout(timeout)) {
                    rows.extend(recorded.pair.finish(id, max).rows);
                }
            }
            // How it ends is not the point.
            let _ = recorded.pair.finish_session();
            if recorded.pair.host.stats().calls_of("IRemoteSCMActivator::RemoteCreateInstance") > 1 {
                let refusal = Recording::read(&recorded.pcap()[..], &account()).err();
                assert!(matches!(refusal, Some(Refusal::EstablishedAgain { .. })), "{fault}: {refusal:?}");
                continue;
            }
            replays(&recorded.pcap(), &rows, &format!("{fault}, {level:?}, {enumerator:?}"));
        }
    }
}

/// The same with log-ons by SPNEGO, whose mechListMICs come before the first call.
#[test]
fn sessions_that_were_negotiated_replay() {
    let faults: [&[Fault]; 6] = [
        &[],
        &[Fault::NoKeyExch],
        &[Fault::NoTimestamp],
        &[Fault::LazyInterfaces],
        &[Fault::CutMidReply],
        &[Fault::BindNak],
    ];
    for level in [AuthLevel::Privacy, AuthLevel::Integrity] {
        for faults in faults {
            let mut config = config();
            (config.auth_level, config.mechanism) = (level, Mechanism::Negotiate);
            let mut recorded =
                Recorded::new(config, HostConfig::new(OBJECT_PORT).rows(40).faults(faults.iter().copied()));
            let rows = recorded.pair.run(Query::new("SELECT * FROM Sim_Many"), 1000).rows;
            let _ = recorded.pair.finish_session();
            if recorded.pair.client.stats().losses == 0 {
                replays(&recorded.pcap(), &rows, &format!("{faults:?}, {level:?}"));
            }
        }
    }
}

/// A result long enough for a smart enumerator in its middle, on hosts that refuse it in every way, that give it an index
/// of its own or that take their time; also of a query that reads ahead.
#[test]
fn sessions_that_go_over_in_the_middle_replay() {
    let faults = [
        &[][..],
        &[Fault::SeparateIndex],
        &[Fault::SeparateIndex, Fault::TimedOutBatches],
        &[Fault::RefuseSmartCall],
        &[Fault::RefuseSmartItem],
        &[Fault::ShortBatches],
        &[Fault::SlowFirstRow],
        &[Fault::LazyInterfaces, Fault::NoMpx],
        &[Fault::InterleaveFragments, Fault::Fragment1024],
    ];
    for faults in faults {
        for prefetch in [false, true] {
            let host = HostConfig::new(OBJECT_PORT).rows(500).faults(faults.iter().copied());
            let mut recorded = Recorded::new(config(), host);
            let query = Query::new("SELECT Id, Name FROM Sim_Many").prefetch(prefetch);
            let mut rows = Vec::new();
            for (max, timeout) in [(1000, Duration::from_millis(20_400)), (50, Duration::from_secs(30))] {
                let id = recorded.pair.exec(query.clone().timeout(timeout));
                rows.extend(recorded.pair.finish(id, max).rows);
            }
            assert_eq!((rows.len(), recorded.pair.finish_session()), (1000, Ok(())), "{faults:?}");
            replays(&recorded.pcap(), &rows, &format!("{faults:?}, ahead: {prefetch}"));
        }
    }
}

/// The next rows of a query.
fn batch(pair: &mut Pair, id: QueryId, max: u32) -> Vec<Row> {
    assert!(pair.fetch(id, max), "a fetch");
    loop {
        match pair.next_event() {
            Some(Event::Batch { query, rows }) if query == id => return rows,
            Some(Event::QueryDone { outcome, .. }) => panic!("{outcome:?}"),
            Some(_) => {}
            None => panic!("no rows"),
        }
    }
}

/// Back, over objects, and copies, with both enumerators and a deadline that comes near.
#[test]
fn moves_and_copies_of_queries_replay() {
    for enumerator in [Enumerator::Auto, Enumerator::Next] {
        for timeout in [Duration::from_secs(30), Duration::from_millis(2500)] {
            let mut recorded = Recorded::new(config(), HostConfig::new(OBJECT_PORT).rows(9));
            let pair = &mut recorded.pair;
            let query = Query::new("SELECT Id FROM Sim_Many").enumerator(enumerator).timeout(timeout);
            let id = pair.exec(query.forward_only(false));
            let mut of_first = batch(pair, id, 4);
            pair.advance(Duration::from_millis(600));
            let copy = pair.clone_query(id).expect("a copy");
            pair.skip(id, 2).expect("skipped");
            of_first.extend(batch(pair, id, 2));
            pair.advance(Duration::from_millis(600));
            let mut of_copy = batch(pair, copy, 3);
            pair.reset(id).expect("back");
            of_first.extend(batch(pair, id, 5));
            pair.advance(Duration::from_millis(600));
            of_copy.extend(batch(pair, copy, 2));
            let _ = pair.finish_session();
            assert_eq!((of_first.len(), of_copy.len()), (11, 5));
            of_first.extend(of_copy);
            replays(&recorded.pcap(), &of_first, &format!("{enumerator:?}, {timeout:?}"));
        }
    }
}

/// The file of a kept session.
fn file(name: &str) -> PathBuf {
    let folder = PathBuf::from(concat!(env!("CARGO_MANIFEST_DIR"), "/../../tests/data/captures"));
    folder.join(name).with_extension("pcap")
}

fn kept(name: &str) -> Vec<u8> {
    let path = file(name);
    fs::read(&path).unwrap_or_else(|error| panic!("{}: {error}; UPDATE_CAPTURES=1 makes it", path.display()))
}

/// The captures are what the sessions that are described in code come to, octet for octet.
#[test]
fn kept_captures_are_up_to_date() {
    for session in &KEPT {
        let (pcap, rows) = session.run();
        if std::env::var_os("UPDATE_CAPTURES").is_some() {
            fs::write(file(session.name), &pcap).expect("the capture is written");
        }
        assert!(kept(session.name) == pcap, "{} is out of date: UPDATE_CAPTURES=1 makes it anew", session.name);
        replays(&pcap, &rows, session.name);
    }
}

/// One cut at a time, behind every octet of the host; of long sessions behind some 400 of a stream.
#[test]
fn kept_captures_replay_with_a_cut_at_any_octet() {
    for session in &KEPT {
        let pcap = kept(session.name);
        let recording = Recording::read(&pcap[..], &account()).expect("a session");
        let whole = recording.replay(Cut::Whole).queries;
        for (stream, octets) in recording.heard() {
            for offset in (1..octets).step_by(if every_octet() { 1 } else { octets / 400 + 1 }) {
                let cut = Cut::At { stream, offset };
                let replay = recording.replay(cut);
                assert_eq!(replay.end, Ok(()), "{} {cut:?}", session.name);
                let rows =
                    |of: &[wmi_capture::replay::Replayed]| of.iter().flat_map(|q| q.rows.clone()).collect::<Vec<_>>();
                assert!(rows(&replay.queries) == rows(&whole), "{} {cut:?}", session.name);
            }
        }
    }
}

/// Whether to try each octet where otherwise some of them must do.
fn every_octet() -> bool {
    std::env::var_os("WMI_EVERY_OCTET").is_some()
}

/// An octet of the payload of a captured segment.
struct Place {
    at: usize,
    from_client: bool,
    stream: u32,
    /// Octets of that end of the stream before it.
    offset: usize,
    /// PDUs of that end of the stream before the one it belongs to.
    pdu: usize,
}

/// All octets that went over the connections of a capture, which has two at most.
fn places(pcap: &[u8]) -> Vec<Place> {
    const FILE_HEADER: usize = 24;
    const RECORD_HEADER: usize = 16;
    const IP_AND_TCP: usize = 40;
    let number = |at: usize| u32::from_le_bytes(pcap[at..at + 4].try_into().expect("four octets")) as usize;
    let (mut places, mut record) = (Vec::new(), FILE_HEADER);
    // Of each end of each stream: octets so far, PDUs so far, and the length of the last one as far as it is known.
    let mut ends = [[(0, 0, Vec::new()), (0, 0, Vec::new())], [(0, 0, Vec::new()), (0, 0, Vec::new())]];
    while record < pcap.len() {
        let (packet, length) = (record + RECORD_HEADER, number(record + 8));
        let port = |at: usize| u16::from_be_bytes([pcap[packet + at], pcap[packet + at + 1]]);
        let (source, destination) = (port(20), port(22));
        let from_client = source >= 50_000;
        let stream = u32::from(source.min(destination) != 135);
        let (offset, pdu, octets) = &mut ends[stream as usize][usize::from(from_client)];
        for (at, octet) in pcap.iter().enumerate().take(packet + length).skip(packet + IP_AND_TCP) {
            places.push(Place { at, from_client, stream, offset: *offset, pdu: *pdu });
            *offset += 1;
            octets.push(*octet);
            if octets.len() >= 10 && octets.len() == usize::from(u16::from_le_bytes([octets[8], octets[9]])) {
                *pdu += 1;
                octets.clear();
            }
        }
        record = packet + length;
    }
    places
}

/// A changed octet of the client is found in its PDU, and mostly at its place: only where a recovered value was changed
/// (an identifier, a text, a random number) it is the signature, MIC or proof over it that tells.
#[test]
fn a_changed_octet_of_the_client_is_found_and_named() {
    let (mut tried, mut exact) = (0, 0);
    for session in &KEPT {
        let pcap = kept(session.name);
        let client: Vec<Place> = places(&pcap).into_iter().filter(|place| place.from_client).collect();
        for (n, place) in client.iter().enumerate().step_by(if every_octet() { 1 } else { 19 }) {
            let mut changed = pcap.clone();
            changed[place.at] ^= 1 << (n % 8);
            let case = format!("{}, stream {}, offset {}", session.name, place.stream, place.offset);
            let recording = match Recording::read(&changed[..], &account()) {
                Ok(recording) => recording,
                Err(refusal) => panic!("{case}: {refusal}"),
            };
            let end = recording.replay(Cut::Captured).end;
            let Err(Stop::Differs(difference)) = end else { panic!("{case}: {end:?}") };
            assert_eq!((difference.stream, difference.pdu), (place.stream, place.pdu), "{case}: {difference}");
            assert!(!difference.field.is_empty() && difference.frame.is_some(), "{case}: {difference}");
            tried += 1;
            exact += u32::from(difference.offset == place.offset);
        }
    }
    println!("{tried} changed octets, {exact} found at their place");
    assert!(tried > 500 && exact * 10 > tried * 6, "{exact} of {tried}");
}

/// A changed octet of the host never replays.
#[test]
fn a_changed_octet_of_the_host_is_found() {
    for session in &KEPT {
        let pcap = kept(session.name);
        let host: Vec<Place> = places(&pcap).into_iter().filter(|place| !place.from_client).collect();
        for (n, place) in host.iter().enumerate().step_by(if every_octet() { 1 } else { 53 }) {
            let mut changed = pcap.clone();
            changed[place.at] ^= 1 << (n % 8);
            if let Ok(recording) = Recording::read(&changed[..], &account()) {
                let case = format!("{}, stream {}, offset {}", session.name, place.stream, place.offset);
                assert!(recording.replay(Cut::Captured).end.is_err(), "{case}");
            }
        }
    }
}

/// A capture that is cut off replays as far as it goes, and says so.
#[test]
fn a_capture_that_is_cut_off_says_so() {
    for session in &KEPT {
        let pcap = kept(session.name);
        let (_, rows) = session.run();
        for length in (0..pcap.len()).step_by(if every_octet() { 1 } else { 197 }) {
            let Ok(recording) = Recording::read(&pcap[..length], &account()) else { continue };
            let replay = recording.replay(Cut::Captured);
            // Between two frames nothing shows that there were more, unless the client had more to say.
            let expected = matches!(&replay.end, Ok(()) | Err(Stop::File(_)))
                || matches!(&replay.end, Err(Stop::Differs(difference)) if difference.what == Contrast::Talkative);
            assert!(expected, "{}, {length} octets: {:?}", session.name, replay.end);
            let replayed: Vec<Row> = replay.queries.into_iter().flat_map(|query| query.rows).collect();
            let known = replayed.iter().all(|row| rows.contains(row));
            assert!(known, "{}, {length} octets: rows that there were not", session.name);
        }
    }
}

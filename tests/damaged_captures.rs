//! Captured sessions of ours that were damaged on the way: every frame lost, repeated, late and cut, octets changed, the
//! file cut at every octet. Whatever is told as verified was sent, and what was only lost is not told as tampered with.

use wmi_capture::{Account, Capture, Event, FileError, Message, State};
use wmi_proto::Secret;
use wmi_sim::DEFAULT_PASSWORD;
use wmi_testkit::oracles::capture::{self, Damage, frame_sizes};

/// What the options octet of the oracle says: the right password.
const RIGHT: u8 = 2;

fn read(file: &[u8], password: &str) -> Vec<Event> {
    Capture::open(file, Some(Account::new("ACME\\monitor", Secret::from(password)))).collect()
}

fn messages(events: &[Event]) -> Vec<&Message> {
    events.iter().filter_map(|e| if let Event::Message(message) = e { Some(&**message) } else { None }).collect()
}

/// Every session with every frame of it.
fn frames() -> impl Iterator<Item = (u8, u8, usize)> {
    frame_sizes().into_iter().zip(0..).flat_map(|(sizes, session)| {
        assert!((30..=255).contains(&sizes.len()), "{} frames", sizes.len());
        sizes.into_iter().zip(0..).map(move |(size, frame)| (session, frame, size))
    })
}

#[test]
fn every_frame_lost_repeated_late_and_cut() {
    for (session, frame, size) in frames() {
        let half = u8::try_from(size / 2 % 256).unwrap_or(0);
        for damage in [
            Damage::Lose.at(frame, 0),
            Damage::Repeat.at(frame, 2),
            Damage::Move.at(frame, 1),
            Damage::Move.at(frame, 5),
            Damage::Move.at(frame, 30),
            Damage::Cut.at(frame, half.into()),
        ] {
            capture::frames(&[&[session, RIGHT][..], &damage].concat());
        }
    }
}

#[test]
fn a_frame_that_is_lost_costs_what_it_carried_and_is_missed() {
    for (session, sizes) in (0..).zip(frame_sizes()) {
        let whole = read(&capture::damaged_file(&[session]), DEFAULT_PASSWORD);
        for (frame, size) in (0..).zip(&sizes) {
            let events = read(&capture::damaged_file(&[&[session], &Damage::Lose.at(frame, 0)[..]].concat()), "wrong");
            let lost = messages(&whole).len() - messages(&events).len();
            let missing = events.iter().any(|event| matches!(event, Event::Missing { .. }));
            // Without a payload only a SYN is missed. The others are no part of a message.
            if *size > 40 {
                assert!((1..=4).contains(&lost), "frame {frame} of session {session} cost {lost} messages");
                assert!(missing, "frame {frame} of session {session} is not missed");
            } else {
                assert_eq!(lost, 0, "frame {frame} of session {session}");
            }
        }
    }
}

#[test]
fn every_ninth_octet_changed() {
    for (session, frame, size) in frames() {
        for (octet, bit) in (0..size).skip(usize::from(frame) % 9).step_by(9).zip((0..8).cycle()) {
            let damage = Damage::Change(bit).at(frame, u16::try_from(octet).unwrap_or(0));
            capture::frames(&[&[session, RIGHT][..], &damage].concat());
        }
    }
}

#[test]
fn a_change_costs_the_signature_of_its_message_and_of_no_other() {
    for (session, frame, size) in frames() {
        let file = |damages: &[u8]| read(&capture::damaged_file(&[&[session], damages].concat()), DEFAULT_PASSWORD);
        let whole = file(&[]);
        let signed =
            |events: &[Event], right| messages(events).iter().filter(|message| message.verified == Some(right)).count();
        let is_call = |m: &&Message| m.at.frame == u64::from(frame) + 1 && m.verified == Some(true);
        let Some(call) = messages(&whole).into_iter().find(is_call) else { continue };
        // The checksum ends four octets before the end. The stub begins behind the header, the numbers and, in a request, the UUID of an object.
        let stub = 40 + if call.kind() == "request" && call.object.is_some() { 40 } else { 24 };
        for octet in [stub, stub + 4, size - 6] {
            let events = file(&Damage::Change(3).at(frame, u16::try_from(octet).unwrap_or(0)));
            assert_eq!(signed(&events, false), 1, "octet {octet} of frame {frame} in session {session}");
            assert_eq!(signed(&events, true), signed(&whole, true) - 1, "octet {octet} of frame {frame} in {session}");
        }
    }
}

#[test]
fn cut_at_every_octet() {
    let file = capture::damaged_file(&[1]);
    let whole = read(&file, DEFAULT_PASSWORD);
    let all = messages(&whole);
    let (mut between, mut last) = (0, 0);
    for length in 0..file.len() {
        let events = read(&file[..length], DEFAULT_PASSWORD);
        let found = messages(&events);
        assert!(found.iter().zip(&all).all(|(found, whole)| found == whole), "{length} octets");
        assert!(found.len() >= last, "{length} octets");
        last = found.len();
        let stopped: Vec<_> = events.iter().filter(|e| matches!(e, Event::Stopped(_))).collect();
        match (length, &stopped[..]) {
            (0, [Event::Stopped(FileError::Empty)]) | (1..4, [Event::Stopped(FileError::NoCapture)]) => {}
            (4.., [Event::Stopped(FileError::CutOff(_))]) => {}
            (24.., []) => between += 1,
            (length, other) => panic!("{length} octets: {other:?}"),
        }
    }
    assert_eq!(between, frame_sizes()[1].len(), "cuts between two frames");
    assert!(last + 1 >= all.len(), "the last octet completes at most one message");
}

#[test]
fn a_wrong_password_opens_and_verifies_nothing() {
    for session in 0..4 {
        let events = read(&capture::damaged_file(&[session]), "wrong");
        let calls = messages(&events);
        assert!(calls.iter().all(|message| message.verified.is_none() && message.state != State::Unsealed));
        let refused = events.iter().filter(|e| matches!(e, Event::LogOn { outcome: Err(_), .. })).count();
        assert!(refused >= 2, "{refused} log-ons");
        let sealed = calls.iter().filter(|message| message.state == State::Sealed).count();
        let objects: usize = calls.iter().map(|message| message.objects.len()).sum();
        // Sessions 0 and 2 are sealed, the others signed only.
        assert_eq!((sealed > 0, objects > 0), (session % 2 == 0, session % 2 == 1), "session {session}");
    }
}

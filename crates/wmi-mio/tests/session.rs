//! What the blocking session offers beyond the driving loop: rows, deadlines of the caller, interruption, the goodbye.

use std::io::ErrorKind as IoErrorKind;
use std::net::{Ipv4Addr, SocketAddr, TcpListener};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::thread;
use std::time::{Duration, Instant};

use wmi_mio::{Session, SessionError, Tap};
use wmi_proto::{
    Client, CommandError, Config, Credentials, ErrorKind, Event, ExecMethod, GetObject, Query, Secret, TransportId,
};
use wmi_sim::{Fault, HostConfig};
use wmi_testkit::conformance::{config, start};

#[test]
fn rows_come_one_by_one_and_tell_how_the_query_ended() {
    let server = start(HostConfig::new(0).rows(2_500));
    let mut session = Session::connect(config(&server)).unwrap();
    let mut rows = session.query(many()).unwrap();
    let mut count = 0;
    for row in rows.by_ref() {
        assert!(row.unwrap().is_ok());
        count += 1;
    }
    assert_eq!((count, rows.completion().unwrap().rows), (2_500, 2_500));
    assert!(rows.next().is_none(), "over is over");
    drop(rows);
    session.close().unwrap();
    assert!(session.is_closed());
    assert_eq!(session.next_event().unwrap(), None);
    assert_eq!(session.query(many()).unwrap_err(), CommandError::Closed);
    session.close().unwrap();
}

#[test]
fn rows_of_a_query_that_can_be_reset_end_too() {
    for rows in [1, 16, 100] {
        let server = start(HostConfig::new(0).rows(rows));
        let mut session = Session::connect(config(&server)).unwrap();
        let mut found = session.query(many().forward_only(false)).unwrap();
        assert_eq!(found.by_ref().filter(|row| matches!(row, Ok(Ok(_)))).count(), rows as usize);
        assert_eq!(found.completion().unwrap().rows, u64::from(rows));
        drop(found);
        session.close().unwrap();
    }
}

#[test]
fn rows_that_are_dropped_cancel_their_query() {
    let server = start(HostConfig::new(0).rows(5_000));
    let mut session = Session::connect(config(&server)).unwrap();
    assert!(session.query(many()).unwrap().next().unwrap().is_ok());
    // Whatever has rows would be cut off again.
    assert!(session.get_object(GetObject::new("Win32_Service")).unwrap().is_some());
    // Nothing is heard of the cancelled query any more.
    session.command(Client::close);
    while let Some(event) = session.next_event().unwrap() {
        assert_eq!(event.query(), None, "{event:?}");
    }
    let deadline = Instant::now() + Duration::from_secs(10);
    while server.alive_objects() > 0 {
        assert!(Instant::now() < deadline, "{} objects are left", server.alive_objects());
        thread::sleep(Duration::from_millis(5));
    }
}

#[test]
fn objects_and_methods_are_answered_and_a_wait_that_is_ended_gives_the_call_up() {
    let server = start(HostConfig::new(0).rows(10));
    let mut session = Session::connect(config(&server)).unwrap();
    let object = session.get_object(GetObject::new("Sim_Methods.Name=\"first\"")).unwrap().unwrap();
    assert_eq!(object.get("Name").unwrap().unwrap(), "first".into());
    let repeat = ExecMethod::new("Sim_Methods", "Repeat").parameter("Text", "ab").parameter("Times", 3);
    let reply = session.exec_method(repeat).unwrap().unwrap();
    assert_eq!(reply.get("ReturnValue").unwrap().unwrap(), "ababab".into());
    assert!(session.exec_method(ExecMethod::new("Sim_Methods", "Nothing")).unwrap().is_none());
    let Err(SessionError::Failed(error)) = session.get_object(GetObject::new("No_Such_Class")) else { panic!("none") };
    assert_eq!(error.code_name(), Some("WBEM_E_NOT_FOUND"));
    let path = session.get_object(GetObject::new("Class.Key=\"open"));
    assert!(matches!(path, Err(SessionError::Command(CommandError::BadPath(_)))));

    session.waker().wake().unwrap();
    let sleep = ExecMethod::new("Sim_Methods", "Sleep").parameter("Milliseconds", 200);
    let Err(SessionError::Io(error)) = session.exec_method(sleep) else { panic!("it was to be interrupted") };
    assert_eq!(error.kind(), IoErrorKind::Interrupted);
    assert_eq!(session.query(many()).unwrap().filter(Result::is_ok).count(), 10);
    // Nothing is heard of the call that was given up.
    session.command(Client::close);
    while let Some(event) = session.next_event().unwrap() {
        assert_eq!(event.call(), None, "{event:?}");
    }
}

#[test]
fn a_query_that_fails_says_so_once_and_leaves_the_session() {
    let server = start(HostConfig::new(0).rows(10));
    let mut session = Session::connect(config(&server)).unwrap();
    let mut rows = session.query(Query::new("SELECT * FROM No_Such_Class")).unwrap();
    let Some(Err(SessionError::Failed(error))) = rows.next() else { panic!("it must fail") };
    assert_eq!(error.code_name(), Some("WBEM_E_INVALID_CLASS"));
    assert!(rows.next().is_none());
    drop(rows);
    assert_eq!(session.query(many()).unwrap().filter(Result::is_ok).count(), 10);
}

#[test]
fn a_session_that_broke_is_found_again_by_the_next_command() {
    let server = start(HostConfig::new(0).rows(5_000).faults([Fault::CutMidReply]));
    let mut session = Session::connect(config(&server)).unwrap();
    let last = session.query(many()).unwrap().last();
    let Some(Err(SessionError::Failed(error))) = last else { panic!("{last:?}") };
    assert_eq!(error.kind, ErrorKind::Disconnected);
    // Whatever has rows would be cut off again.
    assert!(session.get_object(GetObject::new("Win32_Service")).unwrap().is_some());
    assert_eq!(session.stats().losses, 1);
    session.close().unwrap();
}

#[test]
fn a_wait_ends_at_the_deadline_of_the_caller() {
    let (_silent, mut session) = silent();
    let begin = Instant::now();
    let deadline = begin + Duration::from_millis(50);
    while let Some(event) = session.next_event_before(deadline).unwrap() {
        assert!(matches!(event, Event::Stage(_)), "{event:?}");
    }
    assert!(Instant::now() >= deadline, "it returned early");
    // One that has passed already is a look at what is there.
    assert_eq!(session.next_event_before(begin).unwrap(), None);
    assert!(begin.elapsed() < Duration::from_secs(5));
}

#[test]
fn a_deadline_that_has_passed_still_looks_at_what_arrived() {
    let server = start(HostConfig::new(0));
    let mut session = Session::connect(config(&server)).unwrap();
    let (past, give_up) = (Instant::now(), Instant::now() + Duration::from_secs(10));
    // Polling without waiting gets the session through its whole log-on.
    while session.next_event_before(past).unwrap() != Some(Event::Ready) {
        assert!(Instant::now() < give_up, "it never gets ready");
    }
}

#[test]
fn a_waker_ends_the_wait_under_way_or_the_next_one() {
    let (_silent, mut session) = silent();
    let waker = session.waker();
    let other = thread::spawn(move || {
        thread::sleep(Duration::from_millis(50));
        waker.wake().unwrap();
    });
    let error = loop {
        match session.next_event() {
            Ok(event) => assert!(matches!(event, Some(Event::Stage(_))), "{event:?}"),
            Err(error) => break error,
        }
    };
    assert_eq!(error.kind(), IoErrorKind::Interrupted);
    other.join().unwrap();
    session.waker().wake().unwrap();
    let mut rows = session.query(many()).unwrap();
    assert!(matches!(rows.next(), Some(Err(SessionError::Io(error))) if error.kind() == IoErrorKind::Interrupted));
    drop(rows);
    // The session itself goes on, to its goodbye.
    session.close().unwrap();
}

#[test]
fn an_interrupted_iteration_goes_on_without_losing_a_row() {
    let server = start(HostConfig::new(0).rows(3_000));
    let mut session = Session::connect(config(&server)).unwrap();
    let waker = session.waker();
    let (mut count, mut interrupted) = (0, 0);
    for row in session.query(many()).unwrap() {
        match row {
            Ok(row) => count += u32::from(row.is_ok()),
            Err(SessionError::Io(error)) if error.kind() == IoErrorKind::Interrupted => interrupted += 1,
            Err(error) => panic!("{error}"),
        }
        if count % 500 == 0 {
            waker.wake().unwrap();
        }
    }
    assert_eq!(count, 3_000);
    assert!(interrupted > 0, "nothing was interrupted");
}

#[test]
fn a_panic_while_rows_are_read_unwinds_to_the_caller() {
    let server = start(HostConfig::new(0).rows(10));
    let mut session = Session::connect(config(&server)).unwrap();
    session.set_tap(Box::new(Bomb));
    // Rows are dropped on the way: a second panic would end the process.
    let panic = catch_unwind(AssertUnwindSafe(|| {
        for row in session.query(many()).unwrap() {
            row.unwrap().unwrap();
        }
    }));
    assert_eq!(panic.unwrap_err().downcast_ref(), Some(&"the tap bursts"));
    assert!(session.is_closed());
    assert_eq!(session.next_event().unwrap(), None);
}

struct Bomb;

impl Tap for Bomb {
    fn opened(&mut self, _: TransportId, _: SocketAddr, _: SocketAddr) {}
    fn sent(&mut self, _: TransportId, _: &[u8]) {}
    fn received(&mut self, _: TransportId, _: &[u8]) {
        panic!("the tap bursts");
    }
    fn closed(&mut self, _: TransportId) {}
}

/// A session with a peer that accepts and says nothing.
fn silent() -> (TcpListener, Session) {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
    let mut config = Config::new("127.0.0.1", Credentials::new("nobody", Secret::from("nothing")));
    config.port = listener.local_addr().unwrap().port();
    (listener, Session::connect(config).unwrap())
}

fn many() -> Query {
    Query::new("SELECT * FROM Sim_Many")
}

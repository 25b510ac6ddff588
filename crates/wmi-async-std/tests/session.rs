//! What the async session offers beyond the driving loop: rows, futures that may be dropped, and the goodbye.

use std::time::Duration;

use async_std::future::timeout;
use async_std::task::block_on;
use wmi_async_std::{Session, SessionError};
use wmi_proto::{Client, CommandError, ErrorKind, Event, ExecMethod, GetObject, Query};
use wmi_sim::{Fault, HostConfig};
use wmi_testkit::conformance::{config, start};

#[test]
fn rows_come_one_by_one_and_tell_how_the_query_ended() {
    let server = start(HostConfig::new(0).rows(2_500));
    block_on(async {
        let mut session = Session::connect(config(&server));
        let mut rows = session.query(many()).unwrap();
        let mut count = 0;
        while let Some(row) = rows.next().await {
            assert!(row.unwrap().is_ok());
            count += 1;
            assert!(rows.completion().is_none(), "rows are still coming");
        }
        assert_eq!((count, rows.completion().unwrap().rows), (2_500, 2_500));
        assert!(rows.next().await.is_none(), "over is over");
        drop(rows);
        session.close().await.unwrap();
        assert!(session.is_closed());
        assert_eq!(session.next_event().await, None);
        assert_eq!(session.query(many()).unwrap_err(), CommandError::Closed);
    });
}

#[test]
fn rows_of_a_query_that_can_be_reset_end_too() {
    for rows in [1, 16, 100] {
        let server = start(HostConfig::new(0).rows(rows));
        block_on(async {
            let mut session = Session::connect(config(&server));
            let mut found = session.query(many().forward_only(false)).unwrap();
            let mut count = 0;
            while let Some(row) = found.next().await {
                count += u64::from(row.unwrap().is_ok());
            }
            assert_eq!((count, found.completion().unwrap().rows), (u64::from(rows), u64::from(rows)));
        });
    }
}

#[test]
fn objects_and_methods_are_answered_and_a_dropped_future_gives_the_call_up() {
    let server = start(HostConfig::new(0).rows(10));
    block_on(async {
        let mut session = Session::connect(config(&server));
        let object = session.get_object(GetObject::new("Sim_Methods.Name=\"first\"")).await.unwrap().unwrap();
        assert_eq!(object.get("Name").unwrap().unwrap(), "first".into());
        let repeat = ExecMethod::new("Sim_Methods", "Repeat").parameter("Text", "ab").parameter("Times", 3);
        let reply = session.exec_method(repeat).await.unwrap().unwrap();
        assert_eq!(reply.get("ReturnValue").unwrap().unwrap(), "ababab".into());
        assert!(session.exec_method(ExecMethod::new("Sim_Methods", "Nothing")).await.unwrap().is_none());
        let Err(SessionError::Failed(error)) = session.get_object(GetObject::new("No_Such_Class")).await else {
            panic!("there is none")
        };
        assert_eq!(error.code_name(), Some("WBEM_E_NOT_FOUND"));

        let sleep = ExecMethod::new("Sim_Methods", "Sleep").parameter("Milliseconds", 200);
        assert!(timeout(Duration::from_millis(50), session.exec_method(sleep)).await.is_err());
        let mut rows = session.query(many()).unwrap();
        let mut count = 0;
        while let Some(row) = rows.next().await {
            count += u32::from(row.is_ok());
        }
        drop(rows);
        assert_eq!(count, 10);
        // Nothing is heard of the call that was given up.
        session.command(Client::close);
        while let Some(event) = session.next_event().await {
            assert_eq!(event.call(), None, "{event:?}");
        }
    });
}

#[test]
fn a_dropped_future_loses_no_row() {
    // The first row takes half a second: the future is dropped in every stage of the session.
    let server = start(HostConfig::new(0).rows(300).faults([Fault::SlowFirstRow]));
    block_on(async {
        let mut session = Session::connect(config(&server));
        let mut rows = session.query(many()).unwrap();
        let (mut count, mut dropped) = (0, 0);
        loop {
            match timeout(Duration::from_millis(2), rows.next()).await {
                Ok(Some(row)) => count += u32::from(row.unwrap().is_ok()),
                Ok(None) => break,
                Err(_) => dropped += 1,
            }
        }
        assert_eq!(count, 300);
        assert!(dropped > 10, "only {dropped} futures were dropped");
    });
}

#[test]
fn rows_that_are_dropped_cancel_their_query() {
    let server = start(HostConfig::new(0).rows(5_000));
    block_on(async {
        let mut session = Session::connect(config(&server));
        let mut rows = session.query(many()).unwrap();
        assert!(rows.next().await.unwrap().is_ok());
        drop(rows);
        let mut rows = session.query(Query::new("SELECT * FROM Win32_OperatingSystem")).unwrap();
        assert!(rows.next().await.unwrap().is_ok());
        assert!(rows.next().await.is_none());
        drop(rows);
        // Nothing is heard of the cancelled query any more.
        session.command(Client::close);
        while let Some(event) = session.next_event().await {
            assert_eq!(event.query(), None, "{event:?}");
        }
    });
    wait_for_release(&server);
}

#[test]
fn a_query_that_fails_says_so_once_and_leaves_the_session() {
    let server = start(HostConfig::new(0).rows(10));
    block_on(async {
        let mut session = Session::connect(config(&server));
        let mut rows = session.query(Query::new("SELECT * FROM No_Such_Class")).unwrap();
        let Some(Err(SessionError::Failed(error))) = rows.next().await else { panic!("it must fail") };
        assert_eq!(error.code_name(), Some("WBEM_E_INVALID_CLASS"));
        assert!(rows.next().await.is_none());
        drop(rows);
        let mut rows = session.query(many()).unwrap();
        assert!(rows.next().await.unwrap().is_ok());
    });
}

#[test]
fn a_session_that_broke_is_found_again_by_the_next_command() {
    let server = start(HostConfig::new(0).rows(5_000).faults([Fault::CutMidReply]));
    block_on(async {
        let mut session = Session::connect(config(&server));
        let mut rows = session.query(many()).unwrap();
        let failure = loop {
            match rows.next().await {
                Some(Ok(_)) => {}
                Some(Err(SessionError::Failed(error))) => break error,
                other => panic!("{other:?}"),
            }
        };
        assert_eq!(failure.kind, ErrorKind::Disconnected);
        drop(rows);
        // Whatever has rows would be cut off again.
        assert!(session.get_object(GetObject::new("Win32_Service")).await.unwrap().is_some());
        assert_eq!(session.stats().losses, 1);
        session.close().await.unwrap();
    });
}

#[test]
fn sessions_and_their_futures_can_be_sent_between_threads() {
    fn is_send<T: Send>(value: T) -> T {
        value
    }
    let server = start(HostConfig::new(0).rows(3));
    let mut session = is_send(Session::connect(config(&server)));
    let count = async_std::task::spawn(is_send(async move {
        let mut rows = session.query(many()).unwrap();
        let mut count = 0;
        while let Some(row) = rows.next().await {
            count += u32::from(row.unwrap().is_ok());
        }
        drop(rows);
        session.close().await.unwrap();
        count
    }));
    assert_eq!(block_on(count), 3);
}

#[test]
fn progress_is_told_to_whoever_waits_for_events() {
    let server = start(HostConfig::new(0));
    block_on(async {
        let mut session = Session::connect(config(&server));
        let mut stages = 0;
        loop {
            match session.next_event().await.unwrap() {
                Event::Stage(_) => stages += 1,
                Event::Ready => break,
                other => panic!("{other:?}"),
            }
        }
        assert!(stages >= 4, "connect, log on, activate, connect, log on: {stages}");
    });
}

fn many() -> Query {
    Query::new("SELECT * FROM Sim_Many")
}

fn wait_for_release(server: &wmi_sim::Server) {
    let deadline = std::time::Instant::now() + Duration::from_secs(10);
    while server.alive_objects() > 0 {
        assert!(std::time::Instant::now() < deadline, "{} objects are left", server.alive_objects());
        std::thread::sleep(Duration::from_millis(5));
    }
}

//! Whole sessions of the client with the simulated host, on a virtual clock.

use std::num::NonZeroU32;
use std::time::Duration;

use wmi_proto::cim::CimValue;
use wmi_proto::wire::Guid;
use wmi_proto::wire::guid::{
    IID_IENUM_WBEM_CLASS_OBJECT, IID_IREM_UNKNOWN, IID_IREM_UNKNOWN2, IID_IWBEM_FETCH_SMART_ENUM, IID_IWBEM_SERVICES,
    IID_IWBEM_WCO_SMART_ENUM,
};
use wmi_proto::wire::rpc::{Body, ContextResult, Pdu, PduType, ProviderReason};
use wmi_proto::{
    AuthLevel, Client, Credentials, Enumerator, ErrorKind, Event, Input, Output, Query, Role, Secret, Stage,
};
use wmi_sim::{Fault, HostConfig};
use wmi_testkit::{Direction, OBJECT_PORT, Outcome, Pair, config};

#[path = "session/calls.rs"]
mod calls;
#[path = "session/concurrency.rs"]
mod concurrency;
#[path = "session/cursor.rs"]
mod cursor;
#[path = "session/errors.rs"]
mod errors;
#[path = "session/header_signing.rs"]
mod header_signing;
#[path = "session/life.rs"]
mod life;
#[path = "session/negotiate.rs"]
mod negotiate;
#[path = "session/prefetch.rs"]
mod prefetch;
#[path = "session/profiles.rs"]
mod profiles;

const MANY: &str = "SELECT * FROM Sim_Many";

fn host() -> HostConfig {
    HostConfig::new(OBJECT_PORT)
}

fn ids(outcome: &Outcome) -> Vec<u64> {
    let id = |row: &wmi_proto::Row| {
        let value = row.as_ref().expect("the row decodes").get("Id").expect("the row has an Id");
        value.expect("the Id decodes").as_u64().expect("the Id is a number")
    };
    outcome.rows.iter().map(id).collect()
}

fn enumerators() -> [Enumerator; 4] {
    [Enumerator::Auto, Enumerator::PreferSmart, Enumerator::Smart, Enumerator::Next]
}

#[test]
fn a_client_can_be_sent_to_another_thread() {
    fn is_send<T: Send>() {}
    is_send::<Client>();
}

#[test]
fn all_rows_come_in_order_with_every_enumerator_level_and_batch() {
    for level in [AuthLevel::Integrity, AuthLevel::Privacy] {
        for enumerator in enumerators() {
            for (rows, batch) in [(1, None), (2, NonZeroU32::new(1)), (100, NonZeroU32::new(7)), (10_000, None)] {
                let mut config = config();
                config.auth_level = level;
                let mut pair = Pair::new(config, host().rows(rows));
                let mut query = Query::new(MANY).enumerator(enumerator);
                query.batch = batch;
                let outcome = pair.run(query, 1000);
                let case = format!("{level:?} {enumerator:?} {rows} rows, batch {batch:?}");
                assert_eq!(outcome.end.clone().map(|end| end.rows), Ok(u64::from(rows)), "{case}");
                assert_eq!(ids(&outcome), (0..u64::from(rows)).collect::<Vec<_>>(), "{case}");
                assert_eq!(pair.finish_session(), Ok(()), "{case}");
                assert_eq!(pair.host.alive_objects(), 0, "{case}");
                assert_eq!(pair.host.public_refs(), 0, "{case}");
                assert_eq!(pair.host.stats().unverified, 0, "{case}");
            }
        }
    }
}

#[test]
fn round_trips_are_counted_and_few() {
    for (enumerator, cold, warm) in
        [(Enumerator::Next, 8, 2), (Enumerator::PreferSmart, 10, 4), (Enumerator::Smart, 10, 4)]
    {
        let mut pair = Pair::new(config(), host().rows(5));
        let id = pair.exec(Query::new(MANY).enumerator(enumerator));
        pair.fetch(id, 100);
        wait_for_batch(&mut pair);
        assert_eq!(pair.client.stats().round_trips, cold, "cold, {enumerator:?}");
        pair.finish(id, 100);
        let before = pair.client.stats().round_trips;
        let id = pair.exec(Query::new(MANY).enumerator(enumerator));
        pair.fetch(id, 100);
        wait_for_batch(&mut pair);
        assert_eq!(pair.client.stats().round_trips - before, warm, "warm, {enumerator:?}");
        assert_eq!(pair.client.stats().alter_contexts, 0);
        assert_eq!(pair.client.stats().logons, 2);
    }
}

/// What the choice of the enumerator costs: two round trips less for short results, none to two more for long ones.
#[test]
fn beginning_with_next_costs_less_for_short_results_and_little_for_long_ones() {
    let cost = |rows: u32, enumerator| {
        let mut pair = Pair::new(config(), host().rows(rows));
        pair.run(Query::new("SELECT * FROM Sim_Empty"), 1);
        let before = pair.client.stats();
        let outcome = pair.run(Query::new(MANY).enumerator(enumerator), 100_000);
        assert_eq!(ids(&outcome).len(), rows as usize);
        let after = pair.client.stats();
        (after.round_trips - before.round_trips, after.octets_in - before.octets_in)
    };
    for rows in [5, 50, 64, 79, 100, 300, 1000, 10_000] {
        let [auto, preferred, smart, next] = enumerators().map(|enumerator| cost(rows, enumerator));
        assert_eq!(preferred, smart, "{rows} rows");
        println!("{rows:6} rows: auto {auto:?}, smart {smart:?}, next {next:?}");
        assert!(next.0 + 2 >= smart.0 || rows > 1000, "{rows}");
        if rows < 80 {
            assert_eq!((auto, auto.0), (next, smart.0 - 2), "{rows} rows");
        } else {
            assert!(auto.0 <= smart.0 + 1 && auto.1 < next.1, "{rows} rows: {auto:?} {smart:?} {next:?}");
        }
    }
}

fn wait_for_batch(pair: &mut Pair) {
    while !matches!(pair.next_event().expect("the session goes on"), Event::Batch { .. }) {}
}

#[test]
fn a_rejected_context_is_asked_for_once_when_it_is_needed() {
    // All but IWbemLevel1Login are rejected at the bind: IWbemServices and IRemUnknown2 are needed in any case, and the
    // interfaces of the enumerator.
    for (enumerator, needed) in [(Enumerator::Smart, 4), (Enumerator::Next, 3)] {
        let mut pair = Pair::new(config(), host().rows(50).faults([Fault::LazyInterfaces]));
        for _ in 0..2 {
            let outcome = pair.run(Query::new(MANY).enumerator(enumerator), 1000);
            assert_eq!(ids(&outcome).len(), 50);
        }
        assert_eq!(pair.finish_session(), Ok(()));
        assert_eq!(pair.client.stats().alter_contexts, needed, "{enumerator:?}");
        assert_eq!(pair.host.stats().alter_contexts, needed, "{enumerator:?}");
        assert_eq!(pair.host.alive_objects(), 0, "{enumerator:?}");
    }
}

#[test]
fn every_legal_difference_of_a_host_leaves_all_rows() {
    for fault in Fault::ALL.iter().copied().filter(|fault| fault.is_legal()) {
        for enumerator in [Enumerator::Auto, Enumerator::PreferSmart, Enumerator::Next] {
            let mut pair = Pair::new(config(), host().rows(300).faults([fault]));
            let outcome = pair.run(Query::new(MANY).enumerator(enumerator), 1000);
            assert_eq!(outcome.end.clone().map(|end| end.rows), Ok(300), "{fault} {enumerator:?}");
            assert_eq!(ids(&outcome), (0..300).collect::<Vec<_>>(), "{fault} {enumerator:?}");
            assert_eq!(pair.finish_session(), Ok(()), "{fault}");
            assert_eq!(pair.host.alive_objects(), 0, "{fault}");
        }
    }
}

#[test]
fn a_refused_smart_enumeration_is_the_error_of_a_query_that_insists() {
    for fault in [Fault::RefuseSmartCall, Fault::RefuseSmartItem] {
        let mut pair = Pair::new(config(), host().faults([fault]));
        let error = pair.run(Query::new(MANY).enumerator(Enumerator::Smart), 10).end.expect_err("refused");
        assert_eq!(error.stage, Stage::SmartEnum, "{fault}");
        assert_eq!(error.code_name(), Some("E_NOINTERFACE"), "{fault}");
        // The session is unharmed.
        assert_eq!(ids(&pair.run(Query::new(MANY).enumerator(Enumerator::Next), 10)).len(), 100);
    }
}

#[test]
fn what_a_hostile_host_does_ends_with_the_rows_so_far_and_one_reason() {
    for fault in Fault::ALL.iter().copied().filter(|fault| !fault.is_legal()) {
        for enumerator in [Enumerator::PreferSmart, Enumerator::Smart, Enumerator::Next] {
            let mut pair = Pair::new(config(), host().rows(100).faults([fault]));
            let mut query = Query::new(MANY).enumerator(enumerator).timeout(Duration::from_secs(8));
            query.batch = NonZeroU32::new(10);
            let outcome = pair.run(query, 10);
            if fault == Fault::UnknownClassGuid {
                if enumerator == Enumerator::Smart {
                    let bad = outcome.rows.iter().filter(|row| row.is_err()).count();
                    assert!(bad >= 1 && outcome.rows.len() == 100 && outcome.end.is_ok(), "{fault}: {bad}");
                }
                continue;
            }
            let error = outcome.end.expect_err(&format!("{fault} {enumerator:?}"));
            let before = matches!(error.stage, Stage::Fetch) && fault != Fault::DenyQuery;
            // Two batches of two, then the fault.
            assert_eq!(outcome.rows.len(), if before { 4 } else { 0 }, "{fault} {enumerator:?}: {error}");
            if [Fault::BadSignature, Fault::FlipData, Fault::WrongSequence].contains(&fault) {
                assert!(matches!(error.kind, ErrorKind::Tampered(_)), "{fault} {enumerator:?}: {error}");
            }
            let _ = pair.finish_session();
        }
    }
}

#[test]
fn a_wrong_password_is_refused_at_the_activator() {
    let mut config = config();
    config.credentials.password = "wrong".into();
    let mut pair = Pair::new(config, host());
    let error = pair.run(Query::new(MANY), 10).end.expect_err("refused");
    assert_eq!(error.stage, Stage::Bind(Role::Activator));
    assert!(matches!(error.kind, ErrorKind::UnverifiedFault(status) if status.0 == 5), "{error}");
}

/// Names and passwords beyond ASCII; the account of a domain and that of the host, in every form of each.
#[test]
fn an_account_may_be_written_in_every_form() {
    let password = "Pässwörd€𝄞";
    let mut host = host().rows(3);
    host.user = "Jürgen.Weiß".to_owned();
    host.password = Secret::from(password).into();
    for account in [
        r"ACME\Jürgen.Weiß",
        r"acme\jürgen.weiß",
        "Jürgen.Weiß@acme",
        "Jürgen.Weiß",
        r"WINSIM\Jürgen.Weiß",
        r".\Jürgen.Weiß",
    ] {
        let mut config = config();
        config.credentials = Credentials::new(account, Secret::from(password));
        let mut pair = Pair::new(config, host.clone());
        let outcome = pair.run(Query::new(MANY), 1000);
        assert_eq!(outcome.end.clone().map(|end| end.rows), Ok(3), "{account}");
        assert_eq!(pair.finish_session(), Ok(()), "{account}");
    }
    for (account, password) in [(r"ACME\Jurgen.Weiss", password), (r".\Jürgen.Weiß", "Passwörd€𝄞")] {
        let mut config = config();
        config.credentials = Credentials::new(account, Secret::from(password));
        let outcome = Pair::new(config, host.clone()).run(Query::new(MANY), 1000);
        assert!(matches!(outcome.end, Err(error) if error.stage == Stage::Bind(Role::Activator)), "{account}");
    }
}

#[test]
fn mistakes_in_the_query_are_its_own_and_the_session_goes_on() {
    let mut pair = Pair::new(config(), host());
    for (wql, namespace, code) in [
        ("SELECT * FROM Nothing_Here", "root/cimv2", "WBEM_E_INVALID_CLASS"),
        ("SELEKT * FROM Win32_Service", "root/cimv2", "WBEM_E_INVALID_QUERY"),
        ("SELECT * FROM Win32_Service", "root/nowhere", "WBEM_E_INVALID_NAMESPACE"),
        ("SELECT * FROM Win32_Service", "root/secret", "WBEM_E_ACCESS_DENIED"),
    ] {
        let error = pair.run(Query::new(wql).namespace(namespace), 10).end.expect_err(wql);
        assert_eq!(error.code_name(), Some(code), "{error}");
        assert!(error.remedy().is_some(), "{error}");
    }
    let outcome = pair.run(Query::new("SELECT Name, State FROM Win32_Service WHERE State = 'Running'"), 10);
    assert!(!outcome.rows.is_empty());
    for row in outcome.rows {
        let row = row.expect("the row decodes");
        assert_eq!(row.class().properties().len(), 2);
        assert!(matches!(row.get("state"), Some(Ok(CimValue::String(s))) if s.to_str() == "Running"));
    }
}

#[test]
fn a_cancelled_query_leaves_the_session_usable_and_nothing_behind() {
    for enumerator in enumerators() {
        for events in 0..14 {
            let mut pair = Pair::new(config(), host().rows(200));
            let mut query = Query::new(MANY).enumerator(enumerator);
            query.batch = NonZeroU32::new(5);
            let id = pair.exec(query);
            pair.fetch(id, 5);
            for _ in 0..events {
                if let Some(Event::Batch { query, .. }) = pair.next_event() {
                    pair.fetch(query, 5);
                }
            }
            assert!(pair.cancel(id));
            let end = std::iter::from_fn(|| pair.next_event())
                .find_map(|event| match event {
                    Event::QueryDone { query, outcome } if query == id => Some(outcome),
                    _ => None,
                })
                .expect("a cancelled query ends");
            assert_eq!(end.expect_err("cancelled").kind, ErrorKind::Cancelled);
            assert_eq!(ids(&pair.run(Query::new(MANY), 1000)).len(), 200, "{enumerator:?} after {events} events");
            assert_eq!(pair.finish_session(), Ok(()));
            assert_eq!(pair.host.alive_objects(), 0, "{enumerator:?} after {events} events");
        }
    }
}

#[test]
fn a_late_answer_is_verified_and_dropped_and_the_association_lives_on() {
    let mut pair = Pair::new(config(), host().rows(100).faults([Fault::LateReply]));
    let mut query = Query::new(MANY).enumerator(Enumerator::Next).timeout(Duration::from_secs(5));
    query.batch = NonZeroU32::new(10);
    let outcome = pair.run(query.clone(), 10);
    assert_eq!(outcome.end.expect_err("out of time").kind, ErrorKind::TimedOut);
    assert_eq!(outcome.rows.len(), 4);
    let logons = pair.host.stats().logons;
    // While the answer is still to come, and when it has come.
    for wait in [0, 20] {
        pair.advance(Duration::from_secs(wait));
        let again = pair.run(Query::new("SELECT * FROM Win32_OperatingSystem"), 10);
        assert_eq!(again.rows.len(), 1, "{:?}", again.end);
    }
    assert_eq!(pair.host.stats().logons, logons, "the same association");
}

#[test]
fn the_first_row_of_a_slow_provider_is_not_held_back() {
    let mut pair = Pair::new(config(), host());
    let id = pair.exec(Query::new("SELECT * FROM Sim_Slow"));
    pair.fetch(id, 1000);
    loop {
        if let Event::Batch { rows, .. } = pair.next_event().expect("the session goes on") {
            // All ten of them take two seconds.
            assert!(rows.len() < 10, "{}", rows.len());
            break;
        }
    }
    let waited = pair.now().saturating_since(wmi_proto::Instant::default());
    assert!(waited < Duration::from_millis(1500), "{waited:?}");
}

#[test]
fn batches_begin_small_and_grow() {
    for enumerator in enumerators() {
        let mut config = config();
        config.limits.reply_octets = usize::MAX;
        let mut pair = Pair::new(config, host().rows(2000));
        let id = pair.exec(Query::new(MANY).enumerator(enumerator));
        pair.fetch(id, 2000);
        let mut batches = Vec::new();
        loop {
            match pair.next_event().expect("the session goes on") {
                Event::Batch { rows, .. } => {
                    batches.push(rows.len());
                    pair.fetch(id, 2000);
                }
                Event::QueryDone { .. } => break,
                _ => {}
            }
        }
        // Where it goes over to smart enumeration, it first asks for fewer than it had.
        let third = if enumerator == Enumerator::Auto { [63, 1024, 833] } else { [256, 1024, 640] };
        assert_eq!(batches, [&[16, 64], &third[..]].concat(), "{enumerator:?}");
    }
}

#[test]
fn several_queries_share_a_session_and_a_namespace_is_entered_once() {
    let mut pair = Pair::new(config(), host().rows(30));
    let queries: Vec<_> = (0..5).map(|_| pair.exec(Query::new(MANY))).collect();
    for id in queries {
        assert_eq!(ids(&pair.finish(id, 7)), (0..30).collect::<Vec<_>>());
    }
    assert_eq!(pair.host.stats().calls_of("IWbemLevel1Login::NTLMLogin"), 1);
    assert_eq!(pair.host.stats().logons, 2);
}

#[test]
fn a_refused_port_names_itself() {
    for role in [Role::Activator, Role::ObjectServer] {
        let mut pair = Pair::new(config(), host());
        pair.refuse = Some(role);
        let error = pair.run(Query::new(MANY), 10).end.expect_err("refused");
        assert_eq!(error.stage, Stage::Connect(role));
        assert!(error.is_unreachable() && error.remedy().is_some());
    }
}

/// Lets the host refuse `always`, and in the bind `lazy` too, whatever it says itself.
fn refuse(pair: &mut Pair, always: &'static [Guid], lazy: &'static [Guid]) {
    let mut asked: Vec<Guid> = Vec::new();
    pair.tap = Some(Box::new(move |direction, role, octets| {
        let ptype = octets[2];
        let pdu = Pdu::decode(octets.clone().freeze());
        let (Ok(mut pdu), Role::ObjectServer) = (pdu, role) else { return };
        match (direction, &mut pdu.body) {
            (Direction::ToHost, Body::Bind(bind) | Body::AlterContext(bind)) => {
                asked = bind.contexts.iter().map(|context| context.abstract_syntax.uuid).collect();
            }
            (Direction::ToClient, Body::BindAck(ack) | Body::AlterContextResp(ack)) => {
                let bind = ptype == PduType::BIND_ACK.0;
                for (result, iid) in ack.results.iter_mut().zip(&asked) {
                    if (always.contains(iid) || bind && lazy.contains(iid)) && result.is_accepted() {
                        *result = ContextResult::rejected(ProviderReason::ABSTRACT_SYNTAX_NOT_SUPPORTED);
                    }
                }
                *octets = pdu.encode();
            }
            _ => {}
        }
    }));
}

#[test]
fn the_older_remunknown_takes_the_place_of_a_refused_one() {
    for enumerator in enumerators() {
        for fault in [None, Some(Fault::ZeroPublicRefs)] {
            let mut pair = Pair::new(config(), host().faults(fault));
            // Both are refused in the bind, so that each is asked for by itself.
            refuse(&mut pair, &[IID_IREM_UNKNOWN2], &[IID_IREM_UNKNOWN]);
            assert_eq!(ids(&pair.run(Query::new(MANY).enumerator(enumerator), 10)).len(), 100, "{enumerator:?}");
            assert_eq!(pair.finish_session(), Ok(()));
            assert_eq!(pair.host.alive_objects(), 0, "{enumerator:?} {fault:?}");
        }
    }
}

#[test]
fn auto_does_without_any_interface_of_smart_enumeration() {
    for refused in [&[IID_IWBEM_FETCH_SMART_ENUM], &[IID_IWBEM_WCO_SMART_ENUM]] {
        let mut pair = Pair::new(config(), host());
        refuse(&mut pair, refused, &[]);
        // The second time it is known without asking.
        for _ in 0..2 {
            let outcome = pair.run(Query::new(MANY), 10);
            assert_eq!(outcome.end.clone().map(|end| end.rows), Ok(100), "{refused:?}");
            assert_eq!(ids(&outcome), (0..100).collect::<Vec<_>>());
            let error = pair.run(Query::new(MANY).enumerator(Enumerator::Smart), 10).end.expect_err("refused");
            assert!(matches!(error.kind, ErrorKind::NoInterface(_)), "{error}");
        }
        assert_eq!(pair.finish_session(), Ok(()));
        assert_eq!(pair.host.alive_objects(), 0);
    }
}

#[test]
fn a_refused_interface_ends_every_query_that_needs_it_at_once() {
    for refused in [&[IID_IWBEM_SERVICES], &[IID_IENUM_WBEM_CLASS_OBJECT]] {
        let mut pair = Pair::new(config(), host());
        refuse(&mut pair, refused, &[]);
        for _ in 0..2 {
            let error = pair.run(Query::new(MANY).enumerator(Enumerator::Next), 10).end.expect_err("refused");
            assert!(matches!(error.kind, ErrorKind::NoInterface(_)), "{error}");
        }
    }
}

#[test]
fn a_refused_log_on_at_the_object_server_is_no_question_of_namespaces() {
    let mut pair = Pair::new(config(), host());
    pair.tap = Some(Box::new(|direction, role, pdu| {
        if (direction, role, pdu[2]) == (Direction::ToClient, Role::ObjectServer, 2) {
            let mut fault = pdu.split_to(24);
            fault.extend_from_slice(&[5, 0, 0, 0, 0, 0, 0, 0]);
            (fault[2], fault[8], fault[9], fault[10]) = (3, 32, 0, 0);
            *pdu = fault;
        }
    }));
    let error = pair.run(Query::new(MANY), 10).end.expect_err("refused");
    assert_eq!(error.stage, Stage::Bind(Role::ObjectServer), "{error}");
}

#[test]
fn two_spellings_of_a_namespace_fail_together() {
    let mut pair = Pair::new(config(), host());
    let queries = ["root/nowhere", "ROOT/Nowhere"].map(|name| pair.exec(Query::new(MANY).namespace(name)));
    for id in queries {
        let done = std::iter::from_fn(|| pair.next_event()).find(|event| event.query().is_some());
        let Some(Event::QueryDone { query, outcome: Err(error) }) = done else { panic!("{done:?}") };
        assert_eq!((query, error.code_name()), (id, Some("WBEM_E_INVALID_NAMESPACE")), "{error}");
    }
}

#[test]
fn a_close_while_connecting_ends_queries_where_they_are() {
    let mut pair = Pair::new(config(), host());
    let id = pair.exec(Query::new(MANY));
    pair.close();
    let events: Vec<Event> = std::iter::from_fn(|| pair.next_event()).collect();
    let done = events.iter().find(|event| event.query() == Some(id));
    let Some(Event::QueryDone { outcome: Err(error), .. }) = done else { panic!("{events:?}") };
    assert_eq!((&error.stage, &error.kind), (&Stage::Connect(Role::Activator), &ErrorKind::Cancelled));
    assert_eq!(events.last(), Some(&Event::Closed { outcome: Ok(()) }));
}

/// The binds that went to the object server, by how many contexts they offered.
fn binds(pair: &Pair) -> Vec<usize> {
    let offered = |output: &Output| match output {
        Output::Transmit { data, .. } => match Pdu::decode(data.clone()).ok()?.body {
            Body::Bind(bind) => Some(bind.contexts.len()),
            _ => None,
        },
        _ => None,
    };
    // The first went to the activator.
    pair.outputs.iter().filter_map(offered).skip(1).collect()
}

#[test]
fn a_host_that_drops_a_bind_of_many_interfaces_is_asked_once_more_with_one() {
    let mut pair = Pair::new(config(), host().faults([Fault::ResetAtObjectBind]));
    let error = pair.run(Query::new(MANY), 10).end.expect_err("reset");
    assert_eq!(error.stage, Stage::Bind(Role::ObjectServer), "{error}");
    assert_eq!(binds(&pair), [8, 1]);
}

#[test]
fn a_fault_in_answer_to_a_bind_of_many_interfaces_is_a_refusal_of_their_number() {
    let mut pair = Pair::new(config(), host().rows(30));
    pair.tap = Some(Box::new(|direction, _, octets| {
        let Ok(Pdu { body: Body::BindAck(ack), .. }) = Pdu::decode(octets.clone().freeze()) else { return };
        if direction == Direction::ToClient && ack.results.len() > 1 {
            let mut fault = octets.split_to(16);
            // nca_s_proto_error
            fault.extend_from_slice(&[0, 0, 0, 0, 0, 0, 0, 0, 0x0b, 0, 1, 0x1c, 0, 0, 0, 0]);
            (fault[2], fault[8], fault[9], fault[10], fault[11]) = (3, 32, 0, 0, 0);
            *octets = fault;
        }
    }));
    assert_eq!(ids(&pair.run(Query::new(MANY), 10)).len(), 30);
    assert_eq!(binds(&pair), [8, 1]);
}

#[test]
fn a_port_that_answers_after_it_was_given_up_is_left_alone() {
    let mut config = config();
    config.follow_bindings = true;
    let mut pair = Pair::new(config, host().faults([Fault::UnreachableBindingFirst]));
    pair.exec(Query::new(MANY));
    let opened = |outputs: &[Output]| {
        outputs.iter().rev().find_map(|output| match output {
            Output::Open { transport, target } if target.role == Role::ObjectServer => Some(*transport),
            _ => None,
        })
    };
    while opened(&pair.outputs).is_none() {
        pair.next_event().expect("the session goes on");
    }
    let first = opened(&pair.outputs).expect("the loop ended");
    let later = pair.now().saturating_add(Duration::from_secs(10));
    let client = &mut pair.client;
    client.handle_timeout(later);
    let mut outputs: Vec<Output> = std::iter::from_fn(|| client.poll_output()).collect();
    assert!(outputs.contains(&Output::Abort { transport: first }));
    for input in [Input::Opened { transport: first }, Input::Closed { transport: first, failure: None }] {
        client.handle_input(input, later);
        outputs.extend(std::iter::from_fn(|| client.poll_output()));
    }
    assert!(!outputs.iter().any(|output| matches!(output, Output::Transmit { .. })));
    let second = opened(&outputs).expect("another place is tried");
    client.handle_input(Input::Opened { transport: second }, later);
    assert!(std::iter::from_fn(|| client.poll_output()).any(|output| matches!(output, Output::Transmit { .. })));
}

#[test]
fn a_close_while_a_slow_provider_is_asked_leaves_nothing_behind() {
    for fault in [None, Some(Fault::NoMpx)] {
        let mut pair = Pair::new(config(), host().faults(fault));
        let id = pair.exec(Query::new("SELECT * FROM Sim_Slow"));
        pair.fetch(id, 100);
        while !matches!(pair.next_event().expect("the session goes on"), Event::Stage(Stage::Fetch)) {}
        assert_eq!(pair.finish_session(), Ok(()));
        assert_eq!(pair.host.alive_objects(), 0, "{fault:?}");
    }
}

#[test]
fn what_a_query_held_is_given_back_while_the_session_goes_on() {
    for fault in [None, Some(Fault::ZeroPublicRefs)] {
        let mut pair = Pair::new(config(), host().faults(fault));
        let mut alive = Vec::new();
        for enumerator in [Enumerator::Next, Enumerator::Smart, Enumerator::Auto] {
            pair.run(Query::new(MANY).enumerator(enumerator), 100);
            pair.advance(Duration::from_secs(1));
            alive.push(pair.host.alive_objects());
        }
        // The log-in object and the services of the namespace.
        assert_eq!(alive, [2, 2, 2], "{fault:?}");
    }
}

#[test]
fn no_secret_is_in_any_debug_output() {
    let mut pair = Pair::ordinary();
    let before = format!("{:?} {:?}", config(), pair.client);
    pair.run(Query::new(MANY), 10);
    let text = format!("{before} {:?} {:?} {:?}", pair.client, config(), wmi_testkit::credentials());
    assert!(!text.contains(wmi_sim::DEFAULT_PASSWORD), "{text}");
}

//! GetObject and ExecMethod: objects by path, methods by name, and everything that can come in between.

use std::collections::BTreeMap;
use std::time::Duration;

use wmi_proto::cim::{CimObject, CimValue, Genus};
use wmi_proto::{
    CallId, ClientInfo, CommandError, Config, ErrorKind, Event, ExecMethod, GetObject, Limits, MethodSignature,
    ParameterProblem, Query, Stage, WbemContext,
};
use wmi_sim::Fault;
use wmi_testkit::{Pair, config};

use crate::{MANY, host, ids};

const SECOND: Duration = Duration::from_secs(1);

fn pair() -> Pair {
    Pair::new(config(), host().rows(20))
}

/// What the host was asked for, of those calls that are not about references.
fn calls(pair: &Pair, name: &str) -> u64 {
    pair.host.stats().calls_of(&format!("IWbemServices::{name}"))
}

fn value(object: &CimObject, name: &str) -> CimValue {
    object.get(name).unwrap_or_else(|| panic!("{object:?} has no {name}")).expect("it decodes")
}

/// A static method of Sim_Methods.
fn method(name: &str) -> ExecMethod {
    ExecMethod::new("Sim_Methods", name)
}

fn sleep(time: Duration) -> ExecMethod {
    method("Sleep").parameter("Milliseconds", u32::try_from(time.as_millis()).expect("not that long"))
}

/// Closes, and holds the host to having nothing left of the client.
fn finish(mut pair: Pair) {
    assert_eq!(pair.finish_session(), Ok(()));
    assert_eq!((pair.host.alive_objects(), pair.host.public_refs()), (0, 0));
    assert_eq!(pair.host.stats().unverified, 0);
}

#[test]
fn classes_and_instances_come_by_their_paths() {
    let mut pair = pair();
    let class = pair.object(GetObject::new("Win32_Service")).expect("a class");
    assert_eq!((class.genus(), class.class().name().to_str().as_ref()), (Genus::Class, "Win32_Service"));
    assert!(class.class().method("StartService").is_some());
    for path in ["Sim_Methods.Name=\"first\"", "Sim_Methods='first'", "\\\\.\\root\\cimv2:Sim_Methods.Name=\"first\""] {
        let object = pair.object(GetObject::new(path)).unwrap_or_else(|error| panic!("{path}: {error}"));
        assert_eq!((object.genus(), value(&object, "Name")), (Genus::Instance, "first".into()), "{path}");
    }
    assert_eq!((calls(&pair, "GetObject"), pair.client.stats().logons), (4, 2));
    finish(pair);
}

#[test]
fn amended_qualifiers_come_only_when_asked_for() {
    let mut pair = pair();
    let text = |class: &CimObject| class.class().qualifier("Description").is_some();
    assert!(!text(&pair.object(GetObject::new("Win32_Service")).expect("a class")));
    assert!(text(&pair.object(GetObject::new("Win32_Service").amended(true)).expect("a class")));
    finish(pair);
}

#[test]
fn what_the_host_refuses_is_the_error_of_that_call_only() {
    let mut pair = pair();
    for (path, name) in [("Sim_NoSuchClass", "WBEM_E_NOT_FOUND"), ("Sim_Methods.Name=\"x\"", "WBEM_E_NOT_FOUND")] {
        let error = pair.object(GetObject::new(path)).expect_err(path);
        assert_eq!((error.stage.clone(), error.code_name()), (Stage::GetObject, Some(name)), "{path}: {error}");
        let class = path.split('.').next();
        let concern = error.concern().expect("it is about something");
        assert_eq!((concern.class.as_deref(), concern.namespace.as_deref()), (class, Some("root/cimv2")));
    }
    let error = pair.method(ExecMethod::new("Sim_NoSuchClass", "Any")).expect_err("there is no class");
    assert_eq!((error.stage.clone(), error.code_name()), (Stage::Signature, Some("WBEM_E_NOT_FOUND")), "{error}");
    for (name, code) in [("Missing", "WBEM_E_METHOD_NOT_IMPLEMENTED"), ("Disabled", "WBEM_E_METHOD_DISABLED")] {
        let error = pair.method(method(name)).expect_err(name);
        assert_eq!((error.stage.clone(), error.code_name()), (Stage::ExecMethod, Some(code)), "{error}");
    }
    let error = pair.method(method("Fail").parameter("Status", 0x8004_1003_u32)).expect_err("it says so");
    assert_eq!((error.stage.clone(), error.code_name()), (Stage::ExecMethod, Some("WBEM_E_ACCESS_DENIED")), "{error}");
    assert_eq!(
        pair.method(method("Yes")).expect("the session lives").map(|o| value(&o, "ReturnValue")),
        Some(true.into())
    );
    finish(pair);
}

#[test]
fn commands_that_wait_for_a_namespace_fail_with_it() {
    let mut pair = pair();
    let object = pair.get_object(GetObject::new("Any").namespace("root/none")).expect("accepted");
    let method = pair.exec_method(ExecMethod::new("Any", "Any").namespace("root/none")).expect("accepted");
    let query = pair.exec(Query::new(MANY).namespace("root/none"));
    let other = pair.get_object(GetObject::new("Sim_Many")).expect("accepted");
    let login = Stage::Login { namespace: "root/none".to_owned() };
    let mut left = vec![object, method];
    let mut queries = vec![query];
    while !(left.is_empty() && queries.is_empty()) {
        match pair.next_event().expect("the session goes on") {
            Event::Reply { call, outcome } if call != other => {
                assert_eq!(outcome.expect_err("there is no such namespace").stage, login);
                left.retain(|id| *id != call);
            }
            Event::QueryDone { query, outcome } => {
                assert_eq!(outcome.expect_err("there is no such namespace").stage, login);
                queries.retain(|id| *id != query);
            }
            _ => {}
        }
    }
    assert!(pair.reply(other).is_ok());
    finish(pair);
}

/// A value of every type that a parameter can have.
fn scalars() -> Vec<(&'static str, CimValue)> {
    vec![
        ("ASint8", CimValue::Sint8(-128)),
        ("AUint8", CimValue::Uint8(255)),
        ("ASint16", CimValue::Sint16(-2)),
        ("AUint16", CimValue::Uint16(65_535)),
        ("ASint32", CimValue::Sint32(i32::MIN)),
        ("AUint32", CimValue::Uint32(u32::MAX)),
        ("ASint64", CimValue::Sint64(i64::MIN)),
        ("AUint64", CimValue::Uint64(u64::MAX)),
        ("AReal32", CimValue::Real32(-0.5)),
        ("AReal64", CimValue::Real64(1e300)),
        ("ABoolean", CimValue::Boolean(true)),
        ("AString", "Größe \u{1f600}".into()),
        ("ADateTime", CimValue::DateTime("20260101000000.000000+060".into())),
        ("AChar16", CimValue::Char16(0x3a9)),
        ("AReference", CimValue::Reference("Sim_Thing.Name=\"x\"".into())),
    ]
}

#[test]
fn parameters_of_every_type_go_there_and_back() {
    let mut pair = pair();
    let point = pair.object(GetObject::new("Sim_Point3")).expect("a class");
    let point = CimObject::instance(point.class(), [("X", CimValue::Sint32(7))]).expect("an instance");
    let mut values = scalars();
    values.push(("AObject", CimValue::Object(Box::new(point))));
    let exec = values.iter().fold(method("EchoScalars"), |exec, (name, value)| exec.parameter(*name, value.clone()));
    let back = pair.method(exec).expect("it works").expect("there are out-parameters");
    for (name, sent) in &values {
        assert_eq!(value(&back, name), *sent, "{name}");
    }
    assert_eq!(value(&back, "ReturnValue"), CimValue::Uint32(0));
    let arrays: Vec<_> =
        values.into_iter().map(|(name, value)| (name, CimValue::Array(vec![value.clone(), value]))).collect();
    let exec = arrays.iter().fold(method("EchoArrays"), |exec, (name, value)| exec.parameter(*name, value.clone()));
    let back = pair.method(exec).expect("it works").expect("there are out-parameters");
    for (name, sent) in &arrays {
        assert_eq!(value(&back, name), *sent, "{name}");
    }
    // What is left out, or given as NULL, is NULL.
    let back = pair.method(method("EchoScalars").parameter("ASINT8", CimValue::Null)).expect("it works");
    let back = back.expect("there are out-parameters");
    assert!(scalars().iter().all(|(name, _)| value(&back, name).is_null()), "{back:?}");
    finish(pair);
}

#[test]
fn methods_with_few_parameters_or_none() {
    let mut pair = pair();
    let mut returned = |exec: ExecMethod| {
        let reply = pair.method(exec.clone()).unwrap_or_else(|error| panic!("{}: {error}", exec.method));
        reply.map(|object| (value(&object, "ReturnValue"), object))
    };
    assert!(returned(method("Nothing")).is_none());
    assert!(returned(method("Swallow").parameter("text", "x")).is_none());
    assert_eq!(returned(method("yes")).map(|r| r.0), Some(true.into()));
    assert_eq!(returned(method("Repeat").parameter("Text", "ab")).map(|r| r.0), Some("abab".into()));
    let repeat = method("Repeat").parameter("times", 3_i64).parameter("Separator", "-").parameter("Text", "ab");
    assert_eq!(returned(repeat).map(|r| r.0), Some("ab-ab-ab".into()));
    let (code, sum) = returned(ExecMethod::new("Sim_Bare", "Add").parameter("A", 41)).expect("out-parameters");
    assert_eq!((code, value(&sum, "Sum")), (0_u32.into(), 42.into()), "B has a default");
    for calls in 1..=2_u32 {
        let path = "Sim_Methods.Name=\"it's \\\"second\\\", a=b\\\\c\"";
        let (code, who) = returned(ExecMethod::new(path, "Who")).expect("out-parameters");
        assert_eq!((code, value(&who, "Name")), (calls.into(), "it's \"second\", a=b\\c".into()));
    }
    finish(pair);
}

#[test]
fn a_signature_is_fetched_once_for_each_namespace_and_class() {
    let mut config = config();
    config.limits = Limits { max_signatures: 2, ..Limits::default() };
    let mut pair = Pair::new(config, host());
    let all: Vec<CallId> = (0..5).map(|_| pair.exec_method(method("Yes")).expect("it is accepted")).collect();
    for id in all {
        assert!(pair.reply(id).is_ok());
    }
    assert_eq!((calls(&pair, "GetObject"), calls(&pair, "ExecMethod")), (1, 5));
    // Another spelling of the same class, and of the namespace; then two other classes, so that this one is forgotten.
    pair.method(ExecMethod::new("SIM_methods", "Yes").namespace("//./ROOT/cimv2")).expect("it works");
    assert_eq!(calls(&pair, "GetObject"), 1);
    pair.method(ExecMethod::new("Sim_Bare", "Add")).expect("it works");
    pair.method(ExecMethod::new("Sim_Methods.Name=\"first\"", "Who")).expect("it works");
    assert_eq!(calls(&pair, "GetObject"), 2);
    pair.method(ExecMethod::new("StdRegProv", "EnumKey")).expect("it works");
    assert_eq!(calls(&pair, "GetObject"), 3);
    pair.method(ExecMethod::new("Sim_Bare", "Add")).expect("it works");
    assert_eq!(calls(&pair, "GetObject"), 4, "Sim_Bare was used longest ago");
    finish(pair);
}

#[test]
fn what_does_not_fit_the_signature_is_never_sent() {
    let mut pair = pair();
    let scalars = || method("EchoScalars");
    let point = pair.object(GetObject::new("Sim_Thing")).expect("a class");
    let thing = CimObject::instance(point.class(), []).expect("an instance");
    let wrong = |expected: &str, given: &str| ParameterProblem::WrongType {
        expected: expected.to_owned(),
        given: given.to_owned(),
    };
    let out = |expected: &str, given: &str| ParameterProblem::OutOfRange {
        expected: expected.to_owned(),
        given: given.to_owned(),
    };
    for (exec, problem) in [
        (scalars().parameter("NoSuch", 1), ParameterProblem::Unknown),
        (scalars().parameter("ReturnValue", 1), ParameterProblem::Unknown),
        (scalars().parameter("ASint8", 1).parameter("asint8", 1), ParameterProblem::Twice),
        (scalars().parameter("ASint8", 128), out("sint8", "128")),
        (scalars().parameter("ASint8", -129), out("sint8", "-129")),
        (scalars().parameter("AUint8", 256), out("uint8", "256")),
        (scalars().parameter("AUint32", -1), out("uint32", "-1")),
        (scalars().parameter("ASint64", u64::MAX), out("sint64", "18446744073709551615")),
        (scalars().parameter("AUint16", 1.5_f64), out("uint16", "1.5")),
        (scalars().parameter("AReal32", 1e300_f64), out("real32", &format!("{}…", &1e300_f64.to_string()[..64]))),
        (scalars().parameter("ADateTime", "tomorrow"), out("datetime", "\"tomorrow\"")),
        (scalars().parameter("AChar16", "ab"), out("char16", "\"ab\"")),
        (scalars().parameter("AString", 1), wrong("string", "sint32")),
        (scalars().parameter("ABoolean", 1), wrong("boolean", "sint32")),
        (scalars().parameter("ASint32", "1"), wrong("sint32", "string")),
        (scalars().parameter("ASint32", CimValue::Array(vec![1.into()])), wrong("sint32", "sint32[]")),
        (scalars().parameter("AObject", "x"), wrong("object:Sim_Point", "string")),
        (
            scalars().parameter("AObject", CimValue::Object(Box::new(thing))),
            wrong("object:Sim_Point", "object:Sim_Thing"),
        ),
        (method("EchoArrays").parameter("AString", "x"), wrong("string[]", "string")),
        (method("EchoArrays").parameter("AUint8", CimValue::Array(vec![1.into(), 256.into()])), out("uint8", "256")),
        (method("EchoArrays").parameter("AUint8", CimValue::Array(vec![CimValue::Null])), wrong("uint8[]", "NULL")),
        (method("Nothing").parameter("Text", "x"), ParameterProblem::Unknown),
    ] {
        let error = pair.method(exec.clone()).expect_err("it does not fit");
        assert_eq!(error.stage, Stage::Signature);
        let ErrorKind::Parameter(parameter) = &error.kind else { panic!("{error}") };
        let named = exec.parameters.last().map(|(name, _)| name.clone());
        assert_eq!((&parameter.problem, &parameter.method), (&problem, &exec.method), "{error}");
        assert_eq!(Some(&parameter.parameter), named.as_ref(), "{error}");
        assert_eq!(parameter.known.len(), if exec.method == "Nothing" { 0 } else { 16 });
        assert!(!error.to_string().contains('\n') && error.code().is_none(), "{error}");
    }
    let error = pair.method(method("NoSuchMethod")).expect_err("there is none");
    let ErrorKind::NoSuchMethod(none) = &error.kind else { panic!("{error}") };
    assert_eq!((none.class.as_str(), none.method.as_str()), ("Sim_Methods", "NoSuchMethod"));
    assert!(none.known.iter().any(|name| name == "EchoArrays") && none.known.len() == 12, "{error}");
    assert_eq!((calls(&pair, "ExecMethod"), calls(&pair, "GetObject")), (0, 2));
    finish(pair);
}

#[test]
fn what_cannot_be_sent_is_refused_at_once() {
    let mut pair = pair();
    let long = "x".repeat(5000);
    for path in ["", "Win32_Service.Name=", "Win32_Service.Name=\"x", "a b", "Win32\0", &"x".repeat(8193), &long] {
        assert!(pair.get_object(GetObject::new(path)).is_err(), "{path:.20}");
        assert!(pair.exec_method(ExecMethod::new(path, "M")).is_err(), "{path:.20}");
    }
    let refused = |error| matches!(error, Err(CommandError::BadPath(_)));
    assert!(refused(pair.get_object(GetObject::new("Win32_Service.Name=\"x"))));
    for name in ["", " ", "a\0b", &long] {
        assert!(pair.exec_method(ExecMethod::new("Win32_Service", name)).is_err(), "{name:.20}");
    }
    assert!(pair.exec_method(ExecMethod::new("root\\cimv2:", "M")).is_err());
    for namespace in ["", "a\0b", &"x".repeat(8193)] {
        assert!(pair.get_object(GetObject::new("C").namespace(namespace)).is_err(), "{namespace:.20}");
    }
    let mut config = config();
    config.limits = Limits { max_calls: 2, ..Limits::default() };
    let mut pair = Pair::new(config, host());
    let first = pair.get_object(GetObject::new("Sim_Many")).expect("there is room");
    let _ = pair.get_object(GetObject::new("Sim_Many")).expect("there is room");
    assert_eq!(pair.get_object(GetObject::new("Sim_Many")), Err(CommandError::TooMany));
    assert!(pair.reply(first).is_ok());
    let second = pair.get_object(GetObject::new("Sim_Many")).expect("there is room again");
    assert!(pair.reply(second).is_ok());
    assert!(!pair.cancel_call(second), "it is over");
    finish(pair);
}

#[test]
fn a_call_ends_at_its_deadline_and_the_late_answer_is_dropped() {
    let mut pair = pair();
    pair.method(method("Yes")).expect("it works");
    let before = pair.now();
    let late = pair.exec_method(sleep(20 * SECOND).timeout(2 * SECOND)).expect("it is accepted");
    let error = pair.reply(late).expect_err("it takes too long");
    assert_eq!((error.stage, error.kind), (Stage::ExecMethod, ErrorKind::TimedOut));
    assert_eq!(pair.now().saturating_since(before), 2 * SECOND);
    // Before, while and after the late answer comes.
    for _ in 0..3 {
        assert_eq!(ids(&pair.run(Query::new(MANY), 100)).len(), 20);
        assert!(pair.object(GetObject::new("Sim_Many")).is_ok());
        pair.advance(10 * SECOND);
    }
    finish(pair);
}

#[test]
fn one_deadline_covers_connecting_logging_in_and_the_signature() {
    let deadline = Duration::from_micros(700);
    let (mut seen, mut times) = (Vec::new(), 0..);
    loop {
        // Each time a little later.
        let timeout = deadline + Duration::from_micros(700 * times.next().expect("no end"));
        let mut pair = pair();
        let begun = pair.now();
        let call = pair.exec_method(method("Yes").timeout(timeout)).expect("it is accepted");
        match pair.reply(call) {
            Ok(_) => break,
            Err(error) => {
                assert_eq!(error.kind, ErrorKind::TimedOut);
                assert_eq!(pair.now().saturating_since(begun), timeout, "{error}");
                seen.push(error.stage);
            }
        }
    }
    seen.dedup();
    let login = Stage::Login { namespace: "root/cimv2".to_owned() };
    for stage in [Stage::Activate, login, Stage::Signature, Stage::ExecMethod] {
        assert!(seen.contains(&stage), "{stage} is not in {seen:?}");
    }
}

#[test]
fn a_cancelled_call_leaves_the_session_usable() {
    let mut pair = pair();
    pair.method(method("Yes")).expect("it works");
    let slow = pair.exec_method(sleep(5 * SECOND)).expect("it is accepted");
    let object = pair.get_object(GetObject::new("Sim_Many")).expect("it is accepted");
    assert!(pair.cancel_call(slow) && pair.cancel_call(object));
    for id in [slow, object] {
        assert_eq!(pair.reply(id).expect_err("it is cancelled").kind, ErrorKind::Cancelled);
        assert!(!pair.cancel_call(id), "it is over");
    }
    pair.advance(10 * SECOND);
    assert_eq!(ids(&pair.run(Query::new(MANY), 100)).len(), 20);
    finish(pair);
}

#[test]
fn a_call_that_waits_for_a_signature_may_be_cancelled_and_another_gets_it() {
    let mut pair = pair();
    pair.object(GetObject::new("Sim_Many")).expect("the session stands");
    let first = pair.exec_method(method("Yes")).expect("it is accepted");
    let second = pair.exec_method(method("Yes")).expect("it is accepted");
    assert!(pair.cancel_call(first));
    assert!(pair.reply(second).is_ok());
    assert_eq!((calls(&pair, "GetObject"), calls(&pair, "ExecMethod")), (2, 1));
    finish(pair);
}

#[test]
fn whatever_is_under_way_at_close_ends_once() {
    for steps in 0..40_u32 {
        let mut pair = pair();
        let mut left: BTreeMap<CallId, u32> = BTreeMap::new();
        for exec in [method("Yes"), sleep(SECOND), method("Fail").parameter("Status", 1), method("NoSuch")] {
            left.insert(pair.exec_method(exec).expect("it is accepted"), 0);
        }
        left.insert(pair.get_object(GetObject::new("Sim_Many")).expect("it is accepted"), 0);
        left.insert(pair.get_object(GetObject::new("Sim_Many").namespace("root/none")).expect("it is accepted"), 0);
        pair.advance(Duration::from_micros(500) * steps);
        pair.close();
        let mut closed = 0;
        while let Some(event) = pair.next_event() {
            match event {
                Event::Reply { call, .. } => {
                    assert_eq!(closed, 0, "nothing comes after Closed");
                    *left.get_mut(&call).expect("it is ours") += 1;
                }
                Event::Closed { outcome } => {
                    assert_eq!(outcome, Ok(()), "after {steps} half milliseconds");
                    closed += 1;
                }
                _ => {}
            }
        }
        assert!(closed == 1 && left.values().all(|count| *count == 1), "after {steps} half milliseconds: {left:?}");
    }
}

#[test]
fn many_calls_and_queries_at_once() {
    for fault in [None, Some(Fault::NoMpx)] {
        let mut pair = Pair::new(config(), host().rows(50).faults(fault));
        let mut left = Vec::new();
        for number in 0..40_u32 {
            let text = format!("{number}-");
            left.push((
                pair.exec_method(method("Repeat").parameter("Text", text.clone())).expect("it is accepted"),
                CimValue::from(text.repeat(2)),
            ));
        }
        let query = pair.exec(Query::new(MANY));
        let outcome = {
            pair.fetch(query, 100);
            let (mut rows, mut replies) = (0, BTreeMap::new());
            loop {
                match pair.next_event().expect("the session goes on") {
                    Event::Reply { call, outcome } => {
                        replies.insert(call, outcome);
                    }
                    Event::Batch { rows: batch, .. } => {
                        rows += batch.len();
                        pair.fetch(query, 100);
                    }
                    Event::QueryDone { outcome, .. } => assert!(outcome.is_ok()),
                    _ => {}
                }
                if rows == 50 && replies.len() == 40 {
                    break replies;
                }
            }
        };
        for (call, expected) in left {
            let object = outcome[&call].clone().expect("it works").expect("there are out-parameters");
            assert_eq!(value(&object, "ReturnValue"), expected, "{fault:?}");
        }
        finish(pair);
    }
}

#[test]
fn every_legal_difference_of_a_host_leaves_calls_alone() {
    for fault in Fault::ALL.iter().copied().filter(|fault| fault.is_legal()) {
        let mut pair = Pair::new(config(), host().faults([fault]));
        let object =
            pair.object(GetObject::new("Sim_Methods.Name=\"first\"")).unwrap_or_else(|e| panic!("{fault}: {e}"));
        assert_eq!(value(&object, "Name"), "first".into(), "{fault}");
        let reply = pair.method(method("Yes")).unwrap_or_else(|e| panic!("{fault}: {e}"));
        assert_eq!(reply.map(|object| value(&object, "ReturnValue")), Some(true.into()), "{fault}");
        finish(pair);
    }
}

#[test]
fn a_lost_connection_ends_each_call_once() {
    let mut pair = pair();
    pair.method(method("Yes")).expect("it works");
    let calls = [
        pair.exec_method(sleep(20 * SECOND)).expect("it is accepted"),
        pair.exec_method(sleep(20 * SECOND)).expect("it is accepted"),
    ];
    pair.at_host(|host, now| host.reboot(SECOND, None, now));
    for call in calls {
        let error = pair.reply(call).expect_err("the connection is lost");
        assert!(error.is_unreachable() && error.stage == Stage::ExecMethod, "{error}");
    }
}

/// The context that a call had at the host: the type and the text of a value, and the languages.
fn seen(pair: &mut Pair, name: &str, context: Option<WbemContext>) -> (CimValue, CimValue, Vec<String>) {
    let exec = method("Context").parameter("Name", name);
    let exec = match context {
        Some(context) => exec.context(context),
        None => exec,
    };
    let reply = pair.method(exec).expect("it works").expect("there are out-parameters");
    let locales = value(&reply, "Locales");
    let locales = locales.as_array().expect("an array").iter().map(|l| l.as_str().expect("text").into_owned());
    (value(&reply, "Type"), value(&reply, "Text"), locales.collect())
}

#[test]
fn a_context_goes_with_the_call_and_only_with_that_one() {
    let mut pair = pair();
    let context = WbemContext::new().with("__ProviderArchitecture", CimValue::Sint32(32)).with("Mine", "text");
    let (kind, text, _) = seen(&mut pair, "__ProviderArchitecture", Some(context.clone()));
    assert_eq!((kind, text), ("sint32".into(), "32".into()));
    assert_eq!(seen(&mut pair, "mine", Some(context.clone())).1, "text".into());
    assert_eq!(seen(&mut pair, "Mine", None).0, CimValue::Null);
    // An architecture that there is not, and that is required.
    let none = WbemContext::new().with("__ProviderArchitecture", 128).with("__RequiredArchitecture", true);
    let refused = "WBEM_E_PROVIDER_LOAD_FAILURE";
    let object = pair.object(GetObject::new("Sim_Methods.Name=\"first\"").context(none.clone()));
    assert_eq!(object.expect_err("there is none").code_name(), Some(refused));
    let query = pair.run(Query::new(MANY).context(none), 100);
    assert_eq!(query.end.expect_err("there is none").code_name(), Some(refused));
    assert_eq!(ids(&pair.run(Query::new(MANY).context(context), 100)).len(), 20);
    finish(pair);
}

fn with_locale(locale: &str) -> Config {
    let mut config = config();
    config.locale = Some(locale.to_owned());
    config
}

#[test]
fn one_old_locale_is_sent_as_it_is_and_a_list_after_the_host_was_asked() {
    let old = Fault::EstablishPositionNotImplemented;
    for (locale, fault, asked, languages) in [
        ("MS_407", None, 0, &["MS_407", "MS_409"][..]),
        ("MS_407", Some(old), 0, &["MS_407", "MS_409"]),
        ("de-DE,MS_80c,en", None, 1, &["MS_407", "MS_80c", "MS_409"]),
        ("de-DE,MS_80c,en", Some(old), 1, &["MS_80c", "MS_409"]),
        ("de-DE", None, 1, &["MS_407", "MS_409"]),
        ("de-DE", Some(old), 1, &["MS_409"]),
    ] {
        let mut pair = Pair::new(with_locale(locale), host().faults(fault));
        let (_, _, seen) = seen(&mut pair, "x", None);
        assert_eq!(seen, languages, "{locale} {fault:?}");
        pair.object(GetObject::new("__NAMESPACE").namespace("root")).expect("another namespace");
        let positions = pair.host.stats().calls_of("IWbemLevel1Login::EstablishPosition");
        assert_eq!((positions, pair.host.stats().client_info.clone()), (asked, None), "{locale} {fault:?}");
        finish(pair);
    }
    let mut pair = Pair::ordinary();
    assert_eq!(seen(&mut pair, "x", None).2, ["MS_409"]);
    assert_eq!(pair.host.stats().calls_of("IWbemLevel1Login::EstablishPosition"), 0);
    finish(pair);
}

#[test]
fn the_host_is_told_who_calls_when_that_is_asked_for() {
    for fault in [None, Some(Fault::EstablishPositionNotImplemented), Some(Fault::LazyInterfaces), Some(Fault::NoMpx)] {
        let mut config = with_locale("de-DE,MS_407");
        config.client_info = Some(ClientInfo { machine: "WORKSTATION".to_owned(), process: 4711 });
        let mut pair = Pair::new(config, host().rows(20).faults(fault));
        // Two namespaces at once, and nothing is said twice.
        let other = pair.get_object(GetObject::new("__NAMESPACE").namespace("root")).expect("it is accepted");
        let query = pair.exec(Query::new(MANY));
        assert!(pair.reply(other).is_ok());
        assert_eq!(ids(&pair.finish(query, 100)).len(), 20);
        pair.object(GetObject::new("__NAMESPACE").namespace("root/default")).expect("a third namespace");
        let stats = pair.host.stats();
        assert_eq!(stats.client_info, Some(("WORKSTATION".to_owned(), 4711)), "{fault:?}");
        assert_eq!(stats.calls_of("IWbemLoginClientID::SetClientInfo"), 1, "{fault:?}");
        assert_eq!(stats.calls_of("IWbemLevel1Login::EstablishPosition"), 1, "{fault:?}");
        assert_eq!(stats.calls_of("IWbemLevel1Login::NTLMLogin"), 3, "{fault:?}");
        finish(pair);
    }
}

#[test]
fn namespaces_and_classes_are_listed_by_queries() {
    let mut pair = pair();
    let names = |pair: &mut Pair, query: String, namespace: &str| -> Vec<String> {
        let outcome = pair.run(Query::new(query).namespace(namespace), 1000);
        assert!(outcome.end.is_ok(), "{:?}", outcome.end);
        let name = |object: &CimObject| match object.genus() {
            Genus::Class => object.class().name().to_str().into_owned(),
            Genus::Instance => value(object, "Name").as_str().expect("text").into_owned(),
        };
        outcome.rows.iter().map(|row| name(row.as_ref().expect("a row"))).collect()
    };
    let namespaces = names(&mut pair, wmi_proto::path::NAMESPACES.to_owned(), "root");
    assert!(namespaces.iter().any(|name| name.eq_ignore_ascii_case("cimv2")), "{namespaces:?}");
    // Two of them let nobody in.
    for name in
        namespaces.into_iter().filter(|name| !["secret", "securitycenter2"].contains(&name.to_lowercase().as_str()))
    {
        let below = wmi_proto::path::namespace_below("root", &name);
        names(&mut pair, wmi_proto::path::NAMESPACES.to_owned(), &below);
    }
    let classes = names(&mut pair, wmi_proto::path::classes(Some("sim_m*")), "root/cimv2");
    assert_eq!(classes, ["Sim_Many", "Sim_Methods"]);
    assert_eq!(names(&mut pair, wmi_proto::path::classes(Some("Sim?Many")), "root/cimv2"), ["Sim_Many"]);
    finish(pair);
}

#[test]
fn a_class_tells_the_signatures_of_its_methods() {
    let mut pair = pair();
    let class = pair.object(GetObject::new("Sim_Methods")).expect("a class");
    let signature = MethodSignature::of(class.class(), "repeat").expect("a signature");
    let inputs: Vec<_> = signature.inputs().iter().map(|p| (p.name.as_str(), p.type_name(), p.optional)).collect();
    assert_eq!(
        inputs,
        [("Text", "string".into(), false), ("Times", "uint32".into(), true), ("Separator", "string".into(), true)]
    );
    let outputs: Vec<_> = signature.outputs().iter().map(|p| (p.name.as_str(), p.type_name(), p.id)).collect();
    assert_eq!(outputs, [("ReturnValue", "string".into(), None)]);
    assert!(signature.is_static() && signature.name() == "Repeat");
    assert_eq!(MethodSignature::names(class.class()).len(), 12);
    let who = MethodSignature::of(class.class(), "Who").expect("a signature");
    assert!(!who.is_static() && who.inputs().is_empty() && who.fill(&[]) == Ok(None));
    finish(pair);
}

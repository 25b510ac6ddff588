//! What is said when a host refuses: stage, code, whom it concerns and what helps, over the whole session.

use std::fs;
use std::path::Path;
use std::time::Duration;

use wmi_proto::wire::status::BindNakReason;
use wmi_proto::wire::{FaultStatus, HResult};
use wmi_proto::{
    AccountKind, AuthLevel, CommandError, Error, ErrorKind, GetObject, Query, Role, Stage, TransportFailure,
};
use wmi_sim::{Fault, HostConfig, Refused, Shape};
use wmi_testkit::{Direction, OBJECT_PORT, Pair, config};

use super::host;

const SERVICES: &str = "SELECT Name FROM Win32_Service";

fn login() -> Stage {
    Stage::Login { namespace: "root/cimv2".to_owned() }
}

/// How `SERVICES` fails at such a host.
fn failure(host: HostConfig) -> Error {
    let mut pair = Pair::new(config(), host);
    let error = pair.run(Query::new(SERVICES).timeout(Duration::from_secs(8)), 10).end.expect_err("refused");
    let _ = pair.finish_session();
    error
}

fn assert_says(error: &Error, stage: &Stage, code: Option<&str>, words: &[&str]) {
    let remedy = error.remedy().unwrap_or_default();
    assert_eq!((&error.stage, error.code_name()), (stage, code), "{error}: {remedy}");
    for word in words {
        assert!(remedy.contains(word), "{word:?} is missing: {error}: {remedy}");
    }
    assert!(!error.to_string().contains('\n'), "{error}");
    if code.is_some() {
        assert!(error.meaning().is_some(), "{error}");
    }
}

/// Access denied: in each of its shapes, at each stage.
#[test]
fn access_denied_is_told_by_stage() {
    let shapes = [
        (Shape::Fault(FaultStatus::ACCESS_DENIED), "ERROR_ACCESS_DENIED"),
        (Shape::Fault(FaultStatus(HResult::E_ACCESSDENIED.0)), "E_ACCESSDENIED"),
        (Shape::Status(HResult::E_ACCESSDENIED), "E_ACCESSDENIED"),
        (Shape::Status(HResult::WBEM_E_ACCESS_DENIED), "WBEM_E_ACCESS_DENIED"),
    ];
    for (refused, stage, words) in [
        (Refused::Activation, Stage::Activate, &["Distributed COM Users", "Remote Activation"][..]),
        (Refused::Login, login(), &["Remote Enable on root/cimv2"]),
        (Refused::Query, Stage::Query, &["provider of Win32_Service", "refuses this account"]),
        (Refused::Rows, Stage::Fetch, &["provider of Win32_Service", "refuses this account"]),
    ] {
        for (shape, name) in shapes {
            assert_says(&failure(host().refusing(refused, shape)), &stage, Some(name), words);
        }
    }
    // The faults of the program say the same.
    for (fault, stage, name) in [
        (Fault::DenyActivation, Stage::Activate, "E_ACCESSDENIED"),
        (Fault::DenyLogin, login(), "WBEM_E_ACCESS_DENIED"),
        (Fault::DenyQuery, Stage::Fetch, "WBEM_E_ACCESS_DENIED"),
        (Fault::DenyQueryFault5, Stage::Query, "ERROR_ACCESS_DENIED"),
    ] {
        assert_says(&failure(host().faults([fault])), &stage, Some(name), &[]);
    }
    // A password that is wrong shows in an answer that nobody could sign.
    let mut wrong = config();
    wrong.credentials.password = "wrong".into();
    let error = Pair::new(wrong, host()).run(Query::new(SERVICES), 10).end.expect_err("refused");
    assert_says(&error, &Stage::Bind(Role::Activator), Some("ERROR_ACCESS_DENIED"), &["password", "4625"]);
}

/// Remote UAC is told to accounts of the host itself, and to nobody else.
#[test]
fn local_accounts_are_told_of_remote_uac() {
    for (domain, told) in [("ACME", false), (".", true), ("", true), ("WINSIM", true)] {
        let mut config = config();
        config.host = "winsim".to_owned();
        config.credentials.domain = domain.to_owned();
        let mut pair = Pair::new(config, host().faults([Fault::DenyLogin]));
        let error = pair.run(Query::new(SERVICES), 10).end.expect_err("refused");
        assert_says(&error, &login(), Some("WBEM_E_ACCESS_DENIED"), &["Remote Enable"]);
        let remedy = error.remedy().expect("a remedy");
        assert_eq!(remedy.contains("LocalAccountTokenFilterPolicy"), told, "{domain:?}: {remedy}");
    }
}

/// Binds that are refused, and what listens there that is no activator.
#[test]
fn refusals_of_the_bind() {
    let bind = Stage::Bind(Role::Activator);
    for (reason, name, words) in [
        (
            BindNakReason::AUTHENTICATION_TYPE_NOT_RECOGNIZED,
            "AUTHENTICATION_TYPE_NOT_RECOGNIZED",
            &["Restrict NTLM"][..],
        ),
        (BindNakReason::INVALID_CHECKSUM, "INVALID_CHECKSUM", &["password"]),
        (BindNakReason::LOCAL_LIMIT_EXCEEDED, "LOCAL_LIMIT_EXCEEDED", &["no room"]),
    ] {
        let mut host = host();
        host.refused_binds = Some(reason);
        assert_says(&failure(host), &bind, Some(name), words);
    }
    assert_says(
        &failure(host().faults([Fault::NoNtlm])),
        &bind,
        Some("AUTHENTICATION_TYPE_NOT_RECOGNIZED"),
        &["Restrict NTLM"],
    );
    let error = failure(host().faults([Fault::SpeaksHttp]));
    assert_eq!(error.kind, ErrorKind::OtherProtocol("HTTP"));
    assert_says(&error, &bind, None, &["135", "WinRM"]);
}

/// Every code that a host may give, where it gives it.
#[test]
fn codes_have_their_remedies_on_the_wire() {
    let fault = |code| Shape::Fault(FaultStatus(code));
    let unsigned = |code| Shape::UnsignedFault(FaultStatus(code));
    let status = |code| Shape::Status(HResult(code));
    for (refused, shape, stage, name, words) in [
        // The log-on.
        (
            Refused::Activation,
            unsigned(0xc000_0234),
            Stage::Bind(Role::Activator),
            "STATUS_ACCOUNT_LOCKED_OUT",
            "unlock",
        ),
        (
            Refused::Activation,
            unsigned(0x0533),
            Stage::Bind(Role::Activator),
            "ERROR_ACCOUNT_DISABLED",
            "enable the account",
        ),
        (
            Refused::Activation,
            unsigned(0xc000_0071),
            Stage::Bind(Role::Activator),
            "STATUS_PASSWORD_EXPIRED",
            "new password",
        ),
        (
            Refused::Activation,
            unsigned(0xc000_0418),
            Stage::Bind(Role::Activator),
            "STATUS_NTLM_BLOCKED",
            "Restrict NTLM",
        ),
        (Refused::Activation, unsigned(0x8009_0324), Stage::Bind(Role::Activator), "SEC_E_TIME_SKEW", "w32tm"),
        (Refused::Activation, status(0x8007_0721), Stage::Activate, "RPC_S_SEC_PKG_ERROR", ""),
        // Activation.
        (Refused::Activation, fault(0x1c00_001d), Stage::Activate, "NCA_UNSUPPORTED_AUTHN_LEVEL", "KB5004442"),
        (
            Refused::Activation,
            status(0x8000_401b),
            Stage::Activate,
            "CO_E_LAUNCH_PERMSSION_DENIED",
            "Distributed COM Users",
        ),
        (Refused::Activation, status(0x8004_0154), Stage::Activate, "REGDB_E_CLASSNOTREG", "no WMI"),
        (Refused::Activation, fault(0x8001_011c), Stage::Activate, "RPC_E_REMOTE_DISABLED", "Distributed COM"),
        (
            Refused::Activation,
            status(0x8007_06ba),
            Stage::Activate,
            "RPC_S_SERVER_UNAVAILABLE",
            "service Windows Management",
        ),
        (
            Refused::Activation,
            status(0x8008_0005),
            Stage::Activate,
            "CO_E_SERVER_EXEC_FAILURE",
            "service Windows Management",
        ),
        (Refused::Activation, fault(0x8001_0110), Stage::Activate, "RPC_E_VERSION_MISMATCH", "5.7"),
        (Refused::Activation, fault(0x8001_0111), Stage::Activate, "RPC_E_INVALID_HEADER", "5.7"),
        // The namespace.
        (Refused::Login, status(0x8004_100e), login(), "WBEM_E_INVALID_NAMESPACE", "no root/cimv2"),
        (Refused::Login, status(0x8004_1087), login(), "WBEM_E_ENCRYPTED_CONNECTION_REQUIRED", "level privacy"),
        (Refused::Login, status(0x8004_1008), login(), "WBEM_E_INVALID_PARAMETER", "locale"),
        // The provider.
        (Refused::Rows, status(0x8004_1010), Stage::Fetch, "WBEM_E_INVALID_CLASS", "has no class Win32_Service"),
        (Refused::Rows, status(0x8004_106c), Stage::Fetch, "WBEM_E_QUOTA_VIOLATION", "5612"),
        (Refused::Rows, status(0x8004_1032), Stage::Fetch, "WBEM_E_CALL_CANCELLED", "gave the call up"),
        (Refused::Rows, status(0x8004_1013), Stage::Fetch, "WBEM_E_PROVIDER_LOAD_FAILURE", "does not load"),
        (Refused::Rows, status(0x8001_0123), Stage::Fetch, "CO_E_FAILEDTOIMPERSONATE", "delegation"),
        (Refused::Rows, status(0x8004_1062), Stage::Fetch, "WBEM_E_PRIVILEGE_NOT_HELD", "privilege"),
        (Refused::Rows, status(0x8004_1001), Stage::Fetch, "WBEM_E_FAILED", "WMI-Activity"),
        (Refused::Query, status(0x8004_1045), Stage::Query, "WBEM_E_SERVER_TOO_BUSY", "overloaded"),
        (Refused::Query, fault(0x8007_000e), Stage::Query, "E_OUTOFMEMORY", "overloaded"),
    ] {
        let error = failure(host().refusing(refused, shape));
        assert_says(&error, &stage, Some(name), &[words]);
    }
}

/// A missing class is told from counters that are broken, with both names.
#[test]
fn missing_classes_and_broken_counters() {
    let mut pair = Pair::new(config(), host());
    for (wql, namespace, words, not) in [
        ("SELECT * FROM Win32_PerfRawData_Nothing", "root/cimv2", "lodctr /R", "feature"),
        ("SELECT * FROM MSCluster_Node", "root/default", "root/default has no class MSCluster_Node", "lodctr"),
    ] {
        let error = pair.run(Query::new(wql).namespace(namespace), 10).end.expect_err(wql);
        assert_says(&error, &Stage::Fetch, Some("WBEM_E_INVALID_CLASS"), &[words]);
        assert!(!error.remedy().expect("a remedy").contains(not), "{error}");
    }
    let concern = pair.run(Query::new("SELECT * FROM Nope"), 10).end.expect_err("missing");
    let concern = concern.concern().expect("a session's error concerns something");
    assert_eq!((concern.namespace.as_deref(), concern.class.as_deref()), (Some("root/cimv2"), Some("Nope")));
    assert_eq!((concern.host.as_str(), concern.port), ("winsim.test", Some(OBJECT_PORT)));
    assert_eq!((concern.account, concern.level), (Some(AccountKind::Domain), Some(AuthLevel::Privacy)));
}

/// The activator answered, and the port that it told is filtered.
#[test]
fn a_filtered_dynamic_port_is_told() {
    let mut pair = Pair::new(config(), host());
    pair.refuse = Some(Role::ObjectServer);
    let error = pair.run(Query::new(SERVICES), 10).end.expect_err("filtered");
    assert_eq!(error.kind, ErrorKind::Transport(TransportFailure::Refused));
    let rule = format!("localport={OBJECT_PORT}");
    let connect = Stage::Connect(Role::ObjectServer);
    assert_says(&error, &connect, None, &[&format!("port {OBJECT_PORT}"), "set rule group=", &rule, "/standalonehost"]);
    assert!(error.is_unreachable());
}

/// What is too long for WMI is refused before anything is sent, with both numbers; the longest that fits is sent.
#[test]
fn texts_that_are_too_long_are_not_sent() {
    let mut pair = Pair::new(config(), host());
    assert!(pair.run(Query::new(SERVICES), 100).end.is_ok());
    let before = pair.client.stats().octets_out;
    let query = |length: usize| Query::new(format!("{SERVICES} WHERE Name = '{}'", "x".repeat(length - 46)));
    assert_eq!(query(16_385).wql.len(), 16_385);
    let refused = pair.try_exec(query(16_385)).expect_err("too long");
    assert_eq!(refused, CommandError::TooLong { what: "the query", length: 16_385, limit: 16_384 });
    assert_eq!(
        refused.to_string(),
        "the query has 16385 characters, and WMI takes 16384 at most (WBEM_E_QUOTA_VIOLATION)"
    );
    assert_eq!(refused.code_name(), Some("WBEM_E_QUOTA_VIOLATION"));
    let class = pair.try_exec(Query::new(format!("SELECT * FROM {}", "C".repeat(4097)))).expect_err("too long");
    assert_eq!(class, CommandError::TooLong { what: "the class's name", length: 4097, limit: 4096 });
    let namespace = pair.try_exec(Query::new(SERVICES).namespace("n".repeat(8174))).expect_err("too long");
    assert_eq!(namespace, CommandError::TooLong { what: "the namespace", length: 8174, limit: 8173 });
    let path = format!("Win32_Service.Name=\"{}\"", "x".repeat(8192));
    let path = pair.client.get_object(GetObject::new(path), pair.now()).expect_err("too long");
    assert_eq!(path, CommandError::TooLong { what: "the path", length: 8213, limit: 8192 });
    assert_eq!(pair.client.stats().octets_out, before, "nothing was sent");
    // Characters are counted as the host counts them: twelve thousand of two UTF-16 code units are too many.
    let wide = Query::new(format!("{SERVICES} WHERE Name = '{}'", "𝄞".repeat(12_000)));
    assert!(matches!(pair.try_exec(wide), Err(CommandError::TooLong { length: 24_046, .. })));
    let accents = Query::new(format!("{SERVICES} WHERE Name = '{}'", "é".repeat(16_338)));
    for fits in [query(16_384), accents] {
        assert_eq!(pair.run(fits, 10).end.map(|end| end.rows), Ok(0), "the host takes it");
    }
}

/// Octets that were changed on the way are no refusal of the host.
#[test]
fn a_changed_answer_is_not_trusted() {
    let mut pair = Pair::new(config(), host());
    let mut answers = 0;
    pair.tap = Some(Box::new(move |direction, role, data| {
        if (direction, role) == (Direction::ToClient, Role::ObjectServer) {
            answers += 1;
            if answers == 4
                && let Some(octet) = data.iter_mut().nth_back(0)
            {
                *octet ^= 1;
            }
        }
    }));
    let error = pair.run(Query::new(SERVICES), 10).end.expect_err("changed");
    assert!(matches!(error.kind, ErrorKind::Tampered(_)), "{error}");
    assert!(error.remedy().expect("a remedy").contains("do not trust"), "{error}");
}

/// docs/errors.md has a row for each of the thirty, and the tests that it and docs/quirks.md name exist.
#[test]
fn the_documents_name_tests_that_exist() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
    let read = |path: &str| fs::read_to_string(root.join(path)).expect(path);
    let (errors, quirks) = (read("docs/errors.md"), read("docs/quirks.md"));
    let pains = (1..=30).filter(|pain| errors.contains(&format!("\n| {pain} | ")));
    assert_eq!(pains.count(), 30);
    let mut text = String::new();
    let mut dirs = vec![root.join("crates"), root.join("tests")];
    while let Some(dir) = dirs.pop() {
        for entry in fs::read_dir(dir).expect("the folder is readable") {
            let path = entry.expect("the entry is readable").path();
            if path.is_dir() {
                dirs.push(path);
            } else if path.extension().is_some_and(|extension| extension == "rs") {
                text.push_str(&fs::read_to_string(path).expect("the source is readable"));
            }
        }
    }
    for (document, least) in [(&errors, 25), (&quirks, 60)] {
        let named = document.split('`').skip(1).step_by(2).map(|name| name.rsplit("::").next().unwrap_or(name));
        let is_test = |name: &&str| {
            let is_of_names = |c: char| c == '_' || c.is_ascii_lowercase() || c.is_ascii_digit();
            name.matches('_').count() >= 2 && name.chars().all(is_of_names)
        };
        let named: Vec<&str> = named.filter(is_test).collect();
        assert!(named.len() > least, "{named:?}");
        for name in named {
            assert!(
                text.contains(&format!("fn {name}(")) || text.contains(&format!("fn {name}<")),
                "there is no {name}"
            );
        }
    }
}

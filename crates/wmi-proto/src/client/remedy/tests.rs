//! What is said about each failure that users of remote WMI meet.

use std::collections::BTreeSet;

use super::*;
use crate::auth::AuthError;
use crate::wire::error::WireErrorKind;
use crate::wire::{FaultStatus, Interface, WireError};

fn login() -> Stage {
    Stage::Login { namespace: "root/cimv2".to_owned() }
}

fn status(code: u32) -> ErrorKind {
    ErrorKind::Status(HResult(code))
}

fn fault(code: u32) -> ErrorKind {
    ErrorKind::Fault(FaultStatus(code))
}

fn unverified(code: u32) -> ErrorKind {
    ErrorKind::UnverifiedFault(FaultStatus(code))
}

/// The remedy for a domain's account that asks for Win32_Service in root/cimv2.
fn remedy(stage: Stage, kind: ErrorKind) -> String {
    remedy_for(AccountKind::Domain, "Win32_Service", stage, kind)
}

fn remedy_for(account: AccountKind, class: &str, stage: Stage, kind: ErrorKind) -> String {
    let error = Error::new(stage, kind).about("root/cimv2", Some(class)).concerning(|concern| {
        concern.host = "srv1".to_owned();
        concern.port = Some(49666);
        concern.account = Some(account);
        concern.level = Some(AuthLevel::Privacy);
    });
    error.remedy().expect("a remedy").into_owned()
}

fn assert_says(text: &str, words: &[&str]) {
    for word in words {
        assert!(text.contains(word), "{word:?} is missing: {text}");
    }
}

#[test]
fn access_denied_has_four_meanings() {
    let password = ["password", "4625"];
    assert_says(&remedy(Stage::Bind(Role::Activator), unverified(5)), &password);
    assert_says(&remedy(Stage::Bind(Role::ObjectServer), unverified(5)), &password);
    assert_says(&remedy(Stage::Activate, unverified(5)), &password);
    assert_says(
        &remedy(Stage::Bind(Role::Activator), ErrorKind::BindRefused(BindNakReason::INVALID_CHECKSUM)),
        &password,
    );
    // The three shapes: a fault that is signed, so that the password is right, COM's HRESULT and WMI's.
    for shape in [fault(5), status(0x8007_0005), status(0x8004_1003), fault(0x8007_0005), unverified(0x8007_0005)] {
        if !matches!(shape, ErrorKind::UnverifiedFault(_)) {
            assert_says(&remedy(Stage::Activate, shape.clone()), &["Distributed COM Users", "Remote Activation"]);
        }
        assert_says(&remedy(login(), shape.clone()), &["Enable Account", "Remote Enable", "root/cimv2"]);
        for stage in [Stage::Query, Stage::SmartEnum, Stage::Fetch, Stage::GetObject, Stage::ExecMethod] {
            assert_says(&remedy(stage, shape.clone()), &["provider of Win32_Service", "refuses this account"]);
        }
    }
}

#[test]
fn remote_uac_is_told_to_local_accounts_only() {
    for (stage, kind) in
        [(Stage::Activate, fault(5)), (login(), status(0x8004_1003)), (Stage::Fetch, status(0x8004_1003))]
    {
        let local = remedy_for(AccountKind::Local, "Win32_Service", stage.clone(), kind.clone());
        assert_says(&local, &["LocalAccountTokenFilterPolicy", "domain account"]);
        let domain = remedy_for(AccountKind::Domain, "Win32_Service", stage, kind);
        assert!(!domain.contains("LocalAccountTokenFilterPolicy"), "{domain}");
    }
    let nobody = Error::new(Stage::Fetch, status(0x8004_1003)).remedy().expect("a remedy");
    assert!(!nobody.contains("LocalAccountTokenFilterPolicy"), "{nobody}");
    let wrong = remedy_for(AccountKind::Local, "", Stage::Bind(Role::Activator), unverified(5));
    assert!(wrong.contains("account of the host itself") && !wrong.contains("LocalAccount"), "{wrong}");
}

#[test]
fn a_filtered_dynamic_port_is_told_with_its_number() {
    for kind in [
        ErrorKind::Transport(TransportFailure::Refused),
        ErrorKind::Transport(TransportFailure::TimedOut),
        ErrorKind::TimedOut,
    ] {
        let text = remedy(Stage::Connect(Role::ObjectServer), kind.clone());
        assert_says(&text, &["port 49666", "set rule group=", "localport=49666", "winmgmt /standalonehost"]);
        let text = remedy(Stage::Connect(Role::Activator), kind);
        assert!(text.contains("135") && !text.contains("49666"), "{text}");
    }
    let unknown = Error::new(Stage::Connect(Role::ObjectServer), ErrorKind::TimedOut).remedy().expect("a remedy");
    assert!(unknown.contains("set rule group=") && !unknown.contains("localport"), "{unknown}");
}

#[test]
fn unreachable_hosts() {
    let connect = Stage::Connect(Role::Activator);
    let transport = |failure| remedy(connect.clone(), ErrorKind::Transport(failure));
    assert_says(&transport(TransportFailure::NameResolution), &["spelling", "address"]);
    assert_says(&transport(TransportFailure::Refused), &["nobody listens", "135"]);
    assert_says(&transport(TransportFailure::Unreachable), &["address", "firewalls"]);
    assert_says(&transport(TransportFailure::Exhausted), &["ulimit -n"]);
    assert_says(&remedy(Stage::Bind(Role::Activator), ErrorKind::TimedOut), &["says nothing"]);
    assert_says(&remedy(login(), ErrorKind::TimedOut), &["service Windows Management Instrumentation"]);
    assert_says(&remedy(Stage::Fetch, ErrorKind::TimedOut), &["more time", "host is gone"]);
    assert_says(&remedy(Stage::Fetch, ErrorKind::Disconnected), &["try again"]);
    assert_says(&remedy(Stage::Fetch, ErrorKind::Transport(TransportFailure::Reset)), &["try again"]);
}

#[test]
fn a_class_that_is_missing_is_not_a_counter_that_is_broken() {
    let missing = status(0x8004_1010);
    let class = |class| remedy_for(AccountKind::Domain, class, Stage::Fetch, missing.clone());
    let counters = class("Win32_PerfFormattedData_PerfOS_System");
    assert_says(
        &counters,
        &["Win32_PerfFormattedData_PerfOS_System", "root/cimv2", "lodctr /R", "winmgmt /resyncperf"],
    );
    assert_says(&class("win32_perfrawdata_x"), &["lodctr /R"]);
    let feature = class("MSCluster_Node");
    assert_says(&feature, &["MSCluster_Node", "root/cimv2", "feature"]);
    assert!(!feature.contains("lodctr"), "{feature}");
    // A name that is cut in the middle of a character is no reason to fall over.
    assert_says(&class("Win32_Perö"), &["Win32_Perö"]);
    let not_found = |class| remedy_for(AccountKind::Domain, class, Stage::GetObject, status(0x8004_1002));
    assert_says(&not_found("Win32_PerfRawData_X"), &["nothing is at this path", "lodctr /R"]);
    assert!(!not_found("Win32_Service").contains("lodctr"));
    let unknown = Error::new(Stage::Fetch, missing).remedy().expect("a remedy");
    assert_says(&unknown, &["class's name", "lodctr /R"]);
}

#[test]
fn every_refusal_of_a_log_on_has_its_own_remedy() {
    for (codes, words) in [
        (&[0x52e, 0x8007_052e, 0xc000_006d, 0xd000_006d, 0x8009_030c][..], &["password"][..]),
        (&[0x775, 0xc000_0234, 0xd000_0234], &["unlock"]),
        (&[0x533, 0xc000_0072], &["enable the account"]),
        (&[0x532, 0xc000_0071, 0x773, 0xc000_0224], &["new password"]),
        (&[0x701, 0xc000_0193], &["extend"]),
        (&[0x52f, 0xc000_006e], &["empty password", "Protected Users"]),
        (&[0x569, 0xc000_015b], &["Access this computer from the network"]),
        (&[0x51f, 0xc000_005e, 0x8009_0311], &["domain controller"]),
        (&[0x6fd, 0xc000_018d], &["Test-ComputerSecureChannel"]),
        (&[0x78f, 0xc000_0413], &["Allowed to authenticate"]),
        (&[0x576, 0xc000_0133, 0x8009_0324], &["time"]),
        (&[0xc000_0418, 0x8009_0302, 0x6d3], &["NTLM"]),
        (&[0x8009_0322, 0x574], &["name"]),
    ] {
        for code in codes {
            for kind in [unverified(*code), fault(*code), ErrorKind::Status(FaultStatus(*code).hresult())] {
                assert_says(&remedy(Stage::Bind(Role::Activator), kind), words);
            }
        }
    }
    let bind = Stage::Bind(Role::Activator);
    let auth = ErrorKind::BindRefused(BindNakReason::AUTHENTICATION_TYPE_NOT_RECOGNIZED);
    assert_says(&remedy(bind.clone(), auth), &["NTLM"]);
    assert_says(&remedy(bind, ErrorKind::Auth(AuthError::Missing("target info"))), &["NTLM"]);
}

#[test]
fn levels_impersonation_and_versions() {
    for code in [0x1c00_001d, 1821, 1748, 0x8007_071d] {
        assert_says(&remedy(Stage::Activate, fault(code)), &["KB5004442", "privacy"]);
    }
    assert_says(&remedy(login(), status(0x8004_1087)), &["encrypted", "privacy"]);
    let integrity = Error::new(login(), status(0x8004_1003)).concerning(|c| c.level = Some(AuthLevel::Integrity));
    assert_says(&integrity.remedy().expect("a remedy"), &["Remote Enable", "level privacy"]);
    let privacy = remedy(login(), status(0x8004_1003));
    assert!(!privacy.contains("privacy"), "{privacy}");
    for code in [0x8001_0123, 0x8009_030b, 0xc000_00a5] {
        assert_says(&remedy(Stage::Fetch, status(code)), &["act as this account", "delegation"]);
    }
    for code in [0x8001_0110, 0x8001_0111] {
        assert_says(&remedy(Stage::Activate, fault(code)), &["5.7"]);
    }
    assert_says(&remedy(Stage::Fetch, status(0x8004_1062)), &["privilege"]);
}

#[test]
fn quotas_overload_and_services() {
    assert_says(&remedy(Stage::Fetch, status(0x8004_106c)), &["5612", "fewer", "__ProviderHostQuotaConfiguration"]);
    assert_says(&remedy(Stage::Fetch, status(0x8004_1032)), &["gave the call up", "try again"]);
    for code in [0x8004_1045, 0x6bb, 0x1c01_0014, 0x8007_000e, 0x8001_010a] {
        assert_says(&remedy(Stage::Query, fault(code)), &["overloaded"]);
    }
    for code in [0x8007_06ba, 0x8004_1014, 0x8008_0005, 0x8007_0422] {
        assert_says(&remedy(Stage::Activate, status(code)), &["service Windows Management Instrumentation"]);
    }
    assert_says(&remedy(Stage::Fetch, status(0x8004_1033)), &["shutting down"]);
    for code in [0x8004_1011, 0x8004_1013] {
        assert_says(&remedy(Stage::Fetch, status(code)), &["provider does not load"]);
    }
    assert_says(&remedy(Stage::Fetch, status(0x8004_1004)), &["WMI-Activity/Operational"]);
    assert_says(&remedy(Stage::Fetch, status(0x8004_100a)), &["winmgmt /verifyrepository"]);
    for code in [0x8001_0108, 0x8004_01fb, 0x776, 0x777, 0x778] {
        assert_says(&remedy(Stage::Fetch, fault(code)), &["dropped the session", "try again"]);
    }
    assert_says(&remedy(Stage::Activate, status(0x8004_0154)), &["no WMI"]);
    assert_says(&remedy(Stage::Activate, fault(0x8001_011c)), &["Distributed COM"]);
    for reason in [BindNakReason::TEMPORARY_CONGESTION, BindNakReason::LOCAL_LIMIT_EXCEEDED] {
        assert_says(&remedy(Stage::Bind(Role::Activator), ErrorKind::BindRefused(reason)), &["no room"]);
    }
}

#[test]
fn what_was_asked_for_is_wrong() {
    for code in [0x8004_1017, 0x8004_1018, 0x8004_1058] {
        assert_says(&remedy(Stage::Query, status(code)), &["SELECT"]);
    }
    for code in [0x8004_100e, 0x8004_1002] {
        assert_says(&remedy(login(), status(code)), &["no root/cimv2", "spelling"]);
    }
    assert_says(&remedy(login(), status(0x8004_1008)), &["locale"]);
    assert_says(&remedy(Stage::GetObject, status(0x8004_1002)), &["at this path"]);
    assert_says(&remedy(Stage::GetObject, status(0x8004_103a)), &["CLASS.KEY"]);
    assert_says(&remedy(Stage::ExecMethod, status(0x8004_102e)), &["methods"]);
    assert_says(&remedy(Stage::ExecMethod, status(0x8004_102f)), &["types"]);
    assert_says(&remedy(Stage::Query, status(0x8004_1031)), &["property"]);
    for kind in
        [status(0x8000_4002), status(0x8004_100c), ErrorKind::NoInterface(Interface::orpc(crate::wire::Guid::NULL))]
    {
        assert_says(&remedy(Stage::SmartEnum, kind), &["auto"]);
    }
}

#[test]
fn what_answers_is_something_else() {
    let bind = Stage::Bind(Role::Activator);
    assert_says(&remedy(bind.clone(), ErrorKind::OtherProtocol("HTTP")), &["135", "WinRM"]);
    assert_says(&remedy(Stage::Bind(Role::ObjectServer), ErrorKind::OtherProtocol("HTTP")), &["49666"]);
    assert_says(&remedy(bind.clone(), ErrorKind::Misbehaved("x")), &["does not speak DCOM"]);
    assert_says(
        &remedy(bind, ErrorKind::NoInterface(Interface::orpc(crate::wire::Guid::NULL))),
        &["no COM activation"],
    );
    assert_says(&remedy(Stage::Fetch, ErrorKind::Misbehaved("x")), &["capture"]);
    assert_says(&remedy(Stage::Fetch, ErrorKind::Tampered("signature")), &["do not trust"]);
    assert_says(&remedy(Stage::Bind(Role::Activator), unverified(0x1c00_0012)), &["not signed"]);
}

/// The sections of `docs/windows-hosts.md` that a text names.
fn sections(text: &str) -> BTreeSet<String> {
    let named = text.split("docs/windows-hosts.md#").skip(1);
    named.map(|rest| rest.chars().take_while(|c| c.is_ascii_alphanumeric() || *c == '-').collect()).collect()
}

#[test]
fn each_demand_on_the_host_is_named_by_its_error() {
    let denied = || status(0x8007_0005);
    let missing = || status(0x8004_1010);
    let [connect, bind] = [Stage::Connect, Stage::Bind];
    let local = |stage, kind| remedy_for(AccountKind::Local, "Win32_Service", stage, kind);
    let class = |class| remedy_for(AccountKind::Domain, class, Stage::Fetch, missing());
    let cases = [
        (remedy(connect(Role::Activator), ErrorKind::TimedOut), &["firewall", "windows-11"][..]),
        (remedy(connect(Role::ObjectServer), ErrorKind::TimedOut), &["dynamic-ports", "fixed-port"]),
        (remedy(bind(Role::Activator), ErrorKind::Disconnected), &["isa-server"]),
        (remedy(bind(Role::ObjectServer), ErrorKind::Disconnected), &["isa-server"]),
        (local(bind(Role::Activator), unverified(5)), &["local-account"]),
        (remedy(Stage::Activate, denied()), &["dcom-rights"]),
        (local(Stage::Activate, denied()), &["dcom-rights", "remote-uac"]),
        (remedy(login(), denied()), &["namespace-rights"]),
        (local(login(), denied()), &["namespace-rights", "remote-uac"]),
        (remedy(Stage::Fetch, denied()), &["least-privilege"]),
        (local(Stage::ExecMethod, denied()), &["least-privilege", "remote-uac"]),
        (class("Win32_PerfRawData_PerfOS_System"), &["performance-counters"]),
        (remedy(Stage::Fetch, status(0x8004_1014)), &["least-privilege"]),
        (remedy(login(), status(0x8004_1014)), &[]),
        (class("win32_product"), &["windows-server-2003"]),
        (class("Win32_Service"), &[]),
        (remedy(bind(Role::Activator), unverified(5)), &[]),
    ];
    let mut named = BTreeSet::new();
    for (text, expected) in cases {
        let found = sections(&text);
        assert_eq!(found, expected.iter().map(|name| (*name).to_owned()).collect(), "{text}");
        named.extend(found);
    }
    let manual = concat!(env!("CARGO_MANIFEST_DIR"), "/../../docs/windows-hosts.md");
    let manual = std::fs::read_to_string(manual).expect("the manual");
    let headings = manual.lines().filter_map(|line| line.strip_prefix("## "));
    let anchors: BTreeSet<String> = headings.map(|heading| heading.to_lowercase().replace(' ', "-")).collect();
    assert_eq!(anchors, named, "headings of the manual, and sections that errors name");
}

/// `netsh advfirewall firewall set rule` takes nothing else for a group.
#[test]
fn a_group_of_firewall_rules_is_turned_on_and_nothing_else() {
    let manual = concat!(env!("CARGO_MANIFEST_DIR"), "/../../docs/windows-hosts.md");
    let manual = std::fs::read_to_string(manual).expect("the manual");
    let commands = || manual.lines().filter(|line| line.starts_with("netsh advfirewall firewall set rule "));
    assert!(commands().count() > 3);
    for command in commands().filter(|command| command.contains(" group=")) {
        let (group, values) = command.split_once(" new ").expect("values");
        assert_eq!(values, "enable=yes", "{command}");
        assert!(group.ends_with(r#""windows management instrumentation (wmi)""#), "no such group: {command}");
    }
}

#[test]
fn every_remedy_is_one_line_of_few_sentences_and_unknown_codes_have_none() {
    let stages = [
        Stage::Connect(Role::Activator),
        Stage::Connect(Role::ObjectServer),
        Stage::Bind(Role::Activator),
        Stage::Bind(Role::ObjectServer),
        Stage::Activate,
        login(),
        Stage::Query,
        Stage::SmartEnum,
        Stage::Fetch,
        Stage::GetObject,
        Stage::Signature,
        Stage::ExecMethod,
        Stage::Ping,
        Stage::Release,
    ];
    let malformed = WireError::new(WireErrorKind::Truncated, "bind_ack", 3);
    let mut kinds = vec![
        ErrorKind::TimedOut,
        ErrorKind::Disconnected,
        ErrorKind::Transport(TransportFailure::Reset),
        unverified(5),
        ErrorKind::Malformed(malformed),
        ErrorKind::OtherProtocol("SMB"),
        ErrorKind::Auth(AuthError::Missing("target info")),
    ];
    kinds.extend(crate::wire::status::all_codes().map(status));
    for stage in stages {
        for kind in &kinds {
            for account in [AccountKind::Local, AccountKind::Domain] {
                let error = Error::new(stage.clone(), kind.clone()).concerning(|c| c.account = Some(account));
                let text = error.remedy().unwrap_or("x".into());
                let one_line = !text.is_empty() && !text.contains(['\n', '\t']) && !text.contains("  ");
                assert!(one_line && !text.ends_with('.') && text.matches("; ").count() <= 3, "{error}: {text}");
            }
        }
        let unknown = Error::new(stage, status(0x8bad_f00d));
        assert_eq!((unknown.remedy(), unknown.meaning()), (None, None));
    }
}

#[test]
fn the_code_is_told_with_name_and_sentence() {
    let error = Error::new(Stage::Query, status(0x8004_1010));
    assert_eq!(error.code(), Some(0x8004_1010));
    assert_eq!(error.code_name(), Some("WBEM_E_INVALID_CLASS"));
    assert_eq!(error.meaning(), Some("the namespace has no class of this name"));
    let error = Error::new(Stage::Bind(Role::Activator), ErrorKind::BindRefused(BindNakReason(8)));
    assert_eq!(error.code_name(), Some("AUTHENTICATION_TYPE_NOT_RECOGNIZED"));
    assert_eq!(error.meaning(), Some("the host does not accept this kind of log-on"));
    assert_eq!(Error::new(Stage::Fetch, ErrorKind::TimedOut).meaning(), None);
}

#[test]
fn an_error_stays_small_and_its_concern_is_shared() {
    assert!(size_of::<Error>() <= 64, "{}", size_of::<Error>());
    let error = Error::new(Stage::Query, ErrorKind::TimedOut).about("root/cimv2", Some("X"));
    let copy = error.clone();
    assert_eq!(copy, error);
    assert!(std::ptr::eq(copy.concern().expect("told"), error.concern().expect("told")));
}

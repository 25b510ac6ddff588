//! The table from failures to the one thing that helps.

use std::borrow::Cow;

use crate::client::{Error, ErrorKind, Stage};
use crate::transport::{Role, TransportFailure};
use crate::wire::status::BindNakReason;
use crate::wire::{FaultStatus, HResult};

impl Error {
    /// One sentence on what an operator can do about the failure, where one is known.
    ///
    /// The same code means different things at different stages: "access denied" is a password at the activator,
    /// a DCOM right at activation, *Remote Enable* at a namespace, and the provider's own rule at a query.
    #[must_use]
    pub fn remedy(&self) -> Option<Cow<'static, str>> {
        self.known_remedy().map(Cow::Borrowed)
    }

    const fn known_remedy(&self) -> Option<&'static str> {
        match &self.kind {
            ErrorKind::Transport(failure) => transport(&self.stage, *failure),
            ErrorKind::TimedOut => timed_out(&self.stage),
            ErrorKind::Disconnected => disconnected(&self.stage),
            ErrorKind::Fault(status) => fault(&self.stage, *status),
            ErrorKind::UnverifiedFault(status) => match fault(&self.stage, *status) {
                None => Some("the refusal is not signed: it may come from something between here and the host"),
                remedy => remedy,
            },
            ErrorKind::Status(status) => hresult(&self.stage, *status),
            ErrorKind::BindRefused(reason) => bind_refused(*reason),
            ErrorKind::NoInterface(_) => no_interface(&self.stage),
            ErrorKind::Auth(_) => Some("the host may restrict NTLM, or refuse NTLMv2: see its security options"),
            ErrorKind::Tampered(_) => Some(
                "something between here and the host changes messages: do not trust this path; rows before this one were verified",
            ),
            ErrorKind::Malformed(_) | ErrorKind::Misbehaved(_) => not_dcom(&self.stage),
            ErrorKind::Cancelled | ErrorKind::NoSuchMethod(_) | ErrorKind::Parameter(_) => None,
        }
    }
}

const WRONG_PASSWORD: &str = "check user and password, and that the account may log on over the network \
                              (a local administrator also needs LocalAccountTokenFilterPolicy = 1)";
const DCOM_RIGHT: &str = "the account may not activate DCOM objects from remote: add it to the group Distributed COM \
                          Users, or allow Remote Launch and Remote Activation in dcomcnfg";
const NAMESPACE_RIGHT: &str = "give the account Enable Account and Remote Enable on this namespace (wmimgmt.msc, \
                               Security); some namespaces also demand the level privacy";
const PROVIDER_RIGHT: &str = "the class's provider refuses this account: such classes often want a local administrator";
const LEVEL_TOO_LOW: &str = "the host demands a higher authentication level (DCOM hardening, KB5004442): use privacy";
const ACTIVATOR_PORT: &str = "check the address, that the host runs, and that firewalls let TCP port 135 in";
const DYNAMIC_PORT: &str = "port 135 answered, the port it named for WMI did not: on the host run netsh advfirewall \
                            firewall set rule group=\"windows management instrumentation (wmi)\" new enable=yes, \
                            or give WMI a fixed port with winmgmt /standalonehost";
const CLASS_MISSING: &str = "check the class's name and the namespace; missing Win32_Perf classes come back with \
                             lodctr /R and winmgmt /resyncperf on the host";
const BAD_WQL: &str = "WQL is SELECT list FROM class WHERE condition: one class, no joins or functions, text in quotes";
const NAMESPACE_MISSING: &str = "check the namespace's spelling (root/cimv2 is the default), and that the product or \
                                 Windows feature it belongs to is installed";
const QUOTA: &str = "the host's WMI is out of quota: ask for fewer columns and rows, less often, then try again";
const NO_SMART_ENUM: &str = "the host offers no smart enumeration: leave the enumerator at auto, or take next";
const WMI_SERVICE: &str =
    "WMI does not answer: see whether the service Windows Management Instrumentation runs, and the host's event log";

const fn transport(stage: &Stage, failure: TransportFailure) -> Option<&'static str> {
    match (failure, stage) {
        (TransportFailure::NameResolution, _) => Some("check the spelling of the host's name, or give its address"),
        (TransportFailure::Refused, Stage::Connect(Role::Activator)) => Some(
            "nobody listens at this port: is it a Windows host, and is the activator's port 135 (HOST:PORT gives another)?",
        ),
        (_, Stage::Connect(Role::Activator)) => Some(ACTIVATOR_PORT),
        (_, Stage::Connect(Role::ObjectServer)) => Some(DYNAMIC_PORT),
        (_, stage) => disconnected(stage),
    }
}

const fn timed_out(stage: &Stage) -> Option<&'static str> {
    Some(match stage {
        Stage::Connect(Role::Activator) => ACTIVATOR_PORT,
        Stage::Connect(Role::ObjectServer) => DYNAMIC_PORT,
        Stage::Bind(Role::ObjectServer) | Stage::Login { .. } => WMI_SERVICE,
        Stage::Bind(Role::Activator) | Stage::Activate => {
            "the port accepts connections and then says nothing: is it the activator of a Windows host, and not overloaded?"
        }
        Stage::Query | Stage::SmartEnum | Stage::Fetch | Stage::GetObject | Stage::Signature | Stage::ExecMethod => {
            "the provider needs longer: allow more time, or ask for fewer columns and rows"
        }
        Stage::Ping | Stage::Release => return None,
    })
}

const fn disconnected(stage: &Stage) -> Option<&'static str> {
    Some(match stage {
        Stage::Connect(_) | Stage::Bind(Role::Activator) | Stage::Activate => {
            "the host, or something in between, dropped the connection: is it the activator of a Windows host?"
        }
        Stage::Bind(Role::ObjectServer)
        | Stage::Login { .. }
        | Stage::Query
        | Stage::SmartEnum
        | Stage::Fetch
        | Stage::GetObject
        | Stage::Signature
        | Stage::ExecMethod => {
            "the connection was lost on the way: try again; if it repeats, look for a restart of WMI in the host's event log"
        }
        Stage::Ping | Stage::Release => return None,
    })
}

const fn fault(stage: &Stage, status: FaultStatus) -> Option<&'static str> {
    match status.0 {
        // ERROR_ACCESS_DENIED: a wrong password shows only at the first call, because AUTH3 is never answered.
        5 => Some(match stage {
            Stage::Connect(_) | Stage::Bind(_) | Stage::Activate => WRONG_PASSWORD,
            Stage::Login { .. } => NAMESPACE_RIGHT,
            _ => PROVIDER_RIGHT,
        }),
        // nca_s_unsupported_authn_level, RPC_S_UNSUPPORTED_AUTHN_LEVEL, RPC_S_UNKNOWN_AUTHN_LEVEL
        0x1c00_001d | 1821 | 1748 => Some(LEVEL_TOO_LOW),
        // SEC_E_LOGON_DENIED, SEC_E_NO_CREDENTIALS, ERROR_LOGON_FAILURE
        0x8009_030c | 0x8009_030e | 1326 => Some(WRONG_PASSWORD),
        // RPC_E_DISCONNECTED, CO_E_OBJNOTCONNECTED
        0x8001_0108 | 0x8004_01fd => Some("WMI on the host dropped the session: try again"),
        other => hresult(stage, HResult(other)),
    }
}

const fn hresult(stage: &Stage, status: HResult) -> Option<&'static str> {
    Some(match status.0 {
        // E_ACCESSDENIED, WBEM_E_ACCESS_DENIED, RPC_E_ACCESS_DENIED
        0x8007_0005 | 0x8004_1003 | 0x8001_011b => match stage {
            Stage::Connect(_) | Stage::Bind(_) | Stage::Activate => DCOM_RIGHT,
            Stage::Login { .. } => NAMESPACE_RIGHT,
            _ => PROVIDER_RIGHT,
        },
        // WBEM_E_NOT_FOUND at a log-in is Windows' other answer for a missing namespace
        0x8004_100e => NAMESPACE_MISSING,
        0x8004_1002 if matches!(stage, Stage::Login { .. }) => NAMESPACE_MISSING,
        // WBEM_E_INVALID_CLASS
        0x8004_1010 => CLASS_MISSING,
        // WBEM_E_INVALID_QUERY, WBEM_E_INVALID_QUERY_TYPE, WBEM_E_UNPARSABLE_QUERY
        0x8004_1017 | 0x8004_1018 | 0x8004_1058 => BAD_WQL,
        // WBEM_E_QUOTA_VIOLATION
        0x8004_106c => QUOTA,
        // E_NOINTERFACE, WBEM_E_NOT_SUPPORTED
        0x8000_4002 | 0x8004_100c if matches!(stage, Stage::SmartEnum) => NO_SMART_ENUM,
        // WBEM_E_FAILED, WBEM_E_PROVIDER_FAILURE, WBEM_E_PROVIDER_NOT_FOUND, WBEM_E_PROVIDER_LOAD_FAILURE
        0x8004_1001 | 0x8004_1004 | 0x8004_1011 | 0x8004_1013 => {
            "WMI or the class's provider failed on the host: see its log WMI-Activity/Operational"
        }
        // WBEM_E_SHUTTING_DOWN, WBEM_E_SERVER_TOO_BUSY, WBEM_E_OUT_OF_MEMORY
        0x8004_1033 | 0x8004_1045 | 0x8004_1006 => "WMI on the host is shutting down or overloaded: try again later",
        // WBEM_E_INITIALIZATION_FAILURE, WBEM_E_TRANSPORT_FAILURE, RPC_S_SERVER_UNAVAILABLE, CO_E_SERVER_EXEC_FAILURE
        0x8004_1014 | 0x8004_1015 | 0x8007_06ba | 0x8008_0005 => WMI_SERVICE,
        // REGDB_E_CLASSNOTREG
        0x8004_0154 => "the host answers DCOM but offers no WMI: is it a Windows host?",
        // RPC_E_VERSION_MISMATCH, RPC_E_INVALID_HEADER
        0x8001_0110 | 0x8001_0111 => "the host does not accept this version of DCOM (5.7)",
        _ => return None,
    })
}

const fn bind_refused(reason: BindNakReason) -> Option<&'static str> {
    Some(match reason {
        BindNakReason::AUTHENTICATION_TYPE_NOT_RECOGNIZED => {
            "the host does not accept NTLM here: see its security options"
        }
        BindNakReason::INVALID_CHECKSUM => WRONG_PASSWORD,
        BindNakReason::TEMPORARY_CONGESTION | BindNakReason::LOCAL_LIMIT_EXCEEDED => {
            "the host has no room for another connection: try again later"
        }
        _ => return None,
    })
}

const fn no_interface(stage: &Stage) -> Option<&'static str> {
    match stage {
        Stage::SmartEnum => Some(NO_SMART_ENUM),
        Stage::Connect(_) | Stage::Bind(_) | Stage::Activate => {
            Some("this port offers no COM activation: is it the activator of a Windows host?")
        }
        _ => Some(WMI_SERVICE),
    }
}

const fn not_dcom(stage: &Stage) -> Option<&'static str> {
    match stage {
        Stage::Connect(_) | Stage::Bind(_) | Stage::Activate => {
            Some("what answers at this port does not speak DCOM as Windows does: check host and port")
        }
        _ => Some("the host's answer is damaged or not what Windows sends: please keep a capture of it"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::wire::WireError;
    use crate::wire::error::WireErrorKind;

    fn remedy(stage: Stage, kind: ErrorKind) -> String {
        Error::new(stage, kind).remedy().expect("a remedy").into_owned()
    }

    fn login() -> Stage {
        Stage::Login { namespace: "root/cimv2".to_owned() }
    }

    #[test]
    fn access_denied_has_four_meanings() {
        let denied = ErrorKind::Status(HResult::E_ACCESSDENIED);
        let texts = [
            remedy(Stage::Activate, ErrorKind::UnverifiedFault(FaultStatus::ACCESS_DENIED)),
            remedy(Stage::Activate, denied.clone()),
            remedy(login(), denied.clone()),
            remedy(Stage::Query, denied),
        ];
        assert!(texts[0].contains("password"), "{}", texts[0]);
        assert!(texts[1].contains("Distributed COM Users"), "{}", texts[1]);
        assert!(texts[2].contains("Remote Enable"), "{}", texts[2]);
        assert!(texts[3].contains("provider"), "{}", texts[3]);
    }

    #[test]
    fn reaching_the_host_tells_port_135_from_the_dynamic_port() {
        let refused = ErrorKind::Transport(TransportFailure::Refused);
        assert!(remedy(Stage::Connect(Role::Activator), refused.clone()).contains("135"));
        assert!(remedy(Stage::Connect(Role::ObjectServer), refused).contains("netsh"));
        assert!(remedy(Stage::Connect(Role::ObjectServer), ErrorKind::TimedOut).contains("netsh"));
        let unresolved = ErrorKind::Transport(TransportFailure::NameResolution);
        assert!(remedy(Stage::Connect(Role::Activator), unresolved).contains("spelling"));
        assert!(remedy(Stage::Fetch, ErrorKind::TimedOut).contains("more time"));
    }

    #[test]
    fn what_a_query_can_meet() {
        for (code, word) in
            [(0x8004_1010, "class"), (0x8004_1017, "SELECT"), (0x8004_100e, "namespace"), (0x8004_106c, "quota")]
        {
            let text = remedy(Stage::Query, ErrorKind::Status(HResult(code)));
            assert!(text.contains(word), "{code:#x}: {text}");
        }
        assert!(remedy(Stage::SmartEnum, ErrorKind::Status(HResult::E_NOINTERFACE)).contains("auto"));
        assert!(remedy(Stage::Fetch, ErrorKind::Tampered("signature")).contains("do not trust"));
        assert!(remedy(Stage::Activate, ErrorKind::Fault(FaultStatus(0x1c00_001d))).contains("KB5004442"));
    }

    #[test]
    fn every_remedy_is_one_line_and_unknown_codes_have_none() {
        let stages = [
            Stage::Connect(Role::Activator),
            Stage::Connect(Role::ObjectServer),
            Stage::Bind(Role::Activator),
            Stage::Activate,
            login(),
            Stage::Query,
            Stage::SmartEnum,
            Stage::Fetch,
            Stage::Release,
        ];
        let malformed = WireError::new(WireErrorKind::Truncated, "bind_ack", 3);
        for stage in stages {
            for kind in [
                ErrorKind::TimedOut,
                ErrorKind::Disconnected,
                ErrorKind::Transport(TransportFailure::Reset),
                ErrorKind::Fault(FaultStatus::ACCESS_DENIED),
                ErrorKind::Malformed(malformed),
                ErrorKind::Auth(crate::auth::AuthError::Missing("target info")),
            ] {
                let text = Error::new(stage.clone(), kind).remedy().unwrap_or("x".into());
                assert!(
                    !text.is_empty() && !text.contains('\n') && !text.contains("  ") && !text.ends_with('.'),
                    "{text}"
                );
            }
            assert_eq!(Error::new(stage, ErrorKind::Status(HResult(0x8bad_f00d))).remedy(), None);
        }
    }
}

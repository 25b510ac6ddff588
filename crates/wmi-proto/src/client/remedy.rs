//! From a failure to what it says and to the one thing that helps.

use std::borrow::Cow;

use crate::auth::AuthLevel;
use crate::client::{AccountKind, Concern, Error, ErrorKind, Stage};
use crate::transport::{Role, TransportFailure};
use crate::wire::HResult;
use crate::wire::status::{BindNakReason, Known};

impl Error {
    /// What the code behind the error says, for people, when the table has it.
    #[must_use]
    pub const fn meaning(&self) -> Option<&'static str> {
        match self.known() {
            Some(known) => Some(known.meaning),
            None => None,
        }
    }

    /// The row of the code behind the error.
    pub(super) const fn known(&self) -> Option<Known> {
        match &self.kind {
            ErrorKind::Fault(s) | ErrorKind::UnverifiedFault(s) => s.known(),
            ErrorKind::Status(h) => h.known(),
            ErrorKind::BindRefused(r) => r.known(),
            _ => None,
        }
    }

    /// One or two sentences on what an operator can do about the failure, where that is known.
    ///
    /// The same code means different things at different stages: "access denied" is a password at the activator,
    /// a DCOM right at activation, *Remote Enable* at a namespace, and the provider's own rule at a query.
    #[must_use]
    pub fn remedy(&self) -> Option<Cow<'static, str>> {
        let case = Case { at: Place::of(&self.stage), concern: self.concern().unwrap_or(&NOTHING) };
        match &self.kind {
            ErrorKind::Transport(failure) => case.transport(*failure),
            ErrorKind::TimedOut => case.timed_out(),
            ErrorKind::Disconnected => case.disconnected(),
            // Only who knows the password can sign: the log-on went well.
            ErrorKind::Fault(status) => case.code(status.hresult()),
            ErrorKind::UnverifiedFault(status)
                if status.hresult() == HResult::E_ACCESSDENIED && case.at.is_log_on() =>
            {
                Some(case.wrong_password())
            }
            ErrorKind::UnverifiedFault(status) => case.code(status.hresult()).or(Some(UNSIGNED.into())),
            ErrorKind::Status(status) => case.code(*status),
            ErrorKind::BindRefused(reason) => case.bind_refused(*reason),
            ErrorKind::NoInterface(_) => Some(case.no_interface().into()),
            ErrorKind::Auth(_) => Some(NTLM_OFF.into()),
            ErrorKind::Tampered(_) => Some(TAMPERED.into()),
            ErrorKind::OtherProtocol(_) => Some(case.other_protocol()),
            ErrorKind::Malformed(_) | ErrorKind::Misbehaved(_) => Some(case.not_dcom().into()),
            ErrorKind::Cancelled | ErrorKind::NoSuchMethod(_) | ErrorKind::Parameter(_) => None,
        }
    }
}

/// The stages, as far as they change what helps.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Place {
    ConnectActivator,
    ConnectObjectServer,
    BindActivator,
    Activate,
    BindObjectServer,
    Login,
    Smart,
    /// A query, its rows, or a call that changes nothing.
    Work,
    /// A method, which may have been carried out.
    Method,
    /// Pings and releases: nobody waits for them.
    Upkeep,
}

impl Place {
    const fn of(stage: &Stage) -> Self {
        match stage {
            Stage::Connect(Role::Activator) => Self::ConnectActivator,
            Stage::Connect(Role::ObjectServer) => Self::ConnectObjectServer,
            Stage::Bind(Role::Activator) => Self::BindActivator,
            Stage::Bind(Role::ObjectServer) => Self::BindObjectServer,
            Stage::Activate => Self::Activate,
            Stage::Login { .. } => Self::Login,
            Stage::SmartEnum => Self::Smart,
            Stage::Query | Stage::Fetch | Stage::GetObject | Stage::Signature => Self::Work,
            Stage::ExecMethod => Self::Method,
            Stage::Ping | Stage::Release => Self::Upkeep,
        }
    }

    /// Whether a refusal may be one of the log-on, which shows only in the answer to the first call.
    const fn is_log_on(self) -> bool {
        matches!(self, Self::BindActivator | Self::Activate | Self::BindObjectServer)
    }
}

/// A failure's surroundings.
#[derive(Clone, Copy)]
struct Case<'a> {
    at: Place,
    concern: &'a Concern,
}

type Remedy = Option<Cow<'static, str>>;

impl Case<'_> {
    fn transport(self, failure: TransportFailure) -> Remedy {
        match (failure, self.at) {
            (TransportFailure::NameResolution, _) => {
                Some("check the spelling of the host's name, or give its address".into())
            }
            (TransportFailure::Exhausted, _) => Some(FEWER_SOCKETS.into()),
            (TransportFailure::Refused, Place::ConnectActivator) => Some(NOBODY_LISTENS.into()),
            (_, Place::ConnectActivator) => Some(ACTIVATOR_PORT.into()),
            (_, Place::ConnectObjectServer) => Some(self.dynamic_port()),
            _ => self.disconnected(),
        }
    }

    fn timed_out(self) -> Remedy {
        match self.at {
            Place::ConnectActivator => Some(ACTIVATOR_PORT.into()),
            Place::ConnectObjectServer => Some(self.dynamic_port()),
            Place::BindActivator | Place::Activate => Some(SAYS_NOTHING.into()),
            Place::BindObjectServer | Place::Login => Some(WMI_SERVICE.into()),
            Place::Smart | Place::Work => Some(NO_ANSWER.into()),
            Place::Method => Some(METHOD_UNKNOWN.into()),
            Place::Upkeep => None,
        }
    }

    fn disconnected(self) -> Remedy {
        match self.at {
            Place::ConnectActivator | Place::ConnectObjectServer | Place::BindActivator | Place::Activate => {
                Some(format!("{DROPPED}; {RPC_FILTER}").into())
            }
            Place::BindObjectServer | Place::Login => Some(format!("{LOST}; {RPC_FILTER}").into()),
            Place::Smart | Place::Work => Some(LOST.into()),
            Place::Method => Some(METHOD_UNKNOWN.into()),
            Place::Upkeep => None,
        }
    }

    /// The port that activation told does not answer.
    fn dynamic_port(self) -> Cow<'static, str> {
        let Some(port) = self.concern.port else {
            return format!("{DYNAMIC_PORT}; {FIREWALL_GROUP}; {FIXED_PORT}").into();
        };
        format!(
            "the activator answered and told port {port} for WMI, which does not let us in; {FIREWALL_GROUP}, or for \
             this port alone netsh advfirewall firewall add rule name=\"WMI {port}\" dir=in action=allow \
             protocol=TCP localport={port}; {FIXED_PORT}"
        )
        .into()
    }

    fn wrong_password(self) -> Cow<'static, str> {
        match self.concern.account {
            Some(AccountKind::Local) => {
                format!("{WRONG_PASSWORD}; it is taken for an account of the host itself: {LOCAL_ACCOUNT}").into()
            }
            _ => WRONG_PASSWORD.into(),
        }
    }

    /// What the host lets nobody do who lacks a right, by the layer that asks for it.
    fn denied(self) -> Cow<'static, str> {
        let right: Cow<'static, str> = match self.at {
            Place::ConnectActivator
            | Place::ConnectObjectServer
            | Place::BindActivator
            | Place::Activate
            | Place::BindObjectServer => DCOM_RIGHT.into(),
            Place::Login => {
                let namespace = self.namespace();
                let privacy = if self.concern.level == Some(AuthLevel::Integrity) { OR_PRIVACY } else { "" };
                format!(
                    "give the account Enable Account and Remote Enable on {namespace} (wmimgmt.msc, Security): \
                     {NAMESPACE_RIGHTS}{privacy}"
                )
                .into()
            }
            Place::Smart | Place::Work | Place::Method | Place::Upkeep => {
                let what =
                    self.concern.class.as_deref().map_or(Cow::Borrowed("the class"), |class| class.to_owned().into());
                format!(
                    "the provider of {what} refuses this account, such classes often want a local administrator: \
                     {LEAST_PRIVILEGE}"
                )
                .into()
            }
        };
        match self.concern.account {
            Some(AccountKind::Local) => format!("{right}; {REMOTE_UAC}").into(),
            _ => right,
        }
    }

    fn namespace(self) -> Cow<'static, str> {
        self.concern.namespace.as_deref().map_or(Cow::Borrowed("this namespace"), |name| name.to_owned().into())
    }

    /// The class is not there, or its performance counters are not.
    fn class_missing(self) -> Cow<'static, str> {
        let Some(class) = self.concern.class.as_deref() else {
            return format!("check the class's name and the namespace; for Win32_Perf classes {COUNTERS}").into();
        };
        let namespace = self.namespace();
        if is_performance(class) {
            format!(
                "{namespace} has no {class}: its performance counters are broken or switched off (Disable Performance \
                 Counters), or what it counts is not installed; {COUNTERS}"
            )
        } else if class.eq_ignore_ascii_case("Win32_Product") {
            format!(
                "{namespace} has no {class}: Windows Server 2003 has it with Management and Monitoring Tools only, \
                 see {SERVER_2003}"
            )
        } else {
            format!(
                "{namespace} has no class {class}: check its spelling and the namespace, and that the Windows \
                 feature, role or product that it belongs to is installed"
            )
        }
        .into()
    }

    /// What helps against a code; Win32 codes come in their HRESULT form.
    fn code(self, code: HResult) -> Remedy {
        // An NTSTATUS in the form of an HRESULT is looked for as it stands.
        let code = code.nt().map_or(code.0, |nt| nt.0);
        let text: &'static str = match code {
            // E_ACCESSDENIED, WBEM_E_ACCESS_DENIED, RPC_E_ACCESS_DENIED, STATUS_ACCESS_DENIED
            0x8007_0005 | 0x8004_1003 | 0x8001_011b | 0xc000_0022 => return Some(self.denied()),
            // CO_E_LAUNCH_PERMSSION_DENIED, CO_E_ACCESSCHECKFAILED
            0x8000_401b | 0x8001_012a => DCOM_RIGHT,
            // SEC_E_LOGON_DENIED, SEC_E_NO_CREDENTIALS, ERROR_LOGON_FAILURE, ERROR_INVALID_PASSWORD,
            // ERROR_NO_SUCH_USER; STATUS_LOGON_FAILURE, STATUS_WRONG_PASSWORD, STATUS_NO_SUCH_USER
            0x8009_030c | 0x8009_030e | 0x8007_052e | 0x8007_0056 | 0x8007_0525 | 0xc000_006d | 0xc000_006a
            | 0xc000_0064 => {
                return Some(self.wrong_password());
            }
            // ERROR_ and STATUS_ACCOUNT_LOCKED_OUT, _ACCOUNT_DISABLED, _ACCOUNT_EXPIRED
            0x8007_0775 | 0xc000_0234 => "unlock the account, and find out who still tries an old password with it",
            0x8007_0533 | 0xc000_0072 => "enable the account, or use another one",
            0x8007_0701 | 0xc000_0193 => "extend the account's life, or use another one",
            // ERROR_ and STATUS_PASSWORD_EXPIRED, _PASSWORD_MUST_CHANGE
            0x8007_0532 | 0xc000_0071 | 0x8007_0773 | 0xc000_0224 => {
                "give the account a new password: it cannot be changed over this protocol"
            }
            // ERROR_ and STATUS_ACCOUNT_RESTRICTION
            0x8007_052f | 0xc000_006e => {
                "accounts with an empty password may not log on over the network, members of Protected Users not \
                 with NTLM"
            }
            // ERROR_ and STATUS_INVALID_LOGON_HOURS, _INVALID_WORKSTATION
            0x8007_0530 | 0xc000_006f => "the account may not log on at this hour: see its logon hours",
            0x8007_0531 | 0xc000_0070 => {
                "the account may log on from named computers only, and this one is not among them"
            }
            // ERROR_ and STATUS_LOGON_TYPE_NOT_GRANTED, _LOGON_NOT_GRANTED
            0x8007_0569 | 0xc000_015b | 0x8007_0564 | 0xc000_0155 => {
                "give the account the right Access this computer from the network on the host, and see that Deny \
                 access to this computer from the network does not name it"
            }
            // ERROR_ and STATUS_NO_LOGON_SERVERS, SEC_E_NO_AUTHENTICATING_AUTHORITY, ERROR_NO_SUCH_DOMAIN,
            // STATUS_DOMAIN_CONTROLLER_NOT_FOUND, STATUS_NETLOGON_NOT_STARTED
            0x8007_051f | 0xc000_005e | 0x8009_0311 | 0x8007_054b | 0xc000_0233 | 0xc000_0192 => {
                "the host finds no domain controller that could check the password: see to its network, DNS and \
                 service Netlogon"
            }
            // ERROR_ and STATUS_TRUST…
            0x8007_06fc..=0x8007_06fe | 0xc000_018a..=0xc000_018d | 0xc000_0190 => {
                "the host's membership in its domain is broken: Test-ComputerSecureChannel -Repair on the host"
            }
            // ERROR_ and STATUS_AUTHENTICATION_FIREWALL_FAILED
            0x8007_078f | 0xc000_0413 => {
                "give the account Allowed to authenticate on the host's computer object (selective authentication)"
            }
            // SEC_E_TIME_SKEW, ERROR_TIME_SKEW, STATUS_TIME_DIFFERENCE_AT_DC
            0x8009_0324 | 0x8007_0576 | 0xc000_0133 => {
                "let this machine, the host and its domain controller take the time from one source (w32tm /query \
                 /status tells it)"
            }
            // STATUS_NTLM_BLOCKED, SEC_E_UNSUPPORTED_FUNCTION, SEC_E_SECPKG_NOT_FOUND, RPC_S_UNKNOWN_AUTHN_SERVICE,
            // RPC_S_UNKNOWN_AUTHN_TYPE, RPC_E_NO_GOOD_SECURITY_PACKAGES
            0xc000_0418 | 0x8009_0302 | 0x8009_0305 | 0x8007_06d3 | 0x8007_06cd | 0x8001_011a => NTLM_OFF,
            // SEC_E_WRONG_PRINCIPAL, ERROR_WRONG_TARGET_NAME, SEC_E_TARGET_UNKNOWN, SEC_E_BAD_BINDINGS
            0x8009_0322 | 0x8007_0574 | 0x8009_0303 | 0x8009_0346 => {
                "the host does not go by this name: give the name that it has in its domain, or its address"
            }
            // SEC_E_MESSAGE_ALTERED, SEC_E_OUT_OF_SEQUENCE, SEC_E_DOWNGRADE_DETECTED, ERROR_ and
            // STATUS_DOWNGRADE_DETECTED
            0x8009_030f | 0x8009_0310 | 0x8009_0350 | 0x8007_04f1 | 0xc000_0388 => TAMPERED,
            // nca_unsupported_authn_level, RPC_S_UNSUPPORTED_AUTHN_LEVEL, RPC_S_UNKNOWN_AUTHN_LEVEL,
            // RPC_E_UNSECURE_CALL, RPC_S_BINDING_HAS_NO_AUTH
            0x1c00_001d | 0x8007_071d | 0x8007_06d4 | 0x8001_0118 | 0x8007_06d2 => LEVEL_TOO_LOW,
            // WBEM_E_ENCRYPTED_CONNECTION_REQUIRED
            0x8004_1087 => "this namespace admits encrypted sessions only: use the level privacy",
            // CO_E_FAILEDTOIMPERSONATE to CO_E_FAILEDTOGETTOKENINFO, SEC_E_NO_IMPERSONATION,
            // RPC_S_NO_CONTEXT_AVAILABLE, STATUS_BAD_IMPERSONATION_LEVEL
            0x8001_0123..=0x8001_0126 | 0x8009_030b | 0x8007_06e5 | 0xc000_00a5 => {
                "the provider could not act as this account: one that goes on to another machine would need \
                 delegation, which NTLM has not; otherwise WMI's own account lacks Impersonate a client after \
                 authentication"
            }
            // WBEM_E_PRIVILEGE_NOT_HELD, ERROR_ and STATUS_PRIVILEGE_NOT_HELD
            0x8004_1062 | 0x8007_0522 | 0xc000_0061 => {
                "give the account the privilege that the class asks for (Manage auditing and security log, for the \
                 Security log)"
            }
            // WBEM_E_NOT_FOUND at a log-in is Windows' other answer for a missing namespace
            0x8004_100e => return Some(self.namespace_missing()),
            0x8004_1002 if self.at == Place::Login => return Some(self.namespace_missing()),
            // WBEM_E_INVALID_PARAMETER, E_INVALIDARG ([MS-WMI 3.1.4.1.4])
            0x8004_1008 | 0x8007_0057 if self.at == Place::Login => {
                "the host does not know the locale that was asked for: give one as MS_409, or none"
            }
            0x8004_1002 if self.concern.class.as_deref().is_some_and(is_performance) => {
                return Some(format!("{NOTHING_THERE}; {COUNTERS}").into());
            }
            0x8004_1002 => NOTHING_THERE,
            // WBEM_E_INVALID_CLASS
            0x8004_1010 => return Some(self.class_missing()),
            // WBEM_E_INVALID_QUERY, WBEM_E_INVALID_QUERY_TYPE, WBEM_E_UNPARSABLE_QUERY
            0x8004_1017 | 0x8004_1018 | 0x8004_1058 => BAD_WQL,
            // WBEM_E_INVALID_OBJECT_PATH
            0x8004_103a => {
                "an object path is CLASS.KEY=\"VALUE\" or CLASS=@, with \\ before each \\ and \" of the value"
            }
            // WBEM_E_INVALID_METHOD, WBEM_E_METHOD_NOT_IMPLEMENTED, WBEM_E_METHOD_DISABLED
            0x8004_102e | 0x8004_1055 | 0x8004_1056 => {
                "look at the class's methods on this host: older versions of Windows have fewer, and some providers \
                 have none"
            }
            // WBEM_E_INVALID_METHOD_PARAMETERS, WBEM_E_TYPE_MISMATCH, WBEM_E_ILLEGAL_NULL
            0x8004_102f | 0x8004_1005 | 0x8004_1028 => {
                "compare the values with the types that the class or method declares"
            }
            // WBEM_E_INVALID_PROPERTY
            0x8004_1031 => "check the property's spelling: older versions of Windows have fewer properties",
            // WBEM_E_QUOTA_VIOLATION
            0x8004_106c => QUOTA,
            // WBEM_E_CALL_CANCELLED, RPC_E_CALL_CANCELED, RPC_S_CALL_CANCELLED, NCA_S_FAULT_CANCEL
            0x8004_1032 | 0x8001_0002 | 0x8007_071a | 0x1c00_000d => {
                "the host gave the call up, out of quota or restarting WMI: ask for less at a time, then try again"
            }
            // WBEM_E_PROVIDER_TIMED_OUT
            0x8004_1088 => MORE_TIME,
            // E_NOINTERFACE, WBEM_E_NOT_SUPPORTED
            0x8000_4002 | 0x8004_100c if self.at == Place::Smart => NO_SMART_ENUM,
            // WBEM_E_PROVIDER_NOT_FOUND, WBEM_E_INVALID_PROVIDER_REGISTRATION, WBEM_E_PROVIDER_LOAD_FAILURE
            0x8004_1011..=0x8004_1013 => {
                "the class is there and its provider does not load: repair the product or feature that it belongs to \
                 (WMI-Activity/Operational names the provider)"
            }
            // WBEM_E_PROVIDER_SUSPENDED, WBEM_E_PROVIDER_DISABLED
            0x8004_1081 | 0x8004_108a => {
                "the provider is switched off on the host: restart the service Windows Management Instrumentation"
            }
            // WBEM_E_FAILED, WBEM_E_PROVIDER_FAILURE, E_FAIL, E_UNEXPECTED, WBEM_E_UNEXPECTED, RPC_E_SERVERFAULT
            0x8004_1001 | 0x8004_1004 | 0x8000_4005 | 0x8000_ffff | 0x8004_101d | 0x8001_0105 => {
                "WMI or the class's provider failed on the host: see its log WMI-Activity/Operational"
            }
            // WBEM_E_CRITICAL_ERROR
            0x8004_100a => {
                "WMI's repository on the host may be damaged: winmgmt /verifyrepository, then /salvagerepository"
            }
            // WBEM_E_SHUTTING_DOWN, CO_E_SERVER_STOPPING, ERROR_ and STATUS_…SHUTDOWN_IN_PROGRESS
            0x8004_1033 | 0x8008_0008 | 0x8007_045b | 0xc000_02ff => {
                "WMI or the host is shutting down: try again when it is back"
            }
            // WBEM_E_SERVER_TOO_BUSY, WBEM_E_OUT_OF_MEMORY, E_OUTOFMEMORY, ERROR_NOT_ENOUGH_MEMORY,
            // RPC_S_SERVER_TOO_BUSY, NCA_SERVER_TOO_BUSY, NCA_S_FAULT_REMOTE_NO_MEMORY, RPC_S_OUT_OF_RESOURCES,
            // RPC_E_OUT_OF_RESOURCES, ERROR_NO_SYSTEM_RESOURCES, ERROR_NOT_ENOUGH_QUOTA, RPC_E_RETRY,
            // RPC_E_SERVERCALL_…, STATUS_NO_MEMORY, STATUS_INSUFFICIENT_RESOURCES, STATUS_INSUFF_SERVER_RESOURCES
            0x8004_1045
            | 0x8004_1006
            | 0x8007_000e
            | 0x8007_0008
            | 0x8007_06bb
            | 0x1c01_0014
            | 0x1c00_001b
            | 0x8007_06b9
            | 0x8001_0101
            | 0x8007_05aa
            | 0x8007_0718
            | 0x8001_0109..=0x8001_010b
            | 0xc000_0017
            | 0xc000_009a
            | 0xc000_0205 => "the host is overloaded: ask less often and for less at a time, then try again",
            // WBEM_E_INITIALIZATION_FAILURE of a provider
            0x8004_1014 if self.at == Place::Work => {
                "the class's provider did not start: some, as that of shadow copies, start for administrators only \
                 (docs/windows-hosts.md#least-privilege)"
            }
            // WBEM_E_INITIALIZATION_FAILURE, WBEM_E_TRANSPORT_FAILURE, RPC_S_SERVER_UNAVAILABLE, EPT_S_NOT_REGISTERED,
            // CO_E_SERVER_EXEC_FAILURE, CO_E_OBJSRV_RPC_FAILURE, CO_E_SCM_RPC_FAILURE, CO_E_SERVER_START_TIMEOUT,
            // CO_E_START_SERVICE_FAILURE, ERROR_SERVICE_DISABLED, ERROR_SERVICE_NOT_ACTIVE,
            // ERROR_SERVICE_REQUEST_TIMEOUT
            0x8004_1014 | 0x8004_1015 | 0x8007_06ba | 0x8007_06d9 | 0x8008_0005 | 0x8008_0006 | 0x8008_0003
            | 0x8000_401e | 0x8000_401c | 0x8007_0422 | 0x8007_0426 | 0x8007_041d => WMI_SERVICE,
            // REGDB_E_CLASSNOTREG
            0x8004_0154 => "the host answers DCOM but offers no WMI: is it a Windows host?",
            // RPC_E_REMOTE_DISABLED, CO_E_CLASS_DISABLED, CO_E_CANT_REMOTE
            0x8001_011c | 0x8000_4027 | 0x8000_4013 => {
                "allow Distributed COM on the host (dcomcnfg, My Computer, Default Properties)"
            }
            // RPC_E_VERSION_MISMATCH, RPC_E_INVALID_HEADER
            0x8001_0110 | 0x8001_0111 => {
                "the host does not accept this version of DCOM (5.7): if something translates in between, ask the \
                 host itself"
            }
            // RPC_E_DISCONNECTED, CO_E_OBJNOTREG, CO_E_OBJNOTCONNECTED, RPC_E_SERVER_DIED, RPC_E_SERVER_DIED_DNE,
            // RPC_E_INVALID_IPID, RPC_E_INVALID_OBJECT, OR_INVALID_OXID, OR_INVALID_OID, OR_INVALID_SET,
            // NCA_WRONG_BOOT_TIME
            0x8001_0108
            | 0x8004_01fb
            | 0x8004_01fd
            | 0x8001_0007
            | 0x8001_0012
            | 0x8001_0113
            | 0x8001_0114
            | 0x8007_0776..=0x8007_0778
            | 0x1c01_0006 => "WMI on the host dropped the session, as when its service restarts: try again",
            _ => return None,
        };
        Some(text.into())
    }

    fn namespace_missing(self) -> Cow<'static, str> {
        let namespace = self.namespace();
        format!(
            "the host has no {namespace}: check its spelling (root/cimv2 is the default), and that the product or \
             Windows feature it belongs to is installed"
        )
        .into()
    }

    fn bind_refused(self, reason: BindNakReason) -> Remedy {
        match reason {
            BindNakReason::AUTHENTICATION_TYPE_NOT_RECOGNIZED => Some(NTLM_OFF.into()),
            BindNakReason::INVALID_CHECKSUM => Some(self.wrong_password()),
            BindNakReason::TEMPORARY_CONGESTION | BindNakReason::LOCAL_LIMIT_EXCEEDED => {
                Some("the host has no room for another connection: try again later".into())
            }
            BindNakReason::PROTOCOL_VERSION_NOT_SUPPORTED => Some(NOT_DCOM.into()),
            _ => None,
        }
    }

    const fn no_interface(self) -> &'static str {
        match self.at {
            Place::Smart => NO_SMART_ENUM,
            Place::ConnectActivator | Place::BindActivator | Place::Activate => {
                "this port offers no COM activation: is it the activator of a Windows host?"
            }
            _ => WMI_SERVICE,
        }
    }

    const fn not_dcom(self) -> &'static str {
        match self.at {
            Place::ConnectActivator
            | Place::ConnectObjectServer
            | Place::BindActivator
            | Place::Activate
            | Place::BindObjectServer => NOT_DCOM,
            _ => "the host's answer is damaged or not what Windows sends: please keep a capture of it",
        }
    }

    fn other_protocol(self) -> Cow<'static, str> {
        match self.at {
            Place::BindObjectServer => {
                format!("something else took over port {}: try again", self.concern.port.unwrap_or_default()).into()
            }
            _ => "the activator of Windows listens at port 135; 445 is SMB, 5985 and 5986 are WinRM, which is not \
                  DCOM"
                .into(),
        }
    }
}

/// Whether a class is one of performance counters.
fn is_performance(class: &str) -> bool {
    class.get(.."Win32_Perf".len()).is_some_and(|start| start.eq_ignore_ascii_case("Win32_Perf"))
}

/// What an error without a session concerns.
static NOTHING: Concern =
    Concern { host: String::new(), port: None, account: None, level: None, namespace: None, class: None };

const WRONG_PASSWORD: &str = "check user, domain and password, and that the account is not locked, disabled, expired \
                              or kept from the network; the host tells why in event 4625 of its Security log";
// Sections of the manual. A test holds them against its headings.
const LOCAL_ACCOUNT: &str = "docs/windows-hosts.md#local-account";
const NAMESPACE_RIGHTS: &str = "docs/windows-hosts.md#namespace-rights";
const LEAST_PRIVILEGE: &str = "docs/windows-hosts.md#least-privilege";
const SERVER_2003: &str = "docs/windows-hosts.md#windows-server-2003";

const REMOTE_UAC: &str = "local accounts other than Administrator lose their rights over the network: use a domain \
                          account, or set LocalAccountTokenFilterPolicy = 1 on the host \
                          (docs/windows-hosts.md#remote-uac)";
const DCOM_RIGHT: &str = "the account may not activate DCOM objects from remote: add it to the group Distributed COM \
                          Users, or allow Remote Launch and Remote Activation in dcomcnfg \
                          (docs/windows-hosts.md#dcom-rights)";
const OR_PRIVACY: &str = ", and use the level privacy, which some namespaces demand";
const LEVEL_TOO_LOW: &str = "the host demands a higher authentication level (DCOM hardening, KB5004442): use privacy";
const NTLM_OFF: &str = "the host or its domain does not accept NTLM as it is offered here: see the policies Restrict \
                        NTLM and LAN Manager authentication level";
const UNSIGNED: &str = "the refusal is not signed: it may come from something between here and the host";
const TAMPERED: &str = "something between here and the host changes messages: do not trust this path; rows before \
                        this one were verified";
const NOBODY_LISTENS: &str = "nobody listens at this port: is it a Windows host, and is the activator's port 135 \
                              (HOST:PORT gives another)?";
const ACTIVATOR_PORT: &str = "check the address, that the host runs, and that firewalls let TCP port 135 in \
                              (docs/windows-hosts.md#firewall); Windows 11 lets in its own subnet only, unless told \
                              otherwise (docs/windows-hosts.md#windows-11)";
const FEWER_SOCKETS: &str =
    "have fewer sessions at a time, or raise the limit of open files of this process (ulimit -n)";
const SAYS_NOTHING: &str = "the port accepts connections and then says nothing: is it the activator of a Windows \
                            host, and not overloaded?";
const DYNAMIC_PORT: &str = "the activator answered, the port it told for WMI does not let us in";
const FIREWALL_GROUP: &str = "on the host run netsh advfirewall firewall set rule group=\"windows management \
                              instrumentation (wmi)\" new enable=yes";
const FIXED_PORT: &str = "the port changes with every start of WMI (docs/windows-hosts.md#dynamic-ports) unless \
                          winmgmt /standalonehost gives it port 24158 (docs/windows-hosts.md#fixed-port)";
const RPC_FILTER: &str =
    "firewalls that enforce strict RPC compliance drop DCOM, too (docs/windows-hosts.md#isa-server)";
const COUNTERS: &str = "lodctr /R and winmgmt /resyncperf on the host bring counters back \
                        (docs/windows-hosts.md#performance-counters)";
const NOTHING_THERE: &str = "nothing is at this path now: check the spelling of a class, and take the path of an object \
                             from those that its class has";
const BAD_WQL: &str = "WQL is SELECT list FROM class WHERE condition: one class, no joins or functions, text in quotes";
const QUOTA: &str = "the host's WMI is out of quota (event 5612 tells which): ask for fewer columns and rows, less \
                     often, or raise the limits in __ProviderHostQuotaConfiguration";
const NO_SMART_ENUM: &str = "the host offers no smart enumeration: leave the enumerator at auto, or take next";
const WMI_SERVICE: &str =
    "WMI does not answer: see whether the service Windows Management Instrumentation runs, and the host's event log";
const MORE_TIME: &str = "the provider needs longer: allow more time, or ask for fewer columns and rows";
const NO_ANSWER: &str = "the provider needs longer, or the host is gone: allow more time, ask for fewer columns and rows, \
                         or see whether the host still runs";
const METHOD_UNKNOWN: &str = "whether the host carried the method out is not known, and it may still do so: look before \
                              you call it again";
const DROPPED: &str =
    "the host, or something in between, dropped the connection: is it the activator of a Windows host?";
const LOST: &str =
    "the connection was lost on the way: try again; if it repeats, look for a restart of WMI in the host's event log";
const NOT_DCOM: &str = "what answers at this port does not speak DCOM as Windows does: check host and port";

#[cfg(test)]
mod tests;

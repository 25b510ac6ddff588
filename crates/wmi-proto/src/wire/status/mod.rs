//! The table of codes with a name and a sentence for each: HRESULTs, NTSTATUS, statuses of fault PDUs, and reasons of a
//! refused bind or context.

mod com;
mod nca;
mod nt;
mod wbem;
mod win32;

/// A code's row in the table.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Known {
    /// The specification's name.
    pub name: &'static str,
    /// What it says, for people: less than a sentence, without a full stop.
    pub meaning: &'static str,
}

/// Declares rows of the table: a constant of the type and what `$known` finds for its number.
macro_rules! codes {
    (impl $ty:ident, $known:ident; $($name:ident = $value:literal, $meaning:literal;)*) => {
        impl $ty {
            $( #[doc = $meaning] pub const $name: Self = Self($value); )*
        }

        /// The row of a number.
        pub(super) const fn $known(code: u32) -> Option<crate::wire::status::Known> {
            match code {
                $( $value => Some(crate::wire::status::Known { name: stringify!($name), meaning: $meaning }), )*
                _ => None,
            }
        }

        /// All rows.
        #[cfg(test)]
        pub(super) const ROWS: &[(u32, &str, &str)] = &[$( ($value, stringify!($name), $meaning), )*];
    };
    // The same for a small enumeration that stands alone.
    ($(#[$doc:meta])* pub struct $ty:ident(u16); $($name:ident = $value:literal, $meaning:literal;)*) => {
        $(#[$doc])*
        #[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub struct $ty(pub u16);

        impl $ty {
            $( #[doc = $meaning] pub const $name: Self = Self($value); )*

            /// Its row in the table.
            #[must_use]
            pub const fn known(self) -> Option<crate::wire::status::Known> {
                match self.0 {
                    $( $value => Some(crate::wire::status::Known { name: stringify!($name), meaning: $meaning }), )*
                    _ => None,
                }
            }
        }

        crate::wire::status::shown!($ty);
    };
}
pub(crate) use codes;

/// `name`, `meaning` and the text form of a type that has `known`.
macro_rules! shown {
    ($ty:ident) => {
        impl $ty {
            /// The specification's name of the value, when it is in the table.
            #[must_use]
            pub const fn name(self) -> Option<&'static str> {
                match self.known() {
                    Some(known) => Some(known.name),
                    None => None,
                }
            }

            /// What the value says, for people, when it is in the table.
            #[must_use]
            pub const fn meaning(self) -> Option<&'static str> {
                match self.known() {
                    Some(known) => Some(known.meaning),
                    None => None,
                }
            }
        }

        $crate::wire::codes::shown_by_name!($ty);
    };
}
pub(crate) use shown;

/// An HRESULT ([MS-ERREF 2.1]): COM's, a security package's, WBEM's ([MS-WMI 2.2.11]), or a Win32 code or NTSTATUS in its
/// HRESULT form (0x8007xxxx, 0xdxxxxxxx), which then has that one's name.
///
/// Where two specifications name a value, WBEM's name comes first.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct HResult(pub u32);

/// The status of a fault PDU, which is also what calls return that are no object calls: a status of [C706 appendix N], a
/// Win32 code ([MS-ERREF 2.2]), an HRESULT or an NTSTATUS.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct FaultStatus(pub u32);

/// An NTSTATUS ([MS-ERREF 2.3]).
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct NtStatus(pub u32);

shown!(HResult);
shown!(FaultStatus);
shown!(NtStatus);

codes! {
    /// The reason of a bind_nak ([C706 12.6.3.1] p_reject_reason_t, [MS-RPCE 2.2.2.5]).
    pub struct BindNakReason(u16);
    REASON_NOT_SPECIFIED = 0, "the host refuses the bind and does not say why";
    TEMPORARY_CONGESTION = 1, "the host has too much to do";
    LOCAL_LIMIT_EXCEEDED = 2, "the host lacks resources, or a bind has too many interfaces for it";
    PROTOCOL_VERSION_NOT_SUPPORTED = 4, "the host does not take the bind: another version of RPC, or a protocol error";
    AUTHENTICATION_TYPE_NOT_RECOGNIZED = 8, "the host does not accept this kind of log-on";
    INVALID_CHECKSUM = 9, "the security package of the host failed, usually because the log-on did";
}

codes! {
    /// Why a presentation context was refused ([C706 12.6.3.1] p_provider_reason_t).
    pub struct ProviderReason(u16);
    NOT_SPECIFIED = 0, "no reason given";
    ABSTRACT_SYNTAX_NOT_SUPPORTED = 1, "the interface is not registered there, or not yet";
    PROPOSED_TRANSFER_SYNTAXES_NOT_SUPPORTED = 2, "none of the offered transfer syntaxes can be spoken";
    LOCAL_LIMIT_EXCEEDED = 3, "the host lacks resources for another interface";
}

impl HResult {
    /// Whether the severity bit is clear.
    #[must_use]
    pub const fn is_success(self) -> bool {
        self.0 & 0x8000_0000 == 0
    }

    /// The Win32 code inside ([MS-ERREF 2.1.2]), when there is one.
    #[must_use]
    pub const fn win32(self) -> Option<FaultStatus> {
        if self.0 & 0xffff_0000 == 0x8007_0000 { Some(FaultStatus(self.0 & 0xffff)) } else { None }
    }

    /// The NTSTATUS inside ([MS-ERREF 2.1] N), or that it is as it stands, when it says an error.
    #[must_use]
    pub const fn nt(self) -> Option<NtStatus> {
        if self.0 & 0xc000_0000 == 0xc000_0000 { Some(NtStatus(self.0 & !NT_BIT)) } else { None }
    }

    /// Whether it says that the account was refused: a wrong password, an account that is locked, disabled or expired, a
    /// log-on or an access that is not allowed. Whoever repeats such an attempt may lock the account.
    #[must_use]
    pub const fn refuses_account(self) -> bool {
        let code = match self.nt() {
            Some(nt) => nt.0,
            None => self.0,
        };
        matches!(
            code,
            // E_ACCESSDENIED, RPC_E_ACCESS_DENIED, STATUS_ACCESS_DENIED, SEC_E_LOGON_DENIED, SEC_E_NO_CREDENTIALS
            0x8007_0005 | 0x8001_011b | 0xc000_0022 | 0x8009_030c | 0x8009_030e
            // ERROR_INVALID_PASSWORD, _NO_SUCH_USER, _LOGON_FAILURE to _ACCOUNT_DISABLED, _LOGON_NOT_GRANTED,
            // _LOGON_TYPE_NOT_GRANTED, _ACCOUNT_EXPIRED, RPC_S_SEC_PKG_ERROR, ERROR_PASSWORD_MUST_CHANGE,
            // _ACCOUNT_LOCKED_OUT
            | 0x8007_0056 | 0x8007_0525 | 0x8007_052e..=0x8007_0533 | 0x8007_0564 | 0x8007_0569 | 0x8007_0701
            | 0x8007_0721 | 0x8007_0773 | 0x8007_0775
            // The same as STATUS_…
            | 0xc000_0064 | 0xc000_006a | 0xc000_006d..=0xc000_0072 | 0xc000_0155 | 0xc000_015b | 0xc000_0193
            | 0xc000_0224 | 0xc000_0234
        )
    }

    /// Its row in the table.
    #[must_use]
    pub const fn known(self) -> Option<Known> {
        let own = match wbem::wbem(self.0) {
            None => com::com(self.0),
            known => known,
        };
        match (own, self.win32(), self.nt()) {
            (None, Some(win32), _) => win32::win32(win32.0),
            (None, None, Some(nt)) => nt.known(),
            (known, ..) => known,
        }
    }
}

impl FaultStatus {
    /// [`FaultStatus::ERROR_ACCESS_DENIED`], the fault that operators meet most.
    pub const ACCESS_DENIED: Self = Self::ERROR_ACCESS_DENIED;
    /// [`HResult::RPC_E_DISCONNECTED`] in a fault.
    pub const RPC_E_DISCONNECTED: Self = Self(HResult::RPC_E_DISCONNECTED.0);
    /// [`HResult::RPC_E_INVALID_IPID`] in a fault.
    pub const RPC_E_INVALID_IPID: Self = Self(HResult::RPC_E_INVALID_IPID.0);
    /// [`HResult::RPC_E_VERSION_MISMATCH`] in a fault.
    pub const RPC_E_VERSION_MISMATCH: Self = Self(HResult::RPC_E_VERSION_MISMATCH.0);
    /// [`HResult::CO_E_OBJNOTREG`] in a fault.
    pub const CO_E_OBJNOTREG: Self = Self(HResult::CO_E_OBJNOTREG.0);
    /// [`HResult::CO_E_OBJNOTCONNECTED`] in a fault.
    pub const CO_E_OBJNOTCONNECTED: Self = Self(HResult::CO_E_OBJNOTCONNECTED.0);

    /// The same as an HRESULT: Win32 codes in their HRESULT form, others as they are.
    #[must_use]
    pub const fn hresult(self) -> HResult {
        match self.0 {
            code @ 1..=0xffff => HResult(0x8007_0000 | code),
            code => HResult(code),
        }
    }

    /// Its row in the table.
    #[must_use]
    pub const fn known(self) -> Option<Known> {
        match (win32::win32(self.0), nca::nca(self.0)) {
            (None, None) if !HResult(self.0).is_success() => HResult(self.0).known(),
            (None, known) | (known, _) => known,
        }
    }
}

impl NtStatus {
    /// Its row in the table.
    #[must_use]
    pub const fn known(self) -> Option<Known> {
        nt::nt(self.0)
    }
}

/// Every number in the table, an HRESULT or not.
#[cfg(test)]
pub(crate) fn all_codes() -> impl Iterator<Item = u32> {
    [wbem::ROWS, com::ROWS, win32::ROWS, nca::ROWS, nt::ROWS].into_iter().flatten().map(|(code, ..)| *code)
}

/// FACILITY_NT_BIT ([MS-ERREF 2.1] N): an NTSTATUS in the form of an HRESULT.
const NT_BIT: u32 = 0x1000_0000;

#[cfg(test)]
mod tests;

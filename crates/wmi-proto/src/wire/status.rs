//! Status codes with their names: HRESULT (COM and WBEM) and RPC fault statuses.

use crate::wire::codes::open_enum;

open_enum! {
    /// An HRESULT: COM ([MS-DCOM 2.2.1]), WBEM ([MS-WMI 2.2.11]) or a wrapped Win32 code ([MS-ERREF 2.1]).
    pub struct HResult(u32);
    /// Success.
    S_OK = 0,
    /// Success, and nothing more to come (WBEM_S_FALSE).
    WBEM_S_FALSE = 1,
    /// The time given with the call is over; go on.
    WBEM_S_TIMEDOUT = 0x0004_0004,
    /// Some results are missing.
    WBEM_S_PARTIAL_RESULTS = 0x0004_0010,
    /// Access is denied.
    E_ACCESSDENIED = 0x8007_0005,
    /// The object has no such interface.
    E_NOINTERFACE = 0x8000_4002,
}

impl HResult {
    /// Whether the severity bit is clear.
    #[must_use]
    pub const fn is_success(self) -> bool {
        self.0 & 0x8000_0000 == 0
    }
}

open_enum! {
    /// The status of a fault PDU ([C706] appendix E, [MS-RPCE 2.2.2.11], [MS-ERREF 2.2]).
    pub struct FaultStatus(u32);
    /// Access is denied (ERROR_ACCESS_DENIED).
    ACCESS_DENIED = 5,
}

open_enum! {
    /// The reason of a bind_nak ([C706] 12.6.3.1 p_reject_reason_t, [MS-RPCE 2.2.2.9]).
    pub struct BindNakReason(u16);
    /// No reason given.
    REASON_NOT_SPECIFIED = 0,
    /// Temporary congestion.
    TEMPORARY_CONGESTION = 1,
    /// A local limit was exceeded.
    LOCAL_LIMIT_EXCEEDED = 2,
    /// The protocol version is not supported.
    PROTOCOL_VERSION_NOT_SUPPORTED = 4,
    /// The authentication type is not recognized.
    AUTHENTICATION_TYPE_NOT_RECOGNIZED = 8,
    /// The checksum is invalid: usually a logon that failed.
    INVALID_CHECKSUM = 9,
}

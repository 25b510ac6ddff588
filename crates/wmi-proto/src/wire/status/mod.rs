//! Status codes with their names: HRESULTs, statuses of fault PDUs and reasons of a refused bind.

mod fault;
mod hresult;

pub use fault::FaultStatus;
pub use hresult::HResult;

use crate::wire::codes::open_enum;

open_enum! {
    /// The reason of a bind_nak ([C706 12.6.3.1] p_reject_reason_t, [MS-RPCE 2.2.2.9]).
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

#[cfg(test)]
mod tests {
    use super::{FaultStatus, HResult};

    #[test]
    fn names_and_values_are_shown() {
        for (code, shown) in [
            (HResult(0x8004_1017), "WBEM_E_INVALID_QUERY (0x80041017)"),
            (HResult(0x8007_06ba), "RPC_S_SERVER_UNAVAILABLE (0x800706ba)"),
            (HResult(0x8001_0108), "RPC_E_DISCONNECTED (0x80010108)"),
            (HResult(0), "S_OK (0x0)"),
            (HResult(0xdead_beef), "0xdeadbeef"),
        ] {
            assert_eq!(code.to_string(), shown);
        }
        for (code, shown) in [
            (FaultStatus(5), "ERROR_ACCESS_DENIED (0x5)"),
            (FaultStatus(1717), "RPC_S_UNKNOWN_IF (0x6b5)"),
            (FaultStatus(0x1c01_0002), "NCA_OP_RNG_ERROR (0x1c010002)"),
            (FaultStatus(0x1c00_0006), "NCA_S_FAULT_INVALID_TAG (0x1c000006)"),
            (FaultStatus(0x8001_0108), "RPC_E_DISCONNECTED (0x80010108)"),
        ] {
            assert_eq!(code.to_string(), shown);
        }
    }

    #[test]
    fn success_is_the_clear_severity_bit() {
        assert!(HResult::WBEM_S_TIMEDOUT.is_success() && HResult::S_OK.is_success());
        assert!(!HResult::WBEM_E_FAILED.is_success() && !HResult::E_NOINTERFACE.is_success());
    }
}

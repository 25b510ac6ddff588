//! The status of a fault PDU, which is also what calls return that are no object calls.

use crate::wire::codes::open_enum;

open_enum! {
    /// The status of a fault PDU: a status of [C706 appendix N] with the spelling of [MS-RPCE 3.1.1.5.5] in upper case,
    /// a Win32 code ([MS-ERREF 2.2]) or an HRESULT ([MS-ERREF 2.1]).
    pub struct FaultStatus(u32);
    /// Not found.
    ERROR_FILE_NOT_FOUND = 2,
    /// Access is denied.
    ERROR_ACCESS_DENIED = 5,
    /// The host has no memory left.
    ERROR_NOT_ENOUGH_MEMORY = 8,
    /// A parameter is invalid.
    ERROR_INVALID_PARAMETER = 0x57,
    /// Wrong user name or password.
    ERROR_LOGON_FAILURE = 0x52e,
    /// No such interface.
    RPC_S_UNKNOWN_IF = 0x6b5,
    /// No resources left.
    RPC_S_OUT_OF_RESOURCES = 0x6b9,
    /// The RPC server is not reachable.
    RPC_S_SERVER_UNAVAILABLE = 0x6ba,
    /// The RPC server is too busy.
    RPC_S_SERVER_TOO_BUSY = 0x6bb,
    /// The call failed and may have been executed.
    RPC_S_CALL_FAILED = 0x6be,
    /// The call failed and was not executed.
    RPC_S_CALL_FAILED_DNE = 0x6bf,
    /// The RPC protocol was violated.
    RPC_S_PROTOCOL_ERROR = 0x6c0,
    /// The transfer syntax is not supported.
    RPC_S_UNSUPPORTED_TRANS_SYN = 0x6c2,
    /// The type is not supported.
    RPC_S_UNSUPPORTED_TYPE = 0x6c4,
    /// A union has an invalid discriminant.
    RPC_S_INVALID_TAG = 0x6c5,
    /// An array has invalid bounds.
    RPC_S_INVALID_BOUND = 0x6c6,
    /// No such method.
    RPC_S_PROCNUM_OUT_OF_RANGE = 0x6d1,
    /// The call is not authenticated.
    RPC_S_BINDING_HAS_NO_AUTH = 0x6d2,
    /// The authentication service is unknown.
    RPC_S_UNKNOWN_AUTHN_SERVICE = 0x6d3,
    /// The authentication level is unknown.
    RPC_S_UNKNOWN_AUTHN_LEVEL = 0x6d4,
    /// The endpoint entry is invalid.
    EPT_S_INVALID_ENTRY = 0x6d7,
    /// The endpoint mapper cannot do it.
    EPT_S_CANT_PERFORM_OP = 0x6d8,
    /// No endpoint is registered.
    EPT_S_NOT_REGISTERED = 0x6d9,
    /// Not supported.
    RPC_S_CANNOT_SUPPORT = 0x6e4,
    /// An internal error of RPC.
    RPC_S_INTERNAL_ERROR = 0x6e6,
    /// The server divided by zero.
    RPC_S_ZERO_DIVIDE = 0x6e7,
    /// The server used a wrong address.
    RPC_S_ADDRESS_ERROR = 0x6e8,
    /// A pointer is NULL that must not be.
    RPC_X_NULL_REF_POINTER = 0x6f4,
    /// An enumeration value is out of range.
    RPC_X_ENUM_VALUE_OUT_OF_RANGE = 0x6f5,
    /// A byte count is too small.
    RPC_X_BYTE_COUNT_TOO_SMALL = 0x6f6,
    /// The parameters do not decode.
    RPC_X_BAD_STUB_DATA = 0x6f7,
    /// The call was cancelled.
    RPC_S_CALL_CANCELLED = 0x71a,
    /// Communication failed.
    RPC_S_COMM_FAILURE = 0x71c,
    /// The authentication level is not supported.
    RPC_S_UNSUPPORTED_AUTHN_LEVEL = 0x71d,
    /// The security package failed.
    RPC_S_SEC_PKG_ERROR = 0x721,
    /// No such object.
    RPC_S_INVALID_OBJECT = 0x76c,
    /// The resolver knows no such exporter.
    OR_INVALID_OXID = 0x776,
    /// The resolver knows no such object.
    OR_INVALID_OID = 0x777,
    /// The resolver knows no such ping set.
    OR_INVALID_SET = 0x778,
    /// The server divided by zero.
    NCA_S_FAULT_INT_DIV_BY_ZERO = 0x1c00_0001,
    /// The server used a wrong address.
    NCA_S_FAULT_ADDR_ERROR = 0x1c00_0002,
    /// The server divided a real by zero.
    NCA_S_FAULT_FP_DIV_ZERO = 0x1c00_0003,
    /// Underflow of a real.
    NCA_S_FAULT_FP_UNDERFLOW = 0x1c00_0004,
    /// Overflow of a real.
    NCA_S_FAULT_FP_OVERFLOW = 0x1c00_0005,
    /// A union has an invalid discriminant.
    NCA_S_FAULT_INVALID_TAG = 0x1c00_0006,
    /// An array has invalid bounds.
    NCA_S_FAULT_INVALID_BOUND = 0x1c00_0007,
    /// The RPC version is not supported.
    NCA_RPC_VERSION_MISMATCH = 0x1c00_0008,
    /// Rejected and nobody says why.
    NCA_UNSPEC_REJECT = 0x1c00_0009,
    /// The activity is unknown.
    NCA_S_BAD_ACTID = 0x1c00_000a,
    /// The call back to the client failed.
    NCA_WHO_ARE_YOU_FAILED = 0x1c00_000b,
    /// The call was not executed.
    NCA_MANAGER_NOT_ENTERED = 0x1c00_000c,
    /// The call was cancelled.
    NCA_S_FAULT_CANCEL = 0x1c00_000d,
    /// The server executed an illegal instruction.
    NCA_S_FAULT_ILL_INST = 0x1c00_000e,
    /// An error with a real.
    NCA_S_FAULT_FP_ERROR = 0x1c00_000f,
    /// Overflow of an integer.
    NCA_S_FAULT_INT_OVERFLOW = 0x1c00_0010,
    /// The server failed and nobody says why.
    NCA_S_FAULT_UNSPEC = 0x1c00_0012,
    /// The server's own communication failed.
    NCA_S_FAULT_REMOTE_COMM_FAILURE = 0x1c00_0013,
    /// A pipe is empty.
    NCA_S_FAULT_PIPE_EMPTY = 0x1c00_0014,
    /// A pipe is closed.
    NCA_S_FAULT_PIPE_CLOSED = 0x1c00_0015,
    /// A pipe is used out of order.
    NCA_S_FAULT_PIPE_ORDER = 0x1c00_0016,
    /// A pipe is used wrongly.
    NCA_S_FAULT_PIPE_DISCIPLINE = 0x1c00_0017,
    /// Communication failed within a pipe.
    NCA_S_FAULT_PIPE_COMM_ERROR = 0x1c00_0018,
    /// No memory left for a pipe.
    NCA_S_FAULT_PIPE_MEMORY = 0x1c00_0019,
    /// The context handle is not valid.
    NCA_S_FAULT_CONTEXT_MISMATCH = 0x1c00_001a,
    /// The host has no memory left.
    NCA_S_FAULT_REMOTE_NO_MEMORY = 0x1c00_001b,
    /// The presentation context was not negotiated.
    NCA_INVALID_PRES_CONTEXT_ID = 0x1c00_001c,
    /// The authentication level is not supported.
    NCA_UNSUPPORTED_AUTHN_LEVEL = 0x1c00_001d,
    /// The checksum is invalid.
    NCA_INVALID_CHECKSUM = 0x1c00_001f,
    /// The CRC is invalid.
    NCA_INVALID_CRC = 0x1c00_0020,
    /// An exception that the interface defines.
    NCA_S_FAULT_USER_DEFINED = 0x1c00_0021,
    /// A transaction could not be opened.
    NCA_S_FAULT_TX_OPEN_FAILED = 0x1c00_0022,
    /// Text could not be converted.
    NCA_S_FAULT_CODESET_CONV_ERROR = 0x1c00_0023,
    /// No such object.
    NCA_S_FAULT_OBJECT_NOT_FOUND = 0x1c00_0024,
    /// The client has no stub for a call back.
    NCA_S_FAULT_NO_CLIENT_STUB = 0x1c00_0025,
    /// Communication failed.
    NCA_S_COMM_FAILURE = 0x1c01_0001,
    /// No such method.
    NCA_OP_RNG_ERROR = 0x1c01_0002,
    /// No such interface.
    NCA_UNK_IF = 0x1c01_0003,
    /// The server has been restarted.
    NCA_WRONG_BOOT_TIME = 0x1c01_0006,
    /// The client was believed dead.
    NCA_S_YOU_CRASHED = 0x1c01_0009,
    /// The RPC protocol was violated.
    NCA_PROTO_ERROR = 0x1c01_000b,
    /// The results are too long.
    NCA_OUT_ARGS_TOO_BIG = 0x1c01_0013,
    /// The RPC server is too busy.
    NCA_SERVER_TOO_BUSY = 0x1c01_0014,
    /// A string is too long.
    NCA_S_FAULT_STRING_TOO_LONG = 0x1c01_0015,
    /// The type is not supported.
    NCA_UNSUPPORTED_TYPE = 0x1c01_0017,
    /// Access is denied.
    E_ACCESSDENIED = 0x8007_0005,
    /// The call was rejected by the callee.
    RPC_E_CALL_REJECTED = 0x8001_0001,
    /// The server raised an exception.
    RPC_E_SERVERFAULT = 0x8001_0105,
    /// No such method.
    RPC_E_INVALIDMETHOD = 0x8001_0107,
    /// The object is no longer connected to its clients: its IPID is dead.
    RPC_E_DISCONNECTED = 0x8001_0108,
    /// Call again later.
    RPC_E_RETRY = 0x8001_0109,
    /// The DCOM versions do not fit together.
    RPC_E_VERSION_MISMATCH = 0x8001_0110,
    /// ORPCTHIS or ORPCTHAT is wrong.
    RPC_E_INVALID_HEADER = 0x8001_0111,
    /// An ORPC extension is wrong.
    RPC_E_INVALID_EXTENSION = 0x8001_0112,
    /// No such interface pointer.
    RPC_E_INVALID_IPID = 0x8001_0113,
    /// No such object.
    RPC_E_INVALID_OBJECT = 0x8001_0114,
    /// Access is denied by DCOM.
    RPC_E_ACCESS_DENIED = 0x8001_011b,
    /// DCOM is disabled on the host.
    RPC_E_REMOTE_DISABLED = 0x8001_011c,
    /// The OBJREF is invalid.
    RPC_E_INVALID_OBJREF = 0x8001_011d,
    /// The object is not registered: its IPID is dead.
    CO_E_OBJNOTREG = 0x8004_01fb,
    /// The object is not connected to a server.
    CO_E_OBJNOTCONNECTED = 0x8004_01fd,
    /// [`FaultStatus::ERROR_ACCESS_DENIED`], the fault that operators meet most.
    ACCESS_DENIED = 5,
}

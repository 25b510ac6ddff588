//! Statuses of DCE/RPC in faults ([C706 appendix N]), with the names of [MS-RPCE 3.1.1.5.5] in upper case.

use crate::wire::status::{FaultStatus, codes};

codes! {
    impl FaultStatus, nca;
    NCA_S_FAULT_INT_DIV_BY_ZERO = 0x1c00_0001, "the server divided by zero";
    NCA_S_FAULT_ADDR_ERROR = 0x1c00_0002, "the server used a wrong address";
    NCA_S_FAULT_FP_DIV_ZERO = 0x1c00_0003, "the server divided a real by zero";
    NCA_S_FAULT_FP_UNDERFLOW = 0x1c00_0004, "underflow of a real";
    NCA_S_FAULT_FP_OVERFLOW = 0x1c00_0005, "overflow of a real";
    NCA_S_FAULT_INVALID_TAG = 0x1c00_0006, "a union has an invalid discriminant";
    NCA_S_FAULT_INVALID_BOUND = 0x1c00_0007, "an array has invalid bounds";
    NCA_RPC_VERSION_MISMATCH = 0x1c00_0008, "the RPC version is not supported";
    NCA_UNSPEC_REJECT = 0x1c00_0009, "rejected and nobody says why";
    NCA_S_BAD_ACTID = 0x1c00_000a, "the activity is unknown";
    NCA_WHO_ARE_YOU_FAILED = 0x1c00_000b, "the call back to the client failed";
    NCA_MANAGER_NOT_ENTERED = 0x1c00_000c, "the call was not executed";
    NCA_S_FAULT_CANCEL = 0x1c00_000d, "the call was cancelled";
    NCA_S_FAULT_ILL_INST = 0x1c00_000e, "the server executed an illegal instruction";
    NCA_S_FAULT_FP_ERROR = 0x1c00_000f, "an error with a real";
    NCA_S_FAULT_INT_OVERFLOW = 0x1c00_0010, "overflow of an integer";
    NCA_S_FAULT_UNSPEC = 0x1c00_0012, "the server failed and nobody says why";
    NCA_S_FAULT_REMOTE_COMM_FAILURE = 0x1c00_0013, "the server's own communication failed";
    NCA_S_FAULT_PIPE_EMPTY = 0x1c00_0014, "a pipe is empty";
    NCA_S_FAULT_PIPE_CLOSED = 0x1c00_0015, "a pipe is closed";
    NCA_S_FAULT_PIPE_ORDER = 0x1c00_0016, "a pipe is used out of order";
    NCA_S_FAULT_PIPE_DISCIPLINE = 0x1c00_0017, "a pipe is used wrongly";
    NCA_S_FAULT_PIPE_COMM_ERROR = 0x1c00_0018, "communication failed within a pipe";
    NCA_S_FAULT_PIPE_MEMORY = 0x1c00_0019, "no memory left for a pipe";
    NCA_S_FAULT_CONTEXT_MISMATCH = 0x1c00_001a, "the context handle is not valid";
    NCA_S_FAULT_REMOTE_NO_MEMORY = 0x1c00_001b, "the host has no memory left";
    NCA_INVALID_PRES_CONTEXT_ID = 0x1c00_001c, "the presentation context was not negotiated";
    NCA_UNSUPPORTED_AUTHN_LEVEL = 0x1c00_001d, "the authentication level is not supported";
    NCA_INVALID_CHECKSUM = 0x1c00_001f, "the checksum is invalid";
    NCA_INVALID_CRC = 0x1c00_0020, "the CRC is invalid";
    NCA_S_FAULT_USER_DEFINED = 0x1c00_0021, "an exception that the interface defines";
    NCA_S_FAULT_TX_OPEN_FAILED = 0x1c00_0022, "a transaction could not be opened";
    NCA_S_FAULT_CODESET_CONV_ERROR = 0x1c00_0023, "text could not be converted";
    NCA_S_FAULT_OBJECT_NOT_FOUND = 0x1c00_0024, "no such object";
    NCA_S_FAULT_NO_CLIENT_STUB = 0x1c00_0025, "the client has no stub for a call back";
    NCA_S_COMM_FAILURE = 0x1c01_0001, "communication failed";
    NCA_OP_RNG_ERROR = 0x1c01_0002, "no such method";
    NCA_UNK_IF = 0x1c01_0003, "no such interface";
    NCA_WRONG_BOOT_TIME = 0x1c01_0006, "the server has been restarted";
    NCA_S_YOU_CRASHED = 0x1c01_0009, "the client was believed dead";
    NCA_PROTO_ERROR = 0x1c01_000b, "the RPC protocol was violated";
    NCA_OUT_ARGS_TOO_BIG = 0x1c01_0013, "the results are too long";
    NCA_SERVER_TOO_BUSY = 0x1c01_0014, "the RPC server is too busy";
    NCA_S_FAULT_STRING_TOO_LONG = 0x1c01_0015, "a string is too long";
    NCA_UNSUPPORTED_TYPE = 0x1c01_0017, "the type is not supported";
}

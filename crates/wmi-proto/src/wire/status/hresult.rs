//! HRESULT: the results of object calls, with the names of COM, WBEM and the wrapped Win32 codes.

use crate::wire::codes::open_enum;

open_enum! {
    /// An HRESULT ([MS-ERREF 2.1]): COM, WBEM ([MS-WMI 2.2.11]) or a Win32 code in its HRESULT form (0x8007xxxx).
    ///
    /// Where two specifications name a value, WBEM's name comes first.
    pub struct HResult(u32);
    /// Success.
    S_OK = 0,
    /// Nothing more to come, or less than was asked for.
    WBEM_S_FALSE = 1,
    /// The time given with the call is over; go on.
    WBEM_S_TIMEDOUT = 0x0004_0004,
    /// The sink takes an ObjectArray.
    WBEM_S_NEW_STYLE = 0x0004_00ff,
    /// Some results are missing.
    WBEM_S_PARTIAL_RESULTS = 0x0004_0010,
    /// Something failed and nobody says what.
    WBEM_E_FAILED = 0x8004_1001,
    /// No object at this path.
    WBEM_E_NOT_FOUND = 0x8004_1002,
    /// The account may not do this in this namespace.
    WBEM_E_ACCESS_DENIED = 0x8004_1003,
    /// The provider failed.
    WBEM_E_PROVIDER_FAILURE = 0x8004_1004,
    /// A value has the wrong CIM type.
    WBEM_E_TYPE_MISMATCH = 0x8004_1005,
    /// The host has no memory left.
    WBEM_E_OUT_OF_MEMORY = 0x8004_1006,
    /// The IWbemContext lacks what is needed.
    WBEM_E_INVALID_CONTEXT = 0x8004_1007,
    /// A parameter or flag is not allowed.
    WBEM_E_INVALID_PARAMETER = 0x8004_1008,
    /// The resource is not available.
    WBEM_E_NOT_AVAILABLE = 0x8004_1009,
    /// WMI on the host is broken.
    WBEM_E_CRITICAL_ERROR = 0x8004_100a,
    /// Not supported.
    WBEM_E_NOT_SUPPORTED = 0x8004_100c,
    /// No such superclass.
    WBEM_E_INVALID_SUPERCLASS = 0x8004_100d,
    /// No such namespace.
    WBEM_E_INVALID_NAMESPACE = 0x8004_100e,
    /// The instance is incomplete.
    WBEM_E_INVALID_OBJECT = 0x8004_100f,
    /// No such class.
    WBEM_E_INVALID_CLASS = 0x8004_1010,
    /// The class names a provider that is not registered.
    WBEM_E_PROVIDER_NOT_FOUND = 0x8004_1011,
    /// The provider is registered wrongly.
    WBEM_E_INVALID_PROVIDER_REGISTRATION = 0x8004_1012,
    /// The provider does not load.
    WBEM_E_PROVIDER_LOAD_FAILURE = 0x8004_1013,
    /// Initialization failed.
    WBEM_E_INITIALIZATION_FAILURE = 0x8004_1014,
    /// The host met a network problem.
    WBEM_E_TRANSPORT_FAILURE = 0x8004_1015,
    /// The operation is not valid here.
    WBEM_E_INVALID_OPERATION = 0x8004_1016,
    /// The query has no valid meaning.
    WBEM_E_INVALID_QUERY = 0x8004_1017,
    /// The query language is unknown.
    WBEM_E_INVALID_QUERY_TYPE = 0x8004_1018,
    /// The object exists already.
    WBEM_E_ALREADY_EXISTS = 0x8004_1019,
    /// Something unforeseen.
    WBEM_E_UNEXPECTED = 0x8004_101d,
    /// The object belongs to no known class.
    WBEM_E_INCOMPLETE_CLASS = 0x8004_1020,
    /// The provider cannot do this with this class.
    WBEM_E_PROVIDER_NOT_CAPABLE = 0x8004_1024,
    /// The class has subclasses.
    WBEM_E_CLASS_HAS_CHILDREN = 0x8004_1025,
    /// The class has instances.
    WBEM_E_CLASS_HAS_INSTANCES = 0x8004_1026,
    /// A property that must have a value is NULL.
    WBEM_E_ILLEGAL_NULL = 0x8004_1028,
    /// No such CIM type.
    WBEM_E_INVALID_CIM_TYPE = 0x8004_102d,
    /// No such method.
    WBEM_E_INVALID_METHOD = 0x8004_102e,
    /// The parameters do not suit the method.
    WBEM_E_INVALID_METHOD_PARAMETERS = 0x8004_102f,
    /// No such property.
    WBEM_E_INVALID_PROPERTY = 0x8004_1031,
    /// The call was cancelled by the host, for want of resources too.
    WBEM_E_CALL_CANCELLED = 0x8004_1032,
    /// WMI on the host is shutting down.
    WBEM_E_SHUTTING_DOWN = 0x8004_1033,
    /// The path has wrong syntax.
    WBEM_E_INVALID_OBJECT_PATH = 0x8004_103a,
    /// The host lacks disk space.
    WBEM_E_OUT_OF_DISK_SPACE = 0x8004_103b,
    /// The provider cannot change single properties.
    WBEM_E_UNSUPPORTED_PUT_EXTENSION = 0x8004_103d,
    /// The host is too busy.
    WBEM_E_SERVER_TOO_BUSY = 0x8004_1045,
    /// No class implements the method.
    WBEM_E_METHOD_NOT_IMPLEMENTED = 0x8004_1055,
    /// The method is disabled.
    WBEM_E_METHOD_DISABLED = 0x8004_1056,
    /// The query has wrong syntax.
    WBEM_E_UNPARSABLE_QUERY = 0x8004_1058,
    /// An event query names a class that is no event.
    WBEM_E_NOT_EVENT_CLASS = 0x8004_1059,
    /// GROUP BY without WITHIN.
    WBEM_E_MISSING_GROUP_WITHIN = 0x8004_105a,
    /// The aggregation is not supported.
    WBEM_E_MISSING_AGGREGATION_LIST = 0x8004_105b,
    /// GROUP BY reaches into something that is no embedded object.
    WBEM_E_PROPERTY_NOT_AN_OBJECT = 0x8004_105c,
    /// GROUP BY names an embedded object itself.
    WBEM_E_AGGREGATING_BY_OBJECT = 0x8004_105d,
    /// The repository is in use.
    WBEM_E_BACKUP_RESTORE_WINMGMT_RUNNING = 0x8004_1060,
    /// More events than the client takes.
    WBEM_E_QUEUE_OVERFLOW = 0x8004_1061,
    /// A privilege is not enabled.
    WBEM_E_PRIVILEGE_NOT_HELD = 0x8004_1062,
    /// The operator does not suit the property.
    WBEM_E_INVALID_OPERATOR = 0x8004_1063,
    /// An abstract class below one that is not.
    WBEM_E_CANNOT_BE_ABSTRACT = 0x8004_1065,
    /// An amended object written without the flag for it.
    WBEM_E_AMENDED_OBJECT = 0x8004_1066,
    /// A quota of WMI is used up: memory, threads, handles or enumerators.
    WBEM_E_QUOTA_VIOLATION = 0x8004_106c,
    /// The class does not take this change.
    WBEM_E_VETO_PUT = 0x8004_107a,
    /// The provider is suspended.
    WBEM_E_PROVIDER_SUSPENDED = 0x8004_1081,
    /// The namespace demands PKT_PRIVACY.
    WBEM_E_ENCRYPTED_CONNECTION_REQUIRED = 0x8004_1087,
    /// The provider took too long.
    WBEM_E_PROVIDER_TIMED_OUT = 0x8004_1088,
    /// A key has no value.
    WBEM_E_NO_KEY = 0x8004_1089,
    /// The provider is disabled.
    WBEM_E_PROVIDER_DISABLED = 0x8004_108a,
    /// The event query overlaps too much.
    WBEM_E_REGISTRATION_TOO_BROAD = 0x8004_2001,
    /// An intrinsic event query without WITHIN.
    WBEM_E_REGISTRATION_TOO_PRECISE = 0x8004_2002,
    /// Not there yet.
    E_PENDING = 0x8000_000a,
    /// Not implemented.
    E_NOTIMPL = 0x8000_4001,
    /// The object has no such interface.
    E_NOINTERFACE = 0x8000_4002,
    /// A pointer is NULL that must not be.
    E_POINTER = 0x8000_4003,
    /// Aborted.
    E_ABORT = 0x8000_4004,
    /// Something failed and nobody says what.
    E_FAIL = 0x8000_4005,
    /// The name of the server is wrong.
    CO_E_BAD_SERVER_NAME = 0x8000_4014,
    /// The server runs under another account than configured.
    CO_E_WRONG_SERVER_IDENTITY = 0x8000_4015,
    /// The server's process does not start.
    CO_E_CREATEPROCESS_FAILURE = 0x8000_4018,
    /// The account that the server is to run under cannot log on.
    CO_E_RUNAS_LOGON_FAILURE = 0x8000_401a,
    /// The account may not launch the class.
    CO_E_LAUNCH_PERMSSION_DENIED = 0x8000_401b,
    /// The service behind the class does not start.
    CO_E_START_SERVICE_FAILURE = 0x8000_401c,
    /// The activator could not reach the server.
    CO_E_REMOTE_COMMUNICATION_FAILURE = 0x8000_401d,
    /// The server did not register in time.
    CO_E_SERVER_START_TIMEOUT = 0x8000_401e,
    /// The class is disabled.
    CO_E_CLASS_DISABLED = 0x8000_4027,
    /// The server is not ready yet.
    CO_E_SERVER_INIT_TIMEOUT = 0x8000_402a,
    /// Something unforeseen.
    E_UNEXPECTED = 0x8000_ffff,
    /// The call was rejected by the callee.
    RPC_E_CALL_REJECTED = 0x8001_0001,
    /// The call was cancelled.
    RPC_E_CALL_CANCELED = 0x8001_0002,
    /// The connection broke or is in a wrong state.
    RPC_E_CONNECTION_TERMINATED = 0x8001_0006,
    /// The server is gone and the call may have been executed.
    RPC_E_SERVER_DIED = 0x8001_0007,
    /// The data is incomplete.
    RPC_E_INVALID_DATAPACKET = 0x8001_0009,
    /// The host could not marshal its results.
    RPC_E_SERVER_CANTMARSHAL_DATA = 0x8001_000d,
    /// The host could not unmarshal the parameters.
    RPC_E_SERVER_CANTUNMARSHAL_DATA = 0x8001_000e,
    /// The data is invalid.
    RPC_E_INVALID_DATA = 0x8001_000f,
    /// A parameter is invalid.
    RPC_E_INVALID_PARAMETER = 0x8001_0010,
    /// The server is gone and the call was not executed.
    RPC_E_SERVER_DIED_DNE = 0x8001_0012,
    /// A system call failed on the host.
    RPC_E_SYS_CALL_FAILED = 0x8001_0100,
    /// The host has no resources left.
    RPC_E_OUT_OF_RESOURCES = 0x8001_0101,
    /// RPC could not call the server.
    RPC_E_FAULT = 0x8001_0104,
    /// The server raised an exception.
    RPC_E_SERVERFAULT = 0x8001_0105,
    /// No such method.
    RPC_E_INVALIDMETHOD = 0x8001_0107,
    /// The object is no longer connected to its clients: its IPID is dead.
    RPC_E_DISCONNECTED = 0x8001_0108,
    /// Call again later.
    RPC_E_RETRY = 0x8001_0109,
    /// The server is busy; call again later.
    RPC_E_SERVERCALL_RETRYLATER = 0x8001_010a,
    /// The server is busy and rejects the call.
    RPC_E_SERVERCALL_REJECTED = 0x8001_010b,
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
    /// The call is complete already.
    RPC_E_CALL_COMPLETE = 0x8001_0117,
    /// A security package, level or object is not allowed here.
    RPC_E_UNSECURE_CALL = 0x8001_0118,
    /// Too late to set security.
    RPC_E_TOO_LATE = 0x8001_0119,
    /// No usable security package.
    RPC_E_NO_GOOD_SECURITY_PACKAGES = 0x8001_011a,
    /// Access is denied by DCOM.
    RPC_E_ACCESS_DENIED = 0x8001_011b,
    /// DCOM is disabled on the host.
    RPC_E_REMOTE_DISABLED = 0x8001_011c,
    /// The OBJREF is invalid.
    RPC_E_INVALID_OBJREF = 0x8001_011d,
    /// The call timed out on the host.
    RPC_E_TIMEOUT = 0x8001_011f,
    /// The server could not impersonate the client.
    CO_E_FAILEDTOIMPERSONATE = 0x8001_0123,
    /// The server could not get the security context.
    CO_E_FAILEDTOGETSECCTX = 0x8001_0124,
    /// The access check itself failed.
    CO_E_ACCESSCHECKFAILED = 0x8001_012a,
    /// Something unforeseen in RPC.
    RPC_E_UNEXPECTED = 0x8001_ffff,
    /// The class cannot be aggregated.
    CLASS_E_NOAGGREGATION = 0x8004_0110,
    /// The server does not have the class.
    CLASS_E_CLASSNOTAVAILABLE = 0x8004_0111,
    /// The registration cannot be read.
    REGDB_E_READREGDB = 0x8004_0150,
    /// The class is not registered.
    REGDB_E_CLASSNOTREG = 0x8004_0154,
    /// The interface is not registered.
    REGDB_E_IIDNOTREG = 0x8004_0155,
    /// COM is not initialized there.
    CO_E_NOTINITIALIZED = 0x8004_01f0,
    /// The application is not found.
    CO_E_APPNOTFOUND = 0x8004_01f5,
    /// The application has an error.
    CO_E_ERRORINAPP = 0x8004_01f7,
    /// The library of the class is not found.
    CO_E_DLLNOTFOUND = 0x8004_01f8,
    /// The library of the class has an error.
    CO_E_ERRORINDLL = 0x8004_01f9,
    /// The class is for another operating system.
    CO_E_WRONGOSFORAPP = 0x8004_01fa,
    /// The object is not registered: its IPID is dead.
    CO_E_OBJNOTREG = 0x8004_01fb,
    /// The object is not connected to a server.
    CO_E_OBJNOTCONNECTED = 0x8004_01fd,
    /// The object has been released.
    CO_E_RELEASED = 0x8004_01ff,
    /// Access is denied.
    E_ACCESSDENIED = 0x8007_0005,
    /// The host has no memory left.
    E_OUTOFMEMORY = 0x8007_000e,
    /// A parameter is invalid.
    E_INVALIDARG = 0x8007_0057,
    /// The object could not be created.
    CO_E_CLASS_CREATE_FAILED = 0x8008_0001,
    /// The activator failed.
    CO_E_SCM_ERROR = 0x8008_0002,
    /// The activator failed in a remote call.
    CO_E_SCM_RPC_FAILURE = 0x8008_0003,
    /// The path of the server is wrong.
    CO_E_BAD_PATH = 0x8008_0004,
    /// The server's process does not start.
    CO_E_SERVER_EXEC_FAILURE = 0x8008_0005,
    /// The activator could not call the object server.
    CO_E_OBJSRV_RPC_FAILURE = 0x8008_0006,
    /// The server is stopping.
    CO_E_SERVER_STOPPING = 0x8008_0008,
    /// The network path is not found.
    ERROR_BAD_NETPATH = 0x8007_0035,
    /// Not supported.
    ERROR_NOT_SUPPORTED = 0x8007_0032,
    /// Wrong user name or password.
    ERROR_LOGON_FAILURE = 0x8007_052e,
    /// The account may not log on like this.
    ERROR_ACCOUNT_RESTRICTION = 0x8007_052f,
    /// The account may not log on at this time.
    ERROR_INVALID_LOGON_HOURS = 0x8007_0530,
    /// The account may not log on from here.
    ERROR_INVALID_WORKSTATION = 0x8007_0531,
    /// The password has expired.
    ERROR_PASSWORD_EXPIRED = 0x8007_0532,
    /// The account is disabled.
    ERROR_ACCOUNT_DISABLED = 0x8007_0533,
    /// No domain controller answers the host.
    ERROR_NO_LOGON_SERVERS = 0x8007_051f,
    /// The host's trust in the domain is broken.
    ERROR_TRUSTED_RELATIONSHIP_FAILURE = 0x8007_06fd,
    /// The account is locked out.
    ERROR_ACCOUNT_LOCKED_OUT = 0x8007_0775,
    /// The password must be changed first.
    ERROR_PASSWORD_MUST_CHANGE = 0x8007_0773,
    /// Timed out.
    ERROR_TIMEOUT = 0x8007_05b4,
    /// No such interface.
    RPC_S_UNKNOWN_IF = 0x8007_06b5,
    /// No resources left.
    RPC_S_OUT_OF_RESOURCES = 0x8007_06b9,
    /// The RPC server is not reachable: down, or behind a firewall.
    RPC_S_SERVER_UNAVAILABLE = 0x8007_06ba,
    /// The RPC server is too busy.
    RPC_S_SERVER_TOO_BUSY = 0x8007_06bb,
    /// The call failed and may have been executed.
    RPC_S_CALL_FAILED = 0x8007_06be,
    /// The call failed and was not executed.
    RPC_S_CALL_FAILED_DNE = 0x8007_06bf,
    /// The RPC protocol was violated.
    RPC_S_PROTOCOL_ERROR = 0x8007_06c0,
    /// The transfer syntax is not supported.
    RPC_S_UNSUPPORTED_TRANS_SYN = 0x8007_06c2,
    /// The authentication service is unknown.
    RPC_S_UNKNOWN_AUTHN_SERVICE = 0x8007_06d3,
    /// The authentication level is unknown.
    RPC_S_UNKNOWN_AUTHN_LEVEL = 0x8007_06d4,
    /// No such method.
    RPC_S_PROCNUM_OUT_OF_RANGE = 0x8007_06d1,
    /// The endpoint mapper cannot do it.
    EPT_S_CANT_PERFORM_OP = 0x8007_06d8,
    /// No endpoint is registered.
    EPT_S_NOT_REGISTERED = 0x8007_06d9,
    /// Not supported, often for the authentication level.
    RPC_S_CANNOT_SUPPORT = 0x8007_06e4,
    /// An internal error of RPC.
    RPC_S_INTERNAL_ERROR = 0x8007_06e6,
    /// A pointer is NULL that must not be.
    RPC_X_NULL_REF_POINTER = 0x8007_06f4,
    /// The parameters do not decode.
    RPC_X_BAD_STUB_DATA = 0x8007_06f7,
    /// The call was cancelled.
    RPC_S_CALL_CANCELLED = 0x8007_071a,
    /// Communication failed.
    RPC_S_COMM_FAILURE = 0x8007_071c,
    /// The authentication level is not supported.
    RPC_S_UNSUPPORTED_AUTHN_LEVEL = 0x8007_071d,
    /// The security package failed.
    RPC_S_SEC_PKG_ERROR = 0x8007_0721,
    /// No such object.
    RPC_S_INVALID_OBJECT = 0x8007_076c,
}

impl HResult {
    /// Whether the severity bit is clear.
    #[must_use]
    pub const fn is_success(self) -> bool {
        self.0 & 0x8000_0000 == 0
    }
}

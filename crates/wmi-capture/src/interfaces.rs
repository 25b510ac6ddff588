//! Names of interfaces and their methods, as the specifications spell them.

use wmi_proto::wire::Guid;
use wmi_proto::wire::guid::{
    IID_IENUM_WBEM_CLASS_OBJECT, IID_IOBJECT_EXPORTER, IID_IREM_UNKNOWN, IID_IREM_UNKNOWN2, IID_IREMOTE_SCM_ACTIVATOR,
    IID_IUNKNOWN, IID_IWBEM_CALL_RESULT, IID_IWBEM_FETCH_SMART_ENUM, IID_IWBEM_LEVEL1_LOGIN, IID_IWBEM_LOGIN_CLIENT_ID,
    IID_IWBEM_SERVICES, IID_IWBEM_WCO_SMART_ENUM,
};

/// [MS-WMI 1.9] IWbemLoginHelper.
const IID_IWBEM_LOGIN_HELPER: Guid = Guid::from_u128(0x541679ab_2e5f_11d3_b34e_00104bcc4b4a);
/// [MS-WMI 1.9] IWbemObjectSink.
const IID_IWBEM_OBJECT_SINK: Guid = Guid::from_u128(0x7c857801_7381_11cf_884d_00aa004b2e24);
/// [MS-WMI 1.9] IWbemBackupRestoreEx.
const IID_IWBEM_BACKUP_RESTORE_EX: Guid = Guid::from_u128(0xa359dec5_e813_4834_8a2a_ba7f1d777d76);
/// [MS-OAUT 1.9] IDispatch.
const IID_IDISPATCH: Guid = Guid::from_u128(0x00020400_0000_0000_c000_000000000046);
/// [MS-SCMR 1.9] svcctl.
const SVCCTL: Guid = Guid::from_u128(0x367abb81_9844_35f1_ad32_98f038001003);
/// [MS-DRSR 1.9] drsuapi.
const DRSUAPI: Guid = Guid::from_u128(0xe3514235_4b06_11d1_ab04_00c04fc2dcd2);
/// [C706 appendix O] the endpoint mapper.
const EPM: Guid = Guid::from_u128(0xe1af8308_5d1f_11c9_91a4_08002b14a0fa);

/// Name, number of the first method, methods.
type Entry = (Guid, &'static str, u16, &'static [&'static str]);

const REM_UNKNOWN: &[&str] = &["RemQueryInterface", "RemAddRef", "RemRelease"];

const TABLE: &[Entry] = &[
    (
        IID_IOBJECT_EXPORTER,
        "IObjectExporter",
        0,
        &["ResolveOxid", "SimplePing", "ComplexPing", "ServerAlive", "ResolveOxid2", "ServerAlive2"],
    ),
    (IID_IREMOTE_SCM_ACTIVATOR, "IRemoteSCMActivator", 3, &["RemoteGetClassObject", "RemoteCreateInstance"]),
    (IID_IUNKNOWN, "IUnknown", 0, &["QueryInterface", "AddRef", "Release"]),
    (IID_IREM_UNKNOWN, "IRemUnknown", 3, REM_UNKNOWN),
    (IID_IREM_UNKNOWN2, "IRemUnknown2", 3, &["RemQueryInterface", "RemAddRef", "RemRelease", "RemQueryInterface2"]),
    (
        IID_IWBEM_LEVEL1_LOGIN,
        "IWbemLevel1Login",
        3,
        &["EstablishPosition", "RequestChallenge", "WBEMLogin", "NTLMLogin"],
    ),
    (IID_IWBEM_LOGIN_CLIENT_ID, "IWbemLoginClientID", 3, &["SetClientInfo"]),
    (IID_IWBEM_LOGIN_HELPER, "IWbemLoginHelper", 3, &["SetEvent"]),
    (
        IID_IWBEM_SERVICES,
        "IWbemServices",
        3,
        &[
            "OpenNamespace",
            "CancelAsyncCall",
            "QueryObjectSink",
            "GetObject",
            "GetObjectAsync",
            "PutClass",
            "PutClassAsync",
            "DeleteClass",
            "DeleteClassAsync",
            "CreateClassEnum",
            "CreateClassEnumAsync",
            "PutInstance",
            "PutInstanceAsync",
            "DeleteInstance",
            "DeleteInstanceAsync",
            "CreateInstanceEnum",
            "CreateInstanceEnumAsync",
            "ExecQuery",
            "ExecQueryAsync",
            "ExecNotificationQuery",
            "ExecNotificationQueryAsync",
            "ExecMethod",
            "ExecMethodAsync",
        ],
    ),
    (IID_IENUM_WBEM_CLASS_OBJECT, "IEnumWbemClassObject", 3, &["Reset", "Next", "NextAsync", "Clone", "Skip"]),
    (IID_IWBEM_FETCH_SMART_ENUM, "IWbemFetchSmartEnum", 3, &["GetSmartEnum"]),
    (IID_IWBEM_WCO_SMART_ENUM, "IWbemWCOSmartEnum", 3, &["Next"]),
    (
        IID_IWBEM_CALL_RESULT,
        "IWbemCallResult",
        3,
        &["GetResultObject", "GetResultString", "GetResultServices", "GetCallStatus"],
    ),
    (IID_IWBEM_OBJECT_SINK, "IWbemObjectSink", 3, &["Indicate", "SetStatus"]),
    (IID_IWBEM_BACKUP_RESTORE_EX, "IWbemBackupRestoreEx", 3, &["Backup", "Restore", "Pause", "Resume"]),
    (IID_IDISPATCH, "IDispatch", 3, &["GetTypeInfoCount", "GetTypeInfo", "GetIDsOfNames", "Invoke"]),
    (SVCCTL, "svcctl", 0, &[]),
    (DRSUAPI, "drsuapi", 0, &[]),
    (EPM, "epm", 0, &[]),
];

fn entry(interface: &Guid) -> Option<&'static Entry> {
    TABLE.iter().find(|(uuid, ..)| uuid == interface)
}

/// The name of an interface.
pub(crate) fn name(interface: &Guid) -> Option<&'static str> {
    entry(interface).map(|(_, name, ..)| *name)
}

/// The name of a method.
pub(crate) fn operation(interface: &Guid, opnum: u16) -> Option<&'static str> {
    let (_, _, first, methods) = entry(interface)?;
    methods.get(usize::from(opnum.checked_sub(*first)?)).copied()
}

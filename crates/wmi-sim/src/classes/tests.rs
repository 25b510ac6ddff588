use std::collections::BTreeSet;

use wmi_proto::FileTime;
use wmi_proto::cim::{CimObject, CimType, CimValue};

use crate::repository::Repository;

/// 2026-11-24 12:00:00 UTC.
const NOW: FileTime = FileTime(134_399_952_000_000_000);
const STANDARD: &str = "ROOT\\StandardCIMV2";
const CIMV2: &str = "root/cimv2";

fn machine() -> Repository {
    Repository::windows(100, NOW)
}

fn rows(namespace: &str, wql: &str) -> Vec<CimObject> {
    machine().query(namespace, wql, NOW).unwrap_or_else(|error| panic!("{wql}: {error}")).collect()
}

fn value(object: &CimObject, name: &str) -> CimValue {
    object.get(name).unwrap_or_else(|| panic!("no {name}")).expect("decodes")
}

fn text(object: &CimObject, name: &str) -> String {
    value(object, name).as_str().unwrap_or_else(|| panic!("{name} is no text")).into_owned()
}

fn number(object: &CimObject, name: &str) -> u64 {
    value(object, name).as_u64().unwrap_or_else(|| panic!("{name} is no number"))
}

/// What the checks of the InfraSonar probe select from classes that are not performance classes, and more than that
/// where it reads less than there is to know.
const SELECTED: &[(&str, &str, &str)] = &[
    (
        CIMV2,
        "Win32_NetworkAdapter",
        "AdapterType, AutoSense, ConfigManagerErrorCode, InterfaceIndex, MACAddress, Manufacturer, NetConnectionID, \
         NetConnectionStatus, NetEnabled, PhysicalAdapter, PNPDeviceID, ProductName, ServiceName, Speed",
    ),
    (
        CIMV2,
        "Win32_NetworkAdapterConfiguration",
        "ArpAlwaysSourceRoute, ArpUseEtherSNAP, Caption, DHCPEnabled, DHCPLeaseExpires, DHCPLeaseObtained, DHCPServer, \
         DNSDomain, DNSDomainSuffixSearchOrder, DNSEnabledForWINSResolution, DNSHostName, DNSServerSearchOrder, \
         DatabasePath, DeadGWDetectEnabled, DefaultIPGateway, DefaultTOS, DefaultTTL, Description, \
         DomainDNSRegistrationEnabled, ForwardBufferMemory, FullDNSRegistrationEnabled, GatewayCostMetric, IGMPLevel, \
         IPAddress, IPConnectionMetric, IPEnabled, IPFilterSecurityEnabled, IPSecPermitIPProtocols, \
         IPSecPermitTCPPorts, IPSecPermitUDPPorts, IPSubnet, IPUseZeroBroadcast, InterfaceIndex, KeepAliveInterval, \
         KeepAliveTime, MTU, NumForwardPackets, PMTUBHDetectEnabled, PMTUDiscoveryEnabled, SettingID, \
         TcpMaxConnectRetransmissions, TcpMaxDataRetransmissions, TcpNumConnections, TcpUseRFC1122UrgentPointer, \
         TcpWindowSize, TcpipNetbiosOptions, WINSEnableLMHostsLookup, WINSHostLookupFile, WINSPrimaryServer, \
         WINSScopeID, WINSSecondaryServer",
    ),
    (CIMV2, "Win32_IP4RouteTable", "Destination, InterfaceIndex, Mask, Metric1, NextHop, Protocol, Type"),
    (
        STANDARD,
        "MSFT_NetTCPConnection",
        "CreationTime, InstanceID, LocalAddress, LocalPort, OwningProcess, RemoteAddress, RemotePort, State",
    ),
    (CIMV2, "Win32_PageFileUsage", "Name, AllocatedBaseSize, CurrentUsage"),
    (CIMV2, "Win32_NTDomain", "DomainName, DnsForestName, DomainControllerName"),
    (CIMV2, "Win32_Share", "AllowMaximum, Caption, Description, MaximumAllowed, Name, Path, Status, Type"),
    (CIMV2, "Win32_Volume", "Name, Automount, Capacity, Compressed, DeviceID, DirtyBitSet, DriveLetter, DriveType"),
    (CIMV2, "Win32_Volume", "FileSystem, FreeSpace, IndexingEnabled, Label, MaximumFileNameLength, QuotasEnabled"),
    (CIMV2, "Win32_Volume", "QuotasIncomplete, QuotasRebuilding, SerialNumber, SupportsDiskQuotas"),
    (CIMV2, "Win32_Volume", "SupportsFileBasedCompression"),
    (CIMV2, "Win32_ShadowStorage", "Volume, MaxSpace, AllocatedSpace, UsedSpace"),
    (CIMV2, "Win32_ShadowCopy", "ID, InstallDate, VolumeName"),
    (
        CIMV2,
        "Win32_Product",
        "Description, InstallDate, InstallDate2, InstallState, Name, PackageCode, Vendor, Version",
    ),
    (CIMV2, "Win32_ServerFeature", "ID, Name, ParentID"),
    (CIMV2, "Win32_QuickFixEngineering", "Description, FixComments, HotFixID, InstalledOn, ServicePackInEffect"),
    (CIMV2, "Win32_LoggedOnUser", "Antecedent, Dependent"),
    (CIMV2, "Win32_LogonSession", "LogonId, LogonType, AuthenticationPackage, StartTime"),
    (CIMV2, "Win32_SessionProcess", "Antecedent, Dependent"),
    (
        CIMV2,
        "Win32_Service",
        "DesktopInteract, ExitCode, PathName, ServiceSpecificExitCode, ServiceType, State, Status, Name, DisplayName, \
         StartMode, StartName, Started, DelayedAutoStart, ProcessId, Description",
    ),
    (CIMV2, "Win32_UTCTime", "Year, Month, Day, Hour, Minute, Second"),
    (CIMV2, "Win32_OperatingSystem", "Caption, FreePhysicalMemory, TotalVisibleMemorySize, LocalDateTime"),
    (CIMV2, "Win32_ComputerSystem", "Domain, DomainRole, PartOfDomain, Workgroup"),
    (STANDARD, "MSFT_NetUDPEndpoint", "CreationTime, InstanceID, LocalAddress, LocalPort, OwningProcess"),
];

#[test]
fn what_checks_select_is_there() {
    for (namespace, class, columns) in SELECTED {
        let found = rows(namespace, &format!("SELECT {columns} FROM {class}"));
        assert!(!found.is_empty(), "{class}");
        for column in columns.split(", ") {
            assert!(found[0].get(column).is_some(), "{class}.{column}");
        }
    }
}

/// A class with two instances of one path could not be read by path.
#[test]
fn the_keys_of_every_instance_are_its_own() {
    for expected in machine().expected(NOW).filter(|of| !of.class.starts_with("Sim_") && !of.class.starts_with("__")) {
        let mut seen = BTreeSet::new();
        let wql = format!("SELECT __RELPATH FROM {}", expected.class);
        for object in rows(&expected.namespace, &wql) {
            // A class without keys has no paths, and only a few of the upper ones have none.
            let Some(path) = object.relpath().value() else { continue };
            let path = path.to_string();
            assert!(machine().get_object(&expected.namespace, &path, NOW).is_ok(), "{path}");
            assert!(seen.insert(path.clone()), "{path} twice");
        }
    }
}

#[test]
fn adapters_differ_in_what_they_say_of_themselves() {
    let adapters = rows(CIMV2, "SELECT * FROM Win32_NetworkAdapter");
    let count = |condition: &str| rows(CIMV2, &format!("SELECT * FROM Win32_NetworkAdapter WHERE {condition}")).len();
    assert_eq!(adapters.len(), 15);
    assert_eq!(count("NetConnectionStatus = 2"), 2);
    assert_eq!(count("NetConnectionStatus IS NULL"), 10);
    assert_eq!(count("PhysicalAdapter = TRUE"), 4);
    assert_eq!(count("PNPDeviceID IS NULL"), 1);
    assert_eq!(count("PNPDeviceID = ''"), 1);
    assert_eq!(count("NetEnabled = FALSE AND Speed = 9223372036854775807"), 2);
    assert_eq!(text(&adapters[2], "Caption"), "[00000002] Microsoft Hyper-V Network Adapter #2");
    // Every adapter has its configuration, under the same index and of the same name.
    for adapter in &adapters {
        let index = number(adapter, "Index");
        let wql = format!("ASSOCIATORS OF {{Win32_NetworkAdapter.DeviceID='{index}'}}");
        let [configuration] = &rows(CIMV2, &wql)[..] else { panic!("{wql}") };
        assert_eq!(value(configuration, "Caption"), value(adapter, "Caption"));
        assert_eq!(value(configuration, "InterfaceIndex"), value(adapter, "InterfaceIndex"));
    }
}

#[test]
fn a_lease_is_renewed_at_half_its_time() {
    let wql = "SELECT DHCPLeaseObtained, DHCPLeaseExpires FROM Win32_NetworkAdapterConfiguration \
               WHERE DHCPServer IS NOT NULL";
    let machine = machine();
    let lease = |days: u64| {
        let now = FileTime(NOW.0 + days * 86_400 * 10_000_000);
        let row = machine.query(CIMV2, wql, now).expect("valid").next().expect("a lease");
        (text(&row, "DHCPLeaseObtained"), text(&row, "DHCPLeaseExpires"))
    };
    let first = ("20261123105656.000000+060".to_owned(), "20261201105656.000000+060".to_owned());
    assert_eq!(lease(0), first);
    assert_eq!(lease(2), first);
    assert_eq!(lease(3).0, "20261127105656.000000+060");
}

#[test]
fn connections_are_in_every_state() {
    let connections = rows(STANDARD, "SELECT * FROM MSFT_NetTCPConnection");
    let states: BTreeSet<u64> = connections.iter().map(|connection| number(connection, "State")).collect();
    assert_eq!(states.into_iter().collect::<Vec<_>>(), [1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 100]);
    let of = |id: &str| connections.iter().find(|connection| text(connection, "InstanceID") == id).expect(id);
    assert_eq!(text(of("10.20.30.40++49727++10.20.30.10++88"), "CreationTime"), "20261124125641.000000+060");
    assert_eq!(text(of("::++135++::++0"), "CreationTime"), "20261123105704.000000+060");
    // Nothing was created after it was seen.
    let now = "20261124130000";
    assert!(connections.iter().all(|row| value(row, "CreationTime").as_str().is_none_or(|date| &*date < now)));
}

#[test]
fn types_are_the_published_ones() {
    for (class, property, cim_type, array) in [
        ("Win32_ComputerSystem", "InitialLoadInfo", CimType::STRING, true),
        ("Win32_NTDomain", "DomainControllerAddressType", CimType::SINT32, false),
    ] {
        let object = machine().get_object(CIMV2, class, NOW).expect("exists");
        let (_, own) = object.class().property(property).expect("has it");
        assert_eq!((own.cim_type(), own.is_array()), (cim_type, array), "{class}.{property}");
    }
}

/// Both come from one class; only a connection has a remote end.
#[test]
fn endpoints_have_no_remote_end() {
    let classes = rows(STANDARD, "SELECT * FROM meta_class WHERE __SUPERCLASS = 'MSFT_NetTransportConnection'");
    let names: Vec<_> = classes.iter().map(|class| class.class().name().to_str().into_owned()).collect();
    assert_eq!(names, ["MSFT_NetTCPConnection", "MSFT_NetUDPEndpoint"]);
    let endpoints = rows(STANDARD, "SELECT * FROM MSFT_NetUDPEndpoint WHERE LocalPort = 546");
    let [endpoint] = &endpoints[..] else { panic!("one") };
    assert_eq!(text(endpoint, "InstanceID"), "fe80::4c7a:11ff:fe22:3344%6++546");
    assert_eq!(
        ["Directionality", "AggregationBehavior"].map(|name| endpoint.get(name).is_some()),
        [true; 2],
        "of CIM_NetworkPipe"
    );
    assert!(["RemoteAddress", "CreationClassName"].iter().all(|name| endpoint.get(name).is_none()));
}

#[test]
fn shadow_storage_points_at_volumes_that_are_there() {
    let volumes: BTreeSet<String> =
        rows(CIMV2, "SELECT DeviceID FROM Win32_Volume").iter().map(|volume| text(volume, "DeviceID")).collect();
    for storage in rows(CIMV2, "SELECT * FROM Win32_ShadowStorage") {
        for reference in ["Volume", "DiffVolume"] {
            let path: wmi_proto::path::ObjectPath = text(&storage, reference).parse().expect("a path");
            let volume = machine().get_object(CIMV2, &path.to_string(), NOW).expect("the volume");
            assert!(volumes.contains(&text(&volume, "DeviceID")));
        }
    }
    let copies = rows(CIMV2, "SELECT * FROM Win32_ShadowCopy");
    assert!(copies.iter().all(|copy| volumes.contains(&text(copy, "VolumeName"))));
}

/// What a check could take for something else, each at least once.
#[test]
fn rows_that_checks_go_wrong_on_are_there() {
    let count = |class: &str, condition: &str| rows(CIMV2, &format!("SELECT * FROM {class} WHERE {condition}")).len();
    assert_eq!(count("Win32_IP4RouteTable", "Destination = '0.0.0.0' AND InterfaceIndex = 6"), 2);
    assert_eq!(count("Win32_NTDomain", "DomainName IS NULL"), 1);
    assert!(count("Win32_NTDomain", "DomainName IS NOT NULL AND DomainControllerName IS NULL") >= 1);
    assert!(count("Win32_Share", "MaximumAllowed IS NULL") >= 1);
    // A volume that is not formatted, an optical drive, and one at a folder.
    assert!(count("Win32_Volume", "DriveType = 3 AND Capacity IS NULL") >= 1);
    assert!(count("Win32_Volume", "DriveType = 5") >= 1);
    assert!(count("Win32_Volume", "DriveLetter IS NULL AND Name LIKE '_:\\\\%\\\\'") >= 1);
    assert!(count("Win32_ShadowStorage", "MaxSpace = 18446744073709551615") >= 1);
    let storages = rows(CIMV2, "SELECT Volume FROM Win32_ShadowStorage");
    let shadowed: BTreeSet<String> = storages.iter().map(|storage| text(storage, "Volume")).collect();
    assert!(shadowed.len() < storages.len(), "two areas for one volume");
    assert!(count("Win32_Product", "PackageCode IS NULL") >= 1);
    let products = rows(CIMV2, "SELECT PackageCode FROM Win32_Product WHERE PackageCode IS NOT NULL");
    let codes: BTreeSet<String> = products.iter().map(|product| text(product, "PackageCode")).collect();
    assert!(codes.len() < products.len(), "one code for two packages");
    for form in ["_/%/____", "________", "________________", ""] {
        assert!(count("Win32_QuickFixEngineering", &format!("InstalledOn LIKE '{form}'")) >= 1, "{form:?}");
    }
    for kind in [0, 2, 3, 5, 10, 11] {
        assert!(count("Win32_LogonSession", &format!("LogonType = {kind}")) >= 1, "{kind}");
    }
    assert!(count("Win32_Process", "Caption = 'winlogon.exe'") >= 2);
}

/// A log-on without a process is one that is over.
#[test]
fn some_log_ons_are_stale() {
    let of = |wql: &str, end: &str| -> BTreeSet<String> {
        let object = |row: &CimObject| machine().get_object(CIMV2, &text(row, end), NOW).expect("what it names");
        rows(CIMV2, wql).iter().map(|row| text(&object(row), "LogonId")).collect()
    };
    let log_ons = of("SELECT * FROM Win32_LoggedOnUser", "Dependent");
    let alive = of("SELECT * FROM Win32_SessionProcess", "Antecedent");
    assert!(alive.is_subset(&log_ons), "{alive:?} {log_ons:?}");
    assert!(alive.len() < log_ons.len());
}

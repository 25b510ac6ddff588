//! The keys of services and drivers: one for each that the machine has, and the triggers of those that have any.

use wmi_proto::FileTime;
use wmi_proto::cim::{CimObject, CimValue};
use wmi_proto::wire::Guid;

use super::{Data, LOCAL_MACHINE, Place, Registry};
use crate::Profile;
use crate::repository::Repository;

const SERVICES: &str = "SYSTEM\\CurrentControlSet\\Services";

/// An event that starts a service or stops it: the numbers and names of [MS-SCMR 2.2.53].
struct Trigger {
    kind: u32,
    action: u32,
    event: Guid,
}

const START: u32 = 1;
const STOP: u32 = 2;

/// SERVICE_TRIGGER_TYPE_DOMAIN_JOIN
const DOMAIN: u32 = 3;
const JOIN: Guid = Guid::from_u128(0x1ce20aba_9851_4421_9430_1ddeb766e809);
const LEAVE: Guid = Guid::from_u128(0xddaf516e_58c2_4866_9574_c3b615d42ea1);
/// SERVICE_TRIGGER_TYPE_NETWORK_ENDPOINT
const ENDPOINT: u32 = 6;
const NAMED_PIPE: Guid = Guid::from_u128(0x1f81d131_3fac_4537_9e0c_7e7b0c2f4b55);
const RPC_INTERFACE: Guid = Guid::from_u128(0xbc90d167_9470_4139_a9ba_be0bbbf5b74d);

/// The services that have triggers on an ordinary host, as far as it has the services.
const TRIGGERED: [(&str, &[Trigger]); 5] = [
    ("Dnscache", &[Trigger { kind: ENDPOINT, action: START, event: RPC_INTERFACE }]),
    ("LanmanServer", &[Trigger { kind: ENDPOINT, action: START, event: NAMED_PIPE }]),
    ("RemoteRegistry", &[Trigger { kind: ENDPOINT, action: START, event: NAMED_PIPE }]),
    (
        "W32Time",
        &[Trigger { kind: DOMAIN, action: START, event: JOIN }, Trigger { kind: DOMAIN, action: STOP, event: LEAVE }],
    ),
    ("wuauserv", &[Trigger { kind: ENDPOINT, action: START, event: RPC_INTERFACE }]),
];

/// Registers all that a machine of this profile has.
pub(super) fn install(registry: &mut Registry, profile: Profile) {
    let repository = Repository::of(profile, 0, FileTime(0));
    let rows = repository.query("root\\cimv2", "SELECT * FROM Win32_BaseService", FileTime(0));
    for row in rows.into_iter().flatten() {
        let Some(name) = text(&row, "Name") else { continue };
        let path = format!("{SERVICES}\\{name}");
        for (value, data) in values(&row) {
            registry.set(Place { root: LOCAL_MACHINE, path: &path, wow: false }, value, data);
        }
        let triggers = TRIGGERED.iter().find(|(own, _)| *own == name).map_or([].as_slice(), |(_, triggers)| *triggers);
        for (number, trigger) in triggers.iter().enumerate() {
            let path = format!("{path}\\TriggerInfo\\{number}");
            for (value, data) in [
                ("Type", Data::Dword(trigger.kind)),
                ("Action", Data::Dword(trigger.action)),
                ("GUID", Data::Octets(trigger.event.to_bytes().to_vec())),
            ] {
                registry.set(Place { root: LOCAL_MACHINE, path: &path, wow: false }, value, data);
            }
        }
    }
}

fn value(row: &CimObject, name: &str) -> CimValue {
    row.get(name).and_then(Result::ok).unwrap_or(CimValue::Null)
}

fn text(row: &CimObject, name: &str) -> Option<String> {
    value(row, name).as_str().map(|text| text.into_owned())
}

/// What the key of a service says of it.
fn values(row: &CimObject) -> Vec<(&'static str, Data)> {
    let mut all = Vec::new();
    let start = match text(row, "StartMode").as_deref() {
        Some("Boot") => Some(0),
        Some("System") => Some(1),
        Some("Auto") => Some(2),
        Some("Manual") => Some(3),
        Some("Disabled") => Some(4),
        _ => None,
    };
    all.extend(start.map(|start| ("Start", Data::Dword(start))));
    let kind = match text(row, "ServiceType").as_deref() {
        Some("Kernel Driver") => Some(1),
        Some("Own Process") => Some(0x10),
        Some("Share Process") => Some(0x20),
        _ => None,
    };
    all.extend(kind.map(|kind| ("Type", Data::Dword(kind))));
    if value(row, "DelayedAutoStart").as_bool() == Some(true) {
        all.push(("DelayedAutostart", Data::Dword(1)));
    }
    all.extend(text(row, "PathName").map(|path| ("ImagePath", Data::Expandable(path))));
    for (column, name) in [("DisplayName", "DisplayName"), ("Description", "Description"), ("StartName", "ObjectName")]
    {
        all.extend(text(row, column).map(|text| (name, Data::Text(text))));
    }
    all
}

//! What the simulated machine has: classes and instances in MOF, and what time does to them.

pub(crate) mod counters;
mod live;
mod many;
pub(crate) mod mof;
mod network;
mod sessions;

use wmi_proto::FileTime;
use wmi_proto::cim::CimValue;

use crate::repository::class::{Row, Rows, Update};

pub(crate) use live::{Clock, Windows, creation_date};
pub use live::{PROCESSOR_LOAD, PROCESSOR_LOAD_TOTAL};

/// Files and their names.
pub(crate) type Files = &'static [(&'static str, &'static str)];

/// The classes of every namespace.
pub(crate) const NAMESPACE: Files = &[("namespace.mof", include_str!("namespace.mof"))];

/// What a namespace has beyond that.
pub(crate) fn of_namespace(path: &str) -> Files {
    match path {
        "root" => &[("root.mof", include_str!("root.mof"))],
        "root\\cimv2" => CIMV2,
        "root\\StandardCIMV2" => &[("standardcimv2.mof", include_str!("standardcimv2.mof"))],
        "root\\default" => &[("registry.mof", include_str!("registry.mof"))],
        _ => &[],
    }
}

const CIMV2: Files = &[
    ("cimv2.mof", include_str!("cimv2.mof")),
    ("cim.mof", include_str!("cim.mof")),
    ("system.mof", include_str!("system.mof")),
    ("service.mof", include_str!("service.mof")),
    ("process.mof", include_str!("process.mof")),
    ("storage.mof", include_str!("storage.mof")),
    ("volumes.mof", include_str!("volumes.mof")),
    ("sharing.mof", include_str!("sharing.mof")),
    ("software.mof", include_str!("software.mof")),
    ("sessions.mof", include_str!("sessions.mof")),
    ("network.mof", include_str!("network.mof")),
    ("perf.mof", include_str!("perf.mof")),
    ("registry.mof", include_str!("registry.mof")),
    ("sim.mof", include_str!("sim.mof")),
    ("methods.mof", include_str!("methods.mof")),
];

/// English (United States), the language of the machine.
pub(crate) const ENGLISH: u16 = 0x409;

/// The texts of the classes by language.
pub(crate) const AMENDMENTS: &[(u16, Files)] =
    &[(ENGLISH, &[("ms_409.mof", include_str!("ms_409.mof"))]), (0x407, &[("ms_407.mof", include_str!("ms_407.mof"))])];

/// The rows of a class that are made and not declared.
pub(crate) fn made(class: &str) -> Option<Rows> {
    match class {
        "Sim_Many" => Some(Rows::Made { count: 0, make: many::many }),
        "Sim_Wide" => Some(Rows::Made { count: 0, make: many::wide }),
        "Sim_Slow" | "Sim_Silent" => Some(Rows::Made { count: 10, make: many::slow }),
        _ => None,
    }
}

/// The classes that have as many rows as one wants.
pub(crate) const GROWING: [&str; 2] = ["Sim_Many", "Sim_Wide"];

/// What changes in the declared rows of a class before they are shown.
pub(crate) fn update(class: &str) -> Option<Update> {
    Some(match class {
        "Win32_OperatingSystem" => live::operating_system,
        "Win32_ComputerSystem" => live::computer_system,
        "Win32_Process" => live::process,
        "Win32_LocalTime" => live::local_time,
        "Win32_UTCTime" => live::utc_time,
        "Win32_LogicalDiskToPartition" | "Win32_DependentService" | "Win32_SessionProcess" => live::association,
        "Win32_LogonSession" => sessions::logon,
        "Win32_ShadowCopy" => sessions::snapshot,
        "Win32_ShadowStorage" => live::shadow_storage,
        "Win32_NetworkAdapter" => network::adapter,
        "Win32_NetworkAdapterConfiguration" => network::adapter_configuration,
        "Win32_NetworkAdapterSetting" => live::setting,
        "Win32_IP4RouteTable" => network::route,
        "MSFT_NetTCPConnection" => network::connection,
        "MSFT_NetUDPEndpoint" => network::endpoint,
        _ => return None,
    })
}

/// Turns a date that is declared as `boot+90` or `boot-90`, in seconds, into the date that it is for the machine.
fn since_boot(clock: &Clock, row: &mut Row<'_>, property: &str) {
    let CimValue::DateTime(declared) = row.get(property) else { return };
    let declared = declared.to_str();
    let seconds = declared.strip_prefix("boot").and_then(|seconds| seconds.parse::<i64>().ok());
    let Some(seconds) = seconds else { return };
    let time = clock.boot.0.saturating_add_signed(seconds.saturating_mul(live::TICKS as i64));
    row.set(property, live::date(FileTime(time), clock.zone()));
}

#[cfg(test)]
mod tests;

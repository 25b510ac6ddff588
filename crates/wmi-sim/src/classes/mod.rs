//! What the simulated machine has: classes and instances in MOF, and what time does to them.

mod live;
mod many;
pub(crate) mod mof;

use crate::repository::class::{Rows, Update};

pub(crate) use live::Clock;
pub use live::{PROCESSOR_LOAD, PROCESSOR_LOAD_TOTAL};

/// The classes of every namespace.
pub(crate) const NAMESPACE: &[(&str, &str)] = &[("namespace.mof", include_str!("namespace.mof"))];

/// What root has beyond that.
pub(crate) const ROOT: &[(&str, &str)] = &[("root.mof", include_str!("root.mof"))];

/// The classes of root/cimv2.
pub(crate) const CIMV2: &[(&str, &str)] = &[
    ("cim.mof", include_str!("cim.mof")),
    ("system.mof", include_str!("system.mof")),
    ("service.mof", include_str!("service.mof")),
    ("process.mof", include_str!("process.mof")),
    ("storage.mof", include_str!("storage.mof")),
    ("perf.mof", include_str!("perf.mof")),
    ("sim.mof", include_str!("sim.mof")),
];

/// The rows of a class that are made and not declared; `rows` is the size that was asked for.
pub(crate) fn made(class: &str, rows: usize) -> Option<Rows> {
    match class {
        "Sim_Many" => Some(Rows::Made { count: rows, make: many::many }),
        "Sim_Wide" => Some(Rows::Made { count: rows, make: many::wide }),
        "Sim_Slow" => Some(Rows::Made { count: 10, make: many::slow }),
        _ => None,
    }
}

/// What changes in the declared rows of a class before they are shown.
pub(crate) fn update(class: &str) -> Option<Update> {
    Some(match class {
        "Win32_OperatingSystem" => live::operating_system,
        "Win32_ComputerSystem" => live::computer_system,
        "Win32_Process" => live::process,
        "Win32_LocalTime" => live::local_time,
        "Win32_UTCTime" => live::utc_time,
        "Win32_PerfRawData_PerfOS_Processor" | "Win32_PerfRawData_Counters_ProcessorInformation" => live::processor,
        "Win32_PerfFormattedData_PerfOS_System" => live::system_performance,
        "Win32_PerfFormattedData_PerfOS_Memory" => live::performance,
        _ => return None,
    })
}

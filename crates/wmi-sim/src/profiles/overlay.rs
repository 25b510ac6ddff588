//! What a profile changes in the classes of an ordinary server.

use std::time::Duration;

use wmi_proto::wire::HResult;

use super::{many, ordinary};
use crate::classes::Files;
use crate::repository::class::{Make, Row};

/// Whether a row is there.
type Keeps = fn(&Row<'_>) -> bool;

/// The differences of a profile. A name of a class may end with `*`, which stands for any rest.
pub(crate) struct Overlay {
    /// Logical processors, as the performance counters count them.
    pub(crate) processors: usize,
    /// Whether daylight saving time is in effect.
    pub(crate) daylight: bool,
    /// Namespaces that are not there.
    pub(crate) no_namespaces: &'static [&'static str],
    /// Classes that are not there.
    pub(crate) no_classes: &'static [&'static str],
    /// Properties that a class does not have.
    pub(crate) no_properties: &'static [(&'static str, &'static str)],
    /// Classes whose declared rows are not there.
    pub(crate) emptied: &'static [&'static str],
    /// Rows that are not there: those of a class of which this is false.
    pub(crate) kept: &'static [(&'static str, Keeps)],
    /// By namespace, further MOF. An instance changes the rows whose keys it repeats, without keys all rows of its class;
    /// where there is none it is a new row.
    pub(crate) files: &'static [(&'static str, Files)],
    /// How many rows a class has at least, and what makes those that are not declared when they are asked for.
    pub(crate) more: &'static [(&'static str, usize, Make)],
    /// Classes whose provider refuses everybody, and how.
    pub(crate) refused: &'static [(&'static str, HResult)],
    /// Classes whose provider takes that long for the first row.
    pub(crate) delays: &'static [(&'static str, Duration)],
}

impl Overlay {
    pub(crate) fn has_namespace(&self, path: &str) -> bool {
        !self.no_namespaces.iter().any(|own| own.eq_ignore_ascii_case(path))
    }

    pub(crate) fn has_class(&self, class: &str) -> bool {
        !self.no_classes.iter().any(|pattern| is_meant(pattern, class))
    }

    pub(crate) fn has_property(&self, class: &str, property: &str) -> bool {
        self.missing(class).all(|own| own != property)
    }

    /// The properties that a class does not have.
    pub(crate) fn missing(&self, class: &str) -> impl Iterator<Item = &'static str> {
        self.no_properties.iter().filter(move |(pattern, _)| is_meant(pattern, class)).map(|(_, own)| *own)
    }

    /// The same whose connections and endpoints are those of Windows Server 2012.
    pub(crate) const fn with_connections_of_2012(&self) -> Self {
        Self { no_properties: CONNECTIONS_OF_2012, ..*self }
    }

    pub(crate) fn is_emptied(&self, class: &str) -> bool {
        self.emptied.iter().any(|pattern| is_meant(pattern, class))
    }

    pub(crate) fn keeps(&self, row: &Row<'_>) -> bool {
        let meant = self.kept.iter().filter(|(pattern, _)| is_meant(pattern, &row.class.name));
        meant.into_iter().all(|(_, keeps)| keeps(row))
    }

    /// The files for a namespace.
    pub(crate) fn files(&self, namespace: &str) -> impl Iterator<Item = &'static (&'static str, &'static str)> {
        self.files.iter().filter(move |(path, _)| *path == namespace).flat_map(|(_, files)| *files)
    }

    pub(crate) fn refusal(&self, class: &str) -> Option<HResult> {
        self.refused.iter().find(|(pattern, _)| is_meant(pattern, class)).map(|(_, status)| *status)
    }

    pub(crate) fn delay(&self, class: &str) -> Option<Duration> {
        self.delays.iter().find(|(pattern, _)| is_meant(pattern, class)).map(|(_, delay)| *delay)
    }
}

/// What connections and endpoints have in later versions of Windows only.
const CONNECTIONS_OF_2012: &[(&str, &str)] = &[("MSFT_Net*", "CreationTime"), ("MSFT_Net*", "OwningProcess")];

/// A file for ROOT\CIMV2.
macro_rules! cimv2 {
    ($name:literal) => {
        &[("root\\cimv2", &[($name, include_str!(concat!("../classes/profiles/", $name)))])]
    };
}

/// Whether the text of a property is one of `names`.
fn is_one(row: &Row<'_>, property: &str, names: &[&str]) -> bool {
    row.get(property).as_str().is_some_and(|text| names.contains(&text.as_ref()))
}

fn is_meant(pattern: &str, class: &str) -> bool {
    pattern.strip_suffix('*').map_or(pattern == class, |start| class.starts_with(start))
}

/// None at all: what all others are but for what they say.
const SMALL: Overlay = Overlay {
    processors: 4,
    daylight: false,
    no_namespaces: &[],
    no_classes: &[],
    no_properties: &[],
    emptied: &[],
    kept: &[],
    files: &[],
    more: &[],
    refused: &[],
    delays: &[],
};

/// Of usual size; what the others are about needs fewer rows.
pub(crate) const SERVER_2022: Overlay = Overlay { files: cimv2!("server_2022.mof"), more: ordinary::MORE, ..SMALL };

/// What came with Windows 8 and Server 2012 is not there.
pub(crate) const SERVER_2008R2: Overlay = Overlay {
    no_namespaces: &["root\\StandardCIMV2"],
    no_properties: &[
        ("Win32_*", "DelayedAutoStart"),
        ("Win32_ComputerSystem", "BootStatus"),
        ("Win32_ComputerSystem", "ChassisSKUNumber"),
        ("Win32_ComputerSystem", "HypervisorPresent"),
        ("Win32_ComputerSystem", "PCSystemTypeEx"),
        ("Win32_ComputerSystem", "SystemFamily"),
        ("Win32_ComputerSystem", "SystemSKUNumber"),
        ("Win32_OperatingSystem", "PortableOperatingSystem"),
        ("Win32_Perf*", "AverageIdleTime"),
        ("Win32_Perf*", "AverageIdleTime_Base"),
        ("Win32_Perf*", "LongTermAverageStandbyCacheLifetimes"),
        ("Win32_Perf*", "PercentPerformanceLimit"),
        ("Win32_Perf*", "PercentPrivilegedUtility"),
        ("Win32_Perf*", "PercentPrivilegedUtility_Base"),
        ("Win32_Perf*", "PercentProcessorPerformance"),
        ("Win32_Perf*", "PercentProcessorPerformance_Base"),
        ("Win32_Perf*", "PercentProcessorUtility"),
        ("Win32_Perf*", "PercentProcessorUtility_Base"),
        ("Win32_Perf*", "PerformanceLimitFlags"),
        ("Win32_Perf*", "TCPActiveRSCConnections"),
        ("Win32_Perf*", "TCPRSCAveragePacketSize"),
        ("Win32_Perf*", "TCPRSCCoalescedPacketsPersec"),
        ("Win32_Perf*", "TCPRSCExceptionsPersec"),
    ],
    files: cimv2!("server_2008r2.mof"),
    ..SMALL
};

pub(crate) const WORKSTATION: Overlay = Overlay {
    no_classes: &["Win32_ServerFeature"],
    emptied: &[
        "Win32_PageFileUsage",
        "Win32_PerfRawData_PerfOS_PagingFile",
        "Win32_PerfFormattedData_PerfOS_PagingFile",
    ],
    kept: &[
        ("Win32_NTDomain", |row| row.get("DomainName").as_str().is_none()),
        // Nobody of a domain can log on.
        ("Win32_LoggedOnUser", |row| row.get("Antecedent").as_str().is_some_and(|path| !path.contains("ACME"))),
    ],
    files: &[
        ("root\\cimv2", &[("workstation.mof", include_str!("../classes/profiles/workstation.mof"))]),
        ("root\\StandardCIMV2", &[("workstation_net.mof", include_str!("../classes/profiles/workstation_net.mof"))]),
    ],
    ..SMALL
};

pub(crate) const DOMAIN_CONTROLLER: Overlay = Overlay { files: cimv2!("domain_controller.mof"), ..SMALL };

pub(crate) const CORE_256_CPUS: Overlay = Overlay { processors: 256, files: cimv2!("core_256_cpus.mof"), ..SMALL };

/// The log-on of the default account over the network.
const OWN_LOGON: &str = "1602991";

/// What Windows does to an account with Remote Enable that is in no group: it says nothing of what it leaves out.
pub(crate) const NO_RIGHTS: Overlay = Overlay {
    emptied: &["Win32_PerfFormattedData_*", "Win32_PerfRawData_*", "Win32_SessionProcess", "Win32_TerminalService"],
    kept: &[
        // Of log-ons it sees its own, of which there is no process.
        ("Win32_LogonSession", |row| is_one(row, "LogonId", &[OWN_LOGON])),
        ("Win32_LoggedOnUser", |row| row.get("Dependent").as_str().is_some_and(|path| path.contains(OWN_LOGON))),
        ("Win32_Service", |row| is_one(row, "Name", &["CryptSvc", "Dhcp", "Dnscache", "EventLog"])),
    ],
    files: cimv2!("no_rights.mof"),
    refused: &[
        ("StdRegProv", HResult::WBEM_E_ACCESS_DENIED),
        ("Win32_ShadowCopy", HResult::WBEM_E_INITIALIZATION_FAILURE),
        ("Win32_ShadowStorage", HResult::WBEM_E_INITIALIZATION_FAILURE),
    ],
    ..SMALL
};

pub(crate) const BROKEN_COUNTERS: Overlay =
    Overlay { no_classes: &["Win32_PerfRawData_*", "Win32_PerfFormattedData_*"], ..SMALL };

pub(crate) const FOREIGN_LOCALE: Overlay = Overlay { daylight: true, files: cimv2!("foreign_locale.mof"), ..SMALL };

/// To list the packages of Windows Installer it checks each; to list diff areas it wakes the disks.
pub(crate) const SLOW: Overlay = Overlay {
    delays: &[("Win32_Product", Duration::from_secs(180)), ("Win32_ShadowStorage", Duration::from_secs(150))],
    ..SMALL
};

pub(crate) const HUGE: Overlay = Overlay {
    more: &[("MSFT_NetTCPConnection", 100_000, many::connection), ("Win32_Process", 3_000, many::process)],
    ..SMALL
};

//! What a profile changes in the classes of an ordinary server.

use std::time::Duration;

use wmi_proto::wire::HResult;

use crate::classes::Files;
use crate::repository::class::{Row, Rows, Update};

/// Whether a row is there.
type Keeps = fn(&Row<'_>) -> bool;

/// The differences of a profile. A name of a class may end with `*`, which stands for any rest.
pub(crate) struct Overlay {
    /// Logical processors, as the performance counters count them.
    pub(crate) processors: usize,
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
    /// The rows of a class, in place of declared ones.
    pub(crate) made: fn(class: &str) -> Option<Rows>,
    /// What else changes in each row before it is shown.
    pub(crate) update: fn(class: &str) -> Option<Update>,
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
        !self.no_properties.iter().any(|(pattern, own)| is_meant(pattern, class) && *own == property)
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

fn is_meant(pattern: &str, class: &str) -> bool {
    pattern.strip_suffix('*').map_or(pattern == class, |start| class.starts_with(start))
}

/// None at all.
pub(crate) const SERVER_2022: Overlay = Overlay {
    processors: 4,
    no_namespaces: &[],
    no_classes: &[],
    no_properties: &[],
    emptied: &[],
    kept: &[],
    files: &[],
    made: |_| None,
    update: |_| None,
    refused: &[],
    delays: &[],
};

pub(crate) const SERVER_2008R2: Overlay = Overlay {
    no_namespaces: &["root\\StandardCimv2"],
    no_properties: &[("Win32_*", "DelayedAutoStart")],
    files: &[("root\\cimv2", &[("server_2008r2.mof", include_str!("../classes/profiles/server_2008r2.mof"))])],
    ..SERVER_2022
};

pub(crate) const WORKSTATION: Overlay = Overlay {
    no_classes: &["Win32_ServerFeature"],
    emptied: &["Win32_PageFileUsage"],
    files: &[("root\\cimv2", &[("workstation.mof", include_str!("../classes/profiles/workstation.mof"))])],
    ..SERVER_2022
};

pub(crate) const DOMAIN_CONTROLLER: Overlay = SERVER_2022;

pub(crate) const CORE_256_CPUS: Overlay = Overlay { processors: 256, ..SERVER_2022 };

pub(crate) const NO_RIGHTS: Overlay = Overlay {
    kept: &[("Win32_Process", |row| row.get("Name").as_str().as_deref() != Some("winlogon.exe"))],
    refused: &[
        ("StdRegProv", HResult::WBEM_E_ACCESS_DENIED),
        ("Win32_ShadowStorage", HResult::WBEM_E_ACCESS_DENIED),
        ("Win32_ShadowCopy", HResult::WBEM_E_ACCESS_DENIED),
    ],
    ..SERVER_2022
};

pub(crate) const BROKEN_COUNTERS: Overlay =
    Overlay { no_classes: &["Win32_PerfRawData_*", "Win32_PerfFormattedData_*"], ..SERVER_2022 };

pub(crate) const FOREIGN_LOCALE: Overlay = SERVER_2022;

pub(crate) const SLOW: Overlay = Overlay { delays: &[("Win32_Product", Duration::from_secs(180))], ..SERVER_2022 };

pub(crate) const HUGE: Overlay = SERVER_2022;

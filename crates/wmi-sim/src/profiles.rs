//! The kinds of Windows hosts that can be simulated, and in what each differs from an ordinary server.

mod many;
mod ordinary;
mod overlay;

use core::fmt;
use core::str::FromStr;

use thiserror::Error;

pub(crate) use overlay::Overlay;

use crate::classes::Windows;

macro_rules! profiles {
    ($($(#[doc = $doc:literal])* $variant:ident = $name:literal, $overlay:ident;)*) => {
        /// A kind of Windows host.
        #[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
        #[non_exhaustive]
        pub enum Profile {
            #[default]
            $( $(#[doc = $doc])* $variant, )*
        }

        impl Profile {
            /// All of them, the ordinary one first.
            pub const ALL: &'static [Self] = &[$( Self::$variant, )*];

            /// The name, as `FromStr` reads it.
            #[must_use]
            pub const fn name(self) -> &'static str {
                match self { $( Self::$variant => $name, )* }
            }

            /// What it is, in one line.
            #[must_use]
            pub const fn description(self) -> &'static str {
                match self { $( Self::$variant => concat!($($doc),*).trim_ascii(), )* }
            }

            /// In what it differs from an ordinary server.
            pub(crate) const fn overlay(self) -> &'static Overlay {
                match self { $( Self::$variant => &overlay::$overlay, )* }
            }
        }
    };
}

profiles! {
    /// An ordinary member server of a domain: Windows Server 2022.
    Server2022 = "server-2022", SERVER_2022;
    /// Windows Server 2008 R2: no ROOT\StandardCIMV2, no delayed start of services, older texts.
    Server2008R2 = "server-2008r2", SERVER_2008R2;
    /// Windows 11 in a workgroup: no server features, no page file, a connection without a time.
    Workstation = "workstation", WORKSTATION;
    /// The primary domain controller: domain role 5, SYSVOL and NETLOGON, the services of the directory.
    DomainController = "domain-controller", DOMAIN_CONTROLLER;
    /// 256 logical processors in four processor groups, of which old classes show the caller's.
    Core256Cpus = "core-256-cpus", CORE_256_CPUS;
    /// An account that may enter namespaces and little else: short lists, refused providers.
    NoRights = "no-rights", NO_RIGHTS;
    /// No performance class is there: the counter libraries are damaged.
    BrokenCounters = "broken-counters", BROKEN_COUNTERS;
    /// Dates as D/M/Y, names that are not ASCII.
    ForeignLocale = "foreign-locale", FOREIGN_LOCALE;
    /// Some providers take minutes, the others are as fast as usual.
    Slow = "slow", SLOW;
    /// 100,000 TCP connections and 3,000 processes.
    Huge = "huge", HUGE;
}

impl Profile {
    /// What Windows calls itself.
    pub(crate) const fn windows(self) -> Windows {
        match self {
            Self::Server2008R2 => {
                Windows { caption: "Microsoft Windows Server 2008 R2 Standard ", version: "6.1.7601" }
            }
            Self::Workstation => Windows { caption: "Microsoft Windows 11 Pro", version: "10.0.22631" },
            _ => Windows { caption: "Microsoft Windows Server 2022 Standard", version: "10.0.20348" },
        }
    }
}

/// A name that belongs to no profile.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[error("no profile is called {0:?}")]
pub struct UnknownProfile(String);

impl FromStr for Profile {
    type Err = UnknownProfile;

    fn from_str(name: &str) -> Result<Self, UnknownProfile> {
        let found = Self::ALL.iter().find(|profile| profile.name() == name);
        found.copied().ok_or_else(|| UnknownProfile(name.to_owned()))
    }
}

impl fmt::Display for Profile {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.name())
    }
}

#[cfg(test)]
mod tests;

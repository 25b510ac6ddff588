//! The check `software`: what Add/Remove Programs lists, and the features of a server.
//!
//! Programs come from the keys below Uninstall, read with StdRegProv: of the machine in both views of the registry and of
//! every user whose hive is loaded. Win32_Product is asked only when its name was said, or for the InfraSonar shape, which
//! has no other source: it makes Windows Installer verify, and at times repair, every package.
//!
//! The view for programs of 32 bits is read as the path below WOW6432Node, not with `__ProviderArchitecture`: that is as
//! many calls, without a named value in each of them and without a second provider process on the host; a host of 32 bits
//! simply has no such key. EnumValues comes first, because it says which values exist and of which type they are: one
//! call in place of the three of a filter that most keys do not have, and nothing is read of a key without a name.
//!
//! A later round lists all keys (new and vanished ones are seen at once, and those that an installer had not finished are
//! looked at again), reads of each known program its version, or its
//! name when it has none (replaced programs are seen at once), and reads the oldest eighth of all keys whole: what else a
//! key says is never older than [`known::ROUNDS`] rounds.

mod hive;
mod known;
mod program;
mod queries;
mod reading;
mod report;

use std::borrow::Cow;

use crate::{About, Check, Options, Reads, Round, Shape, State};

pub use known::Programs;

/// The check's key.
pub(crate) const KEY: &str = "software";

/// The check `software`.
pub(crate) struct Software;

static ABOUT: About = About {
    summary: "installed programs, as Add/Remove Programs lists them, and the features of a server",
    rights: "Execute Methods in root/default, and read access to the hives of other users",
    returns: &[
        ("program", "a program: version, publisher, date, size, places, and of which view and user it is"),
        ("scope", "a hive that was read: its keys, and how many of them are hidden and why"),
        ("feature", "a role or feature of a server; a workstation has none"),
        ("product", "a package of Windows Installer, only when Win32_Product is asked for"),
    ],
    unchanged_eol: 43_200,
};

impl Check for Software {
    fn key(&self) -> Cow<'static, str> {
        KEY.into()
    }

    fn about(&self) -> &'static About {
        &ABOUT
    }

    fn reads(&self, options: &Options) -> Vec<Reads> {
        let mut reads = Vec::new();
        if options.shape == Shape::Native {
            let values = program::FILTER.into_iter().chain(program::SHOWN).map(program::Field::name);
            reads.push(Reads {
                namespace: crate::registry::NAMESPACE.into(),
                class: "StdRegProv".into(),
                members: ["EnumKey", "EnumValues", "Get*Value"].into_iter().chain(values).map(Cow::from).collect(),
            });
        }
        reads.extend(queries::of(options).iter().map(|query| Reads {
            namespace: "root/cimv2".into(),
            class: query.select().class.into(),
            members: query.select().columns.iter().map(|column| (*column).into()).collect(),
        }));
        reads
    }

    fn begin(&self, options: &Options, state: State) -> Box<dyn Round> {
        Box::new(reading::Reading::new(options, state))
    }
}

#[cfg(test)]
mod tests;

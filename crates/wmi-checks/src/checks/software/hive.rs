//! Where programs are registered: the machine's two views, and the hives of users.

use crate::registry::{LOCAL_MACHINE, USERS};

const UNINSTALL: &str = "Microsoft\\Windows\\CurrentVersion\\Uninstall";

/// Characters of a SID as text ([MS-DTYP 2.4.2.1]): fifteen parts of ten digits, an authority of fourteen, and what is
/// between them.
const MAX_SID: usize = 184;

/// A place with Uninstall keys.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Hive {
    /// The machine, as programs of the host's own width see it.
    Machine,
    /// The machine, as programs of 32 bits see it on a host of 64.
    Machine32,
    /// A user by SID. Users have one view.
    User(String),
}

impl Hive {
    /// The hive of a key below HKEY_USERS, unless it is the part of one that holds file types, or `.DEFAULT`, which is
    /// another name of S-1-5-18.
    pub(super) fn of_user(key: &str) -> Option<Self> {
        let sid = key.len() <= MAX_SID && key.get(..4).is_some_and(|start| start.eq_ignore_ascii_case("S-1-"));
        (sid && !key.to_ascii_lowercase().ends_with("_classes")).then(|| Self::User(key.to_ascii_uppercase()))
    }

    /// The name under which it is reported and remembered.
    pub(super) fn name(&self) -> &str {
        match self {
            Self::Machine => "machine",
            Self::Machine32 => "machine, 32-bit view",
            Self::User(sid) => sid,
        }
    }

    /// `machine`, or the user's SID.
    pub(super) fn scope(&self) -> &str {
        if let Self::User(sid) = self { sid } else { "machine" }
    }

    /// Which view of the registry it is, where there are two.
    pub(super) const fn view(&self) -> Option<&'static str> {
        match self {
            Self::Machine => Some("native"),
            Self::Machine32 => Some("32-bit"),
            Self::User(_) => None,
        }
    }

    /// The root's handle and the path of its Uninstall key.
    pub(super) fn uninstall(&self) -> (u32, String) {
        match self {
            Self::Machine => (LOCAL_MACHINE, format!("SOFTWARE\\{UNINSTALL}")),
            Self::Machine32 => (LOCAL_MACHINE, format!("SOFTWARE\\WOW6432Node\\{UNINSTALL}")),
            Self::User(sid) => (USERS, format!("{sid}\\Software\\{UNINSTALL}")),
        }
    }
}

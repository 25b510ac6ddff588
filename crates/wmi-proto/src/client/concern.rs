//! Whom and what a failure concerns: the host, the port that WMI was said to have, the account, namespace and class.

use crate::auth::{AuthLevel, Credentials};

/// What a failure is about, as far as it was known when it happened.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Concern {
    /// The host, as the caller named it.
    pub host: String,
    /// The TCP port that activation told for the process that holds the WMI objects; `None` before it did.
    pub port: Option<u16>,
    /// Who logged on, as far as it changes what helps.
    pub account: Option<AccountKind>,
    /// How well the session was to be protected.
    pub level: Option<AuthLevel>,
    /// The namespace, as the caller wrote it.
    pub namespace: Option<String>,
    /// The class, as the query's FROM or the object's path names it.
    pub class: Option<String>,
}

/// Where an account lives, judged by how the caller wrote it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[non_exhaustive]
pub enum AccountKind {
    /// On the host itself: no domain, `.`, or the host's own name. Remote UAC filters the rights of such accounts.
    Local,
    /// In a domain.
    Domain,
}

impl AccountKind {
    /// The kind of `credentials` at `host`.
    #[must_use]
    pub fn of(credentials: &Credentials, host: &str) -> Self {
        let domain = credentials.domain.as_str();
        let label = host.split('.').next().unwrap_or(host);
        let here = ["", ".", host, label].iter().any(|name| domain.eq_ignore_ascii_case(name));
        if here && !(domain.is_empty() && credentials.user.contains('@')) { Self::Local } else { Self::Domain }
    }
}

/// The class that a WQL text asks about: what follows FROM or ISA, or the class of the path in `ASSOCIATORS OF {…}` and
/// `REFERENCES OF {…}`.
pub(crate) fn class_of_wql(wql: &str) -> Option<&str> {
    let mut words = wql.split_ascii_whitespace();
    let first = words.next()?;
    if first.eq_ignore_ascii_case("ASSOCIATORS") || first.eq_ignore_ascii_case("REFERENCES") {
        let (_, path) = wql.split_once('{')?;
        return class_of_path(path.trim_start());
    }
    words.find(|word| word.eq_ignore_ascii_case("FROM"))?;
    name(words.next()?)
}

/// The class of an object path: behind server and namespace, before the keys.
pub(crate) fn class_of_path(path: &str) -> Option<&str> {
    let end = path.find(['.', '=', '"', '}']).filter(|_| !path.starts_with('\\') && !path.starts_with("//"));
    let head = match end {
        Some(end) => path.get(..end)?,
        // A server's name may have dots in it: only what follows the namespace's colon counts.
        None => path,
    };
    let (_, class) = head.split_once(':').unwrap_or(("", head));
    name(class)
}

/// The name at the start of `text`, if there is one.
fn name(text: &str) -> Option<&str> {
    let end = text.find(|c: char| !(c == '_' || c.is_alphanumeric())).unwrap_or(text.len());
    text.get(..end).filter(|name| !name.is_empty())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn classes_of_queries_and_paths() {
        for (wql, class) in [
            ("SELECT * FROM Win32_Service", Some("Win32_Service")),
            ("select Name,\n\tState\nfrom Win32_Service where Name='from x'", Some("Win32_Service")),
            ("SELECT * FROM Win32_Größe WHERE x=1", Some("Win32_Größe")),
            ("SELECT * FROM __InstanceCreationEvent WITHIN 2", Some("__InstanceCreationEvent")),
            ("ASSOCIATORS OF {Win32_Service.Name=\"a:b\"} WHERE ResultClass = X", Some("Win32_Service")),
            ("references of { \\\\HOST.test\\root\\cimv2:Win32_Disk.Id=\"c:\"}", Some("Win32_Disk")),
            ("SELECT * FROM", None),
            ("SELECT * FROM 'x'", None),
            ("ASSOCIATORS OF", None),
            ("", None),
        ] {
            assert_eq!(class_of_wql(wql), class, "{wql}");
        }
        for (path, class) in [
            ("Win32_Service", Some("Win32_Service")),
            ("Win32_Service.Name=\"a:b\"", Some("Win32_Service")),
            ("Win32_Process=4", Some("Win32_Process")),
            ("Win32_OperatingSystem=@", Some("Win32_OperatingSystem")),
            ("root\\cimv2:Win32_Service.Name='x'", Some("Win32_Service")),
            ("//10.0.0.1/root/cimv2:Win32_Service.Name='x'", Some("Win32_Service")),
            ("", None),
            ("=@", None),
        ] {
            assert_eq!(class_of_path(path), class, "{path}");
        }
    }

    #[test]
    fn accounts_of_the_host_itself_are_local() {
        for (account, kind) in [
            ("operator", AccountKind::Local),
            (".\\operator", AccountKind::Local),
            ("SRV1\\operator", AccountKind::Local),
            ("srv1.acme.test\\operator", AccountKind::Local),
            ("ACME\\operator", AccountKind::Domain),
            ("operator@acme.test", AccountKind::Domain),
        ] {
            assert_eq!(AccountKind::of(&Credentials::new(account, "x"), "srv1.acme.test"), kind, "{account}");
        }
    }
}

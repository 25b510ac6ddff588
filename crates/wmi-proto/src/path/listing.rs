//! What a host has: the namespaces below one, and the classes of one.

use core::fmt::Write as _;

use crate::path::quoted;

/// The query for the namespaces below the one in which it is asked; the column is `Name`.
pub const NAMESPACES: &str = "SELECT Name FROM __NAMESPACE";

/// The namespace `name`, a row of [`NAMESPACES`], below `parent`.
///
/// ```
/// assert_eq!(wmi_proto::path::namespace_below("root", "cimv2"), "root/cimv2");
/// assert_eq!(wmi_proto::path::namespace_below("root\\Microsoft", "Windows"), "root/Microsoft/Windows");
/// ```
#[must_use]
pub fn namespace_below(parent: &str, name: &str) -> String {
    format!("{}/{name}", parent.replace('\\', "/").trim_matches('/'))
}

/// The query for the definitions of classes, all of a namespace or those whose name is like `pattern`: `*` stands for
/// any text, `?` for one character, and the case of letters does not count.
///
/// ```
/// let query = wmi_proto::path::classes(Some("Win32_*Disk"));
/// assert_eq!(query, r#"SELECT * FROM meta_class WHERE __CLASS LIKE "Win32[_]%Disk""#);
/// assert_eq!(wmi_proto::path::classes(None), "SELECT * FROM meta_class");
/// ```
#[must_use]
pub fn classes(pattern: Option<&str>) -> String {
    let mut query = "SELECT * FROM meta_class".to_owned();
    if let Some(pattern) = pattern {
        let _ = write!(query, " WHERE __CLASS LIKE {}", quoted(&like(pattern)));
    }
    query
}

/// [MS-WMI 2.2.1.1] the pattern of LIKE in which only `*` and `?` are wild.
fn like(pattern: &str) -> String {
    let mut text = String::new();
    for c in pattern.chars() {
        match c {
            '*' => text.push('%'),
            '?' => text.push('_'),
            '%' | '_' | '[' => text.extend(['[', c, ']']),
            c => text.push(c),
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_wild_in_like_only_stays_itself() {
        assert_eq!(like("a_b%c[d]*e?"), "a[_]b[%]c[[]d]%e_");
        assert_eq!(classes(Some("a\"b")), "SELECT * FROM meta_class WHERE __CLASS LIKE \"a\\\"b\"");
        assert_eq!(namespace_below("/root/", "x"), "root/x");
    }
}

//! Names of namespaces: one spelling for the wire and one key for the table.

/// `namespace` as a resource for NTLMLogin ([MS-WMI 3.1.4.1.4]): `//./root/cimv2`. A server part is dropped, because
/// the session has one host; `\` and `/` are the same.
pub(crate) fn normalize(namespace: &str) -> String {
    let path = namespace.replace('\\', "/");
    let path = match path.strip_prefix("//") {
        Some(rest) => rest.split_once('/').map_or("", |(_server, path)| path),
        None => path.as_str(),
    };
    format!("//./{}", path.trim_matches('/'))
}

#[cfg(test)]
mod tests {
    use super::normalize;

    #[test]
    fn spellings_of_one_namespace() {
        for spelling in ["root/cimv2", "root\\cimv2", "\\\\HOST\\root\\cimv2", "//./root/cimv2", "/root/cimv2/"] {
            assert_eq!(normalize(spelling), "//./root/cimv2", "{spelling}");
        }
    }
}

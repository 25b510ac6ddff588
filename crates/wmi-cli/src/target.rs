//! What a path on the command line names: an object on the host, in a namespace.

use wmi_proto::path::ObjectPath;

use crate::host::HostPort;

/// An object or class to ask for.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Target {
    /// Without server and namespace.
    pub(crate) path: ObjectPath,
    /// The path's own, otherwise that of the command line.
    pub(crate) namespace: String,
    /// The class of the object.
    pub(crate) class: String,
}

impl Target {
    /// What `path` names on `host`.
    ///
    /// # Errors
    /// It does not parse, names no object, or one of another host.
    pub(crate) fn parse(path: &str, host: &HostPort, namespace: &str) -> Result<Self, String> {
        let parsed: ObjectPath = path.parse().map_err(|error| format!("{path}: {error}"))?;
        let Some(class) = parsed.class_name().map(str::to_owned) else {
            return Err(format!("{path}: names a namespace, not an object"));
        };
        if let Some(server) = parsed.server()
            && !is_server(host, server)
        {
            return Err(format!(
                "{path}: names an object of {server}, and the host is {}: leave the server out of the path, or write .",
                host.host
            ));
        }
        let namespace = parsed.namespace().unwrap_or(namespace).to_owned();
        Ok(Self { path: parsed.relative(), namespace, class })
    }
}

/// Whether a path's server is `host`, as far as names tell it: hosts call themselves by the first label of their name.
fn is_server(host: &HostPort, server: &str) -> bool {
    let host = host.host.as_str();
    let is_address = host.parse::<std::net::IpAddr>().is_ok();
    let label = if is_address { host } else { host.split('.').next().unwrap_or(host) };
    [".", host, label].iter().any(|name| name.eq_ignore_ascii_case(server))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(path: &str, host: &str) -> Result<(String, String), String> {
        let host: HostPort = host.parse().expect("a host");
        Target::parse(path, &host, "root/cimv2").map(|target| (target.path.to_string(), target.namespace))
    }

    #[test]
    fn the_paths_namespace_goes_before_the_options() {
        let found = |path: &str, namespace: &str| Ok((path.to_owned(), namespace.to_owned()));
        assert_eq!(parse("Win32_Service", "srv01"), found("Win32_Service", "root/cimv2"));
        assert_eq!(parse(r#"root\default:X.A="b,c""#, "srv01"), found(r#"X.A="b,c""#, r"root\default"));
        assert_eq!(parse("//./root/default:X=@", "srv01"), found("X=@", r"root\default"));
        for host in ["srv01", "SRV01.acme.example:1135"] {
            assert_eq!(parse(r"\\Srv01\root\default:X", host), found("X", r"root\default"));
        }
        assert_eq!(parse(r"\\192.0.2.7\root\cimv2:X", "192.0.2.7"), found("X", r"root\cimv2"));
    }

    #[test]
    fn other_hosts_and_other_things_are_refused() {
        for (path, host, words) in [
            (r"\\SRV02\root\cimv2:X", "srv01", "names an object of SRV02"),
            (r"\\192\root\cimv2:X", "192.0.2.7", "names an object of 192"),
            (r"\\SRV02\root\cimv2:X", "192.0.2.7", "leave the server out"),
            (r"\\.\root\cimv2", "srv01", "names a namespace"),
            (r#"X.A="b"#, "srv01", "at character"),
            ("", "srv01", "path"),
        ] {
            let error = parse(path, host).expect_err(path);
            assert!(error.contains(words), "{path}: {error}");
        }
    }
}

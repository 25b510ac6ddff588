//! `HOST[:PORT]`: a name, an IPv4 address or an IPv6 address, with or without a port.

use std::fmt;
use std::net::Ipv6Addr;
use std::str::FromStr;

/// A host as a person types it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct HostPort {
    /// A name or address, an IPv6 address without brackets.
    pub(crate) host: String,
    /// The port, when one was given.
    pub(crate) port: Option<u16>,
}

impl FromStr for HostPort {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let (host, port) = match text.strip_prefix('[') {
            Some(rest) => {
                let (host, rest) = rest.split_once(']').ok_or("the bracket is not closed")?;
                if !is_ipv6(host) {
                    return Err(format!("[{host}] is no IPv6 address"));
                }
                match rest.strip_prefix(':') {
                    Some(port) => (host, Some(port)),
                    None if rest.is_empty() => (host, None),
                    None => return Err("after the bracket comes nothing or :PORT".to_owned()),
                }
            }
            None if is_ipv6(text) => (text, None),
            None => match text.split_once(':') {
                Some((_, port)) if port.contains(':') => {
                    return Err("more than one colon: an IPv6 address with a port is written [ADDRESS]:PORT".to_owned());
                }
                Some((host, port)) => (host, Some(port)),
                None => (text, None),
            },
        };
        if host.is_empty() {
            return Err("the host is missing".to_owned());
        }
        if host.ends_with('%') {
            return Err("the interface is missing behind %".to_owned());
        }
        if let Some(odd) = host.chars().find(|c| c.is_whitespace() || c.is_control() || "/\\@\"'".contains(*c)) {
            return Err(format!("a host has no {odd:?} in it"));
        }
        let port = match port {
            Some(port) if port.bytes().all(|b| b.is_ascii_digit()) => {
                Some(port.parse().map_err(|_| format!("{port:?} is no port (0 to 65535)"))?)
            }
            Some(port) => return Err(format!("{port:?} is no port (0 to 65535)")),
            None => None,
        };
        Ok(Self { host: host.to_owned(), port })
    }
}

impl fmt::Display for HostPort {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match (self.host.contains(':'), self.port) {
            (true, Some(port)) => write!(f, "[{}]:{port}", self.host),
            (false, Some(port)) => write!(f, "{}:{port}", self.host),
            (_, None) => f.write_str(&self.host),
        }
    }
}

/// An IPv6 address, with or without a scope (`fe80::1%eth0`).
fn is_ipv6(text: &str) -> bool {
    text.split('%').next().is_some_and(|address| address.parse::<Ipv6Addr>().is_ok())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parsed(text: &str) -> (String, Option<u16>) {
        let host: HostPort = text.parse().unwrap_or_else(|e| panic!("{text}: {e}"));
        assert_eq!(host.to_string().parse::<HostPort>().as_ref(), Ok(&host), "what is shown can be typed");
        (host.host, host.port)
    }

    #[test]
    fn names_and_addresses_with_and_without_a_port() {
        assert_eq!(parsed("srv01"), ("srv01".to_owned(), None));
        assert_eq!(parsed("srv01.example:1135"), ("srv01.example".to_owned(), Some(1135)));
        assert_eq!(parsed("192.0.2.7"), ("192.0.2.7".to_owned(), None));
        assert_eq!(parsed("192.0.2.7:0"), ("192.0.2.7".to_owned(), Some(0)));
        assert_eq!(parsed("::1"), ("::1".to_owned(), None));
        assert_eq!(parsed("[::1]"), ("::1".to_owned(), None));
        assert_eq!(parsed("[2001:db8::7]:65535"), ("2001:db8::7".to_owned(), Some(65535)));
        assert_eq!(parsed("[fe80::1%eth0]:135"), ("fe80::1%eth0".to_owned(), Some(135)));
        assert_eq!(parsed("fe80::1%eth0"), ("fe80::1%eth0".to_owned(), None));
        assert_eq!(parsed("[fe80::1%12]"), ("fe80::1%12".to_owned(), None));
    }

    #[test]
    fn what_is_no_host_says_why() {
        for (text, word) in [
            ("", "missing"),
            (":135", "missing"),
            ("srv01:", "port"),
            ("srv01:+5", "port"),
            ("srv01:65536", "port"),
            ("srv01:http", "port"),
            ("2001:db8::7:x:1", "[ADDRESS]:PORT"),
            ("fe80::1%", "interface"),
            ("[fe80::1%]:135", "interface"),
            ("[::1", "bracket"),
            ("[::1]135", "bracket"),
            ("[srv01]:135", "IPv6"),
            ("a b", "' '"),
            ("http://srv01", "port"),
        ] {
            let error = text.parse::<HostPort>().expect_err(text);
            assert!(error.contains(word), "{text}: {error}");
        }
    }
}

//! What a session and a query are asked for.

use core::num::NonZeroU32;
use core::time::Duration;

use crate::auth::{AuthLevel, Credentials};
use crate::limits::Limits;

/// Everything that a session needs to know about its host.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Config {
    /// The host: a name, an IPv4 address, or an IPv6 address without brackets.
    pub host: String,
    /// The activator's port, 135 unless a forwarder is in between.
    pub port: u16,
    /// Who logs on.
    pub credentials: Credentials,
    /// The protection of both associations.
    pub auth_level: AuthLevel,
    /// Where [`Config::host`] does not answer at the told ports, try the addresses in the host's string bindings. Off by
    /// default: credentials go only to the host that the caller named.
    pub follow_bindings: bool,
    /// How long a transport may take to connect, whatever the query's deadline.
    pub connect_timeout: Duration,
    /// How long log-on and activation may take when no query's deadline is shorter.
    pub handshake_timeout: Duration,
    /// How long the goodbye may take before `Close` becomes `Abort`.
    pub linger: Duration,
    /// Bounds on what the host can make us hold.
    pub limits: Limits,
}

impl Config {
    /// A session with `host` at port 135 as `credentials`, sealed.
    #[must_use]
    pub fn new(host: impl Into<String>, credentials: Credentials) -> Self {
        Self {
            host: host.into(),
            port: 135,
            credentials,
            auth_level: AuthLevel::Privacy,
            follow_bindings: false,
            connect_timeout: Duration::from_secs(10),
            handshake_timeout: Duration::from_secs(30),
            // Longer than a host may hold back an answer that is due before the goodbye.
            linger: Duration::from_secs(2),
            limits: Limits::default(),
        }
    }
}

/// How the objects of a query are fetched.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Enumerator {
    /// Smart enumeration where the host offers it, `Next` otherwise, and for queries that are not read forward only.
    #[default]
    Auto,
    /// IWbemWCOSmartEnum only; its refusal is the query's error.
    ///
    /// `reset` and `skip` of such a query rely on both enumerators reading one index ([MS-WMI 3.1.4.7.1]).
    Smart,
    /// IEnumWbemClassObject::Next only.
    Next,
}

/// A WQL query. One deadline covers everything from connecting to the last row.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Query {
    /// The text.
    pub wql: String,
    /// The namespace, `root/cimv2` by default; `/` and `\` are the same.
    pub namespace: String,
    /// Counted from `exec_query`.
    pub timeout: Duration,
    /// How objects are fetched.
    pub enumerator: Enumerator,
    /// Objects per round trip at the most; `None` lets the core choose (a small first batch, then larger ones).
    pub batch: Option<NonZeroU32>,
    /// [MS-WMI 2.2.6] WBEM_GENERIC_FLAG_TYPE; 0x30 = RETURN_IMMEDIATELY | FORWARD_ONLY by default.
    pub flags: u32,
}

impl Query {
    /// `wql` in `root/cimv2` with a deadline of 30 s.
    #[must_use]
    pub fn new(wql: impl Into<String>) -> Self {
        Self {
            wql: wql.into(),
            namespace: "root/cimv2".to_owned(),
            timeout: Duration::from_secs(30),
            enumerator: Enumerator::Auto,
            batch: None,
            flags: 0x30,
        }
    }

    /// The same, able to be reset, skipped in and cloned or not ([MS-WMI 2.2.6] WBEM_FLAG_FORWARD_ONLY). Hosts keep all
    /// objects of a query that can.
    #[must_use]
    pub const fn forward_only(mut self, forward_only: bool) -> Self {
        const FORWARD_ONLY: u32 = 0x20;
        self.flags = if forward_only { self.flags | FORWARD_ONLY } else { self.flags & !FORWARD_ONLY };
        self
    }

    /// The same in `namespace`.
    #[must_use]
    pub fn namespace(mut self, namespace: impl Into<String>) -> Self {
        self.namespace = namespace.into();
        self
    }

    /// The same with `timeout` over everything.
    #[must_use]
    pub const fn timeout(mut self, timeout: Duration) -> Self {
        self.timeout = timeout;
        self
    }

    /// The same through `enumerator`.
    #[must_use]
    pub const fn enumerator(mut self, enumerator: Enumerator) -> Self {
        self.enumerator = enumerator;
        self
    }

    /// The same with at most `batch` objects per round trip.
    #[must_use]
    pub const fn batch(mut self, batch: NonZeroU32) -> Self {
        self.batch = Some(batch);
        self
    }
}

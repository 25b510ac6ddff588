//! What a session and a query are asked for.

use core::num::NonZeroU32;
use core::time::Duration;

use crate::auth::{AuthLevel, Credentials, Mechanism};
use crate::limits::Limits;
use crate::wire::cim::CimValue;
use crate::wire::wmi::WbemContext;

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
    /// By which mechanism both associations log on.
    pub mechanism: Mechanism,
    /// The protection of both associations.
    pub auth_level: AuthLevel,
    /// Where [`Config::host`] does not answer at the told ports, try the addresses in the host's string bindings. Off by
    /// default: credentials go only to the host that the caller named.
    pub follow_bindings: bool,
    /// How long a transport may take to connect, whatever the query's deadline.
    pub connect_timeout: Duration,
    /// How long log-on and activation may take when no query's deadline is shorter.
    pub handshake_timeout: Duration,
    /// Idle time after which the runtime is asked to let TCP find out whether the host is still there, and how long, with
    /// 30 s more, it may acknowledge nothing of what was sent; `None` leaves both to the operating system.
    pub keep_alive: Option<Duration>,
    /// How long the goodbye may take before `Close` becomes `Abort`.
    pub linger: Duration,
    /// The languages of texts, in order of preference, separated by commas: `MS_407`, or names of another form. NULL on
    /// the wire, the host's own language, by default ([MS-WMI 2.2.29, 3.1.4.1.4]).
    ///
    /// A list, or a name of another form, is sent only to a host that says that it knows such (EstablishPosition); of
    /// other hosts' the first `MS_xxx` is asked for.
    pub locale: Option<String>,
    /// Who calls, for the host's log (IWbemLoginClientID); nothing is told by default.
    pub client_info: Option<ClientInfo>,
    /// Bounds on what the host can make us hold.
    pub limits: Limits,
}

/// What the host is told about its client ([MS-WMI 3.1.4.8.1]).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ClientInfo {
    /// The name of the machine.
    pub machine: String,
    /// The number of the process.
    pub process: u32,
}

impl Config {
    /// A session with `host` at port 135 as `credentials`, sealed.
    #[must_use]
    pub fn new(host: impl Into<String>, credentials: Credentials) -> Self {
        Self {
            host: host.into(),
            port: 135,
            credentials,
            mechanism: Mechanism::default(),
            auth_level: AuthLevel::Privacy,
            follow_bindings: false,
            connect_timeout: Duration::from_secs(10),
            handshake_timeout: Duration::from_secs(30),
            keep_alive: Some(Duration::from_secs(60)),
            // Longer than a host may hold back an answer that is due before the goodbye.
            linger: Duration::from_secs(2),
            locale: None,
            client_info: None,
            limits: Limits::default(),
        }
    }
}

/// How the objects of a query are fetched.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Enumerator {
    /// `Next`, and smart enumeration from where a result turns out to be long, if the host offers it and rows have keys
    /// by which they are known. Queries that are not read forward only stay with `Next`.
    #[default]
    Auto,
    /// IWbemWCOSmartEnum from the first row on if the host offers it, `Next` otherwise. For results that are known to have
    /// many rows: two round trips more than `Auto` takes for a short one, and no class comes twice. Queries that are not
    /// read forward only stay with `Next`.
    PreferSmart,
    /// IWbemWCOSmartEnum only; its refusal is the query's error.
    ///
    /// `reset` and `skip` of such a query rely on both enumerators reading one index ([MS-WMI 3.1.4.7.1]).
    Smart,
    /// IEnumWbemClassObject::Next only.
    Next,
}

/// A WQL query. One deadline covers everything from connecting to the last row.
#[derive(Clone, Debug, PartialEq)]
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
    /// Whether the next batch is on its way while the last one is worked on: at most one batch of no more objects than
    /// the last `fetch` asked for is held; it is dropped when the query ends early. A query that can be reset never reads
    /// ahead: its place would be one batch further than its reader's.
    pub prefetch: bool,
    /// [MS-WMI 2.2.6] WBEM_GENERIC_FLAG_TYPE; 0x30 = RETURN_IMMEDIATELY | FORWARD_ONLY by default.
    pub flags: u32,
    /// Named values for WMI and the provider.
    pub context: Option<WbemContext>,
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
            prefetch: false,
            flags: 0x30,
            context: None,
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

    /// The same with `context`.
    #[must_use]
    pub fn context(mut self, context: WbemContext) -> Self {
        self.context = Some(context);
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

    /// The same, with the next batch on its way while the last one is worked on, or not.
    #[must_use]
    pub const fn prefetch(mut self, prefetch: bool) -> Self {
        self.prefetch = prefetch;
        self
    }
}

/// One object by its path ([MS-WMI 3.1.4.3.4]). One deadline covers everything from connecting to the object.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub struct GetObject {
    /// The path of a class (`Win32_Process`) or an instance (`Win32_Service.Name="W32Time"`).
    pub path: String,
    /// The namespace, `root/cimv2` by default; `/` and `\` are the same.
    pub namespace: String,
    /// Counted from `get_object`.
    pub timeout: Duration,
    /// With the qualifiers that are texts in the session's language, such as descriptions.
    pub amended: bool,
    /// Named values for WMI and the provider.
    pub context: Option<WbemContext>,
}

impl GetObject {
    /// The object at `path` in `root/cimv2` with a deadline of 30 s.
    #[must_use]
    pub fn new(path: impl Into<String>) -> Self {
        Self {
            path: path.into(),
            namespace: "root/cimv2".to_owned(),
            timeout: Duration::from_secs(30),
            amended: false,
            context: None,
        }
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

    /// The same with amended qualifiers or without.
    #[must_use]
    pub const fn amended(mut self, amended: bool) -> Self {
        self.amended = amended;
        self
    }

    /// The same with `context`.
    #[must_use]
    pub fn context(mut self, context: WbemContext) -> Self {
        self.context = Some(context);
        self
    }
}

/// One method of a class or an instance ([MS-WMI 3.1.4.3.22]). One deadline covers everything from connecting to the
/// out-parameters. When it passes, whether the host carried the method out is not known.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub struct ExecMethod {
    /// The path of the class, for a static method, or of the instance.
    pub path: String,
    /// The method.
    pub method: String,
    /// The in-parameters by name (ASCII case is ignored), in any order. They are held against the method's signature
    /// before anything of the method is sent; what is left out has the default of the signature, as a rule NULL.
    pub parameters: Vec<(String, CimValue)>,
    /// The namespace, `root/cimv2` by default; `/` and `\` are the same.
    pub namespace: String,
    /// Counted from `exec_method`.
    pub timeout: Duration,
    /// Named values for WMI and the provider.
    pub context: Option<WbemContext>,
}

impl ExecMethod {
    /// `method` of what is at `path` in `root/cimv2`, without parameters, with a deadline of 30 s.
    #[must_use]
    pub fn new(path: impl Into<String>, method: impl Into<String>) -> Self {
        Self {
            path: path.into(),
            method: method.into(),
            parameters: Vec::new(),
            namespace: "root/cimv2".to_owned(),
            timeout: Duration::from_secs(30),
            context: None,
        }
    }

    /// The same with one in-parameter more.
    #[must_use]
    pub fn parameter(mut self, name: impl Into<String>, value: impl Into<CimValue>) -> Self {
        self.parameters.push((name.into(), value.into()));
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

    /// The same with `context`.
    #[must_use]
    pub fn context(mut self, context: WbemContext) -> Self {
        self.context = Some(context);
        self
    }
}

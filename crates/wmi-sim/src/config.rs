//! What a simulated host is: its name, addresses, account, size and misbehaviour.

use std::time::Duration;

use wmi_proto::wire::status::BindNakReason;
use wmi_proto::{FileTime, Password, Secret};

use crate::{Fault, Profile, Refused, Shape};

/// The domain of the default account.
pub const DEFAULT_DOMAIN: &str = "ACME";
/// The name of the default account.
pub const DEFAULT_USER: &str = "monitor";
/// The password of the default account. It protects nothing: the host is a simulation.
pub const DEFAULT_PASSWORD: &str = "Tr0ub4dor&3";

/// Everything that decides how a [`crate::Host`] behaves.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct HostConfig {
    /// The NetBIOS name of the host, as NTLM, `__SERVER` and the string bindings tell it.
    pub name: String,
    /// The addresses in the string bindings, in order; the object server's port is appended to each.
    pub addresses: Vec<String>,
    /// The TCP port at which the object server's listener was opened.
    pub object_port: u16,
    /// The TCP port of the other process that has objects with [`Fault::SecondExporter`].
    pub second_port: u16,
    /// The domain of the account that may log on.
    pub domain: String,
    /// The name of the account that may log on.
    pub user: String,
    /// The password of the account that may log on.
    pub password: Password,
    /// What kind of host it is.
    pub profile: Profile,
    /// What it believes the time to be when it is made; `None`: what the caller says. From then on it goes on with the
    /// caller's clock.
    pub clock: Option<FileTime>,
    /// How long everything takes that it says, as if it were that far away.
    pub latency: Duration,
    /// How long a provider takes for a method. Calls that are in flight together take that time together.
    pub provider_time: Duration,
    /// How many instances the classes that grow on demand have.
    pub rows: u32,
    /// The largest fragment sent and received, in octets ([MS-RPCE 2.2.2.5] max_xmit_frag).
    pub max_fragment: u16,
    /// What the host does differently from an ordinary one.
    pub faults: Vec<Fault>,
    /// Operations that it refuses, and how.
    pub refusals: Vec<(Refused, Shape)>,
    /// Why it refuses every bind, if it does.
    pub refused_binds: Option<BindNakReason>,
}

impl HostConfig {
    /// An ordinary host called `WINSIM` whose object server listens at `object_port`.
    #[must_use]
    pub fn new(object_port: u16) -> Self {
        Self {
            name: "WINSIM".to_owned(),
            addresses: vec!["127.0.0.1".to_owned()],
            object_port,
            second_port: object_port.wrapping_add(1),
            domain: DEFAULT_DOMAIN.to_owned(),
            user: DEFAULT_USER.to_owned(),
            password: Secret::from(DEFAULT_PASSWORD).into(),
            profile: Profile::default(),
            clock: None,
            latency: Duration::ZERO,
            provider_time: Duration::ZERO,
            rows: 100,
            max_fragment: 5840,
            faults: Vec::new(),
            refusals: Vec::new(),
            refused_binds: None,
        }
    }

    /// The same with `faults`.
    #[must_use]
    pub fn faults(mut self, faults: impl IntoIterator<Item = Fault>) -> Self {
        self.faults = faults.into_iter().collect();
        self
    }

    /// The same that also refuses `what`, whoever asks, in this `shape`.
    #[must_use]
    pub fn refusing(mut self, what: Refused, shape: Shape) -> Self {
        self.refusals.push((what, shape));
        self
    }

    /// The same of another kind.
    #[must_use]
    pub const fn profile(mut self, profile: Profile) -> Self {
        self.profile = profile;
        self
    }

    /// The same that believes the time to be `clock` when it is made.
    #[must_use]
    pub const fn clock(mut self, clock: FileTime) -> Self {
        self.clock = Some(clock);
        self
    }

    /// The same that says everything `latency` later.
    #[must_use]
    pub const fn latency(mut self, latency: Duration) -> Self {
        self.latency = latency;
        self
    }

    /// The same whose providers take that long for a method.
    #[must_use]
    pub const fn provider_time(mut self, provider_time: Duration) -> Self {
        self.provider_time = provider_time;
        self
    }

    /// The same with `rows` instances in the classes that grow on demand.
    #[must_use]
    pub const fn rows(mut self, rows: u32) -> Self {
        self.rows = rows;
        self
    }
}

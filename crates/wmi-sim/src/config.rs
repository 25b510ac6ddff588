//! What a simulated host is: its name, addresses, account, size and misbehaviour.

use wmi_proto::wire::status::BindNakReason;
use wmi_proto::{Password, Secret};

use crate::{Fault, Refused, Shape};

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

    /// The same with `rows` instances in the classes that grow on demand.
    #[must_use]
    pub const fn rows(mut self, rows: u32) -> Self {
        self.rows = rows;
        self
    }
}

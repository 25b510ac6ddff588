//! What a simulated host has seen.

use std::collections::BTreeMap;

/// Counters since the host was made.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct HostStats {
    /// Connections accepted at both listeners.
    pub connections: u64,
    /// Bind PDUs received.
    pub binds: u64,
    /// Alter_context PDUs received.
    pub alter_contexts: u64,
    /// Log-ons with a right password.
    pub logons: u64,
    /// Those of them that were negotiated by SPNEGO.
    pub negotiated: u64,
    /// Log-ons with a wrong account, password or MIC.
    pub failed_logons: u64,
    /// Requests by the name of the operation, as the specification spells it (`IWbemServices::ExecQuery`).
    pub calls: BTreeMap<&'static str, u64>,
    /// Objects that were collected because nobody pinged or called them.
    pub collected: u64,
    /// Connections on which header signing was agreed.
    pub header_signing: u64,
    /// Request fragments whose signature was right.
    pub verified: u64,
    /// Request fragments whose signature was wrong, or missing where one was due.
    pub unverified: u64,
    /// What the last IWbemLoginClientID::SetClientInfo said: the name of the client, and its number.
    pub client_info: Option<(String, i32)>,
}

impl HostStats {
    /// How often the operation `name` was called.
    #[must_use]
    pub fn calls_of(&self, name: &str) -> u64 {
        self.calls.get(name).copied().unwrap_or(0)
    }

    /// All requests.
    #[must_use]
    pub fn total_calls(&self) -> u64 {
        self.calls.values().sum()
    }
}

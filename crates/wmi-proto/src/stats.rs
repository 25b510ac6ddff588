//! What a session costs, counted where the cost arises.

/// What a session has cost so far.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Stats {
    /// Times the session had to wait for the host: connects, binds, alter_contexts and calls. Releases, which nobody
    /// waits for, are not counted.
    pub round_trips: u64,
    /// Security contexts established.
    pub logons: u64,
    /// Times that an established session lost its host.
    pub losses: u64,
    /// SimplePing and ComplexPing requests sent; not counted as round trips, because nobody waits for them.
    pub pings: u64,
    /// Alter_context requests sent.
    pub alter_contexts: u64,
    /// Associations on which header signing was agreed ([MS-RPCE 3.3.1.5.2.2]).
    pub header_signing: u64,
    /// Octets received.
    pub octets_in: u64,
    /// Octets sent.
    pub octets_out: u64,
}

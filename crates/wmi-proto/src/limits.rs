//! Every maximum in one struct, finite by default.

/// Upper bounds on what a peer can make us hold. Exceeding one ends the query or the association, never the process.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// The largest fragment accepted, in octets ([MS-RPCE 2.2.2.5] max_recv_frag; 5840 is what Windows says).
    pub max_fragment: u16,
    /// The most that answers may hold while they are put together from fragments, in octets, per association.
    pub max_stub: usize,
    /// The most queries that may be open at once.
    pub max_queries: usize,
    /// The most calls, of GetObject and ExecMethod, that may be under way at once.
    pub max_calls: usize,
    /// The most classes whose methods a session remembers; the one that was used longest ago goes first.
    pub max_signatures: usize,
    /// The most objects asked for by one Next.
    pub max_batch: u32,
    /// Octets of a reply that batches are sized for: fat objects make small ones. A single object may have more.
    pub reply_octets: usize,
    /// The most classes that one query keeps for instances that come without theirs ([MS-WMI 2.2.14.4]).
    pub max_classes: usize,
    /// The most octets of objects that may have brought these classes.
    pub max_class_octets: usize,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            max_fragment: 5840,
            max_stub: 64 << 20,
            max_queries: 256,
            max_calls: 256,
            max_signatures: 64,
            max_batch: 10_000,
            reply_octets: 512 << 10,
            max_classes: 4096,
            max_class_octets: 64 << 20,
        }
    }
}

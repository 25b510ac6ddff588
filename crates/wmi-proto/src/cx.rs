//! What a layer is lent while it handles one input: the world as arguments, and the way out.

use bytes::Bytes;

use crate::entropy::Entropy;
use crate::stats::Stats;
use crate::time::FileTime;

/// Lent downward for one step.
pub(crate) struct Cx<'a> {
    /// Wall time now.
    pub(crate) wall: FileTime,
    /// Randomness.
    pub(crate) entropy: &'a mut dyn Entropy,
    /// PDUs to be sent on the transport in hand, in order.
    pub(crate) tx: &'a mut Vec<Bytes>,
    /// What the session costs.
    pub(crate) stats: &'a mut Stats,
}

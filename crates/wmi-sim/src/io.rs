//! What goes into and comes out of a simulated host.

use bytes::{Bytes, BytesMut};
use wmi_proto::Role;

/// A connection that the runtime accepted; the runtime chooses the number and never uses it twice.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ConnId(u32);

impl ConnId {
    /// The connection with the runtime's number `index`.
    #[must_use]
    pub const fn new(index: u32) -> Self {
        Self(index)
    }

    /// The number that the runtime chose.
    #[must_use]
    pub const fn index(self) -> u32 {
        self.0
    }
}

/// What the runtime tells the host.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum HostInput {
    /// Somebody connected.
    Accepted {
        /// The new connection.
        conn: ConnId,
        /// The listener at which it was accepted.
        role: Role,
        /// Its port, as the host tells it to clients: there may be several listeners for objects.
        port: u16,
    },
    /// Octets arrived, cut in any way.
    Received {
        /// The connection.
        conn: ConnId,
        /// The octets.
        data: BytesMut,
    },
    /// The connection is over, whoever closed it.
    Closed {
        /// The connection.
        conn: ConnId,
    },
}

/// What the runtime must do, in order.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum HostOutput {
    /// Write octets. Each `Transmit` is meant to be a segment of its own.
    Transmit {
        /// The connection.
        conn: ConnId,
        /// The octets.
        data: Bytes,
    },
    /// Write what was transmitted before, then close.
    Close {
        /// The connection.
        conn: ConnId,
    },
    /// Drop the connection with a TCP reset.
    Reset {
        /// The connection.
        conn: ConnId,
    },
}

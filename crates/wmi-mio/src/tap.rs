//! Who wants to know what goes over the connections of a session.

use std::net::SocketAddr;

use wmi_proto::TransportId;

/// Is told what goes over the connections of a session, in the order in which its core says and hears it.
pub trait Tap: Send {
    /// A connection stands, from `local` to `host`.
    fn opened(&mut self, transport: TransportId, local: SocketAddr, host: SocketAddr);
    /// `data` was given to the connection to be sent. A connection that breaks may not have sent it.
    fn sent(&mut self, transport: TransportId, data: &[u8]);
    /// `data` has arrived.
    fn received(&mut self, transport: TransportId, data: &[u8]);
    /// The connection is over, or never stood.
    fn closed(&mut self, transport: TransportId);
}

//! The acceptor's own framer: octets in any pieces become whole PDUs.

use bytes::BytesMut;
use wmi_proto::wire::WireError;
use wmi_proto::wire::rpc::CommonHeader;

/// Octets that have arrived and are no whole PDU yet.
#[derive(Debug, Default)]
pub(crate) struct Framer {
    buffer: BytesMut,
}

impl Framer {
    pub(crate) fn push(&mut self, data: BytesMut) {
        if self.buffer.is_empty() {
            self.buffer = data;
        } else {
            self.buffer.extend_from_slice(&data);
        }
    }

    /// The next whole PDU with its header. An error means that no PDU boundary can be found any more.
    pub(crate) fn next(&mut self) -> Result<Option<(CommonHeader, BytesMut)>, WireError> {
        let Some(header) = CommonHeader::peek(&self.buffer)? else {
            return Ok(None);
        };
        let length = usize::from(header.frag_length);
        if self.buffer.len() < length {
            return Ok(None);
        }
        Ok(Some((header, self.buffer.split_to(length))))
    }
}

#[cfg(test)]
mod tests {
    use wmi_proto::wire::rpc::{Body, Pdu, PduType};

    use super::*;

    #[test]
    fn pdus_come_out_whole_however_they_are_cut() {
        let mut stream = Pdu::new(1, Body::CoCancel).encode();
        stream.extend_from_slice(&Pdu::new(2, Body::Orphaned).encode());
        for cut in 0..stream.len() {
            let mut framer = Framer::default();
            let mut seen = Vec::new();
            for piece in [&stream[..cut], &stream[cut..]] {
                framer.push(BytesMut::from(piece));
                while let Some((header, pdu)) = framer.next().unwrap() {
                    assert_eq!(pdu.len(), usize::from(header.frag_length));
                    seen.push((header.ptype, header.call_id));
                }
            }
            assert_eq!(seen, [(PduType::CO_CANCEL, 1), (PduType::ORPHANED, 2)], "cut at {cut}");
        }
    }

    #[test]
    fn what_is_no_header_is_an_error() {
        let mut framer = Framer::default();
        framer.push(BytesMut::from(&[4_u8; 16][..]));
        assert!(framer.next().is_err());
    }
}

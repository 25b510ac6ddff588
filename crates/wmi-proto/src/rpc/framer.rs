//! Octets in any cut to whole PDUs; the only place that knows about partial input.

use bytes::BytesMut;

use crate::rpc::Error;
use crate::wire::rpc::CommonHeader;

/// Collects octets until a PDU is whole. Its length is known and checked before anything beyond the header is awaited.
#[derive(Debug)]
pub(crate) struct Framer {
    data: BytesMut,
    max_fragment: u16,
}

impl Framer {
    pub(crate) fn new(max_fragment: u16) -> Self {
        Self { data: BytesMut::new(), max_fragment }
    }

    pub(crate) fn push(&mut self, data: BytesMut) {
        if self.data.is_empty() {
            self.data = data;
        } else {
            self.data.extend_from_slice(&data);
        }
    }

    /// The next whole PDU.
    pub(crate) fn next(&mut self) -> Result<Option<(CommonHeader, BytesMut)>, Error> {
        let Some(header) = CommonHeader::peek(&self.data)? else { return Ok(None) };
        if header.frag_length > self.max_fragment {
            return Err(Error::Misbehaved("a fragment is longer than was negotiated"));
        }
        let length = usize::from(header.frag_length);
        if self.data.len() < length {
            return Ok(None);
        }
        Ok(Some((header, self.data.split_to(length))))
    }
}

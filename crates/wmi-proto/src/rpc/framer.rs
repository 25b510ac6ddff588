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
        let header = CommonHeader::peek(&self.data);
        let header = header.map_err(|error| match other_protocol(&self.data) {
            Some(name) => Error::OtherProtocol(name),
            None => Error::Malformed(error),
        })?;
        let Some(header) = header else { return Ok(None) };
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

/// The protocol whose servers begin like this, of those that are found at ports that were mistaken for DCE/RPC's.
fn other_protocol(octets: &[u8]) -> Option<&'static str> {
    match octets {
        [b'H', b'T', b'T', b'P', b'/', ..] => Some("HTTP"),
        [b'S', b'S', b'H', b'-', ..] => Some("SSH"),
        [b'2', b'2', b'0', b' ' | b'-', ..] => Some("FTP or SMTP"),
        // An alert or a handshake of TLS 1.x.
        [0x15 | 0x16, 3, 0..=4, ..] => Some("TLS"),
        // RFC 1002's session header in front of both versions' signatures.
        [0, _, _, _, 0xff | 0xfe, b'S', b'M', b'B', ..] => Some("SMB"),
        // TPKT in front of an X.224 connection confirm.
        [3, 0, 0, _, _, 0xd0, ..] => Some("RDP"),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn servers_of_other_protocols_are_recognized() {
        for (octets, name) in [
            (&b"HTTP/1.1 400 Bad Request\r\n"[..], "HTTP"),
            (b"SSH-2.0-OpenSSH_9.6\r\n", "SSH"),
            (b"220 mail.acme.test ESMTP\r\n", "FTP or SMTP"),
            (b"\x15\x03\x03\0\x02\x02\x46\0\0\0\0\0\0\0\0\0", "TLS"),
            (b"\0\0\0\x45\xfeSMB\x40\0\0\0\0\0\0\0\0\0", "SMB"),
            (b"\x03\0\0\x13\x0e\xd0\0\0\x12\x34\0\x02\x0f\x08\0\x02\0\0\0", "RDP"),
        ] {
            let mut framer = Framer::new(5840);
            framer.push(octets.into());
            assert_eq!(framer.next(), Err(Error::OtherProtocol(name)));
        }
        let mut framer = Framer::new(5840);
        framer.push(b"no protocol that is known".as_slice().into());
        assert!(matches!(framer.next(), Err(Error::Malformed(_))));
    }
}

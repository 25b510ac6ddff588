//! [MS-NLMP 2.2.1.1] NEGOTIATE_MESSAGE: what the client offers.

use bytes::Bytes;

use crate::wire::ntlm::{Message, NegotiateFlags, SIGNATURE, Version};
use crate::wire::{Reader, Wire, WireError, Writer};

/// NEGOTIATE_MESSAGE.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Negotiate {
    /// NegotiateFlags.
    pub flags: NegotiateFlags,
    /// DomainName in the OEM character set.
    pub domain: Bytes,
    /// WorkstationName in the OEM character set.
    pub workstation: Bytes,
    /// Version; old clients leave the structure out.
    pub version: Option<Version>,
}

/// Empty fields are written with offset zero, as all clients in the captures do.
impl Wire for Negotiate {
    fn decode(r: &mut Reader) -> Result<Self, WireError> {
        let mut message = Message::open(r, 1)?;
        let flags = NegotiateFlags(r.u32("NegotiateFlags")?);
        let domain = message.field(r, "DomainNameFields")?;
        let workstation = message.field(r, "WorkstationFields")?;
        let version = if message.has(40) { Some(Version::decode(r)?) } else { None };
        let (domain, workstation) = (message.get(domain, "DomainName")?, message.get(workstation, "WorkstationName")?);
        r.rest();
        Ok(Self { flags, domain, workstation, version })
    }

    fn encode(&self, w: &mut Writer) {
        w.bytes(&SIGNATURE);
        w.u32(1);
        w.u32(self.flags.0);
        let mut at: u32 = if self.version.is_some() { 40 } else { 32 };
        for value in [&self.domain, &self.workstation] {
            let length = u16::try_from(value.len()).unwrap_or(u16::MAX);
            w.u16(length);
            w.u16(length);
            w.u32(if length == 0 { 0 } else { at });
            at = at.saturating_add(u32::from(length));
        }
        if let Some(version) = &self.version {
            version.encode(w);
        }
        w.bytes(&self.domain);
        w.bytes(&self.workstation);
    }
}

//! [MS-NLMP 2.2.2.1] AV_PAIR lists: what the server says about itself and what the client adds.

use bytes::Bytes;

use crate::wire::codes::open_enum;
use crate::wire::text::utf16;
use crate::wire::{Reader, Wire, WireError, Writer};

open_enum! {
    /// AvId.
    pub struct AvId(u16);
    /// The end of the list.
    EOL = 0,
    /// The server's NetBIOS name.
    NB_COMPUTER_NAME = 1,
    /// The server's NetBIOS domain.
    NB_DOMAIN_NAME = 2,
    /// The server's DNS name.
    DNS_COMPUTER_NAME = 3,
    /// The server's DNS domain.
    DNS_DOMAIN_NAME = 4,
    /// The forest's DNS name.
    DNS_TREE_NAME = 5,
    /// 32 bits, see [`AvFlags`].
    FLAGS = 6,
    /// The server's time.
    TIMESTAMP = 7,
    /// Single_Host_Data.
    SINGLE_HOST = 8,
    /// The service principal name that the client means.
    TARGET_NAME = 9,
    /// MD5 of the channel bindings, zeros for none.
    CHANNEL_BINDINGS = 10,
}

/// The bits of MsvAvFlags.
#[derive(Debug)]
pub struct AvFlags;

impl AvFlags {
    /// The account is constrained.
    pub const CONSTRAINED: u32 = 1;
    /// The authenticate message carries a MIC.
    pub const MIC: u32 = 2;
    /// The target name comes from an untrusted source.
    pub const UNTRUSTED_SPN: u32 = 4;
}

/// One pair.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AvPair {
    /// AvId, not [`AvId::EOL`].
    pub id: AvId,
    /// Value; text is UTF-16LE.
    pub value: Bytes,
}

/// The pairs in order, without the MsvAvEOL at the end, which is written and demanded.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct AvPairs(pub Vec<AvPair>);

impl AvPairs {
    /// The value of the first pair with `id`.
    #[must_use]
    pub fn get(&self, id: AvId) -> Option<&Bytes> {
        self.0.iter().find(|pair| pair.id == id).map(|pair| &pair.value)
    }

    /// MsvAvTimestamp as a FILETIME, when there is one of eight octets.
    #[must_use]
    pub fn timestamp(&self) -> Option<u64> {
        self.get(AvId::TIMESTAMP)?.as_ref().try_into().ok().map(u64::from_le_bytes)
    }

    /// MsvAvFlags, zero when there are none.
    #[must_use]
    pub fn flags(&self) -> u32 {
        self.get(AvId::FLAGS).and_then(|v| v.as_ref().try_into().ok()).map_or(0, u32::from_le_bytes)
    }

    /// Replaces the first pair with `id`, or adds one at the end.
    pub fn set(&mut self, id: AvId, value: Bytes) {
        match self.0.iter_mut().find(|pair| pair.id == id) {
            Some(pair) => pair.value = value,
            None => self.0.push(AvPair { id, value }),
        }
    }

    /// [`AvPairs::set`] with text.
    pub fn set_text(&mut self, id: AvId, text: &str) {
        self.set(id, utf16(text).into());
    }
}

/// The list may be followed by other octets.
impl Wire for AvPairs {
    fn decode(r: &mut Reader) -> Result<Self, WireError> {
        let mut pairs = Vec::new();
        loop {
            let (id, length) = (AvId(r.u16("AvId")?), r.u16("AvLen")?);
            let value = r.bytes(usize::from(length), "AvPair.Value")?;
            if id == AvId::EOL {
                return Ok(Self(pairs));
            }
            pairs.push(AvPair { id, value });
        }
    }

    fn encode(&self, w: &mut Writer) {
        for AvPair { id, value } in &self.0 {
            w.u16(id.0);
            w.u16(u16::try_from(value.len()).unwrap_or(u16::MAX));
            w.bytes(value);
        }
        w.u32(0);
    }
}

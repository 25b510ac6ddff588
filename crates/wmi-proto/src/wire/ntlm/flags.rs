//! [MS-NLMP 2.2.2.5] NEGOTIATE: what the two sides want and can.

use core::ops::{BitAnd, BitOr};

/// NegotiateFlags.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct NegotiateFlags(pub u32);

impl NegotiateFlags {
    /// A: text is UTF-16LE.
    pub const UNICODE: Self = Self(0x0000_0001);
    /// B: text is in the OEM character set.
    pub const OEM: Self = Self(0x0000_0002);
    /// C: the challenge is to carry a target name.
    pub const REQUEST_TARGET: Self = Self(0x0000_0004);
    /// D: messages will be signed.
    pub const SIGN: Self = Self(0x0000_0010);
    /// E: messages will be encrypted.
    pub const SEAL: Self = Self(0x0000_0020);
    /// F: connectionless.
    pub const DATAGRAM: Self = Self(0x0000_0040);
    /// G: LAN Manager session key; excludes P.
    pub const LM_KEY: Self = Self(0x0000_0080);
    /// H: NTLM.
    pub const NTLM: Self = Self(0x0000_0200);
    /// J: anonymous.
    pub const ANONYMOUS: Self = Self(0x0000_0800);
    /// K: the negotiate message carries a domain name.
    pub const OEM_DOMAIN_SUPPLIED: Self = Self(0x0000_1000);
    /// L: the negotiate message carries a workstation name.
    pub const OEM_WORKSTATION_SUPPLIED: Self = Self(0x0000_2000);
    /// M: a session key is made in any case.
    pub const ALWAYS_SIGN: Self = Self(0x0000_8000);
    /// N: the target name is a domain.
    pub const TARGET_TYPE_DOMAIN: Self = Self(0x0001_0000);
    /// O: the target name is a server.
    pub const TARGET_TYPE_SERVER: Self = Self(0x0002_0000);
    /// P: extended session security.
    pub const EXTENDED_SESSIONSECURITY: Self = Self(0x0008_0000);
    /// Q: identify level.
    pub const IDENTIFY: Self = Self(0x0010_0000);
    /// R: LMOWF session key.
    pub const REQUEST_NON_NT_SESSION_KEY: Self = Self(0x0040_0000);
    /// S: the challenge carries target information.
    pub const TARGET_INFO: Self = Self(0x0080_0000);
    /// T: the VERSION structure is filled in.
    pub const VERSION: Self = Self(0x0200_0000);
    /// U: 128-bit keys.
    pub const KEY_128: Self = Self(0x2000_0000);
    /// V: the client chooses the session key.
    pub const KEY_EXCH: Self = Self(0x4000_0000);
    /// W: 56-bit keys.
    pub const KEY_56: Self = Self(0x8000_0000);

    /// Whether all bits of `other` are set.
    #[must_use]
    pub const fn contains(self, other: Self) -> bool {
        self.0 & other.0 == other.0
    }

    /// The same without the bits of `other`.
    #[must_use]
    pub const fn without(self, other: Self) -> Self {
        Self(self.0 & !other.0)
    }
}

impl BitOr for NegotiateFlags {
    type Output = Self;
    fn bitor(self, rhs: Self) -> Self {
        Self(self.0 | rhs.0)
    }
}

impl BitAnd for NegotiateFlags {
    type Output = Self;
    fn bitand(self, rhs: Self) -> Self {
        Self(self.0 & rhs.0)
    }
}

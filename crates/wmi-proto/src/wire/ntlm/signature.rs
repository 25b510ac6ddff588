//! [MS-NLMP 2.2.2.9.2] NTLMSSP_MESSAGE_SIGNATURE for extended session security.

/// NTLMSSP_MESSAGE_SIGNATURE, always of version 1.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct MessageSignature {
    /// Checksum.
    pub checksum: [u8; 8],
    /// SeqNum.
    pub seq_num: u32,
}

impl MessageSignature {
    /// Octets of the structure.
    pub const LEN: usize = 16;

    /// The structure, or `None` when it is of another version.
    #[must_use]
    pub const fn from_bytes(bytes: [u8; Self::LEN]) -> Option<Self> {
        let [1, 0, 0, 0, checksum @ .., s0, s1, s2, s3] = bytes else {
            return None;
        };
        Some(Self { checksum, seq_num: u32::from_le_bytes([s0, s1, s2, s3]) })
    }

    /// Its octets.
    #[must_use]
    pub const fn to_bytes(self) -> [u8; Self::LEN] {
        let [c0, c1, c2, c3, c4, c5, c6, c7] = self.checksum;
        let [s0, s1, s2, s3] = self.seq_num.to_le_bytes();
        [1, 0, 0, 0, c0, c1, c2, c3, c4, c5, c6, c7, s0, s1, s2, s3]
    }
}

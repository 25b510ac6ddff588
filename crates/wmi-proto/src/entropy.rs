//! Randomness as an argument: who needs it says what for.

/// What random bytes are wanted for, so that a replay can answer from a capture and a test can pin one value.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[non_exhaustive]
pub enum Draw {
    /// [MS-NLMP 2.2.2.7] the 8-octet client challenge of NTLMv2.
    NtlmClientChallenge,
    /// [MS-NLMP 3.1.5.1.2] the 16-octet exported session key when KEY_EXCH was negotiated.
    NtlmSessionKey,
    /// [MS-NLMP 2.2.1.2] the 8-octet server challenge (acceptor side).
    NtlmServerChallenge,
    /// [MS-DCOM 2.2.13.3] the causality identifier of ORPCTHIS.
    CausalityId,
    /// [MS-WMI 3.1.4.6.1] the proxyGUID of one smart enumerator.
    SmartEnumProxy,
    /// Identifiers that a simulated host hands out (OXID, IPID, class GUIDs).
    HostIdentifier,
}

/// A source of random bytes. Adapters bring the operating system's; tests bring [`SeededEntropy`].
pub trait Entropy: Send {
    /// Fills `dst` with bytes for the purpose `draw`.
    fn fill(&mut self, draw: Draw, dst: &mut [u8]);
}

impl<F: FnMut(Draw, &mut [u8]) + Send> Entropy for F {
    fn fill(&mut self, draw: Draw, dst: &mut [u8]) {
        self(draw, dst);
    }
}

/// A repeatable, cryptographically worthless source (SplitMix64) for tests and replays.
#[derive(Clone, Debug)]
pub struct SeededEntropy(u64);

impl SeededEntropy {
    /// The sequence that belongs to `seed`.
    #[must_use]
    pub const fn new(seed: u64) -> Self {
        Self(seed)
    }
}

impl Entropy for SeededEntropy {
    fn fill(&mut self, _draw: Draw, dst: &mut [u8]) {
        for chunk in dst.chunks_mut(8) {
            self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
            let mut z = self.0;
            z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
            z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
            z ^= z >> 31;
            for (d, s) in chunk.iter_mut().zip(z.to_le_bytes()) {
                *d = s;
            }
        }
    }
}

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

/// A source over one that is dear to ask, such as the operating system: identifiers, which are no secrets and of which
/// every call has one, come from a stock. Whatever else is drawn is asked for each time.
pub struct StockedEntropy<E> {
    source: E,
    stock: Vec<u8>,
}

impl<E: Entropy> StockedEntropy<E> {
    /// An empty stock, filled from `source` when it is needed.
    pub const fn new(source: E) -> Self {
        Self { source, stock: Vec::new() }
    }
}

impl<E: Entropy> Entropy for StockedEntropy<E> {
    fn fill(&mut self, draw: Draw, dst: &mut [u8]) {
        if !matches!(draw, Draw::CausalityId | Draw::SmartEnumProxy) {
            return self.source.fill(draw, dst);
        }
        if self.stock.len() < dst.len() {
            self.stock.resize(STOCK.max(dst.len()), 0);
            self.source.fill(draw, &mut self.stock);
        }
        let rest = self.stock.len().saturating_sub(dst.len());
        for (octet, stocked) in dst.iter_mut().zip(self.stock.drain(rest..)) {
            *octet = stocked;
        }
    }
}

impl<E> core::fmt::Debug for StockedEntropy<E> {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.debug_struct("StockedEntropy").finish_non_exhaustive()
    }
}

/// Octets that a stock holds when it was filled.
const STOCK: usize = 512;

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

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;
    use std::sync::{Arc, Mutex};

    use super::*;

    #[test]
    fn identifiers_come_from_a_stock_each_once_and_secrets_from_the_source() {
        let asked = Arc::new(Mutex::new(Vec::new()));
        let (log, mut numbers) = (Arc::clone(&asked), SeededEntropy::new(7));
        let mut entropy = StockedEntropy::new(move |draw, dst: &mut [u8]| {
            log.lock().expect("nobody panics").push((draw, dst.len()));
            numbers.fill(draw, dst);
        });
        let mut seen = BTreeSet::new();
        for _ in 0..STOCK / 16 + 1 {
            let (mut identifier, mut secret) = ([0; 16], [0; 16]);
            entropy.fill(Draw::CausalityId, &mut identifier);
            entropy.fill(Draw::NtlmSessionKey, &mut secret);
            assert!(seen.insert(identifier) && seen.insert(secret), "octets come once");
        }
        let asked = asked.lock().expect("nobody panics");
        let times = |what| asked.iter().filter(|asked| **asked == what).count();
        assert_eq!(times((Draw::CausalityId, STOCK)), 2);
        assert_eq!(times((Draw::NtlmSessionKey, 16)), STOCK / 16 + 1, "{asked:?}");
        assert_eq!(asked.len(), STOCK / 16 + 3);
    }

    #[test]
    fn a_stock_gives_what_is_larger_than_it() {
        let mut entropy = StockedEntropy::new(SeededEntropy::new(7));
        let mut much = vec![0; 3 * STOCK];
        entropy.fill(Draw::CausalityId, &mut much);
        assert!(much.chunks(8).all(|octets| octets.iter().any(|octet| *octet != 0)));
    }
}

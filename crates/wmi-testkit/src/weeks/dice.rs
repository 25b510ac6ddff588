//! Numbers that follow from a seed.

use std::time::Duration;

/// The generator SplitMix64.
#[derive(Debug)]
pub(super) struct Dice(u64);

impl Dice {
    pub(super) const fn new(seed: u64) -> Self {
        Self(seed)
    }

    pub(super) const fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let z = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    /// Below `n`, which is not 0.
    pub(super) const fn below(&mut self, n: u64) -> u64 {
        self.next() % n
    }

    /// True once in `n` times.
    pub(super) const fn once_in(&mut self, n: u64) -> bool {
        self.below(n) == 0
    }

    pub(super) fn pick<T: Clone>(&mut self, of: &[T]) -> T {
        let index = self.below(of.len() as u64) as usize;
        of[index].clone()
    }

    /// Between the two, short ones as likely as long ones of another order of magnitude.
    pub(super) fn span(&mut self, shortest: Duration, longest: Duration) -> Duration {
        let (low, high) = (shortest.as_secs_f64(), longest.as_secs_f64().max(shortest.as_secs_f64()));
        let fraction = self.below(1 << 32) as f64 / (1_u64 << 32) as f64;
        Duration::from_secs_f64(low * (high / low).powf(fraction))
    }
}

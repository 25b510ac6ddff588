//! What the core takes as an argument and the operating system knows: random octets and time.

use std::time::Instant as StdInstant;

use wmi_proto::{Draw, Entropy, Instant};

/// The operating system's random number generator.
#[derive(Default)]
pub struct OsEntropy {
    /// For identifiers, which are no secrets: every call has one, and asking the system for each takes its time.
    stock: Vec<u8>,
}

impl Entropy for OsEntropy {
    /// # Panics
    /// The operating system has no random octets. A log-on with guessable ones would betray the password, so there is
    /// nothing to go on with.
    fn fill(&mut self, draw: Draw, dst: &mut [u8]) {
        if !matches!(draw, Draw::CausalityId | Draw::SmartEnumProxy) {
            return ask(dst);
        }
        if self.stock.len() < dst.len() {
            self.stock.resize(STOCK.max(dst.len()), 0);
            ask(&mut self.stock);
        }
        let rest = self.stock.len() - dst.len();
        dst.copy_from_slice(&self.stock[rest..]);
        self.stock.truncate(rest);
    }
}

impl std::fmt::Debug for OsEntropy {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("OsEntropy").finish_non_exhaustive()
    }
}

fn ask(dst: &mut [u8]) {
    if let Err(error) = getrandom::fill(dst) {
        panic!("the operating system gives no random octets: {error}");
    }
}

/// Octets that the system is asked for at once.
const STOCK: usize = 512;

/// A monotonic clock that starts at zero.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Clock(StdInstant);

impl Clock {
    pub(crate) fn start() -> Self {
        Self(StdInstant::now())
    }

    pub(crate) fn now(self) -> Instant {
        Instant::default().saturating_add(self.0.elapsed())
    }
}

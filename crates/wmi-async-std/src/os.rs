//! What the core takes as an argument and the operating system knows: random octets and time.

use std::time::Instant as StdInstant;

use wmi_proto::{Draw, Entropy, Instant};

/// The operating system's random number generator.
#[derive(Clone, Copy, Debug, Default)]
pub struct OsEntropy;

impl Entropy for OsEntropy {
    /// # Panics
    /// The operating system has no random octets. A log-on with guessable ones would betray the password, so there is
    /// nothing to go on with.
    fn fill(&mut self, _: Draw, dst: &mut [u8]) {
        if let Err(error) = getrandom::fill(dst) {
            panic!("the operating system gives no random octets: {error}");
        }
    }
}

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

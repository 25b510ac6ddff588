//! What the core takes as an argument and the operating system knows: random octets and time.

use std::time::{Instant as StdInstant, SystemTime};

use wmi_proto::{Draw, Entropy, FileTime, Instant};

/// The operating system's random number generator.
#[derive(Clone, Copy, Debug, Default)]
pub struct OsEntropy;

impl Entropy for OsEntropy {
    /// # Panics
    /// The operating system has no random octets. A log-on with guessable ones would betray the password, so there is
    /// nothing to go on with.
    fn fill(&mut self, _draw: Draw, dst: &mut [u8]) {
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

/// Wall time. A clock set before 1970 reads as 1970: the host will refuse the log-on and say why.
pub(crate) fn wall_time() -> FileTime {
    FileTime::from_unix(SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default())
}

//! Time as an argument: a monotonic instant, and Windows wall time.

use core::time::Duration;
use std::time::SystemTime;

/// Microseconds on the caller's monotonic clock; the origin is the caller's choice.
///
/// A capture's time stamp converts by subtraction, which is why this is not `std::time::Instant`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Instant(u64);

impl Instant {
    /// The instant `micros` microseconds after the caller's origin.
    #[must_use]
    pub const fn from_micros(micros: u64) -> Self {
        Self(micros)
    }

    /// Microseconds since the caller's origin.
    #[must_use]
    pub const fn as_micros(self) -> u64 {
        self.0
    }

    /// The time from `earlier` to `self`, zero when `earlier` is later.
    #[must_use]
    pub const fn saturating_since(self, earlier: Self) -> Duration {
        Duration::from_micros(self.0.saturating_sub(earlier.0))
    }

    /// `self + by`, at most the largest instant.
    #[must_use]
    pub fn saturating_add(self, by: Duration) -> Self {
        Self(self.0.saturating_add(u64::try_from(by.as_micros()).unwrap_or(u64::MAX)))
    }
}

/// [MS-DTYP 2.3.3] FILETIME: intervals of 100 ns since 1601-01-01 00:00:00 UTC.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct FileTime(pub u64);

impl FileTime {
    /// The Unix epoch, 1970-01-01 00:00:00 UTC.
    pub const UNIX_EPOCH: Self = Self(116_444_736_000_000_000);

    /// From the time since the Unix epoch, as `SystemTime::duration_since(UNIX_EPOCH)` gives it.
    #[must_use]
    pub fn from_unix(since_epoch: Duration) -> Self {
        Self::UNIX_EPOCH.saturating_add(since_epoch)
    }

    /// `self + by`, at most the largest file time.
    #[must_use]
    pub fn saturating_add(self, by: Duration) -> Self {
        Self(self.0.saturating_add(u64::try_from(by.as_nanos() / 100).unwrap_or(u64::MAX)))
    }
}

impl From<SystemTime> for FileTime {
    /// A time before 1970 reads as 1970.
    fn from(time: SystemTime) -> Self {
        Self::from_unix(time.duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default())
    }
}

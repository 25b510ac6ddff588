//! When a check runs: at a place of its interval that depends on asset and check, so that not all run at once.

use core::time::Duration;

use crate::assets::CheckPath;

/// A run that begins so much later than planned is told.
pub const LATE: Duration = Duration::from_secs(4);

/// The schedule is looked at so often, because the clock may be set.
pub const SLICE: Duration = Duration::from_secs(10);

/// The next time for `path`, from `now` on (both since the Unix epoch): asset and check number, modulo the interval,
/// say where in it; a further part of a second depends on the asset alone.
#[must_use]
pub fn next_time(path: CheckPath, interval: u64, now: Duration) -> Duration {
    let second = 1_000_000_000_u128;
    let interval = u128::from(interval.max(1)) * second;
    let place = (u128::from(path.asset) + u128::from(path.check)) * second % interval;
    let position = now.as_nanos() % interval;
    let ahead = if place >= position { place - position } else { place + interval - position };
    let fraction = u128::from(path.asset % 32) * (second / 32);
    now.saturating_add(duration(ahead + fraction))
}

fn duration(nanoseconds: u128) -> Duration {
    let second = 1_000_000_000_u128;
    let seconds = u64::try_from(nanoseconds / second).unwrap_or(u64::MAX);
    Duration::new(seconds, u32::try_from(nanoseconds % second).unwrap_or_default())
}

#[cfg(test)]
mod tests {
    use super::*;

    const fn path(asset: u64, check: u64) -> CheckPath {
        CheckPath { asset, check }
    }

    #[test]
    fn a_time_depends_on_asset_and_check() {
        let now = Duration::from_millis(1_700_000_000_250);
        // 1_700_000_000 % 300 = 200.
        let cases =
            [(0, 0, 99_750), (0, 250, 49_750), (0, 200, 299_750), (1, 200, 781), (33, 168, 781), (31, 170, 1718)];
        for (asset, check, milliseconds) in cases {
            let at = next_time(path(asset, check), 300, now);
            assert_eq!((at - now).as_millis(), milliseconds, "{asset}, {check}");
        }
    }

    #[test]
    fn the_next_time_is_one_interval_later() {
        let first = next_time(path(31, 7), 60, Duration::from_secs(1_700_000_000));
        let second = next_time(path(31, 7), 60, first + Duration::from_millis(1));
        assert_eq!(second - first, Duration::from_secs(60));
    }

    #[test]
    fn no_number_overflows() {
        for interval in [0, 1, u64::MAX] {
            let at = next_time(path(u64::MAX, u64::MAX), interval, Duration::MAX);
            assert_eq!(at, Duration::MAX);
        }
        assert!(next_time(path(u64::MAX, u64::MAX), u64::MAX, Duration::ZERO) > Duration::ZERO);
    }
}

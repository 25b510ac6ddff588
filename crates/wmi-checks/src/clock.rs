//! The host's clock against ours.

use wmi_proto::FileTime;

/// How far the host's clock is from ours.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Drift {
    /// Host minus caller, in seconds: positive when the host is ahead.
    pub(crate) seconds: f64,
    /// The true difference is within this many seconds of [`Drift::seconds`].
    pub(crate) uncertainty: f64,
}

/// The drift of a clock that read `host` at some moment between `sent` and `received`: all three in 100 ns since 1601.
///
/// The moment is taken to be the middle, so it is wrong by half the round trip at the most.
#[allow(clippy::cast_precision_loss, reason = "seconds with microseconds stay far below 2^53")]
pub(crate) fn drift(host: u64, sent: FileTime, received: FileTime) -> Drift {
    let half = received.0.saturating_sub(sent.0) / 2;
    let middle = i128::from(sent.0) + i128::from(half);
    Drift { seconds: (i128::from(host) - middle) as f64 / 1e7, uncertainty: half as f64 / 1e7 }
}

/// The moment that a DMTF date and time names (`20261124153012.500000+060`, minutes east of UTC), in 100 ns since 1601.
///
/// `None` for intervals, wildcards, impossible dates and dates before 1601: there is no moment to compare with.
pub(crate) fn file_time(dmtf: &str) -> Option<u64> {
    let bytes: &[u8; 25] = dmtf.as_bytes().try_into().ok()?;
    let number = |from: usize, to: usize| -> Option<i64> {
        bytes.get(from..to)?.iter().try_fold(0i64, |n, b| b.is_ascii_digit().then(|| n * 10 + i64::from(b - b'0')))
    };
    let (year, month, day) = (number(0, 4)?, number(4, 6)?, number(6, 8)?);
    let (hour, minute, second) = (number(8, 10)?, number(10, 12)?, number(12, 14)?);
    let (micros, offset) = (number(15, 21)?, number(22, 25)?);
    let offset = match (bytes[14], bytes[21]) {
        (b'.', b'+') => offset,
        (b'.', b'-') => -offset,
        _ => return None,
    };
    let leap = year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);
    let month_days = match month {
        2 => 28 + i64::from(leap),
        4 | 6 | 9 | 11 => 30,
        1..=12 => 31,
        _ => return None,
    };
    if !(1..=month_days).contains(&day) || hour > 23 || minute > 59 || second > 59 {
        return None;
    }
    // Days since 1601-01-01, the first day of a 400-year cycle: count years from March so that leap days come last.
    let (y, m) = if month > 2 { (year - 1600, month - 3) } else { (year - 1601, month + 9) };
    let days = y * 365 + y.div_euclid(4) - y.div_euclid(100) + y.div_euclid(400) + (153 * m + 2) / 5 + day - 1 - 306;
    let seconds = days * 86_400 + hour * 3600 + (minute - offset) * 60 + second;
    u64::try_from(seconds * 10_000_000 + micros * 10).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn dmtf_text_to_file_time() {
        assert_eq!(file_time("16010101000000.000000+000"), Some(0));
        assert_eq!(file_time("19700101000000.000000+000"), Some(FileTime::UNIX_EPOCH.0));
        assert_eq!(file_time("19700101013000.000001+090"), Some(FileTime::UNIX_EPOCH.0 + 10));
        assert_eq!(file_time("19691231193000.000000-270"), Some(FileTime::UNIX_EPOCH.0));
        // 2024-02-29 12:00:00 UTC is 1709208000 s after 1970.
        assert_eq!(file_time("20240229120000.000000+000"), Some(FileTime::UNIX_EPOCH.0 + 17_092_080_000_000_000));
    }

    #[test]
    fn what_is_no_moment_is_refused() {
        for text in [
            "",
            "20230229120000.000000+000",
            "20241301120000.000000+000",
            "20240101240000.000000+000",
            "2024010112****.******+***",
            "00000003010203.000000:000",
            "15001231235959.000000+000",
            "2024010112000é.00000+000",
        ] {
            assert_eq!(file_time(text), None, "{text}");
        }
    }

    #[test]
    fn drift_is_signed_and_knows_its_uncertainty() {
        let (sent, received) = (FileTime(1_000_000_000), FileTime(1_004_000_000));
        assert_eq!(drift(1_002_000_000, sent, received), Drift { seconds: 0.0, uncertainty: 0.2 });
        assert_eq!(drift(1_032_000_000, sent, received), Drift { seconds: 3.0, uncertainty: 0.2 });
        assert_eq!(drift(972_000_000, sent, received), Drift { seconds: -3.0, uncertainty: 0.2 });
    }

    #[test]
    fn a_clock_that_went_back_meanwhile_is_no_panic() {
        assert_eq!(drift(5, FileTime(20), FileTime(10)).uncertainty, 0.0);
        drift(u64::MAX, FileTime(0), FileTime(u64::MAX));
        drift(0, FileTime(u64::MAX), FileTime(u64::MAX));
    }
}

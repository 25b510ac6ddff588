//! The host's clock against ours.

use wmi_proto::FileTime;
use wmi_proto::cim::CimValue;

/// How far the host's clock is from ours.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Drift {
    /// Host minus caller, in seconds: positive when the host is ahead.
    pub(crate) seconds: f64,
    /// The true difference is within this many seconds of [`Drift::seconds`]; beside that the host's clock stands still
    /// between two of its ticks, which are up to 15.6 ms apart.
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

/// The moment that a CIM date and time names, in 100 ns since 1601.
///
/// `None` for intervals, open fields and dates before 1601: there is no moment to compare with.
pub(crate) fn file_time(value: &CimValue) -> Option<u64> {
    let micros = value.as_datetime()?.to_unix_micros()?;
    micros.checked_mul(10)?.checked_add_unsigned(FileTime::UNIX_EPOCH.0)?.try_into().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn dates_are_moments() {
        let moment = |text: &str| file_time(&CimValue::DateTime(text.into()));
        assert_eq!(moment("16010101000000.000000+000"), Some(0));
        assert_eq!(moment("19700101013000.000001+090"), Some(FileTime::UNIX_EPOCH.0 + 10));
        assert_eq!(moment("19691231193000.000000-270"), Some(FileTime::UNIX_EPOCH.0));
        for text in ["", "2024010112****.******+***", "00000003010203.000000:000", "15001231235959.000000+000"] {
            assert_eq!(moment(text), None, "{text}");
        }
        assert_eq!(file_time(&CimValue::Null), None);
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

//! Dates and intervals in the text form of the DMTF (DSP0004 2.2.1), as the simulated machine writes and compares them.

use core::cmp::Ordering;

use wmi_proto::FileTime;

/// Microseconds per day.
const DAY: i128 = 86_400_000_000;

/// Days from 0000-03-01 to 1601-01-01 of the Gregorian calendar.
const DAYS_TO_1601: i64 = 584_694;

/// A date or an interval without wildcard fields.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Moment {
    /// Microseconds from 1601-01-01 00:00:00 UTC.
    Date(i128),
    /// Microseconds.
    Interval(i128),
}

impl Moment {
    /// Which one is later or longer; a date and an interval do not compare.
    pub(crate) fn compare(&self, other: &Self) -> Option<Ordering> {
        match (self, other) {
            (Self::Date(own), Self::Date(other)) | (Self::Interval(own), Self::Interval(other)) => Some(own.cmp(other)),
            _ => None,
        }
    }
}

/// The date or interval that `text` writes; `None` with wildcards and when it is neither.
pub(crate) fn parse(text: &str) -> Option<Moment> {
    let bytes: &[u8; 25] = text.as_bytes().try_into().ok()?;
    let field = |from: usize, to: usize| {
        bytes[from..to].iter().try_fold(0_i64, |sum, b| b.is_ascii_digit().then(|| sum * 10 + i64::from(b - b'0')))
    };
    if bytes[14] != b'.' {
        return None;
    }
    let (hours, minutes, seconds) = (field(8, 10)?, field(10, 12)?, field(12, 14)?);
    if hours > 23 || minutes > 59 || seconds > 59 {
        return None;
    }
    let of_day = i128::from((hours * 60 + minutes) * 60 + seconds) * 1_000_000 + i128::from(field(15, 21)?);
    let offset = i128::from(field(22, 25)?) * 60_000_000;
    match bytes[21] {
        b':' if offset == 0 => Some(Moment::Interval(i128::from(field(0, 8)?) * DAY + of_day)),
        b'+' | b'-' => {
            let (year, month, day) = (field(0, 4)?, field(4, 6)?, field(6, 8)?);
            if !(1..=12).contains(&month) || !(1..=31).contains(&day) {
                return None;
            }
            let local = i128::from(days(year, month, day)) * DAY + of_day;
            Some(Moment::Date(if bytes[21] == b'+' { local - offset } else { local + offset }))
        }
        _ => None,
    }
}

/// Whether `text` could be a date or an interval with wildcards.
pub(crate) fn has_shape(text: &str) -> bool {
    text.len() == 25
        && text.bytes().enumerate().all(|(at, b)| match at {
            14 => b == b'.',
            21 => matches!(b, b':' | b'+' | b'-'),
            _ => b.is_ascii_digit() || b == b'*',
        })
}

/// Days from 1601-01-01 to a day of the Gregorian calendar.
fn days(year: i64, month: i64, day: i64) -> i64 {
    // Years begin in March here, so that the leap day is the last one.
    let year = if month <= 2 { year - 1 } else { year };
    let month = (month + 9) % 12;
    let before = year * 365 + year.div_euclid(4) - year.div_euclid(100) + year.div_euclid(400);
    before + (month * 153 + 2) / 5 + day - 1 - DAYS_TO_1601
}

/// The fields of a point in time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Civil {
    pub(crate) year: u32,
    pub(crate) month: u32,
    pub(crate) day: u32,
    /// Days since Sunday.
    pub(crate) weekday: u32,
    pub(crate) hour: u32,
    pub(crate) minute: u32,
    pub(crate) second: u32,
    pub(crate) microsecond: u32,
}

/// The fields of `time` in UTC.
pub(crate) fn civil(time: FileTime) -> Civil {
    let micros = time.0 / 10;
    let (day_number, of_day) = (micros / DAY as u64, micros % DAY as u64);
    let march_days = day_number + DAYS_TO_1601 as u64;
    let (era, of_era) = (march_days / 146_097, march_days % 146_097);
    let year_of_era = (of_era - of_era / 1_460 + of_era / 36_524 - of_era / 146_096) / 365;
    let of_year = of_era - (year_of_era * 365 + year_of_era / 4 - year_of_era / 100);
    let march_month = (of_year * 5 + 2) / 153;
    let month = (march_month + 2) % 12 + 1;
    let seconds = of_day / 1_000_000;
    Civil {
        year: (era * 400 + year_of_era + u64::from(month <= 2)) as u32,
        month: month as u32,
        day: (of_year - (march_month * 153 + 2) / 5 + 1) as u32,
        // 1601-01-01 was a Monday.
        weekday: ((day_number + 1) % 7) as u32,
        hour: (seconds / 3_600) as u32,
        minute: (seconds / 60 % 60) as u32,
        second: (seconds % 60) as u32,
        microsecond: (of_day % 1_000_000) as u32,
    }
}

/// `time` as a date in a zone `offset` minutes east of UTC.
pub(crate) fn date(time: FileTime, offset: i32) -> String {
    let local = FileTime(time.0.saturating_add_signed(i64::from(offset) * 600_000_000));
    let c = civil(local);
    format!(
        "{:04}{:02}{:02}{:02}{:02}{:02}.{:06}{offset:+04}",
        c.year, c.month, c.day, c.hour, c.minute, c.second, c.microsecond
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn known_days_have_their_number() {
        // FILETIME of the Unix epoch and of one second before the year 2000.
        assert_eq!(date(FileTime::UNIX_EPOCH, 0), "19700101000000.000000+000");
        assert_eq!(date(FileTime(125_911_583_999_999_990), 0), "19991231235959.999999+000");
        assert_eq!(date(FileTime(0), 60), "16010101010000.000000+060");
        assert_eq!(date(FileTime::UNIX_EPOCH, -300), "19691231190000.000000-300");
        assert_eq!(civil(FileTime::UNIX_EPOCH).weekday, 4); // a Thursday
    }

    #[test]
    fn every_day_reads_back() {
        for day in (0..400_000_u64).step_by(17) {
            let time = FileTime(day * 864_000_000_000 + 123_456_780);
            let micros = i128::from(time.0 / 10);
            assert_eq!(parse(&date(time, 0)), Some(Moment::Date(micros)));
            assert_eq!(parse(&date(time, 840)), Some(Moment::Date(micros)));
        }
    }

    #[test]
    fn zones_are_taken_out_and_intervals_kept_apart() {
        assert_eq!(parse("20250101010000.000000+060"), parse("20250101000000.000000+000"));
        assert_eq!(parse("20241231190000.000000-300"), parse("20250101000000.000000+000"));
        assert_eq!(parse("00000001000000.000001:000"), Some(Moment::Interval(DAY + 1)));
        let date = parse("20250101000000.000000+000").expect("a date");
        let interval = parse("00000001000000.000000:000").expect("an interval");
        assert_eq!(date.compare(&interval), None);
    }

    #[test]
    fn what_is_neither_is_refused() {
        for text in
            ["", "20250101", "20250101******.000000+000", "20251301000000.000000+000", "2025010100000é.00000+000"]
        {
            assert_eq!(parse(text), None, "{text}");
        }
        assert!(has_shape("20250101******.******+***"));
        assert!(!has_shape("20250101"));
    }
}

//! [DMTF-DSP0004] datetime: a point in time or an interval, with fields that may be left open.

use core::fmt;
use core::str::FromStr;
use core::time::Duration;

use thiserror::Error;

/// [MS-WMIO 2.3.1] the value of a CIM_DATETIME. Text goes in and the same text comes out.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CimDateTime {
    /// `yyyymmddHHMMSS.mmmmmmsUUU`
    Timestamp(CimTimestamp),
    /// `ddddddddHHMMSS.mmmmmm:000`
    Interval(CimInterval),
}

/// A point in time on a clock whose distance from UTC is given. A field of asterisks is `None`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct CimTimestamp {
    /// 0 to 9999.
    pub year: Option<u16>,
    /// 1 to 12.
    pub month: Option<u8>,
    /// 1 to 31, and not more than the month has.
    pub day: Option<u8>,
    /// Hour, minute and second.
    pub time: TimeOfDay,
    /// Whether the sign of the offset is a minus.
    pub west: bool,
    /// Minutes between the clock and UTC, 0 to 999, without the sign.
    pub offset_minutes: Option<u16>,
}

/// A length of time. A field of asterisks is `None`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct CimInterval {
    /// 0 to 99,999,999.
    pub days: Option<u32>,
    /// Hours, minutes and seconds.
    pub time: TimeOfDay,
}

/// The part that timestamps and intervals have in common.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TimeOfDay {
    /// 0 to 23.
    pub hour: Option<u8>,
    /// 0 to 59.
    pub minute: Option<u8>,
    /// 0 to 59.
    pub second: Option<u8>,
    /// The digits after the point that are given, as a number.
    pub fraction: u32,
    /// How many digits are given, 0 to 6; with 6 the fraction counts microseconds.
    pub fraction_digits: u8,
}

/// Text that is not a CIM datetime.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
#[error("not a CIM datetime: {0}")]
pub struct BadDateTime(&'static str);

impl TimeOfDay {
    /// Microseconds since the start of the day, when every field is given.
    #[must_use]
    pub fn as_micros(self) -> Option<u64> {
        if self.fraction_digits != 6 {
            return None;
        }
        let seconds = (u64::from(self.hour?) * 60 + u64::from(self.minute?)) * 60 + u64::from(self.second?);
        Some(seconds * 1_000_000 + u64::from(self.fraction))
    }

    /// The time `micros` microseconds after the start of a day; what exceeds one day is dropped.
    fn from_micros(micros: u64) -> Self {
        let field = |unit: u64, modulus: u64| u8::try_from(micros / unit % modulus).ok();
        Self {
            hour: field(3_600_000_000, 24),
            minute: field(60_000_000, 60),
            second: field(1_000_000, 60),
            fraction: u32::try_from(micros % 1_000_000).unwrap_or(0),
            fraction_digits: 6,
        }
    }

    fn parse(text: &[u8]) -> Result<Self, BadDateTime> {
        let [h0, h1, m0, m1, s0, s1, b'.', fraction @ ..] = text else {
            return Err(BadDateTime("no point before the fraction"));
        };
        let given = fraction.iter().position(|&b| b == b'*').unwrap_or(fraction.len());
        let (digits, open) = fraction.split_at_checked(given).unwrap_or((fraction, &[]));
        if open.iter().any(|&b| b != b'*') {
            return Err(BadDateTime("digit after an asterisk in the fraction"));
        }
        Ok(Self {
            hour: small(&[*h0, *h1], 0, 23, "hour")?,
            minute: small(&[*m0, *m1], 0, 59, "minute")?,
            second: small(&[*s0, *s1], 0, 59, "second")?,
            fraction: if digits.is_empty() { 0 } else { number(digits, "fraction")?.unwrap_or(0) },
            fraction_digits: u8::try_from(given).unwrap_or(0),
        })
    }
}

impl CimTimestamp {
    /// Microseconds since 1970-01-01 00:00:00 UTC, when every field and the offset are given.
    #[must_use]
    pub fn to_unix_micros(self) -> Option<i64> {
        let days = days_from_civil(self.year?, self.month?, self.day?);
        let time = i64::try_from(self.time.as_micros()?).ok()?;
        let offset = i64::from(self.offset_minutes?) * 60_000_000;
        Some(days * 86_400_000_000 + time - if self.west { -offset } else { offset })
    }

    /// The point in time `micros` microseconds after 1970-01-01 00:00:00 UTC, on a clock `offset_minutes` ahead of UTC;
    /// `None` outside the years 0 to 9999 or when the offset is 1000 minutes or more.
    #[must_use]
    pub fn from_unix_micros(micros: i64, offset_minutes: i16) -> Option<Self> {
        let local = micros.checked_add(i64::from(offset_minutes) * 60_000_000)?;
        let (year, month, day) = civil_from_days(local.div_euclid(86_400_000_000))?;
        Some(Self {
            year: Some(year),
            month: Some(month),
            day: Some(day),
            time: TimeOfDay::from_micros(u64::try_from(local.rem_euclid(86_400_000_000)).ok()?),
            west: offset_minutes < 0,
            offset_minutes: Some(offset_minutes.unsigned_abs()).filter(|&m| m < 1000).map(Some)?,
        })
    }
}

impl CimInterval {
    /// The length, when every field is given.
    #[must_use]
    pub fn to_duration(self) -> Option<Duration> {
        let micros = self.time.as_micros()?;
        Some(Duration::from_secs(u64::from(self.days?) * 86_400) + Duration::from_micros(micros))
    }

    /// The interval of that length in whole microseconds; `None` from 100,000,000 days.
    #[must_use]
    pub fn from_duration(length: Duration) -> Option<Self> {
        let days = u32::try_from(length.as_secs() / 86_400).ok().filter(|&days| days < 100_000_000)?;
        let micros = (length.as_secs() % 86_400) * 1_000_000 + u64::from(length.subsec_micros());
        Some(Self { days: Some(days), time: TimeOfDay::from_micros(micros) })
    }
}

impl CimDateTime {
    /// Microseconds since 1970-01-01 00:00:00 UTC of a complete timestamp.
    #[must_use]
    pub fn to_unix_micros(self) -> Option<i64> {
        if let Self::Timestamp(t) = self { t.to_unix_micros() } else { None }
    }

    /// The length of a complete interval.
    #[must_use]
    pub fn to_duration(self) -> Option<Duration> {
        if let Self::Interval(i) = self { i.to_duration() } else { None }
    }
}

impl FromStr for CimDateTime {
    type Err = BadDateTime;

    fn from_str(text: &str) -> Result<Self, BadDateTime> {
        let text: &[u8; 25] = text.as_bytes().try_into().map_err(|_| BadDateTime("not 25 characters"))?;
        let [y0, y1, y2, y3, m0, m1, d0, d1, time @ .., sign, u0, u1, u2] = text;
        let time = TimeOfDay::parse(time)?;
        let west = match sign {
            b':' if [*u0, *u1, *u2] == *b"000" => {
                let days = number(&[*y0, *y1, *y2, *y3, *m0, *m1, *d0, *d1], "days")?;
                return Ok(Self::Interval(CimInterval { days, time }));
            }
            b'+' => false,
            b'-' => true,
            _ => return Err(BadDateTime("no +, - or :000 at the end")),
        };
        let year = number(&[*y0, *y1, *y2, *y3], "year")?.and_then(|v| u16::try_from(v).ok());
        let month = small(&[*m0, *m1], 1, 12, "month")?;
        let day = small(&[*d0, *d1], 1, days_in_month(year, month), "day")?;
        let offset_minutes = number(&[*u0, *u1, *u2], "offset")?.and_then(|v| u16::try_from(v).ok());
        Ok(Self::Timestamp(CimTimestamp { year, month, day, time, west, offset_minutes }))
    }
}

/// A field of digits, or of asterisks.
fn number(field: &[u8], what: &'static str) -> Result<Option<u32>, BadDateTime> {
    if field.iter().all(|&b| b == b'*') {
        return Ok(None);
    }
    let mut digits = field.iter().map(|b| char::from(*b).to_digit(10));
    let value = digits.try_fold(0_u32, |sum, digit| Some(sum * 10 + digit?));
    value.map(Some).ok_or(BadDateTime(what))
}

fn small(field: &[u8; 2], min: u8, max: u8, what: &'static str) -> Result<Option<u8>, BadDateTime> {
    let Some(value) = number(field, what)? else { return Ok(None) };
    match u8::try_from(value) {
        Ok(value) if (min..=max).contains(&value) => Ok(Some(value)),
        _ => Err(BadDateTime(what)),
    }
}

/// How many days the month has; the most it can have when the year or the month is open.
fn days_in_month(year: Option<u16>, month: Option<u8>) -> u8 {
    match (month, year) {
        (Some(4 | 6 | 9 | 11), _) => 30,
        (Some(2), Some(y)) if y % 4 != 0 || (y % 100 == 0 && y % 400 != 0) => 28,
        (Some(2), _) => 29,
        _ => 31,
    }
}

/// Days from 1970-01-01 to a date of the proleptic Gregorian calendar, counted in years that begin in March.
fn days_from_civil(year: u16, month: u8, day: u8) -> i64 {
    let year = i64::from(year) - i64::from(month <= 2);
    let from_march = (i64::from(month) + 9) % 12;
    let day_of_year = (153 * from_march + 2) / 5 + i64::from(day) - 1;
    365 * year + year.div_euclid(4) - year.div_euclid(100) + year.div_euclid(400) + day_of_year - 719_468
}

/// The inverse of [`days_from_civil`], within the years 0 to 9999.
fn civil_from_days(days: i64) -> Option<(u16, u8, u8)> {
    let days = days.checked_add(719_468)?;
    let (era, day_of_era) = (days.div_euclid(146_097), days.rem_euclid(146_097));
    let year_of_era = (day_of_era - day_of_era / 1_460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
    let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let from_march = (5 * day_of_year + 2) / 153;
    let day = u8::try_from(day_of_year - (153 * from_march + 2) / 5 + 1).ok()?;
    let month = u8::try_from((from_march + 2) % 12 + 1).ok()?;
    let year = u16::try_from(year_of_era + era.checked_mul(400)? + i64::from(month <= 2)).ok()?;
    Some((year, month, day)).filter(|_| year <= 9999)
}

/// A field with leading zeros, or asterisks.
struct Field<T>(Option<T>, usize);

impl<T: fmt::Display> fmt::Display for Field<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self(value, width) = self;
        match value {
            Some(value) => write!(f, "{value:0width$}"),
            None => write!(f, "{:*<width$}", ""),
        }
    }
}

impl fmt::Display for TimeOfDay {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}{}{}.", Field(self.hour, 2), Field(self.minute, 2), Field(self.second, 2))?;
        let given = usize::from(self.fraction_digits.min(6));
        if given > 0 {
            write!(f, "{:0given$}", self.fraction)?;
        }
        write!(f, "{:*<1$}", "", 6 - given)
    }
}

impl fmt::Display for CimTimestamp {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}{}{}{}", Field(self.year, 4), Field(self.month, 2), Field(self.day, 2), self.time)?;
        write!(f, "{}{}", if self.west { '-' } else { '+' }, Field(self.offset_minutes, 3))
    }
}

impl fmt::Display for CimInterval {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}{}:000", Field(self.days, 8), self.time)
    }
}

impl fmt::Display for CimDateTime {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Timestamp(t) => t.fmt(f),
            Self::Interval(i) => i.fmt(f),
        }
    }
}

#[cfg(test)]
mod tests;

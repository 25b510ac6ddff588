//! Dates as hosts write them: in many forms, and ambiguous where nothing says which number is the month.

use core::fmt;

use wmi_proto::FileTime;
use wmi_proto::cim::{CimTimestamp, TimeOfDay};

use crate::plan::Select;
use crate::record::Record;

/// The years in which software can have been installed; what is outside was written in another calendar, or is wrong.
const YEARS: core::ops::RangeInclusive<u16> = 1990..=2100;

/// A day of the Gregorian calendar, wherever it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) struct Date {
    year: u16,
    month: u8,
    day: u8,
}

impl Date {
    /// The day, when the calendar has it and software can have been installed on it.
    pub(crate) fn new(year: u32, month: u32, day: u32) -> Option<Self> {
        let date = Self {
            year: u16::try_from(year).ok().filter(|year| YEARS.contains(year))?,
            month: u8::try_from(month).ok().filter(|month| (1..=12).contains(month))?,
            day: u8::try_from(day).ok().filter(|day| (1..=31).contains(day))?,
        };
        // A day that its month does not have comes back as one of the next month.
        let stamp = date.stamp(0);
        (CimTimestamp::from_unix_micros(stamp.to_unix_micros()?, 0)? == stamp).then_some(date)
    }

    /// Unix seconds of the day's first moment on a clock `offset_minutes` ahead of UTC.
    pub(crate) fn midnight(self, offset_minutes: i16) -> Option<i64> {
        // As far as a CIM datetime can be from UTC.
        let stamp = (offset_minutes.unsigned_abs() < 1000).then(|| self.stamp(offset_minutes))?;
        Some(stamp.to_unix_micros()?.div_euclid(1_000_000))
    }

    fn stamp(self, offset_minutes: i16) -> CimTimestamp {
        CimTimestamp {
            year: Some(self.year),
            month: Some(self.month),
            day: Some(self.day),
            time: TimeOfDay { hour: Some(0), minute: Some(0), second: Some(0), fraction: 0, fraction_digits: 6 },
            west: offset_minutes < 0,
            offset_minutes: Some(offset_minutes.unsigned_abs()),
        }
    }

    /// The day on a clock `offset_minutes` ahead of UTC at a moment in Unix seconds.
    pub(crate) fn at(seconds: i64, offset_minutes: i16) -> Option<Self> {
        let local = CimTimestamp::from_unix_micros(seconds.checked_mul(1_000_000)?, offset_minutes)?;
        Self::new(local.year?.into(), local.month?.into(), local.day?.into())
    }
}

impl fmt::Display for Date {
    /// ISO 8601.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:04}-{:02}-{:02}", self.year, self.month, self.day)
    }
}

/// What tells the zone of a host's clock.
pub(crate) const STANDARD_ZONE: Select = Select::all("Win32_ComputerSystem", &["CurrentTimeZone", "DaylightInEffect"]);

/// By how many minutes the host's clock is ahead of UTC outside of daylight saving time: by it a date is the same moment
/// the year round, and one in summer is an hour into its day.
pub(crate) fn standard_zone(row: &Record) -> Option<i16> {
    let zone = i16::try_from(row.signed("CurrentTimeZone")?).ok()?;
    // One island has half an hour of it: its days are begun half an hour late.
    Some(if row.boolean("DaylightInEffect") == Some(true) { zone.saturating_sub(60) } else { zone })
}

/// Which of two numbers is the month where a date is written as two numbers and a year.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Order {
    /// As in the United States, and in .NET's invariant culture.
    MonthFirst,
    /// As in most of the world.
    DayFirst,
}

impl Order {
    /// As people call it.
    pub(crate) const fn name(self) -> &'static str {
        match self {
            Self::MonthFirst => "month first",
            Self::DayFirst => "day first",
        }
    }

    /// The order of short dates in the locale with this identifier ([MS-LCID]); `None` for those that write the year
    /// first, since theirs are not ambiguous, and for identifiers that say nothing.
    pub(crate) fn of_locale(lcid: u32) -> Option<Self> {
        /// English of the United States and the Philippines, Spanish of the United States, Panama and Puerto Rico,
        /// Filipino, Cherokee, Hawaiian and Mohawk.
        const MONTH_FIRST: [u32; 9] = [0x0409, 0x3409, 0x540a, 0x180a, 0x500a, 0x0464, 0x045c, 0x0475, 0x047c];
        /// Chinese, Japanese, Korean, Hungarian, Swedish, Lithuanian, Mongolian, Basque, Persian, Canadian English and
        /// French, English and Afrikaans of South Africa.
        const YEAR_FIRST: [u32; 17] = [
            0x0404, 0x0804, 0x0c04, 0x1004, 0x1404, 0x0411, 0x0412, 0x040e, 0x041d, 0x0427, 0x0450, 0x042d, 0x0429,
            0x1009, 0x0c0c, 0x1c09, 0x0436,
        ];
        // Identifiers below 0x0400 name a language without a country.
        if MONTH_FIRST.contains(&lcid) {
            Some(Self::MonthFirst)
        } else if YEAR_FIRST.contains(&lcid) || !(0x0400..=0xffff).contains(&lcid) {
            None
        } else {
            Some(Self::DayFirst)
        }
    }
}

/// What a text says about a date.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Written {
    /// This day.
    Day(Date),
    /// One of two days, depending on the order.
    Either {
        /// With the month first.
        month_first: Date,
        /// With the day first.
        day_first: Date,
    },
    /// This moment, in Unix seconds.
    Moment(i64),
    /// Nothing that can be relied on.
    Unknown,
}

impl Written {
    /// Reads the forms that are met in Win32_QuickFixEngineering and in the registry: `20240312`, `2024-03-12` (or with
    /// slashes or points), `3/12/2024`, `3-12-2024`, `12.3.2024`, each also with a time behind it, and the sixteen
    /// hexadecimal digits of a FILETIME.
    ///
    /// Years of two digits are unknown, and so are years of other calendars.
    pub(crate) fn read(text: &str) -> Self {
        let text = unmarked(text);
        let text = text.trim();
        let word = text.split_whitespace().next().unwrap_or_default();
        if word.len() == 8 && word.bytes().all(|b| b.is_ascii_digit()) {
            let field = |range: core::ops::Range<usize>| word.get(range).and_then(number);
            return Self::day(field(0..4), field(4..6), field(6..8));
        }
        // Only a whole text of digits is a FILETIME; `0x` is seen in front of it.
        let digits = text.strip_prefix("0x").unwrap_or(text);
        if matches!(digits.len(), 15 | 16) && digits.bytes().all(|b| b.is_ascii_hexdigit()) {
            return u64::from_str_radix(digits, 16).ok().and_then(moment).map_or(Self::Unknown, Self::Moment);
        }
        let Some(separator) = word.chars().find(|c| matches!(c, '/' | '-' | '.')) else { return Self::Unknown };
        let mut fields = word.trim_end_matches('.').split(separator);
        let (Some(first), Some(second), Some(third), None) =
            (fields.next(), fields.next(), fields.next(), fields.next())
        else {
            return Self::Unknown;
        };
        match (first.len(), second.len(), third.len()) {
            (4, 1..=2, 1..=2) => Self::day(number(first), number(second), number(third)),
            // Every locale that writes points puts the day first.
            (1..=2, 1..=2, 4) if separator == '.' => Self::day(number(third), number(second), number(first)),
            (1..=2, 1..=2, 4) => Self::two_numbers(number(third), number(first), number(second)),
            _ => Self::Unknown,
        }
    }

    fn day(year: Option<u32>, month: Option<u32>, day: Option<u32>) -> Self {
        let date = || Date::new(year?, month?, day?);
        date().map_or(Self::Unknown, Self::Day)
    }

    fn two_numbers(year: Option<u32>, first: Option<u32>, second: Option<u32>) -> Self {
        match (Self::day(year, first, second), Self::day(year, second, first)) {
            (Self::Day(month_first), Self::Day(day_first)) if month_first == day_first => Self::Day(month_first),
            (Self::Day(month_first), Self::Day(day_first)) => Self::Either { month_first, day_first },
            (Self::Day(date), _) | (_, Self::Day(date)) => Self::Day(date),
            _ => Self::Unknown,
        }
    }

    /// The order that the text proves by itself: its two numbers in front of the year read one way only.
    pub(crate) fn proves(text: &str) -> Option<Order> {
        let text = unmarked(text);
        let word = text.split_whitespace().next()?;
        let mut fields = word.split(['/', '-']);
        let (first, second, year) = (fields.next()?, fields.next()?, fields.next()?);
        let (first, second, year) = (number(first)?, number(second)?, number(year).filter(|_| year.len() == 4)?);
        match (Date::new(year, first, second), Date::new(year, second, first)) {
            (Some(_), None) => Some(Order::MonthFirst),
            (None, Some(_)) => Some(Order::DayFirst),
            _ => None,
        }
    }
}

/// The text without the marks of the direction of writing that some locales put around dates and their fields.
fn unmarked(text: &str) -> String {
    text.chars().filter(|c| !matches!(c, '\u{200e}' | '\u{200f}')).collect()
}

/// A FILETIME (100 ns since 1601) in Unix seconds, when software can have been installed then.
fn moment(file_time: u64) -> Option<i64> {
    let seconds = i64::try_from(file_time.checked_sub(FileTime::UNIX_EPOCH.0)? / 10_000_000).ok()?;
    Date::at(seconds, 0).map(|_| seconds)
}

/// ASCII digits only: `+3` and digits of other scripts are no number here.
fn number(text: &str) -> Option<u32> {
    text.bytes().all(|b| b.is_ascii_digit()).then(|| text.parse().ok()).flatten()
}

#[cfg(test)]
mod tests;

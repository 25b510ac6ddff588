//! The log of a probe: lines on standard error.

use std::fmt::Write as _;
use std::io::{self, Write as _};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use wmi_infrasonar::Level;
use wmi_infrasonar::environment::LogSettings;

use crate::output::table::visible;

/// Writes lines that matter enough.
#[derive(Debug)]
pub(crate) struct Log {
    settings: LogSettings,
}

impl Log {
    pub(crate) fn new(settings: &LogSettings) -> Self {
        Self { settings: settings.clone() }
    }

    /// Writes one line, whatever is in `text`. A closed standard error is nobody's concern.
    pub(crate) fn write(&self, level: Level, text: &str) {
        if level < self.settings.level {
            return;
        }
        let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        let _ = writeln!(io::stderr(), "{}", self.line(level, text, now));
    }

    fn line(&self, level: Level, text: &str, now: Duration) -> String {
        let (letter, colour) = match level {
            Level::Debug => ('D', "36"),
            Level::Info => ('I', "32"),
            Level::Warning => ('W', "33"),
            Level::Error => ('E', "31"),
            Level::Critical => ('C', "31;47"),
        };
        let head = format!("[{letter} {} wmi:probe]", time(&self.settings.time_format, now));
        let text = visible(text);
        if self.settings.colorized { format!("\x1b[{colour}m{head}\x1b[0m {text}") } else { format!("{head} {text}") }
    }
}

const WEEKDAYS: [&str; 7] = ["Sunday", "Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday"];

const MONTHS: [&str; 12] = [
    "January",
    "February",
    "March",
    "April",
    "May",
    "June",
    "July",
    "August",
    "September",
    "October",
    "November",
    "December",
];

/// `now`, since the Unix epoch, in UTC, by the letters of `strftime` in the C locale; those that are not known stay as
/// they are.
fn time(format: &str, now: Duration) -> String {
    let seconds = now.as_secs();
    let (hour, minute, second) = (seconds / 3600 % 24, seconds / 60 % 60, seconds % 60);
    let days = seconds / 86_400;
    let (year, month, day) = date(days);
    // The first day of the epoch was a Thursday.
    let weekday = (days + 4) % 7;
    let day_of_year = day_of_year(year, month, day);
    let name = |names: &[&'static str], at: u64| usize::try_from(at).ok().and_then(|at| names.get(at)).copied();
    let weekday_name = name(&WEEKDAYS, weekday).unwrap_or_default();
    let month_name = name(&MONTHS, month - 1).unwrap_or_default();
    let short = |name: &'static str| name.get(..3).unwrap_or_default();
    let hour_of_12 = (hour + 11) % 12 + 1;
    let mut out = String::new();
    let mut letters = format.chars();
    while let Some(letter) = letters.next() {
        if letter != '%' {
            out.push(letter);
            continue;
        }
        let done = match letters.next() {
            Some('a') => write!(out, "{}", short(weekday_name)),
            Some('A') => write!(out, "{weekday_name}"),
            Some('b' | 'h') => write!(out, "{}", short(month_name)),
            Some('B') => write!(out, "{month_name}"),
            Some('c') => write!(out, "{}", time("%a %b %e %H:%M:%S %Y", now)),
            Some('C') => write!(out, "{:02}", year / 100),
            Some('Y') => write!(out, "{year:04}"),
            Some('y') => write!(out, "{:02}", year % 100),
            Some('m') => write!(out, "{month:02}"),
            Some('d') => write!(out, "{day:02}"),
            Some('e') => write!(out, "{day:2}"),
            Some('j') => write!(out, "{:03}", day_of_year + 1),
            Some('u') => write!(out, "{}", (weekday + 6) % 7 + 1),
            Some('w') => write!(out, "{weekday}"),
            Some('U') => write!(out, "{:02}", (day_of_year + 7 - weekday) / 7),
            Some('W') => write!(out, "{:02}", (day_of_year + 7 - (weekday + 6) % 7) / 7),
            Some('H') => write!(out, "{hour:02}"),
            Some('k') => write!(out, "{hour:2}"),
            Some('I') => write!(out, "{hour_of_12:02}"),
            Some('l') => write!(out, "{hour_of_12:2}"),
            Some('p') => write!(out, "{}", if hour < 12 { "AM" } else { "PM" }),
            Some('P') => write!(out, "{}", if hour < 12 { "am" } else { "pm" }),
            Some('M') => write!(out, "{minute:02}"),
            Some('S') => write!(out, "{second:02}"),
            Some('D' | 'x') => write!(out, "{month:02}/{day:02}/{:02}", year % 100),
            Some('F') => write!(out, "{year:04}-{month:02}-{day:02}"),
            Some('r') => write!(out, "{}", time("%I:%M:%S %p", now)),
            Some('R') => write!(out, "{hour:02}:{minute:02}"),
            Some('T' | 'X') => write!(out, "{hour:02}:{minute:02}:{second:02}"),
            Some('s') => write!(out, "{seconds}"),
            Some('z') => write!(out, "+0000"),
            Some('Z') => write!(out, "UTC"),
            Some('n') => writeln!(out),
            Some('t') => write!(out, "\t"),
            Some('%') => write!(out, "%"),
            Some(other) => write!(out, "%{other}"),
            None => write!(out, "%"),
        };
        done.unwrap_or_default();
    }
    out
}

/// Year, month and day of the day that is `days` after 1970-01-01, in the Gregorian calendar.
fn date(days: u64) -> (u64, u64, u64) {
    // Years begin in March, so that the leap day is the last of a year; 400 of them are 146,097 days.
    let days = days + 719_468;
    let (era, day) = (days / 146_097, days % 146_097);
    let year = (day - day / 1460 + day / 36_524 - day / 146_096) / 365;
    let day = day - (365 * year + year / 4 - year / 100);
    let month = (5 * day + 2) / 153;
    let day = day - (153 * month + 2) / 5 + 1;
    let month = if month < 10 { month + 3 } else { month - 9 };
    (400 * era + year + u64::from(month <= 2), month, day)
}

/// Days of the year before this one.
const fn day_of_year(year: u64, month: u64, day: u64) -> u64 {
    let is_leap = year.is_multiple_of(4) && (!year.is_multiple_of(100) || year.is_multiple_of(400));
    let missing = if month <= 2 {
        0
    } else if is_leap {
        1
    } else {
        2
    };
    275 * month / 9 - missing + day - 31
}

#[cfg(test)]
mod tests {
    use super::*;

    /// 2026-11-24 17:12:21 UTC.
    const NOW: Duration = Duration::from_secs(1_795_540_341);

    #[test]
    fn times_in_the_letters_of_strftime() {
        assert_eq!(time("%y%m%d %H:%M:%S", NOW), "261124 17:12:21");
        assert_eq!(time("%s %% %q %-d %", NOW), "1795540341 % %q %-d %");
        // As Python's `time.strftime` writes them.
        let format = "%a %A %b %B %h %c|%C %D %d %e %j %u %w %U %W|%H %I %k %l %M %p %P %r %R %S %T %X %x %y %Y %z";
        let cases = [
            (
                1_795_540_341,
                "Tue Tuesday Nov November Nov Tue Nov 24 17:12:21 2026|20 11/24/26 24 24 328 2 2 47 47|\
                 17 05 17  5 12 PM pm 05:12:21 PM 17:12 21 17:12:21 17:12:21 11/24/26 26 2026 +0000",
            ),
            (
                951_782_400,
                "Tue Tuesday Feb February Feb Tue Feb 29 00:00:00 2000|20 02/29/00 29 29 060 2 2 09 09|\
                 00 12  0 12 00 AM am 12:00:00 AM 00:00 00 00:00:00 00:00:00 02/29/00 00 2000 +0000",
            ),
            (
                0,
                "Thu Thursday Jan January Jan Thu Jan  1 00:00:00 1970|19 01/01/70 01  1 001 4 4 00 00|\
                 00 12  0 12 00 AM am 12:00:00 AM 00:00 00 00:00:00 00:00:00 01/01/70 70 1970 +0000",
            ),
            (
                1_704_067_199,
                "Sun Sunday Dec December Dec Sun Dec 31 23:59:59 2023|20 12/31/23 31 31 365 7 0 53 52|\
                 23 11 23 11 59 PM pm 11:59:59 PM 23:59 59 23:59:59 23:59:59 12/31/23 23 2023 +0000",
            ),
        ];
        for (seconds, text) in cases {
            assert_eq!(time(format, Duration::from_secs(seconds)), text);
        }
        assert_eq!(time("%F %Z", Duration::from_secs(951_782_400)), "2000-02-29 UTC");
    }

    #[test]
    fn lines_with_and_without_colour() {
        let mut settings = LogSettings::default();
        let plain = Log::new(&settings).line(Level::Error, "a\nb", NOW);
        assert_eq!(plain, "[E 261124 17:12:21 wmi:probe] a\\nb");
        settings.colorized = true;
        let coloured = Log::new(&settings).line(Level::Warning, "a", NOW);
        assert_eq!(coloured, "\x1b[33m[W 261124 17:12:21 wmi:probe]\x1b[0m a");
    }
}

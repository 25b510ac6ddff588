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

/// `now`, since the Unix epoch, in UTC, by the letters of `strftime`; those that are not known stay as they are.
fn time(format: &str, now: Duration) -> String {
    let seconds = now.as_secs();
    let (hour, minute, second) = (seconds / 3600 % 24, seconds / 60 % 60, seconds % 60);
    let (year, month, day) = date(seconds / 86_400);
    let mut out = String::new();
    let mut letters = format.chars();
    while let Some(letter) = letters.next() {
        if letter != '%' {
            out.push(letter);
            continue;
        }
        let done = match letters.next() {
            Some('Y') => write!(out, "{year:04}"),
            Some('y') => write!(out, "{:02}", year % 100),
            Some('m') => write!(out, "{month:02}"),
            Some('d') => write!(out, "{day:02}"),
            Some('H') => write!(out, "{hour:02}"),
            Some('I') => write!(out, "{:02}", (hour + 11) % 12 + 1),
            Some('p') => write!(out, "{}", if hour < 12 { "AM" } else { "PM" }),
            Some('M') => write!(out, "{minute:02}"),
            Some('S') => write!(out, "{second:02}"),
            Some('F') => write!(out, "{year:04}-{month:02}-{day:02}"),
            Some('T') => write!(out, "{hour:02}:{minute:02}:{second:02}"),
            Some('s') => write!(out, "{seconds}"),
            Some('z') => write!(out, "+0000"),
            Some('Z') => write!(out, "UTC"),
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

#[cfg(test)]
mod tests {
    use super::*;

    /// 2026-11-24 17:12:21 UTC.
    const NOW: Duration = Duration::from_secs(1_795_540_341);

    #[test]
    fn times_in_the_letters_of_strftime() {
        assert_eq!(time("%y%m%d %H:%M:%S", NOW), "261124 17:12:21");
        assert_eq!(time("%F %T %Z %z %I %p %s %% %q %", NOW), "2026-11-24 17:12:21 UTC +0000 05 PM 1795540341 % %q %");
        assert_eq!(time("%F", Duration::from_secs(951_782_400)), "2000-02-29");
        assert_eq!(time("%F", Duration::ZERO), "1970-01-01");
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

//! The check `updates`: which updates Windows lists, when they were installed, and what the list does not cover.

use crate::dates::{Order, STANDARD_ZONE, Written, standard_zone};
use crate::plan::{Gathered, Part, Plan, Select};
use crate::record::Record;
use crate::{About, Failure, Item, Options, Report, Shape, State, Unit, Value};

pub(crate) static PLAN: Plan = Plan {
    key: "updates",
    about: About {
        summary: "updates that Windows lists with their dates, the last one, and what the list covers",
        rights: "",
        returns: &[
            (
                "updates",
                "one item per update: what it is, and on which day it was installed where that is beyond doubt",
            ),
            ("last", "the update that was installed last, of those with a date"),
            ("coverage", "what the list covers, and how its dates were read"),
        ],
        unchanged_eol: 43_200,
    },
    parts: |_| &[UPDATES, CLOCK, ZONE],
    evaluate,
};

const PART: &str = "updates";

const UPDATES: Part = Part::new(
    PART,
    &[Select::all(
        "Win32_QuickFixEngineering",
        &["HotFixID", "Description", "FixComments", "InstalledBy", "InstalledOn", "ServicePackInEffect"],
    )],
);

/// How the host writes dates, and what it says of now.
const CLOCK: Part = Part::new("clock", &[Select::all("Win32_OperatingSystem", &["Locale", "LocalDateTime"])]);

const ZONE: Part = Part::new("zone", &[STANDARD_ZONE]);

/// What Win32_QuickFixEngineering lists ([MSDN] of the class).
const COVERS: &str = "Windows' own updates (component-based servicing); none of Windows Installer or of other products";

/// By which order of day and month ambiguous dates of a host are read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Reading {
    order: Option<Order>,
    /// How it is known.
    from: &'static str,
}

impl Reading {
    /// From what other dates of the list prove, otherwise from a locale that puts the month first.
    ///
    /// A locale that puts the day first decides nothing: since Windows 7 hosts of many such locales write the month first
    /// (PowerShell's own Get-HotFix reads them all so), and the documentation of the class has an example with the day
    /// first.
    fn of<'a>(texts: impl Iterator<Item = &'a str>, lcid: Option<u32>) -> Self {
        let (mut month, mut day) = (false, false);
        for order in texts.filter_map(Written::proves) {
            match order {
                Order::MonthFirst => month = true,
                Order::DayFirst => day = true,
            }
        }
        match (month, day) {
            (true, true) => Self { order: None, from: "the list has both orders" },
            (true, false) => Self { order: Some(Order::MonthFirst), from: "another date of the list" },
            (false, true) => Self { order: Some(Order::DayFirst), from: "another date of the list" },
            (false, false) => match lcid.and_then(Order::of_locale) {
                Some(Order::MonthFirst) => Self { order: Some(Order::MonthFirst), from: "the locale of the host" },
                Some(Order::DayFirst) => Self {
                    order: None,
                    from: "the host puts the day first, and Windows at times the month all the same",
                },
                None => Self { order: None, from: "nothing says it" },
            },
        }
    }
}

/// A date as far as it is known: as text, and the first second of it on the host's clock.
#[derive(Clone, Debug, Default, PartialEq)]
struct Installed {
    day: Option<String>,
    seconds: Option<i64>,
}

fn installed(text: &str, order: Option<Order>, zone: i16) -> Installed {
    let date = match (Written::read(text), order) {
        (Written::Day(date), _) => date,
        (Written::Either { month_first, .. }, Some(Order::MonthFirst)) => month_first,
        (Written::Either { day_first, .. }, Some(Order::DayFirst)) => day_first,
        (Written::Moment(seconds), _) => {
            let day = crate::dates::Date::at(seconds, zone).map(|date| date.to_string());
            return Installed { day, seconds: Some(seconds) };
        }
        (Written::Either { .. }, None) | (Written::Unknown, _) => return Installed::default(),
    };
    Installed { day: Some(date.to_string()), seconds: date.midnight(zone) }
}

fn evaluate(gathered: &mut Gathered, options: &Options, _: &mut State, report: &mut Report) {
    let Some(rows) = gathered.rows(PART) else { return };
    let clock = gathered.rows("clock").and_then(<[Record]>::first);
    let zone = gathered.rows("zone").and_then(|rows| standard_zone(rows.first()?));
    // Four hexadecimal digits.
    let lcid = clock.and_then(|clock| u32::from_str_radix(&clock.text("Locale")?, 16).ok());
    let texts: Vec<String> = rows.iter().map(|row| row.text("InstalledOn").unwrap_or_default().into_owned()).collect();
    let reading = Reading::of(texts.iter().map(String::as_str), lcid);
    let dates: Vec<Installed> =
        texts.iter().map(|text| installed(text, reading.order, zone.unwrap_or_default())).collect();
    let item = match options.shape {
        Shape::Native => native,
        Shape::Infrasonar => infrasonar,
    };
    let items: Vec<Item> = rows.iter().zip(&dates).map(|(row, date)| item(row, date)).collect();
    // Of several of one day the first, as in the original: `max_by_key` takes the last of equals.
    let dated = dates.iter().enumerate().filter(|(_, date)| date.seconds.is_some());
    let newest = dated.rev().max_by_key(|(_, date)| date.seconds);
    let all = gathered.whole(PART).is_some();
    let last = newest.and_then(|(at, _)| items.get(at)).filter(|_| all).cloned();
    report.put(PART, "updates", items);
    if options.shape == Shape::Infrasonar {
        if let Some(last) = last {
            report.put(PART, "last", vec![last]);
        }
        return;
    }
    if let Some(mut last) = last {
        let now = clock.and_then(|clock| clock.unix_seconds("LocalDateTime"));
        #[allow(clippy::cast_precision_loss, reason = "seconds of our time stay far below 2^53")]
        let age = now.zip(newest.and_then(|(_, date)| date.seconds)).map(|(now, then)| now - then as f64);
        last = last.with("Age", Unit::Seconds, age);
        report.put(PART, "last", vec![last]);
    }
    let unknown = dates.iter().filter(|date| date.day.is_none()).count();
    let coverage = Item::new("coverage")
        .with("Covers", Unit::None, COVERS)
        .with("Updates", Unit::Count, all.then_some(rows.len() as u64))
        .with("DatesUnknown", Unit::Count, all.then_some(unknown as u64))
        .with("DateOrder", Unit::None, reading.order.map(Order::name))
        .with("DateOrderFrom", Unit::None, reading.from);
    report.put(PART, "coverage", vec![coverage]);
    if reading.order.is_none() && texts.iter().any(|text| matches!(Written::read(text), Written::Either { .. })) {
        let text = format!("dates that could be month first or day first are unknown: {}", reading.from);
        report.warnings.push(Failure::of_values(PART, text));
    }
}

fn native(row: &Record, date: &Installed) -> Item {
    let text = |name| row.text(name).filter(|text| !text.is_empty()).map(std::borrow::Cow::into_owned);
    Item::new(row.text("HotFixID").unwrap_or_default())
        .with("Description", Unit::None, text("Description"))
        .with("InstalledOn", Unit::None, date.day.clone())
        .with("InstalledOnAsWritten", Unit::None, text("InstalledOn"))
        .with("InstalledBy", Unit::None, text("InstalledBy"))
        .with("ServicePackInEffect", Unit::None, text("ServicePackInEffect"))
}

fn infrasonar(row: &Record, date: &Installed) -> Item {
    Item::new(row.text("HotFixID").unwrap_or_default())
        .with("Description", Unit::None, row.plain("Description"))
        .with("FixComments", Unit::None, row.plain("FixComments"))
        .with("InstalledOn", Unit::Timestamp, Value::from(date.seconds))
        .with("ServicePackInEffect", Unit::None, row.plain("ServicePackInEffect"))
}

#[cfg(test)]
mod tests;

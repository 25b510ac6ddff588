use wmi_proto::cim::CimValue;

use super::*;
use crate::checks::look::{items, metrics, value};
use crate::plan::tests::evaluated;

const COLUMNS: [&str; 6] =
    ["HotFixID", "Description", "FixComments", "InstalledBy", "InstalledOn", "ServicePackInEffect"];

fn update(id: &str, on: &str) -> Record {
    let text = |text: &str| CimValue::String(text.into());
    Record::made(&COLUMNS, [text(id), text("Update"), text(""), CimValue::Null, text(on), text("")])
}

/// 2024-06-01 12:00 at UTC+2, which is daylight saving time.
fn clock(locale: &str) -> Record {
    Record::made(
        &["Locale", "LocalDateTime"],
        [CimValue::String(locale.into()), CimValue::DateTime("20240601120000.000000+120".into())],
    )
}

fn zone(minutes: i32, daylight: bool) -> Record {
    Record::made(&["CurrentTimeZone", "DaylightInEffect"], [CimValue::Sint32(minutes), CimValue::Boolean(daylight)])
}

fn report(dates: &[&str], locale: &str, shape: Shape) -> Report {
    let rows = dates.iter().enumerate().map(|(n, on)| update(&format!("KB{n}"), on)).collect();
    let parts = vec![(PART, rows), ("clock", vec![clock(locale)]), ("zone", vec![zone(120, true)])];
    evaluated(&PLAN, &Options::new(shape), &mut State::default(), parts)
}

fn days(dates: &[&str], locale: &str) -> Vec<Value> {
    let report = report(dates, locale, Shape::Native);
    (0..dates.len()).map(|n| value(&report, "updates", &format!("KB{n}"), "InstalledOn").clone()).collect()
}

#[test]
fn a_d_m_y_host_does_not_get_wrong_dates_silently() {
    // The list itself proves it, whatever the locale says.
    assert_eq!(days(&["3/12/2023", "25/12/2023"], "0409"), ["2023-12-03".into(), "2023-12-25".into()]);
    assert_eq!(days(&["3/12/2023", "12/25/2023"], "0407"), ["2023-03-12".into(), "2023-12-25".into()]);
    // Nothing does: a locale with the month first.
    assert_eq!(days(&["3/12/2023"], "0409"), ["2023-03-12".into()]);
    // Neither, as with the day first, where Windows writes the month first all the same: unknown, and said.
    for locale in ["0809", "0407"] {
        assert_eq!(days(&["3/12/2023", "1.2.2023"], locale), [Value::Null, "2023-02-01".into()], "{locale}");
        let warnings = report(&["3/12/2023"], locale, Shape::Native).warnings;
        assert!(warnings.iter().any(|warning| warning.text.contains("are unknown")), "{warnings:?}");
    }
    assert_eq!(days(&["3/12/2023", "20230101"], "0411"), [Value::Null, "2023-01-01".into()]);
    let report = report(&["3/12/2023"], "0411", Shape::Native);
    assert_eq!(report.warnings.len(), 1);
    assert_eq!(*value(&report, "coverage", "coverage", "DatesUnknown"), Value::Uint(1));
    assert_eq!(days(&["25/12/2023", "12/25/2023", "3/12/2023"], "0409")[2], Value::Null, "the list contradicts itself");
}

#[test]
fn hexadecimal_file_times_count_from_1601_not_1600() {
    // 2021-12-20 12:00:00 UTC.
    let report = report(&["01d7f598c2d48000"], "0409", Shape::Infrasonar);
    let Value::Int(seconds) = *value(&report, "updates", "KB0", "InstalledOn") else { panic!("a moment") };
    assert_eq!(crate::dates::Date::at(seconds, 0).map(|date| date.to_string()).as_deref(), Some("2021-12-20"));
}

#[test]
fn days_begin_by_the_clock_of_the_host_not_by_ours() {
    let report = report(&["20240531"], "0409", Shape::Infrasonar);
    // 2024-05-31 00:00 at UTC+1, where it is 01:00 in summer.
    assert_eq!(*value(&report, "updates", "KB0", "InstalledOn"), Value::Int(1_717_110_000));
    assert_eq!(*value(&report, "last", "KB0", "InstalledOn"), Value::Int(1_717_110_000));
}

#[test]
fn dates_stay_where_they_are_when_the_clock_is_changed() {
    let at = |zone: Record| {
        let parts = vec![(PART, vec![update("KB0", "20240110")]), ("zone", vec![zone])];
        let report = evaluated(&PLAN, &Options::new(Shape::Infrasonar), &mut State::default(), parts);
        value(&report, "updates", "KB0", "InstalledOn").clone()
    };
    // 2024-01-09 23:00 UTC.
    for (minutes, daylight) in [(60, false), (120, true)] {
        assert_eq!(at(zone(minutes, daylight)), Value::Int(1_704_841_200));
    }
}

#[test]
fn last_comes_from_dates_that_are_known() {
    let native = report(&["", "20240531", "20240101", "3/12/2024"], "0411", Shape::Native);
    assert_eq!(items(&native, "last"), Some(vec!["KB1"]));
    assert_eq!(*value(&native, "last", "KB1", "Age"), Value::Real(35.0 * 3600.0));
    let none = report(&["", "yesterday"], "0409", Shape::Native);
    assert_eq!(items(&none, "last"), None);
    assert_eq!(items(&none, "updates").map(|items| items.len()), Some(2), "they are told nevertheless");
}

#[test]
fn of_updates_of_the_same_day_the_first_is_the_last_one_as_in_the_original() {
    for shape in [Shape::Native, Shape::Infrasonar] {
        let report = report(&["20240101", "20240531", "20240531"], "0409", shape);
        assert_eq!(items(&report, "last"), Some(vec!["KB1"]));
    }
}

#[test]
fn what_the_list_does_not_cover_is_said() {
    let native = report(&["20240531"], "0409", Shape::Native);
    let Value::Text(covers) = value(&native, "coverage", "coverage", "Covers") else { panic!("a text") };
    assert!(covers.contains("none of Windows Installer"));
    assert_eq!(items(&report(&["20240531"], "0409", Shape::Infrasonar), "coverage"), None);
}

#[test]
fn comments_that_are_nearly_always_empty_are_null_in_native_and_kept_in_infrasonar() {
    let infrasonar = report(&["20240531"], "0409", Shape::Infrasonar);
    assert_eq!(
        metrics(&infrasonar, "updates", "KB0"),
        ["Description", "FixComments", "InstalledOn", "ServicePackInEffect"]
    );
    assert_eq!(*value(&infrasonar, "updates", "KB0", "ServicePackInEffect"), Value::from(""));
    let native = report(&["20240531"], "0409", Shape::Native);
    assert_eq!(*value(&native, "updates", "KB0", "ServicePackInEffect"), Value::Null);
}

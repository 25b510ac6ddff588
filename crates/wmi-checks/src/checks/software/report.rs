//! From what was read to the report.

use std::collections::BTreeMap;

use super::known::{Content, Programs};
use super::program::{Hidden, MAX_TEXT, Program};
use super::queries::Query;
use super::reading::{Listing, PROGRAMS};
use crate::dates::{Written, standard_zone};
use crate::record::Record;
use crate::values::{ascii, language, package_state};
use crate::{Failure, Item, Options, Report, Shape, Unit, Value};

/// The programs and the scopes of the hives whose keys are known.
pub(super) fn programs(hives: &[Listing], known: &Programs, report: &mut Report) {
    let listed: Vec<&Listing> = hives.iter().filter(|listing| listing.keys.is_some()).collect();
    if listed.is_empty() {
        return;
    }
    let mut shown: Vec<(&Listing, &str, &Program)> = Vec::new();
    let mut scopes = Vec::with_capacity(listed.len());
    for listing in listed {
        let hidden = |why| {
            let of_kind =
                known.of(listing.hive.name()).filter(|(_, content)| matches!(content, Content::Hidden(w) if *w == why));
            of_kind.count() as u64
        };
        let own = known.of(listing.hive.name()).filter_map(|(key, content)| match content {
            Content::Shown(program, _) => Some((listing, key, &**program)),
            Content::Hidden(_) => None,
        });
        let before = shown.len();
        shown.extend(own);
        scopes.push(
            Item::new(listing.hive.name())
                .with("Keys", Unit::Count, listing.keys.map(|keys| keys as u64))
                .with("Programs", Unit::Count, (shown.len() - before) as u64)
                .with("HiddenComponents", Unit::Count, hidden(Hidden::Component))
                .with("HiddenUpdates", Unit::Count, hidden(Hidden::Update))
                .with("HiddenNameless", Unit::Count, hidden(Hidden::Nameless))
                .with("HiddenNotRemovable", Unit::Count, hidden(Hidden::NotRemovable))
                .with("ReadWhole", Unit::Count, listing.read as u64),
        );
    }
    let cut = shown.iter().filter(|(.., program)| program.cut).count();
    if cut > 0 {
        let text = format!("of {cut} programs a text is longer than {MAX_TEXT} characters, and was cut");
        report.warnings.push(Failure::of_values(PROGRAMS, text));
    }
    let mut names: BTreeMap<&str, usize> = BTreeMap::new();
    for (.., program) in &shown {
        *names.entry(&program.name).or_default() += 1;
    }
    let item = |(listing, key, program): &(&Listing, &str, &Program)| {
        // A program of 32 bits beside the one of 64, or one that two users have, is told apart by where it is.
        let name = match names.get(program.name.as_str()) {
            Some(2..) => format!("{} [{}\\{key}]", program.name, listing.hive.name()),
            _ => program.name.clone(),
        };
        Item::new(name)
            .with("DisplayName", Unit::None, program.name.as_str())
            .with("DisplayVersion", Unit::None, program.version.as_deref())
            .with("Publisher", Unit::None, program.publisher.as_deref())
            .with("InstallDate", Unit::None, program.installed.as_deref())
            .with("EstimatedSize", Unit::Bytes, program.size)
            .with("InstallLocation", Unit::None, program.location.as_deref())
            .with("InstallSource", Unit::None, program.source.as_deref())
            .with("UninstallString", Unit::None, program.uninstall.as_deref())
            .with("WindowsInstaller", Unit::None, program.windows_installer)
            .with("Scope", Unit::None, listing.hive.scope())
            .with("View", Unit::None, listing.hive.view())
            .with("Key", Unit::None, *key)
    };
    report.put(PROGRAMS, "program", shown.iter().map(item).collect());
    report.put(PROGRAMS, "scope", scopes);
}

/// What the queries brought.
pub(super) fn answers(
    answers: &[(Query, Vec<Record>)],
    without_features: bool,
    options: &Options,
    report: &mut Report,
) {
    let rows = |query| answers.iter().find(|(own, _)| *own == query).map(|(_, rows)| rows.as_slice());
    let zone = rows(Query::Zone).and_then(|rows| standard_zone(rows.first()?)).unwrap_or_default();
    if let Some(rows) = rows(Query::Products) {
        let (name, item): (_, fn(&Record, i16) -> Item) = match options.shape {
            Shape::Native => ("product", |row, _| product(row)),
            Shape::Infrasonar => ("installed", installed),
        };
        report.put(Query::Products.part(), name, rows.iter().map(|row| item(row, zone)).collect());
    }
    // Only servers have features, and the original leaves the type out where there are none.
    match (rows(Query::Features), options.shape) {
        (Some(rows), Shape::Native) => report.put("feature", "feature", features(rows)),
        (Some(rows), Shape::Infrasonar) if !rows.is_empty() => {
            let name = |row: &Record| Item::new(ascii(&row.text("Name").unwrap_or_default()));
            report.put("feature", "feature", rows.iter().map(name).collect());
        }
        (None, Shape::Native) if without_features => {
            let text = "the host has no Win32_ServerFeature: it is no server, or one before Server 2008";
            report.warnings.push(Failure::of_values("feature", text));
        }
        _ => {}
    }
}

/// Roles and features by the names that people know. Several have one name, and are told apart by their numbers.
fn features(rows: &[Record]) -> Vec<Item> {
    let mut names: BTreeMap<String, usize> = BTreeMap::new();
    let name = |row: &Record| row.text("Name").unwrap_or_default().into_owned();
    for row in rows {
        *names.entry(name(row)).or_default() += 1;
    }
    let item = |row: &Record| {
        let name = match (names.get(&name(row)), row.unsigned("ID")) {
            (Some(2..), Some(id)) => format!("{} [{id}]", name(row)),
            _ => name(row),
        };
        let parent = row.unsigned("ParentID").filter(|parent| *parent != 0);
        Item::new(name).with("ID", Unit::None, row.value("ID")).with("ParentID", Unit::None, parent)
    };
    rows.iter().map(item).collect()
}

fn product(row: &Record) -> Item {
    let date = row.text("InstallDate").map(|text| Written::read(&text));
    let date = date.and_then(|written| if let Written::Day(date) = written { Some(date.to_string()) } else { None });
    Item::new(row.text("IdentifyingNumber").unwrap_or_default())
        .with("Name", Unit::None, row.value("Name"))
        .with("Vendor", Unit::None, row.value("Vendor"))
        .with("Version", Unit::None, row.value("Version"))
        .with("InstallDate", Unit::None, date)
        .with("InstallState", Unit::None, row.signed("InstallState").map(package_state))
        .with("Language", Unit::None, row.text("Language").and_then(|id| language(&id)))
        .with("PackageCode", Unit::None, row.value("PackageCode"))
}

/// The original's item. It never has a language, for which it does not ask; that name is kept for whoever stores it.
fn installed(row: &Record, zone: i16) -> Item {
    let day = row.text("InstallDate").and_then(|text| match Written::read(&text) {
        Written::Day(date) => date.midnight(zone),
        _ => None,
    });
    let date = row.unix_seconds("InstallDate2").map_or_else(|| Value::from(day), Value::from);
    Item::new(row.text("PackageCode").unwrap_or_default())
        .with("Description", Unit::None, row.plain("Description"))
        .with("InstallDate", Unit::Timestamp, date)
        .with("InstallState", Unit::None, row.signed("InstallState").map(package_state))
        .with("Language", Unit::None, row.text("Language").and_then(|id| language(&id)))
        .with("Name", Unit::None, row.plain("Name"))
        .with("Vendor", Unit::None, row.plain("Vendor"))
        .with("Version", Unit::None, row.plain("Version"))
}

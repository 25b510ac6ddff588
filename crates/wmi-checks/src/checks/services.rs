//! The check `services`: every service with its state, as the host tells it.

use crate::plan::{Gathered, Part, Plan, Select};
use crate::record::Record;
use crate::{About, Failure, Item, Options, Report, Shape, State, Unit};

pub(crate) static PLAN: Plan = Plan {
    key: "services",
    about: About {
        summary: "every service with its state, as the host tells it",
        rights: "a local administrator; others are shown fewer services, without an error",
        returns: &[
            ("services", "one item per service, by its key name"),
            ("servicesTotal", "how many there are, run, and should run and do not"),
        ],
        unchanged_eol: 14_400,
    },
    parts: |options| match options.shape {
        Shape::Native => &NATIVE,
        Shape::Infrasonar => &INFRASONAR,
    },
    evaluate,
};

const PART: &str = "services";

static NATIVE: [Part; 1] = [Part::new(
    PART,
    &[Select::all("Win32_Service", &COLUMNS), Select::all("Win32_Service", COLUMNS.split_at(COLUMNS.len() - 1).0)],
)];

static INFRASONAR: [Part; 1] = [Part::new(PART, &[Select::all("Win32_Service", &ORIGINAL)])];

/// The last one is what hosts before Windows 10 do not have.
const COLUMNS: [&str; 16] = [
    "Name",
    "DisplayName",
    "Description",
    "State",
    "Status",
    "Started",
    "StartMode",
    "StartName",
    "PathName",
    "ServiceType",
    "DesktopInteract",
    "ErrorControl",
    "ExitCode",
    "ServiceSpecificExitCode",
    "ProcessId",
    "DelayedAutoStart",
];

/// What the original has.
const ORIGINAL: [&str; 12] = [
    "Name",
    "DesktopInteract",
    "ExitCode",
    "PathName",
    "ServiceSpecificExitCode",
    "ServiceType",
    "State",
    "Status",
    "DisplayName",
    "StartMode",
    "StartName",
    "Started",
];

/// Services without which nobody could have answered: when one of them is missing, the list is not whole.
const CERTAIN: [&str; 2] = ["RpcSs", "Winmgmt"];

fn evaluate(gathered: &Gathered, options: &Options, _: &mut State, report: &mut Report) {
    let Some(rows) = gathered.rows(PART) else { return };
    let is = |row: &Record, name: &str| row.text("Name").is_some_and(|own| own.eq_ignore_ascii_case(name));
    let missing: Vec<&str> = CERTAIN.into_iter().filter(|name| !rows.iter().any(|row| is(row, name))).collect();
    if gathered.whole(PART).is_some() && !missing.is_empty() {
        report.warnings.push(Failure {
            remedy: Some(
                "give the account administrator's rights on the host, or the right to query the service controller and \
                 each service: docs/windows-hosts.md#least-privilege"
                    .to_owned(),
            ),
            ..Failure::of_values(PART, format!("the list is short: it lacks {}, which must run", missing.join(" and ")))
        });
    }
    let item = |row: &Record| {
        let mut item = Item::new(row.text("Name").unwrap_or_default());
        let columns: &[&'static str] = match options.shape {
            Shape::Native => &COLUMNS,
            Shape::Infrasonar => &ORIGINAL,
        };
        for &name in columns.iter().filter(|name| **name != "Name") {
            let value = if options.shape == Shape::Native { row.value(name) } else { row.plain(name) };
            item = item.with(name, Unit::None, value);
        }
        item
    };
    report.put(PART, "services", rows.iter().map(item).collect());
    if options.shape == Shape::Native {
        let count = |keeps: &dyn Fn(&Record) -> bool| rows.iter().filter(|row| keeps(row)).count() as u64;
        let text = |row: &Record, name: &str, value: &str| row.text(name).as_deref() == Some(value);
        let running = |row: &Record| text(row, "State", "Running");
        // A delayed or triggered service may rightly be stopped: that is not told from here.
        let total = Item::new("total")
            .with("Services", Unit::Count, rows.len() as u64)
            .with("Running", Unit::Count, count(&running))
            .with("AutoStartNotRunning", Unit::Count, count(&|row| text(row, "StartMode", "Auto") && !running(row)));
        report.put(PART, "servicesTotal", vec![total]);
    }
}

#[cfg(test)]
mod tests;

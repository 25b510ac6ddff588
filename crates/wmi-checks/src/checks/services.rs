//! The check `services`: every service with its state, as the host tells it.

use crate::plan::{Gathered, Part, Plan, Select};
use crate::{About, Failure, Item, Options, Report, State, Unit};

pub(crate) static PLAN: Plan = Plan {
    key: "services",
    about: About {
        summary: "every service with its state, as the host tells it",
        rights: "an account that is no administrator is shown fewer services, without an error",
        returns: &[("services", "one item per service, by its key name")],
        unchanged_eol: 14_400,
    },
    parts: |_| &[SERVICES],
    evaluate,
};

const SERVICES: Part =
    Part::new("services", &[Select::all("Win32_Service", &COLUMNS), Select::all("Win32_Service", &WITHOUT_DELAYED)]);

const COLUMNS: [&str; 16] = [
    "Name",
    "DisplayName",
    "Description",
    "State",
    "Status",
    "Started",
    "StartMode",
    "DelayedAutoStart",
    "StartName",
    "PathName",
    "ServiceType",
    "DesktopInteract",
    "ErrorControl",
    "ExitCode",
    "ServiceSpecificExitCode",
    "ProcessId",
];

/// Without the column that hosts before Windows 10 do not have.
const WITHOUT_DELAYED: [&str; 15] = [
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
];

fn evaluate(gathered: &Gathered, _: &Options, _: &mut State, report: &mut Report) {
    let Some(rows) = gathered.rows("services") else { return };
    if rows.is_empty() {
        report.errors.push(Failure::of_values("services", "the host shows this account no service"));
        return;
    }
    let item = |record: &crate::record::Record| {
        let mut item = Item::new(record.text("Name").unwrap_or_default());
        for name in COLUMNS.into_iter().filter(|name| *name != "Name") {
            item = item.with(name, Unit::None, record.value(name));
        }
        item
    };
    report.put("services", "services", rows.iter().map(item).collect());
}

//! The check `services`: every service with its state, as the host tells it.
//!
//! A service that starts automatically and is stopped is not always one that failed: one with triggers stops when it has
//! nothing to do, and comes back with its next trigger. WMI does not tell of triggers, the registry does: below the
//! service's key there is a key TriggerInfo with one key for each, whether it starts the service or stops it; that is
//! also what Windows' own list of services calls a trigger start. Only the native shape asks for it, and only about
//! services that start automatically and are stopped: those are a handful, while a call for each of the few hundred
//! services of a host would cost more than the whole list, and change nothing in what is counted.
//!
//! No trigger excuses a service that ended with an error. A service that ended without one and has no triggers is counted
//! among those that should run: whether it ended because its work was done (as updaters do), or was stopped by somebody,
//! is not told by Windows; `AutoStartFailed` counts what ended with an error alone. Services of users who are logged on
//! (`NAME_1a2b3`) are services as others, under the name that they have in this session.

mod triggers;

use std::borrow::Cow;

use self::triggers::Triggers;
use crate::plan::{Gathered, Part, Plan, PlannedRound, Select};
use crate::record::Record;
use crate::{
    About, Answer, Check, Failure, Item, Options, Reads, Report, Request, RequestId, Round, Shape, State, Unit,
};

/// The check's key.
pub(super) const KEY: &str = "services";

/// The list of the services, which is all that the InfraSonar shape asks for.
pub(super) static PLAN: Plan = Plan {
    key: KEY,
    about: About {
        summary: "every service with its state, as the host tells it",
        rights: "a local administrator; others are shown fewer services, without an error. Execute Methods in root/cimv2 \
                 for TriggerStart",
        returns: &[
            ("services", "one item per service, by its key name"),
            (
                "servicesTotal",
                "how many there are and run; how many should run and do not, failed, may wait for a trigger",
            ),
        ],
        unchanged_eol: 14_400,
    },
    parts: |options| match options.shape {
        Shape::Native => &NATIVE,
        Shape::Infrasonar => &INFRASONAR,
    },
    evaluate: |gathered, options, _, report| evaluate(gathered, options, &Triggers::default(), report),
};

/// The check `services`.
pub(crate) struct Services;

impl Check for Services {
    fn key(&self) -> Cow<'static, str> {
        KEY.into()
    }

    fn about(&self) -> &'static About {
        &PLAN.about
    }

    fn reads(&self, options: &Options) -> Vec<Reads> {
        let mut reads = (&PLAN).reads(options);
        if options.shape == Shape::Native {
            reads.push(Reads {
                namespace: "root/cimv2".into(),
                class: "StdRegProv".into(),
                members: vec!["EnumKey".into()],
            });
        }
        reads
    }

    fn begin(&self, options: &Options, state: State) -> Box<dyn Round> {
        match options.shape {
            Shape::Native => Box::new(Asking {
                calls_in_flight: options.calls_in_flight,
                planned: PlannedRound::new(&PLAN, options, state),
                triggers: None,
            }),
            Shape::Infrasonar => (&PLAN).begin(options, state),
        }
    }
}

/// A round that asks for the services, and then for the triggers of those of which it matters.
struct Asking {
    calls_in_flight: usize,
    planned: PlannedRound,
    /// Not before the services are known.
    triggers: Option<Triggers>,
}

/// Requests below this number are those of the planned round.
const FIRST_TRIGGER: usize = NATIVE.len();

impl Round for Asking {
    fn next(&mut self) -> Option<Request> {
        if let Some(request) = self.planned.next() {
            return Some(request);
        }
        if self.triggers.is_none() {
            let rows = self.planned.gathered().rows(PART)?;
            self.triggers = Some(Triggers::new(rows, |row| is_auto(row) && is_stopped(row)));
        }
        let id = |at| u32::try_from(FIRST_TRIGGER.checked_add(at)?).ok().map(RequestId);
        self.triggers.as_mut()?.next(self.calls_in_flight, id)
    }

    fn answer(&mut self, id: RequestId, answer: Answer) {
        let at = usize::try_from(id.0).ok().and_then(|number| number.checked_sub(FIRST_TRIGGER));
        match (at, &mut self.triggers) {
            (None, _) => self.planned.answer(id, answer),
            (Some(at), Some(triggers)) => triggers.answer(at, &answer),
            (Some(_), None) => {}
        }
    }

    fn finish(self: Box<Self>) -> (Report, State) {
        let Self { planned, triggers, .. } = *self;
        let mut triggers = triggers.unwrap_or_default();
        planned.finish_with(|gathered, options, _, report| {
            triggers.tell(report);
            evaluate(gathered, options, &triggers, report);
        })
    }
}

const PART: &str = "services";

static NATIVE: [Part; 1] = [Part::new(
    PART,
    &[Select::all("Win32_Service", &COLUMNS), Select::all("Win32_Service", COLUMNS.split_at(COLUMNS.len() - 1).0)],
)
.many()];

static INFRASONAR: [Part; 1] = [Part::new(PART, &[Select::all("Win32_Service", &ORIGINAL)]).many()];

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

/// ERROR_SERVICE_NEVER_STARTED: not since the host started.
const NEVER_STARTED: u64 = 1077;

fn is(row: &Record, column: &str, value: &str) -> bool {
    row.text(column).as_deref() == Some(value)
}

fn is_auto(row: &Record) -> bool {
    is(row, "StartMode", "Auto")
}

fn is_stopped(row: &Record) -> bool {
    is(row, "State", "Stopped")
}

/// Whether the service ended with an error.
fn has_failed(row: &Record) -> bool {
    is_stopped(row) && row.unsigned("ExitCode").is_some_and(|code| code != 0 && code != NEVER_STARTED)
}

fn evaluate(gathered: &Gathered, options: &Options, triggers: &Triggers, report: &mut Report) {
    let Some(rows) = gathered.rows(PART) else { return };
    let is_called = |row: &Record, name: &str| row.text("Name").is_some_and(|own| own.eq_ignore_ascii_case(name));
    let missing: Vec<&str> = CERTAIN.into_iter().filter(|name| !rows.iter().any(|row| is_called(row, name))).collect();
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
    match options.shape {
        Shape::Native => {
            report.put(
                PART,
                "services",
                rows.iter().enumerate().map(|(at, row)| native(row, triggers.of(at))).collect(),
            );
            if gathered.whole(PART).is_some() {
                report.put(PART, "servicesTotal", vec![total(rows, triggers)]);
            }
        }
        Shape::Infrasonar => report.put(PART, "services", rows.iter().map(infrasonar).collect()),
    }
}

fn item(row: &Record) -> Item {
    Item::with_room(row.text("Name").unwrap_or_default(), row.columns().len())
}

fn infrasonar(row: &Record) -> Item {
    let names = ORIGINAL.iter().filter(|name| **name != "Name");
    names.fold(item(row), |item, &name| item.with(name, Unit::None, row.figure(name)))
}

fn native(row: &Record, trigger_start: Option<bool>) -> Item {
    let names = COLUMNS.iter().filter(|name| **name != "Name");
    let item = names.fold(item(row), |item, &name| item.with(name, Unit::None, row.value(name)));
    item.with("TriggerStart", Unit::None, trigger_start)
}

/// The services that start automatically and do not run are each counted once: as one that should run, as one that may
/// wait for a trigger, or as one of which that is not known. Those that failed are among the first.
fn total(rows: &[Record], triggers: &Triggers) -> Item {
    let (mut running, mut should_run, mut failed, mut awaiting_trigger, mut unknown) =
        (0_u64, 0_u64, 0_u64, 0_u64, 0_u64);
    for (at, row) in rows.iter().enumerate() {
        if is(row, "State", "Running") {
            running += 1;
        } else if is_auto(row) {
            failed += u64::from(has_failed(row));
            match triggers.of(at) {
                _ if has_failed(row) || !is_stopped(row) => should_run += 1,
                Some(false) => should_run += 1,
                Some(true) => awaiting_trigger += 1,
                None => unknown += 1,
            }
        }
    }
    Item::new("total")
        .with("Services", Unit::Count, rows.len() as u64)
        .with("Running", Unit::Count, running)
        .with("AutoStartNotRunning", Unit::Count, should_run)
        .with("AutoStartFailed", Unit::Count, failed)
        .with("AutoStartAwaitingTrigger", Unit::Count, awaiting_trigger)
        .with("AutoStartUnknown", Unit::Count, unknown)
}

#[cfg(test)]
mod tests;

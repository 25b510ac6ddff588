//! The check `services`: every service with its state, as the host tells it.

use wmi_proto::wire::HResult;
use wmi_proto::{Error, ErrorKind};

use crate::record::Record;
use crate::{Answer, Check, Failure, Item, Report, Request, Step, Type};

const PART: &str = "services";

/// Win32_Service, less DelayedAutoStart, which hosts before Windows 10 do not have.
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

const ALL: Request = Request {
    part: PART,
    namespace: "root/cimv2",
    wql: "SELECT Name, DisplayName, Description, State, Status, Started, StartMode, DelayedAutoStart, StartName, \
          PathName, ServiceType, DesktopInteract, ErrorControl, ExitCode, ServiceSpecificExitCode, ProcessId \
          FROM Win32_Service",
};

const WITHOUT_DELAYED: Request = Request {
    part: PART,
    namespace: "root/cimv2",
    wql: "SELECT Name, DisplayName, Description, State, Status, Started, StartMode, StartName, \
          PathName, ServiceType, DesktopInteract, ErrorControl, ExitCode, ServiceSpecificExitCode, ProcessId \
          FROM Win32_Service",
};

/// The check `services`.
///
/// A host that does not know the column DelayedAutoStart is asked once more without it. An account that is no
/// administrator is shown fewer services without an error: the host gives no sign of it.
#[derive(Debug, Default)]
pub struct Services {
    /// The request that is due, until the round is over.
    next: Option<Request>,
    items: Option<Vec<Item>>,
    errors: Vec<Failure>,
}

impl Check for Services {
    fn name(&self) -> &'static str {
        "services"
    }

    fn begin(&mut self) {
        self.next = Some(ALL);
        self.items = None;
        self.errors.clear();
    }

    fn step(&mut self) -> Step {
        self.next.map_or(Step::Done, Step::Query)
    }

    fn answer(&mut self, answer: Answer) {
        if self.next == Some(ALL) && answer.outcome.as_ref().is_err_and(is_invalid_query) {
            self.next = Some(WITHOUT_DELAYED);
            return;
        }
        self.next = None;
        let mut items = Vec::new();
        for row in &answer.rows {
            let Some(record) = Record::read(row, &COLUMNS, PART, &mut self.errors) else { continue };
            match item(&record) {
                Some(item) => items.push(item),
                None => self.errors.push(Failure::of_values(PART, "a service without a name")),
            }
        }
        match &answer.outcome {
            Err(error) => self.errors.push(Failure::of_query(PART, error)),
            Ok(()) if items.is_empty() && self.errors.is_empty() => {
                self.errors.push(Failure::of_values(PART, "the host shows this account no service"));
            }
            Ok(()) => {}
        }
        self.items = (!items.is_empty()).then_some(items);
    }

    fn report(&mut self) -> Report {
        let types = self.items.take().map(|items| Type { name: "services", items });
        Report { check: self.name(), types: types.into_iter().collect(), errors: core::mem::take(&mut self.errors) }
    }
}

/// WBEM_E_INVALID_QUERY: what a host says to a column that its class does not have.
fn is_invalid_query(error: &Error) -> bool {
    matches!(error.kind, ErrorKind::Status(HResult(0x8004_1017)))
}

fn item(record: &Record) -> Option<Item> {
    let name = record.text("Name").filter(|n| !n.is_empty())?;
    let metrics = COLUMNS.iter().filter(|c| **c != "Name").map(|&c| (c, record.value(c))).collect();
    Some(Item { name, metrics })
}

#[cfg(test)]
mod tests {
    use wmi_proto::cim::CimValue;
    use wmi_proto::{FileTime, Stage};

    use super::*;

    fn failed(kind: ErrorKind) -> Answer {
        let error = Error::new(Stage::Query, kind);
        Answer { rows: Vec::new(), outcome: Err(error), sent: FileTime(0), received: FileTime(0) }
    }

    #[test]
    fn null_stays_null() {
        let record = Record::from([
            ("Name", CimValue::String("Spooler".into())),
            ("Started", CimValue::Boolean(false)),
            ("ProcessId", CimValue::Uint32(0)),
        ]);
        let item = item(&record).expect("an item");
        assert_eq!(item.name, "Spooler");
        let metric = |name| item.metrics.iter().find(|(n, _)| *n == name).expect("the metric").1.clone();
        assert_eq!(metric("Started"), CimValue::Boolean(false));
        assert_eq!(metric("ProcessId"), CimValue::Uint32(0));
        assert_eq!(metric("Description"), CimValue::Null);
        assert_eq!(super::item(&Record::default()), None, "no name, no item");
    }

    #[test]
    fn an_old_host_is_asked_without_the_new_column_and_only_once() {
        let mut check = Services::default();
        check.begin();
        assert_eq!(check.step(), Step::Query(ALL));
        check.answer(failed(ErrorKind::Status(HResult(0x8004_1017))));
        assert_eq!(check.step(), Step::Query(WITHOUT_DELAYED));
        check.answer(failed(ErrorKind::Status(HResult(0x8004_1017))));
        assert_eq!(check.step(), Step::Done);
        let report = check.report();
        assert!(report.types.is_empty());
        assert_eq!(report.errors.len(), 1);
        assert_eq!(report.errors[0].code, Some(0x8004_1017));
        assert_eq!(report.errors[0].stage, "query");
    }

    #[test]
    fn the_columns_are_those_of_the_query() {
        for (request, less) in [(ALL, None), (WITHOUT_DELAYED, Some("DelayedAutoStart"))] {
            let list = request.wql.strip_prefix("SELECT ").and_then(|r| r.split_once(" FROM ")).expect("a list").0;
            let listed: Vec<&str> = list.split(',').map(str::trim).collect();
            let wanted: Vec<&str> = COLUMNS.into_iter().filter(|c| Some(*c) != less).collect();
            assert_eq!(listed, wanted);
        }
    }
}

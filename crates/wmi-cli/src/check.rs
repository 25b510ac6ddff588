//! `wmi check`: monitoring checks over one session.

use std::io::{self, Write};
use std::time::Duration;

use serde_json::{Map, Value, json};
use wmi_checks::{Answer, Check, Failure, Item, Report, Step};
use wmi_proto::Query;
use wmi_proto::cim::CimValue;

use crate::args::{CheckArguments, CheckFormat};
use crate::connection::{Connection, Trouble, patience, wall_time};
use crate::messages::Messages;
use crate::output::{cells::Cell, json, table};
use crate::status::Status;

/// The time between two samples of a counter.
const PAUSE: Duration = Duration::from_secs(1);

pub(crate) fn run(arguments: &CheckArguments) -> Status {
    let connect = &arguments.connect;
    let messages = Messages::about(&connect.host, arguments.output == CheckFormat::Json);
    let mut connection = match Connection::start(connect, &messages) {
        Ok(connection) => connection,
        Err(status) => return status,
    };
    let host = connect.host.to_string();
    let mut status = Status::Done;
    let mut failures = Vec::new();
    let mut trouble = None;
    for name in &arguments.checks {
        let Some(mut check) = wmi_checks::by_name(name, PAUSE) else { continue };
        let result = round(&mut *check, &mut connection);
        let report = check.report();
        let printed = connection.progress.aside(|| print(&report, &host, arguments.output, &mut io::stdout().lock()));
        if let Err(error) = printed {
            trouble = Some(Trouble::Output(error));
            break;
        }
        if !report.errors.is_empty() {
            status = status.worse(Status::Failed);
        }
        failures.extend(report.errors.into_iter().map(|failure| (report.check, failure)));
        match result {
            Ok(worst) => status = status.worse(worst),
            Err(ended) => {
                trouble = Some(ended);
                break;
            }
        }
    }
    connection.close(patience(status));
    explain(&messages, &failures);
    trouble.map_or(status, |trouble| status.worse(messages.trouble(&trouble, 1, 0)))
}

/// Takes `check` through a round. Failed queries are the check's business: it reports them, and the worst of them is
/// the result.
///
/// # Errors
/// What ends all checks at once, such as a signal.
pub(crate) fn round(check: &mut dyn Check, connection: &mut Connection) -> Result<Status, Trouble> {
    let mut worst = Status::Done;
    check.begin();
    loop {
        let request = match check.step() {
            Step::Query(request) => request,
            Step::Pause(time) => {
                connection.pause(time)?;
                continue;
            }
            Step::Done => return Ok(worst),
        };
        let sent = wall_time();
        let mut received = None;
        let mut rows = Vec::new();
        let query = Query::new(request.wql).namespace(request.namespace);
        let outcome = connection.query(query, &mut |batch| {
            if !batch.is_empty() {
                received.get_or_insert_with(wall_time);
            }
            rows.extend(batch);
            Ok(())
        });
        let outcome = match outcome {
            Ok(_) => Ok(()),
            Err(Trouble::Failed(error)) => {
                worst = worst.worse(Status::of(&error));
                Err(error)
            }
            Err(trouble) => return Err(trouble),
        };
        let received = received.unwrap_or_else(wall_time);
        check.answer(Answer { rows, outcome, sent, received });
    }
}

/// Says on standard error what failed; what several parts failed of is said once.
fn explain(messages: &Messages, failures: &[(&str, Failure)]) {
    let cause = |failure: &Failure| (failure.stage.clone(), failure.text.clone());
    let mut told = Vec::new();
    for (_, failure) in failures {
        if told.contains(&cause(failure)) {
            continue;
        }
        told.push(cause(failure));
        let same = failures.iter().filter(|(_, other)| cause(other) == cause(failure));
        let mut parts: Vec<String> = same.map(|(check, other)| format!("{check}/{}", other.part)).collect();
        parts.dedup();
        messages.failed_parts(failure, &parts);
    }
}

/// Prints a report.
pub(crate) fn print(report: &Report, host: &str, format: CheckFormat, out: &mut dyn Write) -> io::Result<()> {
    match format {
        CheckFormat::Json => writeln!(out, "{}", report_json(report, host))?,
        CheckFormat::Table => report.types.iter().try_for_each(|t| type_table(t.name, &t.items, out))?,
    }
    out.flush()
}

fn report_json(report: &Report, host: &str) -> Value {
    let items = |items: &[Item]| items.iter().map(item_json).collect::<Value>();
    let types: Map<String, Value> = report.types.iter().map(|t| (t.name.to_owned(), items(&t.items))).collect();
    json!({
        "check": report.check,
        "host": host,
        "types": types,
        "errors": report.errors.iter().map(failure_json).collect::<Value>(),
    })
}

fn item_json(item: &Item) -> Value {
    let name = ("name".to_owned(), Value::from(item.name.as_str()));
    let metric = |(name, value): &(&'static str, _)| ((*name).to_owned(), json::value(value, &mut 0));
    Value::Object(std::iter::once(name).chain(item.metrics.iter().map(metric)).collect())
}

fn failure_json(failure: &Failure) -> Value {
    json!({
        "part": failure.part,
        "stage": failure.stage,
        "code": failure.code.map(|code| format!("{code:#x}")),
        "text": failure.text,
    })
}

/// Many items as rows; a single one as a list of its metrics.
fn type_table(kind: &str, items: &[Item], out: &mut dyn Write) -> io::Result<()> {
    match items {
        [item] if item.name != kind => writeln!(out, "{kind} {}", item.name)?,
        _ => writeln!(out, "{kind}")?,
    }
    let cell = |value: &CimValue| match Cell::of(value, &mut 0) {
        Cell::Number(text) if text.contains('.') && !text.contains('e') => {
            Cell::Number(text.parse().map_or(text, |real: f64| format!("{real:.3}")))
        }
        cell => cell,
    };
    let text = |text: &str| Cell::Text(text.to_owned());
    let (names, rows) = match items {
        [item] => {
            let rows = item.metrics.iter().map(|(name, value)| vec![text(name), cell(value)]).collect();
            (["metric", "value"].map(str::to_owned).to_vec(), rows)
        }
        items => {
            let metrics = items.first().map(|item| item.metrics.as_slice()).unwrap_or_default();
            let names = std::iter::once("name").chain(metrics.iter().map(|(name, _)| *name)).map(str::to_owned);
            let row = |item: &Item| {
                std::iter::once(text(&item.name)).chain(item.metrics.iter().map(|(_, value)| cell(value))).collect()
            };
            (names.collect(), items.iter().map(row).collect::<Vec<_>>())
        }
    };
    table::print(&names, &rows, out)?;
    writeln!(out)
}

#[cfg(test)]
mod tests {
    use wmi_checks::Type;

    use super::*;

    fn report() -> Report {
        let processor =
            |name: &str, busy| Item { name: name.to_owned(), metrics: vec![("PercentProcessorTime", busy)] };
        let items = vec![processor("0", CimValue::Real64(12.5)), processor("1", CimValue::Null)];
        let failure = Failure {
            part: "os",
            stage: "query".to_owned(),
            code: Some(0x8004_1010),
            text: "WBEM_E_INVALID_CLASS (0x80041010)".to_owned(),
            remedy: None,
        };
        Report { check: "system", types: vec![Type { name: "processor", items }], errors: vec![failure] }
    }

    #[test]
    fn a_report_as_json() {
        assert_eq!(
            report_json(&report(), "srv01").to_string(),
            concat!(
                r#"{"check":"system","host":"srv01","types":{"processor":["#,
                r#"{"name":"0","PercentProcessorTime":12.5},{"name":"1","PercentProcessorTime":null}]},"#,
                r#""errors":[{"part":"os","stage":"query","code":"0x80041010","#,
                r#""text":"WBEM_E_INVALID_CLASS (0x80041010)"}]}"#
            )
        );
    }

    #[test]
    fn a_report_as_tables() {
        let mut out = Vec::new();
        print(&report(), "srv01", CheckFormat::Table, &mut out).expect("to write");
        let expected = "\
processor
name  PercentProcessorTime
----  --------------------
0                   12.500
1                     NULL

";
        assert_eq!(String::from_utf8(out).expect("UTF-8"), expected);
    }
}

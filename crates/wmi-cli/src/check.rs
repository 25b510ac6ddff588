//! `wmi check`: monitoring checks over one session.

use std::borrow::Cow;
use std::io::{self, Write};

use serde_json::{Map, Value, json};
use wmi_checks::{Failure, Item, Metric, Options, Report, Rounds, State};

use crate::args::{CheckArguments, CheckFormat};
use crate::connection::{Connection, patience};
use crate::messages::Messages;
use crate::output::{cells::Cell, table};
use crate::status::Status;

pub(crate) fn run(arguments: &CheckArguments) -> Status {
    let connect = &arguments.connect;
    let messages = Messages::about(&connect.host, arguments.output == CheckFormat::Json);
    let mut connection = match Connection::start(connect, &messages) {
        Ok(connection) => connection,
        Err(status) => return status,
    };
    let host = connect.host.to_string();
    let mut failures = Vec::new();
    let mut rounds = Rounds::new(arguments.checks.len());
    for check in arguments.checks.iter().filter_map(|key| wmi_checks::by_key(key)) {
        rounds.begin(&*check, &Options::default(), State::default(), connect.timeout);
    }
    let result = connection.rounds(&mut rounds, &mut |finished| {
        let printed = print(&finished.report, &host, arguments.output, &mut io::stdout().lock());
        let check = finished.report.check;
        failures.extend(finished.report.errors.into_iter().map(|failure| (check.clone(), failure)));
        printed
    });
    let status = match result {
        Ok(worst) => worst,
        Err(trouble) => messages.trouble(&trouble, 1, 0),
    };
    let status = if failures.is_empty() { status } else { status.worse(Status::Failed) };
    connection.close(patience(status));
    explain(&messages, &failures);
    status
}

/// Says on standard error what failed; what several parts failed of is said once.
fn explain(messages: &Messages, failures: &[(Cow<'static, str>, Failure)]) {
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
    let metric = |metric: &Metric| (metric.name.to_string(), json!(metric.value));
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
    let cell = |value: &wmi_checks::Value| match value {
        wmi_checks::Value::Null => Cell::Null,
        wmi_checks::Value::Real(real) => Cell::Number(format!("{real:.3}")),
        wmi_checks::Value::Text(text) => Cell::Text(text.clone()),
        other => Cell::Number(json!(other).to_string()),
    };
    let text = |text: &str| Cell::Text(text.to_owned());
    let (names, rows) = match items {
        [item] => {
            let rows = item.metrics.iter().map(|metric| vec![text(&metric.name), cell(&metric.value)]).collect();
            (["metric", "value"].map(str::to_owned).to_vec(), rows)
        }
        items => {
            let metrics = items.first().map(|item| item.metrics.as_slice()).unwrap_or_default();
            let names =
                std::iter::once("name").chain(metrics.iter().map(|metric| metric.name.as_ref())).map(str::to_owned);
            let row = |item: &Item| {
                std::iter::once(text(&item.name)).chain(item.metrics.iter().map(|metric| cell(&metric.value))).collect()
            };
            (names.collect(), items.iter().map(row).collect::<Vec<_>>())
        }
    };
    table::print(&names, &rows, out)?;
    writeln!(out)
}

#[cfg(test)]
mod tests {
    use wmi_checks::{Type, Unit, Value};

    use super::*;

    fn report() -> Report {
        let processor = |name: &str, value| Item {
            name: name.to_owned(),
            metrics: vec![Metric { name: "PercentProcessorTime".into(), unit: Unit::Percent, value }],
        };
        let items = vec![processor("0", Value::Real(12.5)), processor("1", Value::Null)];
        let failure = Failure {
            part: "os",
            stage: "query".to_owned(),
            code: Some(0x8004_1010),
            text: "WBEM_E_INVALID_CLASS (0x80041010)".to_owned(),
            remedy: None,
        };
        Report {
            check: "system".into(),
            types: vec![Type { name: "processor", items }],
            errors: vec![failure],
            warnings: Vec::new(),
        }
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

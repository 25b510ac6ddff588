//! From the report of a check to what agentcore is told.

use wmi_checks::{Failure, Report, Value as Found};
use wmi_infrasonar::{CheckError, CheckResult, Outcome, Severity, Value};

/// The part of the storage check whose failure matters little: on some hosts it never answers.
const SHADOW: &str = "shadow";

/// A report without failures is complete; one with failures and types is incomplete; one without types has failed.
pub(crate) fn outcome(report: Report) -> Outcome {
    let Report { types, errors, .. } = report;
    let mut result = CheckResult::default();
    for kind in types {
        let items = kind.items.into_iter().map(|item| {
            let metrics = item.metrics.into_iter().map(|metric| (metric.name.into_owned(), value(metric.value)));
            (item.name, metrics.collect())
        });
        result.add(kind.name, items);
    }
    match (errors.is_empty(), result.is_empty()) {
        (true, _) => Outcome::Complete(result),
        (false, true) => Outcome::Failed(error(&errors, false)),
        (false, false) => Outcome::Incomplete(result, error(&errors, true)),
    }
}

/// What failed: each cause once, with its parts when there are others that did not fail.
fn error(failures: &[Failure], with_parts: bool) -> CheckError {
    let mut causes: Vec<(String, Vec<&str>)> = Vec::new();
    for failure in failures {
        let mut text = format!("{}: {}", failure.stage, failure.text);
        if let Some(remedy) = &failure.remedy {
            text = format!("{text}; {remedy}");
        }
        match causes.iter_mut().find(|(known, _)| *known == text) {
            Some((_, parts)) if parts.contains(&failure.part) => {}
            Some((_, parts)) => parts.push(failure.part),
            None => causes.push((text, vec![failure.part])),
        }
    }
    let with_parts = with_parts || causes.len() > 1;
    let say = |(text, parts): &(String, Vec<&str>)| {
        if with_parts { format!("failed to read {}: {text}", parts.join(", ")) } else { text.clone() }
    };
    let text = causes.iter().map(say).collect::<Vec<_>>().join("; ");
    let is_minor = failures.iter().all(|failure| failure.part == SHADOW);
    CheckError { text, severity: if is_minor { Severity::Low } else { Severity::Medium } }
}

fn value(found: Found) -> Value {
    match found {
        Found::Null => Value::Nil,
        Found::Bool(value) => Value::Bool(value),
        Found::Int(number) => Value::Int(number),
        Found::Uint(number) => Value::Uint(number),
        Found::Real(number) => Value::Real(number),
        Found::Text(text) => Value::Text(text),
        Found::List(values) => Value::List(values.into_iter().map(value).collect()),
    }
}

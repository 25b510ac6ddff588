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
        let mut text = format!("{}: {}", failure.stage, failure.words());
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
        Found::Text(text) => Value::Text(text.into()),
        Found::List(values) => Value::List(values.into_iter().map(value).collect()),
    }
}

#[cfg(test)]
mod tests {
    use wmi_checks::{Item, Type};

    use super::*;

    fn report(types: &[&'static str], errors: &[(&'static str, &str)]) -> Report {
        let item = || Item { name: "a".to_owned(), metrics: Vec::new() };
        let failure = |&(part, text): &(&'static str, &str)| Failure {
            part,
            stage: "query".to_owned(),
            text: text.to_owned(),
            ..Failure::default()
        };
        let types = types.iter().map(|name| Type { name, items: vec![item()] }).collect();
        Report { types, errors: errors.iter().map(failure).collect(), ..Report::default() }
    }

    #[test]
    fn a_part_that_failed_does_not_take_the_rest_with_it() {
        assert!(matches!(outcome(report(&["volume"], &[])), Outcome::Complete(_)));
        let told = outcome(report(&["volume"], &[("logical", "refused"), ("physical", "refused")]));
        let Outcome::Incomplete(result, error) = told else { panic!("{told:?}") };
        assert!(!result.is_empty());
        let text = "failed to read logical, physical: query: refused";
        assert_eq!(error, CheckError { text: text.to_owned(), severity: Severity::Medium });
    }

    #[test]
    fn a_check_without_any_type_has_failed_and_says_one_cause_once() {
        let told = outcome(report(&[], &[("volume", "refused"), ("logical", "refused"), ("logical", "refused")]));
        assert_eq!(told, Outcome::Failed(CheckError::new("query: refused")));
        let told = outcome(report(&[], &[("volume", "refused"), ("logical", "silent")]));
        let text = "failed to read volume: query: refused; failed to read logical: query: silent";
        assert_eq!(told, Outcome::Failed(CheckError::new(text)));
    }

    #[test]
    fn shadow_storage_that_cannot_be_read_matters_little() {
        let told = outcome(report(&["volume"], &[("shadow", "refused")]));
        assert!(matches!(told, Outcome::Incomplete(_, CheckError { severity: Severity::Low, .. })), "{told:?}");
    }
}

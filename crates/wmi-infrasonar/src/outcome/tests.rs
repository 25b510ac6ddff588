use super::*;
use crate::printed::json;

fn result(names: &[&str]) -> CheckResult {
    let mut result = CheckResult::default();
    result.add("t", names.iter().map(|name| ((*name).to_owned(), vec![("m".to_owned(), 1_u64.into())])));
    result
}

fn told(outcome: Outcome, unchanged: bool) -> String {
    let told = outcome.told().expect("something to be told");
    let path = CheckPath { asset: 7, check: 8 };
    json(&body(path, &told, Duration::from_millis(1500), Duration::from_millis(1_700_000_000_900), unchanged), None)
}

#[test]
fn outcomes_as_they_are_told() {
    let error = || CheckError { text: "bad".to_owned(), severity: Severity::Low };
    let head = r#"[[7, 8], {"error": "#;
    let framework = r#""framework": {"duration": 1.5, "timestamp": 1700000000"#;
    let items = r#"{"t": [{"name": "a", "m": 1}]}"#;
    let complete = told(Outcome::Complete(result(&["a"])), false);
    assert_eq!(complete, format!("{head}null, {framework}}}, \"result\": {items}}}]"));
    let failed = told(Outcome::Failed(CheckError::new("bad")), false);
    let medium = r#"{"error": "bad", "severity": 1}"#;
    assert_eq!(failed, format!("{head}{medium}, {framework}}}, \"result\": null}}]"));
    let low = r#"{"error": "bad", "severity": 2}"#;
    let incomplete = told(Outcome::Incomplete(result(&["a"]), error()), false);
    assert_eq!(incomplete, format!("{head}{low}, {framework}}}, \"result\": {items}}}]"));
    let cleared = told(Outcome::Incomplete(CheckResult::default(), error()), false);
    assert_eq!(cleared, format!("{head}{low}, {framework}}}, \"result\": {{}}}}]"));
    let not_counted = told(Outcome::NotCounted(result(&["a"]), None), false);
    assert_eq!(not_counted, format!("{head}null, {framework}, \"no_count\": true}}, \"result\": {items}}}]"));
    let unchanged = told(Outcome::Complete(result(&["a"])), true);
    assert_eq!(unchanged, format!("{head}null, {framework}, \"unchanged\": true}}}}]"));
    assert_eq!(Outcome::Ignored.told(), None);
    assert_eq!(Outcome::Retired.told(), None);
}

#[test]
fn names_are_ascii_not_empty_and_unique() {
    let names = ["a", "é€", "", "a", "a", "a (2)", "??"];
    let expected = r#"{"t": [{"name": "a", "m": 1}, {"name": "??", "m": 1}, {"name": "unnamed", "m": 1}, {"name": "a (2)", "m": 1}, {"name": "a (3)", "m": 1}, {"name": "a (2) (2)", "m": 1}, {"name": "?? (2)", "m": 1}]}"#;
    assert_eq!(json(&result(&names).value(), None), expected);
}

#[test]
fn the_order_of_items_is_no_change() {
    assert_ne!(result(&["b", "a"]).value(), result(&["a", "b"]).value());
    assert_eq!(result(&["b", "a"]).canonical(), result(&["a", "b"]).canonical());
    assert_eq!(result(&["b", "a"]).sorted().value(), result(&["a", "b"]).value());
}

//! Checks over a client and a simulated host on one virtual clock.

use wmi_checks::{Report, Value};

#[path = "checks/a.rs"]
mod a;
#[path = "checks/b.rs"]
mod b;
#[path = "checks/c.rs"]
mod c;
#[path = "checks/day.rs"]
mod day;
#[path = "checks/returned.rs"]
mod returned;
#[path = "checks/rounds.rs"]
mod rounds;

/// The value of a metric.
#[track_caller]
fn metric<'a>(report: &'a Report, kind: &str, item: &str, metric: &str) -> &'a Value {
    let Some(found) = report.types.iter().find(|t| t.name == kind) else {
        panic!("no type {kind}; errors: {:?}", report.errors)
    };
    let Some(found) = found.items.iter().find(|i| i.name == item) else {
        let names: Vec<&str> = found.items.iter().map(|item| item.name.as_str()).collect();
        panic!("no item {item} among {names:?}")
    };
    &found.metrics.iter().find(|m| m.name == metric).unwrap_or_else(|| panic!("no metric {metric}")).value
}

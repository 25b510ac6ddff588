//! How tests look at reports.

use crate::{Report, Value};

/// The names of the items of the type `kind`; `None` when the report does not have it.
pub(super) fn items<'a>(report: &'a Report, kind: &str) -> Option<Vec<&'a str>> {
    let found = report.types.iter().find(|t| t.name == kind)?;
    Some(found.items.iter().map(|item| item.name.as_str()).collect())
}

/// The value of a metric, which has to be there.
pub(super) fn value<'a>(report: &'a Report, kind: &str, item: &str, metric: &str) -> &'a Value {
    let of_kind = report.types.iter().find(|t| t.name == kind).unwrap_or_else(|| panic!("no {kind}: {report:?}"));
    let item = of_kind.items.iter().find(|i| i.name == item).unwrap_or_else(|| panic!("no {item}: {of_kind:?}"));
    let found = item.metrics.iter().find(|m| m.name == metric);
    &found.unwrap_or_else(|| panic!("no {metric}: {item:?}")).value
}

/// The names of an item's metrics, in the order of the alphabet.
pub(super) fn metrics<'a>(report: &'a Report, kind: &str, item: &str) -> Vec<&'a str> {
    let of_kind = report.types.iter().find(|t| t.name == kind).expect("the type is there");
    let item = of_kind.items.iter().find(|i| i.name == item).expect("the item is there");
    let mut names: Vec<&str> = item.metrics.iter().map(|m| &*m.name).collect();
    names.sort_unstable();
    names
}

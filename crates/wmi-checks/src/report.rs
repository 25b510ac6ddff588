//! What a check reports: typed items with metrics, and the parts that failed.

use std::borrow::Cow;

use wmi_proto::Error;
use wmi_proto::cim::CimValue;

/// The result of one round of a check.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Report {
    /// The check's key.
    pub check: &'static str,
    /// Types in a fixed order; the type of a part that failed entirely is missing, not empty.
    pub types: Vec<Type>,
    /// What failed. The other parts stand.
    pub errors: Vec<Failure>,
}

/// Items of one kind.
#[derive(Clone, Debug, PartialEq)]
pub struct Type {
    /// The kind, for example `processor`.
    pub name: &'static str,
    /// The items, each with a name of its own.
    pub items: Vec<Item>,
}

/// One thing that was measured.
#[derive(Clone, Debug, PartialEq)]
pub struct Item {
    /// What distinguishes the item from others of its type.
    pub name: String,
    /// Metrics by name in a fixed order. `Null` means that the host gave no value.
    pub metrics: Vec<(&'static str, CimValue)>,
}

/// A part of a check that failed, wholly or in one place.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Failure {
    /// The part, as in [`crate::Request::part`].
    pub part: &'static str,
    /// The step of the session at which it failed, or `values` when rows came but could not be used.
    pub stage: String,
    /// The numeric code behind it, when there is one.
    pub code: Option<u32>,
    /// What happened, in words, with the code's name.
    pub text: String,
    /// What helps, when it is known.
    pub remedy: Option<String>,
}

impl Failure {
    pub(crate) fn of_query(part: &'static str, error: &Error) -> Self {
        Self {
            part,
            stage: error.stage.to_string(),
            code: error.code(),
            text: error.kind.to_string(),
            remedy: error.remedy().map(Cow::into_owned),
        }
    }

    pub(crate) fn of_values(part: &'static str, text: impl Into<String>) -> Self {
        Self { part, stage: "values".to_owned(), code: None, text: text.into(), remedy: None }
    }
}

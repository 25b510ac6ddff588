//! WMI's methods over DCOM: one query from ExecQuery to its last row.

mod cursor;
mod namespace;

pub(crate) use cursor::{Context, Cursor, Effect, Failure, ObjectCall, Operation, Plan, Step};
pub(crate) use namespace::normalize;

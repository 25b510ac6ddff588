//! WMI's methods over DCOM: one query from ExecQuery to its last row.

mod cursor;
mod namespace;

pub(crate) use cursor::{Context, Cursor, Effect, Failure, NotTaken, ObjectCall, Operation, Plan, Step, Wish};
pub(crate) use namespace::normalize;

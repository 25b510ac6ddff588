//! WMI's methods over DCOM: one query from ExecQuery to its last row.

mod classes;
mod cursor;
mod namespace;
mod words;

pub(crate) use cursor::Cursor;
pub(crate) use namespace::normalize;
pub(crate) use words::{Context, Effect, End, Failure, NotTaken, ObjectCall, Operation, Plan, Step, Wish};

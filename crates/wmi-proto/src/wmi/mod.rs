//! WMI's methods over DCOM: one query from ExecQuery to its last row, one call from its parameters to its reply.

mod batch;
mod call;
mod changeover;
mod classes;
mod cursor;
mod greeting;
mod namespace;
mod parameters;
mod source;
mod words;

pub(crate) use call::{Call, CallStep, Demand, references, signature, signature_call};
pub(crate) use cursor::Cursor;
pub(crate) use greeting::{Greet, Greeting};
pub(crate) use namespace::normalize;
pub use parameters::{MethodSignature, NoSuchMethod, Parameter, ParameterError, ParameterProblem, SignatureError};
pub(crate) use words::{Context, Effect, End, Failure, NotTaken, ObjectCall, Operation, Plan, Step, Way, Wish};

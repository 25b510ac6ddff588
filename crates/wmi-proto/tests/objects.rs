//! Witness: objects of real hosts and of a foreign simulated host have the values that others read from them.

mod capture;
#[path = "objects/compare.rs"]
mod compare;
#[path = "objects/foreign.rs"]
mod foreign;
#[path = "objects/methods.rs"]
mod methods;
#[path = "objects/paths.rs"]
mod paths;
#[path = "objects/windows.rs"]
mod windows;
#[path = "../../../tests/witness.rs"]
mod witness;

use std::path::Path;
use std::process::ExitCode;

use witness::Verdict;

type Witness = fn(&Path) -> Verdict;

/// Names and checks.
const WITNESSES: [(&str, Witness); 11] = [
    ("objects of Windows hosts decode", windows::all_decode),
    ("values of Windows hosts", windows::values),
    ("bench_stubs next", foreign::bench_next),
    ("bench_stubs smart", foreign::bench_smart),
    ("foreign_lab smart enumeration, all types", foreign::lab_smart),
    ("foreign_lab Next", foreign::lab_next),
    ("foreign_lab Next, embedded objects, sealed", foreign::lab_sealed),
    ("paths that Windows made of the same objects", paths::computed_by_windows),
    ("system properties of Windows objects", paths::system_properties),
    ("objects say the same when written anew", windows::canonical),
    ("in-parameters of captured ExecMethod requests", methods::in_parameters),
];

fn main() -> ExitCode {
    witness::run(WITNESSES)
}

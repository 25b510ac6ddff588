//! Witness: objects of real hosts and of a foreign simulated host have the values that others read from them.

mod capture;
#[path = "objects/compare.rs"]
mod compare;
#[path = "objects/foreign.rs"]
mod foreign;
#[path = "objects/windows.rs"]
mod windows;

use std::path::{Path, PathBuf};
use std::process::ExitCode;

/// A witness says what it has seen, or what is wrong.
type Verdict = Result<String, String>;
type Witness = fn(&Path) -> Verdict;

/// Names and checks.
const WITNESSES: [(&str, Witness); 8] = [
    ("objects of Windows hosts decode", windows::all_decode),
    ("values of Windows hosts", windows::values),
    ("bench_stubs next", foreign::bench_next),
    ("bench_stubs smart", foreign::bench_smart),
    ("foreign_lab smart enumeration, all types", foreign::lab_smart),
    ("foreign_lab Next", foreign::lab_next),
    ("foreign_lab Next, embedded objects, sealed", foreign::lab_sealed),
    ("objects say the same when written anew", windows::canonical),
];

fn main() -> ExitCode {
    let set = std::env::var("WMI_CAPTURES");
    let skip = set.as_deref() == Ok("none");
    let folder = set
        .map_or_else(|_| PathBuf::from(concat!(env!("CARGO_MANIFEST_DIR"), "/../../../shared/captures")), Into::into);
    let (mut passed, mut failed, mut skipped) = (0, 0, 0);
    for (name, witness) in WITNESSES {
        if skip {
            skipped += 1;
            println!("witness {name}: skipped: WMI_CAPTURES=none");
            continue;
        }
        match witness(&folder) {
            Ok(seen) => {
                passed += 1;
                println!("witness {name}: ok\n  {seen}");
            }
            Err(why) => {
                failed += 1;
                println!("witness {name}: FAILED\n  {why}");
            }
        }
    }
    println!("{passed} passed, {failed} failed, {skipped} skipped");
    let skip_fails = std::env::var("CI").is_ok_and(|v| v == "true");
    if failed > 0 || (skip_fails && skipped > 0) { ExitCode::FAILURE } else { ExitCode::SUCCESS }
}

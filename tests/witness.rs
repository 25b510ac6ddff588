//! Runs witnesses: tests against captured octets that print one line each and end with the count. Included by path.

use std::fmt::Display;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

/// A witness says what it has seen, or what is wrong.
pub(crate) type Verdict = Result<String, String>;

/// Runs all of them over the folder of captures. `WMI_CAPTURES=none` skips them, which counts as a failure when
/// `CI=true`.
pub(crate) fn run<N: Display, W: Fn(&Path) -> Verdict>(witnesses: impl IntoIterator<Item = (N, W)>) -> ExitCode {
    let set = std::env::var("WMI_CAPTURES");
    let skip = set.as_deref() == Ok("none");
    let folder = set
        .map_or_else(|_| PathBuf::from(concat!(env!("CARGO_MANIFEST_DIR"), "/../../../shared/captures")), Into::into);
    let (mut passed, mut failed, mut skipped) = (0, 0, 0);
    for (name, witness) in witnesses {
        if skip {
            skipped += 1;
            println!("witness {name}: skipped: WMI_CAPTURES=none");
            continue;
        }
        match witness(&folder) {
            Ok(seen) => {
                passed += 1;
                println!("witness {name}: ok ({seen})");
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

//! The worked examples of [MS-WMIO 3] and objects of real hosts, against decoder and canonical encoder.

mod captured;
mod hostile;
mod made;
mod spec;

use std::path::PathBuf;

use bytes::Bytes;

/// Where the captures are; `None` when they are left out by hand, which CI does not allow.
fn captures() -> Option<PathBuf> {
    let set = std::env::var("WMI_CAPTURES");
    if set.as_deref() == Ok("none") {
        assert_ne!(std::env::var("CI").as_deref(), Ok("true"), "captures may not be left out in CI");
        println!("skipped: WMI_CAPTURES=none");
        return None;
    }
    Some(
        set.map_or_else(
            |_| PathBuf::from(concat!(env!("CARGO_MANIFEST_DIR"), "/../../../shared/captures")),
            Into::into,
        ),
    )
}

/// A file of the captures.
fn captured(name: &str) -> Option<Bytes> {
    let path = captures()?.join(name);
    Some(std::fs::read(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display())).into())
}

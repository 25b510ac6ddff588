//! What was sent last of checks that seldom change, so that an equal result need not be sent again.

use core::time::Duration;
use std::collections::BTreeMap;

use sha2::{Digest, Sha256};

use crate::assets::CheckPath;
use crate::msgpack;
use crate::outcome::CheckResult;

/// A digest of each result that InfraSonar has, and until when it is worth.
#[derive(Debug, Default)]
pub(crate) struct Sent(BTreeMap<CheckPath, Last>);

#[derive(Debug)]
struct Last {
    /// Since the Unix epoch. Repetitions do not prolong it.
    end: Duration,
    digest: [u8; 32],
}

impl Sent {
    /// Whether `result` is what was sent for `path`, at `now` not too long ago.
    pub(crate) fn is_unchanged(&self, path: CheckPath, result: &CheckResult, now: Duration) -> bool {
        self.0.get(&path).is_some_and(|last| last.end > now && last.digest == digest(result))
    }

    /// `result` was sent for `path`; it is worth until `end`.
    pub(crate) fn remember(&mut self, path: CheckPath, result: &CheckResult, end: Duration) {
        self.0.insert(path, Last { end, digest: digest(result) });
    }

    /// What was sent for `path` is worth nothing any more.
    pub(crate) fn forget(&mut self, path: CheckPath) {
        self.0.remove(&path);
    }

    /// Nothing that was sent may be relied upon.
    pub(crate) fn forget_all(&mut self) {
        self.0.clear();
    }
}

fn digest(result: &CheckResult) -> [u8; 32] {
    Sha256::digest(msgpack::encode(&result.canonical())).into()
}

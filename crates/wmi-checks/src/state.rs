//! What the rounds of a check on one host remember from one to the next.

use serde::{Deserialize, Serialize};

use crate::checks::Programs;
use crate::counters::Samples;

/// What a round leaves to the next one of the same check on the same host. The caller keeps it; what is serialised by
/// one version may be read by a later one, and what it does not know is the default.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct State {
    /// Raw performance counters of the last round.
    pub samples: Samples,
    /// Installed programs by their keys in the registry.
    pub programs: Programs,
}

//! Descriptors of the process: how many sessions may be kept beside everything else that needs some.

/// Descriptors for all but sessions: standard streams, the wait, signals, agentcore, files, and the look-up of names.
const RESERVE: u64 = 32;

/// Descriptors of a session: a connection with the activator, and one with the object server.
const PER_SESSION: u64 = 2;

/// How many sessions may be kept. The soft limit of open files is raised to the hard one before.
pub(crate) fn sessions() -> usize {
    let kept = limit().map(|files| files.saturating_sub(RESERVE) / PER_SESSION);
    kept.and_then(|kept| usize::try_from(kept).ok()).unwrap_or(usize::MAX).max(1)
}

/// How many files the process may have open; `None` when nothing bounds them.
#[cfg(unix)]
fn limit() -> Option<u64> {
    use rustix::process::{Resource, getrlimit, setrlimit};

    let mut limit = getrlimit(Resource::Nofile);
    limit.current = limit.maximum;
    // Where the system does not take the hard limit as a soft one, the one that there is counts.
    let _ = setrlimit(Resource::Nofile, limit);
    getrlimit(Resource::Nofile).current
}

#[cfg(not(unix))]
const fn limit() -> Option<u64> {
    None
}

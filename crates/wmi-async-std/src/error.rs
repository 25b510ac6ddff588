//! Why a call on a session failed.

use thiserror::Error;
use wmi_proto::CommandError;

/// Why a [`crate::driver::Session`] could not do what it was asked for.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum SessionError {
    /// The query or the session failed: the host's answer, the network, or a deadline.
    #[error(transparent)]
    Failed(#[from] wmi_proto::Error),
    /// The caller's own mistake; nothing was changed.
    #[error(transparent)]
    Command(#[from] CommandError),
}

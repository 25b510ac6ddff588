//! Why a call on a session failed.

use std::io;

use thiserror::Error;
use wmi_proto::CommandError;

/// Why [`crate::Session`] could not do what it was asked for.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum SessionError {
    /// The query or the session failed: the host's answer, the network, or a deadline.
    #[error(transparent)]
    Failed(#[from] wmi_proto::Error),
    /// The caller's own mistake; nothing was changed.
    #[error(transparent)]
    Command(#[from] CommandError),
    /// The reactor failed, or, with [`io::ErrorKind::Interrupted`], a [`crate::Waker`] ended the wait.
    #[error(transparent)]
    Io(#[from] io::Error),
}

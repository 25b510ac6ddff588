//! How another thread ends a wait.

use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

/// Ends a wait of its session or reactor from any thread, for example from the one that handles signals.
///
/// The wait that is under way, or else the next one, returns [`io::ErrorKind::Interrupted`]; everything goes on as
/// before.
#[derive(Clone, Debug)]
pub struct Waker {
    waker: Arc<mio::Waker>,
    interrupted: Arc<AtomicBool>,
}

impl Waker {
    pub(crate) fn new(waker: Arc<mio::Waker>) -> Self {
        Self { waker, interrupted: Arc::default() }
    }

    /// Ends the wait.
    ///
    /// # Errors
    /// The operating system's wait cannot be ended.
    pub fn wake(&self) -> io::Result<()> {
        self.interrupted.store(true, Ordering::Release);
        self.waker.wake()
    }

    pub(crate) fn take(&self) -> bool {
        self.interrupted.swap(false, Ordering::Acquire)
    }
}

//! SIGINT and SIGTERM: the first ends what is under way in good order, the second ends the program.

use std::fmt;
use std::io;
use std::process;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread;
use std::time::Instant;

use signal_hook::consts::{SIGINT, SIGTERM};
use signal_hook::iterator::Signals;

/// What is to be done when a signal comes.
type Hook = Box<dyn Fn() + Send>;

/// Whether and which signal has come.
#[derive(Clone, Debug)]
pub(crate) struct Interrupt(Arc<Shared>);

#[derive(Default)]
struct Shared {
    state: Mutex<State>,
    changed: Condvar,
}

#[derive(Default)]
struct State {
    signal: Option<u8>,
    hook: Option<Hook>,
}

impl fmt::Debug for Shared {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Shared").field("signal", &self.lock().signal).finish_non_exhaustive()
    }
}

impl Shared {
    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Interrupt {
    /// Takes the signals over from now on.
    ///
    /// # Errors
    /// The operating system refuses.
    pub(crate) fn install() -> io::Result<Self> {
        let interrupt = Self(Arc::default());
        let mut signals = Signals::new([SIGINT, SIGTERM])?;
        let shared = Arc::clone(&interrupt.0);
        thread::Builder::new().name("signals".to_owned()).spawn(move || {
            for signal in signals.forever() {
                let signal = u8::try_from(signal).unwrap_or(u8::MAX);
                let mut state = shared.lock();
                if state.signal.is_some() {
                    process::exit(i32::from(signal) + 128);
                }
                state.signal = Some(signal);
                if let Some(hook) = &state.hook {
                    hook();
                }
                shared.changed.notify_all();
            }
        })?;
        Ok(interrupt)
    }

    /// The signal that has come.
    pub(crate) fn signal(&self) -> Option<u8> {
        self.0.lock().signal
    }

    /// Calls `hook` from another thread when a signal comes, at once when one has come.
    pub(crate) fn on_signal(&self, hook: impl Fn() + Send + 'static) {
        let mut state = self.0.lock();
        if state.signal.is_some() {
            hook();
        }
        state.hook = Some(Box::new(hook));
    }

    /// Waits for a signal until `until`.
    pub(crate) fn wait_until(&self, until: Instant) -> Option<u8> {
        let mut state = self.0.lock();
        loop {
            let left = until.saturating_duration_since(Instant::now());
            if state.signal.is_some() || left.is_zero() {
                return state.signal;
            }
            state = self.0.changed.wait_timeout(state, left).unwrap_or_else(PoisonError::into_inner).0;
        }
    }

    /// Waits for a signal.
    pub(crate) fn wait(&self) -> u8 {
        let mut state = self.0.lock();
        loop {
            if let Some(signal) = state.signal {
                return signal;
            }
            state = self.0.changed.wait(state).unwrap_or_else(PoisonError::into_inner);
        }
    }
}

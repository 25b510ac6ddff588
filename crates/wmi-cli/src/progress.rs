//! What people see on standard error while they wait: stages with `-v`, a spinner on a terminal.

use std::io::{self, IsTerminal, Write};
use std::time::{Duration, Instant};

use indicatif::{ProgressBar, ProgressStyle};
use wmi_proto::Stage;

use crate::status::complain;

/// Tells how far a session is.
#[derive(Debug)]
pub(crate) struct Progress {
    verbose: bool,
    spinner: Option<ProgressBar>,
    stage: Option<(Stage, Instant)>,
}

impl Progress {
    pub(crate) fn new(verbose: bool) -> Self {
        let spinner = (!verbose && io::stderr().is_terminal()).then(|| {
            let spinner = ProgressBar::new_spinner();
            spinner.set_style(ProgressStyle::default_spinner());
            spinner.enable_steady_tick(Duration::from_millis(100));
            spinner
        });
        Self { verbose, spinner, stage: None }
    }

    /// The session entered `stage`.
    pub(crate) fn enter(&mut self, stage: Stage) {
        if let Some(spinner) = &self.spinner {
            spinner.set_message(stage.to_string());
        }
        // Entered again and again while rows are fetched: one stage for people.
        if self.stage.as_ref().is_some_and(|(current, _)| *current == stage) {
            return;
        }
        self.leave();
        self.stage = Some((stage, Instant::now()));
    }

    /// The stage is over.
    pub(crate) fn leave(&mut self) {
        if let Some((stage, since)) = self.stage.take()
            && self.verbose
        {
            complain(format_args!("{stage}: {:.1} ms", since.elapsed().as_secs_f64() * 1e3));
        }
    }

    /// So many rows have arrived.
    pub(crate) fn rows(&self, rows: u64) {
        if let Some(spinner) = &self.spinner {
            spinner.set_message(format!("{rows} rows"));
        }
    }

    /// Prints something, the spinner out of the way.
    pub(crate) fn aside<R>(&self, print: impl FnOnce() -> R) -> R {
        match &self.spinner {
            Some(spinner) => spinner.suspend(print),
            None => print(),
        }
    }

    /// Prints `line` when every stage is printed.
    pub(crate) fn note(&self, line: impl FnOnce() -> String) {
        if self.verbose {
            complain(line());
        }
    }

    /// Nothing more to wait for.
    pub(crate) fn finish(&mut self) {
        self.leave();
        if let Some(spinner) = self.spinner.take() {
            spinner.finish_and_clear();
            let _ = io::stderr().flush();
        }
    }
}

impl Drop for Progress {
    fn drop(&mut self) {
        self.finish();
    }
}

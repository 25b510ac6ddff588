//! The host as a whole: which connections there are, and what each input does to them.

use std::collections::VecDeque;

use wmi_proto::{Entropy, FileTime, Instant};

use crate::{HostConfig, HostInput, HostOutput, HostStats};

/// A simulated Windows host. Does no I/O.
///
/// Do one thing (an input or a timeout), then call [`Host::poll_output`] until `None`, then wait for input or until
/// [`Host::poll_timeout`].
pub struct Host {
    config: HostConfig,
    entropy: Box<dyn Entropy>,
    start: Instant,
    wall: FileTime,
    out: VecDeque<HostOutput>,
    stats: HostStats,
}

impl Host {
    /// A host without connections. `wall` is the time at `now`.
    #[must_use]
    pub fn new(config: HostConfig, entropy: Box<dyn Entropy>, now: Instant, wall: FileTime) -> Self {
        Self { config, entropy, start: now, wall, out: VecDeque::new(), stats: HostStats::default() }
    }

    /// Tells the host what happened on a connection. What the peer did wrong comes out as an output.
    pub fn handle_input(&mut self, _input: HostInput, _now: Instant) {}

    /// Tells the host that time passed. Early calls do nothing.
    pub fn handle_timeout(&mut self, _now: Instant) {}

    /// The next thing that the runtime must do; `None` means drained.
    #[must_use]
    pub fn poll_output(&mut self) -> Option<HostOutput> {
        self.out.pop_front()
    }

    /// When [`Host::handle_timeout`] is next due; `None` means never.
    #[must_use]
    pub fn poll_timeout(&self) -> Option<Instant> {
        None
    }

    /// Objects that a client still holds a reference to.
    #[must_use]
    pub fn alive_objects(&self) -> usize {
        0
    }

    /// Public references that clients still hold, all objects together.
    #[must_use]
    pub fn public_refs(&self) -> u64 {
        0
    }

    /// What the host has seen so far.
    #[must_use]
    pub const fn stats(&self) -> &HostStats {
        &self.stats
    }

    /// The configuration it was made with.
    #[must_use]
    pub const fn config(&self) -> &HostConfig {
        &self.config
    }
}

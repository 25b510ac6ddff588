//! Rounds of checks on a pair's client.

use std::time::Duration;

use wmi_checks::{Finished, Options, Rounds, State};
use wmi_proto::FileTime;

use crate::pair::{Pair, WALL};

impl Pair {
    /// The wall time of the client's side.
    #[must_use]
    pub fn wall(&self) -> FileTime {
        WALL.saturating_add(Duration::from_micros(self.now.as_micros()))
    }

    /// Drives `rounds` until all are over.
    ///
    /// # Panics
    /// When the session falls asleep before.
    pub fn rounds(&mut self, rounds: &mut Rounds) -> Vec<Finished> {
        let mut all = Vec::new();
        loop {
            let wall = self.wall();
            rounds.drive(&mut self.client, self.now, wall);
            self.drain();
            all.extend(std::iter::from_fn(|| rounds.finished()));
            if rounds.is_idle() {
                return all;
            }
            let event = self.next_event().expect("the session fell asleep before the rounds were over");
            let wall = self.wall();
            rounds.handle(event, &mut self.client, self.now, wall);
            self.drain();
        }
    }

    /// One round of the check `key` with two minutes' time.
    ///
    /// # Panics
    /// When there is no such check.
    pub fn round(&mut self, key: &str, options: &Options, state: State) -> Finished {
        let check = wmi_checks::by_key(key).unwrap_or_else(|| panic!("no check {key}"));
        let mut rounds = Rounds::new(1);
        rounds.begin(&*check, options, state, Duration::from_secs(120));
        self.rounds(&mut rounds).pop().expect("one round")
    }
}

//! What is remembered of a host's programs from one round to the next, and what of it is due to be read again.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::program::{Hidden, Program};
use crate::registry::Getter;

/// Every key is read anew within this many rounds, whatever else says that it did not change.
pub(super) const ROUNDS: u8 = 8;

/// Octets of text that are remembered of one host; keys beyond are read in every round.
const MAX_WEIGHT: usize = 4 << 20;

/// The keys of one host by the hive's name and by their own.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Programs(BTreeMap<String, BTreeMap<String, Known>>);

/// What a key said when it was last read whole.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(super) struct Known {
    /// Rounds since then.
    age: u8,
    pub(super) key: Content,
}

/// What a key holds.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(super) enum Content {
    /// A program, and how its witness is read.
    Shown(Box<Program>, Getter),
    /// Nothing that Add/Remove Programs shows.
    Hidden(Hidden),
}

impl Programs {
    pub(super) fn get(&self, hive: &str, key: &str) -> Option<&Content> {
        self.0.get(hive)?.get(key).map(|known| &known.key)
    }

    /// The keys of a hive with what they hold.
    pub(super) fn of(&self, hive: &str) -> impl Iterator<Item = (&str, &Content)> {
        self.0.get(hive).into_iter().flatten().map(|(key, known)| (key.as_str(), &known.key))
    }

    /// Begins a round: everything is one round older. Gives the keys that are due: the oldest eighth, and whatever
    /// would otherwise be older than [`ROUNDS`].
    pub(super) fn due(&mut self) -> Vec<(String, String)> {
        let mut ages = Vec::new();
        for (hive, keys) in &mut self.0 {
            for (key, known) in keys {
                known.age = known.age.saturating_add(1);
                ages.push((known.age, hive, key));
            }
        }
        ages.sort_by_key(|(age, ..)| core::cmp::Reverse(*age));
        let share = ages.len().div_ceil(ROUNDS.into());
        let due = ages.iter().enumerate().filter(|(n, (age, ..))| *n < share || *age >= ROUNDS);
        due.map(|(_, (_, hive, key))| ((*hive).clone(), (*key).clone())).collect()
    }

    /// A key was read whole.
    pub(super) fn learn(&mut self, hive: &str, key: &str, content: Content) {
        self.0.entry(hive.to_owned()).or_default().insert(key.to_owned(), Known { age: 0, key: content });
    }

    /// The keys of a hive were listed: others are gone.
    pub(super) fn retain(&mut self, hive: &str, keep: impl Fn(&str) -> bool) {
        if let Some(keys) = self.0.get_mut(hive) {
            keys.retain(|key, _| keep(key));
        }
    }

    /// The hives were listed: others are gone, such as those of users who logged off.
    pub(super) fn retain_hives(&mut self, keep: impl Fn(&str) -> bool) {
        self.0.retain(|hive, keys| !keys.is_empty() && keep(hive));
    }

    /// Ends a round: forgets what is too much.
    pub(super) fn shrink(&mut self) {
        let mut weight = 0_usize;
        // The machine's own programs first: users must not displace them.
        for of_users in [false, true] {
            for (hive, keys) in self.0.iter_mut().filter(|(hive, _)| hive.starts_with("S-1-") == of_users) {
                keys.retain(|key, known| {
                    let text = if let Content::Shown(program, _) = &known.key { program.weight() } else { 0 };
                    weight = weight.saturating_add(text + hive.len() + key.len() + 64);
                    weight <= MAX_WEIGHT
                });
            }
        }
        self.0.retain(|_, keys| !keys.is_empty());
    }

    /// How many keys are remembered.
    #[cfg(test)]
    pub(super) fn len(&self) -> usize {
        self.0.values().map(BTreeMap::len).sum()
    }
}

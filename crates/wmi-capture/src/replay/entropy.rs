//! Randomness that a captured client drew, to be drawn again in the same order.

use std::collections::{BTreeMap, VecDeque};
use std::sync::{Arc, Mutex, PoisonError};

use wmi_proto::{Draw, Entropy};

/// Answers every draw with what the captured client drew for the same purpose.
#[derive(Clone, Default)]
pub(crate) struct ReplayEntropy {
    /// `None` stands for what was drawn and never said: any value will do.
    values: BTreeMap<Draw, VecDeque<Option<Vec<u8>>>>,
    short: Shortage,
}

/// The first purpose for which more was drawn than the capture holds.
#[derive(Clone, Debug, Default)]
pub(crate) struct Shortage(Arc<Mutex<Option<Draw>>>);

impl ReplayEntropy {
    pub(crate) fn push(&mut self, draw: Draw, value: Option<Vec<u8>>) {
        self.values.entry(draw).or_default().push_back(value);
    }

    /// The same values, to be drawn from the start, and what will tell when they do not suffice.
    pub(crate) fn afresh(&self) -> (Self, Shortage) {
        let short = Shortage::default();
        (Self { values: self.values.clone(), short: short.clone() }, short)
    }
}

impl Entropy for ReplayEntropy {
    fn fill(&mut self, draw: Draw, dst: &mut [u8]) {
        match self.values.get_mut(&draw).and_then(VecDeque::pop_front) {
            Some(value) => {
                for (to, from) in dst.iter_mut().zip(value.unwrap_or_default()) {
                    *to = from;
                }
            }
            None => {
                self.short.0.lock().unwrap_or_else(PoisonError::into_inner).get_or_insert(draw);
            }
        }
    }
}

impl Shortage {
    pub(crate) fn get(&self) -> Option<Draw> {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

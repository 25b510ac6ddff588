//! A first run with marks in place of identifiers, which tells what each of them was drawn for.
//!
//! A client draws identifiers for calls that are never made, so the order of the draws is not that of the captured calls.
//! What it does depends on none of them: where a mark turns up in a call, the captured call has the identifier.

use std::sync::{Arc, Mutex, PoisonError};

use bytes::Bytes;
use wmi_proto::{Draw, Entropy};

use crate::replay::entropy::ReplayEntropy;
use crate::replay::log_on::LogOn;

/// Identifiers that are drawn in a run at the most; more are answered as if they were never said.
const MOST_MARKS: usize = 1 << 24;

/// Hands out marks for identifiers, and what `known` holds for everything else.
pub(crate) struct Marks {
    known: ReplayEntropy,
    drawn: Drawn,
}

/// For what each mark was drawn.
pub(crate) type Drawn = Arc<Mutex<Vec<Draw>>>;

impl Marks {
    pub(crate) fn new(known: ReplayEntropy) -> (Self, Drawn) {
        let drawn = Drawn::default();
        (Self { known, drawn: Arc::clone(&drawn) }, drawn)
    }
}

impl Entropy for Marks {
    fn fill(&mut self, draw: Draw, dst: &mut [u8]) {
        if !matches!(draw, Draw::CausalityId | Draw::SmartEnumProxy) {
            self.known.fill(draw, dst);
            return;
        }
        let mut drawn = self.drawn.lock().unwrap_or_else(PoisonError::into_inner);
        if drawn.len() < MOST_MARKS {
            let number = (drawn.len() as u64).to_le_bytes();
            for (to, from) in dst.iter_mut().zip(MARK.iter().chain(&number)) {
                *to = *from;
            }
            drawn.push(draw);
        }
    }
}

/// Completes `known` with the identifiers: where the client said a mark in `said`, stream by stream and PDU by PDU, the
/// captured client said what is in `captured`.
pub(crate) fn learn(
    known: &mut ReplayEntropy,
    drawn: &Drawn,
    said: &[Vec<Bytes>],
    captured: &[Vec<Bytes>],
    log_ons: &[Option<LogOn>],
) {
    let drawn = drawn.lock().unwrap_or_else(PoisonError::into_inner);
    let mut values: Vec<Option<Vec<u8>>> = vec![None; drawn.len()];
    for ((said, captured), log_on) in said.iter().zip(captured).zip(log_ons) {
        let Some(log_on) = log_on else { continue };
        for (said, captured) in log_on.opened(said.iter().cloned()).iter().zip(captured) {
            let mut at = 0;
            while let Some(found) = said.get(at..).and_then(|rest| rest.windows(MARK.len()).position(|w| w == MARK)) {
                at += found;
                let number = said.get(at + MARK.len()..).and_then(|rest| rest.first_chunk());
                let value = captured.get(at..at + 16);
                if let (Some(number), Some(value)) = (number, value)
                    && let Some(place) =
                        usize::try_from(u64::from_le_bytes(*number)).ok().and_then(|number| values.get_mut(number))
                {
                    place.get_or_insert(value.to_vec());
                }
                at += MARK.len();
            }
        }
    }
    for (draw, value) in drawn.iter().zip(values) {
        known.push(*draw, value);
    }
}

/// The first half of a mark; the other is its number. Not a likely part of anything else.
const MARK: [u8; 8] = [0x9d, 0x4b, 0xe1, 0x37, 0xc6, 0x58, 0xaf, 0x12];

//! Calls that wait to be sent, and whose turn it is where the host takes one at a time.

use std::collections::VecDeque;

use bytes::Bytes;

use crate::wire::{Guid, Interface};

/// A call that is to be made. `ticket` comes back with its outcome.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Call<T> {
    pub(crate) ticket: T,
    pub(crate) interface: Interface,
    /// The IPID, for ORPC.
    pub(crate) object: Option<Guid>,
    pub(crate) opnum: u16,
    pub(crate) stub: Bytes,
    /// Whether somebody waits for the answer; only then it counts as a round trip.
    pub(crate) awaited: bool,
    /// Whether the host may take its time with the answer, as it did the last time.
    pub(crate) patient: bool,
}

impl<T> Call<T> {
    /// What goes first where one call waits for another: what somebody waits for, what nobody knows how long it takes,
    /// what nobody waits for.
    fn rank(&self) -> u8 {
        match (self.awaited, self.patient) {
            (true, false) => 0,
            (true, true) => 1,
            (false, _) => 2,
        }
    }
}

/// Calls in the order in which they were made, and how many others went before each that came after it.
pub(crate) struct Queue<T> {
    calls: VecDeque<(Call<T>, u32)>,
}

impl<T> Default for Queue<T> {
    fn default() -> Self {
        Self { calls: VecDeque::new() }
    }
}

impl<T> Queue<T> {
    pub(crate) fn push(&mut self, call: Call<T>) {
        self.calls.push_back((call, 0));
    }

    pub(crate) fn get(&self, place: usize) -> Option<&Call<T>> {
        self.calls.get(place).map(|(call, _)| call)
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.calls.is_empty()
    }

    pub(crate) fn clear(&mut self) {
        self.calls.clear();
    }

    pub(crate) fn retain(&mut self, keep: impl Fn(&Call<T>) -> bool) {
        self.calls.retain(|(call, _)| keep(call));
    }

    /// Whose turn it is where one call waits for another. A call that may take long does not hold up those that do not,
    /// and a release holds up nobody; what was passed over often enough goes first, so that everything is sent at last.
    pub(crate) fn turn(&self) -> usize {
        let is_due = |(_, passed): &(Call<T>, u32)| *passed >= MAX_PASSED;
        let first = || self.calls.iter().enumerate().min_by_key(|(place, (call, _))| (call.rank(), *place));
        self.calls.iter().position(is_due).or_else(|| first().map(|(place, _)| place)).unwrap_or_default()
    }

    /// Takes a call out, and notes with those before it that it was preferred.
    pub(crate) fn take(&mut self, place: usize) -> Option<Call<T>> {
        for (_, passed) in self.calls.iter_mut().take(place) {
            *passed = passed.saturating_add(1);
        }
        self.calls.remove(place).map(|(call, _)| call)
    }
}

/// How many later calls may go before one, where one call waits for another.
const MAX_PASSED: u32 = 32;

#[cfg(test)]
mod tests {
    use super::*;
    use crate::wire::guid::IID_IREM_UNKNOWN;

    fn call(ticket: u32, awaited: bool, patient: bool) -> Call<u32> {
        let interface = Interface::orpc(IID_IREM_UNKNOWN);
        Call { ticket, interface, object: None, opnum: 5, stub: Bytes::new(), awaited, patient }
    }

    fn next(queue: &mut Queue<u32>) -> Option<u32> {
        queue.take(queue.turn()).map(|call| call.ticket)
    }

    #[test]
    fn what_somebody_waits_for_goes_first_and_otherwise_what_came_first() {
        let mut queue = Queue::default();
        for (ticket, awaited, patient) in
            [(0, false, false), (1, true, true), (2, true, false), (3, true, true), (4, true, false)]
        {
            queue.push(call(ticket, awaited, patient));
        }
        let order: Vec<u32> = std::iter::from_fn(|| next(&mut queue)).collect();
        assert_eq!(order, [2, 4, 1, 3, 0]);
    }

    #[test]
    fn nothing_waits_for_ever_while_others_keep_coming() {
        let mut queue = Queue::default();
        queue.push(call(1000, false, false));
        queue.push(call(1001, true, true));
        let mut order = Vec::new();
        for ticket in 0..100 {
            queue.push(call(ticket, true, false));
            order.extend(next(&mut queue));
        }
        let place = |ticket| order.iter().position(|sent| *sent == ticket);
        assert_eq!((place(1000), place(1001)), (Some(32), Some(33)));
    }
}

//! How many objects one Next asks for.

use core::num::NonZeroU32;

use crate::limits::Limits;

/// The size of the next batch, which follows from the replies so far and from nothing else.
pub(crate) struct BatchSize {
    next: u32,
    /// What the query bounds batches to, if it does; then they do not begin small.
    fixed: Option<u32>,
    max: u32,
    /// Octets of a reply that batches are sized for.
    octets: usize,
}

impl BatchSize {
    pub(crate) fn new(fixed: Option<NonZeroU32>, limits: &Limits) -> Self {
        let fixed = fixed.map(NonZeroU32::get);
        let max = limits.max_batch.max(1);
        Self { next: fixed.unwrap_or(FIRST_BATCH).min(max), fixed, max, octets: limits.reply_octets }
    }

    /// How many to ask for when somebody wants so many.
    pub(crate) fn count(&self, wanted: NonZeroU32) -> u32 {
        self.next.min(wanted.get())
    }

    /// A reply brought objects: batches grow, as long as such objects do not make a reply too large.
    pub(crate) fn came(&mut self, objects: usize, octets: usize) {
        let Some(each) = octets.checked_div(objects) else { return };
        let fit = u32::try_from(self.octets / each.max(1)).unwrap_or(u32::MAX);
        let grown = self.fixed.unwrap_or_else(|| self.next.saturating_mul(GROWTH));
        self.next = grown.min(fit).min(self.max).max(1);
    }

    /// The host could not give `count` at once; says whether it is to be asked for fewer.
    pub(crate) fn halve(&mut self, count: u32) -> bool {
        self.next = (count / 2).max(1);
        count > 1
    }
}

/// The first batch is small, so that the first row of a slow provider is not held back.
const FIRST_BATCH: u32 = 16;

/// The factor from one batch to the next.
const GROWTH: u32 = 4;

#[cfg(test)]
mod tests {
    use super::*;

    const ANY: NonZeroU32 = NonZeroU32::MAX;

    fn sizes(fixed: Option<u32>, octets_of_each: &[usize]) -> Vec<u32> {
        let limits = Limits { max_batch: 3000, reply_octets: 100_000, ..Limits::default() };
        let mut size = BatchSize::new(fixed.and_then(NonZeroU32::new), &limits);
        let mut next = |each: &usize| {
            let count = size.count(ANY);
            size.came(count as usize, count as usize * each);
            count
        };
        octets_of_each.iter().map(&mut next).collect()
    }

    #[test]
    fn batches_grow_up_to_the_limit_and_shrink_when_objects_are_fat() {
        assert_eq!(sizes(None, &[20; 6]), [16, 64, 256, 1024, 3000, 3000]);
        assert_eq!(sizes(None, &[100, 100, 100, 100, 5000, 50, 50]), [16, 64, 256, 1000, 1000, 20, 80]);
        assert_eq!(sizes(None, &[200_000, 200_000, 10, 10]), [16, 1, 1, 4]);
        assert_eq!(sizes(Some(500), &[20, 1000, 20, 20]), [500, 500, 100, 500]);
        assert_eq!(sizes(Some(9000), &[0, 0]), [3000, 3000]);
    }

    #[test]
    fn a_batch_that_was_too_much_is_halved_down_to_one() {
        let mut size = BatchSize::new(NonZeroU32::new(5), &Limits::default());
        assert!(size.halve(5) && size.count(ANY) == 2);
        assert!(size.halve(2) && size.count(ANY) == 1);
        assert!(!size.halve(1) && size.count(ANY) == 1);
    }
}

//! Performance counters of any raw class: from the qualifiers of its definition and two samples to values.
//!
//! [`Layout::of`] reads which counters a class has; [`Sample::read`] takes a row's raw numbers; [`Samples`] keeps them
//! between runs; [`Sample::cook`] makes values of them, each a finite number or the reason why there is none.

mod formula;
mod kind;
mod layout;
mod samples;

pub use formula::{Counter, Interval, Moment, Raw, Why};
pub use kind::{CounterType, Measure};
pub use layout::{Layout, formatted_class};
pub use samples::{Column, Earlier, Sample, Samples};

/// How far a counter went between two samples, one wrap at 2^64 included.
pub(crate) const fn delta(previous: u64, now: u64) -> u64 {
    now.wrapping_sub(previous)
}

/// PERF_100NSEC_TIMER_INV (CounterType 0x21510500): the busy share in percent of a counter that counts idle time.
///
/// `idle` and `elapsed` are the raw counter and its Timestamp_Sys100NS, (previous, now), in units of 100 ns.
/// `None` when no time passed, or when a counter went back (the host or the counter was restarted): then there is no
/// rate between these samples. Both are read at slightly different ticks, so the share is cut to 0 to 100.
#[allow(clippy::cast_precision_loss, reason = "differences are far below 2^53")]
pub(crate) fn busy_percent(idle: (u64, u64), elapsed: (u64, u64)) -> Option<f64> {
    /// Two ticks of the slowest Windows clock (15.6 ms each), and some.
    const JITTER: u64 = 500_000;

    let (idle, elapsed) = (delta(idle.0, idle.1), delta(elapsed.0, elapsed.1));
    // A counter that went back shows as a difference near 2^64.
    if elapsed == 0 || elapsed > u64::MAX / 2 || idle > elapsed.saturating_mul(2).saturating_add(JITTER) {
        return None;
    }
    Some((100.0 * (1.0 - idle as f64 / elapsed as f64)).clamp(0.0, 100.0))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn idle_time_inverts_to_busy_time() {
        assert_eq!(busy_percent((0, 7_500_000), (0, 10_000_000)), Some(25.0));
        assert_eq!(busy_percent((0, 0), (0, 10_000_000)), Some(100.0));
        assert_eq!(busy_percent((5, 10_000_005), (0, 10_000_000)), Some(0.0));
    }

    #[test]
    fn jitter_is_cut_not_reported_as_negative() {
        assert_eq!(busy_percent((0, 10_100_000), (0, 10_000_000)), Some(0.0));
        assert_eq!(busy_percent((0, 400_000), (0, 100_000)), Some(0.0));
    }

    #[test]
    fn a_wrap_is_crossed() {
        let before = u64::MAX - 999_999;
        assert_eq!(busy_percent((before, 1_500_000), (before, 4_000_000)), Some(50.0));
    }

    #[test]
    fn a_reset_or_standing_clock_gives_no_rate() {
        assert_eq!(busy_percent((9_000_000_000, 12), (9_000_000_000, 9_010_000_000)), None, "the counter restarted");
        assert_eq!(busy_percent((9_000_000_000, 12), (9_000_000_000, 30)), None, "the host restarted");
        assert_eq!(busy_percent((7, 7), (100, 100)), None, "no time passed");
    }
}

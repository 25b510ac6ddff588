//! Processors: how busy they are, one by one, by group and all together.

use super::kind::Kind::*;
use super::kind::{PERCENT, TICKS};
use super::table::Column;
use super::{Population, of, per};
use crate::classes::PROCESSOR_LOAD;

/// Processors of a group; Windows has at most so many.
const GROUP: usize = 64;

/// The name of all together.
const TOTAL: &str = "_Total";

/// The load of the processor at `index`, in percent.
fn load(index: usize) -> u64 {
    PROCESSOR_LOAD[index % PROCESSOR_LOAD.len()].into()
}

/// What all processors are busy with together, in percent of one.
pub(super) fn busy(processors: usize) -> u64 {
    (0..processors).map(load).sum()
}

pub(super) fn count(population: &Population) -> usize {
    population.processors.min(GROUP) + 1
}

pub(super) fn count_with_groups(population: &Population) -> usize {
    population.processors + population.processors.div_ceil(GROUP) + 1
}

/// `0`, `1`, … and `_Total` of the first group: the old counters know no other.
pub(super) fn at(index: usize, population: &Population) -> (Option<String>, Share) {
    let own = population.processors.min(GROUP);
    if index < own {
        (Some(index.to_string()), Share::of(index, 1))
    } else {
        (Some(TOTAL.to_owned()), Share::of(0, own))
    }
}

/// `0,0`, `0,1`, … `0,_Total`, `1,0`, … `_Total`.
pub(super) fn at_with_groups(index: usize, population: &Population) -> (Option<String>, Share) {
    let all = population.processors;
    let (group, own) = (index / (GROUP + 1), index % (GROUP + 1));
    let first = group * GROUP;
    let size = all.saturating_sub(first).min(GROUP);
    let (name, share) = if size == 0 || own > size {
        (TOTAL.to_owned(), Share::of(0, all))
    } else if own == size {
        (format!("{group},{TOTAL}"), Share::of(first, size))
    } else {
        (format!("{group},{own}"), Share::of(first + own, 1))
    };
    (Some(name), share)
}

/// Some processors: times are averages of theirs and events are sums, as on Windows.
pub(super) struct Share {
    processors: u64,
    /// How busy they are on average, in hundredths of a percent.
    load: u64,
}

impl Share {
    fn of(first: usize, processors: usize) -> Self {
        let sum: u64 = (first..first + processors).map(load).sum();
        let processors = processors.max(1) as u64;
        Self { processors, load: sum * PERCENT / processors }
    }

    const fn idle(&self) -> u64 {
        100 * PERCENT - self.load
    }

    const fn user(&self) -> u64 {
        self.load * 3 / 5
    }
}

/// What every version counts.
pub(super) const PROCESSOR: &[Column<Share>] = &[
    ("C1TransitionsPersec", BulkCount, |s| of(500 * s.processors)),
    ("C2TransitionsPersec", BulkCount, |_| of(0)),
    ("C3TransitionsPersec", BulkCount, |_| of(0)),
    ("DPCRate", RawCount, |_| of(2)),
    ("DPCsQueuedPersec", Counter, |s| of(200 * s.processors)),
    ("InterruptsPersec", Counter, |s| of(1_000 * s.processors)),
    ("PercentC1Time", Timer100ns, |s| of(s.idle())),
    ("PercentC2Time", Timer100ns, |_| of(0)),
    ("PercentC3Time", Timer100ns, |_| of(0)),
    ("PercentDPCTime", Timer100ns, |s| of(s.load / 40)),
    ("PercentIdleTime", Timer100ns, |s| of(s.idle())),
    ("PercentInterruptTime", Timer100ns, |s| of(s.load / 50)),
    ("PercentPrivilegedTime", Timer100ns, |s| of(s.load - s.user())),
    ("PercentProcessorTime", Timer100nsInverse, |s| of(s.load)),
    ("PercentUserTime", Timer100ns, |s| of(s.user())),
];

/// How many times a second the clock ticks that utility is measured over: 32 bits of it last two hours.
const UTILITY_CLOCK: u64 = (1 << 32) / 7_200;

/// How many times a second a processor that was idle has something to do.
const IDLE_BREAKS: u64 = 30;

/// What came with groups, and later.
pub(super) const LATER: &[Column<Share>] = &[
    ("AverageIdleTime", LargeAverageBulk, |s| {
        per(s.idle() * TICKS / (100 * PERCENT) / IDLE_BREAKS, IDLE_BREAKS * s.processors)
    }),
    ("ClockInterruptsPersec", Counter, |s| of(64 * s.processors)),
    ("IdleBreakEventsPersec", BulkCount, |s| of(IDLE_BREAKS * s.processors)),
    ("ParkingStatus", RawCount, |_| of(0)),
    ("PercentofMaximumFrequency", RawCount, |_| of(100)),
    ("PercentPerformanceLimit", RawCount, |_| of(100)),
    ("PercentPriorityTime", Timer100nsInverse, |s| of(s.load)),
    ("PercentPrivilegedUtility", AverageBulk, |s| per((s.load - s.user()) / PERCENT, UTILITY_CLOCK)),
    ("PercentProcessorPerformance", AverageBulk, |_| per(100, 24_000)),
    ("PercentProcessorUtility", AverageBulk, |s| per(s.load / PERCENT, UTILITY_CLOCK)),
    ("PerformanceLimitFlags", RawCountHex, |_| of(0)),
    ("ProcessorFrequency", RawCount, |_| of(2_400)),
    ("ProcessorStateFlags", RawCountHex, |_| of(0)),
];

//! Processors: how busy they are, one by one, by group and all together.

use super::kind::PERCENT;
use super::{Figure, Population, of, per};
use crate::classes::PROCESSOR_LOAD;

/// Processors of a group; Windows has at most so many.
const GROUP: usize = 64;

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
pub(super) fn instance(index: usize, population: &Population) -> (String, Vec<Figure>) {
    let own = population.processors.min(GROUP);
    if index < own {
        (index.to_string(), Share::of(index, 1).figures())
    } else {
        ("_Total".to_owned(), Share::of(0, own).figures())
    }
}

/// `0,0`, `0,1`, … `0,_Total`, `1,0`, … `_Total`.
pub(super) fn instance_of_group(index: usize, population: &Population) -> (String, Vec<Figure>) {
    let all = population.processors;
    let (group, own) = (index / (GROUP + 1), index % (GROUP + 1));
    let first = group * GROUP;
    let size = all.saturating_sub(first).min(GROUP);
    let (name, share) = if size == 0 || own > size {
        ("_Total".to_owned(), Share::of(0, all))
    } else if own == size {
        (format!("{group},_Total"), Share::of(first, size))
    } else {
        (format!("{group},{own}"), Share::of(first + own, 1))
    };
    (name, share.figures_of_group())
}

/// Some processors: times are averages of theirs and events are sums, as on Windows.
struct Share {
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

    fn user(&self) -> u64 {
        self.load * 3 / 5
    }

    /// In the order of `PROCESSOR` in the table of sets.
    fn figures(&self) -> Vec<Figure> {
        let (n, idle) = (self.processors, 100 * PERCENT - self.load);
        vec![
            of(500 * n),                 // C1TransitionsPersec
            of(0),                       // C2TransitionsPersec
            of(0),                       // C3TransitionsPersec
            of(2),                       // DPCRate
            of(200 * n),                 // DPCsQueuedPersec
            of(1_000 * n),               // InterruptsPersec
            of(idle),                    // PercentC1Time
            of(0),                       // PercentC2Time
            of(0),                       // PercentC3Time
            of(self.load / 40),          // PercentDPCTime
            of(idle),                    // PercentIdleTime
            of(self.load / 50),          // PercentInterruptTime
            of(self.load - self.user()), // PercentPrivilegedTime
            of(self.load),               // PercentProcessorTime
            of(self.user()),             // PercentUserTime
        ]
    }

    /// In the order of `GROUPED` in the table of sets.
    fn figures_of_group(&self) -> Vec<Figure> {
        let mut figures = self.figures();
        let n = self.processors;
        figures.extend([
            of(64 * n),                                      // ClockInterruptsPersec
            of(30 * n),                                      // IdleBreakEventsPersec
            of(0),                                           // ParkingStatus
            of(100),                                         // PercentofMaximumFrequency
            of(100),                                         // PercentPerformanceLimit
            of(self.load),                                   // PercentPriorityTime
            per((self.load - self.user()) / PERCENT, 2_400), // PercentPrivilegedUtility
            per(100, 24_000),                                // PercentProcessorPerformance
            per(self.load / PERCENT, 2_400),                 // PercentProcessorUtility
            of(0),                                           // PerformanceLimitFlags
            of(2_400),                                       // ProcessorFrequency
            of(0),                                           // ProcessorStateFlags
        ]);
        figures
    }
}

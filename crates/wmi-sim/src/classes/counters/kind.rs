//! The types of counters (winperf.h): what a raw counter shows at a moment, and what two samples of it come to.

use wmi_proto::cim::CimValue;

use super::Figure;

/// Ticks per second of a FILETIME.
pub(super) const TICKS: u64 = 10_000_000;

/// What a percent of the time is in figures.
pub(super) const PERCENT: u64 = 100;

/// A type of counter. The comment says what the [`Figure`] of such a counter means.
///
/// The codes are those of winperf.h and of the CounterType qualifier on learn.microsoft.com.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u32)]
pub(super) enum Kind {
    /// PERF_COUNTER_RAWCOUNT_HEX: `value` at the start and `base` more every hour.
    RawCountHex = 0x0000_0000,
    /// PERF_COUNTER_LARGE_RAWCOUNT_HEX: the same.
    LargeRawCountHex = 0x0000_0100,
    /// PERF_COUNTER_RAWCOUNT: the same.
    RawCount = 0x0001_0000,
    /// PERF_COUNTER_LARGE_RAWCOUNT: the same.
    LargeRawCount = 0x0001_0100,
    /// PERF_COUNTER_DELTA: `value` every second, `base` at the start.
    Delta = 0x0040_0400,
    /// PERF_COUNTER_LARGE_DELTA: the same.
    LargeDelta = 0x0040_0500,
    /// PERF_SAMPLE_COUNTER: the same.
    SampleCounter = 0x0041_0400,
    /// PERF_COUNTER_COUNTER: the same.
    Counter = 0x1041_0400,
    /// PERF_COUNTER_BULK_COUNT: the same.
    BulkCount = 0x1041_0500,
    /// PERF_COUNTER_QUEUELEN_TYPE: the average length of the queue is `value` ten-thousandths, `base` at the start.
    QueueLength = 0x0045_0400,
    /// PERF_COUNTER_LARGE_QUEUELEN_TYPE: the same.
    LargeQueueLength = 0x0045_0500,
    /// PERF_COUNTER_100NS_QUEUELEN_TYPE: the same.
    QueueLength100ns = 0x0055_0500,
    /// PERF_COUNTER_OBJ_TIME_QUEUELEN_TYPE: the same.
    ObjectQueueLength = 0x0065_0500,
    /// PERF_RAW_FRACTION: `value` of `base`.
    RawFraction = 0x2002_0400,
    /// PERF_LARGE_RAW_FRACTION: the same.
    LargeRawFraction = 0x2002_0500,
    /// PERF_SAMPLE_FRACTION: of `base` operations every second `value` are hits.
    SampleFraction = 0x20C2_0400,
    /// PERF_COUNTER_TIMER: busy for `value` hundredths of a percent of the time.
    Timer = 0x2041_0500,
    /// PERF_COUNTER_TIMER_INV: the same; idle time is counted.
    TimerInverse = 0x2141_0500,
    /// PERF_100NSEC_TIMER: busy for `value` hundredths of a percent of the time.
    Timer100ns = 0x2051_0500,
    /// PERF_100NSEC_TIMER_INV: the same; idle time is counted.
    Timer100nsInverse = 0x2151_0500,
    /// PERF_OBJ_TIME_TIMER: busy for `value` hundredths of a percent of the time.
    ObjectTimer = 0x2061_0500,
    /// PERF_PRECISION_SYSTEM_TIMER: the same, with a time of its own.
    PrecisionTimer = 0x2047_0500,
    /// PERF_PRECISION_100NS_TIMER: the same.
    PrecisionTimer100ns = 0x2057_0500,
    /// PERF_PRECISION_OBJECT_TIMER: the same.
    PrecisionObjectTimer = 0x2067_0500,
    /// PERF_COUNTER_MULTI_TIMER: `base` things, each busy for `value` hundredths of a percent of the time.
    MultiTimer = 0x2241_0500,
    /// PERF_COUNTER_MULTI_TIMER_INV: the same; idle time is counted.
    MultiTimerInverse = 0x2341_0500,
    /// PERF_100NSEC_MULTI_TIMER: `base` things, each busy for `value` hundredths of a percent of the time.
    MultiTimer100ns = 0x2251_0500,
    /// PERF_100NSEC_MULTI_TIMER_INV: the same; idle time is counted.
    MultiTimer100nsInverse = 0x2351_0500,
    /// PERF_AVERAGE_TIMER: `base` operations every second take `value` microseconds each.
    AverageTimer = 0x3002_0400,
    /// PERF_ELAPSED_TIME: since `value` intervals of 100 ns after the start of the machine, or since the FILETIME `base`.
    ElapsedTime = 0x3024_0500,
    /// PERF_AVERAGE_BULK: `base` operations every second have `value` units each.
    AverageBulk = 0x4002_0500,
    /// The same whose operations are counted in 64 bits; the number is not its type, of which there can be but one.
    LargeAverageBulk = u32::MAX,
}

/// PERF_SAMPLE_BASE.
const SAMPLE_BASE: u32 = 0x4003_0401;
/// PERF_AVERAGE_BASE.
const AVERAGE_BASE: u32 = 0x4003_0402;
/// PERF_RAW_BASE.
const RAW_BASE: u32 = 0x4003_0403;
/// PERF_LARGE_RAW_BASE, which SQL Server and .NET have without the low bits; and PERF_PRECISION_TIMESTAMP.
const LARGE_BASE: u32 = 0x4003_0500;
/// PERF_COUNTER_MULTI_BASE.
const MULTI_BASE: u32 = 0x4203_0500;

/// The `base` of PERF_ELAPSED_TIME of what never started: Windows has the moment of the sample in its place.
pub(super) const NEVER: u64 = u64::MAX;

/// Whether a counter has 64 bits (PERF_SIZE_LARGE).
pub(super) const fn is_wide(code: u32) -> bool {
    code & 0x300 == 0x100
}

/// A value in the size of a counter; 32 bits wrap.
pub(super) const fn sized(code: u32, value: u64) -> CimValue {
    if is_wide(code) { CimValue::Uint64(value) } else { CimValue::Uint32(value as u32) }
}

/// A moment in the life of the machine.
#[derive(Clone, Copy, Debug)]
pub(super) struct Moment {
    /// When the machine started, as a FILETIME.
    pub(super) boot: u64,
    /// Intervals of 100 ns since then.
    pub(super) up: u64,
    pub(super) perf_frequency: u64,
    pub(super) object_frequency: u64,
}

impl Moment {
    /// The performance counter.
    pub(super) const fn perf(&self) -> u64 {
        share(self.up, self.perf_frequency, TICKS)
    }

    /// A FILETIME in the time of the object.
    pub(super) const fn object(&self, time: u64) -> u64 {
        share(time, self.object_frequency, TICKS)
    }

    /// The FILETIME from which on elapsed time is counted.
    const fn start(&self, figure: Figure) -> u64 {
        match figure.base {
            0 => self.boot.wrapping_add(figure.value),
            NEVER => self.boot.wrapping_add(self.up),
            started => started,
        }
    }

    /// How often something that happens `rate` times a second has happened.
    const fn times(&self, rate: u64) -> u64 {
        share(self.up, rate, TICKS)
    }
}

/// `whole * part / of`; what is beyond 64 bits wraps.
const fn share(whole: u64, part: u64, of: u64) -> u64 {
    (whole as u128 * part as u128 / of as u128) as u64
}

impl Kind {
    /// The value of the CounterType qualifier.
    pub(super) const fn code(self) -> u32 {
        match self {
            Self::LargeAverageBulk => Self::AverageBulk as u32,
            own => own as u32,
        }
    }

    /// The type of the counter with `_Base` at the end of its name that belongs to it.
    pub(super) const fn base(self) -> Option<u32> {
        match self {
            Self::RawFraction => Some(RAW_BASE),
            Self::SampleFraction => Some(SAMPLE_BASE),
            Self::AverageTimer | Self::AverageBulk => Some(AVERAGE_BASE),
            Self::LargeRawFraction
            | Self::PrecisionTimer
            | Self::PrecisionTimer100ns
            | Self::PrecisionObjectTimer
            | Self::LargeAverageBulk => Some(LARGE_BASE),
            Self::MultiTimer | Self::MultiTimerInverse | Self::MultiTimer100ns | Self::MultiTimer100nsInverse => {
                Some(MULTI_BASE)
            }
            _ => None,
        }
    }

    /// A value in the size of the counter.
    pub(super) const fn sized(self, value: u64) -> CimValue {
        sized(self.code(), value)
    }

    /// How long the machine is up in the unit in which the counter counts time.
    const fn time(self, moment: &Moment) -> u64 {
        match self {
            Self::QueueLength
            | Self::LargeQueueLength
            | Self::Timer
            | Self::TimerInverse
            | Self::PrecisionTimer
            | Self::MultiTimer
            | Self::MultiTimerInverse => moment.perf(),
            Self::ObjectTimer | Self::PrecisionObjectTimer | Self::ObjectQueueLength => moment.object(moment.up),
            _ => moment.up,
        }
    }

    /// What the counter and its base show.
    pub(super) const fn raw(self, figure: Figure, moment: &Moment) -> (u64, u64) {
        let Figure { value, base } = figure;
        let time = self.time(moment);
        match self {
            Self::RawCountHex | Self::LargeRawCountHex | Self::RawCount | Self::LargeRawCount => {
                (value.wrapping_add(share(moment.up, base, 3_600 * TICKS)), 0)
            }
            Self::Delta | Self::LargeDelta | Self::SampleCounter | Self::Counter | Self::BulkCount => {
                (base.wrapping_add(moment.times(value)), 0)
            }
            Self::QueueLength | Self::LargeQueueLength | Self::QueueLength100ns | Self::ObjectQueueLength => {
                (base.wrapping_add(share(time, value, 100 * PERCENT)), 0)
            }
            Self::RawFraction | Self::LargeRawFraction => (value, base),
            Self::SampleFraction => (moment.times(value), moment.times(base)),
            Self::Timer
            | Self::Timer100ns
            | Self::ObjectTimer
            | Self::PrecisionTimer
            | Self::PrecisionTimer100ns
            | Self::PrecisionObjectTimer => (share(time, value, 100 * PERCENT), time),
            Self::TimerInverse | Self::Timer100nsInverse => (time.wrapping_sub(share(time, value, 100 * PERCENT)), 0),
            Self::MultiTimer | Self::MultiTimer100ns => (share(time, value.wrapping_mul(base), 100 * PERCENT), base),
            Self::MultiTimerInverse | Self::MultiTimer100nsInverse => {
                let all = share(time, base, 1);
                (all.wrapping_sub(share(time, value.wrapping_mul(base), 100 * PERCENT)), base)
            }
            Self::AverageTimer => {
                let done = moment.times(base);
                (share(done, value.wrapping_mul(moment.perf_frequency), 1_000_000), done)
            }
            Self::AverageBulk | Self::LargeAverageBulk => {
                let done = moment.times(base);
                (done.wrapping_mul(value), done)
            }
            Self::ElapsedTime => (moment.object(moment.start(figure)), 0),
        }
    }

    /// What two samples a second apart come to, in whole numbers as the formatted classes have them.
    pub(super) const fn formatted(self, figure: Figure, moment: &Moment) -> u64 {
        let Figure { value, base } = figure;
        match self {
            Self::RawCountHex | Self::LargeRawCountHex | Self::RawCount | Self::LargeRawCount => {
                self.raw(figure, moment).0
            }
            Self::QueueLength | Self::LargeQueueLength | Self::QueueLength100ns | Self::ObjectQueueLength => {
                value / (100 * PERCENT)
            }
            Self::RawFraction | Self::LargeRawFraction | Self::SampleFraction => {
                if base == 0 {
                    0
                } else {
                    share(100, value, base)
                }
            }
            Self::AverageTimer => value / 1_000_000,
            Self::ElapsedTime => moment.boot.wrapping_add(moment.up).saturating_sub(moment.start(figure)) / TICKS,
            Self::Timer
            | Self::TimerInverse
            | Self::Timer100ns
            | Self::Timer100nsInverse
            | Self::ObjectTimer
            | Self::MultiTimer
            | Self::MultiTimerInverse
            | Self::MultiTimer100ns
            | Self::MultiTimer100nsInverse => value / PERCENT,
            // Overlapping operations count more time than there is, which is not shown.
            Self::PrecisionTimer | Self::PrecisionTimer100ns | Self::PrecisionObjectTimer => {
                if value < 100 * PERCENT {
                    value / PERCENT
                } else {
                    100
                }
            }
            Self::Delta
            | Self::LargeDelta
            | Self::SampleCounter
            | Self::Counter
            | Self::BulkCount
            | Self::AverageBulk
            | Self::LargeAverageBulk => value,
        }
    }
}

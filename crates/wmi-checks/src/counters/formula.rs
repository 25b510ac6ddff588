//! From two raw samples to a value: the formula of every counter type.

use core::fmt;

use serde::{Deserialize, Serialize};
use wmi_proto::cim::CimValue;

use super::{CounterType, Measure};
use crate::report::NEEDS_SECOND_SAMPLE;

/// Why there is no value.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Why {
    /// One sample is not enough, and there is no earlier one of this instance.
    NeedsSecondSample,
    /// The counter or a clock went back: the host, the provider or the instance was restarted.
    WentBack,
    /// No time passed between the samples, or the host says no time.
    NoTime,
    /// The host's clocks disagree on how much time passed: its wall clock was set, or it was restarted.
    ClockWasSet,
    /// The counter moved more than time allows.
    Jumped,
    /// A counter of 32 bits may have wrapped more than once.
    MayHaveWrapped,
    /// An other instance has the name now.
    OtherInstance,
    /// More than one instance has this name, so samples cannot be told apart.
    SeveralInstances,
    /// The host gave no value, or no number.
    NoValue,
    /// Nothing happened of which this would be the mean or the share: the base is 0, did not move, or is missing.
    NothingCounted,
    /// The type has no number, or is not known.
    Unsupported(CounterType),
}

impl fmt::Display for Why {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::NeedsSecondSample => NEEDS_SECOND_SAMPLE,
            Self::WentBack => "the counter was restarted between the samples",
            Self::NoTime => "no time passed between the samples",
            Self::ClockWasSet => "the host's clock was set between the samples, or the host was restarted",
            Self::Jumped => "the counter moved more than the time between the samples allows",
            Self::MayHaveWrapped => "a counter of 32 bits may have wrapped more than once between the samples",
            Self::OtherInstance => "an other instance has the name now",
            Self::SeveralInstances => "several instances have this name",
            Self::NoValue => "the host gave no number",
            Self::NothingCounted => "nothing was counted between the samples",
            Self::Unsupported(kind) => return write!(f, "{kind} has no number"),
        })
    }
}

/// The clocks of one sample: Timestamp_* and Frequency_* of a raw row. `None` where the host gave NULL.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Moment {
    /// Timestamp_Sys100NS: the wall clock in 100 ns since 1601, which somebody may set.
    pub sys_100ns: Option<u64>,
    /// Timestamp_PerfTime: ticks since the host was started.
    pub perf_time: Option<u64>,
    /// Frequency_PerfTime: ticks in a second.
    pub perf_frequency: Option<u64>,
    /// Timestamp_Object: ticks of the object's own clock.
    pub object_time: Option<u64>,
    /// Frequency_Object: ticks of it in a second.
    pub object_frequency: Option<u64>,
}

impl Moment {
    /// The columns that [`Moment::read`] asks for.
    pub const COLUMNS: [&'static str; 5] =
        ["Timestamp_Sys100NS", "Timestamp_PerfTime", "Frequency_PerfTime", "Timestamp_Object", "Frequency_Object"];

    /// The clocks of a row whose number in a column `number` gives.
    pub fn read(mut number: impl FnMut(&str) -> Option<u64>) -> Self {
        let [sys_100ns, perf_time, perf_frequency, object_time, object_frequency] = Self::COLUMNS.map(&mut number);
        Self { sys_100ns, perf_time, perf_frequency, object_time, object_frequency }
    }
}

/// Raw numbers of one counter in one sample.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Raw {
    /// The property; of [`CounterType::DOUBLE_RAW`] the bits of the double. `None` for NULL.
    pub value: Option<u64>,
    /// Its base property, where it has one.
    pub base: Option<u64>,
}

impl Raw {
    /// The numbers of a property and its base.
    #[must_use]
    pub fn of(kind: CounterType, value: &CimValue, base: Option<&CimValue>) -> Self {
        let value = match value {
            CimValue::Real64(real) if kind == CounterType::DOUBLE_RAW => Some(real.to_bits()),
            CimValue::Real32(real) if kind == CounterType::DOUBLE_RAW => Some(f64::from(*real).to_bits()),
            value => number(value),
        };
        Self { value, base: base.and_then(number) }
    }
}

/// A whole number. Counters are unsigned; a class that declares one signed means the same bits.
fn number(value: &CimValue) -> Option<u64> {
    match *value {
        CimValue::Sint32(v) => Some(u64::from(v.cast_unsigned())),
        CimValue::Sint64(v) => Some(v.cast_unsigned()),
        ref other => other.as_u64(),
    }
}

/// What is to be known of a counter to cook it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Counter {
    /// Its type.
    pub kind: CounterType,
    /// Whether the property has 64 bits; otherwise it wraps at 2^32.
    pub wide: bool,
    /// Whether its base has 64 bits.
    pub wide_base: bool,
}

/// The time between two samples by each of the host's clocks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Interval {
    /// Units of 100 ns by the wall clock.
    sys_100ns: Result<u64, Why>,
    /// Ticks of the performance counter.
    perf: Result<u64, Why>,
    /// Those in a second.
    perf_frequency: Option<u64>,
    /// Ticks of the object's clock.
    object: Result<u64, Why>,
}

/// How far two of a host's clocks may disagree: this much, and a fiftieth of the time. Units of 100 ns.
const DISAGREEMENT: u128 = 5_000_000;

/// How much more than the time between two samples an idle counter may move, in units of 100 ns: two ticks of the
/// slowest Windows clock (15.6 ms each), and some.
const JITTER: u64 = 500_000;

/// Seconds after which what is counted in 32 bits is not certain any more: what happens a million times in a second has
/// wrapped once by then, and no more is known to happen for so long.
const WRAP: f64 = 4294.0;

/// More processors than a host has: no timer moves faster.
const PROCESSORS: u64 = 1 << 16;

impl Interval {
    /// The time from `earlier` to `later`.
    ///
    /// # Errors
    /// The samples do not belong together: a clock went back, or the clocks disagree on the time between them, as after
    /// a restart or when the wall clock was set.
    pub fn between(earlier: &Moment, later: &Moment) -> Result<Self, Why> {
        let passed = |earlier: Option<u64>, later: Option<u64>| match earlier.zip(later) {
            Some((earlier, later)) if later < earlier => Err(Why::WentBack),
            Some((earlier, later)) if later > earlier => Ok(later - earlier),
            _ => Err(Why::NoTime),
        };
        let interval = Self {
            sys_100ns: passed(earlier.sys_100ns, later.sys_100ns),
            perf: passed(earlier.perf_time, later.perf_time),
            perf_frequency: later.perf_frequency.filter(|frequency| *frequency > 0),
            object: passed(earlier.object_time, later.object_time),
        };
        let restarted = [interval.sys_100ns, interval.perf, interval.object].contains(&Err(Why::WentBack));
        // Ticks of an other frequency are those of an other start of the host.
        let other_ticks = matches!(earlier.perf_frequency.zip(later.perf_frequency), Some((a, b)) if a != b);
        if restarted || other_ticks {
            return Err(Why::WentBack);
        }
        if let (Ok(sys), Ok(perf), Some(frequency)) = (interval.sys_100ns, interval.perf, interval.perf_frequency) {
            let (sys, perf) = (u128::from(sys), u128::from(perf) * 10_000_000 / u128::from(frequency));
            if sys.abs_diff(perf) > DISAGREEMENT + sys.min(perf) / 50 {
                return Err(Why::ClockWasSet);
            }
        }
        Ok(interval)
    }

    /// The time in seconds, by the performance counter.
    fn seconds(&self) -> Result<f64, Why> {
        Ok(self.perf? as f64 / self.perf_frequency.ok_or(Why::NoTime)? as f64)
    }
}

/// How far a counter of 32 or 64 bits went, one wrap included.
///
/// A counter that stands lower than before has wrapped, or was restarted. It is taken to have wrapped when the way over
/// the wrap is the shorter one.
fn moved(earlier: u64, later: u64, wide: bool) -> Result<u64, Why> {
    let (delta, half) = if wide {
        (later.wrapping_sub(earlier), u64::MAX / 2)
    } else {
        (later.wrapping_sub(earlier) & u64::from(u32::MAX), u64::from(u32::MAX / 2))
    };
    if later < earlier && delta > half { Err(Why::WentBack) } else { Ok(delta) }
}

impl Counter {
    /// The value of a counter whose numbers are `later`, at the moment `now`, and were `earlier` an interval before.
    /// Without an earlier sample the interval is the reason; a counter that needs one sample only gives its value all
    /// the same.
    ///
    /// Shares are ratios (1.0 for 100 %); times are seconds. Always finite. The formulas are those of the pages
    /// "WMI Performance Counter Types" and "Calculations for Raw Counter Data" of the Windows SDK. For the MULTI types
    /// the pages disagree on whether the result is divided by the number of components: here it is their mean.
    /// No outside example is known of the double of PERF_DOUBLE_RAW in an integer property; it is taken for its bits.
    ///
    /// # Errors
    /// There is no truthful value.
    pub fn cook(&self, earlier: Raw, interval: Result<Interval, Why>, later: Raw, now: &Moment) -> Result<f64, Why> {
        let value = later.value.ok_or(Why::NoValue)?;
        let base = || later.base.ok_or(Why::NothingCounted);
        match self.kind {
            CounterType::COUNTER_RAWCOUNT_HEX
            | CounterType::COUNTER_LARGE_RAWCOUNT_HEX
            | CounterType::COUNTER_RAWCOUNT
            | CounterType::COUNTER_LARGE_RAWCOUNT => return Ok(value as f64),
            CounterType::DOUBLE_RAW => {
                let real = f64::from_bits(value);
                return if real.is_finite() { Ok(real) } else { Err(Why::NoValue) };
            }
            CounterType::RAW_FRACTION | CounterType::LARGE_RAW_FRACTION => return share(value, base()?),
            CounterType::ELAPSED_TIME => {
                let (time, frequency) = now.object_time.zip(now.object_frequency).ok_or(Why::NoTime)?;
                // Of what has always been there, as the idle process.
                if value == 0 {
                    return Err(Why::NoValue);
                }
                let ticks = time.checked_sub(value).ok_or(Why::WentBack)?;
                return if frequency == 0 { Err(Why::NoTime) } else { Ok(ticks as f64 / frequency as f64) };
            }
            kind if kind.measure().is_none() => return Err(Why::Unsupported(kind)),
            _ => {}
        }
        let interval = interval?;
        let before = earlier.value.ok_or(Why::NeedsSecondSample)?;
        if self.may_have_wrapped(&interval) {
            return Err(Why::MayHaveWrapped);
        }
        let counted = moved(before, value, self.wide)?;
        let operations = || moved(earlier.base.ok_or(Why::NothingCounted)?, base()?, self.wide_base);
        match self.kind {
            CounterType::COUNTER_DELTA | CounterType::COUNTER_LARGE_DELTA => Ok(counted as f64),
            CounterType::COUNTER_COUNTER | CounterType::COUNTER_BULK_COUNT | CounterType::SAMPLE_COUNTER => {
                Ok(counted as f64 / interval.seconds()?)
            }
            CounterType::COUNTER_QUEUELEN_TYPE | CounterType::COUNTER_LARGE_QUEUELEN_TYPE => {
                share(counted, interval.perf?)
            }
            CounterType::COUNTER_100NS_QUEUELEN_TYPE => share(counted, interval.sys_100ns?),
            CounterType::COUNTER_OBJ_TIME_QUEUELEN_TYPE => share(counted, interval.object?),
            CounterType::COUNTER_TIMER => busy(counted, interval.perf?),
            CounterType::TIMER_100NSEC => busy(counted, interval.sys_100ns?),
            CounterType::OBJ_TIME_TIMER => busy(counted, interval.object?),
            CounterType::PRECISION_SYSTEM_TIMER
            | CounterType::PRECISION_100NS_TIMER
            | CounterType::PRECISION_OBJECT_TIMER => busy(counted, operations()?),
            CounterType::COUNTER_TIMER_INV => idle(counted, interval.perf?, 1),
            CounterType::TIMER_INV_100NSEC => idle(counted, interval.sys_100ns?, 1),
            CounterType::COUNTER_MULTI_TIMER => Ok(busy(counted, interval.perf?)? / components(base()?)?),
            CounterType::MULTI_TIMER_100NSEC => Ok(busy(counted, interval.sys_100ns?)? / components(base()?)?),
            CounterType::COUNTER_MULTI_TIMER_INV => idle(counted, interval.perf?, base()?),
            CounterType::MULTI_TIMER_INV_100NSEC => idle(counted, interval.sys_100ns?, base()?),
            CounterType::SAMPLE_FRACTION | CounterType::AVERAGE_BULK => share(counted, operations()?),
            CounterType::AVERAGE_TIMER => {
                let seconds = share(counted, interval.perf_frequency.ok_or(Why::NoTime)?)?;
                match operations()? {
                    0 => Err(Why::NothingCounted),
                    operations => Ok(seconds / operations as f64),
                }
            }
            kind => Err(Why::Unsupported(kind)),
        }
    }

    /// Whether its 32 bits, or those of its base, may have gone around more than once in `interval`. A sum of time in
    /// ticks does when one thing alone was busy for as many.
    fn may_have_wrapped(&self, interval: &Interval) -> bool {
        let sums_ticks = matches!(self.kind, CounterType::AVERAGE_TIMER | CounterType::COUNTER_QUEUELEN_TYPE);
        let is_long = interval.seconds().is_ok_and(|seconds| seconds > WRAP);
        let is_round = interval.perf.is_ok_and(|ticks| ticks > u64::from(u32::MAX));
        // The number of components does not count up.
        let counts_base = self.kind.needs_base() && !self.kind.has_components();
        (!self.wide && (is_long || sums_ticks && is_round)) || (counts_base && !self.wide_base && is_long)
    }

    /// What its values count.
    #[must_use]
    pub const fn measure(&self) -> Option<Measure> {
        self.kind.measure()
    }
}

fn share(part: u64, whole: u64) -> Result<f64, Why> {
    if whole == 0 { Err(Why::NothingCounted) } else { Ok(part as f64 / whole as f64) }
}

fn components(base: u64) -> Result<f64, Why> {
    if base == 0 { Err(Why::NothingCounted) } else { Ok(base as f64) }
}

/// The share of busy time. Beyond 1.0 for what has several processors, or a queue.
fn busy(counted: u64, elapsed: u64) -> Result<f64, Why> {
    if elapsed == 0 {
        return Err(Why::NoTime);
    }
    if counted > elapsed.saturating_mul(PROCESSORS).saturating_add(JITTER) {
        return Err(Why::Jumped);
    }
    Ok(counted as f64 / elapsed as f64)
}

/// The mean share of busy time of `components` whose idle time was counted.
///
/// Counter and clock are read at slightly different ticks, so the share is cut to 0 to 1.
fn idle(counted: u64, elapsed: u64, components: u64) -> Result<f64, Why> {
    if elapsed == 0 {
        return Err(Why::NoTime);
    }
    if components == 0 {
        return Err(Why::NothingCounted);
    }
    if counted > elapsed.saturating_mul(components).saturating_mul(2).saturating_add(JITTER) {
        return Err(Why::Jumped);
    }
    Ok((1.0 - counted as f64 / elapsed as f64 / components as f64).clamp(0.0, 1.0))
}

#[cfg(test)]
mod tests;

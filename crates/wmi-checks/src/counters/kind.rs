//! The types of performance counters: what the qualifier CounterType of a raw property says.

use core::fmt;

use serde::{Deserialize, Serialize};

/// A counter type as winperf.h numbers it, the value of the qualifier `CounterType`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct CounterType(pub u32);

macro_rules! counter_types {
    ($($(#[$doc:meta])* $name:ident = $value:literal,)*) => {
        impl CounterType {
            $($(#[$doc])* pub const $name: Self = Self($value);)*

            /// All types with a name.
            pub const ALL: &'static [Self] = &[$(Self::$name,)*];

            /// The name in winperf.h without `PERF_` in front of it.
            #[must_use]
            pub const fn name(self) -> Option<&'static str> {
                match self.0 {
                    $($value => Some(stringify!($name)),)*
                    _ => None,
                }
            }
        }
    };
}

counter_types! {
    /// A 32-bit number as it is, shown in hexadecimal.
    COUNTER_RAWCOUNT_HEX = 0x0000_0000,
    /// A 64-bit number as it is, shown in hexadecimal.
    COUNTER_LARGE_RAWCOUNT_HEX = 0x0000_0100,
    /// Text.
    COUNTER_TEXT = 0x0000_0B00,
    /// A 32-bit number as it is.
    COUNTER_RAWCOUNT = 0x0001_0000,
    /// A 64-bit number as it is.
    COUNTER_LARGE_RAWCOUNT = 0x0001_0100,
    /// A double as it is.
    DOUBLE_RAW = 0x0001_2000,
    /// The difference of two 32-bit numbers.
    COUNTER_DELTA = 0x0040_0400,
    /// The difference of two 64-bit numbers.
    COUNTER_LARGE_DELTA = 0x0040_0500,
    /// Operations per second, over ticks of the performance counter.
    SAMPLE_COUNTER = 0x0041_0400,
    /// Length of a queue, over ticks of the performance counter, 32 bits.
    COUNTER_QUEUELEN_TYPE = 0x0045_0400,
    /// Length of a queue, over ticks of the performance counter, 64 bits.
    COUNTER_LARGE_QUEUELEN_TYPE = 0x0045_0500,
    /// Length of a queue, over units of 100 ns.
    COUNTER_100NS_QUEUELEN_TYPE = 0x0055_0500,
    /// Length of a queue, over ticks of the object's own clock.
    COUNTER_OBJ_TIME_QUEUELEN_TYPE = 0x0065_0500,
    /// Operations per second, 32 bits.
    COUNTER_COUNTER = 0x1041_0400,
    /// Operations (often bytes) per second, 64 bits.
    COUNTER_BULK_COUNT = 0x1041_0500,
    /// Share of a set, 32 bits.
    RAW_FRACTION = 0x2002_0400,
    /// Share of a set, 64 bits.
    LARGE_RAW_FRACTION = 0x2002_0500,
    /// Busy share of time, in ticks of the performance counter.
    COUNTER_TIMER = 0x2041_0500,
    /// Busy share of time, in ticks of the performance counter, over a timestamp of its own.
    PRECISION_SYSTEM_TIMER = 0x2047_0500,
    /// Busy share of time, in units of 100 ns.
    TIMER_100NSEC = 0x2051_0500,
    /// Busy share of time, in units of 100 ns, over a timestamp of its own.
    PRECISION_100NS_TIMER = 0x2057_0500,
    /// Busy share of time, in ticks of the object's own clock.
    OBJ_TIME_TIMER = 0x2061_0500,
    /// Busy share of time, in ticks of the object's own clock, over a timestamp of its own.
    PRECISION_OBJECT_TIMER = 0x2067_0500,
    /// Share of hits among operations between two samples.
    SAMPLE_FRACTION = 0x20C2_0400,
    /// Busy share of time of a counter that counts idle ticks of the performance counter.
    COUNTER_TIMER_INV = 0x2141_0500,
    /// Busy share of time of a counter that counts idle units of 100 ns.
    TIMER_INV_100NSEC = 0x2151_0500,
    /// Mean busy share of several components, in ticks of the performance counter.
    COUNTER_MULTI_TIMER = 0x2241_0500,
    /// Mean busy share of several components, in units of 100 ns.
    MULTI_TIMER_100NSEC = 0x2251_0500,
    /// Mean busy share of several components whose idle ticks are counted.
    COUNTER_MULTI_TIMER_INV = 0x2341_0500,
    /// Mean busy share of several components whose idle units of 100 ns are counted.
    MULTI_TIMER_INV_100NSEC = 0x2351_0500,
    /// Seconds per operation.
    AVERAGE_TIMER = 0x3002_0400,
    /// Seconds since the object was started.
    ELAPSED_TIME = 0x3024_0500,
    /// No data.
    COUNTER_NODATA = 0x4000_0200,
    /// Items (often bytes) per operation.
    AVERAGE_BULK = 0x4002_0500,
    /// Base of SAMPLE_FRACTION.
    SAMPLE_BASE = 0x4003_0401,
    /// Base of AVERAGE_TIMER and AVERAGE_BULK.
    AVERAGE_BASE = 0x4003_0402,
    /// Base of RAW_FRACTION.
    RAW_BASE = 0x4003_0403,
    /// Base of LARGE_RAW_FRACTION, and the timestamp of the PRECISION types (PERF_PRECISION_TIMESTAMP is the same number).
    LARGE_RAW_BASE = 0x4003_0500,
    /// Base of the MULTI types: the number of components.
    COUNTER_MULTI_BASE = 0x4203_0500,
    /// The second number of LARGE_RAW_BASE in the list of the WMI SDK.
    LARGE_RAW_BASE_2 = 0x4003_0503,
    /// A histogram.
    COUNTER_HISTOGRAM_TYPE = 0x8000_0000,
}

/// What a cooked value counts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Measure {
    /// A number whose meaning only the counter's name tells.
    Number,
    /// Something per second.
    PerSecond,
    /// A share, 1.0 being all of it. Timers of things with several processors go beyond 1.0.
    Ratio,
    /// Seconds.
    Seconds,
}

impl CounterType {
    /// What values of this type count; `None` for bases, text and what has no number.
    #[must_use]
    pub const fn measure(self) -> Option<Measure> {
        Some(match self {
            Self::COUNTER_RAWCOUNT_HEX
            | Self::COUNTER_LARGE_RAWCOUNT_HEX
            | Self::COUNTER_RAWCOUNT
            | Self::COUNTER_LARGE_RAWCOUNT
            | Self::DOUBLE_RAW
            | Self::COUNTER_DELTA
            | Self::COUNTER_LARGE_DELTA
            | Self::COUNTER_QUEUELEN_TYPE
            | Self::COUNTER_LARGE_QUEUELEN_TYPE
            | Self::COUNTER_100NS_QUEUELEN_TYPE
            | Self::COUNTER_OBJ_TIME_QUEUELEN_TYPE
            | Self::AVERAGE_BULK => Measure::Number,
            Self::SAMPLE_COUNTER | Self::COUNTER_COUNTER | Self::COUNTER_BULK_COUNT => Measure::PerSecond,
            Self::RAW_FRACTION
            | Self::LARGE_RAW_FRACTION
            | Self::SAMPLE_FRACTION
            | Self::COUNTER_TIMER
            | Self::TIMER_100NSEC
            | Self::OBJ_TIME_TIMER
            | Self::PRECISION_SYSTEM_TIMER
            | Self::PRECISION_100NS_TIMER
            | Self::PRECISION_OBJECT_TIMER
            | Self::COUNTER_TIMER_INV
            | Self::TIMER_INV_100NSEC
            | Self::COUNTER_MULTI_TIMER
            | Self::MULTI_TIMER_100NSEC
            | Self::COUNTER_MULTI_TIMER_INV
            | Self::MULTI_TIMER_INV_100NSEC => Measure::Ratio,
            Self::AVERAGE_TIMER | Self::ELAPSED_TIME => Measure::Seconds,
            _ => return None,
        })
    }

    /// Whether the property is the base of another one, and no counter of its own.
    #[must_use]
    pub const fn is_base(self) -> bool {
        matches!(
            self,
            Self::SAMPLE_BASE
                | Self::AVERAGE_BASE
                | Self::RAW_BASE
                | Self::LARGE_RAW_BASE
                | Self::LARGE_RAW_BASE_2
                | Self::COUNTER_MULTI_BASE
        )
    }

    /// Whether a value needs the base property.
    #[must_use]
    pub const fn needs_base(self) -> bool {
        matches!(
            self,
            Self::RAW_FRACTION
                | Self::LARGE_RAW_FRACTION
                | Self::SAMPLE_FRACTION
                | Self::PRECISION_SYSTEM_TIMER
                | Self::PRECISION_100NS_TIMER
                | Self::PRECISION_OBJECT_TIMER
                | Self::COUNTER_MULTI_TIMER
                | Self::MULTI_TIMER_100NSEC
                | Self::COUNTER_MULTI_TIMER_INV
                | Self::MULTI_TIMER_INV_100NSEC
                | Self::AVERAGE_TIMER
                | Self::AVERAGE_BULK
        )
    }

    /// Whether the base is the number of components over which the value is a mean.
    #[must_use]
    pub const fn has_components(self) -> bool {
        matches!(
            self,
            Self::COUNTER_MULTI_TIMER
                | Self::MULTI_TIMER_100NSEC
                | Self::COUNTER_MULTI_TIMER_INV
                | Self::MULTI_TIMER_INV_100NSEC
        )
    }

    /// Whether one sample is enough for a value.
    #[must_use]
    pub const fn is_instant(self) -> bool {
        matches!(
            self,
            Self::COUNTER_RAWCOUNT_HEX
                | Self::COUNTER_LARGE_RAWCOUNT_HEX
                | Self::COUNTER_RAWCOUNT
                | Self::COUNTER_LARGE_RAWCOUNT
                | Self::DOUBLE_RAW
                | Self::RAW_FRACTION
                | Self::LARGE_RAW_FRACTION
                | Self::ELAPSED_TIME
        )
    }
}

impl fmt::Display for CounterType {
    /// The name as in winperf.h, or the number.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match *self {
            Self::TIMER_100NSEC => f.write_str("PERF_100NSEC_TIMER"),
            Self::TIMER_INV_100NSEC => f.write_str("PERF_100NSEC_TIMER_INV"),
            Self::MULTI_TIMER_100NSEC => f.write_str("PERF_100NSEC_MULTI_TIMER"),
            Self::MULTI_TIMER_INV_100NSEC => f.write_str("PERF_100NSEC_MULTI_TIMER_INV"),
            Self::LARGE_RAW_BASE_2 => f.write_str("PERF_LARGE_RAW_BASE"),
            other => match other.name() {
                Some(name) => write!(f, "PERF_{name}"),
                None => write!(f, "counter type {:#010x}", other.0),
            },
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The list of the page "CounterType Qualifier" of the WMI SDK.
    const DOCUMENTED: &[(u32, &str)] = &[
        (0, "PERF_COUNTER_RAWCOUNT_HEX"),
        (256, "PERF_COUNTER_LARGE_RAWCOUNT_HEX"),
        (2816, "PERF_COUNTER_TEXT"),
        (65536, "PERF_COUNTER_RAWCOUNT"),
        (65792, "PERF_COUNTER_LARGE_RAWCOUNT"),
        (73728, "PERF_DOUBLE_RAW"),
        (4195328, "PERF_COUNTER_DELTA"),
        (4195584, "PERF_COUNTER_LARGE_DELTA"),
        (4260864, "PERF_SAMPLE_COUNTER"),
        (4523008, "PERF_COUNTER_QUEUELEN_TYPE"),
        (4523264, "PERF_COUNTER_LARGE_QUEUELEN_TYPE"),
        (5571840, "PERF_COUNTER_100NS_QUEUELEN_TYPE"),
        (6620416, "PERF_COUNTER_OBJ_TIME_QUEUELEN_TYPE"),
        (272696320, "PERF_COUNTER_COUNTER"),
        (272696576, "PERF_COUNTER_BULK_COUNT"),
        (537003008, "PERF_RAW_FRACTION"),
        (537003264, "PERF_LARGE_RAW_FRACTION"),
        (541132032, "PERF_COUNTER_TIMER"),
        (541525248, "PERF_PRECISION_SYSTEM_TIMER"),
        (542180608, "PERF_100NSEC_TIMER"),
        (542573824, "PERF_PRECISION_100NS_TIMER"),
        (543229184, "PERF_OBJ_TIME_TIMER"),
        (543622400, "PERF_PRECISION_OBJECT_TIMER"),
        (549585920, "PERF_SAMPLE_FRACTION"),
        (557909248, "PERF_COUNTER_TIMER_INV"),
        (558957824, "PERF_100NSEC_TIMER_INV"),
        (574686464, "PERF_COUNTER_MULTI_TIMER"),
        (575735040, "PERF_100NSEC_MULTI_TIMER"),
        (591463680, "PERF_COUNTER_MULTI_TIMER_INV"),
        (592512256, "PERF_100NSEC_MULTI_TIMER_INV"),
        (805438464, "PERF_AVERAGE_TIMER"),
        (807666944, "PERF_ELAPSED_TIME"),
        (1073742336, "PERF_COUNTER_NODATA"),
        (1073874176, "PERF_AVERAGE_BULK"),
        (1073939457, "PERF_SAMPLE_BASE"),
        (1073939458, "PERF_AVERAGE_BASE"),
        (1073939459, "PERF_RAW_BASE"),
        (1073939712, "PERF_LARGE_RAW_BASE"),
        (1073939715, "PERF_LARGE_RAW_BASE"),
        (1107494144, "PERF_COUNTER_MULTI_BASE"),
        (2147483648, "PERF_COUNTER_HISTOGRAM_TYPE"),
    ];

    #[test]
    fn numbers_and_names_are_the_documented_ones() {
        for &(number, name) in DOCUMENTED {
            assert_eq!(CounterType(number).to_string(), name, "{number}");
            assert!(CounterType::ALL.contains(&CounterType(number)), "{name}");
        }
        assert_eq!(CounterType::ALL.len(), DOCUMENTED.len());
        assert_eq!(CounterType(0x1234_5678).to_string(), "counter type 0x12345678");
    }

    #[test]
    fn every_type_is_a_measure_or_a_base_or_no_number() {
        let mut without = Vec::new();
        for kind in CounterType::ALL {
            assert!(!(kind.measure().is_some() && kind.is_base()), "{kind}");
            assert!(!kind.is_instant() || kind.measure().is_some(), "{kind}");
            if kind.measure().is_none() && !kind.is_base() {
                without.push(*kind);
            }
        }
        let none = [CounterType::COUNTER_TEXT, CounterType::COUNTER_NODATA, CounterType::COUNTER_HISTOGRAM_TYPE];
        assert_eq!(without, none);
    }
}

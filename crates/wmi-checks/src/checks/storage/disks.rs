//! The counters of physical and logical disks.

use crate::Unit;
use crate::counters::{Column, CounterType, Why};
use crate::sampled::Gauge;

pub(super) const DISK: [&str; 26] = [
    "Name",
    "Timestamp_Sys100NS",
    "Timestamp_PerfTime",
    "Frequency_PerfTime",
    "Timestamp_Object",
    "Frequency_Object",
    "DiskReadsPersec",
    "DiskWritesPersec",
    "DiskReadBytesPersec",
    "DiskWriteBytesPersec",
    "PercentDiskReadTime",
    "PercentDiskReadTime_Base",
    "PercentDiskWriteTime",
    "PercentDiskWriteTime_Base",
    "PercentIdleTime",
    "PercentIdleTime_Base",
    "AvgDiskReadQueueLength",
    "AvgDiskWriteQueueLength",
    "AvgDisksecPerRead",
    "AvgDisksecPerRead_Base",
    "AvgDisksecPerWrite",
    "AvgDisksecPerWrite_Base",
    "AvgDiskBytesPerTransfer",
    "AvgDiskBytesPerTransfer_Base",
    "CurrentDiskQueueLength",
    "SplitIOPerSec",
];

/// Where the idle time is among the gauges.
pub(super) const IDLE: usize = 6;

/// Latencies among the gauges, each with the length of the queue and the operations per second of the same direction.
pub(super) const LATENCIES: [(usize, usize, usize); 2] = [(9, 7, 0), (10, 8, 1)];

/// Puts latencies right whose timers went around.
///
/// AvgDisksecPerRead and AvgDisksecPerWrite sum the time of all operations in 32 bits of ticks of the performance counter:
/// at ten million in a second they go around after 430 seconds of it, which a queue of seven makes of a minute. The mean
/// length of the queue is of the same sum in 64 bits, and is the product of latency and operations per second (Little's
/// law). A timer that went around shows less than half of that, or nothing when it had time to go around twice.
pub(super) fn unwrap_latencies(values: &mut [Result<f64, Why>]) {
    for (latency, queue, operations) in LATENCIES {
        let value = |at: usize| values.get(at).copied().unwrap_or(Err(Why::NoValue));
        let (Ok(queue), Ok(operations)) = (value(queue), value(operations)) else { continue };
        let by_queue = queue / operations;
        let wrapped = match value(latency) {
            Ok(direct) => direct < 0.6 * by_queue,
            Err(why) => matches!(why, Why::WentBack | Why::MayHaveWrapped),
        };
        if let (true, true, Some(value)) = (wrapped, by_queue.is_finite(), values.get_mut(latency)) {
            *value = Ok(by_queue);
        }
    }
}

/// Of reads and writes the time is a sum over all that were under way, so that their share goes beyond 1 when a disk
/// does several at once.
pub(super) static GAUGES: [Gauge; 14] = [
    narrow("Reads", Unit::PerSecond, "DiskReadsPersec", CounterType::COUNTER_COUNTER),
    narrow("Writes", Unit::PerSecond, "DiskWritesPersec", CounterType::COUNTER_COUNTER),
    wide("ReadBytes", Unit::BytesPerSecond, "DiskReadBytesPersec", CounterType::COUNTER_BULK_COUNT),
    wide("WriteBytes", Unit::BytesPerSecond, "DiskWriteBytesPersec", CounterType::COUNTER_BULK_COUNT),
    timer("ReadTime", "PercentDiskReadTime", "PercentDiskReadTime_Base"),
    timer("WriteTime", "PercentDiskWriteTime", "PercentDiskWriteTime_Base"),
    timer("IdleTime", "PercentIdleTime", "PercentIdleTime_Base"),
    wide("ReadQueueLength", Unit::None, "AvgDiskReadQueueLength", CounterType::COUNTER_100NS_QUEUELEN_TYPE),
    wide("WriteQueueLength", Unit::None, "AvgDiskWriteQueueLength", CounterType::COUNTER_100NS_QUEUELEN_TYPE),
    latency("ReadLatency", "AvgDisksecPerRead", "AvgDisksecPerRead_Base"),
    latency("WriteLatency", "AvgDisksecPerWrite", "AvgDisksecPerWrite_Base"),
    Gauge {
        metric: "TransferSize",
        unit: Unit::Bytes,
        column: Column::wide_over("AvgDiskBytesPerTransfer", CounterType::AVERAGE_BULK, "AvgDiskBytesPerTransfer_Base"),
    },
    narrow("CurrentQueueLength", Unit::Count, "CurrentDiskQueueLength", CounterType::COUNTER_RAWCOUNT),
    narrow("SplitIO", Unit::PerSecond, "SplitIOPerSec", CounterType::COUNTER_COUNTER),
];

const fn wide(metric: &'static str, unit: Unit, column: &'static str, kind: CounterType) -> Gauge {
    Gauge { metric, unit, column: Column::wide(column, kind) }
}

const fn narrow(metric: &'static str, unit: Unit, column: &'static str, kind: CounterType) -> Gauge {
    Gauge { metric, unit, column: Column::narrow(column, kind) }
}

const fn timer(metric: &'static str, column: &'static str, base: &'static str) -> Gauge {
    let column = Column::wide_over(column, CounterType::PRECISION_100NS_TIMER, base);
    Gauge { metric, unit: Unit::Ratio, column }
}

const fn latency(metric: &'static str, column: &'static str, base: &'static str) -> Gauge {
    Gauge { metric, unit: Unit::Seconds, column: Column::narrow_over(column, CounterType::AVERAGE_TIMER, base) }
}

pub(super) const FORMATTED_PHYSICAL: [&str; 9] = [
    "Name",
    "AvgDiskReadQueueLength",
    "AvgDiskWriteQueueLength",
    "DiskReadBytesPersec",
    "DiskReadsPersec",
    "DiskWriteBytesPersec",
    "DiskWritesPersec",
    "PercentDiskReadTime",
    "PercentDiskWriteTime",
];

pub(super) const FORMATTED_LOGICAL: [&str; 3] = ["Name", "DiskReadsPersec", "DiskWritesPersec"];

/// The unit of a column of the formatted classes.
pub(super) fn formatted_unit(column: &str) -> Unit {
    if column.starts_with("Percent") {
        Unit::Percent
    } else if column.ends_with("BytesPersec") {
        Unit::BytesPerSecond
    } else if column.ends_with("Persec") {
        Unit::PerSecond
    } else {
        Unit::None
    }
}

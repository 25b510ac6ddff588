//! The counters of physical and logical disks.

use crate::Unit;
use crate::counters::{Column, CounterType};
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

use std::sync::Arc;

use wmi_proto::cim::{ClassBuilder, Flavor, PropertyBuilder};

use super::*;

fn counter(name: &str, cim_type: CimType, kind: CounterType) -> PropertyBuilder {
    PropertyBuilder::new(name, cim_type).qualifier("CounterType", Flavor(0), CimValue::Sint32(kind.0.cast_signed()))
}

fn disk() -> Arc<CimClass> {
    ClassBuilder::new("Win32_PerfRawData_PerfDisk_PhysicalDisk")
        .property(PropertyBuilder::new("Caption", CimType::STRING))
        .property(PropertyBuilder::new("Name", CimType::STRING).key())
        .property(PropertyBuilder::new("Timestamp_Sys100NS", CimType::UINT64))
        .property(counter("AvgDisksecPerRead", CimType::UINT32, CounterType::AVERAGE_TIMER))
        .property(counter("AvgDisksecPerRead_Base", CimType::UINT32, CounterType::AVERAGE_BASE))
        .property(counter("PercentIdleTime", CimType::UINT64, CounterType::PRECISION_100NS_TIMER))
        .property(counter("PercentIdleTime_Base", CimType::UINT64, CounterType::LARGE_RAW_BASE))
        .property(counter("DiskReadsPersec", CimType::UINT32, CounterType::COUNTER_COUNTER))
        .property(counter("Histogram", CimType::UINT32, CounterType::COUNTER_HISTOGRAM_TYPE))
        .build()
        .expect("a class")
}

#[test]
fn the_layout_comes_from_the_qualifiers() {
    let layout = Layout::of(&disk()).expect("a layout");
    assert_eq!(layout.names, ["Name"]);
    let expected = [
        Column::narrow_over("AvgDisksecPerRead", CounterType::AVERAGE_TIMER, "AvgDisksecPerRead_Base"),
        Column::wide_over("PercentIdleTime", CounterType::PRECISION_100NS_TIMER, "PercentIdleTime_Base"),
        Column::narrow("DiskReadsPersec", CounterType::COUNTER_COUNTER),
        Column::narrow("Histogram", CounterType::COUNTER_HISTOGRAM_TYPE),
    ];
    assert_eq!(layout.counters, expected);
    let text = serde_json::to_string(&layout).expect("serialises");
    assert_eq!(serde_json::from_str::<Layout>(&text).expect("deserialises"), layout);
}

#[test]
fn the_query_names_its_columns() {
    let layout = Layout::of(&disk()).expect("a layout");
    assert_eq!(
        layout.query(),
        "SELECT Name, Timestamp_Sys100NS, Timestamp_PerfTime, Frequency_PerfTime, Timestamp_Object, Frequency_Object, \
         AvgDisksecPerRead, AvgDisksecPerRead_Base, PercentIdleTime, PercentIdleTime_Base, DiskReadsPersec, Histogram \
         FROM Win32_PerfRawData_PerfDisk_PhysicalDisk"
    );
    assert_eq!(
        layout.formatted_query().as_deref(),
        Some(
            "SELECT Name, AvgDisksecPerRead, PercentIdleTime, DiskReadsPersec, Histogram \
             FROM Win32_PerfFormattedData_PerfDisk_PhysicalDisk"
        )
    );
}

#[test]
fn a_class_without_counters_has_no_layout() {
    let class = ClassBuilder::new("Win32_Process").property(PropertyBuilder::new("Name", CimType::STRING));
    assert_eq!(Layout::of(&class.build().expect("a class")), None);
    assert_eq!(formatted_class("Win32_Process"), None);
    assert_eq!(formatted_class("WIN32_PERFRAWDATA_X").as_deref(), Some("Win32_PerfFormattedData_X"));
    assert_eq!(formatted_class("Ünicode_PerfRawData"), None);
}

#[test]
fn names_that_cannot_stand_in_a_query_are_left_out() {
    let class = ClassBuilder::new("Win32_PerfRawData_X")
        .property(counter("Good", CimType::UINT32, CounterType::COUNTER_COUNTER))
        .property(counter("Bad FROM Win32_Process", CimType::UINT32, CounterType::COUNTER_COUNTER))
        .property(counter("Prozessörzeit", CimType::UINT32, CounterType::COUNTER_COUNTER));
    let layout = Layout::of(&class.build().expect("a class")).expect("a layout");
    assert_eq!(layout.counters, [Column::narrow("Good", CounterType::COUNTER_COUNTER)]);
}

#[test]
fn counters_are_bounded() {
    let mut class = ClassBuilder::new("Win32_PerfRawData_X");
    for n in 0..Layout::COUNTERS + 20 {
        class = class.property(counter(&format!("C{n}"), CimType::UINT32, CounterType::COUNTER_COUNTER));
    }
    let layout = Layout::of(&class.build().expect("a class")).expect("a layout");
    assert_eq!(layout.counters.len(), Layout::COUNTERS);
}

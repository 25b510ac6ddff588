//! Two samples of every raw class come to what its formatted class says, by the published formulas.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use wmi_proto::FileTime;
use wmi_proto::cim::{CimClass, CimObject, CimValue};

use crate::repository::Repository;

const CIMV2: &str = "root\\cimv2";
/// 2026-11-24 12:00:00 UTC.
const NOW: FileTime = FileTime(134_399_952_000_000_000);

fn machine() -> Repository {
    Repository::windows(0, NOW)
}

/// The raw classes, without what comes before `PerfRawData_` in their names.
fn sets(machine: &Repository) -> Vec<String> {
    let query = "SELECT * FROM meta_class WHERE __CLASS LIKE 'Win32_PerfRawData[_]%'";
    let names =
        machine.query(CIMV2, query, NOW).expect("valid").map(|class| class.class().name().to_str().into_owned());
    names.map(|name| name["Win32_PerfRawData_".len()..].to_owned()).collect()
}

fn number(row: &CimObject, name: &str) -> u64 {
    let value = row.get(name).unwrap_or_else(|| panic!("no {name}")).expect("decodes");
    value.as_u64().unwrap_or_else(|| panic!("{name} is no number"))
}

/// The rows of a class at a time, by name.
fn rows(machine: &Repository, class: &str, at: FileTime) -> BTreeMap<String, CimObject> {
    let rows = machine.query(CIMV2, &format!("SELECT * FROM {class}"), at).expect("valid");
    let named = |row: CimObject| match row.get("Name").expect("has it").expect("decodes") {
        CimValue::String(name) => (name.to_str().into_owned(), row),
        _ => (String::new(), row),
    };
    let all: Vec<_> = rows.map(named).collect();
    let count = all.len();
    let by_name: BTreeMap<_, _> = all.into_iter().collect();
    assert_eq!(by_name.len(), count, "{class} has a name twice");
    by_name
}

fn qualifier(class: &CimClass, property: &str, name: &str) -> Option<u32> {
    let (_, property) = class.property(property).expect("has it");
    match property.qualifier(name)?.value().expect("decodes") {
        CimValue::Sint32(value) => u32::try_from(value).ok(),
        _ => None,
    }
}

/// Two samples of an instance.
struct Pair<'a>(&'a CimObject, &'a CimObject);

impl Pair<'_> {
    /// How far a property went. Counters of 32 bits pass their end after 32 bits.
    fn passed(&self, name: &str) -> f64 {
        let (first, second) = (number(self.0, name), number(self.1, name));
        match self.0.get(name) {
            Some(Ok(CimValue::Uint32(_))) => f64::from((second as u32).wrapping_sub(first as u32)),
            _ => second.wrapping_sub(first) as f64,
        }
    }

    fn last(&self, name: &str) -> f64 {
        number(self.1, name) as f64
    }

    /// The value of a counter by the formula that learn.microsoft.com has for its type: N is the counter, D the time,
    /// F its frequency and B the base. `None` for a base, which has no value of its own.
    fn value(&self, name: &str, counter_type: u32) -> Option<f64> {
        let base = format!("{name}_Base");
        let n = || self.passed(name);
        let b = || self.passed(&base);
        let (perf, sys) = (|| self.passed("Timestamp_PerfTime"), || self.passed("Timestamp_Sys100NS"));
        let object = || self.passed("Timestamp_Object");
        let perf_seconds = || perf() / self.last("Frequency_PerfTime");
        let components = || self.last(&base);
        Some(match counter_type {
            // PERF_COUNTER_RAWCOUNT and its like.
            0 | 256 | 65_536 | 65_792 => self.last(name),
            // PERF_COUNTER_DELTA, PERF_COUNTER_LARGE_DELTA: N1 - N0.
            4_195_328 | 4_195_584 => n(),
            // PERF_SAMPLE_COUNTER, PERF_COUNTER_COUNTER, PERF_COUNTER_BULK_COUNT: (N1 - N0) / ((D1 - D0) / F).
            4_260_864 | 272_696_320 | 272_696_576 => n() / perf_seconds(),
            // PERF_COUNTER_QUEUELEN_TYPE, PERF_COUNTER_LARGE_QUEUELEN_TYPE: (N1 - N0) / (D1 - D0).
            4_523_008 | 4_523_264 => n() / perf(),
            // PERF_COUNTER_100NS_QUEUELEN_TYPE, PERF_COUNTER_OBJ_TIME_QUEUELEN_TYPE.
            5_571_840 => n() / sys(),
            6_620_416 => n() / object(),
            // PERF_RAW_FRACTION, PERF_LARGE_RAW_FRACTION: N0 / B0 x 100.
            537_003_008 | 537_003_264 => 100.0 * self.last(name) / self.last(&base),
            // PERF_SAMPLE_FRACTION and the precision timers: (N1 - N0) / (B1 - B0) x 100.
            549_585_920 | 541_525_248 | 542_573_824 | 543_622_400 => 100.0 * n() / b(),
            // PERF_COUNTER_TIMER, PERF_100NSEC_TIMER, PERF_OBJ_TIME_TIMER: (N1 - N0) / (D1 - D0) x 100.
            541_132_032 => 100.0 * n() / perf(),
            542_180_608 => 100.0 * n() / sys(),
            543_229_184 => 100.0 * n() / object(),
            // PERF_COUNTER_TIMER_INV, PERF_100NSEC_TIMER_INV: (1 - (N1 - N0) / (D1 - D0)) x 100.
            557_909_248 => 100.0 * (1.0 - n() / perf()),
            558_957_824 => 100.0 * (1.0 - n() / sys()),
            // PERF_COUNTER_MULTI_TIMER, PERF_100NSEC_MULTI_TIMER: (N1 - N0) / (D1 - D0) x 100 / B.
            574_686_464 => 100.0 * n() / perf() / components(),
            575_735_040 => 100.0 * n() / sys() / components(),
            // PERF_COUNTER_MULTI_TIMER_INV, PERF_100NSEC_MULTI_TIMER_INV: (B - (N1 - N0) / (D1 - D0)) x 100 / B.
            591_463_680 => 100.0 * (components() - n() / perf()) / components(),
            592_512_256 => 100.0 * (components() - n() / sys()) / components(),
            // PERF_AVERAGE_TIMER: ((N1 - N0) / F) / (B1 - B0); PERF_AVERAGE_BULK: (N1 - N0) / (B1 - B0).
            805_438_464 => n() / self.last("Frequency_PerfTime") / b(),
            1_073_874_176 => n() / b(),
            // PERF_ELAPSED_TIME: (D0 - N0) / F.
            807_666_944 => (self.last("Timestamp_Object") - self.last(name)) / self.last("Frequency_Object"),
            1_073_939_457 | 1_073_939_458 | 1_073_939_459 | 1_073_939_712 | 1_107_494_144 => return None,
            other => panic!("{name}: {other} is no counter type"),
        })
    }
}

/// Both what is counted in 32 bits and what is counted in 64 passes its end in one of these intervals.
#[test]
fn a_formatted_value_is_what_two_raw_samples_come_to() {
    let machine = machine();
    let sets = sets(&machine);
    assert_eq!(sets.len(), 15, "{sets:?}");
    let mut types = BTreeSet::new();
    for set in &sets {
        let (raw, formatted) = (format!("Win32_PerfRawData_{set}"), format!("Win32_PerfFormattedData_{set}"));
        for (start, length) in [(0, 1), (5, 10), (86_400, 60), (1_600, 100)] {
            let at = |seconds| NOW.saturating_add(Duration::from_secs(seconds));
            let (first, second) = (rows(&machine, &raw, at(start)), rows(&machine, &raw, at(start + length)));
            let told = rows(&machine, &formatted, at(start + length));
            assert!(!told.is_empty() && first.len() == told.len(), "{set}");
            for (name, told) in &told {
                let pair = Pair(&first[name], &second[name]);
                let mut bases = 0;
                for (property, column) in pair.0.class().properties().iter().zip(0..) {
                    let property = property.name().to_str();
                    let Some(counter_type) = qualifier(pair.0.class(), &property, "CounterType") else { continue };
                    types.insert(counter_type);
                    let Some(value) = pair.value(&property, counter_type) else {
                        bases += 1;
                        continue;
                    };
                    let twin = qualifier(told.class(), &property, "CounterType");
                    assert_eq!(twin, Some(counter_type), "{set}.{property} {column}");
                    let what = format!("{set}.{property} of {name:?} from {start} s for {length} s: {value}");
                    // Formatted values are whole, and of what is counted one more or less may be in the interval.
                    let whole = number(told, &property) as f64;
                    let slack = 0.01 + 2.0 / length as f64;
                    if matches!(counter_type, 4_195_328 | 4_195_584) {
                        assert!((value / length as f64 - whole).abs() <= slack, "{what} is not {whole}");
                    } else if value.is_nan() {
                        // Nothing was done of which there could be an average.
                        assert_eq!(whole, 0.0, "{what}");
                    } else {
                        assert!(value > whole - slack && value < whole + 1.0 + slack, "{what} is not {whole}");
                    }
                }
                let counters = |object: &CimObject| object.class().properties().len();
                assert_eq!(counters(pair.0), counters(told) + bases, "{set}");
            }
        }
    }
    // All that the WMI SDK lists, save text, doubles, histograms and what has no data; of the two numbers of
    // PERF_LARGE_RAW_BASE one.
    assert_eq!(types.len(), 36, "{types:?}");
}

//! Two samples of every raw class come to what its formatted class says, by the published formulas.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use wmi_proto::FileTime;
use wmi_proto::cim::{CimClass, CimDateTime, CimObject, CimValue};

use crate::Profile;
use crate::repository::{PROCESSOR_LOAD, PROCESSOR_LOAD_TOTAL, Repository, Target};

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

fn number_of(class: &CimClass, property: &str, name: &str) -> Option<u32> {
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
                    let Some(counter_type) = number_of(pair.0.class(), &property, "CounterType") else { continue };
                    types.insert(counter_type);
                    let Some(mut value) = pair.value(&property, counter_type) else {
                        bases += 1;
                        continue;
                    };
                    if matches!(counter_type, 541_525_248 | 542_573_824 | 543_622_400) {
                        // A formatted precision timer shows no more than the whole time.
                        value = value.min(100.0);
                    }
                    let twin = number_of(told.class(), &property, "CounterType");
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

/// Raw counters of both sizes pass the end of their size while one watches.
#[test]
fn counters_pass_the_end_of_their_size() {
    let machine = machine();
    let at = |class: &str, name: &str, seconds| {
        let rows =
            rows(&machine, &format!("Win32_PerfRawData_{class}"), NOW.saturating_add(Duration::from_secs(seconds)));
        rows[name].clone()
    };
    let (before, after) = (at("Sim_AllTypes", "wrapping", 9), at("Sim_AllTypes", "wrapping", 11));
    for property in ["Counter", "BulkCount", "Delta", "LargeDelta", "SampleCounter"] {
        assert!(number(&before, property) > number(&after, property), "{property}");
    }
    let (before, after) = (at("Tcpip_TCPv4", "", 1_600), at("Tcpip_TCPv4", "", 1_700));
    assert!(number(&before, "SegmentsPersec") > number(&after, "SegmentsPersec"));
}

#[test]
fn performance_classes_have_the_documented_qualifiers() {
    let machine = machine();
    for set in sets(&machine) {
        for (kind, cooked) in [("Raw", false), ("Formatted", true)] {
            let name = format!("Win32_Perf{kind}Data_{set}");
            let object = machine.get_object(CIMV2, &name, NOW).expect("exists");
            let class = object.class();
            let qualifier = |name: &str| class.qualifier(name).map(|own| own.value().expect("decodes"));
            for flag in ["dynamic", "genericperfctr", "hiperf"] {
                assert_eq!(qualifier(flag), Some(CimValue::Boolean(true)), "{name}");
            }
            assert_eq!(qualifier("cooked").is_some(), cooked, "{name}");
            for (number, value) in [("locale", 1033), ("perfindex", 0), ("helpindex", 0), ("perfdetail", 100)] {
                assert_eq!(qualifier(number), Some(CimValue::Sint32(value)), "{name}");
            }
            let keys = class.properties().iter().filter(|property| property.is_key()).count();
            assert_eq!(keys == 0, qualifier("singleton").is_some(), "{name}");
            for property in class.properties() {
                let property = property.name().to_str();
                let counter_type = number_of(class, &property, "CounterType");
                let inherited =
                    ["Name", "Caption", "Description"].iter().chain(&super::TIMES).any(|own| *own == property);
                assert_ne!(counter_type.is_some(), inherited, "{name}.{property}");
                if counter_type.is_some() {
                    let others = ["DefaultScale", "PerfIndex", "HelpIndex", "PerfDetail"];
                    assert_eq!(
                        others.map(|other| number_of(class, &property, other)),
                        [Some(0), Some(0), Some(0), Some(100)]
                    );
                }
            }
        }
    }
}

/// A formatted instance does not say when it was made, a raw one does.
#[test]
fn only_raw_instances_have_times() {
    let machine = machine();
    for set in sets(&machine) {
        for row in rows(&machine, &format!("Win32_PerfFormattedData_{set}"), NOW).values() {
            for time in super::TIMES {
                assert_eq!(row.get(time).expect("has it").expect("decodes"), CimValue::Null, "{set}");
            }
        }
        for row in rows(&machine, &format!("Win32_PerfRawData_{set}"), NOW).values() {
            assert_eq!(number(row, "Timestamp_Sys100NS"), NOW.0, "{set}");
            assert_eq!(number(row, "Frequency_Sys100NS"), 10_000_000, "{set}");
            assert!(number(row, "Timestamp_PerfTime") > 0 && number(row, "Frequency_PerfTime") > 0, "{set}");
        }
    }
}

/// Time that operations of a disk take together is counted in full, and for all disks it is an average.
#[test]
fn raw_times_of_disks_are_lengths_of_queues() {
    let machine = machine();
    for (set, busy) in [("PhysicalDisk", "1 D:"), ("LogicalDisk", "D:")] {
        let raw = rows(&machine, &format!("Win32_PerfRawData_PerfDisk_{set}"), NOW);
        for (name, row) in &raw {
            let disks = if name == "_Total" { raw.len() as u64 - 1 } else { 1 };
            for (time, queue) in [
                ("PercentDiskTime", "AvgDiskQueueLength"),
                ("PercentDiskReadTime", "AvgDiskReadQueueLength"),
                ("PercentDiskWriteTime", "AvgDiskWriteQueueLength"),
            ] {
                let (time, queue) = (number(row, time), number(row, queue));
                // The share of one disk is cut to ten-thousandths.
                assert!(time.abs_diff(queue / disks) <= number(row, "PercentDiskTime_Base") / 10_000, "{set} {name}");
                assert!(disks > 1 || time == queue, "{set} {name}");
            }
        }
        assert!(number(&raw[busy], "PercentDiskTime") > number(&raw[busy], "PercentDiskTime_Base"), "more than all");
        let formatted = rows(&machine, &format!("Win32_PerfFormattedData_PerfDisk_{set}"), NOW);
        assert_eq!(number(&formatted[busy], "PercentDiskTime"), 100);
    }
}

/// The base of what is measured in work done passes 32 bits every two hours, that of idle periods has 64.
#[test]
fn utility_is_over_a_clock_that_wraps_every_two_hours() {
    let machine = machine();
    let at = |seconds| {
        let at = NOW.saturating_add(Duration::from_secs(seconds));
        rows(&machine, "Win32_PerfRawData_Counters_ProcessorInformation", at)["0,0"].clone()
    };
    for base in ["PercentProcessorUtility_Base", "PercentPrivilegedUtility_Base"] {
        let [now, soon, later] = [0, 1, 7_200].map(|seconds| number(&at(seconds), base) as u32);
        assert!((595_000..598_000).contains(&soon.wrapping_sub(now)), "{base}");
        assert!(later.wrapping_sub(now).cast_signed().unsigned_abs() < 600_000, "{base}");
    }
    let idle = at(0).get("AverageIdleTime_Base").expect("has it").expect("decodes");
    assert!(matches!(idle, CimValue::Uint64(1..)), "{idle:?}");
}

/// Only what is measured in the time of its object has such a time.
#[test]
fn disks_processors_and_networks_have_no_time_of_their_own() {
    let machine = machine();
    let own: Vec<_> = sets(&machine)
        .into_iter()
        .filter(|set| {
            let rows = rows(&machine, &format!("Win32_PerfRawData_{set}"), NOW);
            let row = rows.values().next().expect("a row");
            let times = ["Frequency_Object", "Timestamp_Object"].map(|time| number(row, time) > 0);
            assert_eq!(times[0], times[1], "{set}");
            times[0]
        })
        .collect();
    let expected = [
        "PerfOS_System",
        "PerfOS_Memory",
        "PerfOS_PagingFile",
        "Counters_ProcessorInformation",
        "PerfProc_Process",
        "Sim_AllTypes",
    ];
    assert_eq!(own, expected);
}

/// The columns that InfraSonar's probe selects.
#[test]
fn every_column_that_the_original_probe_selects_is_there() {
    let machine = machine();
    let tcp = "ConnectionFailures, ConnectionsActive, ConnectionsEstablished, ConnectionsPassive, ConnectionsReset, \
               SegmentsPersec, SegmentsReceivedPersec, SegmentsRetransmittedPersec, SegmentsSentPersec, \
               Frequency_PerfTime, Timestamp_PerfTime";
    let udp = "DatagramsNoPortPersec, DatagramsPersec, DatagramsReceivedErrors, DatagramsReceivedPersec, \
               DatagramsSentPersec, Frequency_PerfTime, Timestamp_PerfTime";
    for (class, columns, least) in [
        ("Win32_PerfFormattedData_PerfOS_Memory", "CommitLimit, CommittedBytes, PercentCommittedBytesInUse", 1),
        ("Win32_PerfFormattedData_PerfOS_System", "Processes, SystemUpTime", 1),
        ("Win32_PerfRawData_PerfOS_Processor", "Name, Timestamp_Sys100NS, PercentProcessorTime", 5),
        ("Win32_PerfRawData_Tcpip_TCPv4", tcp, 1),
        ("Win32_PerfRawData_Tcpip_TCPv6", tcp, 1),
        ("Win32_PerfRawData_Tcpip_UDPv4", udp, 1),
        ("Win32_PerfRawData_Tcpip_UDPv6", udp, 1),
        (
            "Win32_PerfFormattedData_Tcpip_NetworkInterface",
            "BytesReceivedPersec, BytesSentPersec, CurrentBandwidth, Name, PacketsOutboundDiscarded, \
             PacketsOutboundErrors, PacketsReceivedDiscarded, PacketsReceivedErrors, OutputQueueLength",
            3,
        ),
        (
            "Win32_PerfFormattedData_PerfDisk_PhysicalDisk",
            "Name, AvgDiskReadQueueLength, AvgDiskWriteQueueLength, DiskReadBytesPersec, DiskReadsPersec, \
             DiskWriteBytesPersec, DiskWritesPersec, PercentDiskReadTime, PercentDiskWriteTime",
            4,
        ),
        ("Win32_PerfFormattedData_PerfDisk_LogicalDisk", "Name, DiskReadsPersec, DiskWritesPersec", 5),
        (
            "Win32_PerfFormattedData_PerfProc_Process",
            "Name, CreatingProcessID, ElapsedTime, HandleCount, IDProcess, PageFaultsPersec, PageFileBytes, \
             PageFileBytesPeak, PercentPrivilegedTime, PercentProcessorTime, PercentUserTime, PoolNonpagedBytes, \
             PoolPagedBytes, PriorityBase, PrivateBytes, ThreadCount, VirtualBytes, VirtualBytesPeak, WorkingSet, \
             WorkingSetPeak",
            98,
        ),
    ] {
        let found = machine.query(CIMV2, &format!("SELECT {columns} FROM {class}"), NOW).expect(class);
        let mut count = 0;
        for row in found {
            count += 1;
            for value in row.values() {
                assert_ne!(value.expect("decodes"), CimValue::Null, "{class}");
            }
        }
        assert_eq!(count, least, "{class}");
    }
}

/// The names, numbers and start times of processes are those of Win32_Process, whatever comes and goes.
#[test]
fn processes_are_those_of_win32_process() {
    let mut machine = Repository::of(Profile::Workstation, 0, NOW);
    let seen = |machine: &Repository, at: FileTime| {
        let processes = rows(machine, "Win32_PerfFormattedData_PerfProc_Process", at);
        let system = rows(machine, "Win32_PerfFormattedData_PerfOS_System", at);
        let own: Vec<CimObject> = machine.query(CIMV2, "SELECT * FROM Win32_Process", at).expect("valid").collect();
        assert_eq!(processes.len(), own.len() + 1);
        assert_eq!(number(&system[""], "Processes"), own.len() as u64);
        let os = machine.query(CIMV2, "SELECT NumberOfProcesses FROM Win32_OperatingSystem", at).expect("valid").next();
        assert_eq!(number(&os.expect("one"), "NumberOfProcesses"), own.len() as u64);
        for own in &own {
            let id = number(own, "ProcessId");
            let is_it = |(name, row): &(&String, &CimObject)| *name != "_Total" && number(row, "IDProcess") == id;
            let (name, row) = processes.iter().find(is_it).expect("has it");
            let program = own.get("Name").expect("has it").expect("decodes");
            let program = program.as_str().expect("text").into_owned();
            let expected = if id == 0 { "Idle" } else { program.trim_end_matches(".exe") };
            assert_eq!(name.split('#').next(), Some(expected));
            for (counter, property) in [
                ("ThreadCount", "ThreadCount"),
                ("WorkingSet", "WorkingSetSize"),
                ("CreatingProcessID", "ParentProcessId"),
            ] {
                assert_eq!(
                    number(row, counter),
                    own.get(property).expect("has it").expect("decodes").as_u64().unwrap_or(0)
                );
            }
            let created = own.get("CreationDate").expect("has it").expect("decodes");
            let Ok(CimDateTime::Timestamp(created)) = created.as_str().expect("text").parse() else {
                panic!("no date")
            };
            let now = (at.0 / 10) as i64 - (FileTime::UNIX_EPOCH.0 / 10) as i64;
            let age = (now - created.to_unix_micros().expect("a date")) / 1_000_000;
            assert_eq!(number(row, "ElapsedTime"), age as u64, "{name}");
        }
        let raw = rows(machine, "Win32_PerfRawData_PerfProc_Process", at);
        assert_eq!(number(&raw["_Total"], "ElapsedTime"), number(&raw["_Total"], "Timestamp_Object"));
        assert_eq!(number(&processes["_Total"], "ElapsedTime"), 0);
        let busy = |name: &str| number(&processes[name], "PercentProcessorTime");
        let sum: u64 = processes.keys().filter(|name| *name != "_Total").map(|name| busy(name)).sum();
        // Four processors; the shares of processes are cut to whole percents.
        assert!(busy("_Total") == 400 && (390..=400).contains(&sum), "{sum}");
        processes.into_keys().filter(|name| name.starts_with("svchost")).collect::<Vec<_>>()
    };
    assert_eq!(seen(&machine, NOW), ["svchost", "svchost#1", "svchost#2", "svchost#3"]);

    let later = NOW.saturating_add(Duration::from_secs(100));
    let Target::Class(class) = machine.resolve(CIMV2, "Win32_Process", later).expect("exists") else {
        panic!("no class")
    };
    let date = machine.creation_date(later);
    let values = [
        ("Name", "svchost.exe".into()),
        ("Handle", "9996".into()),
        ("ProcessId", 9_996_u32.into()),
        ("CreationDate", date),
    ];
    let new = machine.add(class, &values).expect("can be added");
    let after = later.saturating_add(Duration::from_secs(7));
    assert_eq!(seen(&machine, after).last().map(String::as_str), Some("svchost#4"));
    machine.remove(new);
    let Target::Instance(first) = machine.resolve(CIMV2, "Win32_Process.Handle=\"896\"", after).expect("exists") else {
        panic!("no instance")
    };
    machine.remove(first);
    assert_eq!(seen(&machine, after), ["svchost", "svchost#1", "svchost#2"]);
}

/// Processor groups have 64 processors; the old counters know the first one only.
#[test]
fn processors_are_counted_in_groups() {
    let machine = Repository::of(Profile::Core256Cpus, 0, NOW);
    let old = rows(&machine, "Win32_PerfFormattedData_PerfOS_Processor", NOW);
    assert_eq!(old.len(), 65);
    assert!(old.contains_key("63") && !old.contains_key("64"));
    let new = rows(&machine, "Win32_PerfFormattedData_Counters_ProcessorInformation", NOW);
    assert_eq!(new.len(), 256 + 4 + 1);
    for (name, row) in &new {
        let load = number(row, "PercentProcessorTime");
        let (group, own) = name.split_once(',').unwrap_or(("", name));
        match own.parse::<usize>() {
            Ok(own) => assert_eq!((load, own < 64), (PROCESSOR_LOAD[own % 4].into(), true), "{name}"),
            Err(_) => assert_eq!((load, own), (PROCESSOR_LOAD_TOTAL.into(), "_Total"), "{name}"),
        }
        assert!(["", "0", "1", "2", "3"].contains(&group), "{name}");
    }
    let processes = rows(&machine, "Win32_PerfFormattedData_PerfProc_Process", NOW);
    assert_eq!(number(&processes["_Total"], "PercentProcessorTime"), 25_600);
}

/// The names of interfaces are those of adapters.
#[test]
fn interfaces_are_the_adapters() {
    let machine = machine();
    let named = |query| rows(&machine, query, NOW).into_keys().collect::<Vec<_>>();
    // 2 is connected, 7 is without a cable.
    let adapters = named("Win32_NetworkAdapter WHERE NetConnectionStatus = 2 OR NetConnectionStatus = 7");
    let expected: Vec<_> = adapters.iter().map(|name| name.replace('#', "_")).collect();
    assert_eq!(named("Win32_PerfRawData_Tcpip_NetworkInterface"), expected);
}

/// Volumes and page files are as large and as full as the classes say that are not counters.
#[test]
fn space_is_that_of_volumes_and_page_files() {
    let machine = machine();
    let space = rows(&machine, "Win32_PerfRawData_PerfDisk_LogicalDisk", NOW);
    for (name, volume) in rows(&machine, "Win32_Volume WHERE Capacity > 0 AND DriveType = 3", NOW) {
        let name = name.trim_end_matches('\\');
        let row = space.get(if name.starts_with("\\\\?") { "HarddiskVolume1" } else { name }).expect(name);
        let megabytes = |property| number(&volume, property) >> 20;
        let told = ["FreeMegabytes", "PercentFreeSpace", "PercentFreeSpace_Base"].map(|property| number(row, property));
        assert_eq!(told, [megabytes("FreeSpace"), megabytes("FreeSpace"), megabytes("Capacity")], "{name}");
    }
    let files = rows(&machine, "Win32_PageFileUsage", NOW);
    let counted = rows(&machine, "Win32_PerfRawData_PerfOS_PagingFile", NOW);
    assert_eq!(counted.len(), files.len() + 1);
    let pages = |row: &CimObject, property| number(row, property) * 256;
    for (name, file) in &files {
        let row = &counted[&format!("\\??\\{name}")];
        for (counter, property) in [("PercentUsage", "CurrentUsage"), ("PercentUsagePeak", "PeakUsage")] {
            assert_eq!(number(row, counter), pages(file, property), "{name}");
            assert_eq!(number(row, &format!("{counter}_Base")), pages(file, "AllocatedBaseSize"), "{name}");
        }
    }
    let all: u64 = files.values().map(|file| pages(file, "AllocatedBaseSize")).sum();
    assert_eq!(number(&counted["_Total"], "PercentUsage_Base"), all);
}

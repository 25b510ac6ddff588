//! The engine against worked examples that others published, and against raw numbers that others recorded of Windows.
//!
//! Only numbers are taken over, with where they are from. A result that was published in percent is held to as many
//! digits as were published.

use wmi_proto::FileTime;
use wmi_proto::cim::CimDateTime;

use super::*;

/// One of two samples.
#[derive(Clone, Copy)]
struct At {
    /// Ticks of the performance counter, and how many of them are a second.
    perf: (u64, u64),
    sys_100ns: u64,
    value: u64,
    base: u64,
}

/// A sample of a host whose clocks play no part.
const fn of(value: u64, base: u64) -> At {
    At { perf: (0, 1), sys_100ns: 0, value, base }
}

/// A sample over the clock of 100 ns.
const fn sys(sys_100ns: u64, value: u64) -> At {
    At { perf: (0, 1), sys_100ns, value, base: 0 }
}

/// A sample over ticks, `frequency` of which are a second.
const fn perf(ticks: u64, frequency: u64, value: u64, base: u64) -> At {
    At { perf: (ticks, frequency), sys_100ns: 0, value, base }
}

impl At {
    fn sample(self) -> Sample {
        let clock = |time: u64| Some(time).filter(|time| *time > 0);
        let moment = Moment {
            sys_100ns: clock(self.sys_100ns),
            perf_time: clock(self.perf.0),
            perf_frequency: Some(self.perf.1),
            ..Moment::default()
        };
        Sample { moment, raws: vec![Raw { value: Some(self.value), base: Some(self.base) }] }
    }
}

/// A column of this type, in the width that the type has (winperf.h, PERF_SIZE_LARGE).
fn column(kind: CounterType) -> Column {
    match (kind.0 & 0x300 == 0x100, kind.needs_base()) {
        (true, true) => Column::wide_over("N", kind, "N_Base"),
        (true, false) => Column::wide("N", kind),
        (false, true) => Column::narrow_over("N", kind, "N_Base"),
        (false, false) => Column::narrow("N", kind),
    }
}

fn cook(kind: CounterType, earlier: At, later: At) -> Result<f64, Why> {
    later.sample().cook(&[column(kind)], Ok(&earlier.sample()))[0]
}

/// A worked example.
struct Published {
    by: &'static str,
    kind: CounterType,
    earlier: At,
    later: At,
    /// As it was published.
    value: &'static str,
    /// How many of the units that it was published in are one of ours: 100 of percent.
    unit: f64,
    /// By how much of itself it is wrong.
    wrong_by: f64,
}

const fn published(by: &'static str, kind: CounterType, earlier: At, later: At, value: &'static str) -> Published {
    Published { by, kind, earlier, later, value, unit: 1.0, wrong_by: 0.0 }
}

impl Published {
    const fn percent(self) -> Self {
        Self { unit: 100.0, ..self }
    }

    /// By a program that reads the clock of 100 ns since 1601 as a double. That holds every sixteenth unit of it, so that
    /// both ends of a period of 10 s are wrong by up to 8 of 100,000,000.
    const fn by_double(self) -> Self {
        Self { wrong_by: 1.6e-7, ..self }
    }

    fn hold(&self) {
        let Self { by, kind, value, .. } = *self;
        let expected: f64 = value.parse().expect("a number");
        let (digits, exponent) = value.split_once('e').unwrap_or((value, "0"));
        let decimals = digits.split_once('.').map_or(0, |(_, decimals)| decimals.len());
        let last_digit = 10_f64.powi(exponent.parse::<i32>().expect("a number") - decimals as i32);
        let ours =
            cook(kind, self.earlier, self.later).unwrap_or_else(|why| panic!("{kind} of {by}: {why}")) * self.unit;
        let tolerance = last_digit / 2.0 + expected * (self.wrong_by + 4.0 * f64::EPSILON);
        assert!((ours - expected).abs() <= tolerance, "{kind} of {by}: {ours} is not {value}");
    }
}

/// Holds all examples of a type.
fn hold(kind: CounterType) {
    let mut examples = PUBLISHED.iter().filter(|published| published.kind == kind).peekable();
    assert!(examples.peek().is_some(), "{kind} has no example");
    examples.for_each(Published::hold);
}

/// DataDog/dd-agent, tests/core/test_wmi_calculator.py. The clock that its rates are over has half a tick a second: here
/// clock and frequency are twice that.
const DATADOG: &str = "Datadog";
/// dotnet/runtime, src/libraries/System.Diagnostics.PerformanceCounter/tests/CounterSampleTests.cs: by Windows.
const DOTNET: &str = ".NET";
/// The help of Get-Counter before June 2019, the example with `% Free Space`: by Windows.
const POWERSHELL: &str = "PowerShell";
/// Checkmk/checkmk, tests/unit/cmk/plugins/collection/agent_based/test_winperf_phydisk.py: a disk sampled twice within
/// 60 s, whose counters of 2 ticks a second are moved to come to 23 each.
const CHECKMK_DISK: &str = "Checkmk, winperf_phydisk";
/// Checkmk/checkmk, tests/unit/cmk/base/plugins/agent_based/test_winperf_processor.py. The time of the agent is whole
/// seconds in the second sample only.
const CHECKMK_PROCESSOR: &str = "Checkmk, winperf_processor";
/// Checkmk/checkmk, tests/unit/cmk/base/plugins/agent_based/test_mssql_counters.py.
const CHECKMK_SQL: &str = "Checkmk, mssql_counters";
/// Checkmk/checkmk, tests/unit/checks/generictests/datasets, of the check dotnet_clrmemory: a row of
/// Win32_PerfRawData_NETFramework_NETCLRMemory.
const CHECKMK_CLR: &str = "Checkmk, dotnet_clrmemory";
/// <https://selectstarfromyogi.wordpress.com/tag/counter-types>, from sys.dm_os_performance_counters of SQL Server 2012.
const SQL: &str = "selectstarfromyogi";
/// zenoss/txwinrm, commit 930f8cb, txwinrm/test/test_app.py: rows of Win32_PerfRawData_PerfProc_Process of six hosts.
const ZENOSS: &str = "Zenoss";

const PUBLISHED: &[Published] = &[
    published(DATADOG, CounterType::COUNTER_RAWCOUNT, sys(50, 300), sys(52, 500), "500"),
    published(DOTNET, CounterType::COUNTER_RAWCOUNT, of(0, 0), of(5, 0), "5"),
    published(DATADOG, CounterType::COUNTER_LARGE_RAWCOUNT, sys(50, 300), sys(52, 500), "500"),
    published(DOTNET, CounterType::COUNTER_DELTA, of(5, 0), of(15, 0), "10"),
    published(DATADOG, CounterType::COUNTER_COUNTER, perf(100, 1, 300, 0), perf(104, 1, 500, 0), "50"),
    published(
        CHECKMK_DISK,
        CounterType::COUNTER_COUNTER,
        perf(2_871_341_338, 2, 40_852, 0),
        perf(2_871_341_458, 2, 42_232, 0),
        "23.0",
    ),
    published(DATADOG, CounterType::COUNTER_BULK_COUNT, perf(100, 1, 300, 0), perf(104, 1, 500, 0), "50"),
    published(
        CHECKMK_DISK,
        CounterType::COUNTER_BULK_COUNT,
        perf(2_871_341_338, 2, 1_725_201_408, 0),
        perf(2_871_341_458, 2, 1_725_202_788, 0),
        "23.0",
    ),
    published(
        CHECKMK_DISK,
        CounterType::COUNTER_100NS_QUEUELEN_TYPE,
        sys(14_356_706_692_900_000, 1_552_698_000),
        sys(14_356_707_292_900_000, 15_352_698_000),
        "23.0",
    ),
    published(
        CHECKMK_DISK,
        CounterType::COUNTER_100NS_QUEUELEN_TYPE,
        sys(14_356_706_692_900_000, 894_217_000),
        sys(14_356_707_292_900_000, 14_694_217_000),
        "23.0",
    ),
    published(
        CHECKMK_DISK,
        CounterType::AVERAGE_TIMER,
        perf(2_871_341_338, 2, 465_017_058, 40_852),
        perf(2_871_341_458, 2, 465_018_438, 40_882),
        "23.0",
    ),
    published(
        CHECKMK_DISK,
        CounterType::AVERAGE_TIMER,
        perf(2_871_341_338, 2, 267_808_781, 24_006),
        perf(2_871_341_458, 2, 267_810_161, 24_036),
        "23.0",
    ),
    published(SQL, CounterType::AVERAGE_BULK, of(14_257, 359), of(14_272, 360), "15.00"),
    published(POWERSHELL, CounterType::RAW_FRACTION, of(0, 0), of(108_980, 238_472), "45.6992854507028").percent(),
    // The base was published as -1, which is how the agent writes the number of 32 bits with all bits set.
    published(CHECKMK_CLR, CounterType::RAW_FRACTION, of(0, 0), of(377_048_032, 0xFFFF_FFFF), "8.778833599942464")
        .percent(),
    published(CHECKMK_SQL, CounterType::LARGE_RAW_FRACTION, of(0, 0), of(29_305_065, 29_450_560), "99.50596864711571")
        .percent(),
    published(SQL, CounterType::LARGE_RAW_FRACTION, of(0, 0), of(2_911, 3_170), "91.83").percent(),
    published(
        CHECKMK_PROCESSOR,
        CounterType::TIMER_INV_100NSEC,
        sys(15_562_212_347_500_000, 20_905_725_624_000),
        sys(15_562_212_940_000_000, 20_905_725_625_000),
        "99.99983122362869",
    )
    .percent(),
    published(DATADOG, CounterType::TIMER_100NSEC, sys(50, 300), sys(52, 500), "10000").percent(),
    published(
        CHECKMK_PROCESSOR,
        CounterType::TIMER_100NSEC,
        sys(15_562_212_347_500_000, 746_619_411_062),
        sys(15_562_212_940_000_000, 746_619_414_062),
        "0.0005063291139240507",
    )
    .percent(),
    published(
        CHECKMK_PROCESSOR,
        CounterType::TIMER_100NSEC,
        sys(15_562_212_347_500_000, 91_225_078_025),
        sys(15_562_212_940_000_000, 91_225_078_125),
        "1.687763713080169e-05",
    )
    .percent(),
    process((295_141_036_000, 295_253_707_000), (1_320_625_000, 1_321_718_750), "0.009707466872575907"),
    process((295_141_036_000, 295_253_707_000), (3_019_531_250, 3_020_000_000), "0.0041603429453896746"),
    process((280_719_748_000, 280_823_171_000), (1_469_375_000, 1_471_406_250), "0.01964021542596908"),
    process((280_719_748_000, 280_823_171_000), (2_997_812_500, 2_998_750_000), "0.009064714811985728"),
    process(SARATOGA, (247_105_584, 248_977_596), "0.017990992567461176").by_double(),
    process(SARATOGA, (1_969_356_624, 1_970_604_632), "0.011993995044974119").by_double(),
    process(SARATOGA, (1_404_009, 2_184_014), "0.007496246903108824").by_double(),
    process(SARATOGA, (312_002, 312_002), "0.0"),
    process(BERKELEY, (75_504_484, 75_504_484), "0.0"),
    process(BERKELEY, (29_952_192, 31_824_204), "0.01820999255262771").by_double(),
    process(BERKELEY, (3_120_020, 3_744_024), "0.006069997517542569").by_double(),
    process(OAKLAND, (520_887_339, 521_979_346), "0.009749295091200679").by_double(),
    process(OAKLAND, (3_619_067_199, 3_627_335_252), "0.07381609140480513").by_double(),
    process(OAKLAND, (1_716_011, 2_496_016), "0.006963782208000485").by_double(),
    process(GILROY, (68_016_436, 68_016_436), "0.0"),
    process(GILROY, (54_288_348, 54_756_351), "0.0042017347666543844").by_double(),
    process(GILROY, (2_340_015, 2_808_018), "0.0042017347666543844").by_double(),
];

const SARATOGA: (u64, u64) = (130_125_266_497_494_532, 130_125_266_601_547_272);
const BERKELEY: (u64, u64) = (130_125_266_503_145_012, 130_125_266_605_946_376);
const OAKLAND: (u64, u64) = (130_125_266_497_964_019, 130_125_266_609_972_832);
const GILROY: (u64, u64) = (130_125_266_508_735_505, 130_125_266_620_118_791);

/// A process of the hosts of Zenoss: Timestamp_Sys100NS and PercentProcessorTime before and after.
const fn process(clock: (u64, u64), busy: (u64, u64), value: &'static str) -> Published {
    published(ZENOSS, CounterType::TIMER_100NSEC, sys(clock.0, busy.0), sys(clock.1, busy.1), value)
}

#[test]
fn published_examples_of_counter_rawcount() {
    hold(CounterType::COUNTER_RAWCOUNT);
}

#[test]
fn published_examples_of_counter_large_rawcount() {
    hold(CounterType::COUNTER_LARGE_RAWCOUNT);
}

#[test]
fn published_examples_of_counter_delta() {
    hold(CounterType::COUNTER_DELTA);
}

#[test]
fn published_examples_of_counter_counter() {
    hold(CounterType::COUNTER_COUNTER);
}

#[test]
fn published_examples_of_counter_bulk_count() {
    hold(CounterType::COUNTER_BULK_COUNT);
}

#[test]
fn published_examples_of_100nsec_timer() {
    hold(CounterType::TIMER_100NSEC);
}

#[test]
fn published_examples_of_100nsec_timer_inv() {
    hold(CounterType::TIMER_INV_100NSEC);
}

/// One page of Microsoft has the frequency of the performance counter in this formula, the others have not.
#[test]
fn published_examples_of_counter_100ns_queuelen_type() {
    hold(CounterType::COUNTER_100NS_QUEUELEN_TYPE);
}

#[test]
fn published_examples_of_average_timer() {
    hold(CounterType::AVERAGE_TIMER);
}

#[test]
fn published_examples_of_average_bulk() {
    hold(CounterType::AVERAGE_BULK);
}

#[test]
fn published_examples_of_raw_fraction() {
    hold(CounterType::RAW_FRACTION);
}

#[test]
fn published_examples_of_large_raw_fraction() {
    hold(CounterType::LARGE_RAW_FRACTION);
}

#[test]
fn the_document_tells_which_types_have_no_published_example() {
    let document = include_str!("../../../../docs/counters.md");
    let (_, told) = document.split_once("No example is known of ").expect("the document tells");
    let told = told.split_once('.').expect("a sentence").0;
    let told: Vec<&str> = told.split('`').skip(1).step_by(2).collect();
    let without = CounterType::ALL.iter().filter(|kind| kind.measure().is_some());
    let without = without.filter(|kind| PUBLISHED.iter().all(|published| published.kind != **kind));
    let names: Vec<String> = without.map(|kind| kind.to_string().replace("PERF_", "")).collect();
    assert_eq!(told, names);
}

/// Real rows: zenoss/txwinrm, commit 4a67e98, txwinrm/test/data/server_2003, server_2008 and server_2012, of
/// Win32_PerfRawData_PerfProc_Process, Win32_PerfRawData_PerfDisk_PhysicalDisk and Win32_Process.
mod recorded {
    use super::*;

    /// A row of a process: Timestamp_Object and Timestamp_Sys100NS, ElapsedTime and PercentProcessorTime.
    fn process(object: u64, sys_100ns: u64, started: u64, busy: u64) -> Sample {
        let moment = Moment {
            sys_100ns: Some(sys_100ns),
            object_time: Some(object),
            object_frequency: Some(10_000_000),
            ..Moment::default()
        };
        let raw = |value| Raw { value: Some(value), base: None };
        Sample { moment, raws: vec![raw(started), raw(busy)] }
    }

    const PROCESS: [Column; 2] = [
        Column::wide("ElapsedTime", CounterType::ELAPSED_TIME),
        Column::wide("PercentProcessorTime", CounterType::TIMER_100NSEC),
    ];

    /// PERF_ELAPSED_TIME has no published result. What its raw number means another class of the same host tells:
    /// Win32_Process.CreationDate.
    #[test]
    fn elapsed_time_runs_from_the_date_of_creation() {
        for (now, started, created) in [
            // smss of Windows Server 2003.
            (130_105_312_647_781_951, 130_105_169_215_468_750, "20130415162841.546875+000"),
            // System of Windows Server 2008 R2 and of 2012.
            (130_105_311_790_194_745, 130_105_169_247_884_000, "20130415162844.788400+000"),
            (130_105_313_123_488_592, 130_105_169_277_351_701, "20130415162847.735170+000"),
        ] {
            let Ok(CimDateTime::Timestamp(date)) = created.parse() else { panic!("{created} is no date") };
            let created = FileTime::UNIX_EPOCH.0 + date.to_unix_micros().expect("a moment").cast_unsigned() * 10;
            let elapsed = process(now, now, started, 0).cook(&PROCESS, Err(Why::NeedsSecondSample))[0];
            let expected = (now - created) as f64 / 1e7;
            assert!((elapsed.expect("a value") - expected).abs() < 1e-6, "{elapsed:?} is not {expected}");
        }
    }

    /// `_Total` never started: its ElapsedTime is Timestamp_Object, an other one in every sample. Each host has one
    /// processor, so all processes together, the idle one included, use it up.
    #[test]
    fn all_processes_together_are_one_instance_and_use_all_the_time() {
        let hosts = [
            // Windows Server 2003, whose clock of 100 ns runs from the start of the host on.
            [
                (130_105_312_647_781_951, 143_604_041_000, 143_441_406_250),
                (130_105_312_650_438_082, 143_606_709_000, 143_444_062_500),
            ],
            // 2008 R2.
            [
                (130_105_311_790_194_745, 130_105_311_790_194_745, 142_491_001_398),
                (130_105_311_794_406_772, 130_105_311_794_406_772, 142_495_213_425),
            ],
            // 2012.
            [
                (130_105_313_123_488_592, 130_105_313_123_488_592, 143_697_513_132),
                (130_105_313_127_700_515, 130_105_313_127_700_515, 143_701_725_159),
            ],
        ];
        for samples in hosts {
            let [earlier, later] = samples.map(|(object, sys, busy)| process(object, sys, object, busy));
            let [elapsed, busy] = later.cook(&PROCESS, Ok(&earlier))[..] else { panic!("two columns") };
            assert_eq!(elapsed, Ok(0.0));
            assert!((busy.expect("a share") - 1.0).abs() < 0.005, "{busy:?}");
            // The name is another's as soon as it has a start.
            let started = Sample { raws: vec![Raw { value: Some(1), base: None }, later.raws[1]], ..later };
            assert_eq!(started.cook(&PROCESS, Ok(&earlier))[1], Err(Why::OtherInstance));
        }
    }

    /// The mean time of a read counts ticks of the performance counter, the length of the queue of reads counts the same
    /// time in units of 100 ns: two counters of one row, by two formulas, have to come to the same.
    #[test]
    fn the_mean_time_of_reads_is_their_time_in_the_queue() {
        for (frequency, [earlier, later]) in [
            // AvgDisksecPerRead, its base, and AvgDiskReadQueueLength: of 2003 and 2008 R2 since the start of the host,
            (3_579_545, [(0, 0, 0), (174_674_994, 21_013, 487_981_000)]),
            (62_500_000, [(0, 0, 0), (168_681_250, 968, 26_989_000)]),
            // of 2012 also within 0.14 s.
            (62_500_000, [(0, 0, 0), (4_232_087_500, 6_664, 677_134_000)]),
            (62_500_000, [(4_232_087_500, 6_664, 677_134_000), (4_241_218_750, 6_707, 678_595_000)]),
        ] {
            // Any will do, but for one in which 32 bits of ticks may go around.
            let length = 60;
            let queue = cook(
                CounterType::COUNTER_100NS_QUEUELEN_TYPE,
                sys(1, earlier.2),
                sys(1 + length * 10_000_000, later.2),
            );
            let mean = cook(
                CounterType::AVERAGE_TIMER,
                perf(1, frequency, earlier.0, earlier.1),
                perf(1 + length * frequency, frequency, later.0, later.1),
            );
            let expected = queue.expect("a length") * length as f64 / (later.1 - earlier.1) as f64;
            assert!((mean.expect("a mean") / expected - 1.0).abs() < 1e-6, "{mean:?} is not {expected}");
        }
    }
}

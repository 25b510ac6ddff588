//! The performance objects of the machine, and how much there is of what does not depend on the host.

use super::disks::{DISK, SPACE};
use super::kind::Kind::*;
use super::kind::{PERCENT, TICKS};
use super::processes::PROCESS;
use super::processors::{LATER, PROCESSOR};
use super::table::{Column, Line, Listed, Table, Things};
use super::{Figure, Population, Set, disks, of, per, processes, processors};
use crate::repository::UPTIME;

/// The performance counter of the machine counts intervals of 100 ns, as that of Windows does since Windows 10.
const PERF_FREQUENCY: u64 = TICKS;

const fn set(name: &'static str, service: &'static str, object_frequency: u64, table: &'static dyn Table) -> Set {
    Set { name, service, object_frequency, perf_frequency: PERF_FREQUENCY, table }
}

/// All of them.
pub(super) static SETS: &[Set] = &[
    set("PerfOS_System", "PerfOS", TICKS, &MACHINE),
    set("PerfOS_Memory", "PerfOS", TICKS, &MEMORIES),
    set("PerfOS_PagingFile", "PerfOS", TICKS, &Listed::named(PAGING_FILES, PAGING_FILE)),
    set("PerfOS_Processor", "PerfOS", 0, &PROCESSORS),
    set("Counters_ProcessorInformation", "Counters", TICKS, &GROUPED_PROCESSORS),
    set("PerfDisk_PhysicalDisk", "PerfDisk", 0, &DISKS),
    set("PerfDisk_LogicalDisk", "PerfDisk", 0, &VOLUMES),
    set("PerfProc_Process", "PerfProc", TICKS, &PROCESSES),
    set("Tcpip_NetworkInterface", "Tcpip", 0, &Listed::named(INTERFACES, INTERFACE)),
    set("Tcpip_TCPv4", "Tcpip", 0, &CONNECTIONS_V4),
    set("Tcpip_TCPv6", "Tcpip", 0, &CONNECTIONS_V6),
    set("Tcpip_UDPv4", "Tcpip", 0, &Listed::one(UDP, 0)),
    set("Tcpip_UDPv6", "Tcpip", 0, &Listed::one(UDP, 1)),
    set("LocalSessionManager_TerminalServices", "LSM", 0, &Listed::one(SESSIONS, 0)),
    // Not of Windows: clocks that nobody can take for each other.
    Set {
        name: "Sim_AllTypes",
        service: "Sim",
        object_frequency: 1_000,
        perf_frequency: 3_579_545,
        table: &Listed::named(&["steady", "wrapping"], ALL_TYPES),
    },
];

static MACHINE: Things<processes::All> = Things {
    columns: &[SYSTEM],
    singleton: true,
    count: |_| 1,
    at: |_, population| (None, processes::All::of(population)),
};

/// Of how many octets can be committed.
static MEMORIES: Things<u64> =
    Things { columns: &[MEMORY], singleton: true, count: |_| 1, at: |_, population| (None, population.commit_limit) };

static CONNECTIONS_V4: Things<Connections> = Things {
    columns: &[TCP],
    singleton: true,
    count: |_| 1,
    at: |_, population| (None, Connections::of(0, population)),
};

static CONNECTIONS_V6: Things<Connections> = Things {
    columns: &[TCP],
    singleton: true,
    count: |_| 1,
    at: |_, population| (None, Connections::of(1, population)),
};

static PROCESSORS: Things<processors::Share> =
    Things { columns: &[PROCESSOR], singleton: false, count: processors::count, at: processors::at };

static GROUPED_PROCESSORS: Things<processors::Share> = Things {
    columns: &[PROCESSOR, LATER],
    singleton: false,
    count: processors::count_with_groups,
    at: processors::at_with_groups,
};

static DISKS: Things<disks::Load> =
    Things { columns: &[DISK], singleton: false, count: |_| disks::DISKS.len() + 1, at: disks::disk };

static VOLUMES: Things<disks::Load> =
    Things { columns: &[DISK, SPACE], singleton: false, count: |_| disks::VOLUMES.len() + 1, at: disks::volume };

static PROCESSES: Things<processes::Usage> =
    Things { columns: &[PROCESS], singleton: false, count: processes::count, at: processes::at };

const SYSTEM: &[Column<processes::All>] = &[
    ("AlignmentFixupsPersec", Counter, |_| of(0)),
    ("ContextSwitchesPersec", Counter, |_| of(912)),
    ("ExceptionDispatchesPersec", Counter, |_| of(0)),
    ("FileControlBytesPersec", BulkCount, |_| of(30_716)),
    ("FileControlOperationsPersec", Counter, |_| of(412)),
    ("FileDataOperationsPersec", Counter, |_| of(36)),
    ("FileReadBytesPersec", BulkCount, |_| of(9_211)),
    ("FileReadOperationsPersec", Counter, |_| of(21)),
    ("FileWriteBytesPersec", BulkCount, |_| of(1_533)),
    ("FileWriteOperationsPersec", Counter, |_| of(15)),
    ("FloatingEmulationsPersec", Counter, |_| of(0)),
    ("PercentRegistryQuotaInUse", RawFraction, |_| per(29_360_128, 2_147_483_648)),
    ("Processes", RawCount, |all| of(all.processes)),
    ("ProcessorQueueLength", RawCount, |_| of(0)),
    ("SystemCallsPersec", Counter, |_| of(3_407)),
    ("SystemUpTime", ElapsedTime, |_| of(0)),
    ("Threads", RawCount, |all| of(all.threads)),
];

/// Octets that are committed.
const COMMITTED: u64 = 3 << 30;

/// As Win32_OperatingSystem says: 5 of 8 GiB are free, and of what can be committed 3 GiB are.
const MEMORY: &[Column<u64>] = &[
    ("AvailableBytes", LargeRawCount, |_| of(5 << 30)),
    ("AvailableKBytes", LargeRawCount, |_| of(5 << 20)),
    ("AvailableMBytes", LargeRawCount, |_| of(5 << 10)),
    ("CacheBytes", LargeRawCount, |_| of(188_743_680)),
    ("CacheBytesPeak", LargeRawCount, |_| of(251_658_240)),
    ("CacheFaultsPersec", Counter, |_| of(310)),
    ("CommitLimit", LargeRawCount, |limit| of(*limit)),
    ("CommittedBytes", LargeRawCount, |_| of(COMMITTED)),
    ("DemandZeroFaultsPersec", Counter, |_| of(740)),
    ("FreeAndZeroPageListBytes", LargeRawCount, |_| of(1 << 30)),
    ("FreeSystemPageTableEntries", RawCount, |_| of(12_584_000)),
    ("LongTermAverageStandbyCacheLifetimes", RawCount, |_| of(14_400)),
    ("ModifiedPageListBytes", LargeRawCount, |_| of(57_671_680)),
    ("PageFaultsPersec", Counter, |_| of(1_480)),
    ("PageReadsPersec", Counter, |_| of(2)),
    ("PagesInputPersec", Counter, |_| of(11)),
    ("PagesOutputPersec", Counter, |_| of(3)),
    ("PagesPersec", Counter, |_| of(14)),
    ("PageWritesPersec", Counter, |_| of(1)),
    ("PercentCommittedBytesInUse", RawFraction, |limit| per(COMMITTED / 4_096, limit / 4_096)),
    ("PoolNonpagedAllocs", RawCount, |_| of(148_000)),
    ("PoolNonpagedBytes", LargeRawCount, |_| of(128 << 20)),
    ("PoolPagedAllocs", RawCount, |_| of(232_000)),
    ("PoolPagedBytes", LargeRawCount, |_| of(256 << 20)),
    ("PoolPagedResidentBytes", LargeRawCount, |_| of(241_172_480)),
    ("StandbyCacheCoreBytes", LargeRawCount, |_| of(104_857_600)),
    ("StandbyCacheNormalPriorityBytes", LargeRawCount, |_| of(3_100_000_256)),
    ("StandbyCacheReserveBytes", LargeRawCount, |_| of(1_090_109_440)),
    ("SystemCacheResidentBytes", LargeRawCount, |_| of(142_606_336)),
    ("SystemCodeResidentBytes", LargeRawCount, |_| of(0)),
    ("SystemCodeTotalBytes", LargeRawCount, |_| of(0)),
    ("SystemDriverResidentBytes", LargeRawCount, |_| of(14_680_064)),
    ("SystemDriverTotalBytes", LargeRawCount, |_| of(18_874_368)),
    ("TransitionFaultsPersec", Counter, |_| of(420)),
    ("TransitionPagesRePurposedPersec", Counter, |_| of(0)),
    ("WriteCopiesPersec", Counter, |_| of(9)),
];

/// As Win32_PageFileUsage says.
const PAGING_FILES: &[&str] = &["\\??\\C:\\pagefile.sys", "\\??\\D:\\pagefile.sys", "_Total"];

/// In pages of 4096 octets.
const PAGING_FILE: &[Line] = &[
    ("PercentUsage", RawFraction, &[per(131_072, 1_048_576), per(0, 524_288), per(131_072, 1_572_864)]),
    ("PercentUsagePeak", RawFraction, &[per(187_136, 1_048_576), per(0, 524_288), per(187_136, 1_572_864)]),
];

/// The names are those of the adapters that are enabled, as the performance library writes them: `_` for `#`. The last
/// one is not connected.
const INTERFACES: &[&str] = &[
    "Microsoft Hyper-V Network Adapter",
    "Microsoft Hyper-V Network Adapter _2",
    "Microsoft Hyper-V Network Adapter _3",
];

const INTERFACE: &[Line] = &[
    ("BytesReceivedPersec", BulkCount, &[of(1_250_000), of(48_000_000), of(0)]),
    ("BytesSentPersec", BulkCount, &[of(430_000), of(22_000_000), of(0)]),
    ("BytesTotalPersec", BulkCount, &[of(1_680_000), of(70_000_000), of(0)]),
    ("CurrentBandwidth", LargeRawCount, &[of(10_000_000_000), of(10_000_000_000), of(0)]),
    ("OffloadedConnections", LargeRawCount, &[of(0)]),
    ("OutputQueueLength", LargeRawCount, &[of(0), of(2), of(0)]),
    ("PacketsOutboundDiscarded", LargeRawCount, &[of(0)]),
    ("PacketsOutboundErrors", LargeRawCount, &[per(3, 1), of(0)]),
    ("PacketsPersec", BulkCount, &[of(2_250), of(61_000), of(0)]),
    ("PacketsReceivedDiscarded", LargeRawCount, &[per(117, 12), of(0)]),
    ("PacketsReceivedErrors", LargeRawCount, &[per(2, 1), of(0)]),
    ("PacketsReceivedNonUnicastPersec", BulkCount, &[of(18), of(6), of(0)]),
    ("PacketsReceivedPersec", BulkCount, &[of(1_320), of(38_000), of(0)]),
    ("PacketsReceivedUnicastPersec", BulkCount, &[of(1_302), of(37_994), of(0)]),
    ("PacketsReceivedUnknown", LargeRawCount, &[of(41), of(0)]),
    ("PacketsSentNonUnicastPersec", BulkCount, &[of(4), of(2), of(0)]),
    ("PacketsSentPersec", BulkCount, &[of(930), of(23_000), of(0)]),
    ("PacketsSentUnicastPersec", BulkCount, &[of(926), of(22_998), of(0)]),
    ("TCPActiveRSCConnections", LargeRawCount, &[of(0), of(4), of(0)]),
    ("TCPRSCAveragePacketSize", LargeRawCount, &[of(0), of(28_900), of(0)]),
    ("TCPRSCCoalescedPacketsPersec", BulkCount, &[of(0), of(1_100), of(0)]),
    ("TCPRSCExceptionsPersec", BulkCount, &[of(0), of(3), of(0)]),
];

/// Connections over a version of IP.
struct Connections {
    /// 0: IPv4, 1: IPv6.
    version: usize,
    established: u64,
}

impl Connections {
    fn of(version: usize, population: &Population) -> Self {
        Self { version, established: population.established[version] }
    }

    /// Of a figure of IPv4 and one of IPv6 its own.
    const fn own(&self, figures: [Figure; 2]) -> Figure {
        figures[self.version]
    }
}

/// There are so many segments of IPv4 that their number passes 2^32 half an hour after the host is made.
const TCP: &[Column<Connections>] = &[
    ("ConnectionFailures", RawCount, |s| s.own([per(412, 6), per(35, 1)])),
    ("ConnectionsActive", RawCount, |s| s.own([per(20_417, 240), per(1_310, 12)])),
    ("ConnectionsEstablished", RawCount, |s| of(s.established)),
    ("ConnectionsPassive", RawCount, |s| s.own([per(48_220, 560), per(1_655, 16)])),
    ("ConnectionsReset", RawCount, |s| s.own([per(1_903, 24), per(77, 1)])),
    ("SegmentsPersec", Counter, |s| s.own([of(45_000), of(120)])),
    ("SegmentsReceivedPersec", Counter, |s| s.own([of(25_500), of(62)])),
    ("SegmentsRetransmittedPersec", Counter, |s| s.own([of(12), of(0)])),
    ("SegmentsSentPersec", Counter, |s| s.own([of(19_500), of(58)])),
];

/// Of IPv4 and IPv6.
const UDP: &[Line] = &[
    ("DatagramsNoPortPersec", Counter, &[of(3), of(0)]),
    ("DatagramsPersec", Counter, &[of(260), of(35)]),
    ("DatagramsReceivedErrors", RawCount, &[per(14, 2), of(0)]),
    ("DatagramsReceivedPersec", Counter, &[of(170), of(20)]),
    ("DatagramsSentPersec", Counter, &[of(90), of(15)]),
];

/// Somebody sits at the console and somebody is connected from afar; somebody went away, and nobody sits where services
/// run.
const SESSIONS: &[Line] = &[
    ("ActiveSessions", RawCount, &[of(2)]),
    ("InactiveSessions", RawCount, &[of(2)]),
    ("TotalSessions", RawCount, &[of(4)]),
];

/// Not of Windows: every type of counter. What is counted in the second instance is 0 ten seconds after the host is made.
const ALL_TYPES: &[Line] = &[
    ("RawCountHex", RawCountHex, &[of(0xBEEF)]),
    ("LargeRawCountHex", LargeRawCountHex, &[of(0xDEAD_BEEF_0000)]),
    ("RawCount", RawCount, &[per(1_000, 3_600)]),
    ("LargeRawCount", LargeRawCount, &[per(1 << 40, 7_200)]),
    ("Delta", Delta, &[of(70), per(70, before(70))]),
    ("LargeDelta", LargeDelta, &[of(5_000_000), per(5_000_000, before(5_000_000))]),
    ("SampleCounter", SampleCounter, &[of(33), per(33, before(33))]),
    ("Counter", Counter, &[of(12_345), per(12_345, before(12_345))]),
    ("BulkCount", BulkCount, &[of(987_654_321), per(987_654_321, before(987_654_321))]),
    ("QueueLength", QueueLength, &[of(25_000), per(25_000, before(250 * 35_795))]),
    ("LargeQueueLength", LargeQueueLength, &[of(127_500), per(127_500, before(1_275 * 35_795))]),
    ("QueueLength100ns", QueueLength100ns, &[of(35_000), per(35_000, before(35 * TICKS / 10))]),
    ("ObjectQueueLength", ObjectQueueLength, &[of(48_000), per(48_000, before(4_800))]),
    ("RawFraction", RawFraction, &[per(30, 120)]),
    ("LargeRawFraction", LargeRawFraction, &[per(3 << 33, 4 << 33)]),
    ("SampleFraction", SampleFraction, &[per(90, 120)]),
    ("Timer", Timer, &[of(37 * PERCENT)]),
    ("TimerInverse", TimerInverse, &[of(63 * PERCENT)]),
    ("Timer100ns", Timer100ns, &[of(12 * PERCENT)]),
    ("Timer100nsInverse", Timer100nsInverse, &[of(88 * PERCENT)]),
    ("ObjectTimer", ObjectTimer, &[of(55 * PERCENT)]),
    ("PrecisionTimer", PrecisionTimer, &[of(21 * PERCENT)]),
    ("PrecisionTimer100ns", PrecisionTimer100ns, &[of(43 * PERCENT)]),
    ("PrecisionObjectTimer", PrecisionObjectTimer, &[of(65 * PERCENT)]),
    ("MultiTimer", MultiTimer, &[per(40 * PERCENT, 4)]),
    ("MultiTimerInverse", MultiTimerInverse, &[per(60 * PERCENT, 4)]),
    ("MultiTimer100ns", MultiTimer100ns, &[per(15 * PERCENT, 6)]),
    ("MultiTimer100nsInverse", MultiTimer100nsInverse, &[per(85 * PERCENT, 6)]),
    ("AverageTimer", AverageTimer, &[per(2_500_000, 4)]),
    ("ElapsedTime", ElapsedTime, &[of(93_000 * TICKS)]),
    ("AverageBulk", AverageBulk, &[per(4_096, 50)]),
];

/// The start of what comes to 0 ten seconds after the host is made, counted so many times a second.
const fn before(rate: u64) -> u64 {
    0_u64.wrapping_sub(rate * (UPTIME / TICKS + 10))
}

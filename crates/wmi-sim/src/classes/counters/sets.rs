//! The performance objects of the machine: their counters and how much of everything there is.

use super::kind::Kind::{self, *};
use super::kind::{PERCENT, TICKS};
use super::{Disk, Figure, Instances, Population, Set, of, per, processes};

/// The performance counter of the machine counts intervals of 100 ns, as that of Windows has since Windows 10.
const PERF_FREQUENCY: u64 = TICKS;

const fn set(
    name: &'static str,
    service: &'static str,
    object_frequency: u64,
    counters: &'static [(&'static str, Kind)],
    instances: Instances,
) -> Set {
    Set { name, service, object_frequency, perf_frequency: PERF_FREQUENCY, counters, instances }
}

/// All of them.
pub(super) static SETS: &[Set] = &[
    set("PerfOS_System", "PerfOS", TICKS, SYSTEM, Instances::Machine(system)),
    set("PerfOS_Memory", "PerfOS", TICKS, MEMORY, Instances::One(MEMORY_FIGURES)),
    set("PerfOS_PagingFile", "PerfOS", TICKS, PAGING_FILE, Instances::Named(PAGING_FILES)),
    set("PerfOS_Processor", "PerfOS", TICKS, PROCESSOR, Instances::Processors),
    set("Counters_ProcessorInformation", "Counters", TICKS, GROUPED, Instances::Groups),
    set("PerfDisk_PhysicalDisk", "PerfDisk", TICKS, PHYSICAL, Instances::Disks(DISKS, false)),
    set("PerfDisk_LogicalDisk", "PerfDisk", TICKS, LOGICAL, Instances::Disks(VOLUMES, true)),
    set("PerfProc_Process", "PerfProc", TICKS, PROCESS, Instances::Processes),
    set("Tcpip_NetworkInterface", "Tcpip", 0, INTERFACE, Instances::Named(INTERFACES)),
    set("Tcpip_TCPv4", "Tcpip", 0, TCP, Instances::One(TCPV4)),
    set("Tcpip_TCPv6", "Tcpip", 0, TCP, Instances::One(TCPV6)),
    set("Tcpip_UDPv4", "Tcpip", 0, UDP, Instances::One(UDPV4)),
    set("Tcpip_UDPv6", "Tcpip", 0, UDP, Instances::One(UDPV6)),
    set("LocalSessionManager_TerminalServices", "LSM", 0, SESSIONS, Instances::One(&[of(1), of(1), of(2)])),
    // Not of Windows: every type of counter, with clocks that nobody can take for each other.
    Set {
        name: "Sim_AllTypes",
        service: "Sim",
        object_frequency: 1_000,
        perf_frequency: 3_579_545,
        counters: ALL_TYPES,
        instances: Instances::Named(ALL_FIGURES),
    },
];

const SYSTEM: &[(&str, Kind)] = &[
    ("AlignmentFixupsPersec", Counter),
    ("ContextSwitchesPersec", Counter),
    ("ExceptionDispatchesPersec", Counter),
    ("FileControlBytesPersec", BulkCount),
    ("FileControlOperationsPersec", Counter),
    ("FileDataOperationsPersec", Counter),
    ("FileReadBytesPersec", BulkCount),
    ("FileReadOperationsPersec", Counter),
    ("FileWriteBytesPersec", BulkCount),
    ("FileWriteOperationsPersec", Counter),
    ("FloatingEmulationsPersec", Counter),
    ("PercentRegistryQuotaInUse", RawFraction),
    ("Processes", RawCount),
    ("ProcessorQueueLength", RawCount),
    ("SystemCallsPersec", Counter),
    ("SystemUpTime", ElapsedTime),
    ("Threads", RawCount),
];

fn system(population: &Population) -> Vec<Figure> {
    let (processes, threads) = processes::numbers(population);
    vec![
        of(0),
        of(912),
        of(0),
        of(30_716),
        of(412),
        of(36),
        of(9_211),
        of(21),
        of(1_533),
        of(15),
        of(0),
        per(29_360_128, 2_147_483_648),
        of(processes),
        of(0),
        of(3_407),
        of(0),
        of(threads),
    ]
}

const MEMORY: &[(&str, Kind)] = &[
    ("AvailableBytes", LargeRawCount),
    ("AvailableKBytes", LargeRawCount),
    ("AvailableMBytes", LargeRawCount),
    ("CacheBytes", LargeRawCount),
    ("CacheBytesPeak", LargeRawCount),
    ("CacheFaultsPersec", Counter),
    ("CommitLimit", LargeRawCount),
    ("CommittedBytes", LargeRawCount),
    ("DemandZeroFaultsPersec", Counter),
    ("FreeAndZeroPageListBytes", LargeRawCount),
    ("FreeSystemPageTableEntries", RawCount),
    ("LongTermAverageStandbyCacheLifetimes", RawCount),
    ("ModifiedPageListBytes", LargeRawCount),
    ("PageFaultsPersec", Counter),
    ("PageReadsPersec", Counter),
    ("PagesInputPersec", Counter),
    ("PagesOutputPersec", Counter),
    ("PagesPersec", Counter),
    ("PageWritesPersec", Counter),
    ("PercentCommittedBytesInUse", RawFraction),
    ("PoolNonpagedAllocs", RawCount),
    ("PoolNonpagedBytes", LargeRawCount),
    ("PoolPagedAllocs", RawCount),
    ("PoolPagedBytes", LargeRawCount),
    ("PoolPagedResidentBytes", LargeRawCount),
    ("StandbyCacheCoreBytes", LargeRawCount),
    ("StandbyCacheNormalPriorityBytes", LargeRawCount),
    ("StandbyCacheReserveBytes", LargeRawCount),
    ("SystemCacheResidentBytes", LargeRawCount),
    ("SystemCodeResidentBytes", LargeRawCount),
    ("SystemCodeTotalBytes", LargeRawCount),
    ("SystemDriverResidentBytes", LargeRawCount),
    ("SystemDriverTotalBytes", LargeRawCount),
    ("TransitionFaultsPersec", Counter),
    ("TransitionPagesRePurposedPersec", Counter),
    ("WriteCopiesPersec", Counter),
];

/// As Win32_OperatingSystem says: 5 of 8 GiB are free, and 3 of 10 GiB are committed.
const MEMORY_FIGURES: &[Figure] = &[
    of(5 << 30),
    of(5 << 20),
    of(5 << 10),
    of(188_743_680),
    of(251_658_240),
    of(310),
    of(10 << 30),
    of(3 << 30),
    of(740),
    of(1 << 30),
    of(12_584_000),
    of(14_400),
    of(57_671_680),
    of(1_480),
    of(2),
    of(11),
    of(3),
    of(14),
    of(1),
    per(786_432, 2_621_440),
    of(148_000),
    of(128 << 20),
    of(232_000),
    of(256 << 20),
    of(241_172_480),
    of(104_857_600),
    of(3_100_000_256),
    of(1_090_109_440),
    of(142_606_336),
    of(0),
    of(0),
    of(14_680_064),
    of(18_874_368),
    of(420),
    of(0),
    of(9),
];

const PAGING_FILE: &[(&str, Kind)] = &[("PercentUsage", RawFraction), ("PercentUsagePeak", RawFraction)];

/// In pages of 4096 octets: 2 GiB.
const PAGING_FILES: &[(&str, &[Figure])] =
    &[("\\??\\C:\\pagefile.sys", PAGE_FILE_FIGURES), ("_Total", PAGE_FILE_FIGURES)];

const PAGE_FILE_FIGURES: &[Figure] = &[per(26_214, 524_288), per(41_943, 524_288)];

/// In the order of the figures in `processors`.
const PROCESSOR: &[(&str, Kind)] = &[
    ("C1TransitionsPersec", BulkCount),
    ("C2TransitionsPersec", BulkCount),
    ("C3TransitionsPersec", BulkCount),
    ("DPCRate", RawCount),
    ("DPCsQueuedPersec", Counter),
    ("InterruptsPersec", Counter),
    ("PercentC1Time", Timer100ns),
    ("PercentC2Time", Timer100ns),
    ("PercentC3Time", Timer100ns),
    ("PercentDPCTime", Timer100ns),
    ("PercentIdleTime", Timer100ns),
    ("PercentInterruptTime", Timer100ns),
    ("PercentPrivilegedTime", Timer100ns),
    ("PercentProcessorTime", Timer100nsInverse),
    ("PercentUserTime", Timer100ns),
];

/// The same, and what came later.
const GROUPED: &[(&str, Kind)] = &[
    ("C1TransitionsPersec", BulkCount),
    ("C2TransitionsPersec", BulkCount),
    ("C3TransitionsPersec", BulkCount),
    ("DPCRate", RawCount),
    ("DPCsQueuedPersec", Counter),
    ("InterruptsPersec", Counter),
    ("PercentC1Time", Timer100ns),
    ("PercentC2Time", Timer100ns),
    ("PercentC3Time", Timer100ns),
    ("PercentDPCTime", Timer100ns),
    ("PercentIdleTime", Timer100ns),
    ("PercentInterruptTime", Timer100ns),
    ("PercentPrivilegedTime", Timer100ns),
    ("PercentProcessorTime", Timer100nsInverse),
    ("PercentUserTime", Timer100ns),
    ("ClockInterruptsPersec", Counter),
    ("IdleBreakEventsPersec", BulkCount),
    ("ParkingStatus", RawCount),
    ("PercentofMaximumFrequency", RawCount),
    ("PercentPerformanceLimit", RawCount),
    ("PercentPriorityTime", Timer100nsInverse),
    ("PercentPrivilegedUtility", AverageBulk),
    ("PercentProcessorPerformance", AverageBulk),
    ("PercentProcessorUtility", AverageBulk),
    ("PerformanceLimitFlags", RawCountHex),
    ("ProcessorFrequency", RawCount),
    ("ProcessorStateFlags", RawCountHex),
];

/// In the order of the figures in `disks`.
const PHYSICAL: &[(&str, Kind)] = &[
    ("AvgDiskBytesPerRead", AverageBulk),
    ("AvgDiskBytesPerTransfer", AverageBulk),
    ("AvgDiskBytesPerWrite", AverageBulk),
    ("AvgDiskQueueLength", QueueLength100ns),
    ("AvgDiskReadQueueLength", QueueLength100ns),
    ("AvgDisksecPerRead", AverageTimer),
    ("AvgDisksecPerTransfer", AverageTimer),
    ("AvgDisksecPerWrite", AverageTimer),
    ("AvgDiskWriteQueueLength", QueueLength100ns),
    ("CurrentDiskQueueLength", RawCount),
    ("DiskBytesPersec", BulkCount),
    ("DiskReadBytesPersec", BulkCount),
    ("DiskReadsPersec", Counter),
    ("DiskTransfersPersec", Counter),
    ("DiskWriteBytesPersec", BulkCount),
    ("DiskWritesPersec", Counter),
    ("PercentDiskReadTime", PrecisionTimer100ns),
    ("PercentDiskTime", PrecisionTimer100ns),
    ("PercentDiskWriteTime", PrecisionTimer100ns),
    ("PercentIdleTime", PrecisionTimer100ns),
    ("SplitIOPerSec", Counter),
];

/// The same, and the space of volumes.
const LOGICAL: &[(&str, Kind)] = &[
    ("AvgDiskBytesPerRead", AverageBulk),
    ("AvgDiskBytesPerTransfer", AverageBulk),
    ("AvgDiskBytesPerWrite", AverageBulk),
    ("AvgDiskQueueLength", QueueLength100ns),
    ("AvgDiskReadQueueLength", QueueLength100ns),
    ("AvgDisksecPerRead", AverageTimer),
    ("AvgDisksecPerTransfer", AverageTimer),
    ("AvgDisksecPerWrite", AverageTimer),
    ("AvgDiskWriteQueueLength", QueueLength100ns),
    ("CurrentDiskQueueLength", RawCount),
    ("DiskBytesPersec", BulkCount),
    ("DiskReadBytesPersec", BulkCount),
    ("DiskReadsPersec", Counter),
    ("DiskTransfersPersec", Counter),
    ("DiskWriteBytesPersec", BulkCount),
    ("DiskWritesPersec", Counter),
    ("PercentDiskReadTime", PrecisionTimer100ns),
    ("PercentDiskTime", PrecisionTimer100ns),
    ("PercentDiskWriteTime", PrecisionTimer100ns),
    ("PercentIdleTime", PrecisionTimer100ns),
    ("SplitIOPerSec", Counter),
    ("FreeMegabytes", RawCount),
    ("PercentFreeSpace", RawFraction),
];

const SYSTEM_DISK: Disk = Disk {
    name: "0 C:",
    reads: 42,
    read_size: 24_576,
    read_time: 900,
    writes: 65,
    write_size: 12_288,
    write_time: 1_400,
    queue: 0,
    free: 0,
    size: 0,
};

/// A slow one: more waits than it can do.
const ARCHIVE_DISK: Disk = Disk {
    name: "1 D:",
    reads: 120,
    read_size: 65_536,
    read_time: 6_500,
    writes: 180,
    write_size: 32_768,
    write_time: 9_200,
    queue: 3,
    free: 0,
    size: 0,
};

const DISKS: &[Disk] = &[SYSTEM_DISK, ARCHIVE_DISK];

/// The first one has no letter; the others are as large as Win32_LogicalDisk says.
const VOLUMES: &[Disk] = &[
    Disk {
        name: "HarddiskVolume1",
        reads: 0,
        read_size: 0,
        read_time: 0,
        writes: 0,
        write_size: 0,
        write_time: 0,
        queue: 0,
        free: 72 << 20,
        size: 100 << 20,
    },
    Disk { name: "C:", free: 39_728_447_488, size: 106_847_793_152, ..SYSTEM_DISK },
    Disk { name: "D:", free: 0, size: 2_199_023_255_552, ..ARCHIVE_DISK },
];

/// In the order of the figures in `processes`.
const PROCESS: &[(&str, Kind)] = &[
    ("CreatingProcessID", RawCount),
    ("ElapsedTime", ElapsedTime),
    ("HandleCount", RawCount),
    ("IDProcess", RawCount),
    ("IODataBytesPersec", BulkCount),
    ("IODataOperationsPersec", BulkCount),
    ("IOOtherBytesPersec", BulkCount),
    ("IOOtherOperationsPersec", BulkCount),
    ("IOReadBytesPersec", BulkCount),
    ("IOReadOperationsPersec", BulkCount),
    ("IOWriteBytesPersec", BulkCount),
    ("IOWriteOperationsPersec", BulkCount),
    ("PageFaultsPersec", Counter),
    ("PageFileBytes", LargeRawCount),
    ("PageFileBytesPeak", LargeRawCount),
    ("PercentPrivilegedTime", Timer100ns),
    ("PercentProcessorTime", Timer100ns),
    ("PercentUserTime", Timer100ns),
    ("PoolNonpagedBytes", RawCount),
    ("PoolPagedBytes", RawCount),
    ("PriorityBase", RawCount),
    ("PrivateBytes", LargeRawCount),
    ("ThreadCount", RawCount),
    ("VirtualBytes", LargeRawCount),
    ("VirtualBytesPeak", LargeRawCount),
    ("WorkingSet", LargeRawCount),
    ("WorkingSetPeak", LargeRawCount),
    ("WorkingSetPrivate", LargeRawCount),
];

const INTERFACE: &[(&str, Kind)] = &[
    ("BytesReceivedPersec", BulkCount),
    ("BytesSentPersec", BulkCount),
    ("BytesTotalPersec", BulkCount),
    ("CurrentBandwidth", LargeRawCount),
    ("OffloadedConnections", LargeRawCount),
    ("OutputQueueLength", LargeRawCount),
    ("PacketsOutboundDiscarded", LargeRawCount),
    ("PacketsOutboundErrors", LargeRawCount),
    ("PacketsPersec", BulkCount),
    ("PacketsReceivedDiscarded", LargeRawCount),
    ("PacketsReceivedErrors", LargeRawCount),
    ("PacketsReceivedNonUnicastPersec", BulkCount),
    ("PacketsReceivedPersec", BulkCount),
    ("PacketsReceivedUnicastPersec", BulkCount),
    ("PacketsReceivedUnknown", LargeRawCount),
    ("PacketsSentNonUnicastPersec", BulkCount),
    ("PacketsSentPersec", BulkCount),
    ("PacketsSentUnicastPersec", BulkCount),
    ("TCPActiveRSCConnections", LargeRawCount),
    ("TCPRSCAveragePacketSize", LargeRawCount),
    ("TCPRSCCoalescedPacketsPersec", BulkCount),
    ("TCPRSCExceptionsPersec", BulkCount),
];

/// The names are those of the adapters, with brackets for parentheses.
const INTERFACES: &[(&str, &[Figure])] = &[
    (
        "Intel[R] 82574L Gigabit Network Connection",
        &[
            of(1_250_000),
            of(430_000),
            of(1_680_000),
            of(1_000_000_000),
            of(0),
            of(0),
            of(0),
            per(3, 1),
            of(2_250),
            per(117, 12),
            per(2, 1),
            of(18),
            of(1_320),
            of(1_302),
            of(41),
            of(4),
            of(930),
            of(926),
            of(0),
            of(0),
            of(0),
            of(0),
        ],
    ),
    (
        "Microsoft Hyper-V Network Adapter _2",
        &[
            of(48_000_000),
            of(22_000_000),
            of(70_000_000),
            of(10_000_000_000),
            of(0),
            of(2),
            of(0),
            of(0),
            of(61_000),
            of(0),
            of(0),
            of(6),
            of(38_000),
            of(37_994),
            of(0),
            of(2),
            of(23_000),
            of(22_998),
            of(4),
            of(28_900),
            of(1_100),
            of(3),
        ],
    ),
];

const TCP: &[(&str, Kind)] = &[
    ("ConnectionFailures", RawCount),
    ("ConnectionsActive", RawCount),
    ("ConnectionsEstablished", RawCount),
    ("ConnectionsPassive", RawCount),
    ("ConnectionsReset", RawCount),
    ("SegmentsPersec", Counter),
    ("SegmentsReceivedPersec", Counter),
    ("SegmentsRetransmittedPersec", Counter),
    ("SegmentsSentPersec", Counter),
];

/// So many segments that their number passes 2^32 half an hour after the host is made.
const TCPV4: &[Figure] = &[
    per(412, 6),
    per(20_417, 240),
    of(38),
    per(48_220, 560),
    per(1_903, 24),
    of(45_000),
    of(25_500),
    of(12),
    of(19_500),
];

const TCPV6: &[Figure] =
    &[per(35, 1), per(1_310, 12), of(6), per(1_655, 16), per(77, 1), of(120), of(62), of(0), of(58)];

const UDP: &[(&str, Kind)] = &[
    ("DatagramsNoPortPersec", Counter),
    ("DatagramsPersec", Counter),
    ("DatagramsReceivedErrors", RawCount),
    ("DatagramsReceivedPersec", Counter),
    ("DatagramsSentPersec", Counter),
];

const UDPV4: &[Figure] = &[of(3), of(260), per(14, 2), of(170), of(90)];

const UDPV6: &[Figure] = &[of(0), of(35), of(0), of(20), of(15)];

const SESSIONS: &[(&str, Kind)] =
    &[("ActiveSessions", RawCount), ("InactiveSessions", RawCount), ("TotalSessions", RawCount)];

const ALL_TYPES: &[(&str, Kind)] = &[
    ("RawCountHex", RawCountHex),
    ("LargeRawCountHex", LargeRawCountHex),
    ("RawCount", RawCount),
    ("LargeRawCount", LargeRawCount),
    ("Delta", Delta),
    ("LargeDelta", LargeDelta),
    ("SampleCounter", SampleCounter),
    ("Counter", Counter),
    ("BulkCount", BulkCount),
    ("QueueLength", QueueLength),
    ("LargeQueueLength", LargeQueueLength),
    ("QueueLength100ns", QueueLength100ns),
    ("ObjectQueueLength", ObjectQueueLength),
    ("RawFraction", RawFraction),
    ("LargeRawFraction", LargeRawFraction),
    ("SampleFraction", SampleFraction),
    ("Timer", Timer),
    ("TimerInverse", TimerInverse),
    ("Timer100ns", Timer100ns),
    ("Timer100nsInverse", Timer100nsInverse),
    ("ObjectTimer", ObjectTimer),
    ("PrecisionTimer", PrecisionTimer),
    ("PrecisionTimer100ns", PrecisionTimer100ns),
    ("PrecisionObjectTimer", PrecisionObjectTimer),
    ("MultiTimer", MultiTimer),
    ("MultiTimerInverse", MultiTimerInverse),
    ("MultiTimer100ns", MultiTimer100ns),
    ("MultiTimer100nsInverse", MultiTimer100nsInverse),
    ("AverageTimer", AverageTimer),
    ("ElapsedTime", ElapsedTime),
    ("AverageBulk", AverageBulk),
];

/// What is counted in 32 bits passes their end ten seconds after the host is made in the second instance.
const ALL_FIGURES: &[(&str, &[Figure])] = &[("steady", &all_figures(0)), ("wrapping", &all_figures(93_794))];

/// What is counted is 0 so many seconds after the start.
const fn all_figures(end: u64) -> [Figure; 31] {
    const fn before(rate: u64, end: u64) -> u64 {
        0_u64.wrapping_sub(rate.wrapping_mul(end))
    }
    [
        of(0xBEEF),
        of(0xDEAD_BEEF_0000),
        per(1_000, 3_600),
        per(1 << 40, 7_200),
        per(70, before(70, end)),
        per(5_000_000, before(5_000_000, end)),
        per(33, before(33, end)),
        per(12_345, before(12_345, end)),
        per(987_654_321, before(987_654_321, end)),
        per(250, before(250 * 35_795, end)),
        per(1_275, before(1_275 * 35_795, end)),
        per(350, before(35 * TICKS / 10, end)),
        per(480, before(4_800, end)),
        per(30, 120),
        per(3 << 33, 4 << 33),
        per(90, 120),
        of(37 * PERCENT),
        of(63 * PERCENT),
        of(12 * PERCENT),
        of(88 * PERCENT),
        of(55 * PERCENT),
        of(21 * PERCENT),
        of(43 * PERCENT),
        of(65 * PERCENT),
        per(40 * PERCENT, 4),
        per(60 * PERCENT, 4),
        per(15 * PERCENT, 6),
        per(85 * PERCENT, 6),
        per(2_500_000, 4),
        of(93_000 * TICKS),
        per(4_096, 50),
    ]
}

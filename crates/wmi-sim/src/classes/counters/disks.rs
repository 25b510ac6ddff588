//! Disks and volumes: how much is read and written, and how long that takes.

use super::kind::Kind::*;
use super::table::Column;
use super::{Figure, Population, of, per};

/// What goes on at a disk.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Disk {
    pub(super) name: &'static str,
    /// Reads every second.
    pub(super) reads: u64,
    /// Octets of a read.
    pub(super) read_size: u64,
    /// Microseconds that a read takes.
    pub(super) read_time: u64,
    /// Writes every second.
    pub(super) writes: u64,
    /// Octets of a write.
    pub(super) write_size: u64,
    /// Microseconds that a write takes.
    pub(super) write_time: u64,
    /// What waits at this moment.
    pub(super) queue: u64,
    /// Octets; only volumes have a size.
    pub(super) free: u64,
    /// Octets.
    pub(super) size: u64,
}

/// Octets of a megabyte.
const MEGABYTE: u64 = 1 << 20;

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

/// One without a letter.
const LOG_DISK: Disk = Disk {
    name: "2",
    reads: 0,
    read_size: 0,
    read_time: 0,
    writes: 15,
    write_size: 4_096,
    write_time: 400,
    queue: 0,
    free: 0,
    size: 0,
};

/// The physical ones.
pub(super) const DISKS: &[Disk] = &[SYSTEM_DISK, ARCHIVE_DISK, LOG_DISK];

/// As large as Win32_Volume says.
pub(super) const VOLUMES: &[Disk] = &[
    Disk {
        name: "HarddiskVolume1",
        reads: 0,
        read_size: 0,
        read_time: 0,
        writes: 0,
        write_size: 0,
        write_time: 0,
        queue: 0,
        free: 41_943_040,
        size: 575_664_128,
    },
    Disk { name: "C:", free: 39_728_447_488, size: 106_847_793_152, ..SYSTEM_DISK },
    Disk { name: "D:", free: 0, size: 2_199_023_255_552, ..ARCHIVE_DISK },
    Disk { name: "D:\\mnt\\logs", free: 128_849_018_880, size: 536_868_814_848, ..LOG_DISK },
];

/// What goes on at some disks.
pub(super) struct Load {
    disks: u64,
    reads: u64,
    read_bytes: u64,
    /// Microseconds of a second that are spent with reads.
    reading: u64,
    writes: u64,
    write_bytes: u64,
    /// Microseconds of a second that are spent with writes.
    writing: u64,
    queue: u64,
    /// Megabytes.
    free: u64,
    /// Megabytes.
    size: u64,
}

/// A physical disk, or all.
pub(super) fn disk(index: usize, _: &Population) -> (Option<String>, Load) {
    load(DISKS, index)
}

/// A volume, or all.
pub(super) fn volume(index: usize, _: &Population) -> (Option<String>, Load) {
    load(VOLUMES, index)
}

fn load(disks: &[Disk], index: usize) -> (Option<String>, Load) {
    let (name, own) = disks.get(index).map_or(("_Total", disks), |disk| (disk.name, std::slice::from_ref(disk)));
    (Some(name.to_owned()), Load::of(own))
}

impl Load {
    fn of(disks: &[Disk]) -> Self {
        let sum = |of: fn(&Disk) -> u64| disks.iter().map(of).sum::<u64>();
        Self {
            disks: disks.len().max(1) as u64,
            reads: sum(|disk| disk.reads),
            read_bytes: sum(|disk| disk.reads * disk.read_size),
            reading: sum(|disk| disk.reads * disk.read_time),
            writes: sum(|disk| disk.writes),
            write_bytes: sum(|disk| disk.writes * disk.write_size),
            writing: sum(|disk| disk.writes * disk.write_time),
            queue: sum(|disk| disk.queue),
            free: sum(|disk| disk.free) / MEGABYTE,
            size: sum(|disk| disk.size) / MEGABYTE,
        }
    }

    const fn transfers(&self) -> u64 {
        self.reads + self.writes
    }

    const fn bytes(&self) -> u64 {
        self.read_bytes + self.write_bytes
    }

    const fn busy(&self) -> u64 {
        self.reading + self.writing
    }

    /// Microseconds of a second as a share of the time of the disks, in hundredths of a percent. Of one disk it is the
    /// length of its queue: what overlaps counts more than once.
    fn percent(&self, micros: u64) -> Figure {
        of(micros / 100 / self.disks)
    }
}

/// Microseconds of a second that things wait or are done, as the length of a queue in ten-thousandths.
const fn queue(micros: u64) -> Figure {
    of(micros / 100)
}

fn average(sum: u64, count: u64) -> Figure {
    per(sum.checked_div(count).unwrap_or(0), count)
}

/// Busy shares are averages over the disks and everything else is a sum, as on Windows.
pub(super) const DISK: &[Column<Load>] = &[
    ("AvgDiskBytesPerRead", AverageBulk, |s| average(s.read_bytes, s.reads)),
    ("AvgDiskBytesPerTransfer", AverageBulk, |s| average(s.bytes(), s.transfers())),
    ("AvgDiskBytesPerWrite", AverageBulk, |s| average(s.write_bytes, s.writes)),
    ("AvgDiskQueueLength", QueueLength100ns, |s| queue(s.busy())),
    ("AvgDiskReadQueueLength", QueueLength100ns, |s| queue(s.reading)),
    ("AvgDisksecPerRead", AverageTimer, |s| average(s.reading, s.reads)),
    ("AvgDisksecPerTransfer", AverageTimer, |s| average(s.busy(), s.transfers())),
    ("AvgDisksecPerWrite", AverageTimer, |s| average(s.writing, s.writes)),
    ("AvgDiskWriteQueueLength", QueueLength100ns, |s| queue(s.writing)),
    ("CurrentDiskQueueLength", RawCount, |s| of(s.queue)),
    ("DiskBytesPersec", BulkCount, |s| of(s.bytes())),
    ("DiskReadBytesPersec", BulkCount, |s| of(s.read_bytes)),
    ("DiskReadsPersec", Counter, |s| of(s.reads)),
    ("DiskTransfersPersec", Counter, |s| of(s.transfers())),
    ("DiskWriteBytesPersec", BulkCount, |s| of(s.write_bytes)),
    ("DiskWritesPersec", Counter, |s| of(s.writes)),
    ("PercentDiskReadTime", PrecisionTimer100ns, |s| s.percent(s.reading)),
    ("PercentDiskTime", PrecisionTimer100ns, |s| s.percent(s.busy())),
    ("PercentDiskWriteTime", PrecisionTimer100ns, |s| s.percent(s.writing)),
    ("PercentIdleTime", PrecisionTimer100ns, |s| s.percent((1_000_000 * s.disks).saturating_sub(s.busy()))),
    ("SplitIOPerSec", Counter, |s| of(s.writes / 20)),
];

/// What volumes have beyond that.
pub(super) const SPACE: &[Column<Load>] =
    &[("FreeMegabytes", RawCount, |s| of(s.free)), ("PercentFreeSpace", RawFraction, |s| per(s.free, s.size))];

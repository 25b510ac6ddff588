//! Disks and volumes: how much is read and written, and how long that takes.

use super::kind::PERCENT;
use super::{Figure, of, per};

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

/// The name and the figures of a disk, or of all of them; in the order of `PHYSICAL` or `LOGICAL` in the table of sets.
pub(super) fn instance(disks: &[Disk], index: usize, volumes: bool) -> (&'static str, Vec<Figure>) {
    let (name, own) = match disks.get(index) {
        Some(disk) => (disk.name, std::slice::from_ref(disk)),
        None => ("_Total", disks),
    };
    let mut figures = Load::of(own).figures();
    if volumes {
        let sum = |of: fn(&Disk) -> u64| own.iter().map(of).sum::<u64>() / MEGABYTE;
        let (free, size) = (sum(|disk| disk.free), sum(|disk| disk.size));
        figures.extend([of(free), per(free, size)]);
    }
    (name, figures)
}

/// What goes on at some disks. Busy shares are averages over the disks and everything else is a sum, as on Windows.
struct Load {
    disks: u64,
    reads: u64,
    read_bytes: u64,
    /// Microseconds of a second that are spent with reads.
    reading: u64,
    writes: u64,
    write_bytes: u64,
    writing: u64,
    queue: u64,
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
        }
    }

    fn figures(&self) -> Vec<Figure> {
        // Millionths of the time of one disk, in the unit of the figure.
        let percent = |micros: u64| of((micros / 100 / self.disks).min(100 * PERCENT));
        let queue = |micros: u64| of(micros / 10_000);
        let both = self.reading + self.writing;
        let transfers = self.reads + self.writes;
        let bytes = self.read_bytes + self.write_bytes;
        let average = |sum: u64, count: u64| per(sum.checked_div(count).unwrap_or(0), count);
        vec![
            average(self.read_bytes, self.reads),                   // AvgDiskBytesPerRead
            average(bytes, transfers),                              // AvgDiskBytesPerTransfer
            average(self.write_bytes, self.writes),                 // AvgDiskBytesPerWrite
            queue(both),                                            // AvgDiskQueueLength
            queue(self.reading),                                    // AvgDiskReadQueueLength
            average(self.reading, self.reads),                      // AvgDisksecPerRead
            average(both, transfers),                               // AvgDisksecPerTransfer
            average(self.writing, self.writes),                     // AvgDisksecPerWrite
            queue(self.writing),                                    // AvgDiskWriteQueueLength
            of(self.queue),                                         // CurrentDiskQueueLength
            of(bytes),                                              // DiskBytesPersec
            of(self.read_bytes),                                    // DiskReadBytesPersec
            of(self.reads),                                         // DiskReadsPersec
            of(transfers),                                          // DiskTransfersPersec
            of(self.write_bytes),                                   // DiskWriteBytesPersec
            of(self.writes),                                        // DiskWritesPersec
            percent(self.reading),                                  // PercentDiskReadTime
            percent(both),                                          // PercentDiskTime
            percent(self.writing),                                  // PercentDiskWriteTime
            percent((1_000_000 * self.disks).saturating_sub(both)), // PercentIdleTime
            of(self.writes / 20),                                   // SplitIOPerSec
        ]
    }
}

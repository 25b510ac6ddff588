//! What moves with the clock where people and snapshots are concerned.

use wmi_proto::FileTime;

use super::live::{Clock, TICKS, date};
use crate::repository::class::Row;

/// Sessions begin in the order of their identifiers; those of the system with the machine.
pub(super) fn logon(clock: &Clock, row: &mut Row<'_>) {
    let id: u64 = row.get("LogonId").as_str().and_then(|id| id.parse().ok()).unwrap_or_default();
    let since = if id < 1000 { 5 } else { id / 40 };
    row.set("StartTime", date(FileTime(clock.boot.0.saturating_add(since * TICKS)), clock.zone()));
}

/// A snapshot each noon by the machine's uptime: the number in the name of its device counts back from now.
pub(super) fn snapshot(clock: &Clock, row: &mut Row<'_>) {
    let device = row.get("DeviceObject").as_str().unwrap_or_default().into_owned();
    let number = device.chars().next_back().and_then(|digit| digit.to_digit(10)).unwrap_or_default();
    let ago = u64::from(6_u32.saturating_sub(number)) * 43_200 * TICKS;
    row.set("InstallDate", date(FileTime(clock.now.0.saturating_sub(ago)), clock.zone()));
}

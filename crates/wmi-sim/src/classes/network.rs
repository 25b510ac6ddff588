//! What rows of the network classes have in common, and what moves with the clock in them.

use wmi_proto::FileTime;
use wmi_proto::cim::CimValue;

use super::live::{Clock, TICKS, date};
use super::since_boot;
use crate::repository::class::Row;

/// How long an address is leased, in seconds: eight days, renewed after half of them.
const LEASE: u64 = 8 * 86_400;

fn text(value: &str) -> CimValue {
    CimValue::String(value.into())
}

pub(super) fn adapter(clock: &Clock, row: &mut Row<'_>) {
    let name = row.get("Name").clone();
    if let (CimValue::Uint32(index), CimValue::String(name)) = (row.get("Index"), &name) {
        let caption = format!("[{index:08}] {}", name.to_str());
        row.set("Caption", text(&caption));
    }
    row.set("Description", name.clone());
    row.set("ProductName", name);
    for (property, value) in [
        ("Availability", CimValue::Uint16(3)),
        ("ConfigManagerUserConfig", CimValue::Boolean(false)),
        ("CreationClassName", text("Win32_NetworkAdapter")),
        ("Installed", CimValue::Boolean(true)),
        ("MaxNumberControlled", CimValue::Uint32(0)),
        ("PowerManagementSupported", CimValue::Boolean(false)),
        ("SystemCreationClassName", text("Win32_ComputerSystem")),
        ("TimeOfLastReset", date(clock.boot, clock.zone())),
    ] {
        row.set(property, value);
    }
}

pub(super) fn adapter_configuration(clock: &Clock, row: &mut Row<'_>) {
    if let (CimValue::Uint32(index), CimValue::String(name)) = (row.get("Index"), row.get("Description")) {
        let caption = format!("[{index:08}] {}", name.to_str());
        row.set("Caption", text(&caption));
    }
    if *row.get("IPEnabled") == CimValue::Boolean(true) {
        row.set("DNSHostName", text(&clock.machine));
        row.set("DatabasePath", text("%SystemRoot%\\System32\\drivers\\etc"));
    }
    if *row.get("DHCPServer") != CimValue::Null {
        let (up, half) = (clock.uptime() / TICKS, LEASE / 2);
        let obtained = FileTime(clock.boot.0.saturating_add((up - up % half) * TICKS));
        row.set("DHCPLeaseObtained", date(obtained, clock.zone()));
        row.set("DHCPLeaseExpires", date(FileTime(obtained.0.saturating_add(LEASE * TICKS)), clock.zone()));
    }
}

pub(super) fn route(clock: &Clock, row: &mut Row<'_>) {
    let part = |name| row.get(name).as_str().unwrap_or_default().into_owned();
    let (destination, mask, next) = (part("Destination"), part("Mask"), part("NextHop"));
    row.set("Caption", text(&destination));
    row.set("Name", text(&destination));
    row.set("Description", text(&format!("{destination} - {mask} - {next}")));
    row.set("Information", text("0.0"));
    row.set("Age", CimValue::Uint32(u32::try_from(clock.uptime() / TICKS).unwrap_or(u32::MAX)));
    for metric in ["Metric2", "Metric3", "Metric4", "Metric5"] {
        row.set(metric, CimValue::Sint32(-1));
    }
}

/// A connection of TCP.
pub(super) fn connection(clock: &Clock, row: &mut Row<'_>) {
    let id = format!("{}++{}", end(row, "LocalAddress", "LocalPort"), end(row, "RemoteAddress", "RemotePort"));
    row.set("InstanceID", text(&id));
    row.set("OffloadState", CimValue::Uint8(0));
    enabled(row);
    since_boot(clock, row, "CreationTime");
}

/// An endpoint of UDP.
pub(super) fn endpoint(clock: &Clock, row: &mut Row<'_>) {
    let id = end(row, "LocalAddress", "LocalPort");
    row.set("InstanceID", text(&id));
    enabled(row);
    since_boot(clock, row, "CreationTime");
}

/// An address and a port, as they stand in InstanceID.
fn end(row: &Row<'_>, address: &str, port: &str) -> String {
    format!("{}++{}", row.get(address).as_str().unwrap_or_default(), row.get(port).as_u64().unwrap_or_default())
}

/// Enabled by default, no change of it requested and none under way.
fn enabled(row: &mut Row<'_>) {
    for (property, value) in [("EnabledDefault", 2), ("RequestedState", 5), ("TransitioningToState", 12)] {
        row.set(property, CimValue::Uint16(value));
    }
}

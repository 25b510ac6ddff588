//! Rows of the host that has very many of them.

use wmi_proto::cim::CimValue;

use crate::repository::class::Row;

fn text(text: String) -> CimValue {
    CimValue::String(text.into())
}

/// A client of the web server of the host: no two have the same address and port.
pub(super) fn connection(index: usize, row: &mut Row<'_>) {
    let number = |value: usize| u16::try_from(value).unwrap_or(u16::MAX);
    row.set("CreationTime", CimValue::DateTime(format!("boot+{}", 60 + index % 90_000).into()));
    row.set("LocalAddress", text("192.0.2.20".to_owned()));
    row.set("LocalPort", CimValue::Uint16(443));
    row.set("OwningProcess", CimValue::Uint32(if index % 50 == 49 { 0 } else { 4 }));
    row.set("RemoteAddress", text(format!("10.{}.{}.{}", index / 50_000, index / 200 % 250, 1 + index % 200)));
    row.set("RemotePort", CimValue::Uint16(number(49_152 + index % 16_000)));
    // Established; one of fifty has gone and is waited for.
    row.set("State", CimValue::Uint8(if index % 50 == 49 { 11 } else { 5 }));
}

/// A worker, of which a host of many users has one for each session.
pub(super) fn process(index: usize, row: &mut Row<'_>) {
    let id = u32::try_from(10_000 + index * 4).unwrap_or(u32::MAX);
    let small = id % 97;
    let path = format!("C:\\Program Files\\Farm\\worker{}.exe", index % 40);
    row.set("Name", text(format!("worker{}.exe", index % 40)));
    row.set("Handle", text(id.to_string()));
    row.set("ExecutablePath", text(path.clone()));
    row.set("CommandLine", text(format!("\"{path}\" --session {index}")));
    for (property, value) in [
        ("ProcessId", id),
        ("ParentProcessId", 768),
        ("Priority", 8),
        ("SessionId", 2 + id % 200),
        ("ThreadCount", 4 + small % 20),
        ("HandleCount", 120 + small),
        ("PageFaults", 20_000 + small),
        ("PageFileUsage", 12_000 + small),
        ("PeakPageFileUsage", 14_000 + small),
        ("PeakWorkingSetSize", 24_000 + small),
        ("MinimumWorkingSetSize", 200),
        ("MaximumWorkingSetSize", 1_380),
        ("QuotaNonPagedPoolUsage", 11),
        ("QuotaPagedPoolUsage", 160),
        ("QuotaPeakNonPagedPoolUsage", 14),
        ("QuotaPeakPagedPoolUsage", 170),
    ] {
        row.set(property, CimValue::Uint32(value));
    }
    let wide = u64::from(small) << 16;
    for (property, value) in [
        ("WorkingSetSize", (20 << 20) + wide),
        ("PrivatePageCount", (12 << 20) + wide),
        ("VirtualSize", 2_203_400_000_000 + wide),
        ("PeakVirtualSize", 2_203_500_000_000 + wide),
        ("KernelModeTime", 4_000_000 + wide),
        ("UserModeTime", 9_000_000 + wide),
        ("ReadOperationCount", 500 + wide),
        ("WriteOperationCount", 90 + wide),
        ("OtherOperationCount", 2_000 + wide),
        ("ReadTransferCount", 1_000_000 + wide),
        ("WriteTransferCount", 40_000 + wide),
        ("OtherTransferCount", 90_000 + wide),
    ] {
        row.set(property, CimValue::Uint64(value));
    }
}

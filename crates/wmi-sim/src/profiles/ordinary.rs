//! Rows that an ordinary server has beyond the declared ones, so that it is of usual size.

mod tables;

use wmi_proto::cim::CimValue;

use crate::repository::class::{Make, Row};
use tables::{FEATURES, SERVICES, Service, Start};

/// How many rows the classes have then, the declared ones of an ordinary server included.
pub(super) const MORE: &[(&str, usize, Make)] = &[
    ("Win32_Service", 16 + SERVICES.len(), service),
    ("Win32_Process", 26 + alone(), process),
    ("Win32_ServerFeature", 16 + FEATURES.len(), feature),
    ("MSFT_NetTCPConnection", 53 + WAITING, waiting),
];

/// Connections that were closed and are waited for.
const WAITING: usize = 34;

/// The process of what starts services, and that in which those of security run.
const SERVICES_EXE: u32 = 768;
const LSASS: u32 = 788;

fn text(text: impl Into<String>) -> CimValue {
    CimValue::String(text.into().into())
}

/// Whether a service runs in a process of its own.
const fn is_alone(service: &Service) -> bool {
    service.runs && !matches!(service.image.as_bytes(), b"lsass")
}

/// How many services run in a process of their own.
const fn alone() -> usize {
    let (mut at, mut count) = (0, 0);
    while at < SERVICES.len() {
        count += is_alone(&SERVICES[at]) as usize;
        at += 1;
    }
    count
}

/// The number of the process of the service that has `before` others with processes before it.
fn process_id(before: usize) -> u32 {
    let before = u32::try_from(before).unwrap_or(u32::MAX);
    5_000 + before * 24 + before % 5 * 4
}

/// The program of a service with its path, and the command that starts it.
fn program(service: &Service) -> (String, String) {
    if service.image.contains('\\') {
        return (service.image.to_owned(), format!("\"{}\"", service.image));
    }
    if service.image == "lsass" {
        let path = "C:\\Windows\\system32\\lsass.exe";
        return (path.to_owned(), path.to_owned());
    }
    let path = "C:\\Windows\\system32\\svchost.exe";
    (path.to_owned(), format!("{path} -k {} -p", service.image))
}

fn service(index: usize, row: &mut Row<'_>) {
    let Some(service) = SERVICES.get(index) else { return };
    let before = SERVICES.iter().take(index).filter(|service| is_alone(service)).count();
    let process = match service.runs {
        _ if is_alone(service) => process_id(before),
        true => LSASS,
        false => 0,
    };
    let own = service.image.contains('\\');
    let (mode, delayed) = match service.start {
        Start::Auto => ("Auto", false),
        Start::Delayed => ("Auto", true),
        Start::Manual => ("Manual", false),
        Start::Disabled => ("Disabled", false),
    };
    for (property, value) in [
        ("Name", service.name),
        ("Caption", service.display),
        ("DisplayName", service.display),
        ("State", if service.runs { "Running" } else { "Stopped" }),
        ("Status", "OK"),
        ("StartMode", mode),
        ("CreationClassName", "Win32_Service"),
        ("SystemCreationClassName", "Win32_ComputerSystem"),
        ("ErrorControl", "Normal"),
        ("ServiceType", if own { "Own Process" } else { "Share Process" }),
        ("StartName", service.account.name()),
    ] {
        row.set(property, text(value));
    }
    row.set("Description", text(format!("Provides what programs need of {}.", service.display)));
    row.set("PathName", text(program(service).1));
    for (property, value) in [
        ("Started", service.runs),
        ("AcceptPause", false),
        ("AcceptStop", service.runs && !service.name.len().is_multiple_of(3)),
        ("DesktopInteract", false),
        ("DelayedAutoStart", delayed),
    ] {
        row.set(property, CimValue::Boolean(value));
    }
    for (property, value) in [
        ("TagId", 0),
        // ERROR_SERVICE_NEVER_STARTED
        ("ExitCode", if service.runs || delayed { 0 } else { 1_077 }),
        ("ServiceSpecificExitCode", 0),
        ("CheckPoint", 0),
        ("WaitHint", 0),
        ("ProcessId", process),
    ] {
        row.set(property, CimValue::Uint32(value));
    }
}

fn process(index: usize, row: &mut Row<'_>) {
    let Some(service) = SERVICES.iter().filter(|service| is_alone(service)).nth(index) else { return };
    let (path, command) = program(service);
    let name = path.rsplit('\\').next().unwrap_or(&path).to_owned();
    let command = if service.image.contains('\\') { command } else { format!("{command} -s {}", service.name) };
    let id = process_id(index);
    row.set("Name", text(name));
    row.set("Handle", text(id.to_string()));
    row.set("ExecutablePath", text(path));
    row.set("CommandLine", text(command));
    // Most are small, some are large.
    let size = 3 + id * 37 % 41 + if id.is_multiple_of(7) { id % 97 } else { 0 };
    for (property, value) in [
        ("ProcessId", id),
        ("ParentProcessId", SERVICES_EXE),
        ("Priority", 8),
        ("SessionId", 0),
        ("ThreadCount", 2 + size / 3),
        ("HandleCount", 96 + size * 11),
        ("PageFaults", 1_900 + size * 1_013),
        ("PageFileUsage", 1_400 + size * 307),
        ("PeakPageFileUsage", 1_700 + size * 331),
        ("PeakWorkingSetSize", 6_500 + size * 1_049),
        ("MinimumWorkingSetSize", 200),
        ("MaximumWorkingSetSize", 1_380),
        ("QuotaNonPagedPoolUsage", 7 + size / 2),
        ("QuotaPagedPoolUsage", 60 + size * 3),
        ("QuotaPeakNonPagedPoolUsage", 9 + size / 2),
        ("QuotaPeakPagedPoolUsage", 66 + size * 3),
    ] {
        row.set(property, CimValue::Uint32(value));
    }
    let size = u64::from(size);
    for (property, value) in [
        ("WorkingSetSize", (5 << 20) + size * 1_048_576),
        ("PrivatePageCount", (1_400 + size * 307) * 1_024),
        ("VirtualSize", 2_203_380_000_000 + size * 2_097_152),
        ("PeakVirtualSize", 2_203_390_000_000 + size * 2_097_152),
        ("KernelModeTime", size * 2_656_250),
        ("UserModeTime", size * 3_906_250),
        ("ReadOperationCount", size * 83),
        ("WriteOperationCount", size * 29),
        ("OtherOperationCount", 400 + size * 1_207),
        ("ReadTransferCount", size * 210_431),
        ("WriteTransferCount", size * 8_117),
        ("OtherTransferCount", 9_000 + size * 31_013),
    ] {
        row.set(property, CimValue::Uint64(value));
    }
}

fn feature(index: usize, row: &mut Row<'_>) {
    let Some(&(id, name, parent)) = FEATURES.get(index) else { return };
    row.set("ID", CimValue::Uint32(id));
    row.set("Name", text(name));
    row.set("ParentID", CimValue::Uint32(parent));
}

/// A connection that a client has closed: no process has it any more.
fn waiting(index: usize, row: &mut Row<'_>) {
    let number = u16::try_from(index).unwrap_or(u16::MAX);
    let (local, port) = [("10.20.30.40", 1433), ("10.20.30.40", 445), ("10.20.30.40", 5985)][index % 3];
    row.set("CreationTime", CimValue::DateTime(format!("boot+{}", 93_480 + index * 3).into()));
    row.set("LocalAddress", text(local));
    row.set("LocalPort", CimValue::Uint16(port));
    row.set("OwningProcess", CimValue::Uint32(0));
    row.set("RemoteAddress", text(format!("10.20.31.{}", 20 + index * 7 % 90)));
    row.set("RemotePort", CimValue::Uint16(50_200 + number * 37));
    row.set("State", CimValue::Uint8(11));
}

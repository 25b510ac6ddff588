//! Win32_Process.

use wmi_proto::cim::CimValue;
use wmi_proto::wire::HResult;

use super::{Answer, Invocation};

/// Access denied.
const DENIED: u32 = 2;
/// Path not found.
const NO_PATH: u32 = 9;
/// Invalid parameter.
const INVALID: u32 = 21;
/// Processes with smaller numbers belong to the system.
const FIRST_OF_USERS: u64 = 8;

pub(super) fn carry_out(mut call: Invocation<'_>) -> Result<Answer, HResult> {
    let wall = call.machine.wall();
    match call.method.as_str() {
        "Create" => create(&mut call),
        "Terminate" => {
            let instance = call.instance()?;
            let id = call.machine.repository.value(instance, "ProcessId", wall).as_u64();
            if id.is_none_or(|id| id < FIRST_OF_USERS) {
                return Ok(Answer::code(DENIED));
            }
            call.machine.repository.remove(instance);
            Ok(Answer::code(0))
        }
        "GetOwner" => {
            let id = call.machine.repository.value(call.instance()?, "ProcessId", wall).as_u64();
            if id.is_none_or(|id| id < FIRST_OF_USERS) {
                return Ok(Answer::code(DENIED));
            }
            Ok(Answer::code(0).with("User", "SYSTEM").with("Domain", "NT AUTHORITY"))
        }
        _ => Err(HResult::WBEM_E_PROVIDER_NOT_CAPABLE),
    }
}

fn create(call: &mut Invocation<'_>) -> Result<Answer, HResult> {
    let Some(line) = call.text("CommandLine").filter(|line| !line.trim().is_empty()) else {
        return Ok(Answer::code(INVALID));
    };
    let directory = call.text("CurrentDirectory");
    if directory.is_some_and(|directory| !directory.to_ascii_uppercase().starts_with("C:\\")) {
        return Ok(Answer::code(NO_PATH));
    }
    let wall = call.machine.wall();
    let repository = &mut call.machine.repository;
    let class = call.target.class();
    let used = repository.instances(class).filter_map(|own| repository.value(own, "ProcessId", wall).as_u64());
    // Windows numbers them in fours.
    let id = u32::try_from(used.max().unwrap_or(0) / 4 * 4 + 4).map_err(|_| HResult::WBEM_E_FAILED)?;
    let date = repository.creation_date(wall);
    let values = [
        ("Name", CimValue::from(image(&line))),
        ("Handle", id.to_string().into()),
        ("ProcessId", id.into()),
        ("CommandLine", line.as_str().into()),
        ("CreationDate", date),
        ("ParentProcessId", 4_u32.into()),
        ("SessionId", 0_u32.into()),
        ("ThreadCount", 1_u32.into()),
        ("Priority", 8_u32.into()),
    ];
    repository.add(class, &values).ok_or(HResult::WBEM_E_FAILED)?;
    Ok(Answer::code(0).with("ProcessId", id))
}

/// The name of the program that a command line starts.
fn image(line: &str) -> &str {
    let line = line.trim_start();
    let program = match line.strip_prefix('"') {
        Some(quoted) => quoted.split('"').next(),
        None => line.split_whitespace().next(),
    };
    program.and_then(|program| program.rsplit('\\').next()).unwrap_or_default()
}

//! Win32_BaseService: starting and stopping changes the instance.

use wmi_proto::cim::CimValue;
use wmi_proto::wire::HResult;

use super::{Answer, Invocation};

/// The service cannot accept the control at this time.
const CANNOT_ACCEPT: u32 = 5;
/// The service is already running.
const RUNNING: u32 = 10;
/// The service is disabled.
const DISABLED: u32 = 14;
/// Invalid parameter.
const INVALID: u32 = 21;

pub(super) fn carry_out(call: Invocation<'_>) -> Result<Answer, HResult> {
    let instance = call.instance()?;
    let wall = call.machine.wall();
    let repository = &mut call.machine.repository;
    let text = |name: &str| repository.value(instance, name, wall).as_str().map(|text| text.into_owned());
    let (state, mode) = (text("State").unwrap_or_default(), text("StartMode").unwrap_or_default());
    let running = |running: bool, process: u32| {
        let mut values = vec![
            ("State", CimValue::from(if running { "Running" } else { "Stopped" })),
            ("Started", running.into()),
            ("AcceptStop", running.into()),
            ("ExitCode", 0_u32.into()),
        ];
        values.push(("ProcessId", process.into()));
        values
    };
    match call.method.as_str() {
        "StartService" => {
            if state == "Running" {
                return Ok(Answer::code(RUNNING));
            }
            if mode == "Disabled" {
                return Ok(Answer::code(DISABLED));
            }
            repository.change(instance, &running(true, 4_812));
        }
        "StopService" => {
            if state == "Stopped" || repository.value(instance, "AcceptStop", wall).as_bool() != Some(true) {
                return Ok(Answer::code(CANNOT_ACCEPT));
            }
            repository.change(instance, &running(false, 0));
        }
        "ChangeStartMode" => {
            let mode = match call.input.first().and_then(|(_, mode)| mode.as_str()).as_deref() {
                Some("Automatic") => "Auto",
                Some("Manual") => "Manual",
                Some("Disabled") => "Disabled",
                _ => return Ok(Answer::code(INVALID)),
            };
            repository.change(instance, &[("StartMode", mode.into())]);
        }
        _ => return Err(HResult::WBEM_E_PROVIDER_NOT_CAPABLE),
    }
    Ok(Answer::code(0))
}

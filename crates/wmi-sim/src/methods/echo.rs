//! Sim_Methods and Sim_Bare: methods that give back what they are given.

use std::time::Duration;

use wmi_proto::cim::CimValue;
use wmi_proto::wire::HResult;

use super::{Answer, Invocation};

/// The longest that Sleep sleeps.
const LONGEST: u32 = 600_000;
/// The longest text that Repeat gives, in octets.
const LONGEST_TEXT: usize = 1 << 20;

pub(super) fn carry_out(call: Invocation<'_>) -> Result<Answer, HResult> {
    let wall = call.machine.wall();
    Ok(match call.method.as_str() {
        "EchoScalars" | "EchoArrays" => {
            let back =
                call.input.iter().fold(Answer::code(0), |answer, (name, value)| answer.with(name, value.clone()));
            return Ok(back);
        }
        "Repeat" => {
            let Some(text) = call.text("Text") else { return Ok(Answer::returning(CimValue::Null)) };
            let times = usize::try_from(call.number("Times").unwrap_or(2)).unwrap_or(usize::MAX);
            let separator = call.text("Separator").unwrap_or_default();
            if times.saturating_mul(text.len() + separator.len()) > LONGEST_TEXT {
                return Err(HResult::WBEM_E_OUT_OF_MEMORY);
            }
            Answer::returning(vec![text; times].join(&separator).into())
        }
        "Nothing" | "Swallow" => Answer::nothing(),
        "Yes" => Answer::returning(true.into()),
        "Who" => {
            let instance = call.instance()?;
            let repository = &mut call.machine.repository;
            let name = repository.value(instance, "Name", wall);
            let calls = repository.value(instance, "Calls", wall).as_u64().unwrap_or(0);
            let calls = u32::try_from(calls).unwrap_or(u32::MAX).saturating_add(1);
            repository.change(instance, &[("Calls", calls.into())]);
            let path = repository.relative_path(instance, wall);
            Answer::code(calls).with("Name", name).with("Path", path)
        }
        "Context" => {
            let languages: Vec<String> = call.languages.iter().map(|lcid| format!("MS_{lcid:x}")).collect();
            let answer = Answer::code(0).with("Locales", languages);
            let value = call.text("Name").and_then(|name| call.context.get(&name).cloned());
            match value {
                None => answer,
                Some(value) => {
                    let kind = value.cim_type().and_then(|cim_type| cim_type.mof_name()).unwrap_or("other");
                    let text = value.as_str().map(|text| text.into_owned());
                    let text = text.or_else(|| value.as_i64().map(|number| number.to_string()));
                    let text = text.or_else(|| value.as_bool().map(|truth| truth.to_string()));
                    answer.with("Type", kind).with("Text", text.unwrap_or_else(|| format!("{value:?}")))
                }
            }
        }
        "Fail" => return Err(HResult(call.number("Status").unwrap_or(HResult::WBEM_E_FAILED.0) | 0x8000_0000)),
        "Sleep" => {
            let milliseconds = call.number("Milliseconds").unwrap_or(0).min(LONGEST);
            Answer { after: Duration::from_millis(milliseconds.into()), ..Answer::code(0) }
        }
        "Add" => {
            let (a, b) = (call.get("A").as_i64().unwrap_or(0), call.get("B").as_i64().unwrap_or(0));
            match i32::try_from(a + b) {
                Ok(sum) => Answer::code(0).with("Sum", sum),
                Err(_) => Answer::code(1),
            }
        }
        "Describe" => {
            let Some(point) = call.get("Point").as_object() else { return Ok(Answer::code(1)) };
            let names = point.class().properties().iter().map(|property| property.name().to_str().into_owned());
            let texts: Vec<String> = names
                .map(|name| {
                    let value = point.get(&name).and_then(Result::ok).unwrap_or(CimValue::Null);
                    format!("{name}={}", value.as_str().map_or_else(|| format!("{value:?}"), |text| text.into_owned()))
                })
                .collect();
            Answer::code(0).with("Texts", texts)
        }
        _ => return Err(HResult::WBEM_E_PROVIDER_NOT_CAPABLE),
    })
}

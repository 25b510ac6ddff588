//! IWbemServices::ExecMethod: parameters against signatures, and the providers that carry methods out.

mod echo;
mod process;
mod registry;
mod service;

use std::borrow::Cow;
use std::time::Duration;

use wmi_proto::cim::{CimMethod, CimObject, CimValue, Genus};
use wmi_proto::wire::HResult;
use wmi_proto::wire::dcom::MInterfacePointer;
use wmi_proto::wire::wmi::services::{ExecMethodRequest, PathResponse, WBEM_FLAG_RETURN_IMMEDIATELY};
use wmi_proto::wire::wmi::{ExecMethod, InOutInterface};

use crate::connection::Call;
use crate::context::Context;
use crate::dispatch::{Later, Outcome, request, response_stub};
use crate::machine::Machine;
use crate::repository::path::{MAX_NAME, longer};
use crate::repository::{Instance, Target};
use crate::services::{WBEM_E_FAILED, namespace};

/// A call of a method whose parameters fit.
struct Invocation<'a> {
    machine: &'a mut Machine,
    target: Target,
    /// The method as its class spells it.
    method: String,
    /// A value for each in-parameter.
    input: Vec<(String, CimValue)>,
    context: Context,
    /// The languages of the log-on or of the context.
    languages: Vec<u16>,
}

/// What a method gives: out-parameters and ReturnValue, and how long it takes.
struct Answer {
    values: Vec<(String, CimValue)>,
    after: Duration,
}

/// IWbemServices::ExecMethod ([MS-WMI 3.1.4.3.22]).
pub(crate) fn exec_method(oid: u64, call: &Call, machine: &mut Machine) -> Outcome {
    let request = match request::<ExecMethod>(call, machine) {
        Ok(request) => request,
        Err(outcome) => return outcome,
    };
    let (object, status, after) = match execute(oid, &request, machine) {
        Ok((Some(object), after)) => {
            let pointer = MInterfacePointer::from_wbem_object(object.encode_unit());
            (InOutInterface::Interface(pointer), HResult::S_OK, after)
        }
        Ok((None, after)) => (InOutInterface::Null, HResult::S_OK, after),
        Err(status) => (InOutInterface::Null, status, Duration::ZERO),
    };
    let response = PathResponse {
        object: if request.output == InOutInterface::Absent { InOutInterface::Absent } else { object },
        call_result: match request.call_result {
            InOutInterface::Absent => InOutInterface::Absent,
            InOutInterface::Null | InOutInterface::Interface(_) => InOutInterface::Null,
        },
        status,
    };
    let stub = response_stub(&response, machine);
    let after = after.saturating_add(machine.config.provider_time);
    if after.is_zero() {
        return Outcome::Reply(stub, None);
    }
    Outcome::Later(machine.now().saturating_add(after), Later::Reply(stub, None))
}

fn execute(
    oid: u64,
    request: &ExecMethodRequest,
    machine: &mut Machine,
) -> Result<(Option<CimObject>, Duration), HResult> {
    let (path, method) = (request.path.as_str(), request.method.as_str());
    match request.flags {
        0 if request.output != InOutInterface::Absent => {}
        // No call result is made here, so nobody can wait for one.
        WBEM_FLAG_RETURN_IMMEDIATELY if request.call_result != InOutInterface::Absent => {
            return Err(HResult::WBEM_E_NOT_SUPPORTED);
        }
        _ => return Err(HResult::WBEM_E_INVALID_PARAMETER),
    }
    if path.is_empty() || method.is_empty() {
        return Err(HResult::WBEM_E_INVALID_PARAMETER);
    }
    if longer(method, MAX_NAME) {
        return Err(HResult::WBEM_E_QUOTA_VIOLATION);
    }
    let context = Context::read(request.context.as_ref())?;
    let namespace = namespace(oid, machine);
    let found = machine.repository.resolve(&namespace.path, path, machine.wall());
    let target = found.map_err(|error| error.status())?;
    if let Some(status) = machine.repository.refusal(target.class()) {
        return Err(status);
    }
    let class = machine.repository.definition(target.class()).1.clone();
    let method = class.method(method).ok_or(HResult::WBEM_E_INVALID_METHOD)?;
    let is = |name: &str| method.qualifier(name).is_some();
    if is("disabled") {
        return Err(HResult::WBEM_E_METHOD_DISABLED);
    }
    if !is("implemented") {
        return Err(HResult::WBEM_E_METHOD_NOT_IMPLEMENTED);
    }
    if matches!(target, Target::Class(_)) && !is("static") {
        return Err(HResult::WBEM_E_INVALID_METHOD);
    }
    let input = input(method, request.input.as_ref())?;
    context.provider()?;
    let languages = context.languages(&namespace.languages);
    let name = method.name().to_str().into_owned();
    let Answer { values, after } =
        Invocation { machine, target, method: name, input, context, languages }.carry_out()?;
    let Some(signature) = method.output().map_err(|_| WBEM_E_FAILED)? else {
        return Ok((None, after));
    };
    let values = values.iter().map(|(name, value)| (name.as_str(), value.clone()));
    let output = CimObject::instance(signature.class(), values).map_err(|_| WBEM_E_FAILED)?;
    Ok((Some(output), after))
}

/// A value for each in-parameter of a method: the given one, or the default of its declaration.
fn input(method: &CimMethod, given: Option<&MInterfacePointer>) -> Result<Vec<(String, CimValue)>, HResult> {
    let invalid = HResult::WBEM_E_INVALID_METHOD_PARAMETERS;
    let given = given.map(|pointer| pointer.wbem_object().and_then(CimObject::decode_unit)).transpose();
    let given = given.map_err(|_| HResult::WBEM_E_INVALID_PARAMETER)?;
    let (signature, given) = match (method.input().map_err(|_| WBEM_E_FAILED)?, given) {
        (None, None) => return Ok(Vec::new()),
        (None, Some(given)) if given.class().properties().is_empty() => return Ok(Vec::new()),
        (Some(signature), Some(given)) if given.genus() == Genus::Instance => (signature, given),
        _ => return Err(invalid),
    };
    let fits = given.class().properties().iter().all(|own| {
        let declared = signature.class().property(&own.name().to_str());
        declared.is_some_and(|(_, p)| (p.cim_type(), p.is_array()) == (own.cim_type(), own.is_array()))
    });
    if !fits {
        return Err(invalid);
    }
    let value = |name: Cow<'_, str>| {
        let value = given.get(&name).or_else(|| signature.get(&name));
        Ok((name.into_owned(), value.transpose().map_err(|_| invalid)?.unwrap_or(CimValue::Null)))
    };
    signature.class().properties().iter().map(|property| value(property.name().to_str())).collect()
}

impl Invocation<'_> {
    fn carry_out(self) -> Result<Answer, HResult> {
        let class = self.target.class();
        let is_a = |name: &str| self.machine.repository.is_a(class, name);
        if is_a("StdRegProv") {
            registry::carry_out(self)
        } else if is_a("Win32_Process") {
            process::carry_out(self)
        } else if is_a("Win32_BaseService") {
            service::carry_out(self)
        } else if is_a("Sim_Methods") || is_a("Sim_Bare") {
            echo::carry_out(self)
        } else {
            Err(HResult::WBEM_E_PROVIDER_NOT_CAPABLE)
        }
    }

    /// The instance of which the method is called.
    fn instance(&self) -> Result<Instance, HResult> {
        match self.target {
            Target::Instance(instance) => Ok(instance),
            Target::Class(_) => Err(HResult::WBEM_E_INVALID_METHOD),
        }
    }

    /// An in-parameter.
    fn get(&self, name: &str) -> &CimValue {
        self.input.iter().find(|(own, _)| own == name).map_or(&CimValue::Null, |(_, value)| value)
    }

    /// An in-parameter that is text.
    fn text(&self, name: &str) -> Option<String> {
        self.get(name).as_str().map(Cow::into_owned)
    }

    /// An in-parameter that is a number of 32 bits.
    fn number(&self, name: &str) -> Option<u32> {
        self.get(name).as_u64().and_then(|number| number.try_into().ok())
    }
}

impl Answer {
    /// The ReturnValue of most methods.
    fn code(code: u32) -> Self {
        Self::returning(CimValue::Uint32(code))
    }

    fn returning(value: CimValue) -> Self {
        Self::nothing().with("ReturnValue", value)
    }

    const fn nothing() -> Self {
        Self { values: Vec::new(), after: Duration::ZERO }
    }

    fn with(mut self, name: &str, value: impl Into<CimValue>) -> Self {
        self.values.push((name.to_owned(), value.into()));
        self
    }
}

//! One call: GetObject or ExecMethod, from the namespace it waits for to what its answer brought.

use std::sync::Arc;

use crate::dcom;
use crate::wire::cim::{CimClass, CimObject, CimValue};
use crate::wire::dcom::{MInterfacePointer, OrpcThis, StdObjRef};
use crate::wire::wmi::services::{ExecMethodRequest, PathRequest, WBEM_FLAG_USE_AMENDED_QUALIFIERS};
use crate::wire::wmi::{ExecMethod, GetObject};
use crate::wire::{Guid, Operation, Reader};
use crate::wmi::parameters::{MethodSignature, SignatureError};
use crate::wmi::{Failure, ObjectCall};

/// The machine of one call. It makes one request and has one answer; a method's signature is brought to it.
pub(crate) struct Call {
    demand: Demand,
    context: Option<MInterfacePointer>,
    state: State,
    /// Whether it was put back to waiting already.
    again: bool,
}

/// What is asked for.
pub(crate) enum Demand {
    Get {
        path: String,
        flags: i32,
    },
    Exec {
        path: String,
        /// The path of the class, which describes the method.
        class: String,
        method: String,
        parameters: Vec<(String, CimValue)>,
    },
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum State {
    /// For the namespace.
    Waiting,
    /// For the class that describes the method.
    Describing,
    /// For the host's answer.
    Sent,
    Done,
}

/// Which request of a call is under way.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum CallStep {
    GetObject,
    /// GetObject of the class that describes a method.
    Signature,
    ExecMethod,
}

impl Demand {
    pub(crate) const fn get(path: String, amended: bool) -> Self {
        Self::Get { path, flags: if amended { WBEM_FLAG_USE_AMENDED_QUALIFIERS } else { 0 } }
    }

    pub(crate) const fn exec(path: String, class: String, method: String, parameters: Vec<(String, CimValue)>) -> Self {
        Self::Exec { path, class, method, parameters }
    }
}

impl Call {
    pub(crate) const fn new(demand: Demand, context: Option<MInterfacePointer>) -> Self {
        Self { demand, context, state: State::Waiting, again: false }
    }

    /// Whether nothing of its own was sent yet.
    pub(crate) const fn is_waiting(&self) -> bool {
        matches!(self.state, State::Waiting | State::Describing)
    }

    /// What is under way; `None` while it waits for its namespace.
    pub(crate) const fn step(&self) -> Option<CallStep> {
        match (self.state, &self.demand) {
            (State::Waiting, _) => None,
            (State::Describing, _) => Some(CallStep::Signature),
            (_, Demand::Get { .. }) => Some(CallStep::GetObject),
            (_, Demand::Exec { .. }) => Some(CallStep::ExecMethod),
        }
    }

    /// The path of the class without which the call cannot be made.
    pub(crate) fn wanted_class(&self) -> Option<&str> {
        match &self.demand {
            Demand::Get { .. } => None,
            Demand::Exec { class, .. } => Some(class),
        }
    }

    /// The class is being fetched.
    pub(crate) const fn describe(&mut self) {
        self.state = State::Describing;
    }

    /// The host said that it did not begin with it.
    pub(crate) const fn not_executed(&mut self) {
        self.state = State::Waiting;
    }

    /// The session is lost: waits for the next one, once, unless something might be done twice. Says whether it does.
    pub(crate) const fn begin_anew(&mut self) -> bool {
        let harmless = self.is_waiting() || matches!(self.demand, Demand::Get { .. });
        if harmless && !std::mem::replace(&mut self.again, true) {
            self.state = State::Waiting;
            return true;
        }
        false
    }

    /// The namespace is open, and for a method its class is known.
    pub(crate) fn begin(
        &mut self,
        services: Guid,
        class: Option<&CimClass>,
        this: &OrpcThis,
    ) -> Result<ObjectCall, SignatureError> {
        let context = self.context.clone();
        let call = match &self.demand {
            Demand::Get { path, flags } => {
                let request = PathRequest { flags: *flags, context, ..PathRequest::new(path) };
                object_call::<GetObject>(services, this, &request)
            }
            Demand::Exec { path, method, parameters, .. } => {
                let signature = class.map(|class| MethodSignature::of(class, method)).transpose()?;
                let input = signature.map(|signature| signature.fill(parameters)).transpose()?.flatten();
                let parameters = input.map(|input| MInterfacePointer::from_wbem_object(input.encode_unit()));
                let request = ExecMethodRequest { context, ..ExecMethodRequest::new(path, method, parameters) };
                object_call::<ExecMethod>(services, this, &request)
            }
        };
        self.state = State::Sent;
        Ok(call)
    }

    /// What the answer brought. The return value of a method without any is in no object.
    pub(crate) fn answer(&mut self, stub: Reader) -> Result<Option<CimObject>, Failure> {
        self.state = State::Done;
        let response = match &self.demand {
            Demand::Get { .. } => dcom::answer::<GetObject>(stub)?,
            Demand::Exec { .. } => dcom::answer::<ExecMethod>(stub)?,
        };
        if !response.status.is_success() {
            return Err(Failure::Status(response.status));
        }
        let object = response.object.interface().map(decode).transpose()?;
        match (&self.demand, object) {
            (Demand::Get { .. }, None) => Err(Failure::Misbehaved("success without an object")),
            (_, object) => Ok(object),
        }
    }
}

/// The call that fetches the class which describes methods.
pub(crate) fn signature_call(services: Guid, class: &str, this: &OrpcThis) -> ObjectCall {
    object_call::<GetObject>(services, this, &PathRequest::new(class))
}

/// The class that it brought.
pub(crate) fn signature(stub: Reader) -> Result<Arc<CimClass>, Failure> {
    let response = dcom::answer::<GetObject>(stub)?;
    if !response.status.is_success() {
        return Err(Failure::Status(response.status));
    }
    let pointer = response.object.interface().ok_or(Failure::Misbehaved("success without an object"))?;
    Ok(Arc::clone(decode(pointer)?.class()))
}

/// The references that an answer hands out. None are asked for: objects come by value.
pub(crate) fn references(stub: Reader) -> Vec<StdObjRef> {
    let Ok(response) = dcom::answer::<GetObject>(stub) else { return Vec::new() };
    let pointers = [response.object.interface(), response.call_result.interface()];
    pointers.into_iter().flatten().filter_map(|pointer| pointer.std().ok()).collect()
}

fn object_call<O: Operation>(services: Guid, this: &OrpcThis, request: &O::Request) -> ObjectCall {
    let stub = dcom::stub::<O>(this, request);
    ObjectCall { object: Some((O::INTERFACE, services)), opnum: O::OPNUM, stub }
}

fn decode(pointer: &MInterfacePointer) -> Result<CimObject, Failure> {
    Ok(CimObject::decode_unit(pointer.wbem_object()?)?)
}

#[cfg(test)]
mod tests;

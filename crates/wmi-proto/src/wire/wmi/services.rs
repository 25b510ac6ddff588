//! IWbemServices: the methods of a namespace.

use super::{Bstr, InterfaceResponse};
use crate::wire::dcom::MInterfacePointer;
use crate::wire::guid::IID_IWBEM_SERVICES;
use crate::wire::{HResult, Interface, Operation, Reader, Wire, WireError, Writer};

/// [MS-WMI 2.2.6] WBEM_FLAG_RETURN_IMMEDIATELY: answer before the work is done.
pub const WBEM_FLAG_RETURN_IMMEDIATELY: i32 = 0x10;
/// [MS-WMI 2.2.6] WBEM_FLAG_FORWARD_ONLY: the enumerator need not be able to start again.
pub const WBEM_FLAG_FORWARD_ONLY: i32 = 0x20;
/// [MS-WMI 2.2.6] WBEM_FLAG_USE_AMENDED_QUALIFIERS: with the qualifiers that are texts in the client's language.
pub const WBEM_FLAG_USE_AMENDED_QUALIFIERS: i32 = 0x2_0000;

/// `[in, out, unique]` pointer to an interface pointer: it may be missing altogether, or be there and hold NULL.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum InOutInterface {
    /// The outer pointer is NULL: the caller does not want the result.
    #[default]
    Absent,
    /// The outer pointer is there and the inner one is NULL: the caller wants the result, or there is none.
    Null,
    /// The interface.
    Interface(MInterfacePointer),
}

impl InOutInterface {
    /// The interface, if there is one.
    #[must_use]
    pub const fn interface(&self) -> Option<&MInterfacePointer> {
        match self {
            Self::Interface(pointer) => Some(pointer),
            Self::Absent | Self::Null => None,
        }
    }
}

impl Wire for InOutInterface {
    fn decode(r: &mut Reader) -> Result<Self, WireError> {
        if !r.ndr_pointer("pointer to interface pointer")? {
            return Ok(Self::Absent);
        }
        Ok(MInterfacePointer::decode_optional(r)?.map_or(Self::Null, Self::Interface))
    }

    fn encode(&self, w: &mut Writer) {
        w.ndr_pointer(*self != Self::Absent);
        if *self != Self::Absent {
            MInterfacePointer::encode_optional(self.interface(), w);
        }
    }
}

/// [MS-WMI 3.1.4.3.1] OpenNamespace; the object is IWbemServices. Not in any capture;
/// go-msrpc enters namespaces of the simulator with it.
#[derive(Clone, Copy, Debug)]
pub struct OpenNamespace;

impl Operation for OpenNamespace {
    const INTERFACE: Interface = Interface::orpc(IID_IWBEM_SERVICES);
    const OPNUM: u16 = 3;
    const NAME: &'static str = "IWbemServices::OpenNamespace";
    type Request = PathRequest;
    type Response = PathResponse;
}

/// [MS-WMI 3.1.4.3.4] GetObject; the object is IWbemClassObject by value.
#[derive(Clone, Copy, Debug)]
pub struct GetObject;

impl Operation for GetObject {
    const INTERFACE: Interface = Interface::orpc(IID_IWBEM_SERVICES);
    const OPNUM: u16 = 6;
    const NAME: &'static str = "IWbemServices::GetObject";
    type Request = PathRequest;
    type Response = PathResponse;
}

/// Names one object or namespace.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PathRequest {
    /// Its path.
    pub path: Bstr,
    /// WBEM_FLAG_* ([MS-WMI 2.2.6]).
    pub flags: i32,
    /// An IWbemContext by value.
    pub context: Option<MInterfacePointer>,
    /// [`InOutInterface::Null`] to get the object.
    pub object: InOutInterface,
    /// [`InOutInterface::Null`] to get an IWbemCallResult.
    pub call_result: InOutInterface,
}

impl PathRequest {
    /// Asks for the object at `path` itself, without context and call result.
    #[must_use]
    pub fn new(path: &str) -> Self {
        Self {
            path: path.into(),
            flags: 0,
            context: None,
            object: InOutInterface::Null,
            call_result: InOutInterface::Absent,
        }
    }
}

impl Wire for PathRequest {
    fn decode(r: &mut Reader) -> Result<Self, WireError> {
        Ok(Self {
            path: Bstr::decode(r)?,
            flags: r.ndr_i32("lFlags")?,
            context: MInterfacePointer::decode_optional(r)?,
            object: InOutInterface::decode(r)?,
            call_result: InOutInterface::decode(r)?,
        })
    }

    fn encode(&self, w: &mut Writer) {
        self.path.encode(w);
        w.ndr_i32(self.flags);
        MInterfacePointer::encode_optional(self.context.as_ref(), w);
        self.object.encode(w);
        self.call_result.encode(w);
    }
}

/// What was asked for by path.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PathResponse {
    /// The object, where the request wanted it.
    pub object: InOutInterface,
    /// The IWbemCallResult, where the request wanted it.
    pub call_result: InOutInterface,
    /// How the call went.
    pub status: HResult,
}

impl Wire for PathResponse {
    fn decode(r: &mut Reader) -> Result<Self, WireError> {
        Ok(Self {
            object: InOutInterface::decode(r)?,
            call_result: InOutInterface::decode(r)?,
            status: HResult::decode(r)?,
        })
    }

    fn encode(&self, w: &mut Writer) {
        self.object.encode(w);
        self.call_result.encode(w);
        self.status.encode(w);
    }
}

/// [MS-WMI 3.1.4.3.22] ExecMethod; the object is IWbemClassObject by value, an instance of the out-parameters.
#[derive(Clone, Copy, Debug)]
pub struct ExecMethod;

impl Operation for ExecMethod {
    const INTERFACE: Interface = Interface::orpc(IID_IWBEM_SERVICES);
    const OPNUM: u16 = 24;
    const NAME: &'static str = "IWbemServices::ExecMethod";
    type Request = ExecMethodRequest;
    type Response = PathResponse;
}

/// A method, of what, and with which parameters.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ExecMethodRequest {
    /// The path of the class or instance.
    pub path: Bstr,
    /// The method.
    pub method: Bstr,
    /// WBEM_FLAG_* ([MS-WMI 2.2.6]).
    pub flags: i32,
    /// An IWbemContext by value.
    pub context: Option<MInterfacePointer>,
    /// An IWbemClassObject by value: an instance of the class of the method's in-parameters; `None` when it has none.
    pub input: Option<MInterfacePointer>,
    /// [`InOutInterface::Null`] to get the out-parameters.
    pub output: InOutInterface,
    /// [`InOutInterface::Null`] to get an IWbemCallResult.
    pub call_result: InOutInterface,
}

impl ExecMethodRequest {
    /// Calls `method` of the class or instance at `path` with `input` and waits, without context and call result.
    #[must_use]
    pub fn new(path: &str, method: &str, input: Option<MInterfacePointer>) -> Self {
        Self {
            path: path.into(),
            method: method.into(),
            flags: 0,
            context: None,
            input,
            output: InOutInterface::Null,
            call_result: InOutInterface::Absent,
        }
    }
}

impl Wire for ExecMethodRequest {
    fn decode(r: &mut Reader) -> Result<Self, WireError> {
        Ok(Self {
            path: Bstr::decode(r)?,
            method: Bstr::decode(r)?,
            flags: r.ndr_i32("lFlags")?,
            context: MInterfacePointer::decode_optional(r)?,
            input: MInterfacePointer::decode_optional(r)?,
            output: InOutInterface::decode(r)?,
            call_result: InOutInterface::decode(r)?,
        })
    }

    fn encode(&self, w: &mut Writer) {
        self.path.encode(w);
        self.method.encode(w);
        w.ndr_i32(self.flags);
        MInterfacePointer::encode_optional(self.context.as_ref(), w);
        MInterfacePointer::encode_optional(self.input.as_ref(), w);
        self.output.encode(w);
        self.call_result.encode(w);
    }
}

/// [MS-WMI 3.1.4.3.2] CancelAsyncCall. Not in any capture.
#[derive(Clone, Copy, Debug)]
pub struct CancelAsyncCall;

impl Operation for CancelAsyncCall {
    const INTERFACE: Interface = Interface::orpc(IID_IWBEM_SERVICES);
    const OPNUM: u16 = 4;
    const NAME: &'static str = "IWbemServices::CancelAsyncCall";
    type Request = CancelAsyncCallRequest;
    type Response = HResult;
}

/// Names the sink of the call to cancel.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CancelAsyncCallRequest {
    /// The IWbemObjectSink that was passed to the call.
    pub sink: Option<MInterfacePointer>,
}

impl Wire for CancelAsyncCallRequest {
    fn decode(r: &mut Reader) -> Result<Self, WireError> {
        Ok(Self { sink: MInterfacePointer::decode_optional(r)? })
    }

    fn encode(&self, w: &mut Writer) {
        MInterfacePointer::encode_optional(self.sink.as_ref(), w);
    }
}

/// [MS-WMI 3.1.4.3.18] ExecQuery; the pointer is IEnumWbemClassObject.
#[derive(Clone, Copy, Debug)]
pub struct ExecQuery;

impl Operation for ExecQuery {
    const INTERFACE: Interface = Interface::orpc(IID_IWBEM_SERVICES);
    const OPNUM: u16 = 20;
    const NAME: &'static str = "IWbemServices::ExecQuery";
    type Request = ExecQueryRequest;
    type Response = InterfaceResponse;
}

/// A query.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ExecQueryRequest {
    /// `WQL`.
    pub query_language: Bstr,
    /// The text of the query.
    pub query: Bstr,
    /// WBEM_FLAG_* ([MS-WMI 2.2.6]).
    pub flags: i32,
    /// An IWbemContext by value.
    pub context: Option<MInterfacePointer>,
}

impl ExecQueryRequest {
    /// A WQL query that answers immediately and is read once, without context.
    #[must_use]
    pub fn wql(query: &str) -> Self {
        Self {
            query_language: "WQL".into(),
            query: query.into(),
            flags: WBEM_FLAG_RETURN_IMMEDIATELY | WBEM_FLAG_FORWARD_ONLY,
            context: None,
        }
    }
}

impl Wire for ExecQueryRequest {
    fn decode(r: &mut Reader) -> Result<Self, WireError> {
        Ok(Self {
            query_language: Bstr::decode(r)?,
            query: Bstr::decode(r)?,
            flags: r.ndr_i32("lFlags")?,
            context: MInterfacePointer::decode_optional(r)?,
        })
    }

    fn encode(&self, w: &mut Writer) {
        self.query_language.encode(w);
        self.query.encode(w);
        w.ndr_i32(self.flags);
        MInterfacePointer::encode_optional(self.context.as_ref(), w);
    }
}

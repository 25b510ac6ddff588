//! What the stubs of known methods say: statuses, objects, and which interface pointers are of which interface.

use std::collections::BTreeMap;
use std::sync::Arc;

use bytes::Bytes;
use wmi_proto::cim::{CimClass, CimObject, ClassCache};
use wmi_proto::wire::dcom::exporter::{ComplexPing, ResolveOxid2, ServerAlive2, SimplePing};
use wmi_proto::wire::dcom::{
    MInterfacePointer, OrpcThat, OrpcThis, RemAddRef, RemQueryInterface, RemRelease, RemoteCreateInstance,
};
use wmi_proto::wire::guid::{IID_IREM_UNKNOWN, IID_IREM_UNKNOWN2, IID_IWBEM_CALL_RESULT, IID_IWBEM_SERVICES};
use wmi_proto::wire::wmi::{
    Bstr, CancelAsyncCall, CloneEnumerator, DataPacket, DataPacketObject, EstablishPosition, ExecMethod, ExecQuery,
    GetObject, GetSmartEnum, InOutInterface, InterfaceResponse, Next, NtlmLogin, OpenNamespace, Reset, SetClientInfo,
    Skip, SmartNext,
};
use wmi_proto::wire::{Guid, HResult, Operation, Reader, Wire, WireError, WireErrorKind};

use crate::message::Status;

/// What a stub says.
#[derive(Default)]
pub(crate) struct Parameters {
    pub(crate) status: Option<Status>,
    pub(crate) objects: Vec<Result<CimObject, WireError>>,
    /// Interface pointers that were handed out: IPID and IID.
    pub(crate) pointers: Vec<(Guid, Guid)>,
    /// The interfaces that RemQueryInterface asks for.
    pub(crate) asked: Vec<Guid>,
    /// Octets behind the parameters.
    pub(crate) unread: usize,
}

/// The classes that an enumerator has sent.
pub(crate) type SentClasses = BTreeMap<Guid, Arc<CimClass>>;
/// Classes that are kept for one enumerator.
const MOST_CLASSES: usize = 1024;

type Known = Option<Result<Parameters, WireError>>;

/// Interface and number.
pub(crate) type Method = (Guid, u16);

const fn method<O: Operation>() -> Method {
    (O::INTERFACE.uuid, O::OPNUM)
}

const SERVER_ALIVE2: Method = method::<ServerAlive2>();
const RESOLVE_OXID2: Method = method::<ResolveOxid2>();
const SIMPLE_PING: Method = method::<SimplePing>();
const COMPLEX_PING: Method = method::<ComplexPing>();
const REMOTE_CREATE_INSTANCE: Method = method::<RemoteCreateInstance>();
const REM_QUERY_INTERFACE: Method = method::<RemQueryInterface>();
const REM_ADD_REF: Method = method::<RemAddRef>();
const REM_RELEASE: Method = method::<RemRelease>();
const ESTABLISH_POSITION: Method = method::<EstablishPosition>();
const NTLM_LOGIN: Method = method::<NtlmLogin>();
const OPEN_NAMESPACE: Method = method::<OpenNamespace>();
const CANCEL_ASYNC_CALL: Method = method::<CancelAsyncCall>();
const GET_OBJECT: Method = method::<GetObject>();
const EXEC_QUERY: Method = method::<ExecQuery>();
const RESET: Method = method::<Reset>();
const NEXT: Method = method::<Next>();
const CLONE: Method = method::<CloneEnumerator>();
const SKIP: Method = method::<Skip>();
const GET_SMART_ENUM: Method = method::<GetSmartEnum>();
const SMART_NEXT: Method = method::<SmartNext>();
/// [MS-WMI 3.1.4.3.12]
const PUT_INSTANCE: Method = (IID_IWBEM_SERVICES, 14);
/// [MS-WMI 3.1.4.3.14]
const DELETE_INSTANCE: Method = (IID_IWBEM_SERVICES, 16);
const EXEC_METHOD: Method = method::<ExecMethod>();
/// [MS-WMI 3.1.4.5.2]
const GET_RESULT_STRING: Method = (IID_IWBEM_CALL_RESULT, 4);
/// [MS-WMI 3.1.4.5.4]
const GET_CALL_STATUS: Method = (IID_IWBEM_CALL_RESULT, 6);
const SET_CLIENT_INFO: Method = method::<SetClientInfo>();

/// IRemUnknown2 begins with the methods of IRemUnknown.
fn base(interface: Guid) -> Guid {
    if interface == IID_IREM_UNKNOWN2 { IID_IREM_UNKNOWN } else { interface }
}

/// The parameters of a request; `None` when the method is not known here. `stub` is without verification trailer.
pub(crate) fn request((interface, opnum): Method, stub: Bytes, big_endian: bool, cache: &mut ClassCache) -> Known {
    let mut r = Reader::with_endianness(stub, big_endian);
    let r = &mut r;
    let result = match (base(interface), opnum) {
        SERVER_ALIVE2 => plain::<ServerAlive2>(r),
        RESOLVE_OXID2 => plain::<ResolveOxid2>(r),
        SIMPLE_PING => plain::<SimplePing>(r),
        COMPLEX_PING => plain::<ComplexPing>(r),
        REMOTE_CREATE_INSTANCE => object_call::<RemoteCreateInstance>(r),
        REM_QUERY_INTERFACE => this(r, |r| {
            let request = <RemQueryInterface as Operation>::Request::decode(r)?;
            Ok(Parameters { asked: request.iids, ..Parameters::default() })
        }),
        REM_ADD_REF => object_call::<RemAddRef>(r),
        REM_RELEASE => object_call::<RemRelease>(r),
        ESTABLISH_POSITION => object_call::<EstablishPosition>(r),
        NTLM_LOGIN => object_call::<NtlmLogin>(r),
        OPEN_NAMESPACE => object_call::<OpenNamespace>(r),
        CANCEL_ASYNC_CALL => object_call::<CancelAsyncCall>(r),
        GET_OBJECT => object_call::<GetObject>(r),
        EXEC_QUERY => object_call::<ExecQuery>(r),
        RESET => object_call::<Reset>(r),
        NEXT => object_call::<Next>(r),
        CLONE => object_call::<CloneEnumerator>(r),
        SKIP => object_call::<Skip>(r),
        GET_SMART_ENUM => object_call::<GetSmartEnum>(r),
        SMART_NEXT => object_call::<SmartNext>(r),
        PUT_INSTANCE => this(r, |r| {
            let instance = MInterfacePointer::decode_optional(r)?;
            let (_flags, _context) = (r.ndr_i32("lFlags")?, MInterfacePointer::decode_optional(r)?);
            InOutInterface::decode(r)?;
            Ok(Parameters::of_objects(instance.as_ref(), cache))
        }),
        DELETE_INSTANCE => this(r, |r| {
            let (_path, _flags) = (Bstr::decode(r)?, r.ndr_i32("lFlags")?);
            let _context = MInterfacePointer::decode_optional(r)?;
            InOutInterface::decode(r)?;
            Ok(Parameters::default())
        }),
        EXEC_METHOD => this(r, |r| {
            let request = <ExecMethod as Operation>::Request::decode(r)?;
            Ok(Parameters::of_objects(request.input.as_ref(), cache))
        }),
        GET_RESULT_STRING | GET_CALL_STATUS => this(r, |r| {
            r.ndr_i32("lTimeout")?;
            Ok(Parameters::default())
        }),
        SET_CLIENT_INFO => object_call::<SetClientInfo>(r),
        _ => return None,
    };
    Some(result.map(|parameters| Parameters { unread: r.remaining(), ..parameters }))
}

/// The parameters of a response. `asked` is what the request asked for, `classes` what the enumerator has sent.
pub(crate) fn response(
    (interface, opnum): Method,
    stub: Bytes,
    big_endian: bool,
    asked: &[Guid],
    classes: &mut SentClasses,
    cache: &mut ClassCache,
) -> Known {
    let mut r = Reader::with_endianness(stub, big_endian);
    let r = &mut r;
    let result = match (base(interface), opnum) {
        SERVER_ALIVE2 => value::<ServerAlive2>(r).map(|reply| Parameters::of_status(Status::Fault(reply.status))),
        RESOLVE_OXID2 => value::<ResolveOxid2>(r).map(|reply| Parameters {
            pointers: vec![(reply.ipid_rem_unknown, IID_IREM_UNKNOWN)],
            ..Parameters::of_status(Status::Fault(reply.status))
        }),
        SIMPLE_PING => value::<SimplePing>(r).map(|status| Parameters::of_status(Status::Fault(status))),
        COMPLEX_PING => value::<ComplexPing>(r).map(|reply| Parameters::of_status(Status::Fault(reply.status))),
        REMOTE_CREATE_INSTANCE => that::<RemoteCreateInstance>(r).and_then(|reply| {
            let mut parameters = Parameters::of(reply.status);
            if reply.properties.is_some() {
                let activated = reply.reply()?;
                parameters.pointers.push((activated.ipid_rem_unknown, IID_IREM_UNKNOWN));
                let objects = activated.interfaces.iter().filter_map(|interface| interface.objref.as_ref());
                parameters.pointers.extend(objects.filter_map(|objref| Some((objref.std()?.ipid, objref.iid))));
            }
            Ok(parameters)
        }),
        REM_QUERY_INTERFACE => that::<RemQueryInterface>(r).map(|reply| {
            let good = asked.iter().zip(&reply.results).filter(|(_, result)| result.result.is_success());
            let pointers = good.map(|(iid, result)| (result.std.ipid, *iid)).collect();
            Parameters { pointers, ..Parameters::of(reply.status) }
        }),
        REM_ADD_REF => that::<RemAddRef>(r).map(|reply| Parameters::of(reply.status)),
        REM_RELEASE => that::<RemRelease>(r).map(Parameters::of),
        ESTABLISH_POSITION => that::<EstablishPosition>(r).map(|reply| Parameters::of(reply.status)),
        NTLM_LOGIN => that::<NtlmLogin>(r).and_then(|reply| Parameters::of_pointer(&reply)),
        EXEC_QUERY => that::<ExecQuery>(r).and_then(|reply| Parameters::of_pointer(&reply)),
        CLONE => that::<CloneEnumerator>(r).and_then(|reply| Parameters::of_pointer(&reply)),
        GET_SMART_ENUM => that::<GetSmartEnum>(r).and_then(|reply| Parameters::of_pointer(&reply)),
        CANCEL_ASYNC_CALL => that::<CancelAsyncCall>(r).map(Parameters::of),
        RESET => that::<Reset>(r).map(Parameters::of),
        SKIP => that::<Skip>(r).map(Parameters::of),
        // All of these answer with an object or an interface, a call result, and the status.
        OPEN_NAMESPACE | GET_OBJECT | EXEC_METHOD => that::<GetObject>(r).and_then(|reply| {
            let mut parameters = Parameters::of(reply.status);
            match reply.object.interface() {
                Some(object) if opnum == OpenNamespace::OPNUM => parameters.learn(object)?,
                object => parameters.objects = Parameters::of_objects(object, cache).objects,
            }
            reply.call_result.interface().map_or(Ok(()), |call_result| parameters.learn(call_result))?;
            Ok(parameters)
        }),
        PUT_INSTANCE | DELETE_INSTANCE => OrpcThat::decode(r).and_then(|_| {
            let call_result = InOutInterface::decode(r)?;
            let mut parameters = Parameters::of(HResult::decode(r)?);
            call_result.interface().map_or(Ok(()), |call_result| parameters.learn(call_result))?;
            Ok(parameters)
        }),
        NEXT => that::<Next>(r).map(|reply| {
            let objects = reply.objects.iter().map(|object| unit(object, cache)).collect();
            Parameters { objects, ..Parameters::of(reply.status) }
        }),
        SMART_NEXT => that::<SmartNext>(r).and_then(|reply| {
            let mut parameters = Parameters::of(reply.status);
            if !reply.buffer.is_empty() {
                let packet = DataPacket::from_bytes(reply.buffer)?;
                parameters.objects = packet.objects.into_iter().map(|item| of_packet(item, classes)).collect();
            }
            Ok(parameters)
        }),
        GET_RESULT_STRING => OrpcThat::decode(r).and_then(|_| {
            Bstr::decode(r)?;
            HResult::decode(r).map(Parameters::of)
        }),
        GET_CALL_STATUS => OrpcThat::decode(r).and_then(|_| {
            r.ndr_i32("plStatus")?;
            HResult::decode(r).map(Parameters::of)
        }),
        SET_CLIENT_INFO => that::<SetClientInfo>(r).map(Parameters::of),
        _ => return None,
    };
    Some(result.map(|parameters| Parameters { unread: r.remaining(), ..parameters }))
}

impl Parameters {
    fn of_status(status: Status) -> Self {
        Self { status: Some(status), ..Self::default() }
    }

    fn of(status: HResult) -> Self {
        Self::of_status(Status::HResult(status))
    }

    fn of_pointer(reply: &InterfaceResponse) -> Result<Self, WireError> {
        let mut parameters = Self::of(reply.status);
        if let Some(pointer) = &reply.pointer {
            parameters.learn(pointer)?;
        }
        Ok(parameters)
    }

    fn of_objects(object: Option<&MInterfacePointer>, cache: &mut ClassCache) -> Self {
        Self { objects: object.map(|object| unit(object, cache)).into_iter().collect(), ..Self::default() }
    }

    fn learn(&mut self, pointer: &MInterfacePointer) -> Result<(), WireError> {
        let objref = pointer.objref()?;
        self.pointers.extend(objref.std().map(|std| (std.ipid, objref.iid)));
        Ok(())
    }
}

/// A request without ORPCTHIS.
fn plain<O: Operation>(r: &mut Reader) -> Result<Parameters, WireError> {
    O::Request::decode(r).map(|_| Parameters::default())
}

/// A request of which nothing is wanted but that it decodes.
fn object_call<O: Operation>(r: &mut Reader) -> Result<Parameters, WireError> {
    this(r, plain::<O>)
}

fn this(
    r: &mut Reader,
    parameters: impl FnOnce(&mut Reader) -> Result<Parameters, WireError>,
) -> Result<Parameters, WireError> {
    OrpcThis::decode(r)?;
    parameters(r)
}

fn value<O: Operation>(r: &mut Reader) -> Result<O::Response, WireError> {
    O::Response::decode(r)
}

fn that<O: Operation>(r: &mut Reader) -> Result<O::Response, WireError> {
    OrpcThat::decode(r)?;
    O::Response::decode(r)
}

/// An object marshalled by value ([MS-WMI 2.2.4]).
fn unit(pointer: &MInterfacePointer, cache: &mut ClassCache) -> Result<CimObject, WireError> {
    CimObject::decode_unit_with(cache, pointer.wbem_object()?)
}

/// An object of a WBEM_DATAPACKET ([MS-WMI 2.2.14]).
fn of_packet(item: DataPacketObject, classes: &mut SentClasses) -> Result<CimObject, WireError> {
    match item {
        DataPacketObject::Class { data } => CimObject::decode_block(data),
        DataPacketObject::Instance { class_id, data } => {
            let object = CimObject::decode_block(data)?;
            if classes.len() < MOST_CLASSES {
                classes.insert(class_id, Arc::clone(object.class()));
            }
            Ok(object)
        }
        DataPacketObject::InstanceNoClass { class_id, data } => {
            let unknown = WireError::new(WireErrorKind::BadValue, "class GUID that was not sent before", 0);
            CimObject::decode_instance_without_class(data, classes.get(&class_id).ok_or(unknown)?)
        }
        DataPacketObject::Undecodable { error, .. } => Err(error),
    }
}

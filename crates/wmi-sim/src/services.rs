//! IWbemServices, and the kinds of objects that clients get hold of.

use wmi_proto::wire::dcom::MInterfacePointer;
use wmi_proto::wire::wmi::services::{
    ExecQueryRequest, PathRequest, PathResponse, WBEM_FLAG_FORWARD_ONLY, WBEM_FLAG_RETURN_IMMEDIATELY,
    WBEM_FLAG_USE_AMENDED_QUALIFIERS,
};
use wmi_proto::wire::wmi::{InOutInterface, InterfaceResponse};
use wmi_proto::wire::{Guid, HResult, guid};

use crate::Fault;
use crate::context::Context;
use crate::cursor::{Cursor, CursorId, Statement};
use crate::enumeration;
use crate::exporter::USUAL_REFS;
use crate::machine::Machine;

/// WBEM_E_FAILED ([MS-WMI 2.2.11]).
pub(crate) const WBEM_E_FAILED: HResult = HResult::WBEM_E_FAILED;

/// What an object is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Object {
    /// What activation gives.
    Login,
    Services(Namespace),
    Enumerator(CursorId),
    SmartEnumerator(CursorId),
}

/// A namespace that somebody has entered.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Namespace {
    /// Its canonical name.
    pub(crate) path: String,
    /// The LCIDs of the languages for texts, the preferred one first.
    pub(crate) languages: Vec<u16>,
}

impl Object {
    /// Whether QueryInterface finds `iid`.
    pub(crate) fn supports(&self, iid: &Guid) -> bool {
        let own: &[Guid] = match self {
            Self::Login => &[guid::IID_IWBEM_LEVEL1_LOGIN, guid::IID_IWBEM_LOGIN_CLIENT_ID],
            Self::Services(_) => &[guid::IID_IWBEM_SERVICES],
            Self::Enumerator(_) => &[guid::IID_IENUM_WBEM_CLASS_OBJECT, guid::IID_IWBEM_FETCH_SMART_ENUM],
            Self::SmartEnumerator(_) => &[guid::IID_IWBEM_WCO_SMART_ENUM],
        };
        *iid == guid::IID_IUNKNOWN || own.contains(iid)
    }

    /// The result set that an enumerator reads.
    pub(crate) const fn cursor(&self) -> Option<CursorId> {
        match self {
            Self::Enumerator(cursor) | Self::SmartEnumerator(cursor) => Some(*cursor),
            Self::Login | Self::Services(_) => None,
        }
    }
}

/// The value of a call that failed.
pub(crate) const fn refused(status: HResult) -> InterfaceResponse {
    InterfaceResponse { pointer: None, status }
}

/// The value of a call that made an object.
pub(crate) fn created(pointer: Option<MInterfacePointer>) -> InterfaceResponse {
    match pointer {
        Some(pointer) => InterfaceResponse { pointer: Some(pointer), status: HResult::S_OK },
        None => refused(WBEM_E_FAILED),
    }
}

/// A namespace as a result of a call.
pub(crate) fn export_services(path: String, languages: Vec<u16>, machine: &mut Machine) -> Option<MInterfacePointer> {
    let refs = if machine.has(Fault::ZeroPublicRefs) { 0 } else { USUAL_REFS };
    let oid = machine.create(Object::Services(Namespace { path, languages }));
    machine.objref(oid, guid::IID_IWBEM_SERVICES, refs).map(|objref| MInterfacePointer::new(&objref))
}

/// IWbemServices::OpenNamespace, relative to the namespace of the object.
pub(crate) fn open_namespace(oid: u64, request: &PathRequest, machine: &mut Machine) -> PathResponse {
    let Namespace { path, languages } = namespace(oid, machine);
    let path = format!("{path}\\{}", request.path.as_str());
    let opened = Context::read(request.context.as_ref()).and_then(|_| {
        let path = machine.repository.login(&path).map_err(|error| error.status())?;
        export_services(path, languages, machine).ok_or(WBEM_E_FAILED)
    });
    path_response(request, opened)
}

/// IWbemServices::GetObject: a class or an instance, by value.
pub(crate) fn get_object(oid: u64, request: &PathRequest, machine: &mut Machine) -> PathResponse {
    let namespace = namespace(oid, machine);
    let object = Context::read(request.context.as_ref()).and_then(|context| {
        context.provider()?;
        let languages = languages(request.flags, &context, &namespace);
        let found = machine.repository.object(&namespace.path, request.path.as_str(), machine.wall(), &languages);
        found.map_err(|error| error.status())
    });
    path_response(request, object.map(|object| MInterfacePointer::from_wbem_object(object.encode_unit())))
}

/// The languages for texts; none unless they are asked for.
fn languages(flags: i32, context: &Context, namespace: &Namespace) -> Vec<u16> {
    match flags & WBEM_FLAG_USE_AMENDED_QUALIFIERS {
        0 => Vec::new(),
        _ => context.languages(&namespace.languages),
    }
}

/// The result where it was asked for; a call result is not made, so nobody has to wait for one.
pub(crate) fn path_response(request: &PathRequest, result: Result<MInterfacePointer, HResult>) -> PathResponse {
    let empty = |asked: &InOutInterface| match asked {
        InOutInterface::Absent => InOutInterface::Absent,
        InOutInterface::Null | InOutInterface::Interface(_) => InOutInterface::Null,
    };
    let (object, status) = match result {
        Ok(pointer) if request.object != InOutInterface::Absent => (InOutInterface::Interface(pointer), HResult::S_OK),
        Ok(_) => (InOutInterface::Absent, HResult::S_OK),
        Err(status) => (empty(&request.object), status),
    };
    PathResponse { object, call_result: empty(&request.call_result), status }
}

/// IWbemServices::ExecQuery ([MS-WMI 3.1.4.3.18]).
pub(crate) fn exec_query(oid: u64, request: &ExecQueryRequest, machine: &mut Machine) -> InterfaceResponse {
    if !request.query_language.as_str().eq_ignore_ascii_case("WQL") {
        return refused(HResult::WBEM_E_INVALID_QUERY_TYPE);
    }
    if request.query.as_str().is_empty() {
        return refused(HResult::WBEM_E_INVALID_PARAMETER);
    }
    let context = match Context::read(request.context.as_ref()).and_then(|context| context.provider().map(|()| context))
    {
        Ok(context) => context,
        Err(status) => return refused(status),
    };
    let namespace = namespace(oid, machine);
    let statement = Statement {
        languages: languages(request.flags, &context, &namespace),
        namespace: namespace.path,
        wql: request.query.as_str().to_owned(),
        forward_only: request.flags & WBEM_FLAG_FORWARD_ONLY != 0,
    };
    let cursor = enumeration::open(statement, machine);
    match cursor.failure {
        // A semisynchronous query has not been looked at yet: the failure comes with the first objects.
        Some(status) if request.flags & WBEM_FLAG_RETURN_IMMEDIATELY == 0 => refused(status),
        _ => created(export_enumerator(cursor, machine)),
    }
}

/// An enumerator over a result set.
pub(crate) fn export_enumerator(cursor: Cursor, machine: &mut Machine) -> Option<MInterfacePointer> {
    let cursor = machine.cursors.insert(cursor);
    machine.export(Object::Enumerator(cursor), guid::IID_IENUM_WBEM_CLASS_OBJECT)
}

/// The namespace that an object is.
pub(crate) fn namespace(oid: u64, machine: &Machine) -> Namespace {
    match machine.exporter.state(oid) {
        Some(Object::Services(namespace)) => namespace.clone(),
        _ => Namespace::default(),
    }
}

//! Calls of foreign clients to a foreign simulated host. They show what no capture of Windows has: Next of
//! IEnumWbemClassObject, failed calls, many rows.

use std::collections::BTreeMap;
use std::path::Path;

use bytes::Bytes;
use wmi_proto::wire::dcom::rem_unknown::{RemQueryInterfaceRequest, RemQueryInterfaceResponse};
use wmi_proto::wire::dcom::{OrpcThat, OrpcThis, RemQueryInterface, RemRelease, RemoteCreateInstance};
use wmi_proto::wire::guid::{IID_IREM_UNKNOWN, IID_IWBEM_LEVEL1_LOGIN};
use wmi_proto::wire::rpc::{AuthnLevel, Body, Pdu};
use wmi_proto::wire::wmi::{ExecQuery, GetSmartEnum, InterfaceResponse, Next, NtlmLogin, SmartNext};
use wmi_proto::wire::{Guid, Operation, Reader, Wire};

use crate::capture::{Connection, connections};
use crate::{Check, request, response, smart_response};

/// Follows the sessions of a capture; every call that is not sealed decodes, and what is written for it decodes to the
/// same. The octets differ: these clients count the NUL of a BSTR and not the padding of a serialized type.
/// `expected` is how often each method was called.
pub(crate) fn calls(file: &Path, expected: &[(&str, usize)]) -> Result<String, String> {
    let (mut session, mut seen) = (Session::default(), BTreeMap::new());
    for connection in connections(file)? {
        for call in clear_calls(&connection)? {
            let (name, check_request, check_response) = session.method(&call)?;
            let left = |stub: &Bytes, check: Check| check(stub.clone()).map_err(|why| format!("{name}: {why}"));
            let ((_, unread), (_, rest)) = (left(&call.request, check_request)?, left(&call.response, check_response)?);
            // aiowmi passes its GUID to GetSmartEnum, which has no parameters; hosts ignore what is left.
            let stray = if name == GetSmartEnum::NAME { 16 } else { 0 };
            if unread.len() > stray || !rest.is_empty() {
                return Err(format!("{name}: {} and {} octets are left", unread.len(), rest.len()));
            }
            session.learn(&call, name).map_err(|why| format!("{name}: {why}"))?;
            *seen.entry(name).or_insert(0) += 1;
        }
    }
    let counts: Vec<(&str, usize)> = seen.into_iter().collect();
    if counts == expected { Ok(format!("{counts:?}")) } else { Err(format!("{counts:?}")) }
}

/// One call with the stubs of all its fragments.
struct Call {
    /// `None` for the activation, which is no object call.
    object: Option<Guid>,
    opnum: u16,
    request: Bytes,
    response: Bytes,
}

/// The calls of a connection that were answered and not sealed, in order.
fn clear_calls(connection: &Connection) -> Result<Vec<Call>, String> {
    let mut calls = BTreeMap::<u32, (Option<Guid>, u16, Vec<u8>, Vec<u8>)>::new();
    for fragment in connection.client.iter().chain(&connection.server) {
        let pdu = Pdu::decode(fragment.clone()).map_err(|error| error.to_string())?;
        if pdu.auth.is_some_and(|auth| auth.auth_level == AuthnLevel::PKT_PRIVACY) {
            continue;
        }
        match pdu.body {
            Body::Request(request) => {
                let call = calls.entry(pdu.call_id).or_default();
                (call.0, call.1) = (request.object, request.opnum);
                call.2.extend_from_slice(&request.stub);
            }
            Body::Response(response) => calls.entry(pdu.call_id).or_default().3.extend_from_slice(&response.stub),
            _ => {}
        }
    }
    let complete = calls.into_values().filter(|(.., response)| !response.is_empty());
    Ok(complete
        .map(|(object, opnum, request, response)| Call {
            object,
            opnum,
            request: request.into(),
            response: response.into(),
        })
        .collect())
}

/// The interface pointers that a client holds.
#[derive(Default)]
struct Session(BTreeMap<Guid, Guid>);

/// The methods of object calls that these clients use.
const METHODS: [(Guid, u16, &str, Check, Check); 7] = [
    method::<RemQueryInterface>(response::<RemQueryInterface>),
    method::<RemRelease>(response::<RemRelease>),
    method::<NtlmLogin>(response::<NtlmLogin>),
    method::<ExecQuery>(response::<ExecQuery>),
    method::<GetSmartEnum>(response::<GetSmartEnum>),
    method::<Next>(response::<Next>),
    method::<SmartNext>(smart_response),
];

const fn method<O: Operation<Request: PartialEq>>(response: Check) -> (Guid, u16, &'static str, Check, Check) {
    (O::INTERFACE.uuid, O::OPNUM, O::NAME, request::<O>, response)
}

impl Session {
    /// What is called. The activation may be sealed, so an interface pointer that nobody knows is taken for one of its
    /// two, which the number of the method tells apart.
    fn method(&mut self, call: &Call) -> Result<(&'static str, Check, Check), String> {
        let Some(object) = call.object else {
            return Ok((RemoteCreateInstance::NAME, request::<RemoteCreateInstance>, response::<RemoteCreateInstance>));
        };
        let guess = if call.opnum == NtlmLogin::OPNUM { IID_IWBEM_LEVEL1_LOGIN } else { IID_IREM_UNKNOWN };
        let iid = *self.0.entry(object).or_insert(guess);
        let found = METHODS.into_iter().find(|(interface, opnum, ..)| (*interface, *opnum) == (iid, call.opnum));
        let (_, _, name, request, response) = found.ok_or_else(|| format!("method {} of {iid}", call.opnum))?;
        Ok((name, request, response))
    }

    /// Remembers the interface pointers of a response.
    fn learn(&mut self, call: &Call, name: &str) -> Result<(), String> {
        let (mut request, mut response) = (Reader::new(call.request.clone()), Reader::new(call.response.clone()));
        let text = |error: wmi_proto::wire::WireError| error.to_string();
        OrpcThis::decode(&mut request).map_err(text)?;
        OrpcThat::decode(&mut response).map_err(text)?;
        if name == RemQueryInterface::NAME {
            let asked = RemQueryInterfaceRequest::decode(&mut request).map_err(text)?;
            let got = RemQueryInterfaceResponse::decode(&mut response).map_err(text)?;
            let good = asked.iids.into_iter().zip(got.results).filter(|(_, result)| result.result.is_success());
            self.0.extend(good.map(|(iid, result)| (result.std.ipid, iid)));
        } else if [NtlmLogin::NAME, ExecQuery::NAME, GetSmartEnum::NAME].contains(&name) {
            let got = InterfaceResponse::decode(&mut response).map_err(text)?;
            if let Some(pointer) = got.pointer {
                let objref = pointer.objref().map_err(text)?;
                self.0.insert(objref.std().ok_or("an object by value")?.ipid, objref.iid);
            } else if got.status.is_success() {
                return Err("no interface".to_owned());
            }
        }
        Ok(())
    }
}

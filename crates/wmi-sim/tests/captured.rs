//! Witnesses: what Windows clients sent is answered, and binds are answered as Windows hosts answered them.

mod script;
#[path = "../../../tests/witness.rs"]
mod witness;

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use bytes::Bytes;
use script::{Ended, Session, World, response};
use witness::Verdict;
use wmi_proto::wire::dcom::RemoteCreateInstance;
use wmi_proto::wire::dcom::exporter::{ServerAlive2, ServerAlive2Response};
use wmi_proto::wire::rpc::{Body, Pdu};
use wmi_proto::wire::wmi::{EstablishPosition, ExecMethod, ExecQuery, GetObject, NtlmLogin, SetClientInfo};
use wmi_proto::wire::{FaultStatus, Guid, HResult, Interface, Operation, Wire, guid};
use wmi_proto::{AuthLevel, Role};
use wmi_sim::Fault;

type Witness = fn(&Path) -> Verdict;

fn main() -> ExitCode {
    let witnesses: [(&str, Witness); 3] = [
        ("captured requests are answered", requests),
        ("captured calls of the resolver are answered", resolver),
        ("captured binds are answered as Windows did", binds),
    ];
    witness::run(witnesses)
}

/// Sends every captured request of an operation, verification trailers included, to a host that protects calls.
fn requests(folder: &Path) -> Verdict {
    let seen = [
        // One request asks for a class of Windows that is not WMI's.
        answered::<RemoteCreateInstance>(
            folder,
            "ISystemActivator_RemoteCreateInstance",
            |r| r.status,
            &[0, 0x8004_0154],
        )?,
        answered::<EstablishPosition>(folder, "IWbemLevel1Login_EstablishPosition", |r| r.status, &[0])?,
        answered::<NtlmLogin>(folder, "IWbemLevel1Login_NTLMLogin", |r| r.status, &[0])?,
        answered::<ExecQuery>(folder, "IWbemServices_ExecQuery", |r| r.status, &[0])?,
        answered::<SetClientInfo>(folder, "IWbemLoginClientID_SetClientInfo", |status| *status, &[0])?,
        // One calls a method that its author has added to a class: WBEM_E_INVALID_METHOD.
        answered::<ExecMethod>(folder, "IWbemServices_ExecMethod", |r| r.status, &[0, 0x8004_102e])?,
        // Some ask for classes that this host does not have: WBEM_E_NOT_FOUND.
        answered::<GetObject>(folder, "IWbemServices_GetObject", |r| r.status, &[0, 0x8004_1002])?,
    ];
    Ok(seen.join(", "))
}

fn answered<O: Operation>(folder: &Path, name: &str, status: fn(&O::Response) -> HResult, expected: &[u32]) -> Verdict {
    let files = files(folder, "stubs", &format!("{name}_req_"))?;
    let mut seen = BTreeMap::<u32, usize>::new();
    for file in &files {
        let stub = answer(&read(file)?, O::INTERFACE.uuid, O::OPNUM)
            .map_err(|ended| format!("{}: {ended:?}", file.display()))?;
        let answer = response::<O>(stub).map_err(|ended| format!("{}: {ended:?}", file.display()))?;
        *seen.entry(status(&answer).0).or_default() += 1;
    }
    if files.is_empty() || seen.keys().any(|status| !expected.contains(status)) || !seen.contains_key(&0) {
        return Err(format!("{name}: statuses {seen:x?} of {} requests", files.len()));
    }
    Ok(format!("{} {}", files.len(), O::NAME))
}

fn answer(stub: &[u8], iid: Guid, opnum: u16) -> Result<Bytes, Ended> {
    if iid == guid::IID_IREMOTE_SCM_ACTIVATOR {
        let mut world = World::new(&[]);
        let mut peer = world.connect(Role::Activator);
        peer.log_on(&mut world, &[RemoteCreateInstance::INTERFACE])?;
        let call_id = peer.request(&mut world, 0, opnum, None, stub);
        return peer.answer(&mut world, call_id);
    }
    let mut session = Session::open_in(World::new(&[Fault::InsistContext]), AuthLevel::Integrity)?;
    let login = session.login.ipid;
    let (context, ipid) = match iid {
        guid::IID_IWBEM_SERVICES => (2, session.services("root/cimv2")?),
        guid::IID_IWBEM_LOGIN_CLIENT_ID => {
            let ipid = session.query_interface(login, iid)?;
            session.peer.alter(&mut session.world, 6, Interface::orpc(iid))?;
            (6, ipid.map_err(|status| Ended::Fault(FaultStatus(status.0)))?)
        }
        _ => (0, login),
    };
    let call_id = session.peer.request(&mut session.world, context, opnum, Some(ipid), stub);
    session.peer.answer(&mut session.world, call_id)
}

fn resolver(folder: &Path) -> Verdict {
    let files = files(folder, "stubs", "IOXIDResolver_ServerAlive2_req_")?;
    for file in &files {
        let mut world = World::new(&[]);
        let mut peer = world.connect(Role::Activator);
        let stub = peer.bind(&mut world, &[ServerAlive2::INTERFACE]).and_then(|_| {
            let call_id = peer.request(&mut world, 0, ServerAlive2::OPNUM, None, &read(file).unwrap_or_default());
            peer.answer(&mut world, call_id)
        });
        let stub = stub.map_err(|ended| format!("{}: {ended:?}", file.display()))?;
        ServerAlive2Response::from_bytes(stub).map_err(|e| format!("{}: {e}", file.display()))?;
    }
    if files.is_empty() { Err("no request".to_owned()) } else { Ok(format!("{} ServerAlive2", files.len())) }
}

/// Compares the result of every offered context, and the flags, with those of the captured bind_ack. The interfaces of
/// objects that are not WMI's are left out, and so are the tokens.
fn binds(folder: &Path) -> Verdict {
    let (mut compared, mut contexts) = (0, 0);
    for file in files(folder, "pdus", "_bind_t")? {
        let name = file.file_name().unwrap_or_default().to_string_lossy().into_owned();
        let call = name.splitn(3, '_').skip(1).collect::<Vec<_>>().join("_");
        let call = call.split("_bind_").next().unwrap_or_default().to_owned();
        let acks = files_in(file.parent().unwrap_or(folder), &format!("_{call}_bind_ack_"))?;
        let Some(ack) = acks.first() else { continue };
        let (offer, theirs) = (pdu(&file)?, pdu(ack)?);
        let (Body::Bind(bind), Body::BindAck(ack)) = (offer.body, theirs.body) else {
            return Err(format!("{}: no bind", file.display()));
        };
        let Some(role) = bind.contexts.first().and_then(|context| role_of(&context.abstract_syntax)) else { continue };
        let mut world = World::new(&[]);
        let mut peer = world.connect(role);
        let ours = peer.offer(&mut world, offer.flags, Body::Bind(bind), None);
        let (our_flags, our_ack, _) = ours.map_err(|ended| format!("{}: {ended:?}", file.display()))?;
        if (our_flags, &our_ack.results) != (theirs.flags, &ack.results) {
            let (ours, theirs) = ((our_flags, our_ack.results), (theirs.flags, ack.results));
            return Err(format!("{}: {ours:?} where Windows says {theirs:?}", file.display()));
        }
        compared += 1;
        contexts += ack.results.len();
    }
    if compared == 0 { Err("no bind".to_owned()) } else { Ok(format!("{contexts} contexts of {compared} binds")) }
}

fn role_of(interface: &Interface) -> Option<Role> {
    match interface.uuid {
        guid::IID_IOBJECT_EXPORTER | guid::IID_IREMOTE_SCM_ACTIVATOR => Some(Role::Activator),
        guid::IID_IREM_UNKNOWN | guid::IID_IREM_UNKNOWN2 | guid::IID_IWBEM_LEVEL1_LOGIN | guid::IID_IWBEM_SERVICES => {
            Some(Role::ObjectServer)
        }
        _ => None,
    }
}

fn pdu(file: &Path) -> Result<Pdu, String> {
    Pdu::decode(read(file)?.into()).map_err(|e| format!("{}: {e}", file.display()))
}

/// The files in the folder `kind` of every capture whose name contains `part`.
fn files(folder: &Path, kind: &str, part: &str) -> Result<Vec<PathBuf>, String> {
    let entries = std::fs::read_dir(folder).map_err(|e| format!("{}: {e}", folder.display()))?;
    let mut found = Vec::new();
    for entry in entries {
        let inner = entry.map_err(|e| e.to_string())?.path().join(kind);
        if inner.is_dir() {
            found.extend(files_in(&inner, part)?);
        }
    }
    found.sort();
    Ok(found)
}

fn files_in(folder: &Path, part: &str) -> Result<Vec<PathBuf>, String> {
    let entries = std::fs::read_dir(folder).map_err(|e| format!("{}: {e}", folder.display()))?;
    let paths = entries.map(|entry| entry.map(|entry| entry.path()).map_err(|e| e.to_string()));
    let mut paths = paths.collect::<Result<Vec<_>, _>>()?;
    paths.retain(|path| path.file_name().is_some_and(|name| name.to_string_lossy().contains(part)));
    Ok(paths)
}

fn read(file: &Path) -> Result<Vec<u8>, String> {
    std::fs::read(file).map_err(|e| format!("{}: {e}", file.display()))
}

//! Rows of a foreign simulated host, whose values are known from a file. They have all CIM types, defaults, NULLs,
//! embedded objects and instances without a class part, which the captures of Windows do not have.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;

use bytes::{Bytes, BytesMut};
use serde_json::Value;
use wmi_proto::cim::{CimClass, CimObject, ClassCache};
use wmi_proto::internals::{NtlmAcceptor, SecurityContext, Side};
use wmi_proto::wire::dcom::OrpcThat;
use wmi_proto::wire::rpc::{AuthType, Body, Pdu, Protected};
use wmi_proto::wire::wmi::smart_enum::SmartNextResponse;
use wmi_proto::wire::wmi::{DataPacket, DataPacketObject, Next};
use wmi_proto::wire::{Guid, Operation, Reader, Wire};
use wmi_proto::{AuthLevel, Secret};

use crate::Verdict;
use crate::capture::{Connection, connections};
use crate::compare::same_rows;
use crate::windows::read;

const PASSWORD: &str = "Tr0ub4dor&3";

/// The reply stubs of IEnumWbemClassObject::Next.
pub(crate) fn bench_next(folder: &Path) -> Verdict {
    let rows = rows(&folder.join("bench_stubs/rows.json"))?;
    let rows = rows.as_array().ok_or("rows.json is not an array")?;
    let mut cache = ClassCache::new();
    let mut verdicts = Vec::new();
    for (file, from, to) in [("next_1.0", 0, 1), ("next_1.1", 1, 2), ("next_100.0", 0, 100), ("next_100.1", 100, 200)] {
        let stub = read(&folder.join(format!("bench_stubs/{file}.bin")))?;
        let objects = next_objects(stub, &mut cache).ok_or(format!("{file} is not a reply of Next"))??;
        let shared = objects.iter().all(|object| Arc::ptr_eq(object.class(), objects[0].class()));
        if !shared {
            return Err(format!("{file}: the class was parsed more than once"));
        }
        verdicts.push(same_rows(&objects, &rows[from..to]).map_err(|why| format!("{file}: {why}"))?);
    }
    Ok(verdicts.join(", "))
}

/// The reply stubs of IWbemWCOSmartEnum::Next; the second of each pair has instances without class part only.
pub(crate) fn bench_smart(folder: &Path) -> Verdict {
    let rows = rows(&folder.join("bench_stubs/rows.json"))?;
    let rows = rows.as_array().ok_or("rows.json is not an array")?;
    let mut verdicts = Vec::new();
    for (files, from, to) in [(["smart_1.0", "smart_1.1"], 0, 2), (["smart_100.0", "smart_100.1"], 0, 200)] {
        let (mut classes, mut objects) = (BTreeMap::new(), Vec::new());
        for file in files {
            let stub = read(&folder.join(format!("bench_stubs/{file}.bin")))?;
            objects.extend(smart_objects(stub, &mut classes).ok_or(format!("{file} is not a reply of Next"))??);
        }
        verdicts.push(same_rows(&objects, &rows[from..to]).map_err(|why| format!("{files:?}: {why}"))?);
    }
    Ok(verdicts.join(", "))
}

/// What aiowmi was sent, signed: every CIM type but embedded objects, NULLs, zeros, extremes, defaults, two classes.
pub(crate) fn lab_smart(folder: &Path) -> Verdict {
    let expected = lab_rows(folder, &[("Lab_Mixed", 4), ("Lab_Reading", 40), ("Lab_Thing", 5), ("Lab_Child", 4)])?;
    let mut objects = Vec::new();
    for connection in connections(&folder.join("foreign_lab/aiowmi_integrity_smart.pcapng"))? {
        let mut classes = BTreeMap::new();
        for stub in stubs(&connection.server) {
            objects.extend(smart_objects(stub, &mut classes).transpose()?.unwrap_or_default());
        }
    }
    same_rows(&objects, &expected)
}

/// What impacket was sent, signed: many batches, two classes in one result, and a column list.
pub(crate) fn lab_next(folder: &Path) -> Verdict {
    let mut expected = lab_rows(folder, &[("Lab_Reading", 300), ("Lab_Thing", 5)])?;
    for mut row in lab_rows(folder, &[("Lab_Reading", 5)])? {
        let columns = row.as_object_mut().ok_or("a row is not an object")?;
        columns.retain(|name, _| ["__CLASS", "Sensor", "Raw"].contains(&name.as_str()));
        expected.push(row);
    }
    let mut objects = Vec::new();
    for connection in connections(&folder.join("foreign_lab/impacket_integrity_next.pcapng"))? {
        for stub in stubs(&connection.server) {
            objects.extend(next_objects(stub, &mut ClassCache::new()).transpose()?.unwrap_or_default());
        }
    }
    same_rows(&objects, &expected)
}

/// What impacket was sent, sealed: embedded objects and arrays of them.
pub(crate) fn lab_sealed(folder: &Path) -> Verdict {
    let expected = lab_rows(folder, &[("Lab_Reading", 300), ("Lab_Child", 4), ("Lab_Holder", 3)])?;
    let mut objects = Vec::new();
    for connection in connections(&folder.join("foreign_lab/impacket_privacy_next.pcapng"))? {
        for stub in stubs(&unsealed(&connection)?) {
            objects.extend(next_objects(stub, &mut ClassCache::new()).transpose()?.unwrap_or_default());
        }
    }
    same_rows(&objects, &expected)
}

/// The first rows of classes, in a row.
fn lab_rows(folder: &Path, classes: &[(&str, usize)]) -> Result<Vec<Value>, String> {
    let rows = rows(&folder.join("foreign_lab/rows.json"))?;
    let mut expected = Vec::new();
    for (class, count) in classes {
        let all = rows[*class].as_array().ok_or(format!("no rows of {class}"))?;
        expected.extend(all.iter().take(*count).cloned());
    }
    Ok(expected)
}

fn rows(file: &Path) -> Result<Value, String> {
    serde_json::from_slice(&read(file)?).map_err(|e| format!("{}: {e}", file.display()))
}

/// The objects of a stub that is a reply of IEnumWbemClassObject::Next.
fn next_objects(stub: Bytes, cache: &mut ClassCache) -> Option<Result<Vec<CimObject>, String>> {
    let mut r = Reader::new(stub);
    OrpcThat::decode(&mut r).ok()?;
    let reply = <Next as Operation>::Response::decode(&mut r).ok().filter(|_| r.is_empty())?;
    let objects = reply.objects.iter().map(|object| CimObject::decode_unit_with(cache, object.wbem_object()?));
    Some(objects.collect::<Result<_, _>>().map_err(|error| error.to_string()))
}

/// The objects of a stub that is a reply of IWbemWCOSmartEnum::Next.
fn smart_objects(stub: Bytes, classes: &mut BTreeMap<Guid, Arc<CimClass>>) -> Option<Result<Vec<CimObject>, String>> {
    let mut r = Reader::new(stub);
    OrpcThat::decode(&mut r).ok()?;
    let reply = SmartNextResponse::decode(&mut r).ok().filter(|_| r.is_empty())?;
    let packet = DataPacket::from_bytes(reply.buffer).ok()?;
    let decode = |object: DataPacketObject| match object {
        DataPacketObject::Class { data } => CimObject::decode_block(data).map_err(|e| e.to_string()),
        DataPacketObject::Instance { class_id, data } => {
            let object = CimObject::decode_block(data).map_err(|e| e.to_string())?;
            classes.insert(class_id, Arc::clone(object.class()));
            Ok(object)
        }
        DataPacketObject::InstanceNoClass { class_id, data } => {
            let class = classes.get(&class_id).ok_or("the class was not sent")?;
            let object = CimObject::decode_instance_without_class(data.clone(), class).map_err(|e| e.to_string())?;
            match object.encode_instance_without_class() {
                Some(again) if data.starts_with(&again) => Ok(object),
                _ => Err("it is not written as it was received".to_owned()),
            }
        }
        DataPacketObject::Undecodable { error, .. } => Err(error.to_string()),
    };
    Some(packet.objects.into_iter().map(decode).collect())
}

/// The stubs of the responses among whole fragments, in order of their calls' ends.
pub(crate) fn stubs(fragments: &[Bytes]) -> Vec<Bytes> {
    let (mut open, mut done) = (BTreeMap::<u32, BytesMut>::new(), Vec::new());
    for fragment in fragments {
        let Ok(pdu) = Pdu::decode(fragment.clone()) else { continue };
        let Body::Response(response) = pdu.body else { continue };
        open.entry(pdu.call_id).or_default().extend_from_slice(&response.stub);
        if pdu.flags.contains(wmi_proto::wire::rpc::PfcFlags::LAST_FRAG) {
            done.extend(open.remove(&pdu.call_id).map(BytesMut::freeze));
        }
    }
    done
}

/// What the server sent, unsealed with the keys of every raw NTLM log-on of the connection.
fn unsealed(connection: &Connection) -> Result<Vec<Bytes>, String> {
    let mut tokens = BTreeMap::<u32, Vec<Bytes>>::new();
    for fragment in [&connection.client, &connection.server].into_iter().flatten() {
        let Ok(pdu) = Pdu::decode(fragment.clone()) else { continue };
        let carries = !matches!(pdu.body, Body::Request(_) | Body::Response(_) | Body::Fault(_));
        if let Some(auth) = pdu.auth.filter(|auth| carries && auth.auth_type == AuthType::WINNT) {
            tokens.entry(auth.context_id).or_default().push(auth.value);
        }
    }
    let mut receivers = BTreeMap::new();
    for (context_id, mut tokens) in tokens {
        tokens.sort_by_key(|token| token.get(8).copied());
        let Ok([negotiate, challenge, authenticate]) = <[Bytes; 3]>::try_from(tokens) else { continue };
        let mut acceptor = NtlmAcceptor::captured(negotiate, challenge);
        let accepted = acceptor.accept(authenticate, |_, _| Some(Secret::from(PASSWORD))).map_err(|e| e.to_string())?;
        let key_exchange = accepted.flags.contains(wmi_proto::wire::ntlm::NegotiateFlags::KEY_EXCH);
        receivers.insert(context_id, SecurityContext::new(&accepted.session_key, key_exchange, Side::Client));
    }
    let mut fragments = Vec::new();
    for fragment in &connection.server {
        let mut pdu = BytesMut::from(fragment.as_ref());
        if let Some(place) = Protected::locate(fragment).map_err(|e| e.to_string())? {
            let level = AuthLevel::from_wire(place.auth_level);
            if let (Some(receiver), Some(level), 2 | 3) = (receivers.get_mut(&place.context_id), level, fragment[2]) {
                receiver.unprotect(level, &mut pdu, place.stub).map_err(|e| e.to_string())?;
            }
        }
        fragments.push(pdu.freeze());
    }
    Ok(fragments)
}

//! The enumerators: IEnumWbemClassObject, IWbemFetchSmartEnum and IWbemWCOSmartEnum.

use std::time::Duration;

use bytes::{Bytes, BytesMut};
use wmi_proto::Instant;
use wmi_proto::cim::{CimObject, Genus};
use wmi_proto::wire::dcom::MInterfacePointer;
use wmi_proto::wire::wmi::enumerator::{NextRequest, NextResponse};
use wmi_proto::wire::wmi::smart_enum::{SmartNextRequest, SmartNextResponse};
use wmi_proto::wire::wmi::{DataPacket, DataPacketObject, InterfaceResponse, Next, Skip, SmartNext};
use wmi_proto::wire::{Guid, HResult, Wire, guid};

use crate::Fault;
use crate::connection::Call;
use crate::cursor::{Batch, Cursor, CursorId, Pace, Statement};
use crate::dispatch::{Later, Outcome, RPC_E_DISCONNECTED, request, response_stub};
use crate::machine::Machine;
use crate::services::{Object, WBEM_E_FAILED, created, export_enumerator, refused};

/// How late a late reply is.
const LATE: Duration = Duration::from_secs(10);
/// How long [`Fault::SlowFirstRow`] takes for the first row.
const SLOW_FIRST_ROW: Duration = Duration::from_millis(500);
/// How long [`Fault::SlowRows`] takes for each row after the first.
const SLOW_ROWS: Duration = Duration::from_millis(50);
/// The class whose provider is slow on any host.
const SLOW_CLASS: &str = "Sim_Slow";
/// How long it takes for each row, the first included.
const SLOW_CLASS_ROWS: Duration = Duration::from_millis(200);
/// The class whose provider says nothing for a long time, on any host.
const SILENT_CLASS: &str = "Sim_Silent";
/// How long that is.
const SILENCE: Duration = Duration::from_secs(60);

/// A Next or a Skip that waits for rows.
#[derive(Clone, Copy, Debug)]
pub(crate) struct PendingNext {
    cursor: CursorId,
    /// The count of the request.
    asked: u32,
    form: Form,
}

/// How the objects of a Next travel.
#[derive(Clone, Copy, Debug)]
enum Form {
    /// Each as an object of its own.
    Objects,
    /// As a packet for the proxy with that identifier.
    Packet(Guid),
    /// Not at all: they are skipped.
    Nothing,
}

/// Runs a query.
pub(crate) fn open(statement: Statement, machine: &Machine) -> Cursor {
    let mut pace = Pace::default();
    if machine.has(Fault::SlowFirstRow) {
        pace.first = SLOW_FIRST_ROW;
    }
    if machine.has(Fault::SlowRows) {
        pace.each = SLOW_ROWS;
    }
    let Statement { namespace, wql, languages, .. } = &statement;
    match machine.repository.select(namespace, wql, machine.wall(), languages) {
        Ok(rows) => {
            let mut cursor = Cursor::new(statement, rows, machine.now(), pace);
            let class = cursor.class_of_next();
            let delay = class.as_ref().and_then(|class| machine.config.profile.overlay().delay(class));
            if let Some(delay) = delay {
                cursor.pace.first = delay;
            }
            match class.as_deref() {
                Some(SLOW_CLASS) => cursor.pace = Pace { first: SLOW_CLASS_ROWS, each: SLOW_CLASS_ROWS },
                Some(SILENT_CLASS) => cursor.pace = Pace { first: SILENCE, ..Pace::default() },
                _ => {}
            }
            cursor
        }
        Err(error) => Cursor::failed(statement, error.status(), machine.now()),
    }
}

/// IEnumWbemClassObject::Next ([MS-WMI 3.1.4.4.2]).
pub(crate) fn next(oid: u64, call: &Call, machine: &mut Machine) -> Outcome {
    match request::<Next>(call, machine) {
        Ok(NextRequest { timeout, count }) => begin(oid, timeout, count, Form::Objects, machine),
        Err(outcome) => outcome,
    }
}

/// IWbemWCOSmartEnum::Next ([MS-WMI 3.1.4.7.1]).
pub(crate) fn smart_next(oid: u64, call: &Call, machine: &mut Machine) -> Outcome {
    match request::<SmartNext>(call, machine) {
        Ok(SmartNextRequest { proxy_guid, timeout, count }) => {
            begin(oid, timeout, count, Form::Packet(proxy_guid), machine)
        }
        Err(outcome) => outcome,
    }
}

/// Answers at once, or when the rows are there, or when the caller has waited long enough.
fn begin(oid: u64, timeout: i32, asked: u32, form: Form, machine: &mut Machine) -> Outcome {
    let Some(cursor) = machine.exporter.state(oid).and_then(Object::cursor) else {
        return Outcome::Fault(RPC_E_DISCONNECTED);
    };
    let now = machine.now();
    let pending = PendingNext { cursor, asked, form };
    let wanted = wanted(pending, machine);
    let Some(cursor) = machine.cursors.get_mut(cursor) else {
        return Outcome::Fault(RPC_E_DISCONNECTED);
    };
    let patience = match u64::try_from(timeout) {
        Ok(milliseconds) => now.saturating_add(Duration::from_millis(milliseconds)),
        Err(_) => Instant::from_micros(u64::MAX),
    };
    let due = cursor.ready_at(wanted).min(patience);
    if due > now { Outcome::Later(due, Later::Next(pending)) } else { complete(pending, machine) }
}

/// How many objects are given at most, which a host may decide.
fn wanted(PendingNext { cursor, asked, form }: PendingNext, machine: &Machine) -> u32 {
    if let Form::Nothing = form {
        return asked;
    }
    let replies = machine.cursors.get(cursor).map_or(0, |cursor| cursor.replies);
    if in_next(machine).is_some() && replies < UNHARMED {
        // So that a small result has a third batch too.
        asked.min(2)
    } else if machine.has(Fault::ShortBatches) {
        asked.min((asked / 2).max(1))
    } else {
        asked
    }
}

/// Batches before the one that goes wrong.
const UNHARMED: u32 = 2;

/// What is to go wrong with a batch.
fn in_next(machine: &Machine) -> Option<Fault> {
    let faults = [
        Fault::BadSignature,
        Fault::FlipData,
        Fault::WrongSequence,
        Fault::TruncatedStub,
        Fault::BadFragmentLength,
        Fault::Garbage,
        Fault::WrongCallId,
        Fault::FaultPdu,
        Fault::UnsignedFault,
        Fault::ResetAtNext,
        Fault::CutMidReply,
        Fault::ResetMidReply,
        Fault::SilenceAtNext,
        Fault::LiesAboutLengths,
        Fault::UnknownClassGuid,
        Fault::ErrorInNext,
        Fault::LateReply,
    ];
    faults.into_iter().find(|fault| machine.has(*fault))
}

/// Answers a Next or a Skip with what is there.
pub(crate) fn complete(pending: PendingNext, machine: &mut Machine) -> Outcome {
    let wanted = wanted(pending, machine);
    let now = machine.now();
    let damage = in_next(machine);
    let legal = [Fault::TimedOutBatches, Fault::PartialResults].map(|fault| machine.has(fault));
    let Some(cursor) = machine.cursors.get_mut(pending.cursor) else {
        return Outcome::Fault(RPC_E_DISCONNECTED);
    };
    if let Form::Nothing = pending.form {
        let status = cursor.take(wanted, now).status;
        return Outcome::Reply(response_stub(&status, machine), None);
    }
    let replies = cursor.replies;
    cursor.replies = replies.saturating_add(1);
    let mut batch = match (legal, replies % 4) {
        ([true, _], 0) => Batch { objects: Vec::new(), status: HResult::WBEM_S_TIMEDOUT },
        ([true, _], 1) => cursor.take((wanted / 2).max(1), now),
        _ => cursor.take(wanted, now),
    };
    match (legal, replies) {
        ([true, _], 1 | 3) if batch.status == HResult::S_OK => batch.status = HResult::WBEM_S_TIMEDOUT,
        ([_, true], 0) if batch.status.is_success() => batch.status = HResult::WBEM_S_PARTIAL_RESULTS,
        _ => {}
    }
    // A result of fewer batches goes wrong with its last one.
    let damage = damage.filter(|_| replies >= UNHARMED || batch.status == HResult::WBEM_S_FALSE);
    match damage {
        Some(Fault::ResetAtNext) => return Outcome::Reset,
        Some(Fault::SilenceAtNext) => return Outcome::Silence,
        Some(Fault::ErrorInNext) => batch = Batch { objects: Vec::new(), status: WBEM_E_FAILED },
        _ => {}
    }
    let mut stub = match pending.form {
        Form::Objects => objects_stub(pending.asked, &batch, machine),
        Form::Packet(proxy) => packet_stub(pending.cursor, proxy, &batch, damage, machine),
        Form::Nothing => Bytes::new(),
    };
    match damage {
        Some(Fault::LiesAboutLengths) => stub = lie(stub, pending.form),
        Some(Fault::LateReply) => return Outcome::Later(now.saturating_add(LATE), Later::Reply(stub, None)),
        _ => {}
    }
    Outcome::Reply(stub, damage)
}

fn objects_stub(asked: u32, batch: &Batch, machine: &Machine) -> Bytes {
    let objects = batch.objects.iter().map(|object| MInterfacePointer::from_wbem_object(object.encode_unit()));
    response_stub(&NextResponse::new(asked, objects.collect(), batch.status), machine)
}

fn packet_stub(cursor: CursorId, proxy: Guid, batch: &Batch, damage: Option<Fault>, machine: &mut Machine) -> Bytes {
    let mut objects = Vec::with_capacity(batch.objects.len());
    if machine.has(Fault::ClassPartPerReply)
        && let Some(cursor) = machine.cursors.get_mut(cursor)
    {
        cursor.forget_classes();
    }
    for object in &batch.objects {
        let fresh = machine.fresh_guid();
        let (class_id, is_new) = match machine.cursors.get_mut(cursor) {
            Some(cursor) => cursor.class_id(proxy, object.class(), fresh),
            None => (fresh, true),
        };
        objects.push(match damage {
            Some(Fault::UnknownClassGuid) => packet_object(object, fresh, false),
            _ => packet_object(object, class_id, is_new),
        });
    }
    let returned = u32::try_from(objects.len()).unwrap_or(u32::MAX);
    let buffer = if objects.is_empty() { Bytes::new() } else { DataPacket::smart_next(objects).to_bytes() };
    response_stub(&SmartNextResponse { returned, buffer, status: batch.status }, machine)
}

fn packet_object(object: &CimObject, class_id: Guid, with_class: bool) -> DataPacketObject {
    if object.genus() == Genus::Class {
        return DataPacketObject::Class { data: object.encode_block() };
    }
    match object.encode_instance_without_class() {
        Some(data) if !with_class => DataPacketObject::InstanceNoClass { class_id, data },
        _ => DataPacketObject::Instance { class_id, data: object.encode_block() },
    }
}

/// Makes the counts of an answer larger than the answer. They stand behind an ORPCTHAT of eight octets.
fn lie(stub: Bytes, form: Form) -> Bytes {
    let places: [usize; 2] = match form {
        // The maximum and the actual count of apObjects.
        Form::Objects => [8, 16],
        // pdwBuffSize and the maximum count of pBuffer.
        Form::Packet(_) | Form::Nothing => [12, 20],
    };
    let mut stub = BytesMut::from(stub);
    for place in places {
        if let Some(count) = stub.get_mut(place..place + 4) {
            count.copy_from_slice(&0x7fff_fff0_u32.to_le_bytes());
        }
    }
    stub.freeze()
}

/// IEnumWbemClassObject::Reset ([MS-WMI 3.1.4.4.1]).
pub(crate) fn reset(oid: u64, machine: &mut Machine) -> HResult {
    let cursor = machine.exporter.state(oid).and_then(Object::cursor);
    cursor.and_then(|id| machine.cursors.get_mut(id)).map_or(WBEM_E_FAILED, Cursor::reset)
}

/// IEnumWbemClassObject::Clone ([MS-WMI 3.1.4.4.4]).
pub(crate) fn clone(oid: u64, machine: &mut Machine) -> InterfaceResponse {
    let cursor = machine.exporter.state(oid).and_then(Object::cursor);
    match cursor.and_then(|id| machine.cursors.get(id)).map_or(Err(WBEM_E_FAILED), Cursor::copy) {
        Ok(copy) => created(export_enumerator(copy, machine)),
        Err(status) => refused(status),
    }
}

/// IEnumWbemClassObject::Skip ([MS-WMI 3.1.4.4.5]). The text does not forbid it on a forward-only enumerator, as it does
/// Reset and Clone; this host refuses it there, so that nobody counts on it.
pub(crate) fn skip(oid: u64, call: &Call, machine: &mut Machine) -> Outcome {
    let NextRequest { timeout, count } = match request::<Skip>(call, machine) {
        Ok(request) => request,
        Err(outcome) => return outcome,
    };
    match statement(oid, machine) {
        Some((_, Statement { forward_only: false, .. })) => begin(oid, timeout, count, Form::Nothing, machine),
        Some(_) => Outcome::Reply(response_stub(&HResult::WBEM_E_INVALID_OPERATION, machine), None),
        None => Outcome::Fault(RPC_E_DISCONNECTED),
    }
}

/// IWbemFetchSmartEnum::GetSmartEnum ([MS-WMI 3.1.4.6.1]).
pub(crate) fn get_smart_enum(oid: u64, machine: &mut Machine) -> InterfaceResponse {
    let Some((mut cursor, statement)) = statement(oid, machine) else {
        return refused(WBEM_E_FAILED);
    };
    if machine.has(Fault::SeparateIndex) {
        let again = open(statement, machine);
        cursor = machine.cursors.insert(again);
    }
    created(machine.export(Object::SmartEnumerator(cursor), guid::IID_IWBEM_WCO_SMART_ENUM))
}

fn statement(oid: u64, machine: &Machine) -> Option<(CursorId, Statement)> {
    let id = machine.exporter.state(oid)?.cursor()?;
    Some((id, machine.cursors.get(id)?.statement.clone()))
}

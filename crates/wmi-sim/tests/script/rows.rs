//! Reading the rows of a query through both enumerators.

use std::collections::BTreeMap;
use std::sync::Arc;

use wmi_proto::cim::{CimClass, CimObject};
use wmi_proto::wire::dcom::exporter::NoParameters;
use wmi_proto::wire::wmi::enumerator::NextRequest;
use wmi_proto::wire::wmi::smart_enum::SmartNextRequest;
use wmi_proto::wire::wmi::{DataPacket, DataPacketObject, GetSmartEnum, Next, SmartNext};
use wmi_proto::wire::{Guid, HResult, Wire, guid};

use super::{Ended, Session};

/// What one reads of a query: rows until the end.
#[derive(Debug, Default)]
pub(crate) struct Rows {
    pub(crate) objects: Vec<CimObject>,
    /// The status of each answer, and how many objects came with it.
    pub(crate) batches: Vec<(HResult, usize)>,
    /// How many objects came with their class.
    pub(crate) class_parts: usize,
    classes: BTreeMap<Guid, Arc<CimClass>>,
}

impl Rows {
    /// Reads with Next until WBEM_S_FALSE or an error.
    pub(crate) fn next(&mut self, session: &mut Session, enumerator: Guid, batch: u32) -> Result<HResult, Ended> {
        loop {
            let request = NextRequest { timeout: -1, count: batch };
            let answer = session.call::<Next>(enumerator, &request)?;
            assert_eq!(answer.returned as usize, answer.objects.len());
            assert!(answer.objects.len() <= batch as usize);
            self.batches.push((answer.status, answer.objects.len()));
            for object in answer.objects {
                let unit = object.wbem_object().map_err(|_| Ended::Undecodable)?;
                self.objects.push(CimObject::decode_unit(unit).map_err(|_| Ended::Undecodable)?);
            }
            if answer.status == HResult::WBEM_S_FALSE || !answer.status.is_success() {
                return Ok(answer.status);
            }
        }
    }

    /// Reads with the smart enumerator until WBEM_S_FALSE or an error.
    pub(crate) fn smart(&mut self, session: &mut Session, smart: Guid, batch: u32) -> Result<HResult, Ended> {
        loop {
            let request = SmartNextRequest { proxy_guid: Guid::from_u128(0x1234), timeout: -1, count: batch };
            let answer = session.call::<SmartNext>(smart, &request)?;
            let mut objects = Vec::new();
            if !answer.buffer.is_empty() {
                objects = DataPacket::from_bytes(answer.buffer).map_err(|_| Ended::Undecodable)?.objects;
            }
            assert_eq!(answer.returned as usize, objects.len());
            self.batches.push((answer.status, objects.len()));
            for object in objects {
                let object = match object {
                    DataPacketObject::Instance { class_id, data } => {
                        let object = CimObject::decode_block(data).map_err(|_| Ended::Undecodable)?;
                        self.class_parts += 1;
                        self.classes.insert(class_id, Arc::clone(object.class()));
                        object
                    }
                    DataPacketObject::InstanceNoClass { class_id, data } => {
                        let class = self.classes.get(&class_id).ok_or(Ended::Undecodable)?;
                        CimObject::decode_instance_without_class(data, class).map_err(|_| Ended::Undecodable)?
                    }
                    DataPacketObject::Class { data } => {
                        CimObject::decode_block(data).map_err(|_| Ended::Undecodable)?
                    }
                    DataPacketObject::Undecodable { .. } => return Err(Ended::Undecodable),
                };
                self.objects.push(object);
            }
            if answer.status == HResult::WBEM_S_FALSE || !answer.status.is_success() {
                return Ok(answer.status);
            }
        }
    }
}

/// The smart enumerator of an enumerator, or why it is refused.
pub(crate) fn smart_enumerator(session: &mut Session, enumerator: Guid) -> Result<Result<Guid, HResult>, Ended> {
    let fetch = match session.query_interface(enumerator, guid::IID_IWBEM_FETCH_SMART_ENUM)? {
        Ok(fetch) => fetch,
        Err(status) => return Ok(Err(status)),
    };
    let answer = session.call::<GetSmartEnum>(fetch, &NoParameters)?;
    if !answer.status.is_success() {
        return Ok(Err(answer.status));
    }
    session.hold(answer.pointer).map(Ok)
}

//! The enumerator that is read: what it is asked, and what its answers bring.

use crate::dcom;
use crate::wire::cim::{CimObject, ClassCache};
use crate::wire::dcom::{MInterfacePointer, OrpcThis};
use crate::wire::wmi::enumerator::NextRequest;
use crate::wire::wmi::smart_enum::SmartNextRequest;
use crate::wire::wmi::{DataPacket, Next, SmartNext};
use crate::wire::{Guid, HResult, Reader, Wire, WireError};
use crate::wmi::classes::Classes;
use crate::wmi::{Failure, ObjectCall};

/// One object of a result, or why it could not be decoded.
pub(crate) type Row = Result<CimObject, WireError>;

pub(crate) enum Source {
    Next(Guid),
    Smart {
        ipid: Guid,
        proxy: Guid,
        classes: Classes,
        /// The enumerator that it was made of.
        enumerator: Guid,
    },
}

/// What an answer to Next brought.
pub(crate) struct Read {
    pub(crate) rows: Vec<Row>,
    pub(crate) status: HResult,
    /// Whether the host sent more of them than are kept.
    pub(crate) too_many_classes: bool,
}

impl Source {
    /// The IEnumWbemClassObject. The smart enumerator reads the same current index ([MS-WMI 3.1.4.7.1]); Windows' own
    /// client resets the one and goes on with the other.
    pub(crate) const fn enumerator(&self) -> Guid {
        match self {
            Self::Next(enumerator) | Self::Smart { enumerator, .. } => *enumerator,
        }
    }

    /// Asks for `count` objects within `timeout` milliseconds.
    pub(crate) fn next(&self, timeout: i32, count: u32, this: &OrpcThis) -> ObjectCall {
        match self {
            Self::Next(ipid) => ObjectCall::on::<Next>(*ipid, &NextRequest { timeout, count }, this),
            Self::Smart { ipid, proxy, .. } => {
                let request = SmartNextRequest { proxy_guid: *proxy, timeout, count };
                ObjectCall::on::<SmartNext>(*ipid, &request, this)
            }
        }
    }

    /// What the answer to that says.
    pub(crate) fn read(&mut self, stub: Reader, cache: &mut ClassCache) -> Result<Read, Failure> {
        match self {
            Self::Next(_) => {
                let response = dcom::answer::<Next>(stub)?;
                let rows = response.objects.iter().map(|pointer| object(pointer, cache)).collect();
                Ok(Read { rows, status: response.status, too_many_classes: false })
            }
            Self::Smart { classes, .. } => {
                let response = dcom::answer::<SmartNext>(stub)?;
                let objects = if response.buffer.is_empty() {
                    Vec::new()
                } else {
                    DataPacket::from_bytes(response.buffer)?.objects
                };
                let rows = objects.into_iter().map(|item| classes.object(item, cache)).collect();
                Ok(Read { rows, status: response.status, too_many_classes: classes.is_full() })
            }
        }
    }
}

/// An object marshalled by value ([MS-WMI 2.2.4]).
fn object(pointer: &MInterfacePointer, classes: &mut ClassCache) -> Result<CimObject, WireError> {
    CimObject::decode_unit_with(classes, pointer.wbem_object()?)
}

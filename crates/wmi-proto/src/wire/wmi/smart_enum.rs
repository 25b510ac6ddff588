//! IWbemFetchSmartEnum and IWbemWCOSmartEnum: the objects of a result with each class sent once.

use bytes::Bytes;

use super::InterfaceResponse;
use crate::wire::dcom::exporter::NoParameters;
use crate::wire::guid::{IID_IWBEM_FETCH_SMART_ENUM, IID_IWBEM_WCO_SMART_ENUM};
use crate::wire::{Guid, HResult, Interface, Operation, Reader, Wire, WireError, Writer};

/// [MS-WMI 3.1.4.6.1] GetSmartEnum; the pointer is IWbemWCOSmartEnum.
#[derive(Clone, Copy, Debug)]
pub struct GetSmartEnum;

impl Operation for GetSmartEnum {
    const INTERFACE: Interface = Interface::orpc(IID_IWBEM_FETCH_SMART_ENUM);
    const OPNUM: u16 = 3;
    const NAME: &'static str = "IWbemFetchSmartEnum::GetSmartEnum";
    type Request = NoParameters;
    type Response = InterfaceResponse;
}

/// [MS-WMI 3.1.4.7.1] Next.
#[derive(Clone, Copy, Debug)]
pub struct SmartNext;

impl Operation for SmartNext {
    const INTERFACE: Interface = Interface::orpc(IID_IWBEM_WCO_SMART_ENUM);
    const OPNUM: u16 = 3;
    const NAME: &'static str = "IWbemWCOSmartEnum::Next";
    type Request = SmartNextRequest;
    type Response = SmartNextResponse;
}

/// Who asks, how long to wait and for how many.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SmartNextRequest {
    /// Identifies the client; one for all calls on an enumerator.
    pub proxy_guid: Guid,
    /// Milliseconds; -1 (WBEM_INFINITE) for ever, 0 (WBEM_NO_WAIT) not at all.
    pub timeout: i32,
    /// How many objects.
    pub count: u32,
}

impl Wire for SmartNextRequest {
    fn decode(r: &mut Reader) -> Result<Self, WireError> {
        r.align(4)?;
        Ok(Self { proxy_guid: r.guid("proxyGUID")?, timeout: r.i32("lTimeout")?, count: r.u32("uCount")? })
    }

    fn encode(&self, w: &mut Writer) {
        w.align(4);
        w.guid(&self.proxy_guid);
        w.i32(self.timeout);
        w.u32(self.count);
    }
}

/// The objects as one packet.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SmartNextResponse {
    /// puReturned, which should be the number of objects in the packet.
    pub returned: u32,
    /// An ObjectArray (see [`super::DataPacket`]); empty, and sent as a NULL pointer, when there are no objects.
    pub buffer: Bytes,
    /// How the call went: S_OK, WBEM_S_FALSE, WBEM_S_TIMEDOUT or an error.
    pub status: HResult,
}

impl Wire for SmartNextResponse {
    fn decode(r: &mut Reader) -> Result<Self, WireError> {
        let returned = r.ndr_u32("puReturned")?;
        let size = r.u32("pdwBuffSize")?;
        // A failed call may leave a size without a buffer.
        let buffer = if r.ndr_pointer("pBuffer")? { r.ndr_octets(size, "pBuffer")? } else { Bytes::new() };
        Ok(Self { returned, buffer, status: HResult::decode(r)? })
    }

    fn encode(&self, w: &mut Writer) {
        w.ndr_u32(self.returned);
        w.len32(self.buffer.len());
        w.ndr_pointer(!self.buffer.is_empty());
        if !self.buffer.is_empty() {
            w.ndr_octets(&self.buffer);
        }
        self.status.encode(w);
    }
}

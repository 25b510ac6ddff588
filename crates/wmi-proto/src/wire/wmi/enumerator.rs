//! IEnumWbemClassObject: the objects of a result one after the other.

use super::InterfaceResponse;
use crate::wire::dcom::MInterfacePointer;
use crate::wire::dcom::exporter::NoParameters;
use crate::wire::guid::IID_IENUM_WBEM_CLASS_OBJECT;
use crate::wire::{HResult, Interface, Operation, Reader, Wire, WireError, Writer};

/// [MS-WMI 3.1.4.4.1] Reset: back to the first object.
#[derive(Clone, Copy, Debug)]
pub struct Reset;

impl Operation for Reset {
    const INTERFACE: Interface = Interface::orpc(IID_IENUM_WBEM_CLASS_OBJECT);
    const OPNUM: u16 = 3;
    const NAME: &'static str = "IEnumWbemClassObject::Reset";
    type Request = NoParameters;
    type Response = HResult;
}

/// [MS-WMI 3.1.4.4.4] Clone: a second enumerator at the same place.
#[derive(Clone, Copy, Debug)]
pub struct CloneEnumerator;

impl Operation for CloneEnumerator {
    const INTERFACE: Interface = Interface::orpc(IID_IENUM_WBEM_CLASS_OBJECT);
    const OPNUM: u16 = 6;
    const NAME: &'static str = "IEnumWbemClassObject::Clone";
    type Request = NoParameters;
    type Response = InterfaceResponse;
}

/// [MS-WMI 3.1.4.4.5] Skip: goes over objects. Not in any capture.
#[derive(Clone, Copy, Debug)]
pub struct Skip;

impl Operation for Skip {
    const INTERFACE: Interface = Interface::orpc(IID_IENUM_WBEM_CLASS_OBJECT);
    const OPNUM: u16 = 7;
    const NAME: &'static str = "IEnumWbemClassObject::Skip";
    type Request = NextRequest;
    type Response = HResult;
}

/// [MS-WMI 3.1.4.4.2] Next. No capture of Windows shows it; witnessed by foreign clients and a foreign simulator.
#[derive(Clone, Copy, Debug)]
pub struct Next;

impl Operation for Next {
    const INTERFACE: Interface = Interface::orpc(IID_IENUM_WBEM_CLASS_OBJECT);
    const OPNUM: u16 = 4;
    const NAME: &'static str = "IEnumWbemClassObject::Next";
    type Request = NextRequest;
    type Response = NextResponse;
}

/// How long to wait and for how many, the request of Next and Skip.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct NextRequest {
    /// Milliseconds; -1 (WBEM_INFINITE) for ever, 0 (WBEM_NO_WAIT) not at all.
    pub timeout: i32,
    /// How many objects.
    pub count: u32,
}

impl Wire for NextRequest {
    fn decode(r: &mut Reader) -> Result<Self, WireError> {
        Ok(Self { timeout: r.ndr_i32("lTimeout")?, count: r.ndr_u32("uCount")? })
    }

    fn encode(&self, w: &mut Writer) {
        w.ndr_i32(self.timeout);
        w.ndr_u32(self.count);
    }
}

/// The objects, in order. NULL pointers in the array are dropped.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NextResponse {
    /// The maximum count of the array: uCount of the request. Nothing is checked against it.
    pub requested: u32,
    /// The objects, each an IWbemClassObject by value.
    pub objects: Vec<MInterfacePointer>,
    /// puReturned, which should be the number of objects.
    pub returned: u32,
    /// How the call went: S_OK, WBEM_S_FALSE, WBEM_S_TIMEDOUT or an error.
    pub status: HResult,
}

impl NextResponse {
    /// A response to a request of `requested` objects.
    #[must_use]
    pub fn new(requested: u32, objects: Vec<MInterfacePointer>, status: HResult) -> Self {
        Self { requested, returned: u32::try_from(objects.len()).unwrap_or(u32::MAX), objects, status }
    }
}

impl Wire for NextResponse {
    fn decode(r: &mut Reader) -> Result<Self, WireError> {
        const WHAT: &str = "apObjects";
        let (requested, offset) = (r.ndr_u32(WHAT)?, r.u32(WHAT)?);
        let count = r.ndr_count(4, WHAT)?;
        if offset != 0 {
            return Err(r.bad("apObjects offset"));
        }
        let mut present = 0_usize;
        for _ in 0..count {
            present += usize::from(r.ndr_pointer(WHAT)?);
        }
        let objects = (0..present).map(|_| MInterfacePointer::decode(r)).collect::<Result<_, _>>()?;
        Ok(Self { requested, objects, returned: r.ndr_u32("puReturned")?, status: HResult::decode(r)? })
    }

    fn encode(&self, w: &mut Writer) {
        w.ndr_u32(self.requested);
        w.u32(0);
        w.len32(self.objects.len());
        for _ in &self.objects {
            w.referent();
        }
        for object in &self.objects {
            object.encode(w);
        }
        w.ndr_u32(self.returned);
        self.status.encode(w);
    }
}

//! IWbemClassObject, marshalled by value: an OBJREF_CUSTOM around an EncodingUnit of [MS-WMIO].

use bytes::Bytes;

use crate::wire::dcom::{MInterfacePointer, ObjRef, ObjRefBody};
use crate::wire::guid::{CLSID_WBEM_CLASS_OBJECT, IID_IWBEM_CLASS_OBJECT};
use crate::wire::{WireError, WireErrorKind};

/// [MS-WMI 2.2.4] IWbemClassObject.
impl MInterfacePointer {
    /// Marshals an object; `encoding_unit` is a whole EncodingUnit ([MS-WMIO 2.2.1]).
    #[must_use]
    pub fn from_wbem_object(encoding_unit: Bytes) -> Self {
        Self::new(&ObjRef::custom(IID_IWBEM_CLASS_OBJECT, CLSID_WBEM_CLASS_OBJECT, encoding_unit))
    }

    /// The EncodingUnit of an object, not decoded.
    ///
    /// # Errors
    /// Why the OBJREF does not decode; `Unsupported` when it is not such an object.
    pub fn wbem_object(&self) -> Result<Bytes, WireError> {
        match self.objref()?.body {
            ObjRefBody::Custom { clsid, data, .. } if clsid == CLSID_WBEM_CLASS_OBJECT => Ok(data),
            _ => Err(WireError::new(WireErrorKind::Unsupported, "OBJREF that is no IWbemClassObject", 0)),
        }
    }
}

//! What the activator answers, in short form.

use super::ActivationProperties;
use super::properties::{PropsOutInfo, PropsOutInterface, ScmReplyInfoData};
use crate::wire::dcom::{ComVersion, DualStringArray, MInterfacePointer, ObjRef};
use crate::wire::{Guid, HResult, WireError};

/// Where the object lives and the references to it: ScmReplyInfoData and PropsOutInfo in one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ActivationReply {
    /// The object exporter.
    pub oxid: u64,
    /// Its IRemUnknown.
    pub ipid_rem_unknown: Guid,
    /// Where it listens.
    pub bindings: DualStringArray,
    /// The lowest authentication level that it takes ([MS-RPCE 2.2.1.1.8]).
    pub authn_hint: u32,
    /// Its version.
    pub server_version: ComVersion,
    /// One result per interface, in the order of the request.
    pub interfaces: Vec<InterfaceResult>,
}

/// One interface of the new object.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct InterfaceResult {
    /// The interface.
    pub iid: Guid,
    /// S_OK, or why there is no reference.
    pub result: HResult,
    /// The reference.
    pub objref: Option<ObjRef>,
}

impl ActivationReply {
    /// Reads the two properties, wherever they stand.
    ///
    /// # Errors
    /// `BadValue` when one is missing, or why one does not decode.
    pub fn from_properties(properties: &ActivationProperties) -> Result<Self, WireError> {
        let scm: ScmReplyInfoData = properties.require("ScmReplyInfoData")?;
        let out: PropsOutInfo = properties.require("PropsOutInfo")?;
        let mut interfaces = Vec::new();
        for PropsOutInterface { iid, result, pointer } in out.interfaces {
            let objref = pointer.map(|pointer| pointer.objref()).transpose()?;
            interfaces.push(InterfaceResult { iid, result, objref });
        }
        Ok(Self {
            oxid: scm.oxid,
            ipid_rem_unknown: scm.ipid_rem_unknown,
            bindings: scm.bindings,
            authn_hint: scm.authn_hint,
            server_version: scm.server_version,
            interfaces,
        })
    }

    /// The two properties, in the order of Windows.
    #[must_use]
    pub fn to_properties(&self) -> ActivationProperties {
        let interfaces = self.interfaces.iter().map(|interface| PropsOutInterface {
            iid: interface.iid,
            result: interface.result,
            pointer: interface.objref.as_ref().map(MInterfacePointer::new),
        });
        let mut properties = ActivationProperties::new();
        properties.push(&PropsOutInfo { interfaces: interfaces.collect() });
        properties.push(&ScmReplyInfoData {
            oxid: self.oxid,
            bindings: self.bindings.clone(),
            ipid_rem_unknown: self.ipid_rem_unknown,
            authn_hint: self.authn_hint,
            server_version: self.server_version,
        });
        properties
    }
}

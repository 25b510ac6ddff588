//! What a client asks of the activator, in short form.

use super::properties::{
    ActivationContextInfoData, Context, InstantiationInfoData, LocationInfoData, ScmRequestInfoData,
    SpecialPropertiesData,
};
use super::{ActivationProperties, RemoteCreateInstanceRequest};
use crate::wire::dcom::ComVersion;
use crate::wire::{Guid, WireError};

/// CLSCTX_LOCAL_SERVER | CLSCTX_REMOTE_SERVER, what Windows asks for.
const CLASS_CTX: u32 = 0x14;

/// The parts of an activation that matter.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ActivationRequest {
    /// The class.
    pub clsid: Guid,
    /// The interfaces wanted, 1 to 0x8000.
    pub iids: Vec<Guid>,
    /// The client's version.
    pub client_version: ComVersion,
    /// Identifies the client's context; any fresh GUID.
    pub context_id: Guid,
}

impl ActivationRequest {
    /// The properties that Windows sends, in its order, without SecurityInfoData, which should not be sent.
    #[must_use]
    pub fn to_request(&self) -> RemoteCreateInstanceRequest {
        let mut properties = ActivationProperties::new();
        properties.push(&SpecialPropertiesData::new(CLASS_CTX));
        properties.push(&InstantiationInfoData {
            class_id: self.clsid,
            class_ctx: CLASS_CTX,
            actv_flags: 0,
            iids: self.iids.clone(),
            client_version: self.client_version,
        });
        let client_ctx = Some(Context::empty(self.context_id).to_pointer());
        properties.push(&ActivationContextInfoData { client_ctx, prototype_ctx: None });
        properties.push(&LocationInfoData::default());
        properties.push(&ScmRequestInfoData::tcp());
        RemoteCreateInstanceRequest { properties }
    }

    /// What a server needs of a request; the optional context identifier is NULL when it is not there.
    ///
    /// # Errors
    /// `BadValue` without InstantiationInfoData, or why it does not decode.
    pub fn from_request(request: &RemoteCreateInstanceRequest) -> Result<Self, WireError> {
        let info: InstantiationInfoData = request.properties.require("InstantiationInfoData")?;
        let context = request.properties.get::<ActivationContextInfoData>()?;
        let context_id = context.and_then(|info| Context::from_pointer(info.client_ctx.as_ref()?)).map(|c| c.id);
        Ok(Self {
            clsid: info.class_id,
            iids: info.iids,
            client_version: info.client_version,
            context_id: context_id.unwrap_or(Guid::NULL),
        })
    }
}

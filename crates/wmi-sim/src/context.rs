//! What an IWbemContext asks of the host ([MS-WMI 2.2.13]).

use wmi_proto::cim::CimValue;
use wmi_proto::wire::HResult;
use wmi_proto::wire::dcom::MInterfacePointer;
use wmi_proto::wire::wmi::WbemContext;

use crate::login;

/// The context of a call.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Context(Option<WbemContext>);

impl Context {
    /// The context that a call has or has not.
    pub(crate) fn read(pointer: Option<&MInterfacePointer>) -> Result<Self, HResult> {
        let context = pointer.map(MInterfacePointer::wbem_context).transpose();
        Ok(Self(context.map_err(|_| HResult::WBEM_E_INVALID_CONTEXT)?))
    }

    /// The value called `name`.
    pub(crate) fn get(&self, name: &str) -> Option<&CimValue> {
        self.0.as_ref()?.get(name)
    }

    /// Whether providers of 32 bits are wanted; the host has those and its own of 64 bits.
    pub(crate) fn wants_32_bits(&self) -> bool {
        self.architecture() == Some(32)
    }

    fn architecture(&self) -> Option<i64> {
        self.get("__ProviderArchitecture")?.as_i64()
    }

    /// Whether there is a provider of the architecture that is required.
    pub(crate) fn provider(&self) -> Result<(), HResult> {
        let required = self.get("__RequiredArchitecture").and_then(CimValue::as_bool).unwrap_or(false);
        match self.architecture() {
            Some(32 | 64) => Ok(()),
            Some(_) if required => Err(HResult::WBEM_E_PROVIDER_LOAD_FAILURE),
            _ => Ok(()),
        }
    }

    /// The languages of texts: those of the context before those of the log-on.
    pub(crate) fn languages(&self, of_login: &[u16]) -> Vec<u16> {
        let own = self.get("__MI_DESTINATIONOPTIONS_UI_LOCALE").and_then(CimValue::as_str);
        own.map_or_else(|| of_login.to_vec(), |locale| login::languages(&locale))
    }
}

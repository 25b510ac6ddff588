//! IWbemLevel1Login and IWbemLoginClientID: from the activated object to the services of a namespace.

use super::InterfaceResponse;
use crate::wire::dcom::MInterfacePointer;
use crate::wire::guid::{IID_IWBEM_LEVEL1_LOGIN, IID_IWBEM_LOGIN_CLIENT_ID};
use crate::wire::{HResult, Interface, Operation, Reader, Wire, WireError, Writer};

/// [MS-WMI 3.1.4.1.1] EstablishPosition: does nothing but say how locales are dealt with.
#[derive(Clone, Copy, Debug)]
pub struct EstablishPosition;

impl Operation for EstablishPosition {
    const INTERFACE: Interface = Interface::orpc(IID_IWBEM_LEVEL1_LOGIN);
    const OPNUM: u16 = 3;
    const NAME: &'static str = "IWbemLevel1Login::EstablishPosition";
    type Request = EstablishPositionRequest;
    type Response = EstablishPositionResponse;
}

/// Two reserved parameters.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct EstablishPositionRequest {
    /// NULL; ignored.
    pub reserved1: Option<String>,
    /// 0; ignored.
    pub reserved2: u32,
}

impl Wire for EstablishPositionRequest {
    fn decode(r: &mut Reader) -> Result<Self, WireError> {
        Ok(Self { reserved1: r.ndr_optional_wide_string("reserved1")?, reserved2: r.ndr_u32("reserved2")? })
    }

    fn encode(&self, w: &mut Writer) {
        w.ndr_optional_wide_string(self.reserved1.as_deref());
        w.ndr_u32(self.reserved2);
    }
}

/// What the server does with locales.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct EstablishPositionResponse {
    /// 1 when unknown locales are ignored, 0 when they are an error.
    pub locale_version: u32,
    /// How the call went; E_NOTIMPL is usual too.
    pub status: HResult,
}

impl Wire for EstablishPositionResponse {
    fn decode(r: &mut Reader) -> Result<Self, WireError> {
        Ok(Self { locale_version: r.ndr_u32("LocaleVersion")?, status: HResult::decode(r)? })
    }

    fn encode(&self, w: &mut Writer) {
        w.ndr_u32(self.locale_version);
        self.status.encode(w);
    }
}

/// [MS-WMI 3.1.4.1.4] NTLMLogin, whatever the authentication; the pointer is IWbemServices.
#[derive(Clone, Copy, Debug)]
pub struct NtlmLogin;

impl Operation for NtlmLogin {
    const INTERFACE: Interface = Interface::orpc(IID_IWBEM_LEVEL1_LOGIN);
    const OPNUM: u16 = 6;
    const NAME: &'static str = "IWbemLevel1Login::NTLMLogin";
    type Request = NtlmLoginRequest;
    type Response = InterfaceResponse;
}

/// Names a namespace.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct NtlmLoginRequest {
    /// The namespace: `//./root/cimv2`, or with the name of the server.
    pub network_resource: Option<String>,
    /// Locales in order of preference ([MS-WMI 2.2.29]), separated by commas.
    pub preferred_locale: Option<String>,
    /// 0.
    pub flags: i32,
    /// An IWbemContext by value.
    pub context: Option<MInterfacePointer>,
}

impl Wire for NtlmLoginRequest {
    fn decode(r: &mut Reader) -> Result<Self, WireError> {
        Ok(Self {
            network_resource: r.ndr_optional_wide_string("wszNetworkResource")?,
            preferred_locale: r.ndr_optional_wide_string("wszPreferredLocale")?,
            flags: r.ndr_i32("lFlags")?,
            context: MInterfacePointer::decode_optional(r)?,
        })
    }

    fn encode(&self, w: &mut Writer) {
        w.ndr_optional_wide_string(self.network_resource.as_deref());
        w.ndr_optional_wide_string(self.preferred_locale.as_deref());
        w.ndr_i32(self.flags);
        MInterfacePointer::encode_optional(self.context.as_ref(), w);
    }
}

/// [MS-WMI 3.1.4.8.1] SetClientInfo: who calls, for the log of the host.
#[derive(Clone, Copy, Debug)]
pub struct SetClientInfo;

impl Operation for SetClientInfo {
    const INTERFACE: Interface = Interface::orpc(IID_IWBEM_LOGIN_CLIENT_ID);
    const OPNUM: u16 = 3;
    const NAME: &'static str = "IWbemLoginClientID::SetClientInfo";
    type Request = SetClientInfoRequest;
    type Response = HResult;
}

/// Who calls.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct SetClientInfoRequest {
    /// The NetBIOS name of the client.
    pub client_machine: Option<String>,
    /// A number of the client's choice, usually that of its process.
    pub client_process: i32,
    /// 0; ignored.
    pub reserved: i32,
}

impl Wire for SetClientInfoRequest {
    fn decode(r: &mut Reader) -> Result<Self, WireError> {
        Ok(Self {
            client_machine: r.ndr_optional_wide_string("wszClientMachine")?,
            client_process: r.ndr_i32("lClientProcId")?,
            reserved: r.ndr_i32("lReserved")?,
        })
    }

    fn encode(&self, w: &mut Writer) {
        w.ndr_optional_wide_string(self.client_machine.as_deref());
        w.ndr_i32(self.client_process);
        w.ndr_i32(self.reserved);
    }
}

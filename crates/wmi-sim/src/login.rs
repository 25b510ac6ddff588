//! IWbemLevel1Login and IWbemLoginClientID: locales, who calls, and into which namespace.

use wmi_proto::wire::HResult;
use wmi_proto::wire::wmi::InterfaceResponse;
use wmi_proto::wire::wmi::login::{
    EstablishPositionRequest, EstablishPositionResponse, NtlmLoginRequest, SetClientInfoRequest,
};

use crate::Fault;
use crate::classes::ENGLISH;
use crate::context::Context;
use crate::machine::Machine;
use crate::services::{created, export_services, refused};

/// Locale names ([MS-LCID]) that the host knows, and their LCIDs.
const LOCALE_NAMES: [(&str, u16); 4] = [("en-US", ENGLISH), ("en", ENGLISH), ("de-DE", 0x407), ("de", 0x407)];

/// IWbemLevel1Login::EstablishPosition: unknown locales are ignored.
pub(crate) fn establish_position(_: EstablishPositionRequest, machine: &mut Machine) -> EstablishPositionResponse {
    if machine.has(Fault::EstablishPositionNotImplemented) {
        return EstablishPositionResponse { locale_version: 0, status: HResult::E_NOTIMPL };
    }
    EstablishPositionResponse { locale_version: 1, status: HResult::S_OK }
}

/// IWbemLevel1Login::NTLMLogin ([MS-WMI 3.1.4.1.4]).
pub(crate) fn ntlm_login(request: NtlmLoginRequest, machine: &mut Machine) -> InterfaceResponse {
    let NtlmLoginRequest { network_resource: Some(path), flags: 0, preferred_locale, context } = request else {
        return refused(HResult::WBEM_E_INVALID_PARAMETER);
    };
    if let Err(status) = Context::read(context.as_ref()) {
        return refused(status);
    }
    let preferred = preferred_locale.unwrap_or_default();
    // A host that knows nothing of locale names knows nothing of lists either.
    let strict = machine.has(Fault::EstablishPositionNotImplemented);
    if strict && !preferred.is_empty() && lcid(&preferred).is_none_or(|_| !preferred.starts_with("MS_")) {
        return refused(HResult::WBEM_E_INVALID_PARAMETER);
    }
    match machine.repository.login(&path) {
        Ok(namespace) => created(export_services(namespace, languages(&preferred), machine)),
        Err(error) => refused(error.status()),
    }
}

/// IWbemLoginClientID::SetClientInfo ([MS-WMI 3.1.4.8.1]).
pub(crate) fn set_client_info(request: SetClientInfoRequest, machine: &mut Machine) -> HResult {
    let Some(name) = request.client_machine else {
        return HResult::WBEM_E_INVALID_PARAMETER;
    };
    machine.stats.client_info = Some((name, request.client_process));
    HResult::S_OK
}

/// The LCIDs of locales between commas, those that are known, and at last the language of the machine.
pub(crate) fn languages(preferred: &str) -> Vec<u16> {
    let mut languages: Vec<u16> = preferred.split(',').filter_map(lcid).collect();
    if !languages.contains(&ENGLISH) {
        languages.push(ENGLISH);
    }
    languages
}

/// [MS-WMI 2.2.29] the LCID of `MS_409` or `en-US`.
fn lcid(locale: &str) -> Option<u16> {
    let locale = locale.trim();
    match locale.get(..3) {
        Some(prefix) if prefix.eq_ignore_ascii_case("MS_") => u16::from_str_radix(locale.get(3..)?, 16).ok(),
        _ => LOCALE_NAMES.iter().find(|(name, _)| name.eq_ignore_ascii_case(locale)).map(|&(_, lcid)| lcid),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn locales_are_taken_in_their_order() {
        assert_eq!(languages(""), [0x409]);
        assert_eq!(languages("MS_407,MS_409"), [0x407, 0x409]);
        assert_eq!(languages("ms_407"), [0x407, 0x409]);
        assert_eq!(languages("xx-XX, de-de ,MS_zz"), [0x407, 0x409]);
        assert_eq!(languages("MS_80c"), [0x80c, 0x409]);
    }
}

//! Methods, contexts, languages and quotas of the host, in raw calls.

mod script;

use script::Session;

use wmi_proto::cim::{CimClass, CimObject, CimType, CimValue, ClassBuilder, InstanceBuilder, PropertyBuilder};
use wmi_proto::wire::dcom::MInterfacePointer;
use wmi_proto::wire::wmi::login::{EstablishPositionRequest, NtlmLoginRequest, SetClientInfoRequest};
use wmi_proto::wire::wmi::services::{
    ExecMethodRequest, ExecQueryRequest, PathRequest, WBEM_FLAG_RETURN_IMMEDIATELY, WBEM_FLAG_USE_AMENDED_QUALIFIERS,
};
use wmi_proto::wire::wmi::{
    EstablishPosition, ExecMethod, ExecQuery, GetObject, InOutInterface, NtlmLogin, OpenNamespace, SetClientInfo,
    WbemContext,
};
use wmi_proto::wire::{Guid, HResult, Interface, guid};
use wmi_sim::Fault;

/// A session in root/cimv2.
struct Wmi {
    session: Session,
    services: Guid,
}

impl Wmi {
    fn open() -> Self {
        let mut session = Session::open(&[]).unwrap();
        let services = session.services("root/cimv2").unwrap();
        Self { session, services }
    }

    fn get(&mut self, request: &PathRequest) -> Result<CimObject, HResult> {
        let answer = self.session.call::<GetObject>(self.services, request).unwrap();
        object(answer.object.interface(), answer.status).map(|object| object.expect("an object"))
    }

    fn class(&mut self, name: &str) -> CimObject {
        self.get(&PathRequest::new(name)).unwrap()
    }

    /// The in-parameters of a method; what `values` leaves out has the default of its declaration.
    fn input(&mut self, class: &str, method: &str, values: &[(&str, CimValue)]) -> Option<MInterfacePointer> {
        let class = self.class(class);
        let signature = class.class().method(method).expect("a method").input().unwrap()?;
        let set = |builder: InstanceBuilder, (name, value): &(&str, CimValue)| builder.set(*name, value.clone());
        let input = values.iter().fold(InstanceBuilder::new(signature.class()), set).build().unwrap();
        Some(MInterfacePointer::from_wbem_object(input.encode_unit()))
    }

    fn exec(&mut self, request: &ExecMethodRequest) -> Result<Option<CimObject>, HResult> {
        let answer = self.session.call::<ExecMethod>(self.services, request).unwrap();
        object(answer.object.interface(), answer.status)
    }

    /// Calls a method of a class, or of an instance of `class` at `path`.
    fn call(
        &mut self,
        (path, class, method): (&str, &str, &str),
        values: &[(&str, CimValue)],
        context: Option<&WbemContext>,
    ) -> Result<Option<CimObject>, HResult> {
        let input = self.input(class, method, values);
        let context = context.map(MInterfacePointer::from_wbem_context);
        self.exec(&ExecMethodRequest { context, ..ExecMethodRequest::new(path, method, input) })
    }

    /// A static method whose call succeeds and gives something.
    fn good(&mut self, class: &str, method: &str, values: &[(&str, CimValue)]) -> CimObject {
        self.call((class, class, method), values, None).unwrap().expect("out-parameters")
    }

    fn registry(&mut self, method: &str, key: &str, value: &str, context: Option<&WbemContext>) -> CimObject {
        let mut values = vec![("sSubKeyName", CimValue::from(key))];
        if !method.starts_with("Enum") {
            values.push(("sValueName", value.into()));
        }
        self.call(("StdRegProv", "StdRegProv", method), &values, context).unwrap().expect("out-parameters")
    }
}

fn object(pointer: Option<&MInterfacePointer>, status: HResult) -> Result<Option<CimObject>, HResult> {
    assert!(status.is_success() || pointer.is_none(), "an object of a failed call");
    if !status.is_success() {
        return Err(status);
    }
    Ok(pointer.map(|pointer| CimObject::decode_unit(pointer.wbem_object().unwrap()).unwrap()))
}

fn value(object: &CimObject, name: &str) -> CimValue {
    object.get(name).expect("a property").unwrap()
}

fn code(object: &CimObject) -> u64 {
    value(object, "ReturnValue").as_u64().expect("a number")
}

fn text(object: &CimObject, name: &str) -> String {
    value(object, name).as_str().expect("a text").into_owned()
}

fn qualifier(class: &CimClass, property: &str, name: &str) -> Option<CimValue> {
    let (_, property) = class.property(property).expect("a property");
    property.qualifier(name).map(|qualifier| qualifier.value().unwrap())
}

#[test]
fn a_process_is_created_found_and_ended() {
    let mut wmi = Wmi::open();
    let line = "\"C:\\Program Files\\a b.exe\" /x";
    let created = wmi.good("Win32_Process", "Create", &[("CommandLine", line.into())]);
    assert_eq!(code(&created), 0);
    let id = value(&created, "ProcessId").as_u64().unwrap();
    let path = format!("Win32_Process.Handle=\"{id}\"");
    let process = wmi.get(&PathRequest::new(&path)).unwrap();
    assert_eq!((text(&process, "Name"), text(&process, "CommandLine")), ("a b.exe".to_owned(), line.to_owned()));
    assert_eq!(value(&process, "ProcessId").as_u64(), Some(id));
    assert!(value(&process, "CreationDate").as_datetime().is_some());
    let second = wmi.good("Win32_Process", "Create", &[("CommandLine", "cmd".into())]);
    assert_eq!(value(&second, "ProcessId").as_u64(), Some(id + 4));

    let owner = wmi.call((&path, "Win32_Process", "GetOwner"), &[], None).unwrap().unwrap();
    assert_eq!((text(&owner, "Domain"), text(&owner, "User")), ("NT AUTHORITY".to_owned(), "SYSTEM".to_owned()));
    let ended = wmi.call((&path, "Win32_Process", "Terminate"), &[("Reason", 1_u32.into())], None).unwrap().unwrap();
    assert_eq!(code(&ended), 0);
    assert_eq!(wmi.get(&PathRequest::new(&path)), Err(HResult::WBEM_E_NOT_FOUND));
    assert!(wmi.get(&PathRequest::new(&format!("Win32_Process.Handle=\"{}\"", id + 4))).is_ok());

    let nothing = wmi.good("Win32_Process", "Create", &[]);
    assert_eq!((code(&nothing), value(&nothing, "ProcessId")), (21, CimValue::Null));
    let nowhere = [("CommandLine", CimValue::from("cmd")), ("CurrentDirectory", "Z:\\".into())];
    assert_eq!(code(&wmi.good("Win32_Process", "Create", &nowhere)), 9);
    let system = ("Win32_Process.Handle=\"4\"", "Win32_Process", "Terminate");
    assert_eq!(code(&wmi.call(system, &[], None).unwrap().unwrap()), 2);
}

#[test]
fn services_start_and_stop() {
    let mut wmi = Wmi::open();
    let mut tell = |method: &str, values: &[(&str, CimValue)]| {
        let done = wmi.call(("Win32_Service=\"BITS\"", "Win32_Service", method), values, None).unwrap().unwrap();
        let service = wmi.get(&PathRequest::new("Win32_Service.Name=\"BITS\"")).unwrap();
        (code(&done), text(&service, "State"), text(&service, "StartMode"))
    };
    let is = |code: u64, state: &str, mode: &str| (code, state.to_owned(), mode.to_owned());
    assert_eq!(tell("StartService", &[]), is(10, "Running", "Auto"));
    assert_eq!(tell("StopService", &[]), is(0, "Stopped", "Auto"));
    assert_eq!(tell("StopService", &[]), is(5, "Stopped", "Auto"));
    assert_eq!(tell("ChangeStartMode", &[("StartMode", "Disabled".into())]), is(0, "Stopped", "Disabled"));
    assert_eq!(tell("StartService", &[]), is(14, "Stopped", "Disabled"));
    assert_eq!(tell("ChangeStartMode", &[("StartMode", "Sometimes".into())]), is(21, "Stopped", "Disabled"));
    assert_eq!(tell("ChangeStartMode", &[("StartMode", "Manual".into())]), is(0, "Stopped", "Manual"));
    assert_eq!(tell("StartService", &[]), is(0, "Running", "Manual"));
}

/// A result set is what it was when the query was made.
#[test]
fn an_enumeration_does_not_see_what_happens_meanwhile() {
    let mut wmi = Wmi::open();
    let running = "SELECT Name FROM Win32_Service WHERE State = 'Running'";
    let before = wmi.session.query(wmi.services, running).unwrap();
    wmi.call(("Win32_Service=\"BITS\"", "Win32_Service", "StopService"), &[], None).unwrap();
    let after = wmi.session.query(wmi.services, running).unwrap();
    let count = |session: &mut Session, enumerator| {
        let request = wmi_proto::wire::wmi::enumerator::NextRequest { timeout: 0, count: 100 };
        session.call::<wmi_proto::wire::wmi::Next>(enumerator, &request).unwrap().objects.len()
    };
    let counts = (count(&mut wmi.session, before), count(&mut wmi.session, after));
    assert_eq!(counts.0, counts.1 + 1);
}

#[test]
fn the_registry_has_two_views_and_a_context_chooses() {
    let mut wmi = Wmi::open();
    let narrow = WbemContext::new().with("__ProviderArchitecture", 32).with("__RequiredArchitecture", true);
    let wide = WbemContext::new().with("__providerarchitecture", 64);
    for (context, view, keys) in [
        (None, "64 bits", vec!["Empty", "Only64"]),
        (Some(&wide), "64 bits", vec!["Empty", "Only64"]),
        (Some(&narrow), "32 bits", vec!["Only32"]),
    ] {
        let found = wmi.registry("GetStringValue", "SOFTWARE\\Sim", "View", context);
        assert_eq!((code(&found), text(&found, "sValue").as_str()), (0, view));
        let found = wmi.registry("EnumKey", "SOFTWARE\\Sim", "", context);
        assert_eq!(value(&found, "sNames"), keys.into());
    }
    let other = WbemContext::new().with("__ProviderArchitecture", 128).with("__RequiredArchitecture", true);
    let values = [("sSubKeyName", CimValue::from("SOFTWARE"))];
    let refused = wmi.call(("StdRegProv", "StdRegProv", "EnumKey"), &values, Some(&other));
    assert_eq!(refused, Err(HResult::WBEM_E_PROVIDER_LOAD_FAILURE));
    let lenient = WbemContext::new().with("__ProviderArchitecture", 128);
    assert!(wmi.call(("StdRegProv", "StdRegProv", "EnumKey"), &values, Some(&lenient)).is_ok());
}

#[test]
fn services_have_keys_and_some_have_triggers() {
    let mut wmi = Wmi::open();
    let services = "SYSTEM\\CurrentControlSet\\Services";
    let names = |found: &CimObject| {
        value(found, "sNames")
            .as_array()
            .into_iter()
            .flatten()
            .filter_map(|name| Some(name.as_str()?.into_owned()))
            .collect()
    };
    let all: Vec<String> = names(&wmi.registry("EnumKey", services, "", None));
    let mut triggered = Vec::new();
    for name in &all {
        let found = wmi.registry("EnumKey", &format!("{services}\\{name}\\TriggerInfo"), "", None);
        if code(&found) == 0 {
            triggered.push(name.as_str());
        } else {
            assert_eq!(code(&found), 2, "{name}");
        }
    }
    assert_eq!(triggered, ["Dnscache", "LanmanServer", "RemoteRegistry", "W32Time", "wuauserv"]);
    for name in ["BITS", "MSSQLSERVER", "SimBroken", "Tcpip"] {
        assert!(all.iter().any(|own| own == name), "{name}");
    }
    let time = format!("{services}\\W32Time\\TriggerInfo");
    assert_eq!(names(&wmi.registry("EnumKey", &time, "", None)), ["0", "1"]);
    let action = wmi.registry("GetDWORDValue", &format!("{time}\\1"), "Action", None);
    assert_eq!((code(&action), value(&action, "uValue")), (0, 2_u32.into()), "it ends with the membership");
    let start = wmi.registry("GetDWORDValue", &format!("{services}\\RemoteRegistry"), "Start", None);
    assert_eq!(value(&start, "uValue"), 4_u32.into(), "as its row says");
}

#[test]
fn values_of_the_registry_have_their_types() {
    let mut wmi = Wmi::open();
    let sim = "SOFTWARE\\Sim";
    let mut get = |method: &str, name: &str, out: &str| {
        let found = wmi.registry(method, sim, name, None);
        (code(&found), value(&found, out))
    };
    assert_eq!(get("GetStringValue", "", "sValue"), (0, "the default value".into()));
    assert_eq!(get("GetStringValue", "text", "sValue"), (0, "Grüße – 日本語".into()));
    assert_eq!(get("GetStringValue", "Empty", "sValue"), (0, "".into()));
    assert_eq!(get("GetExpandedStringValue", "Expandable", "sValue"), (0, "C:\\Windows\\sim".into()));
    assert_eq!(get("GetDWORDValue", "Number", "uValue"), (0, u32::MAX.into()));
    assert_eq!(get("GetQWORDValue", "Large", "uValue"), (0, u64::MAX.into()));
    assert_eq!(get("GetMultiStringValue", "Lines", "sValue"), (0, vec!["one", "zwei", "三"].into()));
    assert_eq!(get("GetMultiStringValue", "No lines", "sValue"), (0, CimValue::Array(Vec::new())));
    assert_eq!(get("GetBinaryValue", "Octets", "uValue"), (0, vec![0_u8, 1, 0x7f, 0x80, 0xff].into()));
    assert_eq!(get("GetDWORDValue", "Text", "uValue"), (1, CimValue::Null));
    assert_eq!(get("GetDWORDValue", "Nothing", "uValue"), (2, CimValue::Null));
    let nothing = wmi.registry("EnumValues", "SOFTWARE\\Sim\\Empty", "", None);
    assert_eq!((code(&nothing), value(&nothing, "sNames")), (0, CimValue::Null));
    let all = wmi.registry("EnumValues", sim, "", None);
    assert_eq!(value(&all, "Types"), vec![1, 1, 1, 1, 2, 4, 11, 7, 7, 3].into());
    assert_eq!(code(&wmi.registry("EnumKey", "SOFTWARE\\None", "", None)), 2);
    let root = [("hDefKey", CimValue::Uint32(7)), ("sSubKeyName", "x".into())];
    assert_eq!(code(&wmi.good("StdRegProv", "EnumKey", &root)), 6);
}

#[test]
fn methods_give_back_what_they_were_given() {
    let mut wmi = Wmi::open();
    let point = wmi.class("Sim_Point");
    let point = CimObject::instance(point.class(), [("X", CimValue::Sint32(-3)), ("Label", "Ω".into())]).unwrap();
    let scalars = [
        ("ASint8", CimValue::Sint8(-128)),
        ("AUint64", u64::MAX.into()),
        ("AReal32", f32::NAN.into()),
        ("AChar16", CimValue::Char16(0xffff)),
        ("ADateTime", CimValue::DateTime("20250607080910.111213-300".into())),
        ("AReference", CimValue::Reference("Sim_Thing.Name=\"x\"".into())),
        ("AObject", point.clone().into()),
    ];
    let back = wmi.good("Sim_Methods", "EchoScalars", &scalars);
    for (name, given) in &scalars {
        assert_eq!(value(&back, name), *given, "{name}");
    }
    assert_eq!(value(&back, "AString"), CimValue::Null);
    let arrays = [
        ("AUint8", CimValue::from(vec![0_u8, 255])),
        ("AString", CimValue::Array(vec!["a".into(), CimValue::Null, "".into()])),
        ("AReal64", Vec::<f64>::new().into()),
        ("AObject", vec![point.clone(), point.clone()].into()),
    ];
    let back = wmi.good("Sim_Methods", "EchoArrays", &arrays);
    for (name, given) in &arrays {
        assert_eq!(value(&back, name), *given, "{name}");
    }
    // The default of a parameter, one that is NULL, and one that overrides.
    let repeat =
        |wmi: &mut Wmi, values: &[(&str, CimValue)]| text(&wmi.good("Sim_Methods", "Repeat", values), "ReturnValue");
    assert_eq!(repeat(&mut wmi, &[("Text", "ab".into())]), "abab");
    let three = [("Text", "ab".into()), ("Times", 3_u32.into()), ("Separator", ",".into())];
    assert_eq!(repeat(&mut wmi, &three), "ab,ab,ab");
    assert_eq!(value(&wmi.good("Sim_Methods", "Yes", &[]), "ReturnValue"), true.into());
    assert_eq!(wmi.call(("Sim_Methods", "Sim_Methods", "Nothing"), &[], None), Ok(None));
    assert_eq!(wmi.call(("Sim_Methods", "Sim_Methods", "Swallow"), &[("Text", "x".into())], None), Ok(None));

    let second = "Sim_Methods.Name=\"it's \\\"second\\\", a=b\\\\c\"";
    for calls in 1..3 {
        let who = wmi.call((second, "Sim_Methods", "Who"), &[], None).unwrap().unwrap();
        assert_eq!((code(&who), text(&who, "Path").as_str()), (calls, second));
    }
    let sum = wmi.good("Sim_Bare", "Add", &[("A", CimValue::Sint32(41))]);
    assert_eq!(value(&sum, "Sum"), 42.into());
    let described = wmi.good("Sim_Bare", "Describe", &[("Point", point.into())]);
    assert_eq!(value(&described, "Texts"), vec!["X=Sint32(-3)", "Y=Sint32(7)", "Label=Ω"].into());
}

#[test]
fn what_does_not_fit_a_method_is_refused() {
    let mut wmi = Wmi::open();
    let input = wmi.input("Sim_Methods", "Repeat", &[("Text", "x".into())]);
    let foreign = wmi.input("Sim_Bare", "Add", &[]);
    // A parameter of the right name and another type.
    let text =
        ClassBuilder::new("__PARAMETERS").property(PropertyBuilder::new("Text", CimType::UINT32)).build().unwrap();
    let typed = CimObject::instance(&text, [("Text", CimValue::Uint32(1))]).unwrap();
    let typed = Some(MInterfacePointer::from_wbem_object(typed.encode_unit()));
    let class = wmi.class("Sim_Point");
    let class = Some(MInterfacePointer::from_wbem_object(class.encode_unit()));
    let garbage = Some(MInterfacePointer { data: input.as_ref().unwrap().data.slice(..60) });
    let context = Some(MInterfacePointer { data: input.as_ref().unwrap().data.clone() });
    let request = |path, method, input| ExecMethodRequest::new(path, method, input);
    let repeat = request("Sim_Methods", "Repeat", input);
    let long = "x".repeat(4_097);
    for (request, status) in [
        (request("Sim_Methods", "Nope", None), HResult::WBEM_E_INVALID_METHOD),
        (request("Sim_Methods", "Who", None), HResult::WBEM_E_INVALID_METHOD),
        (request("Sim_Methods", "Missing", None), HResult::WBEM_E_METHOD_NOT_IMPLEMENTED),
        (request("Sim_Methods", "Disabled", None), HResult::WBEM_E_METHOD_DISABLED),
        // The class above implements it, but this one does not say so.
        (request("Win32_Service=\"TermService\"", "StopService", None), HResult::WBEM_E_METHOD_NOT_IMPLEMENTED),
        (request("Sim_Methods", "Repeat", None), HResult::WBEM_E_INVALID_METHOD_PARAMETERS),
        (request("Sim_Methods", "Repeat", foreign.clone()), HResult::WBEM_E_INVALID_METHOD_PARAMETERS),
        (request("Sim_Methods", "Repeat", typed), HResult::WBEM_E_INVALID_METHOD_PARAMETERS),
        (request("Sim_Methods", "Repeat", class), HResult::WBEM_E_INVALID_METHOD_PARAMETERS),
        (request("Sim_Methods", "Repeat", garbage), HResult::WBEM_E_INVALID_PARAMETER),
        (request("Sim_Methods", "Nothing", foreign), HResult::WBEM_E_INVALID_METHOD_PARAMETERS),
        (request("Sim_Methods.Name=\"nobody\"", "Who", None), HResult::WBEM_E_NOT_FOUND),
        (request("Sim_Nothing", "Who", None), HResult::WBEM_E_NOT_FOUND),
        (request("Sim_Methods.Other=1", "Who", None), HResult::WBEM_E_INVALID_OBJECT_PATH),
        (request("", "Who", None), HResult::WBEM_E_INVALID_PARAMETER),
        (request("Sim_Methods", "", None), HResult::WBEM_E_INVALID_PARAMETER),
        (request("Sim_Methods", &long, None), HResult::WBEM_E_QUOTA_VIOLATION),
        (request("Win32_OperatingSystem=@", "Reboot", None), HResult::WBEM_E_PROVIDER_NOT_CAPABLE),
        (ExecMethodRequest { context, ..repeat.clone() }, HResult::WBEM_E_INVALID_CONTEXT),
        (ExecMethodRequest { flags: 0x40, ..repeat.clone() }, HResult::WBEM_E_INVALID_PARAMETER),
        (ExecMethodRequest { output: InOutInterface::Absent, ..repeat.clone() }, HResult::WBEM_E_INVALID_PARAMETER),
        (
            ExecMethodRequest { flags: WBEM_FLAG_RETURN_IMMEDIATELY, ..repeat.clone() },
            HResult::WBEM_E_INVALID_PARAMETER,
        ),
        (
            ExecMethodRequest {
                flags: WBEM_FLAG_RETURN_IMMEDIATELY,
                call_result: InOutInterface::Null,
                ..repeat.clone()
            },
            HResult::WBEM_E_NOT_SUPPORTED,
        ),
    ] {
        assert_eq!(wmi.exec(&request).err(), Some(status), "{request:?}");
    }
    assert!(wmi.exec(&repeat).is_ok());
    let fail = [("Status", CimValue::Uint32(0x8004_1024))];
    let failed = wmi.call(("Sim_Methods", "Sim_Methods", "Fail"), &fail, None);
    assert_eq!(failed, Err(HResult::WBEM_E_PROVIDER_NOT_CAPABLE));
}

#[test]
fn contexts_reach_the_provider() {
    let mut wmi = Wmi::open();
    let context =
        WbemContext::new().with("Number", -7).with("Truth", true).with("Text", "größer").with("Large", u64::MAX);
    for (name, kind, shown) in [
        ("number", "sint32", "-7"),
        ("Truth", "boolean", "true"),
        ("Text", "string", "größer"),
        ("Large", "string", "18446744073709551615"),
    ] {
        let values = [("Name", CimValue::from(name))];
        let told = wmi.call(("Sim_Methods", "Sim_Methods", "Context"), &values, Some(&context)).unwrap().unwrap();
        assert_eq!((text(&told, "Type").as_str(), text(&told, "Text").as_str()), (kind, shown));
        assert_eq!(value(&told, "Locales"), vec!["MS_409"].into());
    }
    let told = wmi.good("Sim_Methods", "Context", &[("Name", "Nothing".into())]);
    assert_eq!(value(&told, "Type"), CimValue::Null);
}

#[test]
fn texts_come_in_the_language_of_the_log_on_when_they_are_asked_for() {
    let mut wmi = Wmi::open();
    let amended = |path: &str| PathRequest { flags: WBEM_FLAG_USE_AMENDED_QUALIFIERS, ..PathRequest::new(path) };
    let plain = wmi.class("Win32_BaseService");
    assert_eq!(qualifier(plain.class(), "State", "Description"), None);
    let english = wmi.get(&amended("Win32_BaseService")).unwrap();
    let english = qualifier(english.class(), "State", "Description");
    assert_eq!(english, Some("The state of the base service.".into()));
    let german = CimValue::from("Der Zustand des Dienstes.");

    for (locale, language) in [
        ("MS_407", &german),
        ("xx,MS_80c,MS_407,MS_409", &german),
        ("de-DE", &german),
        ("MS_409,MS_407", english.as_ref().unwrap()),
        ("MS_80c", english.as_ref().unwrap()),
    ] {
        let login = NtlmLoginRequest {
            network_resource: Some("\\\\WINSIM\\root\\cimv2".to_owned()),
            preferred_locale: Some(locale.to_owned()),
            ..NtlmLoginRequest::default()
        };
        let ipid = wmi.session.login.ipid;
        let answer = wmi.session.call::<NtlmLogin>(ipid, &login).unwrap();
        wmi.services = wmi.session.hold(answer.pointer).unwrap();
        let object = wmi.get(&amended("Win32_BaseService")).unwrap();
        assert_eq!(qualifier(object.class(), "State", "Description").as_ref(), Some(language), "{locale}");
    }
    // A class and an instance have the texts of the class above, too; a class without German texts has English ones.
    let german_context = WbemContext::new().with("__MI_DESTINATIONOPTIONS_UI_LOCALE", "MS_407");
    let context = Some(MInterfacePointer::from_wbem_context(&german_context));
    let request = PathRequest { context, ..amended("Win32_Service=\"Dhcp\"") };
    let service = wmi.get(&request).unwrap();
    assert_eq!(qualifier(service.class(), "State", "Description"), Some(german));
    assert_eq!(text(&service, "DisplayName"), "DHCP Client");
    let process = wmi.get(&PathRequest { path: "Win32_Process".into(), ..request }).unwrap();
    assert!(qualifier(process.class(), "CommandLine", "Description").is_some());
}

#[test]
fn an_old_host_does_not_establish_positions() {
    for (faults, status, version, unknown) in [
        (vec![], HResult::S_OK, 1, HResult::S_OK),
        (vec![Fault::EstablishPositionNotImplemented], HResult::E_NOTIMPL, 0, HResult::WBEM_E_INVALID_PARAMETER),
    ] {
        let mut session = Session::open(&faults).unwrap();
        let login = session.login.ipid;
        let request = EstablishPositionRequest::default();
        let answer = session.call::<EstablishPosition>(login, &request).unwrap();
        assert_eq!((answer.status, answer.locale_version), (status, version));
        for (locale, status) in [("MS_409", HResult::S_OK), ("en-US", unknown), ("MS_409,MS_407", unknown)] {
            let request = NtlmLoginRequest {
                network_resource: Some("//./root/cimv2".to_owned()),
                preferred_locale: Some(locale.to_owned()),
                ..NtlmLoginRequest::default()
            };
            assert_eq!(session.call::<NtlmLogin>(login, &request).unwrap().status, status, "{locale}");
        }
    }
}

#[test]
fn namespaces_are_opened_from_others() {
    let mut wmi = Wmi::open();
    let open =
        |wmi: &mut Wmi, path: &str| wmi.session.call::<OpenNamespace>(wmi.services, &PathRequest::new(path)).unwrap();
    let opened = open(&mut wmi, "power");
    assert_eq!(opened.status, HResult::S_OK);
    let pointer = opened.object.interface().cloned();
    wmi.services = wmi.session.hold(pointer).unwrap();
    assert_eq!(wmi.class("__NAMESPACE").decoration().unwrap().namespace.to_str(), "root\\cimv2\\power");
    assert_eq!(open(&mut wmi, "nothing").status, HResult::WBEM_E_INVALID_NAMESPACE);
    let login = wmi.session.login.ipid;
    for (path, status) in [
        ("root/secret", HResult::WBEM_E_ACCESS_DENIED),
        ("\\\\.\\root\\SecurityCenter2", HResult::E_ACCESSDENIED),
        ("//anything/ROOT/default", HResult::S_OK),
    ] {
        let request = NtlmLoginRequest { network_resource: Some(path.to_owned()), ..NtlmLoginRequest::default() };
        assert_eq!(wmi.session.call::<NtlmLogin>(login, &request).unwrap().status, status, "{path}");
    }
    // An absolute path leads out of the namespace, but not into one that is closed.
    let request = |path: &str| PathRequest::new(path);
    assert!(wmi.get(&request("//./root/cimv2:Win32_Process.Handle=4")).is_ok());
    assert_eq!(wmi.get(&request("//./root/secret:__NAMESPACE")), Err(HResult::WBEM_E_ACCESS_DENIED));
}

#[test]
fn texts_that_are_too_long_are_refused() {
    let mut wmi = Wmi::open();
    for (text, status) in [
        (format!("SELECT * FROM Sim_Thing WHERE Name = '{}'", "x".repeat(16_384 - 39)), HResult::S_OK),
        (
            format!("SELECT * FROM Sim_Thing WHERE Name = '{}'", "x".repeat(16_384 - 38)),
            HResult::WBEM_E_QUOTA_VIOLATION,
        ),
        (format!("SELECT * FROM {}", "x".repeat(4_097)), HResult::WBEM_E_QUOTA_VIOLATION),
        (format!("SELECT * FROM {}", "x".repeat(4_096)), HResult::WBEM_E_INVALID_CLASS),
    ] {
        let request = ExecQueryRequest { flags: 0, ..ExecQueryRequest::wql(&text) };
        let answer = wmi.session.call::<ExecQuery>(wmi.services, &request).unwrap();
        assert_eq!(answer.status, status, "{} characters", text.len());
    }
    let path = |length: usize| format!("Sim_Thing=\"{}\"", "x".repeat(length - 12));
    assert_eq!(wmi.get(&PathRequest::new(&path(8_192))), Err(HResult::WBEM_E_NOT_FOUND));
    assert_eq!(wmi.get(&PathRequest::new(&path(8_193))), Err(HResult::WBEM_E_QUOTA_VIOLATION));
}

#[test]
fn the_host_notes_who_calls() {
    let mut session = Session::open(&[]).unwrap();
    let login = session.login.ipid;
    let ipid = session.query_interface(login, guid::IID_IWBEM_LOGIN_CLIENT_ID).unwrap().unwrap();
    session.peer.alter(&mut session.world, 6, Interface::orpc(guid::IID_IWBEM_LOGIN_CLIENT_ID)).unwrap();
    let mut tell = |client_machine: Option<&str>| {
        let client_machine = client_machine.map(str::to_owned);
        let request = SetClientInfoRequest { client_machine, client_process: -1, reserved: 0 };
        session.peer.call::<SetClientInfo>(&mut session.world, 6, Some(ipid), &request).unwrap()
    };
    assert_eq!(tell(None), HResult::WBEM_E_INVALID_PARAMETER);
    assert_eq!(tell(Some("Zürich")), HResult::S_OK);
    assert_eq!(session.world.host.stats().client_info, Some(("Zürich".to_owned(), -1)));
}

//! Witness: the NDR stubs of real Windows hosts decode completely and encode again to the same octets.

mod capture;
#[path = "dcom/foreign.rs"]
mod foreign;

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use bytes::Bytes;
use wmi_proto::cim::{CimObject, Genus};
use wmi_proto::wire::dcom::activation::properties::{
    ActivationContextInfoData, Context, InstantiationInfoData, LocationInfoData, PropsOutInfo, ScmReplyInfoData,
    ScmRequestInfoData, SecurityInfoData, SpecialPropertiesData,
};
use wmi_proto::wire::dcom::activation::{ActivationProperties, ActivationProperty};
use wmi_proto::wire::dcom::exporter::{ServerAlive2, SimplePing};
use wmi_proto::wire::dcom::{
    ActivationRequest, MInterfacePointer, ObjRef, OrpcThat, OrpcThis, RemQueryInterface, RemRelease,
    RemoteCreateInstance,
};
use wmi_proto::wire::wmi::smart_enum::SmartNextResponse;
use wmi_proto::wire::wmi::{
    CloneEnumerator, DataPacket, EstablishPosition, ExecMethod, ExecQuery, GetObject, GetSmartEnum, Next, NtlmLogin,
    Reset, SetClientInfo, SmartNext,
};
use wmi_proto::wire::{HResult, Operation, Reader, Wire, Writer};

/// The verification trailer starts with this ([MS-RPCE 2.2.2.13]); it belongs to the RPC runtime, not to the method.
const VERIFICATION_TRAILER: [u8; 8] = [0x8a, 0xe3, 0x13, 0x71, 0x02, 0xf4, 0x36, 0x71];

fn main() -> ExitCode {
    let captures = match std::env::var("WMI_CAPTURES") {
        Ok(dir) if dir == "none" => {
            let ci = std::env::var("CI").is_ok_and(|ci| ci == "true");
            println!("witness wire_dcom: {}: WMI_CAPTURES=none", if ci { "FAILED" } else { "skipped" });
            println!("0 passed, {} failed, {} skipped", u8::from(ci), u8::from(!ci));
            return if ci { ExitCode::FAILURE } else { ExitCode::SUCCESS };
        }
        Ok(dir) => PathBuf::from(dir),
        Err(_) => Path::new(env!("CARGO_MANIFEST_DIR")).join("../../../shared/captures"),
    };

    let mut outcome = Outcome::default();
    stubs(&captures, &mut outcome);
    for (file, expected) in FOREIGN {
        let path = captures.join("foreign_lab").join(file);
        outcome.report(&format!("calls of {file}"), foreign::calls(&path, expected));
    }
    outcome.report("bench_stubs next", bench_next(&captures));
    outcome.report("bench_stubs smart", bench_smart(&captures));
    println!("{} passed, {} failed, 0 skipped", outcome.passed, outcome.failed);
    if outcome.failed == 0 { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

#[derive(Default)]
struct Outcome {
    passed: usize,
    failed: usize,
}

impl Outcome {
    fn report(&mut self, name: &str, result: Result<String, String>) {
        match result {
            Ok(how) => {
                self.passed += 1;
                println!("witness {name}: ok ({how})");
            }
            Err(why) => {
                self.failed += 1;
                println!("witness {name}: FAILED\n{why}");
            }
        }
    }
}

/// Decodes one stub, looks deeper where there is something deeper, and encodes it again.
/// The second value is what the method did not read.
type Check = fn(Bytes) -> Result<(Bytes, Bytes), String>;

/// The operations, the messages of each, and how many stubs of each message the captures have at least.
const CHECKS: [(&str, Check, Check, usize); 16] = [
    ("IOXIDResolver_ServerAlive2", plain_request::<ServerAlive2>, plain_response::<ServerAlive2>, 9),
    ("IOXIDResolver_SimplePing", plain_request::<SimplePing>, plain_response::<SimplePing>, 1),
    ("ISystemActivator_RemoteCreateInstance", activation_request, activation_response, 10),
    ("IRemUnknown2_RemQueryInterface", request::<RemQueryInterface>, response::<RemQueryInterface>, 30),
    ("IRemUnknown2_RemRelease", request::<RemRelease>, response::<RemRelease>, 29),
    ("IRemUnknown_RemRelease", request::<RemRelease>, response::<RemRelease>, 4),
    ("IWbemLevel1Login_EstablishPosition", request::<EstablishPosition>, response::<EstablishPosition>, 9),
    ("IWbemLevel1Login_NTLMLogin", request::<NtlmLogin>, login_response, 11),
    ("IWbemServices_GetObject", object_request, object_response, 14),
    ("IWbemLoginClientID_SetClientInfo", request::<SetClientInfo>, response::<SetClientInfo>, 8),
    ("IWbemServices_ExecMethod", method_request, method_response, 11),
    ("IWbemServices_ExecQuery", request::<ExecQuery>, pointer_response::<ExecQuery>, 1),
    ("IEnumWbemClassObject_Reset", request::<Reset>, response::<Reset>, 1),
    ("IEnumWbemClassObject_Clone", request::<CloneEnumerator>, pointer_response::<CloneEnumerator>, 1),
    ("IWbemFetchSmartEnum_GetSmartEnum", request::<GetSmartEnum>, pointer_response::<GetSmartEnum>, 2),
    ("IWbemWCOSmartEnum_Next", request::<SmartNext>, smart_response, 2),
];

/// Captures of foreign clients, and how often each method is called in them, which the host's log says too.
const FOREIGN: [(&str, &[(&str, usize)]); 2] = [
    (
        "impacket_integrity_next.pcapng",
        &[
            ("IEnumWbemClassObject::Next", 55),
            ("IRemUnknown::RemRelease", 10),
            ("IRemoteSCMActivator::RemoteCreateInstance", 4),
            ("IWbemLevel1Login::NTLMLogin", 4),
            ("IWbemServices::ExecQuery", 4),
        ],
    ),
    (
        "aiowmi_integrity_smart.pcapng",
        &[
            ("IRemUnknown::RemQueryInterface", 4),
            ("IRemUnknown::RemRelease", 8),
            ("IWbemFetchSmartEnum::GetSmartEnum", 4),
            ("IWbemLevel1Login::NTLMLogin", 4),
            ("IWbemServices::ExecQuery", 4),
            ("IWbemWCOSmartEnum::Next", 57),
        ],
    ),
];

fn stubs(captures: &Path, outcome: &mut Outcome) {
    let mut files: BTreeMap<&str, Vec<PathBuf>> = BTreeMap::new();
    for directory in list(captures).into_iter().map(|capture| capture.join("stubs")).filter(|dir| dir.is_dir()) {
        for file in list(&directory) {
            let name = file.file_name().and_then(|name| name.to_str()).unwrap_or_default();
            if let Some((check, ..)) = CHECKS.iter().find(|(operation, ..)| name.contains(&format!("_{operation}_"))) {
                files.entry(check).or_default().push(file);
            }
        }
    }
    for (operation, request, response, least) in CHECKS {
        let files = files.remove(operation).unwrap_or_default();
        outcome.report(operation, stubs_of(&files, [("_req_", request), ("_resp_", response)], least));
    }
}

fn stubs_of(files: &[PathBuf], checks: [(&str, Check); 2], least: usize) -> Result<String, String> {
    let mut differences = Differences::default();
    let mut counts = [0, 0];
    for file in files {
        let name = file.file_name().unwrap_or_default().to_string_lossy().into_owned();
        for ((direction, check), count) in checks.iter().zip(&mut counts) {
            if name.contains(direction) {
                *count += 1;
                let stub = Bytes::from(std::fs::read(file).map_err(|error| format!("{}: {error}", file.display()))?);
                let (encoded, rest) = check(stub.clone()).map_err(|why| format!("{}: {why}", file.display()))?;
                let sent = trim_trailer(&stub, &rest).map_err(|why| format!("{}: {why}", file.display()))?;
                differences.compare(&sent, &encoded).map_err(|why| format!("{}: {why}", file.display()))?;
            }
        }
    }
    let [requests, responses] = counts;
    if counts.iter().any(|count| *count < least) {
        return Err(format!(
            "{requests} requests and {responses} responses, but at least {least} of each should be there"
        ));
    }
    Ok(format!("{requests} requests, {responses} responses, {differences}"))
}

/// What [`object_request`] says of octets that are known to be stray.
const STRAY: &[u8] = b"stray octets";

/// The stub without a verification trailer; anything else behind the parameters is an error.
fn trim_trailer(stub: &Bytes, rest: &Bytes) -> Result<Bytes, String> {
    if rest.is_empty() {
        return Ok(stub.clone());
    }
    let end = stub.len() - rest.len();
    let padding = end.next_multiple_of(4) - end;
    if rest == STRAY || rest.get(padding..).is_some_and(|rest| rest.starts_with(&VERIFICATION_TRAILER)) {
        Ok(stub.slice(..end))
    } else {
        Err(format!("{} octets are left at offset {end}", rest.len()))
    }
}

/// What may differ between a captured stub and ours: values that mean nothing and that every implementation chooses.
#[derive(Default)]
struct Differences {
    /// Referent identifiers of pointers that are not NULL.
    referents: usize,
    /// Octets of alignment padding, which some clients do not clear.
    padding: usize,
    /// The reserved field of an OBJREF_CUSTOM, where Windows puts the length of the data or eight more.
    reserved: usize,
}

impl Differences {
    fn compare(&mut self, theirs: &[u8], ours: &[u8]) -> Result<(), String> {
        if theirs.len() != ours.len() {
            return Err(format!("{} octets became {}", theirs.len(), ours.len()));
        }
        for (index, (theirs_word, ours_word)) in theirs.chunks(4).zip(ours.chunks(4)).enumerate() {
            if theirs_word == ours_word {
                continue;
            }
            let at = index * 4;
            let [theirs_value, ours_value] = [theirs_word, ours_word]
                .map(|word| <[u8; 4]>::try_from(word).map(u32::from_le_bytes).unwrap_or_default());
            if ours_value & 0xffff_0000 == 0x0002_0000 && ours_value & 3 == 0 && theirs_value != 0 {
                self.referents += 1;
            } else if ours_word.ends_with(&[0]) && tail_only(theirs_word, ours_word) {
                self.padding += theirs_word.iter().zip(ours_word).filter(|(a, b)| a != b).count();
            } else if is_reserved(ours, at) && (ours_value..=ours_value + 8).contains(&theirs_value) {
                self.reserved += 1;
            } else {
                return Err(format!("offset {at:#x}: {theirs_word:02x?} became {ours_word:02x?}"));
            }
        }
        Ok(())
    }
}

/// Whether two words differ in one to three octets at the end only, all of which are zero in ours.
fn tail_only(theirs: &[u8], ours: &[u8]) -> bool {
    let same = theirs.iter().zip(ours).take_while(|(a, b)| a == b).count();
    same > 0 && ours.iter().skip(same).all(|octet| *octet == 0)
}

/// Whether the word at `at` is the last before the data of an OBJREF_CUSTOM.
fn is_reserved(ours: &[u8], at: usize) -> bool {
    at.checked_sub(44).and_then(|start| ours.get(start..)).is_some_and(|objref| objref.starts_with(b"MEOW\x04\0\0\0"))
}

impl std::fmt::Display for Differences {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let Self { referents, padding, reserved } = self;
        write!(f, "normalised: {referents} referents, {padding} octets of padding, {reserved} reserved fields")
    }
}

/// Decodes `P` and `T` one after the other, encodes both, and makes sure that the octets mean the same value.
fn both<P: Wire + PartialEq, T: Wire + PartialEq>(stub: Bytes) -> Result<(P, T, Bytes, Bytes), String> {
    let mut r = Reader::new(stub);
    let prefix = P::decode(&mut r).map_err(|error| error.to_string())?;
    let value = T::decode(&mut r).map_err(|error| error.to_string())?;
    let mut w = Writer::new();
    prefix.encode(&mut w);
    value.encode(&mut w);
    let encoded = w.finish();
    let mut again = Reader::new(encoded.clone());
    let same = P::decode(&mut again).is_ok_and(|p| p == prefix) && T::decode(&mut again).is_ok_and(|t| t == value);
    if !same || !again.is_empty() {
        return Err("the encoded value decodes to another".to_owned());
    }
    Ok((prefix, value, encoded, r.rest()))
}

fn request<O: Operation<Request: PartialEq>>(stub: Bytes) -> Result<(Bytes, Bytes), String> {
    let (_, _, encoded, rest) = both::<OrpcThis, O::Request>(stub)?;
    Ok((encoded, rest))
}

fn response<O: Operation<Response: PartialEq>>(stub: Bytes) -> Result<(Bytes, Bytes), String> {
    let (_, _, encoded, rest) = both::<OrpcThat, O::Response>(stub)?;
    Ok((encoded, rest))
}

/// The prefix of calls that are no object calls.
#[derive(PartialEq)]
struct Nothing;

impl Wire for Nothing {
    fn decode(_: &mut Reader) -> Result<Self, wmi_proto::wire::WireError> {
        Ok(Self)
    }

    fn encode(&self, _: &mut Writer) {}
}

fn plain_request<O: Operation<Request: PartialEq>>(stub: Bytes) -> Result<(Bytes, Bytes), String> {
    let (_, _, encoded, rest) = both::<Nothing, O::Request>(stub)?;
    Ok((encoded, rest))
}

fn plain_response<O: Operation<Response: PartialEq>>(stub: Bytes) -> Result<(Bytes, Bytes), String> {
    let (_, _, encoded, rest) = both::<Nothing, O::Response>(stub)?;
    Ok((encoded, rest))
}

/// A response with one reference, which must be there and encode to the same octets.
fn pointer_response<O: Operation<Response = wmi_proto::wire::wmi::InterfaceResponse>>(
    stub: Bytes,
) -> Result<(Bytes, Bytes), String> {
    let (_, response, encoded, rest) = both::<OrpcThat, O::Response>(stub)?;
    same_objref(response.pointer.as_ref().ok_or("no interface")?)?;
    Ok((encoded, rest))
}

fn login_response(stub: Bytes) -> Result<(Bytes, Bytes), String> {
    pointer_response::<NtlmLogin>(stub)
}

/// impacket writes both `[in, out]` pointers as pointers to an empty MInterfacePointer (12 octets each) instead of
/// pointers to a NULL pointer. Windows answers nevertheless: it reads what belongs there and ignores what is left.
fn object_request(stub: Bytes) -> Result<(Bytes, Bytes), String> {
    let (encoded, rest) = request::<GetObject>(stub)?;
    let empty_pointer = rest.len() == 12 && rest.ends_with(&[0; 8]) && !rest.starts_with(&[0; 4]);
    Ok((encoded, if empty_pointer { Bytes::from_static(STRAY) } else { rest }))
}

fn object_response(stub: Bytes) -> Result<(Bytes, Bytes), String> {
    let (_, response, encoded, rest) = both::<OrpcThat, <GetObject as Operation>::Response>(stub)?;
    let pointer = response.object.interface().ok_or("no object")?;
    same_objref(pointer)?;
    let object = pointer.wbem_object().map_err(|error| error.to_string())?;
    if !object.starts_with(&0x1234_5678_u32.to_le_bytes()) {
        return Err("the object is no EncodingUnit".to_owned());
    }
    Ok((encoded, rest))
}

/// The in-parameters are an instance of the class that the method's signature names. impacket counts the NUL at the end
/// of a BSTR, which Windows does not and reads nevertheless: then the two texts are written as it writes them.
fn method_request(stub: Bytes) -> Result<(Bytes, Bytes), String> {
    let (this, request, encoded, rest) = both::<OrpcThis, <ExecMethod as Operation>::Request>(stub.clone())?;
    parameters(request.input.as_ref().ok_or("no in-parameters")?)?;
    if encoded.len() == stub.len() - rest.len() {
        return Ok((encoded, rest));
    }
    let mut w = Writer::new();
    this.encode(&mut w);
    for text in [&request.path, &request.method] {
        let units: Vec<u16> = text.as_str().encode_utf16().chain([0]).collect();
        w.ndr_pointer(true);
        w.ndr_len(units.len());
        w.len32(2 * units.len());
        w.len32(units.len());
        units.into_iter().for_each(|unit| w.u16(unit));
    }
    w.ndr_i32(request.flags);
    MInterfacePointer::encode_optional(request.context.as_ref(), &mut w);
    MInterfacePointer::encode_optional(request.input.as_ref(), &mut w);
    request.output.encode(&mut w);
    request.call_result.encode(&mut w);
    Ok((w.finish(), rest))
}

fn method_response(stub: Bytes) -> Result<(Bytes, Bytes), String> {
    let (_, response, encoded, rest) = both::<OrpcThat, <ExecMethod as Operation>::Response>(stub)?;
    let output = parameters(response.object.interface().ok_or("no out-parameters")?)?;
    if !response.status.is_success() || !matches!(output.get("ReturnValue"), Some(Ok(_))) {
        return Err(format!("{} with {output:?}", response.status));
    }
    Ok((encoded, rest))
}

/// An instance of `__PARAMETERS` whose values all decode.
fn parameters(pointer: &MInterfacePointer) -> Result<CimObject, String> {
    same_objref(pointer)?;
    let text = |error: wmi_proto::wire::WireError| error.to_string();
    let object = CimObject::decode_unit(pointer.wbem_object().map_err(text)?).map_err(text)?;
    for value in object.values() {
        value.map_err(text)?;
    }
    match (object.genus(), object.class().name() == "__PARAMETERS") {
        (Genus::Instance, true) => Ok(object),
        _ => Err(format!("{object:?}")),
    }
}

fn same_objref(pointer: &MInterfacePointer) -> Result<ObjRef, String> {
    let objref = pointer.objref().map_err(|error| error.to_string())?;
    if objref.to_bytes() != pointer.data {
        return Err(format!("OBJREF {:02x?} became {:02x?}", &pointer.data[..], &objref.to_bytes()[..]));
    }
    Ok(objref)
}

fn activation_request(stub: Bytes) -> Result<(Bytes, Bytes), String> {
    let (_, request, encoded, rest) = both::<OrpcThis, <RemoteCreateInstance as Operation>::Request>(stub)?;
    let properties = &request.properties;
    same_property::<InstantiationInfoData>(properties, true)?;
    same_property::<ScmRequestInfoData>(properties, true)?;
    same_property::<LocationInfoData>(properties, true)?;
    same_property::<SecurityInfoData>(properties, false)?;
    same_property::<SpecialPropertiesData>(properties, false)?;
    same_property::<ActivationContextInfoData>(properties, false)?;
    let short = ActivationRequest::from_request(&request).map_err(|error| error.to_string())?;
    let long = short.to_request();
    if ActivationRequest::from_request(&long).as_ref() != Ok(&short) {
        return Err("the short form does not survive".to_owned());
    }
    let context = properties.get::<ActivationContextInfoData>().map_err(|error| error.to_string())?;
    if let Some(pointer) = context.and_then(|context| context.client_ctx) {
        same_objref(&pointer)?;
        let context = Context::from_pointer(&pointer).ok_or("no client context")?;
        if context.to_pointer() != pointer {
            return Err("the client context changed".to_owned());
        }
    }
    Ok((encoded, rest))
}

fn activation_response(stub: Bytes) -> Result<(Bytes, Bytes), String> {
    let (_, response, encoded, rest) = both::<OrpcThat, <RemoteCreateInstance as Operation>::Response>(stub)?;
    let properties = response.properties.as_ref().ok_or("no properties")?;
    same_property::<PropsOutInfo>(properties, true)?;
    same_property::<ScmReplyInfoData>(properties, true)?;
    let reply = response.reply().map_err(|error| error.to_string())?;
    if reply.to_properties() != *properties {
        return Err("the short form does not become the same properties".to_owned());
    }
    let usable = reply.bindings.tcp().any(|(host, port)| !host.is_empty() && port.is_some());
    let interface = reply.interfaces.first().is_some_and(|interface| {
        interface.result == HResult::S_OK && interface.objref.as_ref().and_then(ObjRef::std).is_some()
    });
    if !usable || !interface {
        return Err(format!("the reply is of no use: {reply:?}"));
    }
    Ok((encoded, rest))
}

/// A property decodes and encodes to the same octets.
fn same_property<P: ActivationProperty>(properties: &ActivationProperties, required: bool) -> Result<(), String> {
    let what = std::any::type_name::<P>();
    let Some(property) = properties.get::<P>().map_err(|error| format!("{what}: {error}"))? else {
        return if required { Err(format!("{what} is missing")) } else { Ok(()) };
    };
    let mut again = ActivationProperties::new();
    again.push(&property);
    let ours = again.properties.first().map(|(_, data)| data.clone()).unwrap_or_default();
    let theirs = properties.properties.iter().find(|(clsid, _)| *clsid == P::CLSID);
    let theirs = theirs.map(|(_, data)| data.clone()).unwrap_or_default();
    Differences::default().compare(&theirs, &ours).map_err(|why| format!("{what}: {why}"))
}

fn smart_response(stub: Bytes) -> Result<(Bytes, Bytes), String> {
    let (_, response, encoded, rest) = both::<OrpcThat, SmartNextResponse>(stub)?;
    if !response.buffer.is_empty() {
        same_packet(&response)?;
    }
    Ok((encoded, rest))
}

fn bench_next(captures: &Path) -> Result<String, String> {
    let mut objects = 0;
    for (file, count) in [("next_1.0", 1), ("next_1.1", 1), ("next_100.0", 100), ("next_100.1", 100)] {
        let stub = bench_stub(captures, file)?;
        let (_, response, encoded, rest) = both::<OrpcThat, <Next as Operation>::Response>(stub.clone())?;
        if encoded != stub || !rest.is_empty() {
            return Err(format!("{file} became other octets"));
        }
        if (response.objects.len(), response.returned, response.requested) != (count, count as u32, count as u32) {
            return Err(format!("{file} holds {} objects", response.objects.len()));
        }
        for object in &response.objects {
            same_objref(object)?;
            object.wbem_object().map_err(|error| format!("{file}: {error}"))?;
        }
        objects += count;
    }
    Ok(format!("{objects} objects"))
}

fn bench_smart(captures: &Path) -> Result<String, String> {
    let mut objects = 0;
    for (file, count) in [("smart_1.0", 1), ("smart_1.1", 1), ("smart_100.0", 100), ("smart_100.1", 100)] {
        let stub = bench_stub(captures, file)?;
        let (_, response, encoded, rest) = both::<OrpcThat, SmartNextResponse>(stub.clone())?;
        if encoded != stub || !rest.is_empty() {
            return Err(format!("{file} became other octets"));
        }
        same_packet(&response).map_err(|why| format!("{file}: {why}"))?;
        if response.returned != count {
            return Err(format!("{file} holds {} objects", response.returned));
        }
        objects += count;
    }
    Ok(format!("{objects} objects"))
}

/// The packet decodes to as many objects as were returned, all of them good, and encodes to the same octets.
fn same_packet(response: &SmartNextResponse) -> Result<DataPacket, String> {
    let packet = DataPacket::from_bytes(response.buffer.clone()).map_err(|error| error.to_string())?;
    if packet.to_bytes() != response.buffer {
        return Err("the packet became other octets".to_owned());
    }
    let bad = packet
        .objects
        .iter()
        .find(|object| matches!(object, wmi_proto::wire::wmi::DataPacketObject::Undecodable { .. }));
    match bad {
        Some(bad) => Err(format!("{bad:?}")),
        None if packet.objects.len() as u64 != u64::from(response.returned) => Err("the count differs".to_owned()),
        None => Ok(packet),
    }
}

fn bench_stub(captures: &Path, name: &str) -> Result<Bytes, String> {
    let path = captures.join("bench_stubs").join(format!("{name}.bin"));
    std::fs::read(&path).map(Bytes::from).map_err(|error| format!("{}: {error}", path.display()))
}

/// The entries of a directory, sorted; nothing when it is not there, which the counts then show.
fn list(directory: &Path) -> Vec<PathBuf> {
    let entries = std::fs::read_dir(directory).into_iter().flatten().flatten();
    let mut paths: Vec<PathBuf> = entries.map(|entry| entry.path()).collect();
    paths.sort();
    paths
}

//! Objects by path and calls of methods, by our client and by foreign ones.

use std::collections::BTreeMap;
use std::fs;
use std::process::Command;

use serde_json::{Value, json};
use wmi_mio::Session;
use wmi_proto::cim::{CimObject, CimValue, Genus};
use wmi_proto::wire::dcom::OrpcThat;
use wmi_proto::wire::wmi::services::PathResponse;
use wmi_proto::wire::{Reader, Wire};
use wmi_proto::{
    AuthLevel, Config, Credentials, Enumerator, ErrorKind, Event, ExecMethod, FileTime, GetObject, Secret,
};
use wmi_sim::repository::Repository;

use crate::compare::{self, agrees};
use crate::differences::Differences;
use crate::drivers::{Answer, Client, Level, Logon};
use crate::foreign_host::{self, Scenario};

/// An object to get, or a method to call.
#[derive(Clone, Debug)]
pub(crate) struct Call {
    name: &'static str,
    namespace: &'static str,
    path: &'static str,
    /// The class that has the method, and the method; an object is wanted when there is none.
    method: Option<(&'static str, &'static str)>,
    arguments: Vec<(&'static str, CimValue)>,
    /// Whether the foreign client enters the namespace from the one above, by OpenNamespace; ours always logs in.
    opened: bool,
    /// Clients that cannot make the call.
    without: &'static [Client],
}

/// What came of a call: an object, none, or a status.
type Outcome = Result<Option<CimObject>, u32>;

/// What our client got, by the names of the calls.
pub(crate) type Outcomes = BTreeMap<&'static str, Outcome>;

/// impacket reads no reals, prints while it writes an embedded object, fails where a method gives nothing, and says with
/// OpenNamespace that it does not want the namespace.
const NOT_IMPACKET: &[Client] = &[Client::Impacket];

fn get(name: &'static str, path: &'static str) -> Call {
    Call { name, namespace: "root/cimv2", path, method: None, arguments: Vec::new(), opened: false, without: &[] }
}

fn exec(
    name: &'static str,
    class: &'static str,
    method: &'static str,
    arguments: Vec<(&'static str, CimValue)>,
) -> Call {
    Call { method: Some((class, method)), arguments, ..get(name, class) }
}

fn registry(name: &'static str, method: &'static str, value: Option<&'static str>) -> Call {
    let key = [("hDefKey", CimValue::Uint32(0x8000_0002)), ("sSubKeyName", "SOFTWARE\\Sim".into())];
    let value = value.map(|value| ("sValueName", value.into()));
    exec(name, "StdRegProv", method, key.into_iter().chain(value).collect())
}

/// An object to embed. None of its properties is NULL or left to its class: go-msrpc writes the flags for these in the
/// order of the lookup table instead of that of the declarations.
fn point() -> CimValue {
    let repository = Repository::windows(1, FileTime(0));
    let class = repository.get_object("root/cimv2", "Sim_Point", FileTime(0)).expect("a class of the machine");
    let values = [("X", CimValue::Sint32(-3)), ("Y", CimValue::Sint32(0)), ("Label", "Ecke – 角".into())];
    CimObject::instance(class.class(), values).expect("properties of the class").into()
}

fn from_above(name: &'static str, namespace: &'static str) -> Call {
    Call { namespace, opened: true, without: NOT_IMPACKET, ..get(name, "StdRegProv") }
}

/// All calls, in an order in which they change the host.
fn all() -> Vec<Call> {
    let service = "Win32_Service.Name=\"BITS\"";
    let of_service = |name, method| Call { path: service, ..exec(name, "Win32_Service", method, Vec::new()) };
    let methods = |name, method, arguments| exec(name, "Sim_Methods", method, arguments);
    vec![
        get("a class", "Win32_Service"),
        get("a class with methods of every kind", "StdRegProv"),
        get("an instance", "Win32_Service.Name=\"Dhcp\""),
        get("a key with a comma", "Win32_DiskPartition.DeviceID=\"Disk #0, Partition #0\""),
        get("an absolute path", "\\\\.\\root\\cimv2:Win32_LogicalDisk.DeviceID=\"C:\""),
        get(
            "a quoted path in a path",
            "Sim_Holds.Holder=\"Sim_Thing.Name=\\\"heavy thing\\\"\",Held=\"Sim_Child.Name=\\\"own\\\"\"",
        ),
        get("no such instance", "Win32_Service.Name=\"nope\""),
        get("no such class", "Win32_Nothing"),
        get("not the key", "Win32_Service.State=\"Running\""),
        Call { namespace: "root/default", ..get("another namespace", "StdRegProv") },
        from_above("a namespace from the one above", "root/default"),
        from_above("no such namespace in the one above", "root/nothing"),
        from_above("a namespace without a right to it", "root/SecurityCenter2"),
        exec(
            "a process",
            "Win32_Process",
            "Create",
            vec![
                ("CommandLine", "C:\\Windows\\notepad.exe \"a b\" – größer".into()),
                ("CurrentDirectory", "C:\\Windows".into()),
                ("ProcessStartupInformation", CimValue::Null),
            ],
        ),
        of_service("a service is stopped", "StopService"),
        get("it has stopped", service),
        of_service("it cannot be stopped again", "StopService"),
        of_service("it is started", "StartService"),
        registry("keys", "EnumKey", None),
        registry("values", "EnumValues", None),
        registry("a text", "GetStringValue", Some("Text")),
        registry("the empty text", "GetStringValue", Some("Empty")),
        registry("no text", "GetStringValue", Some("Nothing")),
        registry("a number", "GetDWORDValue", Some("Number")),
        registry("lines", "GetMultiStringValue", Some("Lines")),
        registry("octets", "GetBinaryValue", Some("Octets")),
        methods(
            "repeated",
            "Repeat",
            vec![("Text", "größer 緑".into()), ("Times", CimValue::Uint32(3)), ("Separator", "-".into())],
        ),
        methods("a truth", "Yes", Vec::new()),
        methods("a failure", "Fail", vec![("Status", CimValue::Uint32(0x8004_1024))]),
        methods("not implemented", "Missing", Vec::new()),
        methods("disabled", "Disabled", Vec::new()),
        Call { without: NOT_IMPACKET, ..methods("nothing", "Nothing", Vec::new()) },
        Call {
            without: NOT_IMPACKET,
            ..methods(
                "every scalar",
                "EchoScalars",
                vec![
                    ("ASint8", CimValue::Sint8(-128)),
                    ("AUint8", CimValue::Uint8(255)),
                    ("ASint16", CimValue::Sint16(-1)),
                    ("AUint16", CimValue::Uint16(65_535)),
                    ("ASint32", CimValue::Sint32(i32::MIN)),
                    ("AUint32", CimValue::Uint32(u32::MAX)),
                    ("ASint64", CimValue::Sint64(i64::MIN)),
                    ("AUint64", CimValue::Uint64(u64::MAX)),
                    ("AReal32", CimValue::Real32(0.1)),
                    ("AReal64", CimValue::Real64(-1.0e-300)),
                    ("ABoolean", CimValue::Boolean(true)),
                    ("AString", "größer 緑 \"a\\b\"".into()),
                    ("ADateTime", CimValue::DateTime("20250607080910.111213-300".into())),
                    ("AChar16", CimValue::Char16(0x3a9)),
                    ("AReference", CimValue::Reference("Sim_Thing.Name=\"thing\"".into())),
                    ("AObject", point()),
                ],
            )
        },
        Call { without: NOT_IMPACKET, ..exec("an embedded object", "Sim_Bare", "Describe", vec![("Point", point())]) },
    ]
}

/// Our client against a foreign host, which reads the requests with impacket's decoder and answers as Windows did.
pub(crate) fn of_a_foreign_host(command: Command, level: Level) -> Result<(), String> {
    let text = |error: &dyn ToString| error.to_string();
    let sent = |name: &str| {
        let mut stub = Reader::new(fs::read(foreign_host::reply(name)?).map_err(|error| text(&error))?.into());
        OrpcThat::decode(&mut stub).map_err(|error| text(&error))?;
        let reply = PathResponse::decode(&mut stub).map_err(|error| text(&error))?;
        let unit = reply.object.interface().ok_or("no object")?.wbem_object().map_err(|error| text(&error))?;
        CimObject::decode_unit(unit).map_err(|error| text(&error))
    };
    let (class, result) = (sent(foreign_host::OBJECT)?, sent(foreign_host::RESULT)?);
    let call = Call {
        arguments: vec![
            ("hDefKey", CimValue::Uint32(0x8000_0001)),
            ("sSubKeyName", "größer".into()),
            ("sValueName", "緑 \"\\".into()),
        ],
        ..exec("GetStringValue", "StdRegProv", "GetStringValue", Vec::new())
    };
    let seen = Scenario::new(level, Enumerator::Next, 1).session(command, |session| {
        let got = get("StdRegProv", "StdRegProv").make(session)?;
        let called = call.make(session)?;
        match (got, called) {
            (Ok(Some(got)), Ok(Some(called))) if (&got, &called) == (&class, &result) => Ok(()),
            other => Err(format!("{other:?} in place of what was captured")),
        }
    })?;
    let events = |name: &str| seen.iter().filter(|event| event["event"] == name).cloned().collect::<Vec<_>>();
    let object = json!({ "event": "object", "path": "StdRegProv", "flags": 0 });
    if events("object") != [object.clone(), object] {
        return Err(format!("the host was asked for {:?}", events("object")));
    }
    let mut input = json!({ "__CLASS": "__PARAMETERS" });
    for (name, value) in &call.arguments {
        input[*name] = compare::json(value);
    }
    let method = json!({
        "event": "method", "path": "StdRegProv", "name": "GetStringValue", "flags": 0, "input": input,
    });
    if events("method") != [method] {
        return Err(format!("the host was asked to carry out {:?}", events("method")));
    }
    match events("left").first() {
        Some(left) if left["references"] == 0 => Ok(()),
        left => Err(format!("references that did not come back: {left:?}")),
    }
}

/// The calls that a client can make.
pub(crate) fn of(client: Client) -> impl Iterator<Item = Call> {
    all().into_iter().filter(move |call| !call.without.contains(&client))
}

/// Makes all calls with our client.
pub(crate) fn ours(logon: Logon<'_>) -> Result<Outcomes, String> {
    let mut config = Config::new("127.0.0.1", Credentials::new(logon.user, Secret::from(logon.password)));
    config.port = logon.port;
    config.auth_level = match logon.level {
        Level::Integrity => AuthLevel::Integrity,
        Level::Privacy => AuthLevel::Privacy,
    };
    let mut session = Session::connect(config).map_err(|error| error.to_string())?;
    let mut outcomes = Outcomes::new();
    for call in all() {
        let outcome = call.make(&mut session).map_err(|why| format!("our client: {}: {why}", call.name))?;
        outcomes.insert(call.name, outcome);
    }
    session.close().map_err(|error| error.to_string())?;
    Ok(outcomes)
}

impl Call {
    fn make(&self, session: &mut Session) -> Result<Outcome, String> {
        let begun = session.command(|client, now| match self.method {
            None => client.get_object(GetObject::new(self.path).namespace(self.namespace), now),
            Some((_, method)) => {
                let mut call = ExecMethod::new(self.path, method).namespace(self.namespace);
                call.parameters =
                    self.arguments.iter().map(|(name, value)| ((*name).to_owned(), value.clone())).collect();
                client.exec_method(call, now)
            }
        });
        let begun = begun.map_err(|error| error.to_string())?;
        loop {
            match session.next_event().map_err(|error| error.to_string())?.ok_or("the session is over")? {
                Event::Reply { call, outcome } if call == begun => {
                    return match outcome {
                        Ok(object) => Ok(Ok(object)),
                        Err(error) => match error.kind {
                            ErrorKind::Status(status) => Ok(Err(status.0)),
                            _ => Err(error.to_string()),
                        },
                    };
                }
                Event::Closed { outcome } => return Err(format!("{outcome:?}")),
                _ => {}
            }
        }
    }

    /// Whether the foreign client enters the namespace by OpenNamespace.
    pub(crate) const fn is_opened(&self) -> bool {
        self.opened
    }

    /// The call in the words of a plan.
    pub(crate) fn job(&self) -> Value {
        let mut job = json!({ "namespace": self.namespace, "path": self.path, "opened": self.opened });
        if let Some((class, method)) = self.method {
            let arguments = self.arguments.iter();
            job["class"] = class.into();
            job["method"] = method.into();
            job["arguments"] =
                arguments.map(|(name, value)| json!({ "name": name, "value": compare::json(value) })).collect();
        }
        job
    }

    /// How the answer of a foreign client differs from what ours got.
    pub(crate) fn compare(
        &self,
        client: &str,
        ours: &Outcomes,
        theirs: &Answer,
        known: &mut Differences,
    ) -> Vec<String> {
        let wrong = |what: String| vec![format!("{}: {what}", self.name)];
        let row = match (&theirs.error, &theirs.rows[..]) {
            (Some(error), []) => Err(error),
            (None, [row]) => Ok(row),
            _ => return wrong(format!("{theirs:?}")),
        };
        match (ours.get(self.name), row) {
            (Some(Err(status)), Err(error)) if error.contains(&format!("{status:#010x}")) => Vec::new(),
            (Some(Ok(None)), Ok(row)) if row["__CLASS"].is_null() => Vec::new(),
            (Some(Ok(Some(object))), Ok(row)) => self.differences(client, object, row, known),
            (ours, row) => wrong(format!("{row:?} in place of {ours:?}")),
        }
    }

    fn differences(&self, client: &str, object: &CimObject, row: &Value, known: &mut Differences) -> Vec<String> {
        let class = object.class();
        let name = class.name().to_str();
        if row["__CLASS"] != *name {
            return vec![format!("{}: {row:.200} in place of {name}", self.name)];
        }
        let mut wrong = Vec::new();
        if object.genus() == Genus::Class {
            let mut properties: Vec<_> =
                class.properties().iter().map(|property| property.name().to_string()).collect();
            let mut methods: Vec<_> = class.methods().iter().map(|method| method.name().to_string()).collect();
            properties.sort();
            methods.sort();
            if row["properties"] != json!(properties) || row["methods"] != json!(methods) {
                wrong.push(format!("{}: {row} in place of {properties:?} and {methods:?}", self.name));
            }
            return wrong;
        }
        for (property, value) in class.properties().iter().zip(object.values()) {
            let (property, value) = (property.name().to_string(), value.unwrap_or(CimValue::Null));
            let got = row.get(&property).cloned().unwrap_or_default();
            if !agrees(&value, &got) && !known.excuses(client, &name, &property, &compare::json(&value), &got) {
                wrong.push(format!("{}: {name}.{property} is {got:.200} in place of {value:?}", self.name));
            }
        }
        if row.as_object().map(serde_json::Map::len) != Some(class.properties().len() + 1) {
            wrong.push(format!("{}: other properties than {name} has", self.name));
        }
        wrong
    }
}

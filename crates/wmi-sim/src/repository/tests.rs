use std::path::PathBuf;
use std::time::Duration;

use wmi_proto::cim::{CimClass, CimObject, CimType, Genus, Source};
use wmi_proto::path::Sent;

use super::*;

const CIMV2: &str = "root\\cimv2";

/// 2026-11-24 12:00:00 UTC, a Tuesday.
const NOW: FileTime = FileTime(134_399_952_000_000_000);

fn machine() -> Repository {
    Repository::windows(100, NOW)
}

fn rows(wql: &str) -> Vec<CimObject> {
    machine().query(CIMV2, wql, NOW).unwrap_or_else(|error| panic!("{wql}: {error}")).collect()
}

fn status(namespace: &str, wql: &str) -> u32 {
    machine().query(namespace, wql, NOW).expect_err(wql).status().0
}

fn value(object: &CimObject, name: &str) -> CimValue {
    object.get(name).unwrap_or_else(|| panic!("no {name}")).expect("decodes")
}

fn text(object: &CimObject, name: &str) -> String {
    value(object, name).as_str().unwrap_or_else(|| panic!("{name} is no text")).into_owned()
}

fn number(object: &CimObject, name: &str) -> u64 {
    value(object, name).as_u64().unwrap_or_else(|| panic!("{name} is no number"))
}

fn names(objects: &[CimObject]) -> Vec<String> {
    objects.iter().map(|object| text(object, "Name")).collect()
}

fn class_name(object: &CimObject) -> String {
    object.class().name().to_str().into_owned()
}

fn columns(class: &CimClass) -> Vec<String> {
    class.properties().iter().map(|property| property.name().to_str().into_owned()).collect()
}

/// NaN is equal to itself here, and an embedded object to one whose class has lost its superclass on the wire.
fn same(a: &CimValue, b: &CimValue) -> bool {
    match (a, b) {
        (CimValue::Real32(a), CimValue::Real32(b)) => a.to_bits() == b.to_bits(),
        (CimValue::Real64(a), CimValue::Real64(b)) => a.to_bits() == b.to_bits(),
        (CimValue::Array(a), CimValue::Array(b)) => a.len() == b.len() && a.iter().zip(b).all(|(a, b)| same(a, b)),
        (CimValue::Object(a), CimValue::Object(b)) => {
            let values = |object: &CimObject| object.values().collect::<Result<Vec<_>, _>>().expect("decodes");
            class_name(a) == class_name(b)
                && columns(a.class()) == columns(b.class())
                && values(a).iter().zip(&values(b)).all(|(a, b)| same(a, b))
        }
        _ => a == b,
    }
}

#[test]
fn every_declared_value_survives_its_encoding() {
    let machine = machine();
    let mut seen = 0;
    for expected in machine.expected(NOW) {
        let query = format!("SELECT * FROM {}", expected.class);
        let objects: Vec<_> = machine.query(&expected.namespace, &query, NOW).expect("valid").collect();
        assert_eq!(objects.len(), expected.rows.len(), "{query}");
        for (object, row) in objects.iter().zip(&expected.rows) {
            let decoded = CimObject::decode_unit(object.encode_unit()).expect("decodes");
            assert_eq!(class_name(&decoded), row.class);
            assert_eq!(columns(decoded.class()), row.values.iter().map(|(name, _)| name.clone()).collect::<Vec<_>>());
            for (name, expected) in &row.values {
                assert!(same(&value(&decoded, name), expected), "{query} {name}: {expected:?}");
                seen += 1;
            }
        }
    }
    assert!(seen > 5_000, "only {seen} values");
}

#[test]
fn every_class_reads_back_from_its_encoding() {
    for namespace in ["root", CIMV2, "root\\default"] {
        let classes: Vec<_> = machine().query(namespace, "SELECT * FROM meta_class", NOW).expect("valid").collect();
        assert!(classes.iter().any(|class| class_name(class) == "__NAMESPACE"));
        for class in classes {
            assert_eq!(class.genus(), Genus::Class);
            let decoded = CimObject::decode_unit(class.encode_unit()).expect("decodes");
            // The encoding has the superclass but not what is above it, so the octets are compared.
            assert_eq!(decoded.encode_unit(), class.encode_unit(), "{}", class_name(&class));
            assert_eq!(class_name(&decoded), class_name(&class));
            assert_eq!(decoded.class().derivation(), class.class().derivation());
            assert_eq!(decoded.class().properties(), class.class().properties());
            assert_eq!(decoded.class().methods(), class.class().methods());
        }
    }
}

/// The classes that Windows sent have the same properties as ours, in the same order and of the same type.
#[test]
fn classes_look_like_those_of_windows() {
    let Some(captures) = captures() else { return };
    for (file, class, later) in [
        ("elcab_wmiexecpro_altclass/objects/00046_0_Win32_TerminalService_class.wmio", "Win32_Service", 1),
        ("mordor_empire_wmi_ws5/objects/00081_0_Win32_Process_class.wmio", "Win32_Process", 0),
        ("mordor_empire_wmi_ws5/objects/00081_0_Win32_Process_class.wmio", "CIM_Process", 0),
    ] {
        let path = captures.join(file);
        let data = std::fs::read(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
        let theirs = CimObject::decode_unit(data.into()).expect("decodes");
        let mut theirs = Arc::clone(theirs.class());
        if !same_name(&theirs.name().to_str(), class) {
            theirs = Arc::clone(theirs.parent().expect("a superclass"));
        }
        assert_eq!(theirs.name().to_str(), class);
        let ours = machine().get_object(CIMV2, class, NOW).expect("exists");
        assert_eq!(ours.class().derivation(), theirs.derivation());
        let layout = |class: &CimClass| -> Vec<(String, CimType, bool)> {
            let properties = class.properties().iter();
            properties.map(|p| (p.name().to_str().into_owned(), p.cim_type(), p.is_array())).collect()
        };
        let (ours, theirs) = (layout(ours.class()), layout(&theirs));
        // DelayedAutoStart is younger than the captured Windows.
        assert_eq!(ours[..ours.len() - later], theirs[..], "{class}");
    }
}

fn captures() -> Option<PathBuf> {
    let default = PathBuf::from(concat!(env!("CARGO_MANIFEST_DIR"), "/../../../shared/captures"));
    match std::env::var_os("WMI_CAPTURES") {
        Some(none) if none == "none" => {
            assert_ne!(std::env::var("CI").as_deref(), Ok("true"), "captures may not be left out in CI");
            println!("skipped: WMI_CAPTURES=none");
            None
        }
        Some(path) => Some(path.into()),
        None => Some(default),
    }
}

#[test]
fn namespaces_are_found_however_they_are_written() {
    let machine = machine();
    for path in ["root\\cimv2", "ROOT/CIMV2", "//./root/cimv2", "\\\\.\\Root\\CimV2", "\\\\192.0.2.1\\root\\cimv2"] {
        assert_eq!(machine.login(path).as_deref(), Ok(CIMV2), "{path}");
        assert!(machine.namespace_exists(path));
    }
    for path in ["", "cimv2", "root\\cimv2\\", "root\\\\cimv2", "\\\\", "\\\\.", "\\\\.\\", "/root/cimv2", "root/nope"]
    {
        assert!(!machine.namespace_exists(path), "{path}");
        assert_eq!(machine.login(path).expect_err(path).status().0, 0x8004_100E);
    }
    assert!(machine.namespace_exists("root/secret"));
    assert_eq!(machine.login("root/secret").expect_err("locked").status().0, 0x8004_1003);
    let found: Vec<_> = machine.query("root", "SELECT Name FROM __NAMESPACE", NOW).expect("valid").collect();
    assert_eq!(names(&found), ["cimv2", "default", "StandardCIMV2", "secret", "SecurityCenter2"]);
    for name in names(&found) {
        assert!(machine.namespace_exists(&format!("root\\{name}")));
    }
    assert_eq!(names(&rows("SELECT * FROM __NAMESPACE")), ["power"]);
    assert_eq!(machine.login("root/cimv2/power").as_deref(), Ok("root\\cimv2\\power"));
    assert_eq!(machine.login("root/securitycenter2").expect_err("denied").status(), HResult::E_ACCESSDENIED);
}

#[test]
fn what_is_wrong_has_the_status_of_windows() {
    assert_eq!(status(CIMV2, "SELECT * FROM Win32_Nothing"), 0x8004_1010);
    assert_eq!(status("root", "SELECT * FROM Win32_Service"), 0x8004_1010);
    assert_eq!(status(CIMV2, "SELEKT * FROM Win32_Service"), 0x8004_1017);
    assert_eq!(status(CIMV2, "SELECT Nothing FROM Win32_Service"), 0x8004_1017);
    assert_eq!(status(CIMV2, "SELECT * FROM Win32_Service WHERE Nothing = 1"), 0x8004_1017);
    assert_eq!(status(CIMV2, "SELECT * FROM Win32_Service WHERE ProcessId = 'many'"), 0x8004_1017);
    // A property of a subclass is not one of the class.
    assert_eq!(status(CIMV2, "SELECT ProcessId FROM Win32_BaseService"), 0x8004_1017);
    assert_eq!(status(CIMV2, "SELECT * FROM meta_class WHERE Name = 'x'"), 0x8004_1017);
    assert_eq!(status("root\\nope", "SELECT * FROM Win32_Service"), 0x8004_100E);
    assert_eq!(status("root\\secret", "SELECT * FROM __NAMESPACE"), 0x8004_1003);
}

#[test]
fn rows_are_selected_by_their_values() {
    let services = rows("SELECT * FROM Win32_Service");
    assert!(services.len() >= 12);
    let stopped = rows("SELECT * FROM Win32_Service WHERE State <> 'running' AND NOT State LIKE 'S%'");
    assert_eq!(names(&stopped), ["Spooler"]);
    let delayed =
        rows("select * from win32_service where DELAYEDAUTOSTART = true and startmode = 'AUTO' and Name LIKE '[BW]%'");
    assert_eq!(names(&delayed), ["BITS", "WinRM"]);
    assert_eq!(names(&rows("SELECT * FROM Win32_Service WHERE Description IS NULL")), ["SimBroken"]);
    assert_eq!(rows("SELECT * FROM Win32_Service WHERE Name = 'nope'"), []);
    assert_eq!(names(&rows("SELECT * FROM Win32_Process WHERE Handle = 4")), ["System"]);
    assert_eq!(rows("SELECT * FROM Win32_LogicalDisk WHERE Size > 2000000000000 AND FreeSpace = 0").len(), 1);
    assert_eq!(rows("SELECT * FROM Win32_Process WHERE CreationDate < '20261124110000.000000+060'").len(), 97);
}

#[test]
fn a_column_list_leaves_the_other_columns_out() {
    let objects = rows("SELECT state, __CLASS, NAME, State FROM Win32_Service WHERE ProcessId = 2480");
    let [spooler] = &objects[..] else { panic!("not one row") };
    assert_eq!(columns(spooler.class()), ["Name", "State"]);
    assert_eq!((text(spooler, "Name"), text(spooler, "State")), ("Spooler".to_owned(), "Paused".to_owned()));
    assert_eq!(class_name(spooler), "Win32_Service");
    let upper: Vec<_> = spooler.class().derivation().iter().map(|name| name.to_str().into_owned()).collect();
    assert_eq!(upper, ["Win32_BaseService", "CIM_Service", "CIM_LogicalElement", "CIM_ManagedSystemElement"]);
    assert_eq!(CimObject::decode_unit(spooler.encode_unit()).expect("decodes"), *spooler);
    assert_eq!((spooler.decoration(), spooler.path()), (None, Sent::NotSent));

    // Whoever asks for the path gets what it is made of.
    let path = rows("SELECT State, __PATH FROM Win32_Service WHERE ProcessId = 2480");
    assert_eq!(columns(path[0].class()), ["Name", "State"]);
    let expected = format!(r#"\\WINSIM\{CIMV2}:Win32_Service.Name="Spooler""#);
    assert_eq!(path[0].path().map(|path| path.to_string()), Sent::Value(expected));
    let server = rows("SELECT __SERVER FROM Win32_Service WHERE ProcessId = 2480");
    assert_eq!((columns(server[0].class()), server[0].server()), (vec![], Sent::Value("WINSIM".into())));
    assert_eq!(server[0].path(), Sent::NotSent);

    let all = rows("SELECT Name FROM Win32_Process");
    assert!(all.iter().all(|row| Arc::ptr_eq(row.class(), all[0].class())), "one class for all rows");
    assert_eq!(columns(rows("SELECT __PATH FROM Win32_UTCTime")[0].class()), [""; 0]);
}

#[test]
fn a_superclass_yields_the_rows_of_its_subclasses() {
    let objects = rows("SELECT * FROM CIM_Service");
    let mut classes: Vec<_> = objects.iter().map(class_name).collect();
    classes.dedup();
    assert_eq!(classes, ["Win32_Service", "Win32_TerminalService", "Win32_SystemDriver"]);
    assert_eq!(value(objects.last().expect("a driver"), "StartName"), CimValue::Null);

    let named = rows("SELECT Name, Started FROM CIM_Service WHERE Name LIKE 'T[ce]%'");
    let classes: Vec<_> = named.iter().map(class_name).collect();
    assert_eq!(classes, ["Win32_TerminalService", "Win32_SystemDriver"]);
    assert!(named.iter().all(|row| columns(row.class()) == ["Name", "Started"]));

    assert_eq!(names(&rows("SELECT * FROM CIM_Service WHERE __CLASS = 'Win32_SystemDriver'")), ["Tcpip"]);
    assert_eq!(rows("SELECT * FROM Sim_Thing WHERE __this ISA 'Sim_Child'").len(), 4);
    assert_eq!(rows("SELECT * FROM Sim_Thing WHERE __SUPERCLASS = 'Sim_Child'").len(), 1);
    assert_eq!(rows("SELECT * FROM Sim_Empty"), []);
    assert_eq!(rows("SELECT * FROM Win32_CurrentTime").len(), 2);
}

#[test]
fn classes_can_be_selected() {
    let [class] = &rows("SELECT * FROM meta_class WHERE __CLASS = \"win32_process\"")[..] else { panic!("not one") };
    assert_eq!((class.genus(), class_name(class)), (Genus::Class, "Win32_Process".to_owned()));
    assert!(class.class().method("GetOwner").is_some());
    let services = rows("SELECT * FROM META_CLASS WHERE __this ISA 'Win32_BaseService'");
    let found: Vec<_> = services.iter().map(class_name).collect();
    assert_eq!(found, ["Win32_BaseService", "Win32_Service", "Win32_TerminalService", "Win32_SystemDriver"]);
    assert_eq!(rows("SELECT * FROM meta_class WHERE __CLASS = 'nope'"), []);
    assert_eq!(rows("SELECT * FROM meta_class WHERE __DYNASTY = 'Sim_Thing' AND __GENUS = 1").len(), 3);
}

#[test]
fn objects_are_found_by_their_path() {
    let machine = machine();
    let get = |path: &str| machine.get_object(CIMV2, path, NOW);
    assert_eq!(text(&get("Win32_Service.Name=\"dhcp\"").expect("exists"), "DisplayName"), "DHCP Client");
    assert_eq!(text(&get("win32_service='Dhcp'").expect("exists"), "DisplayName"), "DHCP Client");
    assert_eq!(class_name(&get("Win32_Service=\"TermService\"").expect("exists")), "Win32_TerminalService");
    assert_eq!(get("Win32_Service").expect("exists").genus(), Genus::Class);
    assert_eq!(get("Win32_OperatingSystem=@").expect("exists").genus(), Genus::Instance);
    assert_eq!(number(&get("Sim_Many.Id=7").expect("exists"), "Port"), 7);
    let holds = "Sim_Holds.Holder=\"Sim_Thing.Name=\\\"heavy thing\\\"\",Held=\"Sim_Child.Name=\\\"own\\\"\"";
    assert!(get(holds).is_ok());
    let absolute = "\\\\WINSIM\\root\\cimv2:Win32_LogicalDisk.DeviceID=\"C:\"";
    assert_eq!(text(&machine.get_object("root", absolute, NOW).expect("exists"), "FileSystem"), "NTFS");

    let refused = |path: &str| get(path).expect_err(path).status().0;
    assert_eq!(refused("Win32_Service.Name=\"nope\""), 0x8004_1002);
    assert_eq!(refused("Win32_Nothing"), 0x8004_1002);
    assert_eq!(refused("Win32_Nothing.Name=1"), 0x8004_1010);
    for path in [
        "Win32_Service.State=\"Running\"",
        "Win32_Service=@",
        "Win32_Service.",
        "Win32_Service.Name",
        "Win32_Service.Name=",
        "Win32_Service.Name=\"a\",",
        "Win32_Service.Name=\"a\",Name=\"a\"",
        "Win32_Service.Name<\"a\"",
        "Sim_Holds.Holder=\"a\"",
        "Sim_Many.Id=\"x\"",
        "Win32_OperatingSystem=1",
    ] {
        assert_eq!(refused(path), 0x8004_103A, "{path}");
    }
}

#[test]
fn paths_name_their_object() {
    for query in ["SELECT * FROM Win32_Service", "SELECT * FROM Sim_Many WHERE Id < 5", "SELECT * FROM Win32_UTCTime"] {
        let own = machine();
        for expected in rows(query) {
            let name =
                expected.class().properties().iter().find(|property| property.is_key()).map(|p| p.name().clone());
            let path = match name {
                None => format!("{}=@", class_name(&expected)),
                Some(key) => match value(&expected, &key.to_str()) {
                    CimValue::String(text) => format!("{}.{key}=\"{text}\"", class_name(&expected)),
                    id => format!("{}.{key}={}", class_name(&expected), id.as_u64().expect("a number")),
                },
            };
            let quoted = path.replace('"', "\\\"");
            let [by_path] = &rows(&format!("{} __RELPATH = \"{quoted}\"", select_where(query)))[..] else {
                panic!("{path} is not one row")
            };
            assert_eq!(*by_path, expected);
            assert_eq!(own.get_object(CIMV2, &path, NOW).as_ref(), Ok(&expected));
        }
    }
}

fn select_where(query: &str) -> String {
    let from = query.split(" WHERE ").next().unwrap_or(query);
    format!("{from} WHERE")
}

/// The processors are as busy as they are said to be, between any two samples.
#[test]
fn counters_advance_with_the_clock() {
    let machine = machine();
    for (class, total) in
        [("Win32_PerfRawData_PerfOS_Processor", 5), ("Win32_PerfRawData_Counters_ProcessorInformation", 6)]
    {
        let query = format!("SELECT Name, PercentProcessorTime, PercentUserTime, Timestamp_Sys100NS FROM {class}");
        for (start, length) in [(0, 3_000), (777, 1), (86_400_123, 60_000)] {
            let sample = |millis| -> Vec<CimObject> {
                let at = NOW.saturating_add(Duration::from_millis(millis));
                machine.query(CIMV2, &query, at).expect("valid").collect()
            };
            let (first, second) = (sample(start), sample(start + length));
            assert_eq!((first.len(), second.len()), (total, total));
            for (first, second) in first.iter().zip(&second) {
                let name = text(first, "Name");
                assert_eq!(name, text(second, "Name"));
                let passed = |property| number(second, property) - number(first, property);
                assert_eq!(passed("Timestamp_Sys100NS"), length * 10_000);
                // PERF_100NSEC_TIMER_INV: what is counted is the time in which nothing was done.
                let idle = passed("PercentProcessorTime") as f64 / passed("Timestamp_Sys100NS") as f64;
                let number = name.rsplit(',').next().and_then(|number| number.parse::<usize>().ok());
                let expected = number.map_or(PROCESSOR_LOAD_TOTAL, |number| PROCESSOR_LOAD[number]);
                assert!((100.0 * (1.0 - idle) - f64::from(expected)).abs() < 0.02, "{name} {idle} {expected}");
                assert!(passed("PercentUserTime") <= length * 10_000);
            }
        }
    }
    assert_eq!(PROCESSOR_LOAD.iter().sum::<u32>() / 4, PROCESSOR_LOAD_TOTAL);
    let class = machine.get_object(CIMV2, "Win32_PerfRawData_PerfOS_Processor", NOW).expect("exists");
    let (_, property) = class.class().property("PercentProcessorTime").expect("exists");
    let counter_type = property.qualifier("CounterType").expect("exists").value().expect("decodes");
    assert_eq!(counter_type, CimValue::Sint32(0x2151_0500)); // PERF_100NSEC_TIMER_INV of winperf.h
}

#[test]
fn the_clock_is_that_of_the_caller_and_its_drift() {
    let at = NOW.saturating_add(Duration::from_micros(1_500_000));
    let os = |machine: &Repository| machine.get_object(CIMV2, "Win32_OperatingSystem=@", at).expect("exists");
    let exact = os(&machine());
    assert_eq!(text(&exact, "LocalDateTime"), "20261124130001.500000+060");
    assert_eq!(text(&exact, "LastBootUpTime"), "20261123105656.000000+060");
    let ahead = machine().with_drift(25_000_000);
    assert_eq!(text(&os(&ahead), "LocalDateTime"), "20261124130004.000000+060");
    let behind = machine().with_drift(-15_000_000);
    assert_eq!(text(&os(&behind), "LocalDateTime"), "20261124130000.000000+060");

    let [time] = &behind.query(CIMV2, "SELECT * FROM Win32_UTCTime", at).expect("valid").collect::<Vec<_>>()[..] else {
        panic!("not one row")
    };
    for (name, expected) in [
        ("Year", 2026),
        ("Month", 11),
        ("Day", 24),
        ("DayOfWeek", 2),
        ("Quarter", 4),
        ("WeekInMonth", 4),
        ("Hour", 12),
        ("Minute", 0),
        ("Second", 0),
    ] {
        assert_eq!(number(time, name), expected, "{name}");
    }
    assert_eq!(value(time, "Milliseconds"), CimValue::Null);

    // A wrong clock does not change how long the machine is up.
    for machine in [machine(), ahead, behind] {
        let system = machine.query(CIMV2, "SELECT * FROM Win32_PerfFormattedData_PerfOS_System", at).expect("valid");
        let uptime: Vec<_> = system.map(|row| number(&row, "SystemUpTime")).collect();
        assert_eq!(uptime, [93_785]);
    }
}

#[test]
fn the_last_moments_of_time_do_not_break_the_clock() {
    for now in [FileTime(0), FileTime(1), FileTime(u64::MAX)] {
        for drift in [0, i64::MIN, i64::MAX] {
            let machine = Repository::windows(3, now).with_drift(drift);
            for later in [now, FileTime(0), FileTime(u64::MAX)] {
                assert!(machine.expected(later).count() > 40);
            }
        }
    }
}

#[test]
fn the_machine_has_the_name_it_is_given() {
    let machine = machine().named("OTHER");
    let all = |query| machine.query(CIMV2, query, NOW).expect("valid");
    assert!(all("SELECT * FROM CIM_Service").all(|service| text(&service, "SystemName") == "OTHER"));
    let system = all("SELECT * FROM Win32_ComputerSystem").next().expect("one");
    assert_eq!((text(&system, "Name"), text(&system, "DNSHostName")), ("OTHER".to_owned(), "OTHER".to_owned()));
    assert_eq!(&*system.decoration().expect("decorated").server.to_str(), "OTHER");
    assert_eq!(all("SELECT * FROM Win32_Process WHERE __SERVER = 'other' AND CSName = 'OTHER'").count(), 97);
}

#[test]
fn many_rows_are_made_one_by_one() {
    let machine = Repository::windows(u32::MAX, NOW);
    let mut many = machine.query(CIMV2, "SELECT * FROM Sim_Many", NOW).expect("valid");
    let first: Vec<_> = many.by_ref().take(20).collect();
    assert_eq!(number(&first[19], "Id"), 19);
    for property in first[0].class().properties() {
        let name = property.name().to_str();
        let values: Vec<_> = (0..20).map(|at| value(&first[at], &name)).collect();
        assert!(values.iter().any(|value| *value != values[0]), "{name} is always the same");
    }
    for (rows, condition) in [(0, ""), (1, ""), (2, ""), (100, ""), (10_000, ""), (100, " WHERE Id >= 9900")] {
        let machine = Repository::windows(if condition.is_empty() { rows } else { 10_000 }, NOW);
        let query = format!("SELECT Id, Name FROM Sim_Many{condition}");
        assert_eq!(machine.query(CIMV2, &query, NOW).expect("valid").count(), rows as usize);
    }
}

/// What decides between a value, NULL and the default is the same before and after the encoding.
#[test]
fn defaults_are_kept_replaced_or_taken_away() {
    let rows = rows("SELECT * FROM Sim_Defaults");
    let row = |id: &str| rows.iter().find(|row| text(row, "Id") == id).expect("exists");
    let source = |id: &str, name: &str| row(id).source(row(id).class().property(name).expect("exists").0);
    for (name, default) in [
        ("Number", CimValue::Uint32(42)),
        ("Ones", CimValue::Uint32(u32::MAX)),
        ("Zero", CimValue::Uint8(0)),
        ("Letter", CimValue::Char16(65)),
        ("Plain", CimValue::Null),
    ] {
        assert_eq!(value(row("kept"), name), default, "{name}");
        assert_eq!(source("kept", name), Source::ClassDefault, "{name}");
        assert_eq!(value(row("NULL"), name), CimValue::Null, "{name}");
        assert_eq!(source("NULL", name), Source::Own, "{name}");
    }
    assert_eq!(value(row("replaced by the same"), "Number"), CimValue::Uint32(42));
    assert_eq!(source("replaced by the same", "Number"), Source::Own);
    assert_eq!(value(row("zero"), "Numbers"), CimValue::Array(Vec::new()));
    assert_eq!(value(row("zero"), "Flag"), CimValue::Boolean(false));
}

#[test]
fn subclasses_inherit_and_override_defaults() {
    let rows = rows("SELECT * FROM Sim_Thing");
    let row = |name: &str| rows.iter().find(|row| text(row, "Name") == name).expect("exists");
    let shown = |name: &str| (value(row(name), "Weight"), value(row(name), "Colour"));
    let colour = |text: &str| CimValue::String(text.into());
    assert_eq!(shown("thing"), (CimValue::Uint32(10), colour("grey")));
    assert_eq!(shown("heavy thing"), (CimValue::Uint32(u32::MAX), CimValue::Null));
    assert_eq!(shown("inherits"), (CimValue::Uint32(10), colour("grün")));
    assert_eq!(shown("own"), (CimValue::Uint32(0), colour("")));
    assert_eq!(shown("none"), (CimValue::Null, CimValue::Null));
    assert_eq!(shown("third of its line"), (CimValue::Uint32(20), colour("grün")));
    assert_eq!(value(row("third of its line"), "Rank"), CimValue::Sint32(3));
}

#[test]
fn every_type_is_witnessed_with_and_without_a_value() {
    let rows = rows("SELECT * FROM Sim_AllTypes");
    let class = Arc::clone(rows[0].class());
    let mut types: Vec<_> = class.properties().iter().map(|p| (p.cim_type().0, p.is_array())).collect();
    types.sort_unstable();
    types.dedup();
    assert_eq!(types.len(), 32, "16 types and an array of each");
    let row = |id: &str| rows.iter().find(|row| text(row, "Id") == id).expect("exists");
    for property in class.properties().iter().skip(1) {
        let name = property.name().to_str();
        assert_ne!(value(row("all set"), &name), CimValue::Null, "{name}");
        assert_ne!(value(row("zero and empty"), &name), CimValue::Null, "{name}");
        assert_eq!(value(row("all NULL"), &name), CimValue::Null, "{name}");
    }
    assert_eq!(value(row("all ones"), "AUint64"), CimValue::Uint64(u64::MAX));
    assert_eq!(value(row("smallest"), "ASint64"), CimValue::Sint64(i64::MIN));
    assert!(matches!(value(row("not a number"), "AReal64"), CimValue::Real64(nan) if nan.is_nan()));
    let CimValue::Object(inner) = value(row("all set"), "AAnyObject") else { panic!("no object") };
    assert_eq!(class_name(&inner), "Sim_Point3");
    assert_eq!(value(&inner, "Y"), CimValue::Null);
}

#[test]
fn a_result_set_goes_between_threads() {
    fn sent<T: Send + 'static>() {}
    sent::<Repository>();
    sent::<ResultSet>();
}

#[test]
fn keys_of_every_type_name_an_instance() {
    let machine = machine();
    let awkward = r#"Sim_Keys.ABoolean=true,ASint8=-7,AUint64=18446744073709551615,AChar16=937,AString="C:\\dir\\, \"quoted\", Key=1",ADateTime="20251231235958.987654+090",AReference="Sim_Thing.Name=\"heavy thing\"""#;
    let found = machine.get_object(CIMV2, awkward, NOW).expect("exists");
    assert_eq!(text(&found, "Found"), "awkward");
    // In another order, other spellings of numbers, and the same point in time on another clock.
    let other = r#"\\x\root\cimv2:sim_keys.AREFERENCE='Sim_Thing.Name="heavy thing"',ADateTime="20251231222958.987654+000",AString='C:\\dir\\, "quoted", Key=1',AChar16="Ω",AUint64=0xffffffffffffffff,ASint8=-7,ABoolean=TRUE"#;
    assert_eq!(machine.get_object(CIMV2, other, NOW), Ok(found));
    for row in rows("SELECT * FROM Sim_Keys") {
        let query = machine.query(CIMV2, "SELECT * FROM Sim_Keys", NOW).expect("valid");
        assert_eq!(query.filter(|other| *other == row).count(), 1);
    }
    let first = rows("SELECT __RELPATH FROM Sim_Keys WHERE Found = 'empty'");
    assert_eq!(first.len(), 1);
    let empty = r#"Sim_Keys.ABoolean=FALSE,ASint8=127,AUint64=0,AChar16=44,AString="",ADateTime="00000001000000.000000:000",AReference="""#;
    assert_eq!(text(&machine.get_object(CIMV2, empty, NOW).expect("exists"), "Found"), "empty");
    let quoted = empty.replace('\\', "\\\\").replace('"', "\\\"");
    assert_eq!(rows(&format!("SELECT * FROM Sim_Keys WHERE __RELPATH = \"{quoted}\"")).len(), 1);
}

#[test]
fn associations_lead_from_one_end_to_the_other() {
    let disk = "{Win32_LogicalDisk.DeviceID=\"D:\"}";
    let partition = "{\\\\.\\root\\cimv2:Win32_DiskPartition.DeviceID='Disk #1, Partition #0'}";
    assert_eq!(names(&rows(&format!("ASSOCIATORS OF {disk}"))), ["Disk #1, Partition #0"]);
    assert_eq!(names(&rows(&format!("associators of {partition} WHERE ResultClass=CIM_LogicalDisk"))), ["D:"]);
    let [link] = &rows(&format!("REFERENCES OF {disk}"))[..] else { panic!("not one") };
    assert_eq!(class_name(link), "Win32_LogicalDiskToPartition");
    let antecedent = text(link, "Antecedent");
    assert_eq!(antecedent, "\\\\WINSIM\\root\\cimv2:Win32_DiskPartition.DeviceID=\"Disk #1, Partition #0\"");

    let service = "{Win32_Service.Name='Dhcp'}";
    let of = |conditions: &str| {
        let found = rows(&format!("ASSOCIATORS OF {service} {conditions}"));
        let mut found = names(&found);
        found.sort();
        found
    };
    assert_eq!(of(""), ["BITS", "Tcpip"]);
    assert_eq!(of("WHERE Role=Antecedent"), ["BITS"]);
    assert_eq!(of("WHERE ResultRole=Antecedent"), ["Tcpip"]);
    assert_eq!(of("WHERE AssocClass=Win32_DependentService ResultClass=Win32_SystemDriver"), ["Tcpip"]);
    assert_eq!(of("WHERE AssocClass=CIM_Dependency"), ["BITS", "Tcpip"]);
    assert_eq!(of("WHERE AssocClass=Win32_LogicalDiskToPartition"), [""; 0]);
    assert_eq!(of("WHERE RequiredQualifier=dynamic"), ["BITS", "Tcpip"]);
    assert_eq!(of("WHERE RequiredAssocQualifier=nothing"), [""; 0]);
    let classes = rows(&format!("ASSOCIATORS OF {service} WHERE ClassDefsOnly"));
    assert!(classes.iter().all(|class| class.genus() == Genus::Class));
    let mut classes: Vec<_> = classes.iter().map(class_name).collect();
    classes.sort();
    assert_eq!(classes, ["Win32_Service", "Win32_SystemDriver"]);
    assert_eq!(rows(&format!("REFERENCES OF {service} WHERE ClassDefsOnly")).len(), 1);
    // A key that is a reference names its object by another spelling of the path.
    assert_eq!(names(&rows("ASSOCIATORS OF {Sim_Thing.Name='heavy thing'}")), ["own"]);

    assert_eq!(status(CIMV2, "ASSOCIATORS OF {Win32_Service.Name='nope'}"), 0x8004_1002);
    assert_eq!(status(CIMV2, "ASSOCIATORS OF {Win32_Service}"), 0x8004_1017);
    assert_eq!(status(CIMV2, "ASSOCIATORS OF {Win32_Service.}"), 0x8004_103A);
    assert_eq!(status(CIMV2, &format!("ASSOCIATORS OF {disk} WHERE ResultClass=Nope")), 0x8004_1010);
    assert_eq!(status(CIMV2, &format!("ASSOCIATORS OF {disk} WHERE Nope=Nope")), 0x8004_1017);
}

/// Every method that the captured classes share with ours takes and gives the same.
#[test]
fn methods_look_like_those_of_windows() {
    let Some(captures) = captures() else { return };
    for (folder, least) in [
        ("elcab_wmiexec_regout/objects", "StdRegProv"),
        ("mordor_empire_wmi_ws5/objects", "Win32_Process"),
        ("elcab_wmiexecpro_altclass/objects", "Win32_TerminalService"),
    ] {
        let file = captures.join(folder);
        let entries = std::fs::read_dir(&file).unwrap_or_else(|error| panic!("{}: {error}", file.display()));
        let mut files: Vec<_> = entries.map(|entry| entry.expect("readable").path()).collect();
        files.retain(|path| path.to_string_lossy().ends_with(&format!("_{least}_class.wmio")));
        files.sort();
        let theirs = std::fs::read(files.first().expect("a class")).expect("readable");
        let theirs = CimObject::decode_unit(theirs.into()).expect("decodes");
        let ours = machine().get_object(CIMV2, least, NOW).expect("exists");
        let mut seen = 0;
        for method in ours.class().methods() {
            let name = method.name().to_str().into_owned();
            let Some(captured) = theirs.class().method(&name) else { continue };
            seen += 1;
            let signature = |object: Option<CimObject>| -> Vec<(String, CimType, bool, CimValue)> {
                let object = object.into_iter();
                let mut all: Vec<_> = object
                    .flat_map(|object| object.class().properties().to_vec())
                    .map(|p| {
                        let default = p.default_value().expect("decodes");
                        (p.name().to_str().into_owned(), p.cim_type(), p.is_array(), default)
                    })
                    .collect();
                // The return value has its place in one of them only.
                all.sort_by_key(|(name, ..)| (name == "ReturnValue", name.clone()));
                all
            };
            for (ours, theirs) in [(method.input(), captured.input()), (method.output(), captured.output())] {
                let (ours, theirs) = (signature(ours.expect("decodes")), signature(theirs.expect("decodes")));
                assert_eq!(ours, theirs, "{least}.{name}");
            }
            for qualifier in ["static", "implemented"] {
                let has = |method: &wmi_proto::cim::CimMethod| method.qualifier(qualifier).is_some();
                assert_eq!(has(method), has(captured), "{least}.{name}: {qualifier}");
            }
        }
        assert!(seen >= 3, "{least}: {seen} methods");
    }
}

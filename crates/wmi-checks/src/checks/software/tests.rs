use wmi_proto::cim::CimValue;

use super::program::{Field, Hidden, Layout, Program, hidden};
use super::*;
use crate::record::Record;
use crate::{Report, Request, RequestId, Work};

fn text(text: &str) -> CimValue {
    CimValue::String(text.into())
}

#[test]
fn win32_product_is_asked_for_by_name_only() {
    let classes = |options: &Options| -> Vec<String> {
        Software.reads(options).iter().map(|reads| reads.class.to_string()).collect()
    };
    assert_eq!(classes(&Options::default()), ["StdRegProv", "Win32_ServerFeature"]);
    let by_name = Options { win32_product: true, ..Options::default() };
    assert!(classes(&by_name).contains(&"Win32_Product".to_owned()));
    assert!(classes(&Options::new(Shape::Infrasonar)).contains(&"Win32_Product".to_owned()), "it has no other source");
}

#[test]
fn the_language_is_among_what_is_asked_for() {
    let reads = Software.reads(&Options::new(Shape::Infrasonar));
    let products = reads.iter().find(|reads| reads.class == "Win32_Product").expect("products");
    assert!(products.members.iter().any(|member| member == "Language"));
}

#[test]
fn no_more_calls_are_under_way_than_are_allowed() {
    let options = Options { calls_in_flight: 3, ..Options::default() };
    let mut round = Software.begin(&options, State::default());
    let asked: Vec<Request> = std::iter::from_fn(|| round.next()).collect();
    assert_eq!(asked.len(), 3);
    assert!(asked.iter().all(|request| matches!(request.work, Work::Call { method: "EnumKey", .. })));
    let (report, _) = round.finish();
    assert!(report.errors.iter().all(|error| error.stage == "stopped"), "{:?}", report.errors);
    assert!(report.types.is_empty(), "nothing is known");
}

#[test]
fn hides_what_add_remove_programs_hides() {
    for (values, expected) in [
        (vec![], None),
        (vec![(Field::SystemComponent, CimValue::Uint32(1))], Some(Hidden::Component)),
        (vec![(Field::SystemComponent, text("1"))], Some(Hidden::Component)),
        (vec![(Field::SystemComponent, CimValue::Uint32(0))], None),
        (vec![(Field::ParentKeyName, text("OperatingSystem"))], Some(Hidden::Update)),
        (vec![(Field::ParentKeyName, text(" "))], None),
        (vec![(Field::ReleaseType, text("Security Update"))], Some(Hidden::Update)),
        (vec![(Field::ReleaseType, text("Beta"))], None),
    ] {
        assert_eq!(hidden(&values), expected, "{values:?}");
    }
}

#[test]
fn what_nothing_can_remove_is_not_shown() {
    let layout = |names: &[&str]| {
        let types = CimValue::Array(names.iter().map(|_| CimValue::Sint32(1)).collect());
        Layout::new(&CimValue::Array(names.iter().map(|name| text(name)).collect()), &types)
    };
    for (names, expected) in [
        (&["Publisher"][..], Some(Hidden::Nameless)),
        (&["DisplayName", "Publisher"], Some(Hidden::NotRemovable)),
        (&["DisplayName", "UninstallString"], None),
        (&["DisplayName", "WindowsInstaller"], None),
    ] {
        assert_eq!(layout(names).hidden(), expected, "{names:?}");
    }
    assert!(Hidden::Nameless.may_be_unfinished() && !Hidden::Component.may_be_unfinished());
}

#[test]
fn features_of_one_name_are_told_apart_by_their_numbers() {
    let row = |id: u32, name: &str| Record::made(&["ID", "Name", "ParentID"], [id.into(), text(name), 0_u32.into()]);
    let rows = vec![row(2, "Web Server (IIS)"), row(40, "HTTP Activation"), row(70, "HTTP Activation")];
    let mut report = Report::of(KEY);
    report::answers(&[(queries::Query::Features, rows)], false, &Options::default(), &mut report);
    let names: Vec<&str> = report.types[0].items.iter().map(|item| item.name.as_str()).collect();
    assert_eq!(names, ["Web Server (IIS)", "HTTP Activation [40]", "HTTP Activation [70]"]);
    assert_eq!(report.warnings, []);
}

#[test]
fn values_are_read_by_the_type_that_they_have() {
    let names =
        CimValue::Array(["displayname", "EstimatedSize", "InstallDate", "Junk", "Publisher"].map(text).to_vec());
    // REG_EXPAND_SZ, REG_DWORD, REG_SZ, REG_BINARY, REG_MULTI_SZ
    let types = CimValue::Array([2, 4, 1, 3, 7].map(CimValue::Sint32).to_vec());
    let layout = Layout::new(&names, &types);
    use crate::registry::Getter;
    assert_eq!(layout.getter(Field::DisplayName), Some(Getter::Expanded));
    assert_eq!(layout.getter(Field::EstimatedSize), Some(Getter::Dword));
    assert_eq!(layout.getter(Field::Publisher), None, "not a type in which a publisher can be read");
}

#[test]
fn a_program_says_what_is_certain() {
    let program = Program::new(&[
        (Field::DisplayName, text(" Kestrel Agent\0")),
        (Field::EstimatedSize, CimValue::Uint32(2048)),
        (Field::InstallDate, text("3/12/2024")),
        (Field::WindowsInstaller, CimValue::Uint32(1)),
    ])
    .expect("it has a name");
    assert_eq!((program.name.as_str(), program.size), ("Kestrel Agent", Some(2 << 20)));
    assert_eq!(program.installed, None, "day or month first, nothing says it");
    assert!(program.windows_installer);
    assert_eq!(Program::new(&[(Field::DisplayName, text("  "))]), None);
    let dated = [(Field::DisplayName, text("x")), (Field::InstallDate, text("20240312"))];
    assert_eq!(Program::new(&dated).and_then(|program| program.installed).as_deref(), Some("2024-03-12"));
}

#[test]
fn everything_is_read_anew_within_eight_rounds() {
    use super::known::{Content, Programs, ROUNDS};
    let mut programs = Programs::default();
    let keys: Vec<String> = (0..20).map(|n| format!("{n:02}")).collect();
    for key in &keys {
        programs.learn("machine", key, Content::Hidden(Hidden::Nameless));
    }
    let mut read = std::collections::BTreeMap::new();
    for round in 0..ROUNDS {
        let due = programs.due();
        assert!(due.len() <= 3 || round == ROUNDS - 1, "an eighth at a time: {}", due.len());
        for (hive, key) in due {
            programs.learn(&hive, &key, Content::Hidden(Hidden::Nameless));
            read.insert(key, round);
        }
    }
    assert_eq!(read.len(), keys.len());
    programs.retain_hives(|hive| hive != "machine");
    assert_eq!(programs.len(), 0);
}

#[test]
fn what_is_remembered_is_bounded_and_serialisable() {
    use super::known::{Content, Programs};
    use crate::registry::Getter;
    let mut programs = Programs::default();
    let long = "x".repeat(1000);
    for n in 0..6000 {
        let values = [(Field::DisplayName, text(&long)), (Field::DisplayVersion, text("1"))];
        let program = Program::new(&values).expect("a name");
        programs.learn("machine", &format!("{n}"), Content::Shown(Box::new(program), Getter::Text));
    }
    programs.shrink();
    assert!(programs.len() < 4500, "{}", programs.len());
    let state = State { programs, ..State::default() };
    let json = serde_json::to_string(&state).expect("JSON");
    assert_eq!(serde_json::from_str::<State>(&json).expect("the same"), state);
}

#[test]
fn hives_that_come_and_go_leave_nothing_and_displace_nobody() {
    use super::hive::Hive;
    use super::known::{Content, Programs};
    use crate::registry::Getter;
    let mut programs = Programs::default();
    let program = |name: &str| {
        let values = [(Field::DisplayName, text(name)), (Field::DisplayVersion, text("1"))];
        Content::Shown(Box::new(Program::new(&values).expect("a name")), Getter::Text)
    };
    programs.learn("machine", "Own", program("Own"));
    for n in 0..10_000 {
        programs.learn(&format!("S-1-5-21-{n}"), "Key", program(&"x".repeat(1000)));
    }
    programs.shrink();
    assert!(programs.get("machine", "Own").is_some(), "the machine's own stay");
    let hives = serde_json::to_value(&programs).expect("JSON").as_object().expect("hives").len();
    assert_eq!(hives, programs.len(), "a hive without keys is none");
    programs.retain_hives(|hive| hive == "machine");
    assert_eq!(programs.len(), 1);
    assert_eq!(Hive::of_user(&format!("S-1-{}", "5".repeat(181))), None, "longer than any SID");
}

#[test]
fn answers_nobody_waits_for_are_dropped() {
    let mut round = Software.begin(&Options::default(), State::default());
    let answer = crate::Answer {
        rows: Vec::new(),
        outcome: Ok(()),
        sent: wmi_proto::FileTime(0),
        received: wmi_proto::FileTime(0),
    };
    round.answer(RequestId(77), answer);
    assert!(round.next().is_some());
}

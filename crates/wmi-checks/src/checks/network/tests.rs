use wmi_proto::cim::{CimType, CimValue};

use super::*;
use crate::checks::look::{items, metrics, value};
use crate::plan::tests::evaluated;

const ADAPTERS: &[&str; 14] = &[
    "AdapterType",
    "AutoSense",
    "ConfigManagerErrorCode",
    "InterfaceIndex",
    "MACAddress",
    "Manufacturer",
    "NetConnectionID",
    "NetConnectionStatus",
    "NetEnabled",
    "PhysicalAdapter",
    "PNPDeviceID",
    "ProductName",
    "ServiceName",
    "Speed",
];

/// An adapter with the values that differ.
fn adapter_row(index: u32, id: &str, status: Option<u16>, problem: Option<u32>, speed: Option<u64>) -> Record {
    let values = [
        "Ethernet 802.3".into(),
        CimValue::Null,
        problem.into(),
        index.into(),
        "02:00:00:00:00:01".into(),
        "Example".into(),
        CimValue::Null,
        status.into(),
        true.into(),
        true.into(),
        id.into(),
        "Example Adapter".into(),
        "example".into(),
        speed.into(),
    ];
    Record::made(ADAPTERS, values)
        .typed("AutoSense", CimType::BOOLEAN)
        .typed("NetConnectionStatus", CimType::UINT16)
        .typed("ConfigManagerErrorCode", CimType::UINT32)
        .typed("Speed", CimType::UINT64)
}

fn report(shape: Shape, state: &mut State, rows: Vec<(&'static str, Vec<Record>)>) -> Report {
    let plan = if traffic::has_samples(state) { &LATER } else { &FIRST };
    evaluated(plan, &Options::new(shape), state, rows)
}

fn adapters(shape: Shape, rows: Vec<Record>) -> Report {
    report(shape, &mut State::default(), vec![(ADAPTER, rows)])
}

#[test]
fn infrasonar_has_the_columns_as_metrics() {
    let report = adapters(Shape::Infrasonar, vec![adapter_row(5, r"PCI\1", Some(2), Some(0), Some(1_000_000_000))]);
    let mut names: Vec<&str> = ADAPTERS.iter().copied().filter(|name| *name != "PNPDeviceID").collect();
    names.extend(["AdapterConfig", "ConfigManagerErrorMsg"]);
    names.sort_unstable();
    assert_eq!(metrics(&report, ADAPTER, r"PCI\1"), names);
    let of = |metric| value(&report, ADAPTER, r"PCI\1", metric).clone();
    assert_eq!(of("NetConnectionStatus"), Value::from("Connected"));
    assert_eq!(of("ConfigManagerErrorMsg"), Value::from("This device is working properly"));
    assert_eq!(of("Speed"), Value::Uint(1_000_000_000));
    assert_eq!(of("AutoSense"), Value::Bool(false), "a plain column has InfraSonar's default");
    assert_eq!(of("NetConnectionID"), Value::from(""));
}

#[test]
fn quirk_an_adapter_without_a_status_is_not_disconnected() {
    for shape in [Shape::Native, Shape::Infrasonar] {
        let rows = vec![adapter_row(5, "none", None, Some(0), None), adapter_row(6, "down", Some(0), Some(0), None)];
        let report = adapters(shape, rows);
        assert_eq!(*value(&report, ADAPTER, "none", "NetConnectionStatus"), Value::Null, "{shape}");
        assert_eq!(*value(&report, ADAPTER, "down", "NetConnectionStatus"), Value::from("Disconnected"), "{shape}");
    }
}

#[test]
fn quirk_an_adapter_without_an_error_code_is_not_said_to_work() {
    for shape in [Shape::Native, Shape::Infrasonar] {
        let report = adapters(shape, vec![adapter_row(5, "x", None, None, None)]);
        assert_eq!(*value(&report, ADAPTER, "x", "ConfigManagerErrorMsg"), Value::Null, "{shape}");
        assert_eq!(*value(&report, ADAPTER, "x", "ConfigManagerErrorCode"), Value::Null, "{shape}");
    }
}

#[test]
fn device_problems_that_infrasonar_has_no_text_for_have_one_in_the_native_shape_only() {
    let of = |shape| {
        let report = adapters(shape, vec![adapter_row(5, "x", None, Some(45), None)]);
        value(&report, ADAPTER, "x", "ConfigManagerErrorMsg").clone()
    };
    assert_eq!(of(Shape::Native), Value::from("This device is not connected"));
    assert_eq!(of(Shape::Infrasonar), Value::Null);
}

#[test]
fn quirk_adapters_without_a_device_have_names_of_their_own() {
    for shape in [Shape::Native, Shape::Infrasonar] {
        let report = adapters(shape, [3, 4].map(|index| adapter_row(index, "", None, None, None)).into());
        assert_eq!(items(&report, ADAPTER), Some(vec!["Example Adapter [3]", "Example Adapter [4]"]), "{shape}");
        assert_eq!(report.warnings, [], "{shape}");
    }
}

#[test]
fn quirk_the_speed_of_a_line_that_is_down_is_no_huge_number() {
    for speed in [u64::MAX, i64::MAX.unsigned_abs()] {
        for shape in [Shape::Native, Shape::Infrasonar] {
            let report = adapters(shape, vec![adapter_row(5, "x", Some(7), Some(0), Some(speed))]);
            assert_eq!(*value(&report, ADAPTER, "x", "Speed"), Value::Null, "{shape}");
        }
    }
}

fn route_row(next_hop: &str, metric: i32) -> Record {
    const COLUMNS: &[&str; 7] = &["Destination", "InterfaceIndex", "Mask", "Metric1", "NextHop", "Protocol", "Type"];
    let values =
        ["0.0.0.0".into(), 5_i32.into(), "0.0.0.0".into(), metric.into(), next_hop.into(), 3_u32.into(), 4_u32.into()];
    Record::made(COLUMNS, values)
}

#[test]
fn quirk_routes_to_one_destination_on_one_interface_do_not_collide() {
    let rows = || {
        let adapters = vec![adapter_row(5, r"PCI\1", None, None, None)];
        vec![(ROUTE, vec![route_row("192.0.2.2", 50), route_row("192.0.2.1", 10)]), (ADAPTER, adapters)]
    };
    let infrasonar = report(Shape::Infrasonar, &mut State::default(), rows());
    assert_eq!(items(&infrasonar, ROUTE), Some(vec!["0.0.0.0/0 via 192.0.2.2 [5]", "0.0.0.0 [5]"]));
    let names = ["Adapter", "Destination", "InterfaceIndex", "Mask", "Metric", "NextHop", "Protocol", "Type"];
    assert_eq!(metrics(&infrasonar, ROUTE, "0.0.0.0 [5]"), names);
    assert_eq!(*value(&infrasonar, ROUTE, "0.0.0.0 [5]", "Metric"), Value::Uint(10));
    assert_eq!(*value(&infrasonar, ROUTE, "0.0.0.0 [5]", "Adapter"), Value::from(r"PCI\1"));
    assert_eq!(*value(&infrasonar, ROUTE, "0.0.0.0 [5]", "Protocol"), Value::from("netmgmt"));
    let native = report(Shape::Native, &mut State::default(), rows());
    assert_eq!(items(&native, ROUTE), Some(vec!["0.0.0.0/0 via 192.0.2.2 [5]", "0.0.0.0/0 via 192.0.2.1 [5]"]));
}

#[test]
fn routes_of_windows_own_protocols_have_names_where_infrasonar_has_none() {
    const COLUMNS: &[&str; 7] = &["Destination", "InterfaceIndex", "Mask", "Metric1", "NextHop", "Protocol", "Type"];
    for (protocol, native, infrasonar) in [
        (10_006_u32, Value::from("static"), Value::Null),
        (99, Value::from("99"), Value::Null),
        (3, Value::from("netmgmt"), Value::from("netmgmt")),
    ] {
        let values = [
            "10.0.0.0".into(),
            5_i32.into(),
            "255.0.0.0".into(),
            1_i32.into(),
            "192.0.2.1".into(),
            protocol.into(),
            4_u32.into(),
        ];
        for (shape, name, expected) in
            [(Shape::Native, "10.0.0.0/8 via 192.0.2.1 [5]", native), (Shape::Infrasonar, "10.0.0.0 [5]", infrasonar)]
        {
            let rows = vec![(ROUTE, vec![Record::made(COLUMNS, values.clone())])];
            let report = report(shape, &mut State::default(), rows);
            assert_eq!(*value(&report, ROUTE, name, "Protocol"), expected, "{protocol}");
        }
    }
}

#[test]
fn addresses_of_both_families_are_told() {
    const COLUMNS: &[&str; 4] = &["Caption", "InterfaceIndex", "IPAddress", "IPSubnet"];
    let list = |texts: &[&str]| CimValue::from(texts.iter().map(|text| CimValue::from(*text)).collect::<Vec<_>>());
    let addresses = list(&["192.0.2.10", "2001:db8::10"]);
    let masks = list(&["255.255.255.0", "64"]);
    let row = Record::made(COLUMNS, ["[00000001] Example".into(), 5_u32.into(), addresses, masks]);
    let bare = Record::made(COLUMNS, ["[00000002] Other".into(), 6_u32.into(), CimValue::Null, CimValue::Null]);
    let report = report(Shape::Native, &mut State::default(), vec![(CONFIGURATION, vec![row, bare])]);
    assert_eq!(items(&report, "address"), Some(vec!["192.0.2.10 [5]", "2001:db8::10 [5]"]));
    assert_eq!(*value(&report, "address", "192.0.2.10 [5]", "PrefixLength"), Value::Uint(24));
    assert_eq!(*value(&report, "address", "2001:db8::10 [5]", "PrefixLength"), Value::Uint(64));
    assert_eq!(*value(&report, "address", "2001:db8::10 [5]", "Family"), Value::from("IPv6"));
}

#[test]
fn a_lease_that_is_not_there_is_left_out_for_infrasonar() {
    const COLUMNS: &[&str; 4] = &["Caption", "DHCPLeaseExpires", "DHCPLeaseObtained", "DefaultTTL"];
    let obtained = CimValue::DateTime("20261124100000.900000+060".into());
    let row = Record::made(COLUMNS, ["[1] Example".into(), CimValue::Null, obtained, CimValue::Null])
        .typed("DefaultTTL", CimType::UINT8);
    let report = report(Shape::Infrasonar, &mut State::default(), vec![(CONFIGURATION, vec![row])]);
    let names = metrics(&report, CONFIGURATION, "[1] Example");
    assert!(!names.contains(&"DHCPLeaseExpires") && names.len() == 49, "{names:?}");
    assert_eq!(*value(&report, CONFIGURATION, "[1] Example", "DHCPLeaseObtained"), Value::Int(1_795_510_800));
    assert_eq!(*value(&report, CONFIGURATION, "[1] Example", "DefaultTTL"), Value::Uint(0));
}

/// UDP over IPv4 with `sent` datagrams after `seconds`.
fn udp_raw(sent: u32, seconds: u64) -> Record {
    const COLUMNS: &[&str; 8] = &[
        "DatagramsNoPortPersec",
        "DatagramsPersec",
        "DatagramsReceivedErrors",
        "DatagramsReceivedPersec",
        "DatagramsSentPersec",
        "Frequency_PerfTime",
        "Timestamp_PerfTime",
        "Timestamp_Sys100NS",
    ];
    let values = [
        0_u32.into(),
        sent.into(),
        7_u32.into(),
        0_u32.into(),
        sent.into(),
        10_000_000_u64.into(),
        (50 + seconds * 10_000_000).into(),
        (900 + seconds * 10_000_000).into(),
    ];
    Record::made(COLUMNS, values)
}

fn udp_cooked(sent: u32) -> Record {
    const COLUMNS: &[&str; 5] = &[
        "DatagramsNoPortPersec",
        "DatagramsPersec",
        "DatagramsReceivedErrors",
        "DatagramsReceivedPersec",
        "DatagramsSentPersec",
    ];
    Record::made(COLUMNS, [0_u32.into(), sent.into(), 7_u32.into(), 0_u32.into(), sent.into()])
}

fn sent(report: &Report) -> Value {
    value(report, "udp", "UDPv4", "DatagramsSentPersec").clone()
}

#[test]
fn quirk_no_round_waits_for_a_second_sample() {
    let mut state = State::default();
    let rows = vec![("UDPv4", vec![udp_raw(1_000, 0)]), ("UDPv4Rates", vec![udp_cooked(3)])];
    let first = report(Shape::Infrasonar, &mut state, rows);
    assert_eq!(sent(&first), Value::Uint(3), "the host's own rate");
    assert_eq!(*value(&first, "udp", "UDPv4", "DatagramsReceivedErrors"), Value::Uint(7));
    let second = report(Shape::Infrasonar, &mut state, vec![("UDPv4", vec![udp_raw(1_105, 10)])]);
    assert_eq!(sent(&second), Value::Uint(10), "10.5 in a second, as Python rounds it");
    let third = report(Shape::Native, &mut state, vec![("UDPv4", vec![udp_raw(1_120, 20)])]);
    assert_eq!(sent(&third), Value::Real(1.5));
    assert_eq!(items(&third, "tcp"), None);
}

#[test]
fn without_any_rate_there_is_none_and_it_is_said() {
    let first = report(Shape::Native, &mut State::default(), vec![("UDPv4", vec![udp_raw(1_000, 0)])]);
    assert_eq!(sent(&first), Value::Null);
    let said = first.warnings.iter().any(|w| w.part == "UDPv4" && w.text.contains("needs a second sample"));
    assert!(said, "{:?}", first.warnings);
}

#[test]
fn quirk_counters_that_go_back_end_no_round_and_a_wrap_is_crossed() {
    let mut state = State::default();
    report(Shape::Native, &mut state, vec![("UDPv4", vec![udp_raw(u32::MAX - 49, 0)])]);
    let wrapped = report(Shape::Native, &mut state, vec![("UDPv4", vec![udp_raw(50, 10)])]);
    assert_eq!(sent(&wrapped), Value::Real(10.0));
    let before = report(Shape::Native, &mut state, vec![("UDPv4", vec![udp_raw(1_000_000_000, 20)])]);
    assert!(matches!(sent(&before), Value::Real(_)));
    let restarted = report(Shape::Native, &mut state, vec![("UDPv4", vec![udp_raw(10, 30)])]);
    assert_eq!(sent(&restarted), Value::Null);
    assert!(restarted.warnings.iter().any(|w| w.part == "UDPv4"), "{:?}", restarted.warnings);
    let after = report(Shape::Native, &mut state, vec![("UDPv4", vec![udp_raw(30, 40)])]);
    assert_eq!(sent(&after), Value::Real(2.0));
}

#[test]
fn quirk_a_protocol_that_failed_is_told_and_harms_no_other() {
    let mut state = State::default();
    let rows = vec![("UDPv6", vec![udp_raw(0, 0)]), (ADAPTER, vec![adapter_row(1, "x", None, None, None)])];
    let report = report(Shape::Infrasonar, &mut state, rows);
    assert_eq!(items(&report, "udp"), Some(vec!["UDPv6"]));
    assert_eq!(items(&report, ADAPTER), Some(vec!["x"]));
    assert!(!traffic::has_samples(&state), "the next round asks for the host's own rates again");
}

/// An interface of a gigabit in a second that received `octets` in `seconds`.
fn interface(octets: CimValue, seconds: u64) -> Vec<(&'static str, Vec<Record>)> {
    const RAW: &[&str; 14] = &[
        "BytesReceivedPersec",
        "BytesSentPersec",
        "CurrentBandwidth",
        "Frequency_PerfTime",
        "Name",
        "OutputQueueLength",
        "PacketsOutboundDiscarded",
        "PacketsOutboundErrors",
        "PacketsReceivedDiscarded",
        "PacketsReceivedErrors",
        "PacketsReceivedPersec",
        "PacketsSentPersec",
        "Timestamp_PerfTime",
        "Timestamp_Sys100NS",
    ];
    let values = [
        octets,
        0_u64.into(),
        1_000_000_000_u64.into(),
        10_000_000_u64.into(),
        "Example Adapter".into(),
        0_u32.into(),
        0_u32.into(),
        0_u32.into(),
        0_u32.into(),
        2_u32.into(),
        5_u32.into(),
        5_u32.into(),
        (seconds * 10_000_000).into(),
        (seconds * 10_000_000).into(),
    ];
    vec![(INTERFACE, vec![Record::made(RAW, values)])]
}

fn of_interface(report: &Report, metric: &str) -> Value {
    value(report, INTERFACE, "Example Adapter", metric).clone()
}

#[test]
fn interfaces_have_octets_and_rates() {
    let mut state = State::default();
    let mut round = |octets: u64, seconds| report(Shape::Native, &mut state, interface(octets.into(), seconds));
    let first = round(5_000_000_000, 100);
    assert_eq!(of_interface(&first, "BytesReceived"), Value::Uint(5_000_000_000));
    assert_eq!(of_interface(&first, "BytesReceivedPersec"), Value::Null);
    let second = round(5_000_001_000, 104);
    assert_eq!(of_interface(&second, "BytesReceivedPersec"), Value::Real(250.0));
    assert_eq!(of_interface(&second, "PacketsReceivedErrors"), Value::Uint(2));
    assert!(!traffic::octets_wrap(&state));
}

#[test]
fn octets_that_are_null_once_do_not_make_a_host_one_of_32_bits() {
    let mut state = State::default();
    let mut round = |octets: CimValue, seconds| {
        let report = report(Shape::Native, &mut state, interface(octets, seconds));
        (of_interface(&report, "BytesReceivedPersec"), of_interface(&report, "PacketsReceivedErrors"))
    };
    round(5_000_000_000_u64.into(), 100);
    round(CimValue::Null, 104);
    round(5_000_002_000_u64.into(), 108);
    assert_eq!(round(5_000_003_000_u64.into(), 112).0, Value::Real(250.0));
    assert!(!traffic::octets_wrap(&state));
    // And one that was upgraded is one no more.
    let mut state = State::default();
    report(Shape::Native, &mut state, interface(CimValue::Uint32(1), 100));
    assert!(traffic::octets_wrap(&state));
    report(Shape::Native, &mut state, interface(CimValue::Uint64(1), 104));
    assert!(!traffic::octets_wrap(&state));
}

#[test]
fn octets_of_32_bits_tell_no_rate_when_they_may_have_wrapped_twice_and_no_total() {
    let mut state = State::default();
    let mut round = |octets: u32, seconds| report(Shape::Native, &mut state, interface(octets.into(), seconds));
    round(4_000_000_000, 100);
    let soon = round(205_032_704, 110);
    assert_eq!(of_interface(&soon, "BytesReceivedPersec"), Value::Real(50_000_000.0), "over one wrap");
    assert_eq!(of_interface(&soon, "BytesReceived"), Value::Null, "what wraps is no number since the start");
    // A minute of a gigabit is 7.5e9 octets, more than once around.
    for octets in [205_032_705, 5] {
        let late = round(octets, if octets == 5 { 230 } else { 170 });
        assert_eq!(of_interface(&late, "BytesReceivedPersec"), Value::Null);
        assert!(late.warnings.iter().any(|w| w.text.contains("may have wrapped")), "{:?}", late.warnings);
    }
    assert!(traffic::octets_wrap(&state), "the next round asks for the host's own rate");
    let asked = LATER.parts;
    let cooked = asked(&Options::default()).iter().find(|part| part.name == traffic::COOKED_INTERFACE);
    let when = cooked.and_then(|part| part.when).expect("a condition");
    assert!(when(&state) && !when(&State::default()));
    let mut rows = interface(9_u32.into(), 300);
    let host = Record::made(&["Name", "BytesReceivedPersec"], ["Example Adapter".into(), 77_u32.into()]);
    rows.push((traffic::COOKED_INTERFACE, vec![host]));
    let plan = &LATER;
    let later = evaluated(plan, &Options::default(), &mut state, rows);
    assert_eq!(of_interface(&later, "BytesReceivedPersec"), Value::Real(77.0));
}

#[test]
fn interfaces_of_one_name_do_not_get_each_other_s_rates() {
    let host =
        |rate: u32| Record::made(&["Name", "BytesReceivedPersec"], ["Example Adapter".into(), CimValue::Uint32(rate)]);
    let two = |octets: u64| interface(octets.into(), 100).remove(0).1.remove(0);
    let rows = vec![(INTERFACE, vec![two(1), two(2)]), (traffic::COOKED_INTERFACE, vec![host(7), host(9)])];
    let report = report(Shape::Native, &mut State::default(), rows);
    for name in ["Example Adapter", "Example Adapter (2)"] {
        assert_eq!(*value(&report, INTERFACE, name, "BytesReceivedPersec"), Value::Null, "{name}");
    }
}

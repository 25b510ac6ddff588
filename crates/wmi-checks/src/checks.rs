//! All checks by their keys, one file each.

mod counters;
#[cfg(test)]
mod look;
mod memory;
mod netstat;
mod network;
mod nt_domain;
mod process;
mod services;
mod shares;
mod software;
mod storage;
mod system;
mod updates;
mod users;

use crate::Check;
use crate::plan::Plan;

pub use software::Programs;

/// The planned checks, in the order in which help texts list them.
static PLANS: [&Plan; 9] = [
    &memory::PLAN,
    &netstat::PLAN,
    &nt_domain::PLAN,
    &process::PLAN,
    &shares::PLAN,
    &storage::PLAN,
    &system::PLAN,
    &updates::PLAN,
    &users::PLAN,
];

/// The keys of all checks, in the order in which help texts list them.
pub const KEYS: &[&str] = &[
    "memory", "netstat", "network", "ntDomain", "process", "services", "shares", "software", "storage", "system",
    "updates", "users",
];

/// The keys of the checks that InfraSonar's WMI probe has, too.
pub const PROBE_KEYS: &[&str] = &[
    "memory", "netstat", "network", "ntDomain", "process", "services", "software", "storage", "system", "updates",
    "users",
];

/// The check called `key`; `counters:CLASS` is that of a class of raw performance counters.
#[must_use]
pub fn by_key(key: &str) -> Option<Box<dyn Check>> {
    if let Some(counters) = counters::Counters::by_key(key) {
        return Some(Box::new(counters));
    }
    if key == network::KEY {
        return Some(Box::new(network::Network));
    }
    if key == services::KEY {
        return Some(Box::new(services::Services));
    }
    if key == software::KEY {
        return Some(Box::new(software::Software));
    }
    PLANS.iter().find(|plan| plan.key == key).map(|plan| Box::new(*plan) as Box<dyn Check>)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use wmi_proto::cim::CimValue;

    use super::*;
    use crate::plan::tests::evaluated;
    use crate::record::Record;
    use crate::{Options, Shape, State, Value};

    fn hostile() -> impl Strategy<Value = CimValue> {
        let text = prop_oneof![
            any::<String>(),
            prop::sample::select(vec!["", "_Total", "svchost#1", "#", "a=\"", "X.Y=\"Z", "20240229120000.000000+060"])
                .prop_map(str::to_owned),
        ];
        let number = prop_oneof![any::<u64>(), Just(0), Just(u64::MAX), 0..5_u64];
        prop_oneof![
            2 => Just(CimValue::Null),
            4 => number.prop_map(CimValue::Uint64),
            2 => any::<i32>().prop_map(CimValue::Sint32),
            1 => any::<f64>().prop_map(CimValue::Real64),
            1 => any::<bool>().prop_map(CimValue::Boolean),
            4 => text.clone().prop_map(|text| CimValue::String(text.as_str().into())),
            1 => text.clone().prop_map(|text| CimValue::DateTime(text.as_str().into())),
            1 => text.prop_map(|text| CimValue::Reference(text.as_str().into())),
            1 => prop::collection::vec(any::<u32>().prop_map(CimValue::Uint32), 0..3).prop_map(CimValue::Array),
        ]
    }

    /// In the InfraSonar shape, too, of which only settings and texts have the defaults of the original.
    #[test]
    fn quirk_no_measured_number_is_0_where_the_host_says_null() {
        let options = Options::new(Shape::Infrasonar);
        let null = |part: &crate::plan::Part| vec![Record::of(part.selects[0].columns, || CimValue::Null)];
        for plan in [&memory::PLAN, &system::PLAN, &process::PLAN, &netstat::PLAN, &storage::PLAN, &network::FIRST] {
            let parts = (plan.parts)(&options).iter().map(|part| (part.name, null(part))).collect();
            let report = evaluated(plan, &options, &mut State::default(), parts);
            let of_settings = ["adapter", "adapterConfiguration", "route", "volume"];
            for kind in report.types.iter().filter(|kind| !of_settings.contains(&kind.name)) {
                for metric in kind.items.iter().flat_map(|item| &item.metrics) {
                    let zero = [Value::Uint(0), Value::Int(0), Value::Bool(false), Value::Real(0.0)];
                    assert!(!zero.contains(&metric.value), "{} of {}: {metric:?}", kind.name, plan.key);
                    assert_ne!(metric.value, Value::List(vec![Value::Uint(0)]), "{} of {}", metric.name, plan.key);
                }
            }
        }
        let service = Record::made(&["Name", "ExitCode", "Started"], ["x".into(), CimValue::Null, CimValue::Null])
            .typed("ExitCode", wmi_proto::cim::CimType::UINT32)
            .typed("Started", wmi_proto::cim::CimType::BOOLEAN);
        assert_eq!([service.figure("ExitCode"), service.figure("Started")], [Value::Null, Value::Null]);
    }

    /// Server 2003 has neither: it is asked again without them, and tells the rest.
    #[test]
    fn hosts_before_vista_are_asked_without_what_they_do_not_have() {
        let since_vista = |class: &str, column: &str| match class {
            "Win32_OperatingSystem" => column == "OSArchitecture",
            "Win32_NetworkAdapter" => ["InterfaceIndex", "NetEnabled", "PhysicalAdapter"].contains(&column),
            "Win32_NetworkAdapterConfiguration" => column == "InterfaceIndex",
            "Win32_ComputerSystem" => ["NumberOfLogicalProcessors", "Workgroup"].contains(&column),
            "Win32_PageFileUsage" => column == "TempPageFile",
            "Win32_Service" => column == "DelayedAutoStart",
            _ => class.contains("_LocalSessionManager_") || class.contains("_Counters_"),
        };
        let lacks =
            |select: &crate::plan::Select| select.columns.iter().any(|column| since_vista(select.class, column));
        let mut seen = 0;
        for plan in PLANS.into_iter().chain([&network::FIRST, &network::LATER]) {
            for shape in [Shape::Native, Shape::Infrasonar] {
                for part in (plan.parts)(&Options::new(shape)).iter().filter(|part| lacks(&part.selects[0])) {
                    seen += 1;
                    assert!(!part.selects.iter().all(lacks), "{} of {}", part.name, plan.key);
                }
            }
        }
        assert!(seen >= 12, "{seen}");
    }

    /// What a list that broke off would tell of all its rows is not told, and its rows are.
    #[test]
    fn quirk_numbers_and_sums_of_a_list_that_broke_off_are_not_told() {
        use crate::plan::tests::evaluated_in_part;

        let row = |columns: &'static [&'static str], number: usize| {
            let mut names = columns.iter();
            Record::of(columns, || match *names.next().expect("a column") {
                "ProcessId" | "IDProcess" => CimValue::Uint64(8 + number as u64),
                "InstalledOn" => CimValue::String("20240312".into()),
                "Antecedent" => CimValue::Reference(format!("X.Domain=\"D\",Name=\"N{number}\"").as_str().into()),
                "Name" | "HotFixID" | "VolumeName" => CimValue::String(format!("N{number}").as_str().into()),
                _ => CimValue::Uint64(1),
            })
        };
        let types = |plan: &'static Plan, shape, broken: &[&str]| {
            let options = Options::new(shape);
            let of = |part: &crate::plan::Part| (0..2).map(|number| row(part.selects[0].columns, number)).collect();
            let parts = (plan.parts)(&options).iter().map(|part| (part.name, of(part))).collect();
            let report = evaluated_in_part(plan, &options, &mut State::default(), parts, broken);
            report.types.into_iter().map(|kind| kind.name).collect::<Vec<_>>()
        };
        use Shape::{Infrasonar, Native};
        for (plan, shape, part, kept, gone) in [
            (&memory::PLAN, Native, "pageFile", &["pageFile"][..], &["pageFileTotal"][..]),
            (&memory::PLAN, Infrasonar, "pageFile", &["pageFile"], &["pageFileTotal"]),
            (&process::PLAN, Native, "process", &["process"], &["processGroup", "processTotal"]),
            (&process::PLAN, Infrasonar, "process", &[], &["process"]),
            (&services::PLAN, Native, "services", &["services"], &["servicesTotal"]),
            (&storage::PLAN, Native, "snapshot", &["shadow"], &["snapshot"]),
            (&updates::PLAN, Native, "updates", &["updates", "coverage"], &["last"]),
            (&updates::PLAN, Infrasonar, "updates", &["updates"], &["last"]),
            (&users::PLAN, Native, "loggedOn", &["sessionTotal"], &["loggedOn", "loggedOnTotal"]),
            (&users::PLAN, Infrasonar, "loggedOn", &["remote"], &["loggedOn", "loggedOnTotal"]),
            (&users::PLAN, Infrasonar, "remote", &["loggedOn"], &["remote"]),
        ] {
            let (whole, broken) = (types(plan, shape, &[]), types(plan, shape, &[part]));
            for kind in kept.iter().chain(gone) {
                assert!(whole.contains(kind), "{}: {kind} of {whole:?}", plan.key);
            }
            assert!(kept.iter().all(|kind| broken.contains(kind)), "{}: {broken:?}", plan.key);
            assert!(gone.iter().all(|kind| !broken.contains(kind)), "{}: {broken:?}", plan.key);
        }
    }

    /// A host that has many times the rows takes no more than many times the work.
    #[test]
    fn the_work_grows_as_the_rows_do() {
        let row = |columns: &'static [&'static str], number: usize| {
            let mut names = columns.iter();
            let text = |text: String| CimValue::String(text.as_str().into());
            Record::of(columns, || match *names.next().expect("a column") {
                "LogonId" => text(number.to_string()),
                "SessionId" => CimValue::Uint32(0),
                "ProcessId" => CimValue::Uint64(number as u64),
                "Volume" | "DiffVolume" => text(format!("Win32_Volume.DeviceID=\"V{number}\"")),
                "Antecedent" => text(format!("Win32_LogonSession.LogonId=\"{number}\"")),
                "Dependent" => text(format!("Win32_Process.Handle=\"{number}\"")),
                _ => text(format!("V{number}")),
            })
        };
        type Rows = Vec<(&'static str, Vec<Record>)>;
        let time = |plan: &'static Plan, options: &Options, rows: Rows| {
            let begun = std::time::Instant::now();
            evaluated(plan, options, &mut State::default(), rows);
            begun.elapsed()
        };
        for plan in PLANS.into_iter().chain([&network::FIRST, &network::LATER, &services::PLAN]) {
            for shape in [Shape::Native, Shape::Infrasonar] {
                let options = Options::new(shape);
                let of = |part: &crate::plan::Part| (0..3200).map(|n| row(part.selects[0].columns, n)).collect();
                let many: Rows = (plan.parts)(&options).iter().map(|part| (part.name, of(part))).collect();
                let few: Rows = many.iter().map(|(name, rows)| (*name, rows[..100].to_vec())).collect();
                // A busy machine may be slow once, but not each time.
                let took = (0..5).map(|_| (time(plan, &options, few.clone()), time(plan, &options, many.clone())));
                let slow = |(few, many)| many >= few * 96 + std::time::Duration::from_millis(30);
                let few_and_many: Vec<_> = took.take_while(|took| slow(*took)).collect();
                assert!(few_and_many.len() < 5, "{} {shape}: {few_and_many:?} of 32 times the rows", plan.key);
            }
        }
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(48))]

        /// Whatever the host says, in both shapes, twice in a row: a report with a name of its own for each item.
        #[test]
        fn hostile_values_are_no_panic(values in prop::collection::vec(hostile(), 64..256)) {
            let mut values = values.iter().cycle();
            for plan in PLANS.into_iter().chain([&network::FIRST, &network::LATER, &services::PLAN]) {
                for shape in [Shape::Native, Shape::Infrasonar] {
                    let (options, mut state) = (Options::new(shape), State::default());
                    for _ in 0..2 {
                        let parts = (plan.parts)(&options).iter().map(|part| {
                            let row = |_| Record::of(part.selects[0].columns, || values.next().cloned().expect("endless"));
                            (part.name, (0..3).map(row).collect())
                        });
                        let report = evaluated(plan, &options, &mut state, parts.collect());
                        for kind in report.types {
                            let names: std::collections::BTreeSet<_> = kind.items.iter().map(|item| &item.name).collect();
                            prop_assert_eq!(names.len(), kind.items.len(), "{} of {}", kind.name, plan.key);
                        }
                    }
                }
            }
        }
    }

    #[test]
    fn who_reads_counters_says_which_group_may() {
        let counters = "counters:Win32_PerfRawData_PerfOS_Cache";
        for check in KEYS.iter().chain([&counters]).filter_map(|key| by_key(key)) {
            let reads = check.reads(&Options::new(Shape::Native));
            let counts = reads.iter().any(|read| read.class.starts_with("Win32_Perf"));
            assert_eq!(check.about().rights.contains("Performance Monitor Users"), counts, "{}", check.key());
        }
    }

    #[test]
    fn every_key_has_its_check() {
        for key in KEYS {
            assert_eq!(by_key(key).expect("a check").key(), *key);
        }
        assert!(by_key("weather").is_none());
        let key = "counters:Win32_PerfRawData_PerfOS_Cache";
        assert_eq!(by_key(key).expect("a check").key(), key);
        for key in ["counters:", "counters", "counters:Win32_Process WHERE", "counters:a'b"] {
            assert!(by_key(key).is_none(), "{key}");
        }
        assert!(by_key("counters:win32_perfformatteddata_PerfOS_Cache").is_none(), "values are no samples");
    }
}

//! The InfraSonar shape against the original probe on the same simulated hosts.
//!
//! `tests/data/golden/PROFILE.json` is what the original said, with its versions (`tests/golden/record.py` records it);
//! `tests/data/golden/differences.tsv` lists every value in which ours may differ, and why. A difference that is not
//! listed fails, and so does an entry that nothing needs.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::Path;
use std::time::Duration;

use serde_json::{Map, Value, json};
use wmi_checks::{Options, Report, Rounds, Shape, State};
use wmi_proto::FileTime;
use wmi_sim::{HostConfig, Profile};
use wmi_testkit::pair::{OBJECT_PORT, Pair, config};

/// The checks of the original.
const CHECKS: [&str; 11] = [
    "memory", "network", "netstat", "ntDomain", "process", "services", "software", "storage", "system", "updates",
    "users",
];

/// 2026-03-01 12:00:00 UTC: when the clock of each recorded host started.
const CLOCK: FileTime = FileTime(134_168_400_000_000_000);

/// A place where the two differ, or may.
#[derive(Debug)]
struct Difference {
    profile: String,
    check: String,
    kind: String,
    item: String,
    metric: String,
    ours: String,
    theirs: String,
}

impl Difference {
    fn fields(&self) -> [&str; 7] {
        [&self.profile, &self.check, &self.kind, &self.item, &self.metric, &self.ours, &self.theirs]
    }
}

/// An entry of the list: seven patterns, the line of the field guide, and why.
#[derive(Debug)]
struct Entry {
    patterns: Vec<String>,
    line: String,
}

fn data() -> std::path::PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../tests/data/golden")
}

fn entries() -> Vec<Entry> {
    let text = fs::read_to_string(data().join("differences.tsv")).expect("the list is there");
    let lines = text.lines().filter(|line| !line.is_empty() && !line.starts_with('#'));
    lines
        .map(|line| {
            let fields: Vec<&str> = line.split('\t').collect();
            assert_eq!(fields.len(), 9, "nine fields are needed: {line}");
            assert!(fields[7].parse::<u32>().is_ok(), "the eighth is a line of the field guide: {line}");
            Entry { patterns: fields[..7].iter().map(|&field| field.to_owned()).collect(), line: line.to_owned() }
        })
        .collect()
}

/// Whether `text` is what `pattern` says, in which `*` stands for anything; `a|b` is either.
fn matches(pattern: &str, text: &str) -> bool {
    let one = |pattern: &str| {
        let mut rest = text;
        let mut parts = pattern.split('*');
        let first = parts.next().unwrap_or_default();
        let Some(after) = rest.strip_prefix(first) else { return false };
        rest = after;
        let mut last = first;
        for part in parts {
            let Some(at) = rest.find(part) else { return false };
            rest = &rest[at + part.len()..];
            last = part;
        }
        rest.is_empty() || (pattern.contains('*') && (last.is_empty() || text.ends_with(last)))
    };
    pattern.split('|').any(one)
}

/// Whether `theirs` is the number `ours` and what stands behind `ours+` in the pattern.
fn is_later(pattern: &str, ours: &str, theirs: &str) -> bool {
    let number = |text: &str| text.parse::<i64>().ok();
    let later = pattern.strip_prefix("ours+").and_then(number).zip(number(ours)).map(|(more, ours)| ours + more);
    later.is_some() && later == number(theirs)
}

fn ours(report: &Report) -> Value {
    let items = |t: &wmi_checks::Type| {
        let item = |item: &wmi_checks::Item| {
            let metrics = item.metrics.iter().map(|metric| (metric.name.to_string(), json!(metric.value)));
            let name = std::iter::once(("name".to_owned(), json!(item.name)));
            Value::Object(name.chain(metrics).collect())
        };
        t.items.iter().map(item).collect::<Vec<_>>()
    };
    report.types.iter().map(|t| (t.name.to_owned(), json!(items(t)))).collect::<Map<_, _>>().into()
}

fn same(ours: &Value, theirs: &Value) -> bool {
    match (ours, theirs) {
        (Value::Number(a), Value::Number(b)) => {
            // An integer where the other has a real is another type to whoever stores it.
            if a.is_f64() != b.is_f64() {
                return false;
            }
            let (a, b) = (a.as_f64().unwrap_or(f64::NAN), b.as_f64().unwrap_or(f64::NAN));
            (a - b).abs() <= 1e-9 * a.abs().max(b.abs())
        }
        (Value::Array(a), Value::Array(b)) => a.len() == b.len() && a.iter().zip(b).all(|(a, b)| same(a, b)),
        _ => ours == theirs,
    }
}

type Items<'a> = BTreeMap<String, &'a Map<String, Value>>;

fn by_name(items: &[Value]) -> Items<'_> {
    items.iter().filter_map(Value::as_object).map(|o| (o.get("name").map_or(String::new(), name), o)).collect()
}

fn name(value: &Value) -> String {
    value.as_str().map_or_else(|| value.to_string(), str::to_owned)
}

/// Everything in which one check differs.
fn compare(ours: &Value, theirs: &Value, differs: &mut dyn FnMut([&str; 3], String, String)) {
    let none = Map::new();
    let (own, other) = (ours.as_object().unwrap_or(&none), theirs.as_object().unwrap_or(&none));
    let absent = || "absent".to_owned();
    for kind in own.keys().chain(other.keys()).collect::<BTreeSet<_>>() {
        let (Some(a), Some(b)) = (own.get(kind), other.get(kind)) else {
            let told = |side: &Map<String, Value>| side.get(kind).map_or_else(absent, |_| "present".to_owned());
            differs([kind, "", ""], told(own), told(other));
            continue;
        };
        let empty = Vec::new();
        let a = a.as_array().unwrap_or(&empty);
        // Of a long list the first items by name and the length were recorded.
        let (b, part) = match b {
            Value::Array(items) => (items, false),
            other => {
                if json!(a.len()) != other["length"] {
                    differs([kind, "", "length"], a.len().to_string(), other["length"].to_string());
                }
                (other["first"].as_array().unwrap_or(&empty), true)
            }
        };
        if !part && a.len() != b.len() {
            differs([kind, "", "length"], a.len().to_string(), b.len().to_string());
        }
        let (a, b) = (by_name(a), by_name(b));
        for item in a.keys().chain(b.keys()).collect::<BTreeSet<_>>() {
            match (a.get(item), b.get(item)) {
                (Some(a), Some(b)) => {
                    for metric in a.keys().chain(b.keys()).collect::<BTreeSet<_>>() {
                        let (x, y) = (a.get(metric), b.get(metric));
                        if !x.zip(y).is_some_and(|(x, y)| same(x, y)) {
                            let told = |value: Option<&Value>| value.map_or_else(absent, Value::to_string);
                            differs([kind, item, metric], told(x), told(y));
                        }
                    }
                }
                (Some(_), None) if part => {}
                (a, b) => {
                    let told = |there: bool| if there { "present".to_owned() } else { absent() };
                    differs([kind, item, ""], told(a.is_some()), told(b.is_some()));
                }
            }
        }
    }
}

/// What the eleven checks say of a host, their second round where they need one.
fn checked(profile: Profile) -> BTreeMap<String, Report> {
    let host = HostConfig::new(OBJECT_PORT).profile(profile).clock(CLOCK);
    let mut pair = Pair::new(config(), host);
    let mut rounds = Rounds::new(CHECKS.len());
    for key in CHECKS {
        let check = wmi_checks::by_key(key).unwrap_or_else(|| panic!("no check {key}"));
        rounds.begin(&*check, &Options::new(Shape::Infrasonar), State::default(), Duration::from_secs(300));
    }
    pair.rounds(&mut rounds).into_iter().map(|done| (done.report.check.to_string(), done.report)).collect()
}

fn recorded(profile: Profile) -> Value {
    let path = data().join(format!("{profile}.json"));
    let text = fs::read_to_string(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
    serde_json::from_str(&text).expect("JSON")
}

fn differences(profile: Profile) -> Vec<Difference> {
    let (theirs, ours_all) = (recorded(profile), checked(profile));
    let mut found = Vec::new();
    for check in CHECKS {
        let own = ours(&ours_all[check]);
        let other = &theirs["checks"][check];
        let mut push = |[kind, item, metric]: [&str; 3], ours: String, theirs: String| {
            let [kind, item, metric] = [kind, item, metric].map(str::to_owned);
            found.push(Difference {
                profile: profile.to_string(),
                check: check.to_owned(),
                kind,
                item,
                metric,
                ours,
                theirs,
            });
        };
        compare(&own, &other["result"], &mut push);
        let errors: Vec<&str> = ours_all[check].errors.iter().map(|error| error.text.as_str()).collect();
        if errors.is_empty() != other["error"].is_null() {
            push(["error", "", ""], json!(errors.first()).to_string(), other["error"].to_string());
        }
    }
    found
}

#[test]
fn every_difference_is_one_that_is_known() {
    let entries = entries();
    let mut needed = BTreeSet::new();
    let mut unknown = Vec::new();
    let only = std::env::var("GOLDEN_ONLY").ok();
    for &profile in Profile::ALL.iter().filter(|p| only.as_deref().is_none_or(|only| p.name() == only)) {
        for difference in differences(profile) {
            let fields = difference.fields();
            let fits = |e: &Entry| {
                let mut pairs = e.patterns.iter().zip(fields);
                pairs.all(|(p, field)| matches(p, field) || is_later(p, &difference.ours, field))
            };
            let entry = entries.iter().position(fits);
            match entry {
                Some(at) => drop(needed.insert(at)),
                None => unknown.push(fields.join("\t")),
            }
        }
    }
    let idle: Vec<&str> =
        entries.iter().enumerate().filter(|(at, _)| !needed.contains(at)).map(|(_, e)| e.line.as_str()).collect();
    if std::env::var_os("GOLDEN_ALL").is_none() {
        unknown.truncate(200);
    }
    assert!(unknown.is_empty(), "{} differences that are not listed:\n{}", unknown.len(), unknown.join("\n"));
    assert!(idle.is_empty(), "entries that nothing needs:\n{}", idle.join("\n"));
}

#[test]
fn every_profile_was_recorded_with_its_versions() {
    for &profile in Profile::ALL {
        let recorded = &recorded(profile)["recorded"];
        assert_eq!(recorded["profile"], profile.to_string());
        for program in ["wmi-probe", "aiowmi", "libprobe"] {
            assert!(recorded[program].as_str().is_some_and(|version| !version.is_empty()), "{program} of {profile}");
        }
    }
}

#[test]
fn patterns_match() {
    for (pattern, text, expected) in [
        ("*", "", true),
        ("*", "x", true),
        ("a*c", "abc", true),
        ("a*c", "abcd", false),
        ("a|b", "b", true),
        ("a", "ab", false),
        ("*x", "axbx", true),
        ("", "", true),
        ("", "a", false),
    ] {
        assert_eq!(matches(pattern, text), expected, "{pattern} {text}");
    }
}

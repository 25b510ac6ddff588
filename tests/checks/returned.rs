//! What the checks say that they return, against what they return on hosts of every kind.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;
use std::path::Path;
use std::time::Duration;

use wmi_checks::{KEYS, Options, PROBE_KEYS, Report, Rounds, Shape, State, Value, by_key};
use wmi_sim::{HostConfig, Profile};
use wmi_testkit::pair::{OBJECT_PORT, Pair, config};

/// What was seen of a metric, by shape, check, type, metric and unit.
type Seen = BTreeMap<[String; 5], BTreeSet<&'static str>>;

fn kind(value: &Value) -> Option<&'static str> {
    match value {
        Value::Null => None,
        Value::Bool(_) => Some("truth"),
        Value::Int(_) | Value::Uint(_) => Some("integer"),
        Value::Real(_) => Some("real"),
        Value::Text(_) => Some("text"),
        Value::List(_) => Some("list"),
    }
}

fn note(shape: Shape, report: &Report, seen: &mut Seen) {
    for t in &report.types {
        for metric in t.items.iter().flat_map(|item| &item.metrics) {
            let unit = metric.unit.name();
            let key = [shape.to_string(), report.check.to_string(), t.name.to_owned(), metric.name.to_string()];
            let [shape, check, name, metric_name] = key;
            let kinds = seen.entry([shape, check, name, metric_name, unit.to_owned()]).or_default();
            kinds.extend(kind(&metric.value));
        }
    }
}

/// The list of a run on every kind of host: two rounds, because some things need a second sample.
fn run() -> String {
    let mut seen = Seen::new();
    // What `huge` has, an ordinary server has, too.
    for profile in Profile::ALL.iter().copied().filter(|profile| *profile != Profile::Huge) {
        for (shape, keys) in [(Shape::Native, KEYS), (Shape::Infrasonar, PROBE_KEYS)] {
            let mut pair = Pair::new(config(), HostConfig::new(OBJECT_PORT).profile(profile));
            let mut options = Options::new(shape);
            // Asked for by name only; one host is enough to see what it brings.
            options.win32_product = profile == Profile::Server2022;
            let mut states: Vec<State> = keys.iter().map(|_| State::default()).collect();
            for _ in 0..2 {
                let mut rounds = Rounds::new(keys.len());
                let begin = |(key, state): (&&str, &mut State)| {
                    let check = by_key(key).expect("a check");
                    rounds.begin(&*check, &options, std::mem::take(state), Duration::from_secs(240))
                };
                let ids: Vec<_> = keys.iter().zip(&mut states).map(begin).collect();
                for finished in pair.rounds(&mut rounds) {
                    note(shape, &finished.report, &mut seen);
                    let at = ids.iter().position(|id| *id == finished.id).expect("one of these");
                    states[at] = finished.state;
                }
                pair.advance(Duration::from_secs(60));
            }
        }
    }
    let metrics: BTreeSet<_> =
        seen.keys().map(|[shape, check, name, metric, _]| [shape, check, name, metric]).collect();
    assert_eq!(metrics.len(), seen.len(), "a metric has one unit");
    let mut text = String::new();
    for (key, kinds) in seen {
        let kinds = kinds.into_iter().collect::<Vec<_>>().join("|");
        writeln!(text, "{}\t{kinds}", key.join("\t")).expect("text takes text");
    }
    text
}

/// `UPDATE_RETURNED=1` writes the list anew.
#[test]
fn the_list_of_metrics_is_what_checks_return() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../wmi-checks/src/returned.tsv");
    let found = run();
    if std::env::var_os("UPDATE_RETURNED").is_some() {
        std::fs::write(&path, &found).expect("the list is written");
    }
    let list = std::fs::read_to_string(&path).expect("the list is there");
    let (list, found): (BTreeSet<_>, BTreeSet<_>) = (list.lines().collect(), found.lines().collect());
    let (gone, new): (Vec<_>, Vec<_>) = (list.difference(&found).collect(), found.difference(&list).collect());
    assert!(
        gone.is_empty() && new.is_empty(),
        "UPDATE_RETURNED=1 writes it anew; not returned: {gone:#?}; not listed: {new:#?}"
    );
    for key in KEYS {
        let check = by_key(key).expect("a check");
        let said: BTreeSet<_> = check.about().returns.iter().map(|(name, _)| *name).collect();
        let kept: BTreeSet<_> = wmi_checks::returned(key, Shape::Native).map(|metric| metric.type_name).collect();
        assert_eq!(said, kept, "{key}: the types that have words");
    }
    let metrics = |key, shape| wmi_checks::returned(key, shape).count();
    assert!(KEYS.iter().all(|key| metrics(key, Shape::Native) > 0), "every check returns something");
    assert_eq!(metrics("shares", Shape::Infrasonar), 0, "the original has no such check");
}

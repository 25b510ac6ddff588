//! A day of checks on a virtual clock, for every kind of host.

use std::collections::BTreeMap;
use std::time::Duration;

use wmi_checks::{KEYS, Options, Rounds, State, by_key};
use wmi_proto::Role;
use wmi_sim::{Fault, HostConfig, Profile};
use wmi_testkit::pair::{Pair, config};

const DAY: Duration = Duration::from_secs(86_400);

/// What a check has said so far.
#[derive(Default)]
struct Life {
    state: State,
    rounds: usize,
    /// The types of the second round: the first one lacks what needs two samples.
    types: Vec<&'static str>,
    /// The size of the state at noon, as it would be kept.
    noon: usize,
}

fn size(state: &State) -> usize {
    serde_json::to_string(state).expect("a state can be kept").len()
}

/// Takes all checks through a day, a round each `every`; in the middle the connections are cut once.
fn day(profile: Profile, every: Duration, keys: &[&str], faults: &[Fault]) {
    let host = HostConfig::new(50_000).profile(profile).faults(faults.iter().copied());
    let mut pair = Pair::seeded(config(), host, 7);
    let mut lives: BTreeMap<&str, Life> = keys.iter().map(|key| (*key, Life::default())).collect();
    let start = pair.now();
    let mut round = 0_u32;
    let mut cut = false;
    while pair.now().saturating_since(start) < DAY {
        let mut rounds = Rounds::new(keys.len());
        let mut ids = BTreeMap::new();
        for key in keys {
            // Lists that hardly change are asked for four times a day.
            let seldom = matches!(*key, "software" | "updates" | "services" | "ntDomain" | "shares" | "users");
            if seldom && !round.is_multiple_of(u32::try_from(DAY.as_secs() / 4 / every.as_secs()).unwrap_or(1).max(1)) {
                continue;
            }
            let state = lives.get_mut(key).map(|life| std::mem::take(&mut life.state)).unwrap_or_default();
            let check = by_key(key).expect("a check");
            ids.insert(rounds.begin(&*check, &Options::default(), state, Duration::from_secs(240)), *key);
        }
        let noon = pair.now().saturating_since(start) >= DAY / 2;
        if noon && !cut {
            cut = true;
            assert_eq!(pair.host.stats().logons, 2, "{profile}: twelve hours of rounds and pings need no other log-on");
            pair.cut(Role::ObjectServer, None, Duration::ZERO);
            pair.cut(Role::Activator, None, Duration::ZERO);
        }
        for finished in pair.rounds(&mut rounds) {
            let key = ids[&finished.id];
            let life = lives.get_mut(key).expect("known");
            life.rounds += 1;
            let types: Vec<&'static str> = finished.report.types.iter().map(|t| t.name).collect();
            if life.rounds == 2 {
                life.types = types;
            } else if life.rounds > 2 {
                let lost: Vec<_> = life.types.iter().filter(|t| !types.contains(t)).collect();
                assert!(
                    lost.is_empty(),
                    "{profile} {key}, round {}: lost {lost:?}: {:?}",
                    life.rounds,
                    finished.report.errors
                );
            }
            life.state = finished.state;
            if noon && life.noon == 0 {
                life.noon = size(&life.state);
            }
        }
        round += 1;
        let next = start.saturating_add(every * round);
        let left = next.saturating_since(pair.now());
        pair.advance(left);
        pair.take_events();
    }
    for (key, life) in &lives {
        assert!(life.rounds >= 4, "{profile} {key}: {} rounds", life.rounds);
        let (noon, night) = (life.noon, size(&life.state));
        assert!(
            night <= noon + noon / 4 + 4096,
            "{profile} {key}: the state grows, {noon} octets at noon, {night} at night"
        );
    }
    let logons = pair.host.stats().logons;
    assert!(logons <= 4, "{profile}: {logons} log-ons: two, and two when the connections were cut");
}

/// Every kind of host gets a day of its own, so that they share the machine's processors.
macro_rules! days {
    ($($name:ident = $profile:ident, $minutes:literal;)*) => {
        $( #[test]
        fn $name() {
            day(Profile::$profile, Duration::from_secs($minutes * 60), KEYS, &[]);
        } )*
    };
}

days! {
    server_2022 = Server2022, 30;
    server_2008r2 = Server2008R2, 30;
    workstation = Workstation, 60;
    domain_controller = DomainController, 60;
    core_256_cpus = Core256Cpus, 60;
    no_rights = NoRights, 30;
    broken_counters = BrokenCounters, 30;
    foreign_locale = ForeignLocale, 60;
    slow = Slow, 30;
}

/// Four rounds of the large lists and no more: they are long.
#[test]
fn huge() {
    day(Profile::Huge, Duration::from_secs(6 * 3600), KEYS, &[]);
}

use super::*;
use crate::outcome::Severity;
use crate::packet::{assets, request, unset_assets, upsert_asset};
use crate::printed::json;

/// An agent, its clocks, and what it said.
struct Bench {
    agent: Agent,
    now: Now,
    log: Vec<(Level, String)>,
}

const MEMORY: &str = "memory";
const SERVICES: &str = "services";

/// 1_700_000_000 is 20 s into its minute.
const BEGIN: u64 = 1_700_000_000;

impl Bench {
    fn new() -> Self {
        let kinds = [(MEMORY, 0), (SERVICES, 14_400)];
        let probe = Probe {
            name: "wmi".to_owned(),
            version: "1.2.3".to_owned(),
            kinds: kinds
                .map(|(key, eol)| Kind { key: key.to_owned(), unchanged_eol: Duration::from_secs(eol) })
                .to_vec(),
            max_package: 1000,
            max_check_timeout: Duration::from_secs(300),
        };
        let now = Now { steady: Instant::from_micros(5_000_000), unix: Duration::from_secs(BEGIN) };
        Self { agent: Agent::new(probe, now), now, log: Vec::new() }
    }

    /// One that agentcore has accepted, with `entries`.
    fn accepted(entries: &[Entry]) -> Self {
        let mut bench = Self::new();
        assert_eq!(bench.outputs(), [Output::Connect]);
        bench.agent.connected(bench.now);
        bench.outputs();
        bench.receive(&assets(PacketType::Announced, 1, entries));
        assert_eq!(bench.outputs(), []);
        bench
    }

    fn receive(&mut self, frame: &Frame) {
        self.agent.received(&frame.encode(), self.now);
    }

    /// What is to be done; what is to be said goes to the log.
    fn outputs(&mut self) -> Vec<Output> {
        let mut outputs = Vec::new();
        while let Some(output) = self.agent.poll_output() {
            match output {
                Output::Log(level, text) => self.log.push((level, text)),
                output => outputs.push(output),
            }
        }
        outputs
    }

    /// Time passes, and the agent is told at each moment that it asked for.
    fn pass(&mut self, seconds: f64) -> Vec<Output> {
        let end = self.now.steady.saturating_add(Duration::from_secs_f64(seconds));
        let mut outputs = self.outputs();
        loop {
            let next = self.agent.poll_timeout(self.now).filter(|next| *next <= end);
            let passed = next.unwrap_or(end).saturating_since(self.now.steady);
            self.now = Now { steady: next.unwrap_or(end), unix: self.now.unix + passed };
            self.agent.advance(self.now);
            outputs.extend(self.outputs());
            if next.is_none() {
                return outputs;
            }
        }
    }

    /// The one run that begins within `seconds`.
    fn started(&mut self, seconds: f64) -> RunId {
        let outputs = self.pass(seconds);
        let [Output::Start(start)] = outputs.as_slice() else { panic!("{outputs:?}") };
        start.run
    }

    /// The body of the one packet that `outcome` leads to.
    fn finish(&mut self, run: RunId, outcome: Outcome) -> String {
        self.agent.finished(run, outcome, self.now);
        let outputs = self.outputs();
        let [Output::Send(octets)] = outputs.as_slice() else { panic!("{outputs:?}") };
        let mut framer = Framer::default();
        framer.push(octets);
        let frame = framer.next_frame().expect("a frame").expect("a whole one");
        assert_eq!((frame.kind, frame.id, frame.part), (PacketType::Dump.into(), 0, 7));
        json(&frame.value().expect("msgpack"), None)
    }

    fn said(&self, level: Level, part: &str) -> bool {
        self.log.iter().any(|(known, text)| *known == level && text.contains(part))
    }
}

fn entry(asset: u64, check: u64, key: &str, interval: u64) -> Entry {
    Entry {
        path: CheckPath { asset, check },
        asset_name: format!("srv{asset}"),
        check_key: key.to_owned(),
        config: CheckConfig::every(interval),
    }
}

/// Asset 7's check, which runs at second 27 of each minute, and 7/32 s.
fn minutely(key: &str) -> Entry {
    entry(7, 20, key, 60)
}

fn result(value: u64) -> CheckResult {
    let mut result = CheckResult::default();
    result.add("t", [("a".to_owned(), vec![("m".to_owned(), value.into())])]);
    result
}

#[test]
fn it_announces_name_and_version_first() {
    let mut bench = Bench::new();
    assert_eq!(bench.outputs(), [Output::Connect]);
    bench.agent.connected(bench.now);
    let body = Value::List(vec!["wmi".into(), "1.2.3".into()]);
    assert_eq!(bench.outputs(), [Output::Send(Frame::new(PacketType::Announce, 1, &body).encode())]);
}

#[test]
fn heartbeats_are_answered_with_the_time_and_their_id() {
    let mut bench = Bench::accepted(&[]);
    bench.now.unix += Duration::from_millis(500);
    bench.receive(&request(PacketType::Info, 0xfffe));
    let time = Value::Real(1_700_000_000.5);
    assert_eq!(bench.outputs(), [Output::Send(Frame::new(PacketType::InfoAnswer, 0xfffe, &time).encode())]);
}

#[test]
fn attempts_to_connect_are_4_8_16_32_64_and_128_s_apart() {
    let mut bench = Bench::new();
    assert_eq!(bench.outputs(), [Output::Connect]);
    for pause in [4.0, 8.0, 16.0, 32.0, 64.0, 128.0, 128.0] {
        bench.agent.disconnected("refused", bench.now);
        assert_eq!(bench.pass(pause - 0.01), []);
        assert_eq!(bench.pass(0.01), [Output::Connect], "{pause}");
    }
    assert!(bench.said(Level::Error, "connecting to agentcore failed: refused; the next attempt is in 128 s"));
}

#[test]
fn an_attempt_that_never_ends_is_given_up_after_20_s() {
    let mut bench = Bench::new();
    assert_eq!(bench.outputs(), [Output::Connect]);
    assert_eq!(bench.pass(19.99), []);
    assert_eq!(bench.pass(0.01), [Output::Disconnect]);
    bench.agent.connected(bench.now);
    assert_eq!(bench.outputs(), [], "too late");
    assert_eq!(bench.pass(4.0), [Output::Connect]);
}

#[test]
fn after_a_connection_that_was_accepted_pauses_begin_anew() {
    let mut bench = Bench::new();
    bench.agent.disconnected("refused", bench.now);
    bench.pass(4.0);
    bench.agent.connected(bench.now);
    bench.outputs();
    bench.receive(&assets(PacketType::Announced, 1, &[]));
    bench.agent.disconnected("closed", bench.now);
    assert_eq!(bench.pass(2.0), [Output::Connect]);
    bench.agent.disconnected("refused", bench.now);
    assert_eq!(bench.pass(4.0), [Output::Connect]);
}

#[test]
fn a_hub_that_closes_before_it_accepts_is_left_alone_for_longer_each_time() {
    let mut bench = Bench::new();
    bench.outputs();
    for pause in [4.0, 8.0] {
        bench.agent.connected(bench.now);
        bench.outputs();
        bench.agent.disconnected("closed", bench.now);
        assert_eq!(bench.pass(pause - 0.01), []);
        assert_eq!(bench.pass(0.01), [Output::Connect]);
    }
}

#[test]
fn an_announcement_without_an_answer_is_given_up_after_10_s_and_later_ones_have_longer() {
    let mut bench = Bench::new();
    bench.outputs();
    let mut pause = 4.0;
    for timeout in [10.0, 20.0, 40.0, 60.0, 60.0] {
        bench.agent.connected(bench.now);
        bench.outputs();
        assert_eq!(bench.pass(timeout - 0.01), []);
        assert_eq!(bench.pass(0.01), [Output::Disconnect], "{timeout}");
        assert!(bench.said(Level::Error, &format!("agentcore did not answer the announcement within {timeout} s")));
        assert_eq!(bench.pass(pause), [Output::Connect]);
        pause *= 2.0;
    }
    bench.agent.connected(bench.now);
    bench.receive(&assets(PacketType::Announced, 1, &[]));
    bench.agent.disconnected("closed", bench.now);
    bench.pass(2.0);
    bench.agent.connected(bench.now);
    bench.outputs();
    assert_eq!(bench.pass(10.0), [Output::Disconnect], "one that was accepted makes it begin anew");
}

#[test]
fn a_refused_announcement_is_told_and_tried_again() {
    let mut bench = Bench::new();
    bench.outputs();
    bench.agent.connected(bench.now);
    bench.outputs();
    bench.receive(&Frame::new(PacketType::Refused, 1, &"not here".into()));
    assert_eq!(bench.outputs(), [Output::Disconnect]);
    assert!(bench.said(Level::Error, "agentcore refused this probe: not here"));
    assert_eq!(bench.pass(4.0), [Output::Connect]);
}

#[test]
fn garbage_ends_the_connection_and_the_checks_go_on() {
    let mut bench = Bench::accepted(&[minutely(MEMORY)]);
    bench.agent.received(&[0; 16], bench.now);
    assert_eq!(bench.outputs(), [Output::Disconnect]);
    assert!(bench.said(Level::Error, "no frame: the check octet of type 0x00 is 0x00 and not 0xff"));
    // What comes behind it is not looked at.
    bench.receive(&assets(PacketType::SetAssets, 0, &[]));
    let outputs = bench.pass(8.0);
    assert!(matches!(outputs.as_slice(), [Output::Connect, Output::Start(_)]), "{outputs:?}");
}

#[test]
fn a_body_that_is_no_msgpack_is_passed_over() {
    let mut bench = Bench::accepted(&[minutely(MEMORY)]);
    let broken = Frame { part: 0, id: 0, kind: PacketType::SetAssets.into(), body: vec![0xc1] };
    let behind = assets(PacketType::SetAssets, 0, &[minutely(MEMORY), entry(8, 8, MEMORY, 60)]);
    bench.agent.received(&[broken.encode(), behind.encode()].concat(), bench.now);
    assert_eq!(bench.outputs(), []);
    assert!(bench.said(Level::Error, "the body of a packet of type 0x02 is no msgpack"));
    assert_eq!(bench.agent.checks(), (2, 0));
}

#[test]
fn a_packet_of_unknown_type_or_shape_is_passed_over() {
    let mut bench = Bench::accepted(&[minutely(MEMORY)]);
    bench.receive(&Frame { part: 0, id: 0, kind: 0x55, body: Vec::new() });
    bench.receive(&Frame::new(PacketType::SetAssets, 0, &Value::Nil));
    bench.receive(&Frame::new(PacketType::Uploaded, 9, &Value::Nil));
    bench.receive(&Frame::new(PacketType::Refused, 9, &"no".into()));
    bench.receive(&assets(PacketType::Announced, 9, &[]));
    assert_eq!(bench.outputs(), []);
    assert_eq!(bench.log.iter().filter(|(level, _)| *level == Level::Error).count(), 5, "{:?}", bench.log);
    assert_eq!(bench.agent.checks(), (1, 0));
}

#[test]
fn an_entry_with_an_unknown_check_key_is_dropped() {
    let bench = Bench::accepted(&[minutely(MEMORY), entry(7, 21, "esx", 60)]);
    assert_eq!(bench.agent.checks(), (1, 0));
    assert!(bench.said(Level::Debug, "no such check; asset: srv7 (7) check: esx"));
}

#[test]
fn set_replaces_everything_upsert_one_asset_and_unset_takes_assets_away() {
    let mut bench = Bench::accepted(&[entry(1, 1, MEMORY, 60), entry(2, 2, MEMORY, 60)]);
    bench.receive(&upsert_asset(2, &[entry(2, 3, MEMORY, 60), entry(2, 4, SERVICES, 60)]));
    let paths = |bench: &Bench| bench.agent.tasks.keys().map(|path| (path.asset, path.check)).collect::<Vec<_>>();
    assert_eq!(paths(&bench), [(1, 1), (2, 3), (2, 4)]);
    bench.receive(&unset_assets(&[2, 9]));
    assert_eq!(paths(&bench), [(1, 1)]);
    bench.receive(&assets(PacketType::SetAssets, 0, &[entry(5, 5, MEMORY, 60)]));
    assert_eq!(paths(&bench), [(5, 5)]);
    assert_eq!(bench.agent.due.len(), 1);
}

#[test]
fn a_check_that_is_gone_while_it_runs_is_cancelled_and_nothing_is_told() {
    let mut bench = Bench::accepted(&[minutely(MEMORY)]);
    let run = bench.started(10.0);
    bench.receive(&unset_assets(&[7]));
    assert_eq!(bench.outputs(), [Output::Cancel(run), Output::Forget(CheckPath { asset: 7, check: 20 })]);
    bench.agent.finished(run, Outcome::Complete(result(1)), bench.now);
    assert_eq!(bench.outputs(), []);
    assert_eq!(bench.agent.checks(), (0, 0));
}

#[test]
fn a_check_runs_at_its_place_of_each_interval() {
    let mut bench = Bench::accepted(&[minutely(MEMORY)]);
    // (7 + 20) % 60 = 27, and it is second 20.
    assert_eq!(bench.pass(7.2), []);
    let run = bench.started(0.1);
    bench.pass(5.0);
    let body = bench.finish(run, Outcome::Complete(result(1)));
    let expected = r#"[[7, 20], {"error": null, "framework": {"duration": 5.0"#;
    assert!(body.starts_with(expected) && body.contains(r#""timestamp": 1700000007}"#), "{body}");
    assert_eq!(bench.pass(54.0), []);
    bench.started(1.0);
}

#[test]
fn an_interval_change_counts_at_once() {
    let mut bench = Bench::accepted(&[entry(7, 20, MEMORY, 86_400)]);
    assert_eq!(bench.pass(8.0), []);
    bench.receive(&upsert_asset(7, &[minutely(MEMORY)]));
    assert_eq!(bench.agent.due.len(), 1);
    bench.started(60.0);
}

#[test]
fn configuration_that_changes_while_a_check_runs_counts_for_the_next_run() {
    let mut bench = Bench::accepted(&[minutely(MEMORY)]);
    let run = bench.started(10.0);
    let mut changed = minutely(MEMORY);
    changed.config.address = Some("192.0.2.1".to_owned());
    changed.asset_name = "renamed".to_owned();
    bench.receive(&upsert_asset(7, &[changed]));
    bench.finish(run, Outcome::Complete(result(1)));
    let outputs = bench.pass(60.0);
    let [Output::Start(start)] = outputs.as_slice() else { panic!("{outputs:?}") };
    assert_eq!((start.config.address.as_deref(), start.asset_name.as_str()), (Some("192.0.2.1"), "renamed"));
}

#[test]
fn more_than_4_s_late_is_told() {
    for (late, told) in [(3.5, false), (5.0, true)] {
        let mut bench = Bench::accepted(&[minutely(MEMORY)]);
        let ahead = Duration::from_secs_f64(7.21875 + late);
        bench.now = Now { steady: bench.now.steady.saturating_add(ahead), unix: bench.now.unix + ahead };
        bench.agent.advance(bench.now);
        assert_eq!(bench.outputs().len(), 1);
        assert_eq!(bench.said(Level::Error, "s later than planned"), told);
    }
}

#[test]
fn a_clock_that_is_set_forward_is_noticed_within_10_s() {
    let mut bench = Bench::accepted(&[entry(7, 20, MEMORY, 86_400)]);
    bench.now.unix += Duration::from_hours(24);
    bench.started(10.0);
    assert!(bench.said(Level::Error, "later than planned, because the clock was set"));
}

#[test]
fn a_clock_that_is_set_back_delays_nothing_for_longer_than_an_interval() {
    let mut bench = Bench::accepted(&[minutely(MEMORY), entry(8, 8, SERVICES, 86_400)]);
    bench.now.unix -= Duration::from_hours(24);
    bench.started(60.0 + 10.0);
    assert!(bench.said(Level::Warning, "the clock was set back by 86400.0 s: 2 checks are planned anew"));
}

#[test]
fn a_run_is_told_its_time_limit_and_nothing_bounds_its_wait_for_its_turn() {
    let mut bench = Bench::accepted(&[minutely(MEMORY)]);
    let outputs = bench.pass(10.0);
    let [Output::Start(start)] = outputs.as_slice() else { panic!("{outputs:?}") };
    assert_eq!(start.time_limit, Duration::from_secs(48));
    assert_eq!(bench.pass(10_000.0), []);
    let body = bench.finish(start.run, Outcome::Failed(CheckError::new("timed out")));
    assert!(body.contains(r#""error": {"error": "timed out", "severity": 1}"#), "{body}");
}

#[test]
fn what_is_not_worth_to_be_told_is_not_sent_and_the_check_runs_on() {
    let mut bench = Bench::accepted(&[minutely(MEMORY)]);
    let run = bench.started(10.0);
    bench.agent.finished(run, Outcome::Ignored, bench.now);
    assert_eq!(bench.outputs(), []);
    bench.started(60.0);
}

#[test]
fn a_retired_check_returns_when_its_configuration_changes() {
    let mut bench = Bench::accepted(&[minutely(MEMORY)]);
    let run = bench.started(10.0);
    bench.agent.finished(run, Outcome::Retired, bench.now);
    bench.receive(&assets(PacketType::SetAssets, 0, &[minutely(MEMORY)]));
    assert_eq!(bench.pass(300.0), []);
    let mut changed = minutely(MEMORY);
    changed.config.address = Some("192.0.2.1".to_owned());
    bench.receive(&assets(PacketType::SetAssets, 0, &[changed]));
    bench.started(60.0);
}

#[test]
fn a_package_that_is_too_large_is_told_in_its_place() {
    let mut bench = Bench::accepted(&[minutely(SERVICES)]);
    let run = bench.started(10.0);
    let mut large = CheckResult::default();
    large.add("t", [("x".repeat(2000), Vec::new())]);
    let body = bench.finish(run, Outcome::Complete(large));
    assert!(body.contains(r#"{"error": "data package too large (2092 bytes)", "severity": 1}"#), "{body}");
    assert!(body.ends_with(r#""result": null}]"#), "{body}");
}

/// Runs the check once a minute with each of `outcomes`; what is told of each.
fn told(bench: &mut Bench, outcomes: &[Outcome]) -> Vec<&'static str> {
    let tell = |outcome: &Outcome| {
        let run = bench.started(60.0);
        let body = bench.finish(run, outcome.clone());
        match (body.contains(r#""unchanged": true"#), body.contains(r#""result""#)) {
            (true, false) => "unchanged",
            (false, true) => "whole",
            _ => panic!("{body}"),
        }
    };
    outcomes.iter().map(tell).collect()
}

#[test]
fn an_equal_result_is_sent_once_until_unchanged_eol() {
    let mut bench = Bench::accepted(&[minutely(SERVICES)]);
    let complete = || Outcome::Complete(result(1));
    assert_eq!(told(&mut bench, &[complete(), complete(), complete()]), ["whole", "unchanged", "unchanged"]);
    assert_eq!(told(&mut bench, &[Outcome::Complete(result(2)), Outcome::Complete(result(2))]), ["whole", "unchanged"]);
    // Repetitions do not prolong it: 240 minutes after it was sent it is sent again.
    let repeated = told(&mut bench, &vec![Outcome::Complete(result(2)); 240]);
    assert_eq!(repeated.iter().position(|told| *told == "whole"), Some(238));
}

#[test]
fn an_error_makes_the_next_result_count() {
    let mut bench = Bench::accepted(&[minutely(SERVICES)]);
    let complete = || Outcome::Complete(result(1));
    let error = || CheckError { text: "bad".to_owned(), severity: Severity::Low };
    for between in [Outcome::Failed(error()), Outcome::Incomplete(result(1), error())] {
        let outcomes = [complete(), complete(), between, complete()];
        assert_eq!(told(&mut bench, &outcomes), ["whole", "unchanged", "whole", "whole"]);
        bench.agent.sent.forget_all();
    }
}

#[test]
fn a_check_without_unchanged_eol_is_sent_each_time() {
    let mut bench = Bench::accepted(&[minutely(MEMORY)]);
    assert_eq!(told(&mut bench, &vec![Outcome::Complete(result(1)); 3]), ["whole"; 3]);
}

#[test]
fn a_result_that_was_not_sent_is_none_that_could_be_repeated() {
    let mut bench = Bench::accepted(&[minutely(SERVICES)]);
    let complete = || Outcome::Complete(result(1));
    assert_eq!(told(&mut bench, &[complete()]), ["whole"]);
    // The next run begins while the attempt to connect is under way.
    bench.agent.disconnected("closed", bench.now);
    let outputs = bench.pass(16.0);
    let [Output::Connect, Output::Start(start)] = outputs.as_slice() else { panic!("{outputs:?}") };
    bench.agent.finished(start.run, complete(), bench.now);
    assert_eq!(bench.outputs(), []);
    bench.agent.connected(bench.now);
    bench.outputs();
    bench.receive(&assets(PacketType::Announced, 1, &[minutely(SERVICES)]));
    assert_eq!(told(&mut bench, &[complete()]), ["whole"]);
}

#[test]
fn the_announcement_is_the_first_request_of_each_connection() {
    let mut bench = Bench::new();
    bench.outputs();
    for _ in 0..3 {
        bench.agent.connected(bench.now);
        let outputs = bench.outputs();
        let [Output::Send(octets)] = outputs.as_slice() else { panic!("{outputs:?}") };
        assert_eq!(u16::from_le_bytes([octets[12], octets[13]]), 1);
        bench.receive(&assets(PacketType::Announced, 1, &[]));
        bench.agent.disconnected("closed", bench.now);
        assert_eq!(bench.pass(2.0), [Output::Connect]);
    }
}

#[test]
fn the_end_gives_back_what_is_held() {
    let mut bench = Bench::accepted(&[minutely(MEMORY), entry(8, 8, SERVICES, 60)]);
    let run = bench.started(10.0);
    bench.agent.stop();
    assert_eq!(bench.outputs(), [Output::Cancel(run), Output::Disconnect]);
    assert_eq!(bench.pass(10_000.0), []);
}

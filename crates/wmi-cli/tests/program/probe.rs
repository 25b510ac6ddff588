//! `wmi probe` against a stand-in for agentcore and simulated hosts.

use std::collections::BTreeSet;
use std::fs;
use std::io::Write;
use std::os::unix::fs::{MetadataExt, PermissionsExt, symlink};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::thread;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use wmi_infrasonar::packet::{self, PacketType};
use wmi_infrasonar::value::Value;
use wmi_sim::{DEFAULT_PASSWORD, HostConfig, Server};
use wmi_testkit::hub::{Hub, Probe, Told, entry};

use crate::support::{all_given_back, faulty, finish, host_with, run, signal, start, until, wmi};

/// A folder with a configuration file.
struct Folder(tempfile::TempDir);

impl Folder {
    /// With `text` in the file.
    fn with(text: &str) -> Self {
        let folder = Self::empty();
        fs::write(folder.file(), text).expect("a file");
        folder
    }

    fn empty() -> Self {
        Self(tempfile::tempdir().expect("a folder"))
    }

    /// With the account of simulated hosts.
    fn with_account() -> Self {
        Self::with(&account(DEFAULT_PASSWORD))
    }

    fn file(&self) -> PathBuf {
        self.0.path().join("infrasonar.yaml")
    }

    fn text(&self) -> String {
        fs::read_to_string(self.file()).expect("a file")
    }

    /// Writes the file anew, with another time.
    fn rewrite(&self, text: &str) {
        let before = fs::metadata(self.file()).and_then(|file| file.modified()).expect("a time");
        while fs::metadata(self.file()).and_then(|file| file.modified()).expect("a time") == before {
            fs::write(self.file(), text).expect("a file");
            thread::sleep(Duration::from_millis(5));
        }
    }

    /// `wmi probe` with this configuration file.
    fn probe(&self) -> Command {
        let mut command = wmi(["probe"]);
        for variable in [
            "AGENTCORE_HOST",
            "AGENTCORE_PORT",
            "ENCRYPTION_KEY",
            "MAX_PACKAGE_SIZE",
            "MAX_CHECK_TIMEOUT",
            "DRY_RUN",
            "OUTPUT_TYPE",
            "LOG_LEVEL",
            "LOG_COLORIZED",
            "LOG_FMT",
        ] {
            command.env_remove(variable);
        }
        command.env("INFRASONAR_CONF", self.file());
        command
    }

    /// A dry run of the check `key` at `address`.
    fn dry_run(&self, key: &str, address: &str) -> Command {
        let file = self.0.path().join("dry_run.yaml");
        let text = format!("asset:\n  name: srv01\n  check: {key}\n  config: {{address: \"{address}\"}}\n");
        fs::write(&file, text).expect("a file");
        let mut command = self.probe();
        command.env("DRY_RUN", file);
        command
    }
}

fn account(password: &str) -> String {
    format!("wmi:\n  config:\n    username: ACME\\monitor\n    password: \"{password}\"\n")
}

fn address(host: &Server) -> String {
    host.activator_addr().to_string()
}

/// Begins `command` at `hub`.
fn at(hub: &Hub, command: &mut Command) -> Child {
    start(command.env("AGENTCORE_HOST", "127.0.0.1").env("AGENTCORE_PORT", hub.port().to_string()))
}

/// The next result that `is_it`.
fn told(probe: &mut Probe, is_it: impl Fn(&Told) -> bool) -> Told {
    let end = Instant::now() + Duration::from_secs(30);
    loop {
        let told = probe.told();
        if is_it(&told) {
            return told;
        }
        assert!(Instant::now() < end, "the last one was {}", told.data);
    }
}

/// Ends the probe with SIGTERM; it must do so with 0. What it has said.
fn stop(child: Child) -> String {
    signal(&child, "TERM");
    finish(child).exits(0).stderr
}

#[test]
fn all_checks_of_an_asset_run_over_one_session_and_equal_results_are_told_once() {
    let (hub, host, folder) = (Hub::start(), host_with(8, &[]), Folder::with_account());
    let child = at(&hub, &mut folder.probe());
    let keys = wmi_checks::PROBE_KEYS;
    assert_eq!(keys.len(), 11);
    let entries: Vec<_> = keys.iter().zip(1..).map(|(key, check)| entry(7, check, key, &address(&host))).collect();
    let mut probe = hub.accept(&entries);
    assert_eq!(probe.announced, ("wmi".to_owned(), env!("CARGO_PKG_VERSION").to_owned()));
    for (key, check) in keys.iter().zip(1..) {
        let told = told(&mut probe, |told| told.path.check == check);
        assert_eq!((told.path.asset, told.error()), (7, None), "{key}");
    }
    let unchanged = told(&mut probe, Told::is_unchanged);
    let key = usize::try_from(unchanged.path.check).ok().and_then(|check| keys.get(check - 1)).expect("a check");
    assert!(["ntDomain", "services", "software", "updates", "users"].contains(key), "{key}");
    assert_eq!(unchanged.data.get("result"), None);
    // The two associations of one session.
    assert_eq!(host.stats().logons, 2);
    let now = SystemTime::now().duration_since(UNIX_EPOCH).expect("a time").as_secs_f64();
    let time = probe.heartbeat(0xabcd);
    assert!((time - now).abs() < 30.0, "{time}");
    stop(child);
    all_given_back(&host);
}

#[test]
fn sigterm_gives_back_what_is_held_while_checks_run() {
    let (hub, host, folder) = (Hub::start(), faulty(8, "silence-at-next"), Folder::with_account());
    let child = at(&hub, &mut folder.probe());
    let mut probe = hub.accept(&[entry(1, 1, "services", &address(&host))]);
    until(&host, |host| host.alive_objects() > 0);
    let begun = Instant::now();
    let said = stop(child);
    assert!(begun.elapsed() < Duration::from_secs(10));
    assert!(said.contains("signal received, stop wmi probe"), "{said}");
    assert!(probe.is_left());
}

#[test]
fn an_asset_that_is_unset_is_left_and_one_that_is_upserted_is_checked() {
    let (hub, host, folder) = (Hub::start(), host_with(8, &[]), Folder::with_account());
    let child = at(&hub, &mut folder.probe());
    let mut probe = hub.accept(&[entry(1, 1, "memory", &address(&host))]);
    let _ = probe.told();
    probe.send(&packet::unset_assets(&[1]));
    all_given_back(&host);
    probe.send(&packet::upsert_asset(2, &[entry(2, 3, "system", &address(&host))]));
    assert_eq!(told(&mut probe, |told| told.path.asset == 2).error(), None);
    probe.send(&packet::assets(PacketType::SetAssets, 0, &[]));
    all_given_back(&host);
    stop(child);
}

#[test]
fn a_hub_that_closes_or_sends_garbage_is_found_again_and_checks_go_on() {
    let (hub, host, folder) = (Hub::start(), host_with(8, &[]), Folder::with_account());
    let child = at(&hub, &mut folder.probe());
    let entries = [entry(1, 1, "memory", &address(&host))];
    let mut probe = hub.accept(&entries);
    let _ = probe.told();
    probe.close();
    let mut probe = hub.accept(&entries);
    let _ = probe.told();
    probe.send_octets(b"HTTP/1.1 400 Bad Request\r\n\r\n");
    assert!(probe.is_left());
    let mut probe = hub.accept(&entries);
    assert_eq!(probe.told().error(), None);
    assert_eq!(host.stats().logons, 2, "the session with the host has outlived three connections");
    let said = stop(child);
    for part in
        ["connection to agentcore lost: agentcore closed it; the next attempt is in 2 s", "no frame: the check octet"]
    {
        assert!(said.contains(part), "{said}");
    }
}

#[test]
fn a_hub_that_stalls_is_given_up_when_it_does_not_accept() {
    let (hub, folder) = (Hub::start(), Folder::with_account());
    let child = at(&hub, &mut folder.probe());
    let mut stalled = hub.probe();
    assert!(stalled.is_left());
    let mut probe = hub.accept(&[]);
    let _ = probe.heartbeat(1);
    let said = stop(child);
    assert!(said.contains("agentcore did not answer the announcement within 10 s"), "{said}");
}

#[test]
fn a_hub_that_never_stops_to_speak_holds_up_no_host() {
    let (host, hub, folder) = (host_with(1, &[]), Hub::start(), Folder::with_account());
    let child = at(&hub, &mut folder.probe());
    let probe = hub.accept(&[entry(1, 1, "memory", &host.activator_addr().to_string())]);
    assert_eq!(probe.results_in_a_flood(3, Duration::from_secs(20)), 3);
    stop(child);
}

#[test]
fn agentcore_host_and_agentcore_port_name_what_cannot_be_reached() {
    let folder = Folder::with_account();
    let port = Hub::start().port().to_string();
    let child = start(folder.probe().env("AGENTCORE_HOST", "localhost").env("AGENTCORE_PORT", port));
    thread::sleep(Duration::from_millis(500));
    let said = stop(child);
    assert!(said.contains("connecting to agentcore failed: ") && said.contains("in 4 s"), "{said}");
}

#[test]
fn authentication_kerberos_address_and_missing_credentials_are_answered() {
    let (hub, folder) = (Hub::start(), Folder::with("other: {config: {username: a, password: b}}\n"));
    let child = at(&hub, &mut folder.probe());
    let mut kerberos = entry(1, 1, "memory", "127.0.0.1:1");
    kerberos.config.authentication = Some("Kerberos".to_owned());
    let nobody = entry(1, 2, "memory", "127.0.0.1:1");
    let mut somebody = entry(1, 3, "memory", "no:host:name");
    somebody.config.section = Some("other".to_owned());
    let mut probe = hub.accept(&[kerberos, nobody, somebody]);
    for (check, text) in [(1, "not yet supported"), (2, "missing credentials"), (3, "invalid address no:host:name")] {
        let told = told(&mut probe, |told| told.path.check == check);
        assert!(told.error().is_some_and(|error| error.contains(text)), "{}", told.data);
        assert_eq!(told.data.get("result"), Some(&Value::Nil));
    }
    stop(child);
}

#[test]
fn a_refused_account_is_not_tried_again_at_once() {
    let (hub, host, folder) = (Hub::start(), host_with(8, &[]), Folder::with(&account("wrong")));
    let child = at(&hub, &mut folder.probe());
    let entries: Vec<_> = (1..5).map(|check| entry(1, check, "memory", &address(&host))).collect();
    let mut probe = hub.accept(&entries);
    for _ in 0..12 {
        let told = probe.told();
        assert!(told.error().is_some(), "{}", told.data);
    }
    assert_eq!(host.stats().failed_logons, 1);
    // A password that has changed is tried.
    folder.rewrite(&account(DEFAULT_PASSWORD));
    let _ = told(&mut probe, |told| told.error().is_none());
    stop(child);
    all_given_back(&host);
}

#[test]
fn an_account_of_a_domain_fails_on_three_hosts_at_most_and_local_ones_on_each() {
    for (user, most) in [("ACME\\\\monitor", 3), (".\\\\monitor", 6)] {
        let hosts: Vec<_> = (0..6).map(|_| host_with(1, &[])).collect();
        let text = format!("wmi: {{config: {{username: \"{user}\", password: wrong}}}}\n");
        let (hub, folder) = (Hub::start(), Folder::with(&text));
        let child = at(&hub, &mut folder.probe());
        let entries: Vec<_> =
            (1..).zip(&hosts).map(|(asset, host)| entry(asset, 1, "memory", &address(host))).collect();
        let mut probe = hub.accept(&entries);
        let mut told = Vec::new();
        while told.len() < 18 {
            told.push(probe.told().error().expect("refused").to_owned());
        }
        assert_eq!(hosts.iter().map(|host| host.stats().failed_logons).sum::<u64>(), most, "{user}");
        let held = told.iter().filter(|error| error.contains("the account was refused")).collect::<Vec<_>>();
        assert!(!held.is_empty(), "{told:?}");
        assert_eq!(
            held.iter().any(|error| error.contains("as by other hosts, no new attempt for")),
            most == 3,
            "{told:?}"
        );
        stop(child);
    }
}

#[test]
fn a_password_that_is_another_after_an_outage_fails_on_three_hosts_at_most() {
    let hosts: Vec<_> = (0..6).map(|_| host_with(1, &[])).collect();
    let (hub, folder) = (Hub::start(), Folder::with_account());
    let child = at(&hub, &mut folder.probe());
    let entries: Vec<_> = (1..).zip(&hosts).map(|(asset, host)| entry(asset, 1, "memory", &address(host))).collect();
    let mut probe = hub.accept(&entries);
    for _ in 0..12 {
        assert_eq!(probe.told().error(), None);
    }
    let again = |host: Server| {
        let (activator, object) = (host.activator_addr(), host.object_addr());
        drop(host);
        let mut config = HostConfig::new(0).rows(1);
        config.password = "changed".into();
        Server::start(config, activator, object).expect("the same ports")
    };
    let hosts: Vec<_> = hosts.into_iter().map(again).collect();
    let _ = told(&mut probe, |told| told.error().is_some_and(|error| error.contains("as by other hosts")));
    for _ in 0..12 {
        assert!(probe.told().error().is_some());
    }
    assert!(hosts.iter().map(|host| host.stats().failed_logons).sum::<u64>() <= 3);
    stop(child);
}

#[test]
fn a_missing_right_is_no_reason_to_wait() {
    let (hub, host, folder) = (Hub::start(), faulty(1, "deny-activation"), Folder::with_account());
    let child = at(&hub, &mut folder.probe());
    let mut probe = hub.accept(&[entry(1, 1, "memory", &address(&host))]);
    for _ in 0..3 {
        let told = probe.told();
        assert!(told.error().is_some_and(|error| !error.contains("no new attempt")), "{}", told.data);
    }
    stop(child);
}

/// `command` with `limit` as its limits of open files.
fn limited(command: &Command, limit: &str) -> Command {
    let mut shell = Command::new("sh");
    shell.args(["-c", &format!("ulimit {limit} && exec \"$0\" \"$@\"")]);
    shell.arg(command.get_program()).args(command.get_args());
    for (name, value) in command.get_envs() {
        match value {
            Some(value) => shell.env(name, value),
            None => shell.env_remove(name),
        };
    }
    shell
}

#[test]
fn more_hosts_than_open_files_leave_agentcore_and_the_configuration_theirs() {
    const HOSTS: u64 = 20;
    let hosts: Vec<_> = (0..HOSTS).map(|_| host_with(1, &[])).collect();
    // Room for four sessions when that is the hard limit, and for all of them when it is raised.
    for (limit, are_kept) in [("-n 40", false), ("-S -n 40", true)] {
        let before: Vec<_> = hosts.iter().map(|host| host.stats().logons).collect();
        let (hub, folder) = (Hub::start(), Folder::with_account());
        let child = at(&hub, &mut limited(&folder.probe(), limit));
        let entries: Vec<_> =
            (1..).zip(&hosts).map(|(asset, host)| entry(asset, 1, "memory", &address(host))).collect();
        let all = |probe: &mut Probe| {
            for round in 1..3 {
                let mut assets: BTreeSet<u64> = (1..=HOSTS).collect();
                while !assets.is_empty() {
                    let told = probe.told();
                    assert_eq!(told.error(), None, "{limit}, round {round}");
                    assets.remove(&told.path.asset);
                }
            }
        };
        let mut probe = hub.accept(&entries);
        all(&mut probe);
        probe.close();
        folder.rewrite(&account("wrong"));
        let mut probe = hub.accept(&entries);
        // The changed file is read, and so are those that follow it.
        let _ = told(&mut probe, |told| told.error().is_some());
        folder.rewrite(&account(DEFAULT_PASSWORD));
        let _ = told(&mut probe, |told| told.error().is_none());
        let logons = hosts.iter().zip(before).map(|(host, before)| host.stats().logons - before);
        assert_eq!(logons.max() == Some(4), are_kept, "{limit}");
        stop(child);
        hosts.iter().for_each(all_given_back);
    }
}

#[test]
fn max_package_size_bounds_a_result() {
    let (hub, host, folder) = (Hub::start(), host_with(8, &[]), Folder::with_account());
    let child = at(&hub, folder.probe().env("MAX_PACKAGE_SIZE", "1"));
    let mut probe = hub.accept(&[entry(1, 1, "services", &address(&host))]);
    let told = probe.told();
    assert!(told.error().is_some_and(|error| error.starts_with("data package too large (")), "{}", told.data);
    assert!(told.length <= 1000);
    stop(child);
}

#[test]
fn max_check_timeout_bounds_a_check() {
    let (hub, host, folder) = (Hub::start(), faulty(8, "silence-at-query"), Folder::with_account());
    let child = at(&hub, folder.probe().env("MAX_CHECK_TIMEOUT", "0.5"));
    let mut probe = hub.accept(&[entry(1, 1, "memory", &address(&host))]);
    let told = probe.told();
    assert!(told.error().is_some_and(|error| error.contains("out of time")), "{}", told.data);
    stop(child);
}

#[test]
fn max_check_timeout_may_be_without_end() {
    let (host, folder) = (host_with(8, &[]), Folder::with_account());
    let mut command = folder.dry_run("memory", &address(&host));
    command.env("MAX_CHECK_TIMEOUT", "inf");
    assert!(run(command).exits(0).stdout.contains("\"error\": null"));
}

#[test]
fn infrasonar_conf_is_made_with_a_header_when_it_is_missing() {
    let (hub, folder) = (Hub::start(), Folder::empty());
    let file = folder.0.path().join("data/config/infrasonar.yaml");
    let child = at(&hub, folder.probe().env("INFRASONAR_CONF", &file));
    let _ = hub.accept(&[]);
    let said = stop(child);
    assert!(said.contains("created a new configuration file"), "{said}");
    let text = fs::read_to_string(file).expect("a file");
    assert!(text.starts_with("# ") && text.contains("WARNING"), "{text}");
}

#[test]
fn a_configuration_that_is_broken_at_the_start_ends_the_probe_with_1() {
    for text in ["wmi: [", "- 1\n", "wmi: {config: {password: {encrypted: !!binary bm8gdG9rZW4=}}}\n"] {
        let finished =
            run(Folder::with(text).probe()).exits(1).says(&["configuration file invalid", "infrasonar.yaml"]);
        assert_eq!(finished.stdout, "");
    }
    let folder = Folder::empty();
    fs::write(folder.0.path().join("file"), "").expect("a file");
    let mut command = folder.probe();
    command.env("INFRASONAR_CONF", folder.0.path().join("file/infrasonar.yaml"));
    run(command).exits(1).says(&["cannot write file"]);
}

#[test]
fn a_configuration_that_becomes_broken_later_keeps_the_last_good_one() {
    let (hub, host, folder) = (Hub::start(), host_with(8, &[]), Folder::with_account());
    let child = at(&hub, &mut folder.probe());
    let mut probe = hub.accept(&[entry(1, 1, "memory", &address(&host))]);
    assert_eq!(probe.told().error(), None);
    folder.rewrite("wmi: {config: {password: \"hush");
    for _ in 0..2 {
        assert_eq!(probe.told().error(), None);
    }
    let said = stop(child);
    assert_eq!(said.matches("configuration file invalid, keep using previous").count(), 1, "{said}");
    assert!(!said.contains("hush"), "{said}");
}

#[test]
fn a_configuration_that_could_not_be_read_is_tried_again_and_told_once() {
    let (hub, host, folder) = (Hub::start(), host_with(8, &[]), Folder::with_account());
    let child = at(&hub, &mut folder.probe());
    let mut probe = hub.accept(&[entry(1, 1, "memory", &address(&host))]);
    assert_eq!(probe.told().error(), None);
    // A folder in its place has a time, and cannot be read.
    let (other, link) = (folder.0.path().join("other"), folder.0.path().join("link"));
    let put = |to: &Path| {
        let _ = fs::remove_file(&link);
        symlink(to, &link).and_then(|()| fs::rename(&link, folder.file())).expect("a link in its place");
    };
    fs::create_dir(&other).expect("a folder");
    put(&other);
    for _ in 0..2 {
        assert_eq!(probe.told().error(), None);
    }
    let time = fs::metadata(&other).and_then(|other| other.modified()).expect("a time");
    let readable = folder.0.path().join("readable");
    fs::write(&readable, account("wrong")).expect("a file");
    fs::File::options().append(true).open(&readable).and_then(|file| file.set_modified(time)).expect("its time");
    put(&readable);
    let _ = told(&mut probe, |told| told.error().is_some());
    let said = stop(child);
    assert_eq!(said.matches("configuration file invalid, keep using previous").count(), 1, "{said}");
}

#[test]
fn a_configuration_that_is_gone_is_told_once() {
    let (hub, host, folder) = (Hub::start(), host_with(8, &[]), Folder::with_account());
    let child = at(&hub, &mut folder.probe());
    let mut probe = hub.accept(&[entry(1, 1, "memory", &address(&host))]);
    assert_eq!(probe.told().error(), None);
    fs::remove_file(folder.file()).expect("a file");
    for _ in 0..3 {
        assert_eq!(probe.told().error(), None);
    }
    let said = stop(child);
    assert_eq!(said.matches("configuration file invalid, keep using previous").count(), 1, "{said}");
}

#[test]
fn passwords_are_encrypted_in_place_with_encryption_key_and_mode_and_owner_stay() {
    let (host, folder) = (host_with(8, &[]), Folder::with_account());
    fs::set_permissions(folder.file(), fs::Permissions::from_mode(0o640)).expect("a mode");
    let before = fs::metadata(folder.file()).expect("a file");
    let key = "cw_0x689RpI-jtRR7oE8h_eQsKImvJapLeSbXpwF4e4=";
    let mut first = folder.dry_run("memory", &address(&host));
    first.env("ENCRYPTION_KEY", key);
    run(first).exits(0);
    let text = folder.text();
    assert!(!text.contains(DEFAULT_PASSWORD) && text.contains("password: {encrypted: !!binary"), "{text}");
    let after = fs::metadata(folder.file()).expect("a file");
    assert_eq!((after.mode(), after.uid(), after.gid()), (before.mode(), before.uid(), before.gid()));
    assert_eq!(fs::read_dir(folder.0.path()).expect("a folder").count(), 2, "nothing else is left there");
    let mut second = folder.dry_run("memory", &address(&host));
    second.env("ENCRYPTION_KEY", key);
    assert!(run(second).exits(0).stdout.contains("\"error\": null"));
    assert_eq!(folder.text(), text);
    // By the key that everybody has it cannot be read.
    run(folder.dry_run("memory", &address(&host))).exits(1).says(&["encrypted with another key"]);
}

#[test]
fn a_configuration_that_cannot_be_written_is_only_a_warning() {
    let (host, folder) = (host_with(8, &[]), Folder::empty());
    let mut command = folder.dry_run("memory", &address(&host));
    // There is no folder in which a pipe could be replaced.
    command.env("INFRASONAR_CONF", "/dev/stdin").stdin(Stdio::piped());
    let mut child = start(&mut command);
    child.stdin.take().expect("a pipe").write_all(account(DEFAULT_PASSWORD).as_bytes()).expect("a reader");
    let finished = finish(child).exits(0).says(&["passwords stay readable: failed to write `/dev/stdin`"]);
    assert!(finished.stdout.contains("\"error\": null"), "{finished:#?}");
}

#[test]
fn dry_run_prints_json_and_nothing_else() {
    let (host, folder) = (host_with(8, &[]), Folder::with_account());
    let finished = run(folder.dry_run("memory", &address(&host))).exits(0).says(&["dry-run probe collector: wmi v"]);
    assert!(finished.stderr.contains(&"-".repeat(80)));
    let json: serde_json::Value = serde_json::from_str(&finished.stdout).expect("JSON");
    let keys: Vec<_> = json.as_object().expect("a map").keys().collect();
    assert_eq!(keys, ["result", "error", "framework"]);
    assert_eq!(json["result"]["memory"][0]["name"], "memory");
    assert!(json["framework"]["duration"].is_number() && json["framework"]["timestamp"].is_number());
    all_given_back(&host);
}

#[test]
fn output_type_pprint() {
    let (host, folder) = (host_with(8, &[]), Folder::with_account());
    let mut command = folder.dry_run("memory", &address(&host));
    command.env("OUTPUT_TYPE", "pprint");
    let finished = run(command).exits(0);
    assert!(finished.stdout.starts_with("{ 'error': None,\n  'framework': {'duration': "), "{}", finished.stdout);
    let mut command = folder.dry_run("memory", &address(&host));
    command.env("OUTPUT_TYPE", "xml");
    run(command).exits(1).says(&["OUTPUT_TYPE is \"xml\", and must be JSON or PPRINT"]);
}

#[test]
fn a_dry_run_that_cannot_be_is_told_and_a_failing_check_is_none() {
    let folder = Folder::with_account();
    run(folder.dry_run("disks", "127.0.0.1")).exits(1).says(&["unknown check `disks`; available checks: memory, "]);
    let mut missing = folder.probe();
    missing.env("DRY_RUN", "/nowhere/x.yaml");
    run(missing).exits(1).says(&["/nowhere/x.yaml"]);
    let host = host_with(8, &[]);
    let wrong = Folder::with(&account("wrong"));
    let finished = run(wrong.dry_run("memory", &address(&host))).exits(0).says(&["check error; asset: srv01 (0)"]);
    let json: serde_json::Value = serde_json::from_str(&finished.stdout).expect("JSON");
    assert!(json["result"].is_null() && json["error"]["severity"] == 1, "{json}");
}

#[test]
fn log_level_log_colorized_and_log_fmt() {
    let folder = Folder::with_account();
    let said = |variables: &[(&str, &str)]| {
        let mut command = folder.dry_run("disks", "127.0.0.1");
        command.envs(variables.iter().copied());
        run(command).exits(1).stderr
    };
    let usual = said(&[]);
    assert!(usual.starts_with("[W ") && usual.contains("wmi:probe] dry-run probe collector"), "{usual}");
    assert!(!said(&[("LOG_LEVEL", "error")]).contains("dry-run probe collector"));
    assert!(said(&[("LOG_COLORIZED", "1")]).starts_with("\x1b[33m[W "));
    assert!(said(&[("LOG_FMT", "at %%")]).starts_with("[W at % wmi:probe]"));
    assert!(said(&[("LOG_LEVEL", "loud")]).contains("LOG_LEVEL is \"loud\", and must be debug, info, "));
}

#[test]
fn exclude_shadow_storage_leaves_it_out() {
    let (hub, host, folder) = (Hub::start(), host_with(8, &[]), Folder::with_account());
    let child = at(&hub, &mut folder.probe());
    let with = entry(1, 1, "storage", &address(&host));
    let mut without = entry(1, 2, "storage", &address(&host));
    without.config.exclude_shadow_storage = true;
    let mut probe = hub.accept(&[with, without]);
    let has = |told: &Told| told.items("shadow").is_some();
    assert!(has(&told(&mut probe, |told| told.path.check == 1)));
    assert!(!has(&told(&mut probe, |told| told.path.check == 2)));
    stop(child);
}

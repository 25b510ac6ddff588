use wmi_proto::cim::{CimType, CimValue};

use super::*;
use crate::Value;
use crate::checks::look::{items, value};
use crate::plan::tests::{evaluated, evaluated_in_part};

/// A host as its five parts tell it.
#[derive(Default)]
struct Host {
    logons: Vec<Record>,
    accounts: Vec<Record>,
    live: Vec<Record>,
    processes: Vec<Record>,
    active: Option<u32>,
}

fn reference(text: &str) -> CimValue {
    CimValue::Reference(text.into())
}

impl Host {
    /// With the console's winlogon.exe in session 1, and the logon of the system.
    fn new(active: u32) -> Self {
        let host = Self { active: Some(active), ..Self::default() }.process("winlogon.exe", 400, 1);
        let mut host = host.logon(999, 0, ("H", "SYSTEM"), "20261124060000", &[]);
        // The query asks for no logons of its kind.
        host.logons.clear();
        host
    }

    fn process(mut self, name: &str, id: u32, session: u32) -> Self {
        const COLUMNS: &[&str; 3] = &["Name", "ProcessId", "SessionId"];
        self.processes.push(Record::made(COLUMNS, [name.into(), id.into(), session.into()]));
        self
    }

    /// A logon of `user` that has `processes`.
    fn logon(mut self, id: u64, kind: u32, user: (&str, &str), started: &str, processes: &[u32]) -> Self {
        const LOGON: &[&str; 3] = &["LogonId", "LogonType", "StartTime"];
        const PAIR: &[&str; 2] = &["Antecedent", "Dependent"];
        let start = format!("{started}.000000+000");
        let values = [CimValue::from(id.to_string()), kind.into(), CimValue::DateTime(start.as_str().into())];
        self.logons.push(Record::made(LOGON, values).typed("StartTime", CimType::DATETIME));
        let session = reference(&format!(r#"\\.\root\cimv2:Win32_LogonSession.LogonId="{id}""#));
        let account = format!(r#"\\.\root\cimv2:Win32_Account.Domain="{}",Name="{}""#, user.0, user.1);
        self.accounts.push(Record::made(PAIR, [reference(&account), session.clone()]));
        for process in processes {
            let process = reference(&format!(r#"\\.\root\cimv2:Win32_Process.Handle="{process}""#));
            self.live.push(Record::made(PAIR, [session.clone(), process]));
        }
        self
    }

    fn parts(&self) -> Vec<(&'static str, Vec<Record>)> {
        const TERMINAL: &[&str; 3] = &["ActiveSessions", "InactiveSessions", "TotalSessions"];
        let counters = Record::made(TERMINAL, [self.active.into(), 1_u32.into(), 3_u32.into()]);
        vec![
            (LOGON, self.logons.clone()),
            (LOGGED_ON, self.accounts.clone()),
            (LIVE, self.live.clone()),
            (PROCESS, self.processes.clone()),
            (TERMINAL_SERVICES, vec![counters]),
        ]
    }

    fn report(&self) -> Report {
        self.report_without("")
    }

    /// The report when `part` failed.
    fn report_without(&self, part: &str) -> Report {
        let mut parts = self.parts();
        parts.retain(|(name, _)| *name != part);
        evaluated(&PLAN, &Options::default(), &mut State::default(), parts)
    }
}

/// Ann at the console, Bo from elsewhere with an elevated program.
fn two(active: u32) -> Host {
    Host::new(active)
        .process("explorer.exe", 1000, 1)
        .process("explorer.exe", 2000, 2)
        .process("mmc.exe", 2001, 2)
        .logon(501, 2, ("ACME", "ann"), "20261124080000", &[1000])
        .logon(601, 10, ("ACME", "bo"), "20261124090000", &[2000])
        .logon(602, 10, ("ACME", "bo"), "20261124090000", &[2001])
}

#[test]
fn quirk_local_and_remote_sessions_are_told_apart() {
    let report = two(2).report();
    assert_eq!(items(&report, LOGON), Some(vec![r"ACME\ann [1]", r"ACME\bo [2]"]));
    let ann = |metric| value(&report, LOGON, r"ACME\ann [1]", metric).clone();
    let bo = |metric| value(&report, LOGON, r"ACME\bo [2]", metric).clone();
    assert_eq!([ann("Kind"), bo("Kind")], ["local".into(), "remote".into()]);
    assert_eq!([ann("LogonType"), bo("LogonType")], ["Interactive".into(), "RemoteInteractive".into()]);
    assert_eq!([ann("State"), bo("State")], ["Active".into(), "Active".into()]);
    assert_eq!(bo("StartTime"), Value::Real(1_795_510_800.0));
    assert_eq!([bo("SessionId"), bo("Logons"), bo("Processes")], [Value::Uint(2), Value::Uint(2), Value::Uint(2)]);
    let total = |metric| value(&report, TERMINAL_SERVICES, "total", metric).clone();
    assert_eq!([total("LocalSessions"), total("RemoteSessions")], [Value::Uint(1), Value::Uint(1)]);
    assert_eq!([total("ActiveSessions"), total("InactiveSessions")], [Value::Uint(2), Value::Uint(1)]);
    assert_eq!(report.warnings, []);
}

#[test]
fn quirk_a_disconnected_session_does_not_count_as_active() {
    assert_eq!(*value(&two(0).report(), LOGON, r"ACME\bo [2]", "State"), Value::from("Inactive"));
    // Which of the two it is, the host does not say.
    assert_eq!(*value(&two(1).report(), LOGON, r"ACME\bo [2]", "State"), Value::Null);
    assert_eq!(*value(&two(1).report_without(TERMINAL_SERVICES), LOGON, r"ACME\bo [2]", "State"), Value::Null);
}

#[test]
fn quirk_stale_logons_are_dropped() {
    let report = two(2).logon(400, 10, ("ACME", "gone"), "20261101090000", &[]).report();
    assert_eq!(items(&report, LOGON), Some(vec![r"ACME\ann [1]", r"ACME\bo [2]"]));
    assert_eq!(*value(&report, TERMINAL_SERVICES, "total", "RemoteSessions"), Value::Uint(1));
}

#[test]
fn quirk_window_managers_and_font_drivers_are_no_sessions() {
    let report = two(2)
        .process("dwm.exe", 410, 1)
        .process("fontdrvhost.exe", 411, 1)
        .logon(90, 2, ("H", "DWM-1"), "20261124070000", &[410])
        .logon(91, 2, ("H", "UMFD-1"), "20261124070000", &[411])
        .report();
    assert_eq!(items(&report, LOGON), Some(vec![r"ACME\ann [1]", r"ACME\bo [2]"]));
}

#[test]
fn what_runs_beside_the_services_is_no_session() {
    // psexec -u, agents and schedulers log on like somebody at the console.
    let report = two(2).process("agent.exe", 800, 0).logon(700, 2, ("H", "agent"), "20261124070000", &[800]).report();
    assert_eq!(items(&report, LOGON), Some(vec![r"ACME\ann [1]", r"ACME\bo [2]"]));
    assert_eq!(*value(&report, TERMINAL_SERVICES, "total", "LocalSessions"), Value::Uint(1));
    // The console of Server 2003 is session 0.
    let old = Host { processes: Vec::new(), ..Host::new(1) }
        .process("winlogon.exe", 400, 0)
        .process("explorer.exe", 800, 0)
        .logon(700, 2, ("H", "ann"), "20261124070000", &[800])
        .report();
    assert_eq!(items(&old, LOGON), Some(vec![r"H\ann [0]"]));
}

#[test]
fn sessions_of_which_the_host_shows_no_logon_are_not_counted_as_none() {
    // No desktop shell, as of Server Core and of single programs from elsewhere.
    let hidden = Host { processes: vec![], logons: vec![], ..two(2) }.process("winlogon.exe", 400, 1);
    let stranger = Host { accounts: vec![], active: Some(0), ..Host::new(0) };
    for (host, sign) in [(hidden, "2 sessions are active"), (stranger, "logon of the system itself")] {
        let report = host.report();
        assert_eq!(*value(&report, TERMINAL_SERVICES, "total", "LocalSessions"), Value::Null);
        let is_told = |w: &Failure| w.part == LOGON && w.text.contains(sign) && w.remedy.is_some();
        assert!(report.warnings.iter().any(is_told), "{:?}", report.warnings);
    }
}

#[test]
fn another_account_in_a_session_is_no_session() {
    let report =
        two(2).process("cmd.exe", 2002, 2).logon(550, 2, ("ACME", "admin"), "20261124080000", &[2002]).report();
    assert_eq!(items(&report, LOGON), Some(vec![r"ACME\ann [1]", r"ACME\bo [2]"]));
    assert_eq!(*value(&report, LOGON, r"ACME\bo [2]", "Logons"), Value::Uint(3));
}

#[test]
fn quirk_lists_that_come_back_short_are_flagged_and_not_counted() {
    // No logons, but a desktop; and nothing at all.
    let hidden = Host { logons: Vec::new(), ..two(2) }.report();
    let nothing = Host { active: Some(1), ..Host::default() }.report();
    for report in [hidden, nothing] {
        assert_eq!(*value(&report, TERMINAL_SERVICES, "total", "LocalSessions"), Value::Null);
        assert_eq!(*value(&report, TERMINAL_SERVICES, "total", "RemoteSessions"), Value::Null);
        let short = report.warnings.iter().filter(|w| w.part == LOGON && w.text.contains("list may be short")).count();
        assert!(short > 0, "{:?}", report.warnings);
    }
    let nobody = Host::new(0).report();
    assert_eq!(*value(&nobody, TERMINAL_SERVICES, "total", "RemoteSessions"), Value::Uint(0), "nobody is not unknown");
}

#[test]
fn without_the_processes_of_logons_all_are_listed_and_none_counted() {
    let report = two(2).report_without(LIVE);
    let names = vec![r"ACME\ann [logon 501]", r"ACME\bo [logon 601]", r"ACME\bo [logon 602]"];
    assert_eq!(items(&report, LOGON), Some(names));
    assert_eq!(*value(&report, TERMINAL_SERVICES, "total", "RemoteSessions"), Value::Null);
    assert_eq!(*value(&report, LOGON, r"ACME\bo [logon 601]", "Processes"), Value::Null);
    assert!(report.warnings.iter().any(|w| w.text.contains("may be over")), "{:?}", report.warnings);
}

#[test]
fn a_part_that_failed_takes_no_other_with_it() {
    for part in [LOGON, LOGGED_ON, LIVE, PROCESS, TERMINAL_SERVICES] {
        let report = two(2).report_without(part);
        assert_eq!(items(&report, LOGON).is_some(), part != LOGON, "{part}");
        assert_eq!(items(&report, LOGGED_ON).is_some(), part != LOGGED_ON, "{part}");
        assert!(items(&report, TERMINAL_SERVICES).is_some(), "{part}");
    }
    let unknown = two(2).report_without(LOGGED_ON);
    assert_eq!(*value(&unknown, LOGON, "unknown user [2]", "User"), Value::Null);
}

#[test]
fn quirk_sessions_are_counted_of_whole_lists_only() {
    // Without the processes the logons of one session look like several, without the accounts services like users.
    for part in [LOGON, LOGGED_ON, LIVE, PROCESS] {
        let report = evaluated_in_part(&PLAN, &Options::default(), &mut State::default(), two(2).parts(), &[part]);
        assert_eq!(*value(&report, TERMINAL_SERVICES, "total", "LocalSessions"), Value::Null, "{part}");
        assert_eq!(*value(&report, TERMINAL_SERVICES, "total", "ActiveSessions"), Value::Uint(2), "{part}");
    }
}

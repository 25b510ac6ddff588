use wmi_proto::cim::{CimType, CimValue};

use super::*;
use crate::Value;
use crate::checks::look::{items, value};
use crate::plan::tests::evaluated;

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
    /// With the console's winlogon.exe in session 1.
    fn new(active: u32) -> Self {
        Self { active: Some(active), ..Self::default() }.process("winlogon.exe", 400, 1)
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

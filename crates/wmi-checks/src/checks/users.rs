//! The check `users`: who is logged on, at the host and from elsewhere.

use std::collections::{BTreeMap, BTreeSet};

use self::accounts::{Account, logon_of_reference, process_of_reference};
use crate::plan::{Gathered, Part, Plan, Select};
use crate::record::Record;
use crate::{About, Failure, Item, Options, Report, Shape, State, Unit};

mod accounts;
mod sessions;

const REMOTE: &str = "remote";
const LOGGED_ON: &str = "loggedOn";
const LOGON: &str = "session";
const LIVE: &str = "sessionProcess";
const PROCESS: &str = "process";
const TERMINAL_SERVICES: &str = "sessionTotal";

pub(crate) static PLAN: Plan = Plan {
    key: "users",
    about: About {
        summary: "who is logged on: sessions at the host and remote ones (RDP), and the accounts of all logons",
        rights: "a local administrator; others are shown a shorter list, without an error, and the number of sessions as \
                 Performance Monitor Users",
        returns: &[
            (
                "session",
                "one item per session with its user, kind, logon type and start; its state where the numbers of active \
                 ones leave one possibility, for the host does not tell it of each",
            ),
            (
                "sessionTotal",
                "the number of local and of remote sessions; and of active, inactive and all as Windows counts them, \
                 which makes inactive ones of the services and of a console without a user, too",
            ),
            ("loggedOn", "the number of logons of each account, services included"),
            ("loggedOnTotal", "the number of all logons"),
        ],
        unchanged_eol: 14_400,
    },
    parts: |options| match options.shape {
        Shape::Native => &[LOGONS, LOGGED_ON_USERS, SESSION_PROCESSES, PROCESSES, COUNTERS],
        Shape::Infrasonar => &[WINLOGONS, LOGGED_ON_USERS],
    },
    evaluate,
};

const WINLOGONS: Part =
    Part::new(REMOTE, &[Select { class: "Win32_Process", columns: &["Caption"], condition: "Caption='winlogon.exe'" }]);

const LOGONS: Part = Part::new(
    LOGON,
    &[Select {
        class: "Win32_LogonSession",
        columns: &["LogonId", "LogonType", "StartTime"],
        // Interactive, remote interactive, and both with credentials from the cache.
        condition: "LogonType=2 OR LogonType=10 OR LogonType=11 OR LogonType=12",
    }],
);

const LOGGED_ON_USERS: Part =
    Part::new(LOGGED_ON, &[Select::all("Win32_LoggedOnUser", &["Antecedent", "Dependent"])]).many();

const SESSION_PROCESSES: Part =
    Part::new(LIVE, &[Select::all("Win32_SessionProcess", &["Antecedent", "Dependent"])]).many();

const PROCESSES: Part = Part::new(PROCESS, &[Select::all("Win32_Process", &["Name", "ProcessId", "SessionId"])]).many();

const TERMINAL_COLUMNS: &[&str] = &["ActiveSessions", "InactiveSessions", "TotalSessions"];

/// The three are numbers as they stand, which all classes have alike.
const COUNTERS: Part = Part::new(
    TERMINAL_SERVICES,
    &[
        Select::all("Win32_PerfRawData_LocalSessionManager_TerminalServices", TERMINAL_COLUMNS),
        Select::all("Win32_PerfFormattedData_LocalSessionManager_TerminalServices", TERMINAL_COLUMNS),
        // Its name before Vista and Server 2008.
        Select::all("Win32_PerfRawData_TermService_TerminalServices", TERMINAL_COLUMNS),
    ],
)
.always();

fn evaluate(gathered: &mut Gathered, options: &Options, _: &mut State, report: &mut Report) {
    match options.shape {
        Shape::Native => sessions::put(gathered, report),
        Shape::Infrasonar => {
            if let Some(rows) = gathered.whole(REMOTE) {
                // Every host runs one winlogon.exe for its console.
                let count = rows.len().checked_sub(1).map(|count| count as u64);
                if count.is_none() {
                    report.warnings.push(may_be_short(REMOTE, "the host shows no winlogon.exe to this account"));
                }
                report.put(REMOTE, REMOTE, vec![Item::new(REMOTE).with("Count", Unit::Count, count)]);
            }
        }
    }
    logged_on(gathered, options.shape, report);
}

/// The accounts with the number of their logons.
fn logged_on(gathered: &Gathered, shape: Shape, report: &mut Report) {
    let Some(rows) = gathered.whole(LOGGED_ON) else { return };
    let mut logons: BTreeMap<Account, u64> = BTreeMap::new();
    let mut unread = 0_u64;
    for row in rows {
        match row.text("Antecedent").and_then(|reference| Account::of_reference(&reference)) {
            Some(account) => *logons.entry(account).or_default() += 1,
            None => unread += 1,
        }
    }
    if unread > 0 {
        let text = format!("{unread} of {} logons name no account", rows.len());
        report.warnings.push(Failure::of_values(LOGGED_ON, text));
    }
    let is_short = lacks_system(rows);
    if is_short {
        report.warnings.push(may_be_short(LOGGED_ON, NO_SYSTEM));
    }
    let total = Some(rows.len() as u64).filter(|_| !is_short);
    let item = |(account, count): (&Account, &u64)| {
        let item = Item::new(account.to_string()).with("SessionCount", Unit::Count, *count);
        match shape {
            Shape::Native => item.with("Domain", Unit::None, &*account.domain).with("User", Unit::None, &*account.name),
            Shape::Infrasonar => item,
        }
    };
    report.put(LOGGED_ON, LOGGED_ON, logons.iter().map(item).collect());
    let total = Item::new("total").with("SessionCount", Unit::Count, total);
    report.put(LOGGED_ON, "loggedOnTotal", vec![total]);
}

/// What is told of a list that [`lacks_system`].
const NO_SYSTEM: &str = "the host does not show the logon of the system itself to this account";

/// Whether the logons of a host lack that of the system, which is always there: who is no administrator is shown his own.
fn lacks_system(rows: &[Record]) -> bool {
    const SYSTEM: u64 = 999;

    let logon = |row: &Record| row.text("Dependent").and_then(|reference| logon_of_reference(&reference));
    !rows.iter().any(|row| logon(row) == Some(SYSTEM))
}

/// That the host does not show this account everything, as `sign` tells: it gives no error of that.
fn may_be_short(part: &'static str, sign: &str) -> Failure {
    Failure {
        remedy: Some(
            "give the account administrator's rights on the host, others are not shown all sessions: \
             docs/windows-hosts.md#least-privilege"
                .to_owned(),
        ),
        ..Failure::of_values(part, format!("the list may be short: {sign}"))
    }
}

#[cfg(test)]
mod tests;

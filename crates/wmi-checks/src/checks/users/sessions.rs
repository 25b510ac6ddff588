//! Sessions: logons that somebody made at the host or from elsewhere, and that still have processes.

use super::*;
use crate::values::logon_type;

/// A logon of somebody who has, or had, a desktop.
struct Logon {
    id: u64,
    /// As Win32_LogonSession numbers it.
    kind: u64,
    /// Seconds since 1970.
    start: Option<f64>,
    account: Option<Account>,
    /// `None` when it is not known which processes are whose.
    processes: Option<BTreeSet<u64>>,
    /// Which session of Windows its processes are in.
    session: Option<u64>,
}

impl Logon {
    fn is_remote(&self) -> bool {
        matches!(self.kind, 10 | 12)
    }

    /// Earlier logons first: who came later works in the session of who was there, as an elevated program does. The
    /// logon from elsewhere comes before those that programs made in its session.
    fn order(&self, other: &Self) -> core::cmp::Ordering {
        let start = |logon: &Self| logon.start.unwrap_or(f64::INFINITY);
        other.is_remote().cmp(&self.is_remote()).then(start(self).total_cmp(&start(other))).then(self.id.cmp(&other.id))
    }
}

/// Adds `session` and `sessionTotal`.
pub(super) fn put(gathered: &Gathered, report: &mut Report) {
    let counters = gathered.rows(TERMINAL_SERVICES).and_then(<[Record]>::first);
    let counter = |name: &str| counters.and_then(|row| row.unsigned(name));
    let mut item = Item::new("total");
    if let Some(logons) = logons(gathered, report) {
        let sessions = sessions(logons);
        // Without accounts, logons of the system itself would count; without processes, two logons of one session.
        let known = [LOGON, LIVE, LOGGED_ON, PROCESS].iter().all(|part| gathered.whole(part).is_some());
        let signs = signs_of_more(gathered, &sessions, counter("ActiveSessions"));
        let complete = known && signs.is_empty();
        report.warnings.extend(signs.into_iter().map(|sign| may_be_short(LOGON, &sign)));
        let number = |remote: bool| sessions.iter().filter(|s| s.iter().any(Logon::is_remote) == remote).count() as u64;
        let (local, remote) = (number(false), number(true));
        item = item.with("LocalSessions", Unit::Count, Some(local).filter(|_| complete)).with(
            "RemoteSessions",
            Unit::Count,
            Some(remote).filter(|_| complete),
        );
        let state = state(counter("ActiveSessions"), sessions.len() as u64).filter(|_| complete);
        report.put(LOGON, LOGON, sessions.iter().filter_map(|logons| session(logons, state)).collect());
    }
    for name in TERMINAL_COLUMNS {
        item = item.with(*name, Unit::Count, counter(name));
    }
    report.put(TERMINAL_SERVICES, TERMINAL_SERVICES, vec![item]);
}

/// The logons that still have processes; all of them when the host does not tell.
fn logons(gathered: &Gathered, report: &mut Report) -> Option<Vec<Logon>> {
    let rows = gathered.rows(LOGON)?;
    let reference = |row: &Record, column: &str| row.text(column).map(std::borrow::Cow::into_owned);
    let mut accounts = BTreeMap::new();
    for row in gathered.rows(LOGGED_ON).unwrap_or_default() {
        let logon = reference(row, "Dependent").and_then(|reference| logon_of_reference(&reference));
        let account = reference(row, "Antecedent").and_then(|reference| Account::of_reference(&reference));
        if let Some((logon, account)) = logon.zip(account) {
            accounts.entry(logon).or_insert(account);
        }
    }
    let mut live = gathered.whole(LIVE).map(|rows| {
        let mut live: BTreeMap<u64, BTreeSet<u64>> = BTreeMap::new();
        for row in rows {
            let logon = reference(row, "Antecedent").and_then(|reference| logon_of_reference(&reference));
            let process = reference(row, "Dependent").and_then(|reference| process_of_reference(&reference));
            if let Some((logon, process)) = logon.zip(process) {
                live.entry(logon).or_default().insert(process);
            }
        }
        live
    });
    if live.is_none() {
        let text = "it is not known which logons have processes: some of those listed may be over";
        report.warnings.push(Failure::of_values(LOGON, text));
    }
    let session_of: BTreeMap<u64, u64> = gathered
        .rows(PROCESS)
        .unwrap_or_default()
        .iter()
        .filter_map(|row| row.unsigned("ProcessId").zip(row.unsigned("SessionId")))
        .collect();
    // Session 0 is the services' since Vista and Server 2008: no console is there. Looked for once, in a list of any length.
    let is_console = |row: &Record| row.unsigned("SessionId") == Some(0) && is(row, "winlogon.exe");
    let has_desks = gathered.whole(PROCESS).is_none_or(|processes| processes.iter().any(is_console));
    let has_desk = |session| session != Some(0) || has_desks;
    let mut unread = 0_u64;
    let mut logons = Vec::new();
    for row in rows {
        let Some(id) = row.text("LogonId").and_then(|id| id.trim().parse().ok()) else {
            unread += 1;
            continue;
        };
        let account = accounts.get(&id).cloned();
        // Of one number there is one logon: what repeats it has no processes.
        let processes = live.as_mut().map(|live| live.remove(&id).unwrap_or_default());
        // Windows forgets no logon that somebody holds a handle of, long after its user went.
        if processes.as_ref().is_some_and(BTreeSet::is_empty) || account.as_ref().is_some_and(Account::is_of_a_session)
        {
            continue;
        }
        let session = processes.iter().flatten().find_map(|process| session_of.get(process)).copied();
        if !has_desk(session) {
            continue;
        }
        let (kind, start) = (row.unsigned("LogonType").unwrap_or(0), row.unix_seconds("StartTime"));
        logons.push(Logon { id, kind, start, account, processes, session });
    }
    if unread > 0 {
        report.warnings.push(Failure::of_values(LOGON, format!("{unread} logons have no number")));
    }
    Some(logons)
}

/// The logons by session of Windows, each session with its own first; a logon of no known session is one by itself.
fn sessions(logons: Vec<Logon>) -> Vec<Vec<Logon>> {
    let mut sessions: BTreeMap<(Option<u64>, u64), Vec<Logon>> = BTreeMap::new();
    for logon in logons {
        let key = (logon.session, if logon.session.is_some() { 0 } else { logon.id });
        sessions.entry(key).or_default().push(logon);
    }
    let mut sessions: Vec<Vec<Logon>> = sessions.into_values().collect();
    for session in &mut sessions {
        session.sort_by(Logon::order);
    }
    sessions
}

/// Whether the process is one of the program `name`.
fn is(row: &Record, name: &str) -> bool {
    row.text("Name").is_some_and(|own| own.eq_ignore_ascii_case(name))
}

/// What shows that there are sessions which the host does not show.
fn signs_of_more(gathered: &Gathered, sessions: &[Vec<Logon>], active: Option<u64>) -> Vec<String> {
    let mut signs = Vec::new();
    if gathered.whole(LOGGED_ON).is_some_and(lacks_system) {
        signs.push(NO_SYSTEM.to_owned());
    }
    if let Some(active) = active.filter(|active| *active > sessions.len() as u64) {
        signs.push(format!("{active} sessions are active, and the host shows {}", sessions.len()));
    }
    let Some(rows) = gathered.whole(PROCESS) else { return signs };
    if !rows.iter().any(|row| is(row, "winlogon.exe")) {
        signs.push("the host shows no winlogon.exe to this account".to_owned());
    }
    let known: BTreeSet<u64> = sessions.iter().flatten().filter_map(|logon| logon.session).collect();
    let desktops: BTreeSet<u64> =
        rows.iter().filter(|row| is(row, "explorer.exe")).filter_map(|row| row.unsigned("SessionId")).collect();
    if let Some(hidden) = desktops.iter().find(|session| !known.contains(session)) {
        signs.push(format!("session {hidden} has a desktop, but the host shows no logon of it"));
    }
    signs
}

/// The state of each of `sessions` sessions, when the number of active ones leaves one possibility: the host does not
/// say which they are.
fn state(active: Option<u64>, sessions: u64) -> Option<&'static str> {
    match active? {
        0 => Some("Inactive"),
        active if active >= sessions => Some("Active"),
        _ => None,
    }
}

fn session(logons: &[Logon], state: Option<&str>) -> Option<Item> {
    let first = logons.first()?;
    let user = first.account.as_ref().map(ToString::to_string);
    let place = match first.session {
        Some(session) => format!("[{session}]"),
        None => format!("[logon {}]", first.id),
    };
    let processes = logons.iter().map(|logon| logon.processes.as_ref().map(BTreeSet::len)).sum::<Option<usize>>();
    let kind = if logons.iter().any(Logon::is_remote) { "remote" } else { "local" };
    let item = Item::new(format!("{} {place}", user.as_deref().unwrap_or("unknown user")))
        .with("User", Unit::None, user)
        .with("Kind", Unit::None, kind)
        .with("LogonType", Unit::None, logon_type(first.kind))
        .with("StartTime", Unit::Timestamp, first.start)
        .with("State", Unit::None, state)
        .with("SessionId", Unit::None, first.session)
        .with("Logons", Unit::Count, logons.len() as u64)
        .with("Processes", Unit::Count, processes.map(|count| count as u64));
    Some(item)
}

#[cfg(test)]
mod tests;

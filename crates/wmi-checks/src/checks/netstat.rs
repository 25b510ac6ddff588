//! The check `netstat`: TCP connections and UDP endpoints with the processes that own them.

use std::borrow::Cow;
use std::collections::{BTreeMap, BTreeSet};

use super::process::program;
use crate::plan::{Gathered, Part, Plan, Select};
use crate::record::Record;
use crate::values::{TCP_STATES, tcp_state};
use crate::{About, Failure, Item, Options, Report, Shape, State, Unit};

const TCP: &str = "netstat";
const UDP: &str = "udpEndpoint";
const PROCESS: &str = "process";
const NAMESPACE: &str = "root/StandardCimv2";

/// As many connections, and as many endpoints, are listed in the native shape; all are counted.
const LISTED: usize = 10_000;

pub(crate) static PLAN: Plan = Plan {
    key: "netstat",
    about: About {
        summary: "TCP connections and UDP endpoints with the programs that own them; not before Windows 8 and Server 2012, and \
                  without programs before 8.1 and 2012 R2",
        rights: "Remote Enable on root/StandardCimv2",
        returns: &[
            ("netstat", "one item per TCP connection, 10,000 at the most"),
            ("netstatState", "the number of TCP connections in each state"),
            ("netstatProcess", "the number of connections and endpoints of each program"),
            ("netstatTotal", "the number of all connections and endpoints"),
            ("udpEndpoint", "one item per UDP endpoint, 10,000 at the most"),
        ],
        unchanged_eol: 0,
    },
    parts: |options| match options.shape {
        Shape::Native => &[CONNECTIONS, ENDPOINTS, PROCESSES],
        Shape::Infrasonar => &[CONNECTIONS, COUNTED_PROCESSES],
    },
    evaluate,
};

const CONNECTIONS: Part = Part::new(
    TCP,
    &[
        Select::all(
            "MSFT_NetTCPConnection",
            &[
                "CreationTime",
                "InstanceID",
                "LocalAddress",
                "LocalPort",
                "OwningProcess",
                "RemoteAddress",
                "RemotePort",
                "State",
            ],
        ),
        // Windows 8 and Server 2012 know neither owners nor times.
        Select::all(
            "MSFT_NetTCPConnection",
            &["InstanceID", "LocalAddress", "LocalPort", "RemoteAddress", "RemotePort", "State"],
        ),
    ],
)
.namespace(NAMESPACE)
.many();

const ENDPOINTS: Part = Part::new(
    UDP,
    &[
        Select::all("MSFT_NetUDPEndpoint", &["CreationTime", "LocalAddress", "LocalPort", OWNER]),
        Select::all("MSFT_NetUDPEndpoint", &["LocalAddress", "LocalPort"]),
    ],
)
.namespace(NAMESPACE)
.many();

const OWNER: &str = "OwningProcess";

const OF_WINDOWS: Select = Select::all("Win32_Process", &["Name", "ProcessId"]);

const OF_COUNTERS: Select = Select {
    class: "Win32_PerfFormattedData_PerfProc_Process",
    columns: &["Name", "IDProcess"],
    condition: "Name != \"_Total\"",
};

const PROCESSES: Part = Part::new(PROCESS, &[OF_WINDOWS, OF_COUNTERS]).many();

const COUNTED_PROCESSES: Part = Part::new(PROCESS, &[OF_COUNTERS, OF_WINDOWS]).many();

fn evaluate(gathered: &mut Gathered, options: &Options, _: &mut State, report: &mut Report) {
    explain_old_hosts(report);
    let is_established = |row: &Record| row.unsigned("State").and_then(tcp_state) == Some("Established");
    if gathered.whole(TCP).is_some_and(|rows| !rows.iter().any(is_established)) {
        let text = "the list may be short: not even the connection over which it was asked for is in it";
        report.warnings.push(Failure::of_values(TCP, text));
    }
    let names = Programs::of(gathered);
    match options.shape {
        Shape::Native => native(gathered, &names, report),
        Shape::Infrasonar => {
            if let Some(rows) = gathered.take_rows(TCP) {
                report.put(TCP, TCP, rows.into_iter().map(|row| infrasonar(&row, &names)).collect());
            }
        }
    }
}

/// Says what a missing class or namespace of connections means.
fn explain_old_hosts(report: &mut Report) {
    const INVALID_NAMESPACE: u32 = 0x8004_100e;
    const INVALID_CLASS: u32 = 0x8004_1010;

    for failure in report.errors.iter_mut().filter(|failure| [TCP, UDP].contains(&failure.part)) {
        if matches!(failure.code, Some(INVALID_NAMESPACE | INVALID_CLASS)) {
            failure.remedy = Some(
                "Windows before 8 and Server 2012 has no such class: leave this check out for such a host".to_owned(),
            );
        }
    }
}

/// The names of the host's programs by process id, as of this round.
///
/// Windows gives ids to new processes soon after old ones ended, so names of an earlier round would be wrong ones.
struct Programs(BTreeMap<u64, String>);

impl Programs {
    fn of(gathered: &Gathered) -> Self {
        let rows = gathered.rows(PROCESS).unwrap_or_default();
        let name = |row: &Record| row.text("Name").map(Cow::into_owned);
        let counted: Vec<(u64, String)> =
            rows.iter().filter_map(|row| row.unsigned("IDProcess").zip(name(row))).collect();
        let all: BTreeSet<&str> = counted.iter().map(|(_, name)| name.as_str()).collect();
        let mut programs: BTreeMap<u64, String> =
            counted.iter().map(|(id, name)| (*id, program(name, &all).to_owned())).collect();
        programs.extend(rows.iter().filter_map(|row| row.unsigned("ProcessId").zip(name(row))));
        Self(programs)
    }

    /// The name, such as `svchost.exe`, or without `.exe` when it is that of counters.
    ///
    /// `None` for process 0: what it is said to own are connections that no process has any more.
    fn native(&self, id: u64) -> Option<&str> {
        self.0.get(&id).filter(|_| id != 0).map(String::as_str)
    }

    /// The name as counters have it, without `.exe`.
    fn infrasonar(&self, id: u64) -> Option<&str> {
        self.0.get(&id).map(|name| name.strip_suffix(".exe").unwrap_or(name))
    }
}

fn infrasonar(row: &Record, names: &Programs) -> Item {
    let owner = row.unsigned("OwningProcess");
    Item::new(row.text("InstanceID").unwrap_or_default())
        .with("CreationTime", Unit::Timestamp, row.unix_seconds("CreationTime").map(whole))
        .with("LocalAddress", Unit::None, row.plain("LocalAddress"))
        .with("LocalPort", Unit::None, row.value("LocalPort"))
        .with("OwningProcess", Unit::None, owner.and_then(|id| names.infrasonar(id)))
        .with("OwningProcessID", Unit::None, row.value("OwningProcess"))
        .with("RemoteAddress", Unit::None, row.plain("RemoteAddress"))
        .with("RemotePort", Unit::None, row.value("RemotePort"))
        .with("State", Unit::None, row.unsigned("State").and_then(tcp_state))
}

/// Seconds without their fraction.
#[allow(clippy::cast_possible_truncation, reason = "seconds of four-digit years")]
fn whole(seconds: f64) -> i64 {
    seconds.trunc() as i64
}

/// What one program has.
#[derive(Default)]
struct Holdings {
    processes: BTreeSet<u64>,
    connections: u64,
    established: u64,
    listening: u64,
    endpoints: u64,
}

fn native(gathered: &Gathered, names: &Programs, report: &mut Report) {
    for (part, item) in [(TCP, connection as fn(&Record, &Programs) -> Item), (UDP, endpoint)] {
        let Some(rows) = gathered.rows(part) else { continue };
        let mut list: Vec<Item> = rows.iter().take(LISTED).map(|row| item(row, names)).collect();
        tell_apart(&mut list, rows);
        report.put(part, part, list);
        if rows.len() > LISTED {
            let text = format!("the first {LISTED} of {} are listed; the counts are of all", rows.len());
            report.warnings.push(Failure::of_values(part, text));
        }
    }
    // Numbers of a list that broke off would be wrong ones.
    let (tcp, udp) = (gathered.whole(TCP), gathered.whole(UDP));
    if let Some(rows) = tcp {
        report.put(TCP, "netstatState", states(rows));
    }
    if tcp.is_none() && udp.is_none() {
        return;
    }
    // Where the host knows no owners, nothing is no program's.
    let owned =
        |rows: Option<&'_ [Record]>| rows.is_some_and(|rows| rows.iter().any(|row| row.columns().contains(&OWNER)));
    if owned(tcp) || owned(udp) {
        report.put(PROCESS, "netstatProcess", programs(tcp, udp, names));
    }
    let number = |rows: Option<&[Record]>| rows.map(|rows| rows.len() as u64);
    let total =
        Item::new("total").with("Connections", Unit::Count, number(tcp)).with("UdpEndpoints", Unit::Count, number(udp));
    report.put(TCP, "netstatTotal", vec![total]);
}

/// `192.0.2.1:443` or `[2001:db8::1]:443`.
fn socket(row: &Record, address: &str, port: &str) -> String {
    let address = row.text(address).unwrap_or_default();
    let port = row.unsigned(port).map_or_else(|| "?".to_owned(), |port| port.to_string());
    if address.contains(':') { format!("[{address}]:{port}") } else { format!("{address}:{port}") }
}

/// Several processes may share a port, and a socket may be bound to what an other listens on: those are told apart by
/// state and process, and several of one process by their age, not by the order in which the host lists them.
fn tell_apart(list: &mut [Item], rows: &[Record]) {
    let mut times: BTreeMap<String, usize> = BTreeMap::new();
    for item in &*list {
        *times.entry(item.name.clone()).or_default() += 1;
    }
    let mut alike: BTreeMap<String, Vec<(Option<u64>, &mut Item)>> = BTreeMap::new();
    for (item, row) in list.iter_mut().zip(rows) {
        if times.get(&item.name).is_none_or(|times| *times < 2) {
            continue;
        }
        if let Some(state) = row.unsigned("State").and_then(tcp_state) {
            item.name = format!("{} {state}", item.name);
        }
        if let Some(id) = row.unsigned(OWNER) {
            item.name = format!("{} [{id}]", item.name);
        }
        let made = row.file_time("CreationTime").map(|made| made.0);
        alike.entry(item.name.clone()).or_default().push((made, item));
    }
    for of_one in alike.values_mut() {
        of_one.sort_by_key(|(made, _)| *made);
        for (number, (_, item)) in (2..).zip(of_one.iter_mut().skip(1)) {
            item.name = format!("{} #{number}", item.name);
        }
    }
}

fn owner(item: Item, row: &Record, names: &Programs) -> Item {
    let id = row.unsigned("OwningProcess");
    item.with("OwningProcess", Unit::None, id.and_then(|id| names.native(id)))
        .with("OwningProcessID", Unit::None, id)
        .with("CreationTime", Unit::Timestamp, row.unix_seconds("CreationTime"))
}

fn connection(row: &Record, names: &Programs) -> Item {
    let (local, remote) = (socket(row, "LocalAddress", "LocalPort"), socket(row, "RemoteAddress", "RemotePort"));
    let state = row.unsigned("State");
    let item = Item::with_room(format!("{local} {remote}"), row.columns().len())
        .with("LocalAddress", Unit::None, row.value("LocalAddress"))
        .with("LocalPort", Unit::None, row.value("LocalPort"))
        .with("RemoteAddress", Unit::None, row.value("RemoteAddress"))
        .with("RemotePort", Unit::None, row.value("RemotePort"))
        .with(
            "State",
            Unit::None,
            state.map(|state| tcp_state(state).map_or_else(|| state.to_string(), str::to_owned)),
        );
    owner(item, row, names)
}

fn endpoint(row: &Record, names: &Programs) -> Item {
    let item = Item::new(socket(row, "LocalAddress", "LocalPort"))
        .with("LocalAddress", Unit::None, row.value("LocalAddress"))
        .with("LocalPort", Unit::None, row.value("LocalPort"));
    owner(item, row, names)
}

/// One item for each state, those without connections included, and one for the states that have no name.
fn states(rows: &[Record]) -> Vec<Item> {
    let mut counts: BTreeMap<&str, u64> = TCP_STATES.iter().map(|(_, name)| (*name, 0)).collect();
    for row in rows {
        *counts.entry(row.unsigned("State").and_then(tcp_state).unwrap_or("Unknown")).or_default() += 1;
    }
    counts.into_iter().map(|(name, count)| Item::new(name).with("Connections", Unit::Count, count)).collect()
}

/// One item for each program, one for each process without a known name, and one for what no process owns.
fn programs(tcp: Option<&[Record]>, udp: Option<&[Record]>, names: &Programs) -> Vec<Item> {
    let mut programs: BTreeMap<String, Holdings> = BTreeMap::new();
    let mut count = |row: &Record, one: &dyn Fn(&mut Holdings)| {
        let id = row.unsigned("OwningProcess").unwrap_or(0);
        let name = match names.native(id) {
            Some(name) => name.to_owned(),
            None if id == 0 => "no process".to_owned(),
            None => format!("process {id}"),
        };
        let holdings = programs.entry(name).or_default();
        if id != 0 {
            holdings.processes.insert(id);
        }
        one(holdings);
    };
    for row in tcp.unwrap_or_default() {
        let state = row.unsigned("State").and_then(tcp_state);
        count(row, &|holdings| {
            holdings.connections += 1;
            holdings.established += u64::from(state == Some("Established"));
            holdings.listening += u64::from(state == Some("Listen"));
        });
    }
    for row in udp.unwrap_or_default() {
        count(row, &|holdings| holdings.endpoints += 1);
    }
    let item = |(name, holdings): (String, Holdings)| {
        let known = |count: u64, rows: Option<&[Record]>| rows.map(|_| count);
        Item::new(name)
            .with("Processes", Unit::Count, holdings.processes.len() as u64)
            .with("Connections", Unit::Count, known(holdings.connections, tcp))
            .with("Established", Unit::Count, known(holdings.established, tcp))
            .with("Listening", Unit::Count, known(holdings.listening, tcp))
            .with("UdpEndpoints", Unit::Count, known(holdings.endpoints, udp))
    };
    programs.into_iter().map(item).collect()
}

#[cfg(test)]
mod tests;

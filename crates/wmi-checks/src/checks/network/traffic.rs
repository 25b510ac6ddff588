//! Traffic of interfaces, TCP and UDP: what is counted, and what two samples of it say.

use std::collections::BTreeMap;

use wmi_proto::cim::CimValue;

use crate::counters::{Column, CounterType, Sample, Why};
use crate::plan::{Gathered, Part, Select};
use crate::record::Record;
use crate::{Failure, Item, Report, Shape, State, Unit, Value};

pub(super) const INTERFACE: &str = "interface";
pub(super) const COOKED_INTERFACE: &str = "interfaceRates";

/// Under which samples of interfaces are kept whose octets have 32 bits, as before Windows 8 and Server 2012.
const INTERFACE_OF_32_BITS: &str = "interface of 32 bits";

/// One of the four protocols with counters of their own.
pub(super) struct Protocol {
    /// The type of its item, whose name is that of the part `raw`.
    kind: &'static str,
    /// Its counters with their moment.
    pub(super) raw: Part,
    /// Its counters as the host makes rates of them.
    pub(super) cooked: Part,
}

const TCP_RAW: &[&str] = &[
    "ConnectionFailures",
    "ConnectionsActive",
    "ConnectionsEstablished",
    "ConnectionsPassive",
    "ConnectionsReset",
    "SegmentsPersec",
    "SegmentsReceivedPersec",
    "SegmentsRetransmittedPersec",
    "SegmentsSentPersec",
    "Frequency_PerfTime",
    "Timestamp_PerfTime",
    "Timestamp_Sys100NS",
];

const TCP_COOKED: &[&str] = &[
    "ConnectionFailures",
    "ConnectionsActive",
    "ConnectionsEstablished",
    "ConnectionsPassive",
    "ConnectionsReset",
    "SegmentsPersec",
    "SegmentsReceivedPersec",
    "SegmentsRetransmittedPersec",
    "SegmentsSentPersec",
];

const UDP_RAW: &[&str] = &[
    "DatagramsNoPortPersec",
    "DatagramsPersec",
    "DatagramsReceivedErrors",
    "DatagramsReceivedPersec",
    "DatagramsSentPersec",
    "Frequency_PerfTime",
    "Timestamp_PerfTime",
    "Timestamp_Sys100NS",
];

const UDP_COOKED: &[&str] = &[
    "DatagramsNoPortPersec",
    "DatagramsPersec",
    "DatagramsReceivedErrors",
    "DatagramsReceivedPersec",
    "DatagramsSentPersec",
];

pub(super) const TCP4: Protocol = Protocol {
    kind: "tcp",
    raw: Part::new("TCPv4", &[Select::all("Win32_PerfRawData_Tcpip_TCPv4", TCP_RAW)]).always(),
    cooked: Part::new("TCPv4Rates", &[Select::all("Win32_PerfFormattedData_Tcpip_TCPv4", TCP_COOKED)]),
};

pub(super) const TCP6: Protocol = Protocol {
    kind: "tcp",
    raw: Part::new("TCPv6", &[Select::all("Win32_PerfRawData_Tcpip_TCPv6", TCP_RAW)]).always(),
    cooked: Part::new("TCPv6Rates", &[Select::all("Win32_PerfFormattedData_Tcpip_TCPv6", TCP_COOKED)]),
};

pub(super) const UDP4: Protocol = Protocol {
    kind: "udp",
    raw: Part::new("UDPv4", &[Select::all("Win32_PerfRawData_Tcpip_UDPv4", UDP_RAW)]).always(),
    cooked: Part::new("UDPv4Rates", &[Select::all("Win32_PerfFormattedData_Tcpip_UDPv4", UDP_COOKED)]),
};

pub(super) const UDP6: Protocol = Protocol {
    kind: "udp",
    raw: Part::new("UDPv6", &[Select::all("Win32_PerfRawData_Tcpip_UDPv6", UDP_RAW)]).always(),
    cooked: Part::new("UDPv6Rates", &[Select::all("Win32_PerfFormattedData_Tcpip_UDPv6", UDP_COOKED)]),
};

/// Whether the state has samples of all four protocols.
pub(super) fn has_samples(state: &State) -> bool {
    [TCP4, TCP6, UDP4, UDP6].iter().all(|protocol| state.samples.has_samples(protocol.raw.name))
}

/// Whether the octets of the host's interfaces have 32 bits. A gigabit in each second wraps those in 34 seconds, and the
/// rate is the host's own then.
pub(super) fn octets_wrap(state: &State) -> bool {
    state.samples.has_samples(INTERFACE_OF_32_BITS)
}

/// Whether a column has 64 bits.
fn is_wide(row: &Record, column: &str) -> bool {
    matches!(row.cim(column), CimValue::Uint64(_))
}

/// Whether the octets of an interface can have wrapped more than once at its speed, if they have 32 bits.
fn may_have_wrapped(row: &Record, before: &Sample, now: &Sample) -> bool {
    let (before, now) = (&before.moment, &now.moment);
    let seconds = || {
        let ticks = now.perf_time?.saturating_sub(before.perf_time?);
        Some(ticks as f64 / now.perf_frequency.filter(|frequency| *frequency > 0)? as f64)
    };
    let octets = seconds().zip(row.unsigned("CurrentBandwidth")).map(|(seconds, bits)| seconds * bits as f64 / 8.0);
    octets.is_none_or(|octets| octets >= 4_294_967_296.0)
}

/// The rates among the columns of a row.
fn rates(row: &Record) -> Vec<Column> {
    let column = |name: &&'static str| {
        if is_wide(row, name) {
            Column::wide(name, CounterType::COUNTER_BULK_COUNT)
        } else {
            Column::narrow(name, CounterType::COUNTER_COUNTER)
        }
    };
    row.columns().iter().filter(|name| name.ends_with("Persec")).map(column).collect()
}

/// The rates of each of `rows` by column, from the samples of the last round, which those of this one replace.
fn cook(key: &str, rows: &[Record], state: &mut State) -> Vec<BTreeMap<String, Result<f64, Why>>> {
    let name = |row: &Record| row.text("Name").unwrap_or_default().into_owned();
    let read = |row: &Record| Sample::read(&rates(row), |column| row.cim(column));
    let now: Vec<(String, Sample)> = rows.iter().map(|row| (name(row), read(row))).collect();
    let earlier = state.samples.replace(key, now.clone());
    let one = |(row, (name, sample)): (&Record, &(String, Sample))| {
        let columns = rates(row);
        let before = earlier.of(name);
        let cooked = columns.iter().zip(sample.cook(&columns, before)).map(|(column, rate)| {
            let counts_octets = column.name.starts_with("Bytes") && !column.counter.wide;
            let is_doubtful = matches!(rate, Ok(_) | Err(Why::WentBack))
                && counts_octets
                && before.is_ok_and(|before| may_have_wrapped(row, before, sample));
            (column.name.to_string(), if is_doubtful { Err(Why::MayHaveWrapped) } else { rate })
        });
        cooked.collect()
    };
    rows.iter().zip(&now).map(one).collect()
}

/// Adds the types `tcp` and `udp`.
pub(super) fn protocols(gathered: &Gathered, shape: Shape, state: &mut State, report: &mut Report) {
    for kind in ["tcp", "udp"] {
        let of_kind = [TCP4, TCP6, UDP4, UDP6].into_iter().filter(|protocol| protocol.kind == kind);
        let items: Vec<Item> = of_kind.filter_map(|protocol| protocol.item(gathered, shape, state, report)).collect();
        if !items.is_empty() {
            report.put(kind, kind, items);
        }
    }
}

impl Protocol {
    /// Its item; `None` when the host told nothing of it.
    fn item(&self, gathered: &Gathered, shape: Shape, state: &mut State, report: &mut Report) -> Option<Item> {
        let part = self.raw.name;
        let raw = gathered.rows(part).and_then(<[Record]>::first);
        let host = gathered.rows(self.cooked.name).and_then(<[Record]>::first);
        let rates = raw.map(|raw| cook(part, core::slice::from_ref(raw), state)).and_then(|mut rates| rates.pop());
        let row = raw.or(host)?;
        let mut item = Item::new(part);
        let mut missing = None;
        for &column in self.cooked.selects.first()?.columns {
            item = match rates.as_ref().and_then(|rates| rates.get(column)) {
                Some(rate) => {
                    let rate = rate.ok().or_else(|| host?.cim(column).as_f64());
                    if rate.is_none() {
                        missing = rates.as_ref().and_then(|rates| rates.get(column)?.err()).or(missing);
                    }
                    item.with(column, Unit::PerSecond, shaped(rate, shape))
                }
                None if column.ends_with("Persec") => {
                    item.with(column, Unit::PerSecond, shaped(row.cim(column).as_f64(), shape))
                }
                None => item.with(column, Unit::Count, row.value(column)),
            };
        }
        if let Some(why) = missing {
            report.warnings.push(Failure::of_values(part, format!("no rates: {why}")));
        }
        Some(item)
    }
}

/// A rate as it is, or as the whole number that InfraSonar has.
#[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "saturates")]
fn shaped(rate: Option<f64>, shape: Shape) -> Value {
    match shape {
        Shape::Native => rate.into(),
        Shape::Infrasonar => rate.map(|rate| rate.round_ties_even() as u64).into(),
    }
}

/// The interfaces: in the native shape what they counted since the start of the host and its rates, in the other one
/// the host's own rates.
pub(super) fn interfaces(
    rows: &[Record],
    gathered: &Gathered,
    shape: Shape,
    state: &mut State,
    report: &mut Report,
) -> Vec<Item> {
    let name = |row: &Record| row.text("Name").unwrap_or_default().into_owned();
    if shape == Shape::Infrasonar {
        let item = |row: &Record| {
            let columns = row.columns().iter().filter(|column| **column != "Name");
            columns.fold(Item::new(name(row)), |item, &column| item.with(column, unit_of(column), row.value(column)))
        };
        return rows.iter().map(item).collect();
    }
    // Of a name that two have nobody knows whose figures are whose.
    let mut host: BTreeMap<String, Option<&Record>> = BTreeMap::new();
    for row in gathered.rows(COOKED_INTERFACE).unwrap_or_default() {
        host.entry(name(row)).and_modify(|several| *several = None).or_insert(Some(row));
    }
    let octets = ["BytesReceivedPersec", "BytesSentPersec"];
    let is_narrow = |row: &Record| octets.iter().any(|column| matches!(row.cim(column), CimValue::Uint32(_)));
    let keys = [INTERFACE, INTERFACE_OF_32_BITS];
    let [key, other] = if rows.iter().any(is_narrow) { [keys[1], keys[0]] } else { keys };
    let cooked = cook(key, rows, state);
    state.samples.forget(other);
    let mut missing = BTreeMap::new();
    let mut items = Vec::with_capacity(rows.len());
    for (row, rates) in rows.iter().zip(&cooked) {
        let mut item = Item::new(name(row));
        for (total, column) in [
            ("BytesReceived", "BytesReceivedPersec"),
            ("BytesSent", "BytesSentPersec"),
            ("PacketsReceived", "PacketsReceivedPersec"),
            ("PacketsSent", "PacketsSentPersec"),
        ] {
            let rate = rates.get(column).copied().unwrap_or(Err(Why::NoValue));
            let shown = rate.ok().or_else(|| host.get(&name(row)).copied()??.cim(column).as_f64());
            if let (None, Err(why)) = (shown, rate) {
                missing.insert(why.to_string(), name(row));
            }
            let unit = if total.starts_with("Bytes") { Unit::Bytes } else { Unit::Count };
            // What wraps is no number since the start of the host.
            let counted = row.unsigned(column).filter(|_| is_wide(row, column));
            item = item.with(total, unit, counted).with(column, unit_of(column), shown);
        }
        for column in [
            "PacketsReceivedDiscarded",
            "PacketsReceivedErrors",
            "PacketsOutboundDiscarded",
            "PacketsOutboundErrors",
            "OutputQueueLength",
            "CurrentBandwidth",
        ] {
            item = item.with(column, unit_of(column), row.value(column));
        }
        items.push(item);
    }
    for (why, name) in missing {
        report.warnings.push(Failure::of_values(INTERFACE, format!("no rates of {name}: {why}")));
    }
    items
}

fn unit_of(column: &str) -> Unit {
    match column {
        "CurrentBandwidth" => Unit::BitsPerSecond,
        _ if column.starts_with("Bytes") => Unit::BytesPerSecond,
        _ if column.ends_with("Persec") => Unit::PerSecond,
        _ => Unit::Count,
    }
}

//! The check `network`: adapters, addresses, interfaces, routes, and the traffic of TCP and UDP.

use std::borrow::Cow;
use std::collections::BTreeMap;

use self::routes::{Route, family, prefix, short_names};
use self::traffic::INTERFACE;
use crate::plan::{Gathered, Plan};
use crate::record::Record;
use crate::values::{
    LAST_OLD_DEVICE_PROBLEM, connection_status, device_problem, route_protocol, route_protocol_of_windows, route_type,
};
use crate::{About, Check, Item, Options, Reads, Report, Round, Shape, State, Unit, Value};

mod parts;
mod routes;
mod traffic;

pub(super) const KEY: &str = "network";

const CONFIGURATION: &str = "adapterConfiguration";
const ADAPTER: &str = "adapter";
const ROUTE: &str = "route";

/// The check `network`.
///
/// Rates come from the raw sample that the state brings along; without one the host is asked for its own rates, too.
pub(crate) struct Network;

const ABOUT: About = About {
    summary: "network adapters and their configuration, addresses and routes; traffic of interfaces, TCP and UDP",
    rights: "Performance Monitor Users, for interface, tcp and udp",
    returns: &[
        ("adapter", "every adapter with its connection's status, speed and problem"),
        ("adapterConfiguration", "the IP configuration of every adapter"),
        ("address", "every IPv4 and IPv6 address"),
        ("interface", "octets and packets of every interface, and their rates"),
        ("route", "every IPv4 route"),
        ("tcp", "connections and segments of TCP over IPv4 and IPv6"),
        ("udp", "datagrams of UDP over IPv4 and IPv6"),
    ],
    unchanged_eol: 0,
};

/// A round without a sample.
pub(super) static FIRST: Plan = Plan { key: KEY, about: ABOUT, parts: parts::first, evaluate };
/// A round with one.
pub(super) static LATER: Plan = Plan { key: KEY, about: ABOUT, parts: parts::later, evaluate };

impl Check for Network {
    fn key(&self) -> Cow<'static, str> {
        KEY.into()
    }

    fn about(&self) -> &'static About {
        &LATER.about
    }

    fn reads(&self, options: &Options) -> Vec<Reads> {
        (&FIRST).reads(options)
    }

    fn begin(&self, options: &Options, state: State) -> Box<dyn Round> {
        let plan = if traffic::has_samples(&state) { &LATER } else { &FIRST };
        plan.begin(options, state)
    }
}

fn evaluate(gathered: &mut Gathered, options: &Options, state: &mut State, report: &mut Report) {
    let shape = options.shape;
    let configurations = gathered.rows(CONFIGURATION).unwrap_or_default();
    if gathered.rows(CONFIGURATION).is_some() {
        let item = match shape {
            Shape::Native => native_configuration,
            Shape::Infrasonar => infrasonar_configuration,
        };
        report.put(CONFIGURATION, CONFIGURATION, configurations.iter().map(item).collect());
        if shape == Shape::Native {
            report.put(CONFIGURATION, "address", configurations.iter().flat_map(addresses).collect());
        }
    }
    let by_interface = by_interface(configurations, |row| text(row, "Caption"));
    let adapters = gathered.rows(ADAPTER).unwrap_or_default();
    if gathered.rows(ADAPTER).is_some() {
        let item = |row| adapter(row, shape, row_of(row, &by_interface));
        report.put(ADAPTER, ADAPTER, adapters.iter().map(item).collect());
    }
    if let Some(rows) = gathered.rows(INTERFACE) {
        let items = traffic::interfaces(rows, gathered, shape, state, report);
        report.put(INTERFACE, INTERFACE, items);
    }
    if let Some(rows) = gathered.rows(ROUTE) {
        let by_interface = self::by_interface(adapters, adapter_name);
        report.put(ROUTE, ROUTE, routes(rows, shape, &by_interface));
    }
    traffic::protocols(gathered, shape, state, report);
}

fn text(row: &Record, column: &str) -> String {
    row.text(column).unwrap_or_default().into_owned()
}

/// What `name` says of each row, by its InterfaceIndex.
fn by_interface(rows: &[Record], name: fn(&Record) -> String) -> BTreeMap<u64, String> {
    rows.iter().filter_map(|row| Some((row.unsigned("InterfaceIndex")?, name(row)))).collect()
}

fn row_of<'a>(row: &Record, names: &'a BTreeMap<u64, String>) -> Option<&'a str> {
    names.get(&row.unsigned("InterfaceIndex")?).map(String::as_str)
}

fn infrasonar_configuration(row: &Record) -> Item {
    let mut item = Item::with_room(text(row, "Caption"), row.columns().len());
    for &column in parts::CONFIGURATION_COLUMNS.iter().filter(|column| **column != "Caption") {
        item = match column {
            // An adapter without a lease has no moments of one; InfraSonar leaves them out.
            "DHCPLeaseExpires" | "DHCPLeaseObtained" => match row.unix_seconds(column) {
                Some(moment) => item.with(column, Unit::Timestamp, whole(moment)),
                None => item,
            },
            _ => item.with(column, Unit::None, row.plain(column)),
        };
    }
    item
}

/// Seconds without their fraction.
#[allow(clippy::cast_possible_truncation, reason = "seconds of four-digit years")]
fn whole(seconds: f64) -> i64 {
    seconds.trunc() as i64
}

fn native_configuration(row: &Record) -> Item {
    let mut item = Item::with_room(text(row, "Caption"), row.columns().len());
    for &column in parts::NATIVE_CONFIGURATION_COLUMNS {
        item = match column {
            "Caption" | "IPAddress" | "IPSubnet" => item,
            "DHCPLeaseExpires" | "DHCPLeaseObtained" => item.with(column, Unit::Timestamp, row.unix_seconds(column)),
            _ => item.with(column, Unit::None, row.value(column)),
        };
    }
    item
}

/// The addresses of an adapter: of IPv4 with masks, of IPv6 with the length of prefixes, in parallel lists.
fn addresses(row: &Record) -> Vec<Item> {
    let (addresses, masks) = (row.cim("IPAddress"), row.cim("IPSubnet"));
    let (addresses, masks) = (addresses.as_array().unwrap_or_default(), masks.as_array().unwrap_or_default());
    let interface = row.unsigned("InterfaceIndex");
    let one = |(at, address): (usize, &wmi_proto::cim::CimValue)| {
        let address = address.as_str()?;
        let mask = masks.get(at).and_then(|mask| mask.as_str());
        let place = interface.map_or_else(String::new, |index| format!(" [{index}]"));
        let item = Item::new(format!("{address}{place}"))
            .with("Address", Unit::None, &*address)
            .with("Family", Unit::None, family(&address))
            .with("PrefixLength", Unit::None, mask.and_then(|mask| prefix(&mask)))
            .with("AdapterConfig", Unit::None, row.value("Caption"))
            .with("InterfaceIndex", Unit::None, interface);
        Some(item)
    };
    addresses.iter().enumerate().filter_map(one).collect()
}

/// What Plug and Play calls the adapter; what is no device of it is called by its product and interface.
fn adapter_name(row: &Record) -> String {
    let id = text(row, "PNPDeviceID");
    if !id.is_empty() {
        return id;
    }
    let name = Some(text(row, "ProductName")).filter(|name| !name.is_empty()).unwrap_or_else(|| ADAPTER.to_owned());
    match row.unsigned("InterfaceIndex") {
        Some(index) => format!("{name} [{index}]"),
        None => name,
    }
}

/// The speed in bits per second; `None` for the largest numbers of 63 and 64 bits, which drivers give when the line is
/// down.
fn speed(row: &Record) -> Option<u64> {
    row.unsigned("Speed").filter(|speed| ![u64::MAX, u64::MAX >> 1].contains(speed))
}

fn adapter(row: &Record, shape: Shape, configuration: Option<&str>) -> Item {
    let native = shape == Shape::Native;
    let mut item = Item::with_room(adapter_name(row), row.columns().len() + 4);
    for &column in parts::ADAPTER_COLUMNS.iter().filter(|column| **column != "PNPDeviceID") {
        item = match column {
            // A host that says nothing of these has not said that a line is down or a device works.
            "NetConnectionStatus" => item.with(column, Unit::None, row.unsigned(column).map(connection_status)),
            "ConfigManagerErrorCode" => item.with(column, Unit::None, row.value(column)),
            "Speed" if native || row.unsigned(column).is_some() => item.with(column, Unit::BitsPerSecond, speed(row)),
            "Speed" => item.with(column, Unit::BitsPerSecond, row.plain(column)),
            _ if native => item.with(column, Unit::None, row.value(column)),
            _ => item.with(column, Unit::None, row.plain(column)),
        };
    }
    let problem = row.unsigned("ConfigManagerErrorCode");
    let problem = problem.filter(|code| native || *code <= LAST_OLD_DEVICE_PROBLEM).and_then(device_problem);
    item.with("AdapterConfig", Unit::None, configuration).with("ConfigManagerErrorMsg", Unit::None, problem)
}

fn routes(rows: &[Record], shape: Shape, adapters: &BTreeMap<u64, String>) -> Vec<Item> {
    let identity = |row: &Record| Route {
        destination: text(row, "Destination"),
        interface: row.unsigned("InterfaceIndex"),
        metric: row.unsigned("Metric1"),
        mask: text(row, "Mask"),
        next_hop: text(row, "NextHop"),
    };
    let identities: Vec<Route> = rows.iter().map(identity).collect();
    let names = match shape {
        Shape::Native => identities.iter().map(Route::long).collect(),
        Shape::Infrasonar => short_names(&identities),
    };
    let value = |row: &Record, column| match shape {
        Shape::Native => row.value(column),
        Shape::Infrasonar => row.plain(column),
    };
    // A number without a name is told as it is, but for InfraSonar, which has names only.
    let named = |row: &Record, column, name: fn(u64) -> Option<&'static str>| {
        let number = row.unsigned(column);
        let unnamed = || number.filter(|_| shape == Shape::Native).map(|number| number.to_string());
        number.and_then(name).map(str::to_owned).or_else(unnamed)
    };
    let protocol = match shape {
        Shape::Native => route_protocol_of_windows,
        Shape::Infrasonar => route_protocol,
    };
    let item = |(name, row): (String, &Record)| {
        Item::new(name)
            .with("Destination", Unit::None, value(row, "Destination"))
            .with("InterfaceIndex", Unit::None, value(row, "InterfaceIndex"))
            .with("Mask", Unit::None, value(row, "Mask"))
            .with("NextHop", Unit::None, value(row, "NextHop"))
            .with("Metric", Unit::None, value(row, "Metric1"))
            .with("Protocol", Unit::None, named(row, "Protocol", protocol))
            .with("Type", Unit::None, named(row, "Type", route_type))
            .with("Adapter", Unit::None, row_of(row, adapters).map_or(Value::Null, Value::from))
    };
    names.into_iter().zip(rows).map(item).collect()
}

#[cfg(test)]
mod tests;
